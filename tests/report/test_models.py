"""Models in one line each, and networks layer by layer, without a Keras model."""

import io

import pytest
from factories import SOFTMAX
from rich.console import Console

from rnnbench.config.schema import Benchmark
from rnnbench.models.describe import Description, LayerFacts
from rnnbench.models.layers import parse_layer
from rnnbench.models.layers.base import Shape
from rnnbench.report.models import network_text

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=1000)
PROVENANCE = {"source": "made-up", "from": "nowhere"}
BOTH_WAYS = {"bidirectional": {"layer": {"gru": {"units": 4, "return_sequences": True}}}}
LISTED = {
    "scaled": {"layers": [{"lstm": {"units": 3, "dropout": 0.1}}], "inputs": "scaled_ids"},
    "both_ways": {"layers": [{"embedding": {"dim": 64}}, BOTH_WAYS, {"pooling": {"by": "max"}}]},
    "pretrained": {
        "layers": [
            {"embedding": {"dim": 64, "embeddings_initializer": "ppmi_svd"}},
            {"conv1d": {"filters": 8, "kernel_size": 3}},
            {"pooling": {"by": "mean"}},
            {"layer_norm": {}},
            {"dropout": {"rate": 0.5}},
            {"dense": {"units": 9, "activation": "relu"}},
            {"dense": {"units": 9}},
        ]
    },
    "wide": {"layers": [{"bag_of_words": {"values": "tfidf"}}, {"dense": {"units": 9}}]},
    "always": {"baseline": "most_frequent"},
    "svm": {"baseline": {"tfidf_linear_svm": {"C": 2.0, "max_ngram": 1}}},
    "own": {"python": "nets:small"},
    "own_wide": {"python": "nets:small", "arguments": {"width": 8, "by": "max", "deep": True}},
}


def models(described):
    tree = {
        name: {**model, "layers": [*model["layers"], SOFTMAX]} if "layers" in model else model
        for name, model in described.items()
    }
    return Benchmark.model_validate({"name": "a", "models": tree}).models


def test_models_in_short():
    assert {name: model.in_short() for name, model in models(LISTED).items()} == {
        "scaled": "scaled ids → lstm 3 → dense topics",
        "both_ways": "embedding 64 → bidirectional gru 4 → pooling max → dense topics",
        "pretrained": "embedding 64 ppmi_svd → conv1d 8 kernel_size 3 → pooling mean → layer_norm "
        "→ dropout 0.5 → dense 9 relu → dense 9 → dense topics",
        "wide": "bag_of_words tfidf → dense 9 → dense topics",
        "always": "most_frequent",
        "svm": "tfidf_linear_svm (max_ngram: 1, C: 2.0)",
        "own": "nets:small",
        "own_wide": "nets:small (width: 8, by: max, deep: true)",
    }


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"embedding": {"dim": 4}}, "a vector for each of 1,000 ids, random at first"),
        ({"embedding": {"dim": 4, "trainable": False}}, "random and never trained"),
        (
            {"embedding": {"dim": 4, "embeddings_initializer": "ppmi_svd"}},
            "learned from texts",
        ),
        (
            {"lstm": {"units": 4}},
            "reads the steps in turn, carries a hidden and a cell state, gives its hidden state "
            "after the last step",
        ),
        (
            BOTH_WAYS,
            "reads forwards and backwards, carries a hidden state each way, gives both hidden "
            "states side by side at each step",
        ),
        ({"bag_of_words": {"values": "tfidf"}}, "the TF-IDF of each of 1,000 ids"),
        ({"bag_of_words": {"values": "shares"}}, "the share in the document of each of 1,000 ids"),
        ({"conv1d": {"filters": 4, "kernel_size": 3}}, "weighted sums over 3 adjacent steps"),
        ({"pooling": {"by": "attention"}}, "a mean over the steps, with learned weights"),
        ({"dropout": {"rate": 0.07}}, "Sets a share of its inputs to 0 during training"),
        ({"spatial_dropout": {"rate": 0.5}}, "Sets a share of the features to 0 during training"),
        ({"layer_norm": {}}, "Brings each vector to mean 0 and variance 1"),
        ({"dense": {"units": 4}}, "weighted sums of features"),
        (SOFTMAX, "a probability for each topic"),
    ],
)
def test_every_layer_states_its_purpose(layer, words):
    assert words in " ".join(drawn(layer, width=200))


def test_totals_and_the_data_stand_below():
    *_, trainable, other, _, data = drawn(SOFTMAX)

    assert trainable.split() == ["trainable", "1,234"]
    assert other.split() == ["other", "56"]
    assert data.startswith("Data: made-up (nowhere), 5 steps, 3 topics, 1,000 ids.")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_network_fits_the_terminal(width):
    assert max(map(len, drawn(BOTH_WAYS, width))) <= width


def drawn(layer, width=100):
    """Return the lines of a network from those of this layer on."""
    facts = LayerFacts("layer", "Layer", parse_layer(layer), ((None, 4),), trainable_params=1234)
    description = Description((facts,), trainable_params=1234, other_params=56)
    network = models(LISTED)["scaled"]
    text = printed(network_text("net", network, description, SHAPE, PROVENANCE), width)
    return text.partition("─\n")[2].splitlines()


def printed(renderable, width=100):
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"
