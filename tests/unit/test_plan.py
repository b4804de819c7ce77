"""A plan in the eyes of the person who decides: its parts, and all that a yes covers."""

from tests.support.builders import a_release, a_release_plan, a_whole_plan


def test_the_parts_of_a_plan_name_every_document_and_value_the_pace_and_the_alarm_that_cancels() -> None:
    plan = a_whole_plan()
    assert plan.verify is not None
    said = plan.parts

    for step in (*plan.commands, plan.verify, *plan.rollback):
        (values,) = step.parameters.values()
        assert [part for part in said if step.sends in part and values[0] in part], step.step_id
    assert said[-2:] == [
        "acts on 1 hosts at a time, and ends after 0 failures",
        "cancelled if the alarm checkout-errors fires",
    ]


def test_the_parts_of_a_release_say_its_words_and_the_request_itself() -> None:
    request = {"Revision": {"S3Location": {"Key": "shop.zip", "Version": "41"}}, "Enabled": False}
    plan = a_release_plan(steps=[a_release(request=request, stop=True)])

    assert plan.parts == [
        "roll-back (act): from s3://releases/shop.zip (42) back to s3://releases/shop.zip (41);"
        " the release that goes out now is stopped first",
        "roll-back requests: {Enabled=false;Revision={S3Location={Key=shop.zip;Version=41}}}",
    ]


def test_a_yes_covers_each_command_with_all_that_is_sent() -> None:
    plan = a_whole_plan()
    first = plan.covers[0]

    assert first.startswith("{document=firstline-low-disk-rotate-logs;document_hash=000")
    assert first.endswith(
        "parameters={path=/var/log};step_id=rotate-logs;through=ssm;timeout_seconds=60}"
        "{errors=0;guard=checkout-errors;on={instance_id=i-0123456789abcdef0;name=web-1}|"
        "{instance_id=i-0123456789abcdef1;name=web-2};pace=1}"
    )
    assert len(plan.covers) == 8, "each of the four commands as this release asks, and as the one before does"
    assert "firstline-low-disk-start:1 path=/srv/start i-0123456789abcdef0,i-0123456789abcdef1" in plan.covers
