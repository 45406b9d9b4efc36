"""The notebooks in ``examples/``, executed from top to bottom, with little data and few
epochs.
"""

import json
import os
import re
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from nbclient import NotebookClient
from newswires import write_files

import rnnbench

EXAMPLES = Path(__file__).parents[2] / "examples"
SECONDS = 300
"""The most that one cell may take, on a machine that is busy."""
NETWORKS = ["vanilla_rnn", "stacked_vanilla_rnn", "lstm", "stacked_lstm"]
MAXLEN = 50


def read(name):
    return nbformat.read(EXAMPLES / f"{name}.ipynb", as_version=4)


def execute(name, folder, questions, **parameters):
    """Execute a notebook in a folder, with other parameters.

    ``questions`` are expressions, by name, that its variables are asked for at the end.
    Return its cells by id, with their outputs, and the answers by name.
    """
    notebook = read(name)
    (position,) = [
        n for n, cell in enumerate(notebook.cells) if "parameters" in tags(cell)
    ]
    injected = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    asked = ", ".join(f"{key!r}: {question}" for key, question in questions.items())
    notebook.cells.insert(position + 1, nbformat.v4.new_code_cell(injected))
    last = f"import json\nprint(json.dumps({{{asked}}}, default=lambda number: number.item()))"
    notebook.cells.append(nbformat.v4.new_code_cell(last))
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": folder}},
    )
    private = {
        "RNNBENCH_CACHE": str(folder / "cache"),
        "IPYTHONDIR": str(folder / "ipython"),
    }
    one_worker = {"LOKY_MAX_CPU_COUNT": "1"}  # which compiles each model only once
    client.execute(env=os.environ | private | one_worker)
    return SimpleNamespace(
        cells={cell.id: cell for cell in notebook.cells},
        answers=json.loads(printed(notebook.cells[-1])),
        folder=folder,
    )


def tags(cell):
    return cell.metadata.get("tags", [])


def printed(cell, stream="stdout"):
    return "".join(
        output.text for output in cell.outputs if output.get("name") == stream
    )


def kinds_of_outputs(cell):
    """Return the kinds of each output that is not text on a stream."""
    return [set(output.data) for output in cell.outputs if "data" in output]


@pytest.fixture(scope="module")
def teaching(tmp_path_factory, tiny_sgml):
    """The teaching notebook, on made-up newswires of which one in each file is too
    long.
    """
    body = " ".join(f"word{number}" for number in range(MAXLEN))
    long = f"<REUTERS><TOPICS><D>acq</D></TOPICS>\n<TEXT><BODY>{body}\n&#3;</BODY></TEXT></REUTERS>\n"
    folder = tmp_path_factory.mktemp("teaching")
    write_files(
        folder / "sgml",
        {name: entry + long.encode() for name, entry in tiny_sgml.items()},
    )
    questions = {
        "recurrence": "recurrence_difference",
        "differences": "[item.check.largest_difference for item in explained]",
        "failures": "[item.failures for item in explained]",
        "layers": "[item.layer for item in explained]",
        "counts": "[units * (units + features) + units, layer.count_params()]",
        "sizes": "[n_all, n_kept, dataset.timesteps]",
        "decoded": "[decode(first), decode(first, offset=0)]",
        "last_is_padding": "[(item.x_train[:, -1] == 0).mean() for item in (dataset, before)]",
        "masks": "[float(with_mask), float(without_mask)]",
        "models": "[model.name for model in run.results.models]",
        "trained": "[frame['epochs'].max(), list(frame['seed'].unique())]",
        "by_formula": "formula.to_dict()",
        "parameters": "counted.to_dict()",
        "accuracies": "frame.groupby('model')['accuracy'].mean().to_dict()",
        "compared": "len(pairs)",
    }
    return execute(
        "teaching_notebook",
        folder,
        questions,
        EPOCHS=1,
        SEEDS=2,
        SOURCE="sgml",
        PATH="sgml",
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


def test_layers_are_confirmed_by_keras(teaching):
    answers = teaching.answers

    assert answers["recurrence"] < 1e-6
    assert printed(teaching.cells["toy-array"]).startswith(
        "3 sequences of 2 steps with 3 features"
    )


def test_each_kind_of_layer_is_explained(teaching):
    answers, (page,) = teaching.answers, teaching.cells["explain-lstm"].outputs

    assert answers["layers"] == ["simple_rnn", "gru", "lstm"]
    assert max(answers["differences"]) < 1e-6
    assert answers["failures"] == [[], [], []]
    assert "4(h(h + i) + h)" in page.data["text/plain"]
    assert answers["counts"] == [15, 15]


def test_documents_become_sequences(teaching, tiny_sgml):
    answers = teaching.answers
    n = len(tiny_sgml)

    assert answers["sizes"][:2] == [3 * n, 2 * n]
    assert answers["sizes"][2] < MAXLEN
    assert f"{n} of {3 * n} documents are left out" in printed(
        teaching.cells["dropped"]
    )


def test_padding_is_masked(teaching):
    answers = teaching.answers

    right, wrong = answers["decoded"]
    assert re.match("<start> (net profit rose|it buys unit)", right)
    assert right != wrong
    post, pre = answers["last_is_padding"]
    assert post > 0 == pre
    with_mask, without_mask = answers["masks"]
    assert with_mask < 1e-6 < without_mask


def test_the_four_models_are_compared_with_their_opponents(teaching):
    answers = teaching.answers

    assert answers["models"] == [
        *NETWORKS,
        "multinomial_naive_bayes",
        "tfidf_linear_svm",
    ]
    assert answers["trained"] == [1, [0, 1]]
    assert answers["by_formula"] == answers["parameters"]
    assert list(answers["by_formula"]) == NETWORKS


def test_clear_differences_are_told_from_others(teaching):
    answers = teaching.answers
    said = printed(teaching.cells["differences"])

    assert answers["compared"] == 6 * 5 / 2 + 6
    assert all(0 <= accuracy <= 1 for accuracy in answers["accuracies"].values())
    assert re.search("not clearly better than always '(earn|acq)': ", said)
    assert "lstm and stacked_lstm: no clear difference" in said


def test_new_texts_are_answered(own_texts):
    answers = own_texts.answers
    whole, tested, in_dataset = answers["rows"]

    assert answers["trials"] == {"bag_of_words": 1, "gru": 2}
    assert whole == in_dataset > tested > 0


def test_answers_to_new_texts_are_explained(own_texts):
    answers = own_texts.answers

    in_table, in_run = answers["labels"]
    assert in_table == in_run
    assert answers["wrong"][0] == pytest.approx(answers["wrong"][1])
    assert "training.optimizer: got 'adan'" in printed(own_texts.cells["mistake"])
    assert set(answers["answers"]) <= set(answers["topics"])
    assert "reykjavik" in answers["unknown"]


def test_a_run_is_shown_once_without_its_progress(teaching, own_texts):
    for executed in (teaching, own_texts):
        cell = executed.cells["run"]
        *progress, shown = [output for output in cell.outputs if "data" in output]
        assert [output.data for output in progress] == [{"text/html": ""}] * 2, (
            "nothing is left"
        )
        assert set(shown.data) == {"text/plain", "text/html"}
        assert "Means over seeds" in shown.data["text/plain"]
        assert re.search(r"^\w+ seed 1: test accuracy ", printed(cell), re.MULTILINE)
        assert "seed" not in printed(cell, "stderr"), "it would be red"


def test_plots_are_shown(teaching, own_texts):
    of_teaching = [teaching.cells[name] for name in ("curves", "majority", "confusion")]
    of_own_texts = [own_texts.cells[name] for name in ("plot", "confusion")]
    for cell in of_teaching + of_own_texts:
        assert any("image/png" in kinds for kinds in kinds_of_outputs(cell)), cell.id
    assert (
        own_texts.folder / "results" / "my_texts" / "comparison.png"
    ).stat().st_size > 1_000


def source_of(name, kind):
    """Return the text of the cells of a kind."""
    cells = [cell.source for cell in read(name).cells if cell.cell_type == kind]
    return "\n".join(cells)


@pytest.mark.parametrize("name", ["teaching_notebook", "own_texts"])
def test_a_notebook_fits_any_machine(name):
    notebook = read(name)

    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    for cell in notebook.cells:
        assert not cell.get("outputs"), cell.id
        assert cell.get("execution_count") is None, cell.id


@pytest.mark.parametrize("name", ["teaching_notebook", "own_texts"])
def test_a_notebook_has_only_numbers_that_it_computes(name):
    text = source_of(name, "markdown")

    assert not re.search(r"\d\.\d|\d ?%|\d,\d{3}", text)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert (EXAMPLES / target).is_file(), target


@pytest.mark.parametrize("name", ["teaching_notebook", "own_texts"])
def test_a_notebook_uses_what_is_public(name):
    text = source_of(name, "markdown")
    code = source_of(name, "code")

    assert not re.search(r"(?<![\w.)])[/~]\w+/|[A-Z]:\\\\", text + code), (
        "paths are relative"
    )
    assert set(re.findall(r"\brnnbench\.(\w+)", code)) <= set(rnnbench.__all__)
    assert "from rnnbench" not in code
    assert f"(examples/{name}.ipynb)" in (EXAMPLES.parent / "README.md").read_text()
