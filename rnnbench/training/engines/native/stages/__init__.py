"""The layers in machine code. A new one is a class in a file here."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules

from rnnbench.models.layers import Layer
from rnnbench.training.engines.native.stage import Stage, stack
from rnnbench.training.engines.native.stages.embedding import NumbersStage

for module in iter_modules(__path__):
    import_module(f"{__name__}.{module.name}")


def stages_of(layers: Sequence[Layer]) -> Iterator[tuple[type[Stage], int, tuple[Layer, ...]]]:
    """Yield the class, position and layers of each stage, or raise ``NotImplementedError``."""
    if layers[0].takes != "ids":
        yield NumbersStage, len(layers), ()
    yield from stack(layers)
