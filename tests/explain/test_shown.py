"""An explained layer, as a program or a notebook asks for it."""

import subprocess
import sys

import pytest

import rnnbench


def test_a_layer_is_explained_as_on_the_command_line(cli):
    explanation = rnnbench.explain_layer("gru", units=3, features=2, steps=4, batch=2)

    page = cli("explain", "gru", "--units", 3, "--features", 2, "--steps", 4, "--batch", 2).stdout
    assert str(explanation) == repr(explanation)
    assert repr(explanation).splitlines() == [line.rstrip() for line in page.splitlines()]
    assert isinstance(explanation, rnnbench.Explanation)
    assert explanation.parameters.formula.value == explanation.parameters.count == 63
    assert explanation.check.largest_difference < 1e-6
    assert explanation.failures == []


@pytest.mark.parametrize("size", ["units", "features", "steps", "batch"])
@pytest.mark.parametrize("number", [0, 100_000])
def test_sizes_have_bounds(size, number):
    with pytest.raises(rnnbench.UserError, match=rf"{size}: got {number} \(should be 1 to \d+\)"):
        rnnbench.explain_layer("lstm", **{size: number})


@pytest.mark.parametrize("size", ["50", 2.5, True])
def test_a_size_is_a_whole_number(size):
    with pytest.raises(rnnbench.UserError, match="units: got "):
        rnnbench.explain_layer("lstm", units=size)


def test_a_wrong_name_imports_no_tensorflow():
    code = (
        "import sys, rnnbench\n"
        "try: rnnbench.explain_layer('lstn')\n"
        "except rnnbench.UserError as error: print(error)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert "no layer 'lstn'" in done.stdout
    assert "did you mean 'lstm'" in done.stdout
