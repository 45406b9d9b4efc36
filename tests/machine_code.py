"""Networks of many layers and sizes, and machine code for them."""

import os
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.typing import NDArray

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.training.engines.native.assembler import Processor, processor
from rnnbench.training.engines.native.memory import Sizes
from rnnbench.training.engines.native.network import NativeNetwork
from rnnbench.training.engines.native.program import Program
from rnnbench.training.settings import Training

MANY = int(os.environ.get("RNNBENCH_NATIVE_EXAMPLES", "0"))
"""Examples for each property, if there should be more of them than in the suite."""

here = processor()
is_x86 = here is not None and here.is_x86
LANES = st.sampled_from([4, 8, 16])
REGISTERS = st.sampled_from([16, 32])
RATE = 0.01
DECAY = 0.9
SOFTMAX = {"dense": {"units": "topics", "activation": "softmax"}}
SIGMOID = {"dense": {"units": "topics", "activation": "sigmoid"}}


def examples(few: int) -> Any:
    """Test a property on few examples, because each compiles a network."""
    return settings(max_examples=MANY or few, deadline=None, derandomize=not MANY)


def one_of(*choices: Any) -> Any:
    return st.sampled_from(choices)


class Layers:
    """Draws layers that machine code covers."""

    def __init__(self, draw: Any, most_units: int):
        self.draw = draw
        self.sizes = st.integers(1, most_units)

    def recurrent(self, *, is_sequence: bool) -> dict[str, Any]:
        kind = self.draw(one_of("simple_rnn", "lstm", "gru"))
        units = self.draw(self.sizes)
        layer = {kind: {"units": units, "return_sequences": is_sequence}}
        if self.draw(st.booleans()):
            return {"bidirectional": {"layer": layer}}
        return layer

    def on_vectors(self) -> dict[str, Any]:
        activation = self.draw(one_of("linear", "relu", "tanh", "sigmoid"))
        dense = {"units": self.draw(self.sizes), "activation": activation}
        return self.draw(one_of({"layer_norm": {}}, {"dense": dense}))

    def on_sequences(self) -> dict[str, Any]:
        convolution = {
            "padding": self.draw(one_of("same", "causal")),
            "filters": self.draw(self.sizes),
            "kernel_size": self.draw(st.integers(1, 4)),
            "activation": "tanh",
        }
        recurrent = self.recurrent(is_sequence=True)
        return self.draw(one_of(recurrent, self.on_vectors(), {"conv1d": convolution}))

    def pooling(self) -> dict[str, Any]:
        by = self.draw(one_of("max", "mean", "last", "attention"))
        if by == "attention":
            return {"pooling": {"by": by}}
        return {"pooling": {"by": by, "chunks": self.draw(one_of(1, 1, 2, 5))}}

    def to_vector(self) -> dict[str, Any]:
        recurrent = self.recurrent(is_sequence=False)
        return self.draw(one_of(recurrent, self.pooling()))

    def parallel(self, *, is_sequence: bool) -> dict[str, Any]:
        branches = []
        for _ in range(self.draw(st.integers(1, 2))):
            branch = [self.on_sequences()]
            if not is_sequence:
                branch.append(self.to_vector())
            branches.append(branch)
        return {"parallel": {"branches": branches}}

    def bag_of_words(self) -> list[dict[str, Any]]:
        values = self.draw(one_of("tfidf", "shares"))
        dense = {"units": self.draw(self.sizes), "activation": "relu"}
        return [{"bag_of_words": {"values": values}}, {"dense": dense}]

    def of_steps(self) -> list[dict[str, Any]]:
        """Draw layers of numbers or words, up to a vector for each document."""
        layers = []
        if self.draw(st.booleans()):
            is_masked = self.draw(st.booleans())
            embedding = {"dim": self.draw(self.sizes), "masking": is_masked}
            layers.append({"embedding": embedding})
        for _ in range(self.draw(st.integers(0, 2))):
            layers.append(self.on_sequences())
        side_by_side = self.draw(one_of(None, None, "sequences", "vectors"))
        if side_by_side:
            is_sequence = side_by_side == "sequences"
            layers.append(self.parallel(is_sequence=is_sequence))
        if side_by_side != "vectors":
            layers.append(self.to_vector())
        return layers


@st.composite
def networks(draw: Any, most_units: int = 70) -> LayeredNetwork:
    """Networks of the layers that machine code covers, without dropout."""
    drawn = Layers(draw, most_units)
    if draw(one_of("steps", "steps", "bag")) == "bag":
        layers = drawn.bag_of_words()
    else:
        layers = drawn.of_steps()
    if draw(st.booleans()):
        layers.append(drawn.on_vectors())
    last = draw(one_of(SOFTMAX, SIGMOID))
    return LayeredNetwork.model_validate({"layers": [*layers, last]})


@st.composite
def all_sizes(draw: Any) -> Sizes:
    """Sizes of documents and batches."""
    batch = draw(st.integers(1, 25))
    return Sizes(
        timesteps=draw(st.integers(1, 7)),
        topics=draw(st.integers(1, 60)),
        n_ids=draw(st.integers(4, 40)),
        batch=batch,
        rows=draw(st.integers(1, batch)),
        lanes=draw(LANES),
        averages=draw(st.booleans()),
        clip=draw(st.sampled_from([None, 0.01, 10.0])),
    )


def program(
    model: LayeredNetwork,
    sizes: Sizes,
    registers: int = 32,
    kind: type[Program] = Program,
) -> Program:
    """Return machine code; this processor need not have such registers."""
    return kind(model.layers, sizes, Processor(sizes.lanes, registers, is_x86))


def documents(
    sizes: Sizes, count: int, seed: int = 0, model: LayeredNetwork | None = None
) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return made-up documents, some of them empty, and the labels of a model."""
    random = default_rng(seed)
    x = random.integers(1, sizes.n_ids, (count, sizes.timesteps), dtype=np.int32)
    lengths = random.integers(0, sizes.timesteps + 1, count)
    x[np.arange(sizes.timesteps) >= lengths[:, np.newaxis]] = 0
    if model and not model.layers[-1].has_one_label:
        return x, random.integers(0, 2, (count, sizes.topics), dtype=np.uint8)
    return x, random.integers(0, sizes.topics, count, dtype=np.int32)


def network(
    code: Program, model: LayeredNetwork, x: NDArray[np.int32], seed: int = 0
) -> NativeNetwork:
    """Return a network with random weights, of which no part is zero."""
    ema = DECAY if code.sizes.averages else None
    training = Training(
        epochs=5, batch_size=code.sizes.batch, learning_rate=RATE, ema=ema
    )
    made = NativeNetwork(code, model, x, training, seed)
    random = default_rng(seed)
    arena = made.arenas[0]
    for part in code.parts:
        noise = random.normal(0, 0.1, part.shape).astype(np.float32)
        part.write(arena, part.read(arena, "value") + noise)
    return made
