import io
import re
import xml.etree.ElementTree as ET

import pytest
from factories import finished_run
from PIL import Image

from rnnbench.report.plots import PAPER, accuracy_plot, confusion_plot, learning_plot

SVG = "{http://www.w3.org/2000/svg}"
ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)], "lstm": [(0, 0, 1, 2), (0, 1, 1, 2)]}


def draw():
    run = finished_run(ANSWERS)
    return [accuracy_plot(run), learning_plot(run), confusion_plot(run, "rnn")]


@pytest.fixture(scope="module")
def plots():
    return draw()


def test_every_plot_is_a_valid_svg_without_a_background_and_a_valid_png_with_one(plots):
    for plot in plots:
        png = Image.open(io.BytesIO(plot.png))

        assert ET.fromstring(plot.svg).tag == f"{SVG}svg"  # noqa: S314 - drawn here
        assert PAPER not in plot.svg
        assert png.convert("RGB").getpixel((0, 0)) == (254, 254, 254)


def test_text_stays_text(plots):
    texts = {element.text for element in ET.fromstring(plots[0].svg).iter(f"{SVG}text")}  # noqa: S314

    assert {"rnn", "lstm", "always 'earn'", "test accuracy"} <= texts


def test_the_alternative_text_gives_the_numbers(plots):
    assert "rnn 0.625 (" in plots[0].alt


def test_the_same_run_gives_the_same_plots(plots):
    assert draw() == plots


def test_each_published_accuracy_of_a_model_is_drawn_beside_it():
    reference = {"source": "notebook", "dataset": "d" * 64, "models": {"rnn": {"accuracy": 0.7}}}

    def diamonds(references):  # the legend has one, too
        plot = accuracy_plot(finished_run(ANSWERS, references=references))
        return len(re.findall(r"<use [^>]*stroke: #1b1f24[^>]*stroke-linejoin: miter", plot.svg))

    assert diamonds({}) == 0
    assert diamonds({"a": reference}) == 2
    assert diamonds({"a": reference, "b": reference}) == 3
