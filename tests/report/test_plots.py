import io
import re
import xml.etree.ElementTree as ET

import pytest
from factories import finished_run
from PIL import Image

from rnnbench.report.plots import PAPER, accuracy_plot, draw_plots

SVG = "{http://www.w3.org/2000/svg}"
ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}


@pytest.fixture(scope="module")
def plots():
    return {plot.name: plot for plot in draw_plots(finished_run(ANSWERS))}


def test_a_run_is_shown_by_its_accuracies_its_learning_and_each_models_confusion(plots):
    assert list(plots) == ["accuracy", "learning_curves", "confusion-rnn", "confusion-lstm"]


def test_every_picture_is_whole_as_svg_and_as_png(plots):
    for plot in plots.values():
        assert ET.fromstring(plot.svg).tag == f"{SVG}svg"  # noqa: S314 - we drew it
        Image.open(io.BytesIO(plot.png)).verify()


def test_text_stays_text(plots):
    texts = {element.text for element in ET.fromstring(plots["accuracy"].svg).iter(f"{SVG}text")}  # noqa: S314

    assert {"rnn", "lstm", "always 'earn'", "test accuracy"} <= texts


def test_the_svg_has_no_background_and_the_png_has(plots):
    plot = plots["accuracy"]
    corner = Image.open(io.BytesIO(plot.png)).convert("RGB").getpixel((0, 0))

    assert PAPER not in plot.svg
    assert corner == (254, 254, 254)


def test_those_who_cannot_see_it_are_told_the_numbers(plots):
    assert "rnn 0.625 (" in plots["accuracy"].alt


def test_the_same_run_gives_the_same_picture(plots):
    again = {plot.name: plot for plot in draw_plots(finished_run(ANSWERS))}

    assert again == plots


def test_each_published_accuracy_of_a_model_is_drawn_beside_it():
    reference = {"source": "notebook", "dataset": "d" * 64, "models": {"rnn": {"accuracy": 0.7}}}
    without = accuracy_plot(finished_run(ANSWERS))
    once = accuracy_plot(finished_run(ANSWERS, references={"a": reference}))
    twice = accuracy_plot(finished_run(ANSWERS, references={"a": reference, "b": reference}))

    def diamonds(plot):  # the legend has one, too
        return len(re.findall(r"<use [^>]*stroke: #1b1f24[^>]*stroke-linejoin: miter", plot.svg))

    assert (diamonds(without), diamonds(once), diamonds(twice)) == (0, 2, 3)
