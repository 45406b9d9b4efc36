"""Drawings become part of the page, so that they take its colours.

A drawing has its own styles for where it is shown alone, and perhaps a title and a
description. On a page these are left out: ``stylesheets/site.css`` has the styles of
both themes, and the page describes the drawing. Some drawings come with the package,
from ``../rnnbench/plugins/teach/drawings``.
"""

import re
from html import escape, unescape
from pathlib import Path
from typing import Any

IMAGE = re.compile(
    r'<p><img alt="(?P<alt>[^"]*)" '
    r'src="(?P<file>(images|repository)/[\w/-]+\.svg)"\s*/?></p>'
)
LEFT_OUT = re.compile(r"\s*<(style|title|desc)>.*?</\1>", re.DOTALL)
ROOT = Path(__file__).parents[2]


def on_page_content(html: str, **_: Any) -> str:
    """Put drawings in the place of links to them."""
    return IMAGE.sub(_figure, html)


def _figure(match: re.Match[str]) -> str:
    folder, _, name = match["file"].partition("/")
    file = ROOT / "docs" / match["file"]
    if folder == "repository":
        file = ROOT / name
    drawing = LEFT_OUT.sub("", file.read_text()).strip()
    label = escape(unescape(match["alt"]))
    svg = f'<svg class="drawing" role="img" aria-label="{label}" '
    return f"<figure data-search-exclude>{drawing.replace('<svg ', svg, 1)}</figure>"
