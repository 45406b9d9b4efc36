"""Drawings of layers and of stacks."""

import re
from xml.etree import ElementTree

import pytest

from rnnbench.errors import UserError
from rnnbench.explain.drawing import cell, save, stack
from rnnbench.explain.kinds import GRU, KINDS, LSTM, SIMPLE_RNN

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

    save([LSTM], file, overwrite=False)
    with pytest.raises(UserError, match=r"exists already \(--force overwrites it\)"):
        save([GRU], file, overwrite=False)

    assert file.read_text() == cell(LSTM)
    save([GRU, LSTM], file, overwrite=True)
    assert file.read_text() == stack([GRU, LSTM])
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("name", ["lstm.png", "lstm", "svg"])
def test_a_file_that_is_no_svg_is_refused(tmp_path, name):
    with pytest.raises(UserError, match=r"allowed: \.svg"):
        save([LSTM], tmp_path / name, overwrite=True)

    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_the_file_is_left_alone(tmp_path):
    (tmp_path / "lstm.svg").mkdir()

    with pytest.raises(UserError, match="cannot be written"):
        save([LSTM], tmp_path / "lstm.svg", overwrite=True)
