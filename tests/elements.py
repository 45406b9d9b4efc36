"""The elements of an HTML page, and the texts of a plot."""

from html.parser import HTMLParser
from xml.etree import ElementTree

VOID = ("meta", "br", "img", "link", "wbr", "hr", "input")
"""Tags of elements that have no end."""


class Elements(HTMLParser):
    """Collects ids, links and all that a browser would load; checks that tags are
    closed.

    The ``links`` are those of the navigation, the ``others`` those of the rest of the
    page.
    """

    def __init__(self, page):
        super().__init__()
        self.loaded, self.ids, self.links, self.open = [], [], [], []
        self.others, self.addresses, self.tags = [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        loads = ("src", "data", "poster") + (
            ("href",) if tag in ("link", "use", "image") else ()
        )
        self.loaded += [value for name, value in attrs if name in loads]
        self.ids += [value for name, value in attrs if name == "id"]
        links = self.links if "nav" in self.open else self.others
        links += [value for name, value in attrs if (tag, name) == ("a", "href")]
        self.addresses += [name for name, value in attrs if "://" in (value or "")]
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
