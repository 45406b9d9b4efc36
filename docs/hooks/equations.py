"""LaTeX becomes MathML, which browsers show by themselves, without a script."""

import re
from html import unescape
from typing import Any

from latex2mathml.converter import convert

INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
BLOCK = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_page_content(html: str, **_: Any) -> str:
    """Put MathML in the place of LaTeX."""
    html = INLINE.sub(lambda match: convert(unescape(match[1])), html)
    return BLOCK.sub(_block, html)


def _block(match: re.Match[str]) -> str:
    equation = convert(unescape(match[1].strip()), display="block")
    return f'<div class="equation">{equation}</div>'
