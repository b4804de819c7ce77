"""Templates of alerts: the words that are left when numbers, hosts and names are masked."""

import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firstline.classification.templates import MAX_CHARS, MAX_TEMPLATE_CHARS, family, mask, template_of, words_of
from firstline.models import Incident

NUMBERS = st.one_of(
    st.integers(min_value=0, max_value=10**12).map(str),
    st.floats(min_value=0, max_value=1e6).map(lambda number: f"{number:.2f}"),
    st.integers(min_value=0, max_value=100).map(lambda number: f"{number}%"),
    st.integers(min_value=0, max_value=100).map(lambda number: f"{number} percent"),
    st.integers(min_value=1, max_value=900).map(lambda number: f"{number}ms"),
    st.integers(min_value=1, max_value=90).map(lambda number: f"{number} minutes"),
    st.integers(min_value=1, max_value=900).map(lambda number: f"{number} GiB"),
    st.from_regex(r"\d{1,2}h\d{1,2}m", fullmatch=True),
    st.from_regex(r"v?\d{1,3}\.\d{1,3}\.\d{1,3}(-rc\d)?", fullmatch=True),
)
IDS = st.one_of(
    st.uuids().map(str),
    st.from_regex(r"(i|vol|sg|eni)-[0-9a-f]{8,17}", fullmatch=True),
    st.from_regex(r"0x[0-9a-f]{6,16}", fullmatch=True),
    st.from_regex(r"[0-9a-f]{4}[0-9][0-9a-f]{7,35}", fullmatch=True),
    st.from_regex(r"req-[a-z]{2}[0-9][0-9a-z]{4,12}", fullmatch=True),
    st.from_regex(r"arn:aws:sqs:eu-west-1:\d{12}:[a-z-]{3,20}", fullmatch=True),
    st.from_regex(r"[a-z]{3,12}-[0-9][0-9a-f]{5,9}-[a-z0-9]{4}[0-9]", fullmatch=True),
)
HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str),
    st.ip_addresses(v=4).map(lambda address: f"{address}:9100"),
    st.ip_addresses(v=6).map(lambda address: f"[{address}]:443"),
    st.from_regex(r"[a-z]{2,10}-?[a-z]{1,10}\.prod\.example\.com", fullmatch=True),
    st.from_regex(r"ip-10-\d{1,3}-\d{1,3}-\d{1,3}\.ec2\.internal", fullmatch=True),
)
TIMES = st.one_of(
    st.datetimes().map(lambda moment: moment.strftime("2026-%m-%dT%H:%M:%SZ")),
    st.datetimes().map(lambda moment: moment.strftime("2026-%m-%d %H:%M:%S.%f")),
    st.datetimes().map(lambda moment: moment.strftime("%d/%m/26 %H:%M:%S")),
    st.datetimes().map(lambda moment: moment.strftime("%b %d %H:%M:%S")),
    st.datetimes().map(lambda moment: moment.strftime("%H:%M:%S")),
)
PATHS = st.from_regex(r"(/[a-zA-Z0-9_.-]{1,12}){1,6}", fullmatch=True)
QUOTED = st.from_regex(r"(\"[a-zA-Z0-9_-]{1,20}\"|'[a-zA-Z0-9_-]{1,20}')", fullmatch=True)


@given(NUMBERS, HOSTS, TIMES, PATHS, QUOTED, IDS)
def test_numbers_hosts_times_paths_and_ids_do_not_change_a_template(
    number: str, host: str, moment: str, path: str, quoted: str, name: str
) -> None:
    text = f"Volume {path} on {host} is {number} full since {moment}, tenant {quoted}, request {name} failed"
    masked = "volume <path> on <host> is <n> full since <time> tenant <value> request <n> failed"
    assert mask(text) == masked


def test_an_address_that_begins_like_a_clock_is_an_address() -> None:
    assert mask("peer 0:100:: lost at 10:30:07") == "peer <host> lost at <time>"


@given(st.text(max_size=400))
def test_masking_a_masked_text_again_changes_nothing(text: str) -> None:
    assert mask(mask(text)) == mask(text)
    assert family(family(text)) == family(text)


@given(st.lists(st.sampled_from('aZß9 0.:-_/"<>n\\%@[]é磁\u200bİ٣²'), max_size=200).map("".join))
def test_masking_a_masked_text_of_confusing_signs_again_changes_nothing(text: str) -> None:
    assert mask(mask(text)) == mask(text)


@given(st.text(max_size=9_000))
def test_a_template_is_bounded_and_on_one_line(text: str) -> None:
    masked = mask(text)
    assert len(masked) <= MAX_TEMPLATE_CHARS
    assert masked == " ".join(masked.split())


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("CPU 93% for 5m on i-0abc1234def567890", "cpu <n> for <n> on <n>"),
        ("web-1, web-2 and web-3 are down", "<n> and <n> are down"),
        ("web-1, web-2, web-3, web-4 are down", "<n> are down"),
        ("'timeout' after \"Connection refused by peer\"", "<value> after connection refused by peer"),
        ("I/O error, read/write at 0/3 replicas", "i o error read write at <n> replicas"),
        ("don't panic, it's fine", "don t panic it s fine"),
        ("user ada@example.com failed 3 times", "user <host> failed <n> times"),
        ("GET https://shop.example.com/cart?id=7 gave 5xx", "get <url> gave 5xx"),
        ("Ünïcode ＦＵＬＬ 磁盘空间不足 95%", "unicode full 磁盘空间不足 <n>"),
        ("KubePodCrashLooping in nodeMemory", "kube pod crash looping in node memory"),
        ("pass\u200bword", "password"),
        ("C:\\temp\\app.log grows", "<path> grows"),
        ("::ffff:10.1.2.3 and [2001:db8::1]:443 and fe80::1%eth0 refuse", "<host> and <host> and <host> refuse"),
        ("disk / is full", "disk <path> is full"),
        ("", ""),
    ],
)
def test_a_text_is_masked_to_its_template(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("HighCpu-i-0abc1234def567890", "high_cpu_2", "High CPU web1"), "high cpu"),
        (("HTTP5xxErrors",), "http 5xx errors"),
        (("EC2StatusCheckFailed",), "ec2 status check failed"),
        (("payments-api-latency", "payments.api.latency"), "payments api latency"),
        (("12345", "7"), "<n>"),
    ],
)
def test_names_that_differ_in_a_number_are_one_family(names: tuple[str, ...], words: str) -> None:
    assert {family(name) for name in names} == {words}


@pytest.mark.parametrize("host", ["mail-relay", "lonely", "10.2.3.4", "web-17"])
def test_the_alerts_own_host_is_masked_whatever_it_is_called(incident: Callable[..., Incident], host: str) -> None:
    alert = incident(
        alert_name=f"DiskFull-{host}", message=f"{host} has no space left", host=host, labels={"pod": "quiet"}
    ).alert
    assert template_of(alert) == "disk full: <host> has no space left"


def test_the_words_of_a_template_are_without_placeholders() -> None:
    assert words_of("disk full: <host> has <n> left") == ("disk", "full", "has", "left")


def test_hostile_text_costs_no_more_than_honest_text() -> None:
    """Mask texts that would take hours if a pattern backtracked; they take milliseconds of CPU time."""
    begin = time.process_time()
    for unit in (
        "a-",
        "1:",
        "a",
        "'",
        '"',
        "/",
        "/a",
        "::",
        "1.",
        "a.",
        "_",
        "-+",
        "<",
        "ﷺ",
        "a_-",
        "x@",
        "jan ",
        "1 m",
    ):
        mask((unit * MAX_CHARS)[:MAX_CHARS])
        family((unit * MAX_CHARS)[:MAX_CHARS])
    assert time.process_time() - begin < 10
