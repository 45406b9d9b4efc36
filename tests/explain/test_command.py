"""``rnnbench explain``, as it is typed."""

import json
import subprocess
import sys
from dataclasses import replace

import pytest

from rnnbench.explain.kinds import GRU, KINDS

SMALL = ["--units", 3, "--features", 2, "--steps", 4, "--batch", 2]


def test_the_default_sizes_are_those_of_the_notebook(cli):
    document = json.loads(cli("explain", "lstm", "--json").stdout)

    assert document["sizes"] == {"units": 50, "features": 30, "steps": 10, "batch": 4}
    assert [each["shape"] for each in document["outputs"]] == [[4, 50], [4, 10, 50]]


@pytest.mark.parametrize(
    ("layer", "gates", "parameters"),
    [("simple_rnn", "h", 18), ("gru", "zrh", 63), ("lstm", "ifco", 72)],
)
def test_json_is_one_document_with_all_facts(cli, layer, gates, parameters):
    document = json.loads(cli("explain", layer, *SMALL, "--json").stdout)

    assert (document["schema_version"], document["layer"]) == (1, layer)
    assert document["gates"] == list(gates)
    assert [each["text"] for each in document["equations"]] == [
        each.text for each in KINDS[layer].equations
    ]
    assert document["parameters"]["count"] == parameters
    assert len(document["check"]["steps"]) == 4
    assert document["check"]["largest_difference"] <= document["check"]["tolerance"] == 1e-6
    assert document["failures"] == []


@pytest.mark.parametrize("option", ["--units", "--features", "--steps", "--batch"])
@pytest.mark.parametrize("size", [0, -1, 100_000, "many"])
def test_sizes_are_positive_and_have_upper_bounds(cli, option, size):
    result = cli("explain", "lstm", option, size)

    assert result.exit_code == 2
    assert option in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_numbers_that_differ_are_shown_and_end_with_1(cli, form, monkeypatch):
    def wrong(x, states, *weights):
        return {"h": GRU.step(x, states, *weights)["h"] + 0.25}

    monkeypatch.setitem(KINDS, "gru", replace(GRU, step=wrong))

    result = cli("explain", "gru", *SMALL, "--steps", 1, *form)

    assert result.exit_code == 1
    assert "NumPy and Keras differ by 2.5e-01 (allowed: at most 1e-06)" in result.stderr
    assert "differ by 2.5e-01" in result.stdout if form else "at most 2.5e-01" in result.stdout


def test_a_layer_is_explained_and_tensorflow_prints_nothing():
    command = [sys.executable, "-m", "rnnbench", "explain", "lstm", *map(str, SMALL)]

    result = subprocess.run(command, check=True, capture_output=True, text=True)

    assert result.stderr == ""
    assert "return_sequences=True   (2, 4, 3)" in result.stdout
    assert "The same in NumPy, step by step" in result.stdout


def test_an_unknown_layer_is_the_users_error_and_imports_no_tensorflow():
    code = (
        "import sys; sys.argv = ['rnnbench', 'explain', 'lstn']\n"
        "from rnnbench.__main__ import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)  # noqa: PLW1510

    assert result.returncode == 2
    assert result.stderr.strip() == (
        "no layer 'lstn' (allowed: simple_rnn, gru, lstm; did you mean 'lstm'?)"
    )
