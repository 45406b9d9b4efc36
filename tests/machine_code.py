"""Networks of many layers and sizes for the engine ``native``, and machine code for
them.
"""

import os
from typing import Any

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.training.engines.native.assembler import Processor, processor
from rnnbench.training.engines.native.memory import Sizes
from rnnbench.training.engines.native.network import NativeNetwork
from rnnbench.training.engines.native.program import Program
from rnnbench.training.settings import Training

MANY = int(os.environ.get("RNNBENCH_NATIVE_EXAMPLES", "0"))
"""Examples for each property, if there should be more of them than in the suite."""

is_x86 = bool(processor() and processor().is_x86)
LANES = st.sampled_from([4, 8, 16])
REGISTERS = st.sampled_from([16, 32])
RATE, DECAY = 0.01, 0.9
SOFTMAX, SIGMOID = (
    {"dense": {"units": "topics", "activation": activation}}
    for activation in ("softmax", "sigmoid")
)


def examples(few: int) -> Any:
    """Settings of a property that is tested on few examples, because each compiles a
    network.
    """
    return settings(max_examples=MANY or few, deadline=None, derandomize=not MANY)


@st.composite
def networks(draw: Any, most_units: int = 70) -> LayeredNetwork:
    """Networks of the layers that machine code covers, without dropout."""
    sizes = st.integers(1, most_units)

    def recurrent(*, is_sequence: bool) -> dict[str, Any]:
        kind = draw(st.sampled_from(["simple_rnn", "lstm", "gru"]))
        layer = {kind: {"units": draw(sizes), "return_sequences": is_sequence}}
        return {"bidirectional": {"layer": layer}} if draw(st.booleans()) else layer

    def on_vectors() -> dict[str, Any]:
        activation = draw(st.sampled_from(["linear", "relu", "tanh", "sigmoid"]))
        dense = {"dense": {"units": draw(sizes), "activation": activation}}
        return draw(st.sampled_from([{"layer_norm": {}}, dense]))

    def on_sequences() -> dict[str, Any]:
        padding = draw(st.sampled_from(["same", "causal"]))
        convolution = {"filters": draw(sizes), "kernel_size": draw(st.integers(1, 4))}
        convolved = {"conv1d": convolution | {"padding": padding, "activation": "tanh"}}
        return draw(
            st.sampled_from([recurrent(is_sequence=True), on_vectors(), convolved])
        )

    def pooling() -> dict[str, Any]:
        by = draw(st.sampled_from(["max", "mean", "last", "attention"]))
        chunks = 1 if by == "attention" else draw(st.sampled_from([1, 1, 2, 5]))
        return {"pooling": {"by": by, "chunks": chunks}}

    first = draw(st.sampled_from(["numbers", "embedding", "bag_of_words"]))
    layers, is_masked = [], first == "embedding" and draw(st.booleans())
    if first == "bag_of_words":
        values = draw(st.sampled_from(["tfidf", "shares"]))
        dense = {"units": draw(sizes), "activation": "relu"}
        layers = [{"bag_of_words": {"values": values}}, {"dense": dense}]
    else:
        if first == "embedding":
            layers = [{"embedding": {"dim": draw(sizes), "masking": is_masked}}]
        layers += [on_sequences() for _ in range(draw(st.integers(0, 2)))]
        to_vector = recurrent(is_sequence=False), pooling()
        end = draw(st.sampled_from([*[None] * 4, [], *([last] for last in to_vector)]))
        if end is not None:
            branches = [[on_sequences(), *end] for _ in range(draw(st.integers(1, 2)))]
            layers.append({"parallel": {"branches": branches}})
        layers += [] if end else [draw(st.sampled_from(to_vector))]
    layers += [on_vectors() for _ in range(draw(st.integers(0, 1)))]
    last = draw(st.sampled_from([SOFTMAX, SIGMOID]))
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
    """Return made-up documents, some of them empty, and as many labels as a model is
    for.
    """
    random = np.random.default_rng(seed)
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
    recipe = Training(
        epochs=5,
        batch_size=code.sizes.batch,
        learning_rate=RATE,
        ema=DECAY if code.sizes.averages else None,
    )
    made, random = (
        NativeNetwork(code, model, x, recipe, seed),
        np.random.default_rng(seed),
    )
    for part in code.parts:
        before = part.read(made.arenas[0], "value")
        part.write(
            made.arenas[0],
            before + random.normal(0, 0.1, part.shape).astype(np.float32),
        )
    return made
