"""Drawings become part of the page, so that they take its colours.

A drawing has styles of its own for wherever it stands alone. On a page they are left out, and
``stylesheets/site.css`` has those of both themes.
"""

import re
from html import escape, unescape
from pathlib import Path
from typing import Any

IMAGE = re.compile(r'<p><img alt="(?P<alt>[^"]*)" src="(?P<file>images/[\w-]+\.svg)"\s*/?></p>')
STYLE = re.compile(r"\s*<style>.*?</style>", re.DOTALL)
FOLDER = Path(__file__).parents[1]


def on_page_content(html: str, **_: Any) -> str:
    """Put drawings in the place of links to them."""
    return IMAGE.sub(_figure, html)


def _figure(found: re.Match[str]) -> str:
    drawing = STYLE.sub("", (FOLDER / found["file"]).read_text()).strip()
    label = f'<svg class="drawing" role="img" aria-label="{escape(unescape(found["alt"]))}" '
    return f"<figure data-search-exclude>{drawing.replace('<svg ', label, 1)}</figure>"
