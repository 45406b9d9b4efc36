"""Stacks as numbers, as code, which is compared with Keras, and as drawings."""

import io
import re
from xml.etree import ElementTree

import keras
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.random import default_rng
from numpy.testing import assert_allclose
from rich.console import Console

from rnnbench.plugins.teach.kinds import GRU, KINDS, LSTM, SIMPLE_RNN
from rnnbench.plugins.teach.toy import draw, numpy_code, terms, toy_view, work_through

STACKS = [[kind] for kind in KINDS.values()] + [list(KINDS.values())]
kinds = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
stacks = pytest.mark.parametrize(
    "stacked", STACKS, ids=lambda stacked: " ".join(kind.name for kind in stacked)
)


def shown(stacked, width=80):
    console = Console(width=width, file=io.StringIO())
    _, view = toy_view(work_through(stacked))
    console.print(view)
    lines = console.file.getvalue().splitlines()
    return [line.rstrip() for line in lines]


@stacks
def test_the_terms_of_an_equation_add_up_to_what_it_computes(stacked):
    for layer in work_through(stacked):
        for sequence, step in np.ndindex(3, 2):
            known = terms(layer, sequence, step)
            for equation in layer.kind.equations:
                left, _, right = equation.text.partition(" = ")
                assert_allclose(value(right, known), known[left])


def value(text, known):
    """Evaluate the right side of an equation with the values of its terms."""
    names = {}
    for number, term in enumerate(sorted(known, key=len, reverse=True)):
        text = re.sub(rf"(?<!\w){re.escape(term)}(?!\w)", f"v{number}", text)
        names[f"v{number}"] = known[term]
    spelled = text.replace("⊙", "*").replace("−", "-")  # noqa: RUF001
    functions = {"tanh": np.tanh, "σ": lambda a: 1 / (1 + np.exp(-a))}  # noqa: RUF001
    return eval(spelled, functions | names)  # noqa: S307 - it is ours


def test_a_simple_rnn_is_worked_through_to_the_last_number():
    lines = shown([KINDS["simple_rnn"]])

    heading = "   Sequence 1, step 2: x = [4 5 6], hidden state [0.2913 0.1974]"
    start = lines.index(heading)
    assert lines[start + 2 : start + 6] == [
        "   new hidden state",
        "   hₜ = tanh(xₜ W + hₜ₋₁ U + b)",
        "      = tanh([0.8 0.3] + [0.1269 -0.0686] + [0.1 -0.1])",
        "      = [0.7726 0.1306]",
    ]
    assert "   sequence 1  [0.2913 0.1974]  [0.7726 0.1306]" in lines


widths = pytest.mark.parametrize("width", [40, 120])


@stacks
@widths
def test_it_fits_the_terminal(stacked, width):
    lines = shown(stacked, width)

    longest = max(len(line) for line in lines)
    assert longest <= min(width, 80)


@stacks
@widths
def test_it_shows_every_number(stacked, width):
    lines = shown(stacked, width)

    words = " ".join(lines).split()
    text = " ".join(words)
    for layer in work_through(stacked):
        for number in layer.values["h"].ravel():
            assert f"{round(number, 4) + 0.0:g}" in text


@kinds
def test_the_code_of_a_layer_has_the_words_of_its_equations(kind):
    code = numpy_code([kind])

    meanings = re.findall(r"^        # (.*)$", code, re.M)
    assert meanings == [equation.meaning for equation in kind.equations]
    for state in kind.states:
        assert f"{state.symbol} = np.zeros((len(x), len(U)))  # {state.name}" in code


@kinds
def test_the_code_of_a_layer_gives_the_states_of_its_steps(kind):
    x = default_rng(0).normal(size=(2, 4, 3))
    _, weights = layer_of(kind, 5, 3)

    function = functions([kind])[kind.name]
    states = function(x, *weights)

    expected = kind.run(x, *weights)["h"]
    assert_allclose(states, expected, rtol=1e-12)


few = st.integers(1, 6)
stacks_of_kinds = st.lists(
    st.sampled_from(list(KINDS.values())), min_size=1, max_size=4
)


def functions(stacked, name="copied"):
    """Return the functions of the code, which is run as a module of this name."""
    names = {"__name__": name}
    exec(numpy_code(stacked), names)  # noqa: S102 - it is ours
    return names


def layer_of(kind, units, features, **options):
    """Return a Keras layer with random weights and biases, and the weights."""
    random = default_rng(units)
    keras_layer = getattr(keras.layers, kind.keras_name)
    layer = keras_layer(units, dtype="float64", **options)
    layer.build((None, None, features))
    weights = [random.normal(size=item.shape) for item in layer.get_weights()]
    layer.set_weights(weights)
    return layer, weights


@settings(max_examples=2)
@given(stacked=stacks_of_kinds, units=few, features=few, steps=few, batch=few)
@example(stacked=[SIMPLE_RNN], units=50, features=30, steps=10, batch=4)
@example(stacked=[LSTM] * 2, units=50, features=1, steps=5, batch=2)
@example(stacked=list(KINDS.values()), units=3, features=2, steps=5, batch=2)
def test_the_code_gives_what_keras_gives(stacked, units, features, steps, batch):
    x = default_rng(0).normal(size=(batch, steps, features))
    expected = x
    weights = []
    for kind in stacked:
        features = expected.shape[-1]
        layer, arrays = layer_of(kind, units, features, return_sequences=True)
        expected = layer(expected)
        weights.append(arrays)

    code = functions(stacked)
    if len(stacked) > 1:
        last = code["stack"](x, weights)
    else:
        (kind,) = stacked
        states = code[kind.name](x, *weights[0])
        last = states[:, -1]

    assert_allclose(last, expected[:, -1], rtol=0, atol=1e-6)


@kinds
def test_huge_numbers_overflow_nowhere(kind):
    _, weights = layer_of(kind, 3, 2)
    function = functions([kind])[kind.name]
    x = np.full((1, 4, 2), 1e6)

    with np.errstate(all="raise", under="ignore"):
        states = function(x, *weights)

    assert np.isfinite(states).all()


@stacks
def test_it_is_plain_python_that_any_editor_shows(stacked):
    text = numpy_code(stacked)

    assert text.isascii()
    longest = max(len(line) for line in text.splitlines())
    assert longest <= 88
    has_sigmoid = "sigmoid" in text
    assert has_sigmoid == (stacked != [SIMPLE_RNN])


@stacks
def test_as_a_script_it_prints_the_last_states_of_the_toy(stacked, capsys):
    functions(stacked, "__main__")

    last_layer = work_through(stacked)[-1]
    last = last_layer.values["h"][:, -1]
    assert capsys.readouterr().out == f"{last}\n"


SVG = "{http://www.w3.org/2000/svg}"


drawn = pytest.mark.parametrize(
    "stacked", [*STACKS, [GRU, GRU], [LSTM, GRU, SIMPLE_RNN] * 2]
)


def root_of(stacked):
    return ElementTree.fromstring(draw(stacked))  # noqa: S314 - it is ours


@drawn
def test_a_drawing_says_what_it_is(stacked):
    title, description = root_of(stacked)[:2]

    assert title.tag == f"{SVG}title"
    assert len(title.text) > 5
    assert description.tag == f"{SVG}desc"
    assert len(description.text) > 5


@drawn
def test_a_drawing_can_be_read_on_a_phone(stacked):
    sizes = re.findall(r"font-size: (\d+)px", draw(stacked))

    _, _, width, _ = root_of(stacked).get("viewBox").split()
    assert width == "372"
    smallest = min(int(size) for size in sizes)
    assert smallest >= 12


@drawn
def test_a_drawing_has_the_colours_of_both_themes(stacked):
    drawing = draw(stacked)

    assert "@media (prefers-color-scheme: dark)" in drawing
    assert not re.findall(r'(?:fill|stroke)="', drawing), "they come from the styles"
    style = re.compile("<style>.*</style>", re.S)
    others = style.search(draw([LSTM]))
    assert style.search(drawing)[0] == others[0], "all are alike"


@drawn
def test_nothing_is_outside_of_a_drawing(stacked):
    root = root_of(stacked)
    left, top, width, height = map(float, root.get("viewBox").split())

    rectangles = root.iter(f"{SVG}rect")
    texts = root.iter(f"{SVG}text")
    for item in (*rectangles, *texts):
        x = float(item.get("x"))
        y = float(item.get("y"))
        assert left < x
        assert top < y
        assert x + float(item.get("width", 0)) < left + width
        assert y + float(item.get("height", 0)) < top + height


def test_a_stack_shows_its_layers_from_the_bottom_up():
    root = root_of([SIMPLE_RNN, LSTM, GRU])
    heights = {}
    for text in root.iter(f"{SVG}text"):
        heights[text.text] = float(text.get("y"))

    names = ["SimpleRNN", "LSTM", "GRU", "dense softmax"]
    assert sorted(names, key=heights.get, reverse=True) == names
    assert "layers 1 and 2 pass on all states (return_sequences: true)" in heights
    assert "layer 3 passes on only the last (return_sequences: false)" in heights


@pytest.mark.parametrize(
    ("stacked", "arrows"),
    [
        ([GRU, GRU], 0),
        ([LSTM, GRU], 3),
        ([LSTM, LSTM], 6),
    ],
)
def test_thick_arrows_are_cell_states(stacked, arrows):
    drawing = draw(stacked)

    assert drawing.count('class="memory"') == arrows
    assert ("thick arrows: cell states" in drawing) == (arrows > 0)
