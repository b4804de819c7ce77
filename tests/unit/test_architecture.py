"""The page about the architecture is what the code is."""

from scripts import architecture


def test_the_page_is_made_from_the_code() -> None:
    assert architecture.page() == architecture.PAGE.read_text(), "run: make architecture"


def test_the_picture_draws_no_arrow_twice_and_no_circle() -> None:
    drawn = architecture.drawn(architecture.arrows())

    def below(room: str) -> set[str]:
        return drawn[room].union(*map(below, drawn[room]))

    assert all(room not in below(room) for room in drawn)
    for room, tos in drawn.items():
        assert not [to for to in tos if any(to in below(via) for via in tos - {to})], room
