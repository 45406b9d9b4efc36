"""Networks in NumPy give the answers of Keras, with the weights of Keras."""

import numpy as np
import pytest
from stacks import EMBEDDING, MASKED, bag_of_words, bidirectional, conv1d, network, randomized

from rnnbench.models import in_numpy
from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.layers import feedforward, recurrent
from rnnbench.models.layers.base import Shape

SHAPE = Shape(timesteps=6, n_topics=3, n_ids=12)
SEQUENCES = {"return_sequences": True}
NETWORKS = {
    "masked": network(
        [
            MASKED,
            {"simple_rnn": {"units": 4, "activation": "relu", **SEQUENCES}},
            {"lstm": {"units": 5, "recurrent_activation": "tanh", **SEQUENCES}},
            {"dropout": {"rate": 0.5}},
            bidirectional("gru", **SEQUENCES),
            {"layer_norm": {"epsilon": 0.01}},
            {"pooling": {"by": "attention"}},
        ]
    ),
    **{f"masked, {by}": network([MASKED, {"pooling": {"by": by}}]) for by in ("max", "last")},
    "masked, gru": network([MASKED, {"gru": {"units": 3}}]),
    "convolutions": network(
        [
            EMBEDDING,
            {"spatial_dropout": {"rate": 0.5}},
            *map(conv1d, ("same", "causal", "valid")),
            {"dense": {"units": 5, "activation": "tanh"}},
            {"pooling": {"by": "mean"}},
        ]
    ),
    "both ways": network(
        [
            {"embedding": {"dim": 4, "dropout": 0.5}},
            bidirectional("gru", "sum", weight_drop=0.5, **SEQUENCES),
            bidirectional("lstm", "ave", **SEQUENCES),
            bidirectional("simple_rnn", "mul"),
        ]
    ),
    "reset before": network([{"gru": {"units": 3, "reset_after": False}}]),
    "scaled ids": network([{"lstm": {"units": 3}}], inputs="scaled_ids"),
    **{values: network([bag_of_words(values)]) for values in ("tfidf", "shares")},
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


def test_every_layer_of_this_package_is_computed():
    assert {type(layer) for described in NETWORKS.values() for layer in described.layers} == {
        *feedforward.KINDS,
        *recurrent.KINDS,
    }
    assert all(map(in_numpy.is_covered, NETWORKS.values()))


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
        PythonNetwork(python="own:make"),
    ],
    ids=["activation", "activation inside", "python"],
)
def test_what_numpy_lacks_needs_tensorflow(described):
    assert not in_numpy.is_covered(described)
