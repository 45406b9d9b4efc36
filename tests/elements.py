"""The elements of an HTML page, and the texts of a plot."""

from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = ("meta", "br", "img", "link", "wbr", "hr", "input")
"""Tags of elements that have no end."""


class Elements(HTMLParser):
    """Collects ids, links and what a browser would load; checks that tags are closed.

    The ``links`` are those of the navigation, the ``others`` those of the rest of the
    page.
    """

    def __init__(self, page):
        super().__init__()
        self.loaded = []
        self.ids = []
        self.links = []
        self.others = []
        self.addresses = []
        self.tags = []
        self.open = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        links = self.links if "nav" in self.open else self.others
        for name, value in attrs:
            if name in ("src", "data", "poster") or (
                name == "href" and tag in ("link", "use", "image")
            ):
                self.loaded.append(value)
            elif name == "href" and tag == "a":
                links.append(value)
            elif name == "id":
                self.ids.append(value)
            if "://" in (value or ""):
                self.addresses.append(name)
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag


def texts_of(plot):
    """Return all texts in the SVG of a plot."""
    root = ElementTree.fromstring(plot.svg)  # noqa: S314 - drawn here
    return [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
