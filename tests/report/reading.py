"""Reads a page, or a piece of one, as a browser does."""

import re
from html.parser import HTMLParser

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """What a page holds; refuses elements that do not nest.

    Attributes
    ----------
    elements : list of (name, attributes)
    text : str
        Without styles.
    """

    def __init__(self, page):
        super().__init__(convert_charrefs=True)
        self.elements, self.pieces, self.open = [], [], []
        self.feed(page)
        self.close()
        assert not self.open, f"left open: {self.open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if "style" not in self.open:
            self.pieces.append(data)

    @property
    def text(self):
        return "".join(self.pieces)

    def named(self, tag):
        """Return the attributes of all elements of that name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self):
        return [a["id"] for _, a in self.elements if "id" in a]

    def pointed_at(self):
        """Return the ids that attributes refer to."""
        values = [v or "" for _, a in self.elements for v in a.values()]
        links = [
            a[k] for _, a in self.elements for k in ("href", "xlink:href") if a.get(k, "").startswith("#")
        ]
        labels = [name for _, a in self.elements for name in a.get("aria-labelledby", "").split()]
        return (
            {link[1:] for link in links} | set(labels) | set(re.findall(r"url\(#([^)]*)\)", " ".join(values)))
        )

    def addresses(self):
        """Return what the page would have to fetch."""
        found = [a[k] for _, a in self.elements for k in ("src", "href", "xlink:href", "data") if k in a]
        return [a for a in found if not a.startswith(("#", "data:"))]
