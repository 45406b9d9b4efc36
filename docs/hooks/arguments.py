"""The arguments of ``run`` and ``choose`` on the page ``api.md``."""

from typing import Any

from rnnbench.request import ChoiceRequest, RunRequest, meanings


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put lists of the arguments in the places that are marked for them."""
    for request in (RunRequest, ChoiceRequest):
        given = [f"- `{name}`: {text}" for name, text in meanings(request).items()]
        markdown = markdown.replace(f"<!-- {request.name} -->", "\n".join(given))
    return markdown
