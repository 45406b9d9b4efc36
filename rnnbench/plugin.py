"""The names that writers of plug-ins import, besides those of ``rnnbench``.

``plugin.pyi`` names everything, and ``docs/api.md`` describes what most packages need.
A name is imported when it is first used, so that a package with a metric does not load
what machine code needs.

>>> from rnnbench.plugin import Stage
>>> Stage.kind
''
"""

import re
from importlib import import_module
from pathlib import Path

_STUB = Path(__file__).with_suffix(".pyi").read_text(encoding="utf-8")
_IMPORTS = re.findall(r"^from (\S+) import (\w+)", _STUB, re.MULTILINE)
_MODULES = {name: f"rnnbench{module}" for module, name in _IMPORTS}
__all__ = sorted(_MODULES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    """Import a name. ``lazy_loader`` would also put it into ``rnnbench``."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(_MODULES[name])
    if not hasattr(module, name):  # a module in a package
        return import_module(f"{_MODULES[name]}.{name}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
