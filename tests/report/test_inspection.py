"""One document, and models, in the terminal: at any width, in any encoding, without Keras."""

import io
import itertools

import pytest
from factories import SOFTMAX
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from rnnbench.config.schema import Benchmark
from rnnbench.data.vocabulary import Document
from rnnbench.models.describe import Description, LayerFacts
from rnnbench.models.layers import parse_layer
from rnnbench.models.layers.base import Shape
from rnnbench.report.inspection import (
    Gloss,
    Glosses,
    document_facts,
    document_text,
    network_text,
)
from rnnbench.terminal.console import SafeConsole
from rnnbench.training.inputs import Input

SHORT = Document(
    number=7,
    topic="earn",
    words=["net", "profit", "rose", "zyzzyva"],
    place="training",
    ids=[1, 39, 61, 1900, 2],
    sequence=[1, 39, 61, 1900, 2, 0, 0, 0],
    n_ids=2000,
    maxlen=None,
    cut_side="pre",
    padding_side="post",
)
LONG = Document(**vars(SHORT) | {"sequence": [1900, 2]})
CONTROLS = Document(**vars(SHORT) | {"words": ["\x1b" * 30] * 4})
LEFT_OUT = Document(**vars(SHORT) | {"sequence": None, "place": "left out", "maxlen": 5})
INPUTS = {
    "rnn": Input("numbers", (8, 1), tuple(SHORT.sequence)),
    "scaled": Input("scaled_numbers", (8, 1), tuple(each / 2000 for each in SHORT.sequence)),
    "lstm[units=1]": Input("masked_ids", (8,), tuple(SHORT.sequence)),
    "lstm[units=2]": Input("masked_ids", (8,), tuple(SHORT.sequence)),
    "bag[by=1]": Input("tfidf", (2000,), weights=((39, 0.25), (61, 0.5), (2, 0.125))),
    "bag[by=2]": Input("shares", (2000,), weights=((39, 0.25),)),
    "svm": Input("text", values=("39 61 1900 2",)),
}


def shown(view, width=80, **options):
    console = SafeConsole(width=width, file=io.StringIO(), **options)
    console.print(view, crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def words(view, width=80):
    return " ".join(" ".join(shown(view, width)).split())


def test_words_stand_above_their_ids_and_padding_at_its_place():
    lines = shown(document_text(SHORT, {}))

    assert lines[0] == "document 7, topic earn, 4 words, training"
    assert "   (start)  net  profit  rose  zyzzyva  padding, 3 steps" in lines
    assert "   1        39   61      1900  2        0" in lines
    before = Document(**vars(SHORT) | {"padding_side": "pre"})
    assert "   padding, 3 steps  (start)  net  profit  rose  zyzzyva" in shown(
        document_text(before, {})
    )


def test_what_is_cut_off_is_counted_and_named():
    lines, text = shown(document_text(LONG, {})), words(document_text(LONG, {}))

    assert "   cut off, 3 steps  rose  zyzzyva" in lines
    assert "   -                 1900  2" in lines
    assert "make 5 steps. Every sequence has 2 steps: the first 3 are cut off." in text
    assert "Cut off: (start) net profit Unknown: zyzzyva 0 is padding" in text
    at_the_end = Document(**vars(LONG) | {"cut_side": "post"})
    assert "   (start)  net  cut off, 3 steps" in shown(document_text(at_the_end, {}))
    assert "Cut off: profit rose zyzzyva" in words(document_text(at_the_end, {}))


def test_a_document_that_is_left_out_says_why():
    text = words(document_text(LEFT_OUT, {}))

    assert "No model is given this document: it is not shorter than data.maxlen, 5." in text
    assert "cut off" not in text


def test_each_input_is_shown_once_with_its_models():
    lines = shown(document_text(SHORT, INPUTS), 200)
    below = dict(itertools.pairwise(lines))

    numbers = "one feature at each step, (8, 1)"
    assert below[f"   rnn: the id of each word as a number, {numbers}"] == (
        "   1, 39, 61, 1900, 2, 0 (3 times)"
    )
    assert below[f"   scaled: the id of each word, divided by 2,000, {numbers}"] == (
        "   0.000500, 0.019500, 0.030500, 0.950000, 0.001000, 0 (3 times)"
    )
    vectors = "word ids, each of which selects a vector of an embedding"
    assert f"   lstm: {vectors}; padding is skipped, (8,)" in lines
    assert below["   bag[by=1]: the TF-IDF of each id, 0 except for these, (2000,)"] == (
        "   profit 0.5000, net 0.2500, (unknown) 0.1250"
    )
    assert below["   svm: a text, without the padding and the start mark"] == "   39 61 1900 2"


def test_without_a_config_it_says_how_to_see_inputs():
    hint = "Name a config, such as all, to see what its models are given."

    assert shown(document_text(SHORT, None))[-1] == hint
    assert hint not in shown(document_text(LEFT_OUT, {}))
    assert document_facts(SHORT, None)["inputs"] == []


def test_json_has_exact_numbers():
    facts = document_facts(LONG, INPUTS)

    assert facts["cut_off"] == {"count": 3, "side": "pre"}
    assert facts["padding"] == {"count": 0, "side": "post"}
    assert [each["models"] for each in facts["inputs"]][2] == ["lstm[units=1]", "lstm[units=2]"]
    assert facts["inputs"][1]["values"] == INPUTS["scaled"].values
    assert facts["inputs"][3]["weights"][0] == {"id": 39, "word": "net", "weight": 0.25}


@pytest.mark.parametrize("width", [20, 40, 50, 80, 120])
def test_no_line_is_longer_than_the_terminal_is_wide(width):
    for document in (SHORT, LONG, LEFT_OUT, CONTROLS):
        assert max(map(len, shown(document_text(document, INPUTS), width))) <= width


@given(
    st.lists(st.tuples(st.text("ab漢", min_size=1, max_size=30), st.integers(0, 99_999))),
    st.integers(12, 60),
)
def test_a_word_and_its_id_begin_in_the_same_column_of_their_lines(pairs, width):
    console = Console(width=width, file=io.StringIO())
    console.print(Glosses([Gloss(word, f"{id_}") for word, id_ in pairs]))
    lines = console.file.getvalue().splitlines()

    found = []
    for above, below in zip(lines[::3], lines[1::3], strict=True):
        assert len(above.split()) == len(below.split())
        found += [int(each) for each in below.split()]
    assert found == [id_ for _, id_ in pairs]


# Models

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
    lines = shown(network_text("net", network, description, SHAPE, PROVENANCE), width)
    return lines[1 + next(n for n, line in enumerate(lines) if line.endswith("─")) :]
