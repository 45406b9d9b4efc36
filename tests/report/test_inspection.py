"""One document, and models, in the terminal: at any width, in any encoding, without
Keras.
"""

import io
from dataclasses import replace

import pytest
from factories import SOFTMAX, benchmark

from rnnbench.data.config import Data
from rnnbench.data.vocabulary import Document
from rnnbench.models.describe import Description, LayerFacts
from rnnbench.models.layers import parse_layer
from rnnbench.models.layers.base import Shape
from rnnbench.report.document_view import document_view, models_by_input
from rnnbench.report.model_view import network_view
from rnnbench.terminal.console import SafeConsole

SHORT = Document(
    number=7,
    topic="earn",
    words=["net", "profit", "rose", "zyzzyva"],
    place="training",
    ids=[1, 39, 61, 1900, 2],
    sequence=[1, 39, 61, 1900, 2, 0, 0, 0],
    n_ids=2000,
    data=Data(padding="post"),
)
LONG = replace(SHORT, sequence=[1900, 2])
CONTROLS = replace(SHORT, words=["\x1b" * 30] * 4)
LEFT_OUT = replace(SHORT, sequence=None, place="left out", data=Data(maxlen=5))
INPUTS = {"scaled_numbers": ["rnn"], "masked_ids": ["lstm[units=1]", "lstm[units=2]"]}


def shown(view, width=80):
    console, (_, *parts) = SafeConsole(width=width, file=io.StringIO()), view
    for part in parts:
        console.print(part, crop=False)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def words(view, width=80):
    return " ".join(" ".join(shown(view, width)).split())


def test_words_stand_above_their_ids():
    lines = shown(document_view(SHORT, {}))

    assert lines[0] == "document 7, topic earn, 4 words, training"
    place = lines.index("   (start)  net  profit  rose  zyzzyva")
    assert lines[place + 1] == "   1        39   61      1900  2"
    assert lines[place + 3] == "   padding (0): 3 steps"
    before = shown(document_view(replace(SHORT, data=Data()), {}))
    assert before.index("   padding (0): 3 steps") == place


def test_what_is_cut_off_is_named():
    other = replace(LONG, data=Data(truncating="post"))
    long, at_the_end = (document_view(item, {}) for item in (LONG, other))
    lines = shown(long)
    text = words(long)

    place = lines.index("   cut off: 3 steps")
    assert lines[place + 2 : place + 4] == ["   rose  zyzzyva", "   1900  2"]
    assert "make 5 steps. Every sequence has 2 steps: the first 3 are cut off." in text
    assert "Cut off: (start) net profit Unknown: zyzzyva 0 is padding" in text
    assert "   (start)  net" in shown(at_the_end)
    assert "Cut off: profit rose zyzzyva" in words(at_the_end)


def test_a_document_that_is_left_out_says_why():
    text = words(document_view(LEFT_OUT, INPUTS))

    assert (
        "No model is given this document: it is not shorter than data.maxlen, 5."
        in text
    )
    assert "cut off" not in text
    assert "The inputs of the models" not in text


def test_each_input_is_shown_once_with_its_models():
    *_, rnn, lstm = shown(document_view(SHORT, INPUTS), 200)

    assert (
        rnn == "   rnn: the id of each word, divided by 2,000, one feature at each step"
    )
    vectors = "word ids, each of which selects a vector of an embedding"
    assert lstm == f"   lstm: {vectors}; padding is skipped"


RNN = {"simple_rnn": {"units": 3}}
EMBEDDING = {"embedding": {"dim": 2, "masking": False}}


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        ({"layers": [RNN, SOFTMAX]}, "numbers"),
        ({"layers": [RNN, SOFTMAX], "inputs": "scaled_ids"}, "scaled_numbers"),
        ({"layers": [EMBEDDING, RNN, SOFTMAX]}, "ids"),
        (
            {"layers": [{"embedding": {"dim": 2, "masking": True}}, RNN, SOFTMAX]},
            "masked_ids",
        ),
        ({"layers": [{"bag_of_words": {"values": "shares"}}, SOFTMAX]}, "shares"),
        ({"baseline": "tfidf_linear_svm"}, "text"),
        ({"baseline": {"tfidf_linear_svm": {"analyzer": "char"}}}, "words"),
        ({"python": "nets:small"}, "ids"),
    ],
)
def test_the_input_of_a_model_is_that_of_its_first_layer(model, kind):
    assert models_by_input(benchmark(models={"m": model}).models) == {kind: ["m"]}


def test_without_a_config_it_says_how_to_see_inputs():
    hint = "Name a config, such as all, to see what its models are given."

    view = document_view(SHORT, None)

    assert shown(view)[-1] == hint
    assert view[0]["inputs"] == []
    assert hint not in shown(document_view(LEFT_OUT, {}))


def test_the_record_has_numbers_of_steps():
    record, *_ = document_view(LONG, INPUTS)

    assert record["cut_off"] == {"count": 3, "side": "pre"}
    assert record["padding"] == {"count": 0, "side": "post"}
    assert record["inputs"][1] == {"models": INPUTS["masked_ids"], "kind": "masked_ids"}


@pytest.mark.parametrize("width", [20, 50, 80])
def test_no_line_is_longer_than_the_terminal_is_wide(width):
    for document in (SHORT, LONG, LEFT_OUT, CONTROLS):
        lines = shown(document_view(document, INPUTS), width)
        assert max(map(len, lines)) <= width
        assert document is CONTROLS or "".join(lines).isascii()


# Models

SHAPE = Shape(timesteps=5, n_topics=3, n_ids=1000)
PROVENANCE = {"source": "made-up", "from": "nowhere"}
BOTH_WAYS = {
    "bidirectional": {"layer": {"gru": {"units": 4, "return_sequences": True}}}
}


def test_totals_stand_below():
    *_, trainable, other, _, data = drawn(SOFTMAX)

    assert trainable.split() == ["trainable", "1,234"]
    assert other.split() == ["other", "56"]
    assert data.startswith("Data: made-up (nowhere), 5 steps, 3 labels, 1,000 ids.")


@pytest.mark.parametrize("width", [60, 80])
def test_a_network_fits_the_terminal(width):
    assert max(map(len, drawn(BOTH_WAYS, width))) <= width


def drawn(layer, width=100):
    """Return the lines of a network from those of this layer on."""
    listed = LayerFacts(
        "layer", "Layer", parse_layer(layer), ((None, 4),), trainable_params=1234
    )
    description = Description((listed,), trainable_params=1234, other_params=56)
    network = benchmark().models["rnn"]
    lines = shown(network_view("net", network, description, SHAPE, PROVENANCE), width)
    return lines[1 + next(n for n, line in enumerate(lines) if line.endswith("─")) :]
