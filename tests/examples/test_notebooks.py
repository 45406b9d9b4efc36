"""The notebooks in ``examples/``, executed from top to bottom, with little data and few epochs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient
from newswires import write_files

import rnnbench

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("teaching_notebook", "own_texts")
SECONDS = 300
"""The most that one cell may take, on a machine that is busy."""
NETWORKS = ["vanilla_rnn", "stacked_vanilla_rnn", "lstm", "stacked_lstm"]
MAXLEN = 50

notebooks = pytest.mark.parametrize("name", NAMES)


def read(name):
    return nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)


def execute(name, folder, questions, **parameters):
    """Execute a notebook in a folder.

    Args:
        name: of its file.
        folder: the working folder.
        questions: expressions, by name, that the notebook's variables are asked for at the end.
        parameters: new values of the variables in its cell of parameters.

    Returns:
        Its cells by id, with their outputs, and the answers to the questions by name.
    """
    notebook = read(name)
    (position,) = [n for n, cell in enumerate(notebook.cells) if is_for_parameters(cell)]
    injected = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    asked = ", ".join(f"{key!r}: {question}" for key, question in questions.items())
    notebook.cells.insert(position + 1, nbformat.v4.new_code_cell(injected))
    last = f"import json\nprint(json.dumps({{{asked}}}, default=lambda number: number.item()))"
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    client = NotebookClient(
        notebook, timeout=SECONDS, kernel_name="python3", resources={"metadata": {"path": folder}}
    )
    private = {"RNNBENCH_CACHE": str(folder / "cache"), "IPYTHONDIR": str(folder / "ipython")}
    one_worker = {"LOKY_MAX_CPU_COUNT": "1"}  # which compiles each model only once
    client.execute(env=os.environ | private | one_worker)
    return SimpleNamespace(
        cells={cell.id: cell for cell in notebook.cells},
        answers=json.loads(printed(notebook.cells[-1])),
        folder=folder,
    )


def is_for_parameters(cell):
    return "parameters" in cell.metadata.get("tags", [])


def printed(cell, stream="stdout"):
    return "".join(output.text for output in cell.outputs if output.get("name") == stream)


def kinds_of_outputs(cell):
    """Return the kinds of each output that is not text on a stream."""
    return [set(output.data) for output in cell.outputs if "data" in output]


@pytest.fixture(scope="module")
def teaching(tmp_path_factory, tiny_sgml):
    """The teaching notebook, on made-up newswires of which one in each file is too long."""
    body = " ".join(f"word{number}" for number in range(MAXLEN))
    long = (
        f"<REUTERS><TOPICS><D>acq</D></TOPICS>\n<TEXT><BODY>{body}\n&#3;</BODY></TEXT></REUTERS>\n"
    )
    folder = tmp_path_factory.mktemp("teaching")
    write_files(folder / "sgml", {name: each + long.encode() for name, each in tiny_sgml.items()})
    questions = {
        "recurrence": "recurrence_difference",
        "differences": "[each.check.largest_difference for each in explained]",
        "failures": "[each.failures for each in explained]",
        "layers": "[each.layer for each in explained]",
        "counts": "[units * (units + features) + units, layer.count_params()]",
        "sizes": "[n_all, n_kept, dataset.timesteps]",
        "decoded": "[decode(first), decode(first, offset=0)]",
        "last_is_padding": "[(each.x_train[:, -1] == 0).mean() for each in (dataset, before)]",
        "masks": "[float(with_mask), float(without_mask)]",
        "models": "[model.name for model in run.results.models]",
        "trained": "[frame['epochs'].max(), list(frame['seed'].unique())]",
        "by_formula": "formula.to_dict()",
        "parameters": "counted.to_dict()",
        "accuracies": "frame.groupby('model')['accuracy'].mean().to_dict()",
        "compared": "len(pairs)",
    }
    return execute(
        "teaching_notebook", folder, questions, EPOCHS=1, SEEDS=2, SOURCE="sgml", PATH="sgml"
    )


@pytest.fixture(scope="module")
def own_texts(tmp_path_factory):
    """The notebook about own texts, on the sample."""
    questions = {
        "trials": "frame.groupby('model')['accuracy'].count().to_dict()",
        "rows": "[len(texts), len(tested), len(dataset.x_train) + len(dataset.x_test)]",
        "labels": "[list(tested['label']), [dataset.topics[label] for label in run.labels]]",
        "wrong": "[1 - tested['wrong'].mean(), frame.query('model == \"gru\"')['accuracy'].mean()]",
        "answers": "[prediction.topics[0].topic for prediction in predictions]",
        "unknown": "predictions[-1].unknown_words",
        "topics": "list(dataset.topics)",
    }
    folder = tmp_path_factory.mktemp("own_texts")
    return execute("own_texts", folder, questions, EPOCHS=2, SEEDS=2)


def test_the_recurrence_by_hand_is_that_of_keras(teaching):
    assert teaching.answers["recurrence"] < 1e-6
    assert printed(teaching.cells["toy-array"]).startswith("3 sequences of 2 steps with 3 features")


def test_every_kind_of_layer_is_explained_and_confirmed_by_keras(teaching):
    assert teaching.answers["layers"] == ["simple_rnn", "gru", "lstm"]
    assert max(teaching.answers["differences"]) < 1e-6
    assert teaching.answers["failures"] == [[], [], []]
    (page,) = teaching.cells["explain-lstm"].outputs
    assert "4(h(h + i) + h)" in page.data["text/plain"]


def test_parameters_by_formula_are_those_of_the_layers_and_models(teaching):
    by_formula, in_keras = teaching.answers["counts"]

    assert by_formula == in_keras == 15
    assert teaching.answers["by_formula"] == teaching.answers["parameters"]
    assert list(teaching.answers["by_formula"]) == NETWORKS


def test_documents_that_are_too_long_are_dropped(teaching, tiny_sgml):
    whole, kept, timesteps = teaching.answers["sizes"]

    assert (whole, kept) == (3 * len(tiny_sgml), 2 * len(tiny_sgml))
    assert timesteps < MAXLEN
    assert f"{len(tiny_sgml)} of {whole} documents are left out" in printed(
        teaching.cells["dropped"]
    )


def test_ids_are_decoded_with_an_offset(teaching):
    right, wrong = teaching.answers["decoded"]

    assert re.match("<start> (net profit rose|it buys unit)", right)
    assert right != wrong


def test_padding_is_at_one_end_and_a_mask_hides_it(teaching):
    post, pre = teaching.answers["last_is_padding"]
    with_mask, without_mask = teaching.answers["masks"]

    assert post > 0 == pre
    assert with_mask < 1e-6 < without_mask


def test_the_four_models_and_their_opponents_are_trained_and_compared(teaching):
    assert teaching.answers["models"] == [*NETWORKS, "multinomial_naive_bayes", "tfidf_linear_svm"]
    assert teaching.answers["trained"] == [1, [0, 1]]
    assert teaching.answers["compared"] == 6 * 5 / 2 + 6
    assert all(0 <= accuracy <= 1 for accuracy in teaching.answers["accuracies"].values())
    said = printed(teaching.cells["differences"])
    assert re.search("not clearly better than always '(earn|acq)': ", said)
    assert "lstm and stacked_lstm: no clear difference" in said


def test_own_texts_are_trained_on_and_put_into_a_frame(own_texts):
    whole, tested, in_dataset = own_texts.answers["rows"]

    assert own_texts.answers["trials"] == {"bag_of_words": 1, "gru": 2}
    assert whole == in_dataset > tested > 0


def test_misclassified_texts_are_found_in_the_table(own_texts):
    in_table, in_run = own_texts.answers["labels"]
    from_table, from_run = own_texts.answers["wrong"]

    assert in_table == in_run
    assert from_table == pytest.approx(from_run)


def test_a_mistake_in_the_config_is_shown(own_texts):
    assert "training.optimizer: got 'adan'" in printed(own_texts.cells["mistake"])


def test_new_texts_are_answered(own_texts):
    assert set(own_texts.answers["answers"]) <= set(own_texts.answers["topics"])
    assert "reykjavik" in own_texts.answers["unknown"]


def test_a_run_is_shown_once_and_its_progress_as_lines(teaching, own_texts):
    for executed in (teaching, own_texts):
        cell = executed.cells["run"]
        assert kinds_of_outputs(cell) == [{"text/plain", "text/html"}]
        (shown,) = [output for output in cell.outputs if "data" in output]
        assert "Means over seeds" in shown.data["text/plain"]
        assert re.search(r"^\w+ seed 1: test accuracy ", printed(cell, "stderr"), re.MULTILINE)


def test_plots_are_shown(teaching, own_texts):
    of_teaching = [teaching.cells[name] for name in ("curves", "majority", "confusion")]
    of_own_texts = [own_texts.cells[name] for name in ("plot", "confusion")]
    for cell in of_teaching + of_own_texts:
        assert any("image/png" in kinds for kinds in kinds_of_outputs(cell)), cell.id
    assert (own_texts.folder / "results" / "my_texts" / "comparison.png").stat().st_size > 1_000


@notebooks
def test_a_notebook_is_valid_and_without_outputs(name):
    notebook = read(name)

    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert not cell.get("outputs"), cell.id
        assert cell.get("execution_count") is None, cell.id


@notebooks
def test_numbers_are_computed_and_paths_are_those_of_any_machine(name):
    for cell in read(name).cells:
        if cell.cell_type == "markdown":
            assert not re.search(r"\d\.\d|\d ?%|\d,\d{3}", cell.source), cell.id
        assert not re.search(r"(?<![\w.)])[/~]\w+/|[A-Z]:\\\\", cell.source), cell.id


@notebooks
def test_only_public_names_are_used(name):
    code = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "code")

    assert set(re.findall(r"\brnnbench\.(\w+)", code)) <= set(rnnbench.__all__)
    assert "from rnnbench" not in code


@notebooks
def test_links_lead_to_files(name):
    text = "\n".join(cell.source for cell in read(name).cells if cell.cell_type == "markdown")

    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (EXAMPLES / target).is_file(), target


@notebooks
def test_the_readme_points_to_each_notebook(name):
    assert f"(examples/{name}.ipynb)" in (EXAMPLES.parent / "README.md").read_text()


@pytest.mark.parametrize("command", [("check",), ("format", "--check")], ids=" ".join)
def test_the_code_has_the_style_of_the_project(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "--no-cache", EXAMPLES],
        cwd=EXAMPLES.parent,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
