"""Networks in NumPy give the answers of Keras, with the weights of Keras."""

import numpy as np
import pytest
from stacks import (
    BY,
    EMBEDDING,
    MEAN,
    PADDINGS,
    STACKS,
    bidirectional,
    conv1d,
    network,
    parallel,
    pooling,
    randomized,
    recurrent,
)

from rnnbench.models import in_numpy
from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.layers.base import Shape

SHAPE = Shape(timesteps=6, n_topics=3, n_ids=12)
OTHER_ACTIVATIONS = {"activation": "relu", "recurrent_activation": "tanh"}
ALL = {name: network(stack) for name, stack in STACKS.items()}


def in_chunks(by):
    """Return pooling in so many chunks that some are empty in short documents."""
    return {"pooling": {"by": by, "chunks": 4}}


NETWORKS = {
    **{name: model for name, model in ALL.items() if in_numpy.is_covered(model)},
    **{f"in chunks, {by}": network([EMBEDDING, in_chunks(by)]) for by in BY},
    **{f"masked, {by}": network([EMBEDDING, pooling(by)]) for by in BY},
    "masked, gru": network([EMBEDDING, bidirectional("gru")]),
    "masked, lstm": network([EMBEDDING, recurrent("lstm", **OTHER_ACTIVATIONS), pooling("max")]),
    **{f"masked, {way}": network([EMBEDDING, conv1d(way), pooling("mean")]) for way in PADDINGS},
    "side by side": network(
        [EMBEDDING, parallel([conv1d("causal"), in_chunks("max")], [bidirectional("gru")])]
    ),
    "reset before": network([{"gru": {"units": 3, "reset_after": False}}]),
    "scaled ids": network([{"lstm": {"units": 3}}], inputs="scaled_ids"),
}


@pytest.mark.parametrize("description", NETWORKS.values(), ids=NETWORKS)
def test_the_answers_and_the_shapes_of_weights_are_those_of_keras(description):
    model = randomized(build(description, SHAPE, 0))
    random, weights = np.random.default_rng(0), model.get_weights()
    ids = random.integers(1, SHAPE.n_ids, (5, SHAPE.timesteps), dtype=np.int32)
    ids[:3, 4:] = ids[2:4, :2] = ids[4] = 0  # padding after it, before it, and nothing else

    ours = in_numpy.predict(description, SHAPE, weights, ids)

    assert in_numpy.weight_shapes(description, SHAPE) == [own.shape for own in weights]
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, predict(model, ids), atol=2e-6)


def test_every_layer_that_is_said_to_be_computed_is():
    kinds = {part.kind for described in NETWORKS.values() for part in described.parts}
    assert kinds == {layer.kind for layer in in_numpy.COVERED}


def test_many_documents_are_predicted_part_by_part(monkeypatch):
    description = network([{"lstm": {"units": 2}}])
    shapes = in_numpy.weight_shapes(description, SHAPE)
    weights = [np.full(shape, 0.5, np.float32) for shape in shapes]
    ids = np.arange(42, dtype=np.int32).reshape(7, 6) % SHAPE.n_ids
    whole = in_numpy.predict(description, SHAPE, weights, ids)

    monkeypatch.setattr(in_numpy, "ROWS_AT_ONCE", 3)

    np.testing.assert_allclose(in_numpy.predict(description, SHAPE, weights, ids), whole, rtol=1e-6)


@pytest.mark.parametrize(
    "described",
    [
        network([{"lstm": {"units": 2, "activation": "gelu"}}]),
        network([bidirectional("gru", activation="gelu")]),
        network([bidirectional("min_gru")]),
        network([parallel([MEAN], [bidirectional("min_gru")])]),
        PythonNetwork(python="own:make"),
    ],
    ids=["activation", "activation inside", "layer inside", "layer in a branch", "python"],
)
def test_what_numpy_lacks_needs_tensorflow(described):
    assert not in_numpy.is_covered(described)
