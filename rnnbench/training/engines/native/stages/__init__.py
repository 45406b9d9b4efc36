"""The layers in machine code, each in its file. A new one is a class there, and named here."""

from collections.abc import Iterator, Sequence

from rnnbench.models.layers import Layer
from rnnbench.training.engines.native.stage import Stage
from rnnbench.training.engines.native.stages.bag import BagStage
from rnnbench.training.engines.native.stages.conv import ConvStage
from rnnbench.training.engines.native.stages.dense import DenseStage
from rnnbench.training.engines.native.stages.dropout import DropoutStage
from rnnbench.training.engines.native.stages.embedding import (
    EmbeddingStage,
    SharedEmbeddingStage,
)
from rnnbench.training.engines.native.stages.norm import NormStage
from rnnbench.training.engines.native.stages.numbers import NumbersStage
from rnnbench.training.engines.native.stages.pooling import (
    AttentionStage,
    LastStage,
    MaxStage,
    MeanStage,
)
from rnnbench.training.engines.native.stages.recurrent import RecurrentStage

STAGES: tuple[type[Stage], ...] = (
    SharedEmbeddingStage, EmbeddingStage, BagStage, RecurrentStage, ConvStage, DenseStage,
    NormStage, DropoutStage, MaxStage, MeanStage, LastStage, AttentionStage,
)  # fmt: skip


def stages_of(layers: Sequence[Layer]) -> Iterator[tuple[type[Stage], int, tuple[Layer, ...]]]:
    """Yield the stages of a network: their class, the position of their first layer, their layers.

    Raises:
        NotImplementedError: there is no machine code for a layer.
    """
    if layers[0].takes != "ids":
        yield NumbersStage, len(layers), ()
    position = 0
    while position < len(layers):
        rest = tuple(layers[position:])
        for stage in STAGES:
            if count := int(stage.takes(rest)):
                yield stage, position, rest[:count]
                position += count
                break
        else:
            raise NotImplementedError(rest[0].kind)
