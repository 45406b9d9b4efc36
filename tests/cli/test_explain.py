"""``rnnbench explain``, as it is typed."""

import json
import subprocess
import sys

import pytest

from rnnbench.explain import recurrences

SMALL = ["--units", 3, "--features", 2, "--steps", 4, "--batch", 2]


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """The command changes the environment of its process, which here is that of the tests."""
    for name in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "3")


@pytest.mark.parametrize("layer", ["simple_rnn", "gru", "lstm"])
def test_it_explains_a_layer(cli, layer):
    result = cli("explain", layer, *SMALL)

    assert result.exit_code == 0
    assert "return_sequences=True   (2, 4, 3)" in result.stdout
    assert "The same in NumPy, step by step" in result.stdout
    assert result.stderr == ""


def test_without_sizes_it_has_those_of_the_notebook(cli):
    document = json.loads(cli("explain", "lstm", "--json").stdout)

    assert document["sizes"] == {"units": 50, "features": 30, "steps": 10, "batch": 4}
    assert [each["shape"] for each in document["outputs"]] == [[4, 50], [4, 10, 50]]


@pytest.mark.parametrize(("layer", "parameters"), [("simple_rnn", 18), ("gru", 63), ("lstm", 72)])
def test_json_is_one_document(cli, layer, parameters):
    document = json.loads(cli("explain", layer, *SMALL, "--json").stdout)

    assert document["schema_version"] == 1
    assert document["parameters"]["count"] == parameters
    assert document["check"]["largest_difference"] <= document["check"]["tolerance"] == 1e-6


def test_an_unknown_layer_is_the_users_error(cli):
    result = cli("explain", "lstn")

    assert result.exit_code == 2
    assert result.stderr.strip() == (
        "no layer 'lstn' (allowed: simple_rnn, gru, lstm; did you mean 'lstm'?)"
    )


@pytest.mark.parametrize("option", ["--units", "--features", "--steps", "--batch"])
@pytest.mark.parametrize("size", [0, -1, 100_000, "many"])
def test_sizes_are_positive_and_have_upper_bounds(cli, option, size):
    result = cli("explain", "lstm", option, size)

    assert result.exit_code == 2
    assert option in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["text", "json"])
def test_numbers_that_differ_are_shown_and_end_with_1(cli, form, monkeypatch):
    right = recurrences.gru
    monkeypatch.setattr(recurrences, "gru", lambda *arguments: right(*arguments) + 0.25)

    result = cli("explain", "gru", *SMALL, *form)

    assert result.exit_code == 1
    assert "NumPy and Keras differ by 2.5e-01 (allowed: at most 1e-06)" in result.stderr
    assert "differ by 2.5e-01" in result.stdout if form else "at most 2.5e-01" in result.stdout


def test_nothing_of_tensorflows_reaches_the_user():
    command = [sys.executable, "-m", "rnnbench", "explain", "lstm", "--units", "3", "--json"]

    result = subprocess.run(command, check=True, capture_output=True, text=True)

    assert result.stderr == ""
    assert json.loads(result.stdout)["sizes"]["units"] == 3


@pytest.mark.parametrize("arguments", [["--help"], ["lstn"]], ids=["help", "unknown layer"])
def test_what_needs_no_layer_imports_no_tensorflow(arguments):
    code = (
        f"import sys; sys.argv = ['rnnbench', 'explain', *{arguments}]\n"
        "from rnnbench.cli.app import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_help_names_the_layers_and_has_an_example(cli):
    result = cli("explain", "--help")

    assert "simple_rnn, gru or lstm" in result.output
    assert "Examples:" in result.output
