"""The console's pages as a browser reads them."""

from html.parser import HTMLParser

from firstline.models import IncidentRecord
from tests.unit.console.shelf import Shelf

EVIL = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&lt;{{7*7}}{% raw %}<style>*{display:none}</style>"


class ReadPage(HTMLParser):
    """A page as a browser reads it: its elements, their attributes, its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.elements: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.feed(html)

    @property
    def decisions(self) -> list[str | None]:
        """Return the values of the buttons that decide a plan."""
        return [value for _, name, value in self.attributes if name == "value" and value in ("approve", "refuse")]

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]

    def handle_data(self, data: str) -> None:
        if "main" in self.elements or "html" not in self.elements:
            self.text += data


def read_incident(record: IncidentRecord, part: str = "", name: str = "ada", shelf: Shelf | None = None) -> ReadPage:
    shelf = shelf or Shelf(record)
    answer = shelf.see(f"/console/incidents/{record.incident.incident_id}{part}", shelf.session(name))
    assert answer["statusCode"] == 200
    return ReadPage(answer["body"])


def in_order(page: ReadPage, *says: str) -> None:
    places = [page.text.find(text) for text in says]
    assert -1 not in places, says[places.index(-1)]
    assert places == sorted(places)
