"""The networks in PyTorch: what they compute, padded and packed, and that they
train.
"""

from dataclasses import replace

import numpy as np
import pytest
from factories import trial
from numpy.random import default_rng
from numpy.testing import assert_allclose
from stacks import (
    BY,
    EMBEDDING,
    UNMASKED,
    both_ways,
    network,
    pooling,
    recurrent,
)

from rnnbench.data.dataset import Dataset
from rnnbench.data.padding import START
from rnnbench.models.layers import Shape
from rnnbench.training.epochs import ignore

torch = pytest.importorskip("torch")
in_torch = pytest.importorskip("rnnbench.plugins.speed.in_torch")

N = 20
N_IDS = 12
STEPS = 6
TOPICS = ("a", "b", "c")
SHAPE = Shape(STEPS, len(TOPICS), N_IDS)
DENSE = {"dense": {"units": 5, "activation": "relu"}}
PACKABLE = {
    **{
        kind: [EMBEDDING, {kind: {"units": 3}}]
        for kind in ("simple_rnn", "gru", "lstm")
    },
    **{by: [EMBEDDING, recurrent("lstm"), recurrent("gru"), pooling(by)] for by in BY},
    "no masks": [UNMASKED, both_ways("gru"), pooling("mean")],
    "numbers": [recurrent("simple_rnn"), {"layer_norm": {}}, {"gru": {"units": 3}}],
}
"""Stacks in which padding has no influence, however it is skipped."""
TRAINED = PACKABLE | {
    "directions": [
        EMBEDDING,
        both_ways("lstm"),
        {"bidirectional": {"layer": {"gru": {"units": 3}}}},
    ],
    "dropout": [
        EMBEDDING,
        {"spatial_dropout": {"rate": 0.5}},
        pooling("max"),
        {"dropout": {"rate": 0.5}},
    ],
    "words and weights dropped": [
        {"embedding": {"dim": 4, "dropout": 0.2}},
        recurrent("lstm", weight_drop=0.5),
        {"gru": {"units": 3, "weight_drop": 0.5}},
    ],
}


def documents():
    """Return documents of none to six words, padded behind, whose first word tells the
    topic.
    """
    random = default_rng(0)
    ids = random.integers(START + 1, N_IDS, (N, STEPS), dtype=np.int32)
    ids[np.arange(STEPS) >= random.integers(1, STEPS + 1, (N, 1))] = 0
    labels = np.array(ids[:, 0] % 3, np.int32)
    places = np.arange(N)
    ids[0] = 0
    return Dataset(
        ids, labels, ids, labels, TOPICS, N_IDS, places, places, documents=ids
    )


@pytest.mark.parametrize("packs", [False, True], ids=["padded", "packed"])
@pytest.mark.parametrize("stack", TRAINED.values(), ids=TRAINED)
def test_a_network_of_each_layer_trains(stack, packs, tmp_path):
    training = {"epochs": 15, "batch_size": 6, "learning_rate": 0.02, "ema": 0.5}
    planned = replace(trial(tmp_path, training=training), model=network(stack))

    result = in_torch.train(planned, documents(), ignore, packs=packs)

    assert result.scores.shape == (N, len(TOPICS))
    assert_allclose(np.exp(result.scores).sum(axis=1), 1, rtol=1e-5)
    assert result.record.history.loss[-1] < result.record.history.loss[0]
    assert result.record.params > 3 * N_IDS or stack[0] not in (EMBEDDING, UNMASKED)


def test_a_training_leaves_tiny_numbers_as_they_were(tmp_path):
    planned = replace(trial(tmp_path), model=network(PACKABLE["gru"]))

    in_torch.train(planned, documents(), ignore, packs=False)

    assert np.float32(1e-30) * np.float32(1e-10) > 0


@pytest.mark.parametrize("stack", PACKABLE.values(), ids=PACKABLE)
def test_packed_sequences_give_the_same_scores(stack):
    padded, packed = scores_of(stack, documents().x_test)

    assert_allclose(padded, packed, atol=1e-6)


def test_they_do_in_both_directions_if_documents_have_the_same_length():
    ids = documents().x_test
    padded, packed = scores_of(TRAINED["directions"], ids)

    is_whole = (ids != 0).all(axis=1)
    assert 0 < is_whole.sum() < len(ids)
    assert_allclose(padded[is_whole], packed[is_whole], atol=1e-6)


def scores_of(stack, ids):
    """Return the scores of documents by the same weights, padded and packed."""
    nets = [
        in_torch.TorchNetwork(network(stack), SHAPE, packs=packs).eval()
        for packs in (False, True)
    ]
    nets[1].load_state_dict(nets[0].state_dict())
    has_ids = stack[0] in (EMBEDDING, UNMASKED)
    x = torch.from_numpy(ids if has_ids else ids[..., np.newaxis].astype(np.float32))
    with torch.no_grad():
        return [net(x).numpy() for net in nets]
