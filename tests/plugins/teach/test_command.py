"""``rnnbench explain``, as it is typed."""

import json
import subprocess
import sys

import numpy as np
import pytest

import rnnbench
from rnnbench.plugins.teach.kinds import GRU, LSTM
from rnnbench.plugins.teach.recurrences import STEPS, gru
from rnnbench.plugins.teach.toy import draw, numpy_code

SMALL = ["--units", 3, "--features", 2, "--steps", 4, "--batch", 2]


def test_json_is_one_document_with_all_facts(cli):
    document = json.loads(cli("explain", "gru", *SMALL, "--json").stdout)

    expected = {"schema_version": 1, "layer": "gru", "gates": ["z", "r", "h"]}
    assert document | expected | {"failures": []} == document
    equations = [equation["text"] for equation in document["equations"]]
    assert equations == [equation.text for equation in GRU.equations]
    assert document["parameters"]["count"] == 63
    check = document["check"]
    assert len(check["steps"]) == 4
    assert check["largest_difference"] <= check["tolerance"] == 1e-6


def test_sizes_have_defaults(cli):
    document = json.loads(cli("explain", "lstm", "--json").stdout)

    assert document["sizes"] == {"units": 50, "features": 30, "steps": 10, "batch": 4}


@pytest.mark.parametrize(
    ("options", "shown"),
    [([], "at most 2.5e-01"), (["--json"], "differ by 2.5e-01")],
)
def test_numbers_that_differ_end_with_1(cli, monkeypatch, options, shown):
    def wrong(x, weights, before):
        values = gru(x, weights, before)
        return values | {"h": values["h"] + 0.25}

    monkeypatch.setitem(STEPS, "gru", wrong)

    result = cli("explain", "gru", *SMALL, "--steps", 1, *options)

    assert result.exit_code == 1
    failure = "NumPy and Keras differ by 2.5e-01 (allowed: at most 1e-06)"
    assert failure in result.stderr
    assert shown in result.stdout


def test_the_toy_array_is_worked_through(cli):
    page = cli("explain", "lstm", "--toy").stdout

    assert "Sequence 1, step 2: x = [4 5 6], hidden state [0.1636 -0.0734]" in page


def test_the_toy_array_is_a_document_too(cli):
    document = json.loads(cli("explain", "lstm", "gru", "--toy", "--json").stdout)

    assert document["schema_version"] == 1
    assert document["x"][1] == [[7, 8, 9], [10, 11, 12]]
    assert [layer["layer"] for layer in document["layers"]] == ["lstm", "gru"]
    symbols = [equation.text.partition("ₜ")[0] for equation in LSTM.equations]
    assert list(document["layers"][0]["values"]) == symbols
    assert np.array(document["output"]).shape == (3, 2)


def test_code_is_printed_as_it_is_to_be_copied(cli):
    command = ("explain", "lstm", "gru", "--code")
    printed = cli(*command).stdout
    document = json.loads(cli(*command, "--json").stdout)

    assert printed == numpy_code([LSTM, GRU])
    assert document == {
        "schema_version": 1,
        "layers": ["lstm", "gru"],
        "code": printed,
    }


def test_a_drawing_is_saved_beside_what_is_printed(cli, tmp_path):
    file = tmp_path / "figures/stack.svg"

    result = cli("explain", "gru", "gru", "--save", file)

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"Written to {file}\n"
    assert file.read_text() == draw([GRU, GRU])


def test_a_drawing_overwrites_another_only_if_it_is_told_to(cli, tmp_path):
    file = tmp_path / "layer.svg"
    file.write_text("mine")

    refused = cli("explain", "gru", "--save", file)

    assert refused.exit_code == 2
    assert "exists already (--force overwrites it)" in refused.stderr
    assert file.read_text() == "mine"
    both = cli("explain", "gru", "--save", file, "--force", "--code")
    assert both.stdout == numpy_code([GRU])
    assert file.read_text() == draw([GRU])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lstm", "--features", 100_000], "--features"),
        (["lstm", "--steps", 0], "--steps"),
        (
            ["lstm", "lstm"],
            "only one layer is explained at a time (for a stack, use --toy,",
        ),
        (["lstm", "--toy", "--code"], "--toy and --code: choose one of them"),
        (["lstm", "--force"], "--force: needs --save"),
        (
            ["lstm", "--save", "a.svg", "--json"],
            "--json: with --save, add --toy or --code",
        ),
        (["lstm", "--toy", "--units", 50], "--units: without effect beside --toy"),
        (
            ["lstm", "gru", "--save", "a.svg", "--batch", 2],
            "--batch: without effect beside --save",
        ),
        (["lstm", "gro", "--code"], "no layer 'gro'"),
        (["lstm", "--save", "a.png"], "--save a.png: got '.png' (allowed: .svg)"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    cli, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)

    result = cli("explain", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not list(tmp_path.iterdir())


def test_only_the_page_of_a_layer_imports_tensorflow_which_prints_nothing(
    cli, tmp_path
):
    code = (
        "import sys, rnnbench\n"
        "from rnnbench.cli.app import app\n"
        "for options in (['--toy'], ['--code'], ['--save', sys.argv[1]]):\n"
        "    app(['explain', 'lstm', *options], standalone_mode=False)\n"
        "try: rnnbench.explain_layer('lstn')\n"
        "except rnnbench.UserError as error: print(error)\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules)\n"
        "app(['explain', 'lstm', *sys.argv[2:]], standalone_mode=False)\n"
    )
    file = tmp_path / "a.svg"

    command = [sys.executable, "-c", code, file, *map(str, SMALL)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    message = "no layer 'lstn' (allowed: simple_rnn, gru, lstm; did you mean 'lstm'?)"
    assert done.stderr == f"Written to {file}\n"
    sizes = dict(zip(("units", "features", "steps", "batch"), SMALL[1::2], strict=True))
    shown = done.stdout.partition(f"{message}\n")[2]
    assert shown == f"{rnnbench.explain_layer('lstm', **sizes)}\n"
    wrong = cli("explain", "lstn")
    assert (wrong.exit_code, wrong.stderr.strip()) == (2, message)
