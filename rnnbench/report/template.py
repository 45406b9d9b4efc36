"""The templates of pages and files: ``find_template("report.md.j2").render(...)``."""

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Template


def find_template(
    name: str,
    package: str = "rnnbench.report",
    finalize: Callable[[object], object] | None = None,
    **filters: Callable[..., object],
) -> "Template":
    """Return a template of a package, which escapes all text unless it is for Python.

    ``finalize`` is applied to each value that the template shows.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape([], ["py.j2"], default=True),
        finalize=finalize,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= filters
    return environment.get_template(name)
