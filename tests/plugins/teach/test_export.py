"""The code and the drawings of layers and of stacks."""

import doctest
import re
import subprocess
import sys
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.errors import UserError
from rnnbench.plugins.teach import export
from rnnbench.plugins.teach.export import cell, numpy_code, save_drawing, stack
from rnnbench.plugins.teach.kinds import GRU, KINDS, LSTM, SIMPLE_RNN
from rnnbench.plugins.teach.toy import work_through

few = st.integers(1, 6)
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
stacks = st.lists(st.sampled_from(list(KINDS.values())), min_size=2, max_size=4)


def functions(stacked):
    """Return the functions of the code."""
    names = {"__name__": "copied"}
    exec(numpy_code(stacked), names)  # noqa: S102 - it is ours
    return names


def layer_of(kind, units, features, **options):
    """Return a Keras layer with random weights and biases, and the weights."""
    random = np.random.default_rng(units)
    layer = getattr(keras.layers, kind.keras_name)(units, dtype="float64", **options)
    layer.build((None, None, features))
    weights = [random.normal(size=each.shape) for each in layer.get_weights()]
    layer.set_weights(weights)
    return layer, weights


@kinds
@settings(max_examples=5, deadline=None)
@given(units=few, features=few, steps=few, batch=few)
@example(units=50, features=30, steps=10, batch=4)
def test_the_code_of_a_layer_gives_what_keras_gives(kind, units, features, steps, batch):
    x = np.random.default_rng(0).normal(size=(batch, steps, features))
    layer, weights = layer_of(kind, units, features, return_sequences=True)

    found = functions([kind])[kind.name](x, *weights)

    np.testing.assert_allclose(found, layer(x), rtol=0, atol=1e-6)


@settings(max_examples=5, deadline=None)
@given(stacked=stacks, units=few, features=few)
@example(stacked=[KINDS["lstm"]] * 2, units=50, features=1)
@example(stacked=list(KINDS.values()), units=3, features=2)
def test_the_code_of_a_stack_gives_what_keras_gives(stacked, units, features):
    x = np.random.default_rng(0).normal(size=(2, 5, features))
    layers, weights = [], []
    for position, kind in enumerate(stacked):
        is_last = position + 1 == len(stacked)
        width = units if position else features
        layer, own = layer_of(kind, units, width, return_sequences=not is_last)
        layers.append(layer)
        weights.append(own)
    expected = x
    for layer in layers:
        expected = layer(expected)

    found = functions(stacked)["stack"](x, weights)

    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)


@kinds
def test_huge_numbers_overflow_nowhere(kind):
    _, weights = layer_of(kind, 3, 2)
    with np.errstate(all="raise", under="ignore"):
        found = functions([kind])[kind.name](np.full((1, 4, 2), 1e6), *weights)

    assert np.isfinite(found).all()


@pytest.mark.parametrize("names", [["lstm", "simple_rnn"]], ids=" ".join)
def test_as_a_script_it_prints_the_numbers_of_the_toy(tmp_path, names):
    stacked = [KINDS[name] for name in names]
    (tmp_path / "it.py").write_text(numpy_code(stacked))

    done = subprocess.run(
        [sys.executable, tmp_path / "it.py"], check=True, capture_output=True, text=True
    )

    output = work_through(stacked)[-1].values["h"][:, -1]
    assert done.stdout == f"{output}\n"


@pytest.mark.parametrize("names", [*([name] for name in KINDS), [*KINDS, *KINDS]], ids=" ".join)
def test_it_is_plain_python_that_any_editor_shows(names):
    text = numpy_code([KINDS[name] for name in names])

    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 88
    assert all(line == line.rstrip() for line in text.splitlines())
    assert "\n\n\n\n" not in text
    assert ("sigmoid" in text) == (names != ["simple_rnn"])


def test_the_examples_in_the_docstrings_are_right():
    outcome = doctest.testmod(export)

    assert outcome.attempted
    assert not outcome.failed


SVG = "{http://www.w3.org/2000/svg}"
DRAWINGS = {
    **{kind.name: cell(kind) for kind in KINDS.values()},
    "stack of 2": stack([GRU, GRU]),
    "stack of 3": stack([SIMPLE_RNN, LSTM, GRU]),
    "stack of 6": stack([LSTM, GRU, SIMPLE_RNN] * 2),
}
drawings = pytest.mark.parametrize("drawing", DRAWINGS.values(), ids=DRAWINGS)


@drawings
def test_a_drawing_says_what_it_is_and_can_be_read_on_a_phone_in_both_themes(drawing):
    root = ElementTree.fromstring(drawing)  # noqa: S314 - it is ours

    assert [each.tag for each in root[:2]] == [f"{SVG}title", f"{SVG}desc"]
    assert all(len(each.text) > 5 for each in root[:2])
    assert root.get("viewBox").split()[2] == "372"
    assert min(map(int, re.findall(r"font-size: (\d+)px", drawing))) >= 12
    assert "@media (prefers-color-scheme: dark)" in drawing
    assert not re.findall(r'(?:fill|stroke)="', drawing)  # colours come from the styles


@drawings
def test_all_styles_are_those_of_the_first(drawing):
    style = re.compile("<style>.*</style>", re.S)

    assert style.search(drawing)[0] == style.search(cell(LSTM))[0]


@drawings
def test_nothing_is_outside_the_drawing(drawing):
    root = ElementTree.fromstring(drawing)  # noqa: S314 - it is ours
    left, top, width, height = map(float, root.get("viewBox").split())

    for each in (*root.iter(f"{SVG}rect"), *root.iter(f"{SVG}text")):
        x, y = float(each.get("x")), float(each.get("y"))
        assert left < x
        assert top < y
        assert x + float(each.get("width", 0)) < left + width
        assert y + float(each.get("height", 0)) < top + height


def test_a_stack_shows_its_layers_from_the_bottom_up():
    root = ElementTree.fromstring(stack([SIMPLE_RNN, LSTM, GRU]))  # noqa: S314 - it is ours
    place = {each.text: float(each.get("y")) for each in root.iter(f"{SVG}text")}

    assert place["SimpleRNN"] > place["LSTM"] > place["GRU"] > place["dense softmax"]
    assert "layers 1 and 2 pass on all states (return_sequences: true)" in place
    assert "layer 3 passes on only the last (return_sequences: false)" in place


@pytest.mark.parametrize(
    ("kinds", "arrows"), [([GRU, GRU], 0), ([LSTM, GRU], 3), ([LSTM, LSTM], 6)]
)
def test_the_cell_states_of_lstm_layers_are_thick_arrows(kinds, arrows):
    drawing = stack(kinds)

    assert drawing.count('class="memory"') == arrows
    assert ("thick arrows: cell states" in drawing) == (arrows > 0)


def test_a_file_is_written_whole_and_only_overwritten_if_that_is_wanted(tmp_path):
    file = tmp_path / "lstm.svg"

    save_drawing([LSTM], file, overwrite=False)
    with pytest.raises(UserError, match=r"exists already \(--force overwrites it\)"):
        save_drawing([GRU], file, overwrite=False)

    assert file.read_text() == cell(LSTM)
    save_drawing([GRU, LSTM], file, overwrite=True)
    assert file.read_text() == stack([GRU, LSTM])
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["lstm.png", "lstm", "svg"])
def test_a_file_that_is_no_svg_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"allowed: \.svg"):
        save_drawing([LSTM], tmp_path / name, overwrite=True)

    assert not list(tmp_path.iterdir())
    (tmp_path / "lstm.svg").mkdir()
    with pytest.raises(UserError, match="cannot be written"):
        save_drawing([LSTM], tmp_path / "lstm.svg", overwrite=True)
