"""The words for the parts of plots."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from factories import finished_run

from rnnbench.report.plots import accuracy_plot, confusion_plot, differences_plot, learning_plot
from rnnbench.training.outcome import History

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}
SVG = "{http://www.w3.org/2000/svg}"


def marks_of(plot):
    """The models and the words of each marked part of a plot, in the order of drawing."""
    parts = ET.fromstring(plot.svg).iter(f"{SVG}g")  # noqa: S314 - drawn here
    return [
        (part.get("data-models").split(), part.findtext(f"{SVG}title"))
        for part in parts
        if part.get("class") in ("area", "line")
    ]


def words_of(plot):
    return [words for _, words in marks_of(plot) if words]


def test_a_row_has_the_accuracy_of_its_model_with_both_intervals_and_what_was_published():
    reference = {"source": "a <book>", "dataset": "d" * 64, "models": {"rnn": {"accuracy": 0.7}}}
    run = finished_run(ANSWERS, references={"book": reference})

    (rnn, of_rnn), (lstm, of_lstm) = marks_of(accuracy_plot(run))

    assert (rnn, lstm) == (["rnn"], ["lstm"])
    whole, seeds = (
        run.results.models[0].accuracy_interval,
        run.results.models[0].accuracy.over_seeds,
    )
    assert of_rnn.split("\n") == [
        "rnn: 0.6250",
        f"95 % over documents and seeds: {whole.low:.4f} to {whole.high:.4f}",
        f"95 % over seeds: {seeds.low:.4f} to {seeds.high:.4f}",
        "published (a <book>): 0.7000",
    ]
    assert "published" not in of_lstm


def test_a_row_of_differences_has_both_models_and_the_verdict():
    ((models, words),) = marks_of(differences_plot(finished_run(ANSWERS)))

    assert models == ["lstm", "rnn"]
    assert re.match(r"lstm - rnn \+0\.250 \(-\d\.\d+ to \+\d\.\d+, too few seeds\)$", words)


def test_each_row_is_above_the_one_of_the_model_below():
    many = dict.fromkeys(("a", "b", "c"), ANSWERS["rnn"])

    svg = differences_plot(finished_run(many)).svg

    tops = [
        float(y) for y in re.findall(r'class="area".*?<path d="M [\d.]+ ([\d.]+)', svg, re.DOTALL)
    ]
    assert len(tops) == 3
    assert tops == sorted(tops)


def test_an_epoch_has_the_median_of_each_network_and_its_range():
    low = History(loss=[2.0, 1.0], accuracy=[0.5, 0.75])
    high = History(loss=[4.0, 3.0], accuracy=[0.5, 0.75])
    run = finished_run(ANSWERS, records={name: {"history": low} for name in ANSWERS})
    for trials in run.trials.values():
        record = trials[1].record.model_copy(update={"history": high})
        trials[1] = replace(trials[1], record=record)

    words = words_of(learning_plot(run))

    assert words[:2] == [
        "epoch 1\nrnn: 3 (2 to 4)\nlstm: 3 (2 to 4)",
        "epoch 2\nrnn: 2 (1 to 3)\nlstm: 2 (1 to 3)",
    ]
    assert words[2] == "epoch 1\nrnn: 0.5 (0.5 to 0.5)\nlstm: 0.5 (0.5 to 0.5)"


def test_validation_stands_beside_training_with_its_own_values():
    curves = History(loss=[2.0], accuracy=[0.5], val_loss=[2.5], val_accuracy=[0.25])
    run = finished_run(ANSWERS, records={name: {"history": curves} for name in ANSWERS})

    plot = learning_plot(run)

    assert "loss on the validation documents" in plot.svg
    assert [words.split("\n")[1] for words in words_of(plot)] == [
        f"rnn: {value:g} ({value:g} to {value:g})" for value in (2, 2.5, 0.5, 0.25)
    ]


def test_of_many_epochs_some_have_their_values_in_words():
    curves = History(loss=[1.0] * 950, accuracy=[0.5] * 950)
    run = finished_run(ANSWERS, records={name: {"history": curves} for name in ANSWERS})

    words = words_of(learning_plot(run))

    assert len(words) == 2 * 95
    assert words[0].startswith("epoch 10\n")


def test_a_loss_that_is_not_a_number_has_no_words():
    curves = History(loss=[1.0, None, 1e308], accuracy=[0.5] * 3)
    run = finished_run(ANSWERS, records={"rnn": {"history": curves}})

    assert words_of(learning_plot(run))[1:3] == ["epoch 2\nlstm: 0.5 (0.5 to 0.5)", "epoch 3"]


def test_lines_and_bands_belong_to_their_networks():
    lines = [
        models for models, words in marks_of(learning_plot(finished_run(ANSWERS))) if not words
    ]

    assert sorted(lines) == [["lstm"]] * 4 + [["rnn"]] * 4


def test_a_cell_has_its_share():
    words = words_of(confusion_plot(finished_run(ANSWERS), "rnn"))

    assert len(words) == 16
    assert words[0] == "earn (2 documents) classified as earn: 1.000"
    assert "grain (1 document) classified as acq: 1.000" in words


@pytest.mark.parametrize("plot", [accuracy_plot, learning_plot])
def test_ids_are_unique(plot):
    ids = re.findall(r'\bid="([^"]+)"', plot(finished_run(ANSWERS)).svg)

    assert len(ids) == len(set(ids))
