"""Notes on what learners trip over: each for what calls for it, and for nothing
else.
"""

import re

import numpy as np
import pytest
from factories import SOFTMAX, benchmark, corpus_of_texts, finished_run

from rnnbench.analysis.notes import (
    note_on_decoding,
    notes_on_config,
    notes_on_data,
    notes_on_run,
)
from rnnbench.cli.app import load_command
from rnnbench.data.audit import summarize_dataset
from rnnbench.data.config import Data
from rnnbench.data.corpus import corpus_of_words
from rnnbench.data.dataset import make_dataset

MASKED = {"embedding": {"dim": 2}}
EMBEDDING = {"embedding": {"dim": 2, "masking": False}}
GRU = {"gru": {"units": 2}}
STACKED = {"gru": {"units": 2, "return_sequences": True}}
POOLED = [{"conv1d": {"filters": 2, "kernel_size": 2}}, {"pooling": {"by": "max"}}]
BOTH_WAYS = {"bidirectional": {"layer": {"gru": {"units": 2}}}}
FINE = {"seeds": [0, 1], "validation_split": 0.1}


def titles(notes):
    return [note.title for note in notes]


def config(layers, data=None, training=None, **model):
    return benchmark(
        models={"net": {"layers": [*layers, SOFTMAX], **model}},
        data={"source": "r8"} | (data or {}),
        training=FINE | (training or {}),
    )


def on_data(documents, labels, is_test, **data):
    """The notes on a data set of documents that are given by their words."""
    corpus = corpus_of_texts(documents, labels, is_test)
    section = Data(**data)
    summary = summarize_dataset(corpus, make_dataset(corpus, section))
    return list(notes_on_data(summary, section, corpus))


SPLIT = [False, False, True, True]


def test_documents_that_maxlen_drops_are_counted():
    (note,) = on_data(["a", "b", "c", "d e f g"], "xyxy", SPLIT, maxlen=5)

    assert on_data(["a", "b", "c", "d"], "xyxy", SPLIT, maxlen=5) == []
    assert note.title == "documents lost to maxlen"
    assert note.evidence == "1 of 4 documents have 4 words or more and are left out."


def test_topics_that_are_never_trained_are_named():
    (note,) = on_data(["a", "b", "c", "d"], "xxyz", SPLIT)

    assert note.evidence == "No training document is about y, z."


def test_documents_in_both_sets_are_counted():
    (note,) = on_data(["a a", "b", "a a", "b"], "xyxx", SPLIT)

    assert note.title == "documents in both sets"
    assert "2 of 2 test documents" in note.evidence
    assert "1 only with the same label, 1 only with other labels" in note.evidence


def test_an_option_in_advice_is_that_of_a_command_beside_it():
    notes = [
        *on_data(["a a", "b", "a a", "b"], "xyxx", SPLIT),
        *notes_on_config(config([EMBEDDING, GRU], training={"seeds": [7]})),
    ]
    advice = " ".join(note.advice for note in notes)
    commands = re.findall(r"`rnnbench (\w+) ([^`]*)`", advice)

    options = [
        option for _, rest in commands for option in re.findall(r"--[a-z-]+", rest)
    ]
    assert (
        re.findall(r"--[a-z-]+", advice)
        == options
        == ["--without-duplicates", "--seeds"]
    )
    for (command, _), option in zip(commands, options, strict=True):
        assert option in [
            name for item in load_command(command).params for name in item.opts
        ]


def test_the_offset_of_ids_is_shown_on_the_first_document():
    corpus = corpus_of_words([["a", "b"], ["c", "d", "e", "f"]], "abcdef", [0, 1], "xy")
    dataset = make_dataset(corpus, Data(test_split=0.5, num_words=9))

    note = note_on_decoding(corpus, dataset)

    assert (
        "begins 'a b'; with its ids looked up as ranks, it would be 'd e'"
        in note.evidence
    )


POST = {"data": {"padding": "post"}}
IDS = ["word ids as numbers"]
PADDING = ["padding before the last state"]


@pytest.mark.parametrize(
    ("layers", "changes", "expected"),
    [
        ([EMBEDDING, GRU], {}, []),
        ([GRU], {}, IDS),
        ([GRU], {"inputs": "scaled_ids"}, []),
        ([EMBEDDING, GRU], POST, PADDING),
        ([EMBEDDING, STACKED, GRU], POST, PADDING),
        ([EMBEDDING, BOTH_WAYS], POST, PADDING),
        ([MASKED, GRU], POST, []),
        ([EMBEDDING, *POOLED], POST, []),
        ([EMBEDDING, STACKED, {"pooling": {"by": "max"}}], POST, []),
        ([EMBEDDING, GRU], {"training": {"seeds": [7]}}, ["one seed"]),
        (
            [EMBEDDING, GRU],
            {"training": {"validation_split": 0}},
            ["nothing to choose on"],
        ),
    ],
)
def test_a_model_has_only_the_notes_that_fit_it(layers, changes, expected):
    assert titles(notes_on_config(config(layers, **changes))) == expected
    baselines = {"nb": {"baseline": "multinomial_naive_bayes"}}
    assert (
        titles(notes_on_config(benchmark(models=baselines, data={"source": "r8"})))
        == []
    )


def test_a_model_that_answers_the_majority_only_is_noted():
    run = finished_run(
        {"stuck": [np.zeros(4, int), [0, 0, 0, 1]], "rnn": [[0, 1, 1, 0]] * 2}
    )

    notes = [note for note in notes_on_run(run) if "one answer" in note.title]

    assert titles(notes) == ["stuck has learned one answer"]
    assert "with 1 of 2 seeds" in notes[0].evidence
