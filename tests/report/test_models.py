"""Models in a line, and a network drawn from a description that no Keras model was needed for."""

import io

import pytest
from factories import SOFTMAX
from rich.console import Console

from rnnbench.config.schema import Benchmark
from rnnbench.models.describe import Description, LayerFacts, State
from rnnbench.models.descriptions import LayeredNetwork
from rnnbench.models.shape import Shape
from rnnbench.report.models import baseline_text, in_short, models_text, network_text

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=1000)
PROVENANCE = {"source": "made-up", "from": "nowhere"}


@pytest.mark.parametrize(
    ("layers", "text"),
    [
        ([{"simple_rnn": {"units": 3}}], "simple_rnn 3"),
        ([{"embedding": {"dim": 64}}, {"gru": {"units": 32}}], "embedding 64 → gru 32"),
        (
            [
                {"embedding": {"dim": 64, "embeddings_initializer": "ppmi_svd"}},
                {"gru": {"units": 32}},
            ],
            "embedding 64 ppmi_svd → gru 32",
        ),
        (
            [
                {"bidirectional": {"layer": {"gru": {"units": 64, "return_sequences": True}}}},
                {"pooling": {"by": "max"}},
            ],
            "bidirectional gru 64 → pooling max",
        ),
        (
            [{"conv1d": {"filters": 8, "kernel_size": 3}}, {"pooling": {"by": "mean"}}],
            "conv1d 8 kernel_size 3 → pooling mean",
        ),
        (
            [
                {"lstm": {"units": 3, "dropout": 0.1}},
                {"layer_norm": {}},
                {"dropout": {"rate": 0.5}},
                {"dense": {"units": 9, "activation": "relu"}},
                {"dense": {"units": 9}},
            ],
            "lstm 3 → layer_norm → dropout 0.5 → dense 9 relu → dense 9",
        ),
    ],
)
def test_layers_in_short(layers, text):
    assert in_short(_network(*layers)) == f"{text} → dense topics"


def test_scaled_inputs_are_told_in_short():
    network = _network({"lstm": {"units": 3}}, inputs="scaled_ids")

    assert in_short(network) == "scaled ids → lstm 3 → dense topics"


@pytest.mark.parametrize(
    ("model", "text"),
    [
        ({"baseline": "most_frequent"}, "most_frequent"),
        (
            {"baseline": {"tfidf_linear_svm": {"C": 2.0}}},
            "tfidf_linear_svm (max_ngram: 2, C: 2.0)",
        ),
        ({"python": "nets:small"}, "nets:small"),
        (
            {"python": "nets:small", "arguments": {"width": 8, "by": "max", "deep": True}},
            "nets:small (width: 8, by: max, deep: true)",
        ),
    ],
)
def test_other_models_in_short(model, text):
    assert in_short(_models(m=model)["m"]) == text


def test_a_list_tells_parameters_where_they_are_known():
    models = _models(
        rnn={"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]}, always={"baseline": "stratified"}
    )

    text = _printed(models_text(models, {"rnn": 12345}, ""))

    headers, _, *rows = [" ".join(line.split()) for line in text.splitlines()]
    assert headers == "model kind layers trainable"
    assert rows == [
        "rnn network simple_rnn 3 → dense topics 12,345",
        "always baseline stratified -",
    ]


def test_a_list_says_why_parameters_are_not_known():
    models = _models(rnn={"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]})

    text = _printed(models_text(models, {}, "nothing is cached"))

    assert text.splitlines()[2].endswith("-")
    assert text.endswith("nothing is cached\n")


def test_a_baseline_is_shown_with_its_parameters():
    text = _printed(baseline_text("bayes", _models(m={"baseline": "multinomial_naive_bayes"})["m"]))

    assert text.startswith("bayes: multinomial_naive_bayes\n")
    assert "Naive Bayes on counts of words." in text
    assert "alpha         1.0" in text


def test_a_baseline_without_parameters_says_so():
    text = _printed(baseline_text("most", _models(m={"baseline": "most_frequent"})["m"]))

    assert "It has no parameters to choose." in text


def test_a_layer_is_shown_with_shape_parameters_and_states():
    lines = _drawn(
        {"lstm": {"units": 4, "dropout": 0.1}},
        states=(State("hidden", (None, 4)), State("cell", (None, 4))),
    )

    assert lines[0].split() == ["lstm", "4", "(batch,", "4)", "1,234"]
    assert [line.strip() for line in lines[1:4]] == [
        "reads the steps in turn, gives its hidden state after the last step",
        "dropout: 0.1",
        "carries hidden (batch, 4), cell (batch, 4)",
    ]


def test_states_of_both_directions_are_shown():
    lines = _drawn(
        {"bidirectional": {"layer": {"gru": {"units": 4}}}},
        states=(
            State("hidden", (None, 4), "forwards"),
            State("hidden", (None, 4), "backwards"),
        ),
    )

    assert "carries forwards hidden (batch, 4); backwards hidden (batch, 4)" in lines


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ({"embedding": {"dim": 4}}, "a vector for each of 1,000 ids, random at first"),
        ({"embedding": {"dim": 4, "trainable": False}}, "random and never trained"),
        (
            {"embedding": {"dim": 4, "embeddings_initializer": "ppmi_svd"}},
            "from its neighbours in texts",
        ),
        ({"gru": {"units": 4, "return_sequences": True}}, "gives its hidden state at each step"),
        (
            {"bidirectional": {"layer": {"gru": {"units": 4}}, "merge_mode": "sum"}},
            "reads forwards and backwards, gives the sum of both answers",
        ),
        ({"conv1d": {"filters": 4, "kernel_size": 3}}, "weighs 3 steps in a row"),
        ({"pooling": {"by": "attention"}}, "a mean over the steps, with learned weights"),
        ({"dropout": {"rate": 0.07}}, "sets 7 % of its inputs to 0 while training"),
        ({"spatial_dropout": {"rate": 0.5}}, "sets 50 % of the features to 0 on all steps"),
        ({"layer_norm": {}}, "brings each vector to mean 0 and variance 1"),
        (SOFTMAX, "a probability a topic"),
    ],
)
def test_every_layer_says_what_it_does(layer, words):
    assert words in _drawn(layer)[1]


def test_totals_stand_below_and_where_the_shapes_are_from():
    *_, trainable, other, _, data = _drawn(SOFTMAX)

    assert trainable.split() == ["trainable", "1,234"]
    assert other.split() == ["other", "56"]
    assert data.startswith("Data: made-up (nowhere), 5 steps, 3 topics, 1,000 ids.")


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_network_fits_the_terminal(width):
    lines = _drawn({"bidirectional": {"layer": {"lstm": {"units": 4}}}}, width=width)

    assert max(map(len, lines)) <= width


def _models(**models):
    return Benchmark.model_validate({"name": "a", "models": models}).models


def _network(*layers, **settings):
    return LayeredNetwork.model_validate({"layers": [*layers, SOFTMAX], **settings})


def _drawn(layer, states=(), width=100):
    """Return the lines of a network from those of this layer on."""
    from rnnbench.models.layers import parse_layer

    facts = LayerFacts(
        name="layer",
        keras_class="Layer",
        described_by=parse_layer(layer),
        inputs=(),
        outputs=((None, 4),),
        trainable_params=1234,
        other_params=0,
        states=states,
    )
    description = Description((facts,), trainable_params=1234, other_params=56)
    network = _network({"gru": {"units": 4}})
    text = _printed(network_text("net", network, description, SHAPE, PROVENANCE), width)
    return text.partition("─\n")[2].splitlines()


def _printed(renderable, width=100):
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(renderable)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines()) + "\n"
