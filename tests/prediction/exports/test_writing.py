"""`rnnbench models export`: which file is written, and what is said of it."""

import itertools
import json
from dataclasses import replace

import pytest
from kept_networks import STACKS, kept, texts

from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.descriptions import EnsembleModel, PythonNetwork
from rnnbench.prediction.exports.onnx_file import OnnxFile
from rnnbench.prediction.exports.python_file import PythonFile
from rnnbench.prediction.exports.writing import export
from rnnbench.tasks import MULTI_LABEL, SINGLE_LABEL, Decision

COMPARED = [PythonFile(), OnnxFile()]
SIDES = dict(zip(STACKS, itertools.cycle(["pre", "post"]), strict=False))


@pytest.mark.parametrize("file_format", COMPARED, ids=lambda f: f.name)
@pytest.mark.parametrize(("name", "padding"), SIDES.items())
def test_a_network_answers_as_before(name, padding, file_format, tmp_path):
    model = kept(STACKS[name], padding=padding)

    exported = export(model, file_format, tmp_path / "net", texts)

    assert exported.texts == len(texts())
    assert exported.difference < 1e-5


@pytest.mark.parametrize("file_format", COMPARED, ids=lambda f: f.name)
@pytest.mark.parametrize("by", ["votes", "probabilities", "log_probabilities"])
@pytest.mark.parametrize("task", [SINGLE_LABEL, MULTI_LABEL])
def test_an_ensemble_answers_as_before(by, task, file_format, tmp_path):
    decision = Decision(threshold=[-0.5, -0.7, -0.9], best_above=-2.0)
    if task is SINGLE_LABEL:
        decision = None
    members = []
    for name in ("numbers", "tfidf"):
        model = kept(STACKS[name], task, decision=decision)
        members.append(replace(model, name=name))
    ensemble = {"of": ["numbers", "tfidf"], "by": by, "weights": [2, 1]}
    model = replace(
        members[0],
        model=EnsembleModel(ensemble=ensemble),
        members=members,
        trained=None,
    )

    exported = export(model, file_format, tmp_path / "net", texts)

    assert exported.difference < 1e-5


def test_a_file_with_other_answers_is_not_written(tmp_path, monkeypatch):
    model = kept(STACKS["tfidf"])
    content = PythonFile().content(model).replace(b"IDS.get(word, 2)", b"2")
    monkeypatch.setattr(PythonFile, "content", lambda *_: content)

    with pytest.raises(RnnbenchError, match="answers differently from net"):
        export(model, PythonFile(), tmp_path / "net.py", texts)

    assert not (tmp_path / "net.py").exists()


def test_a_file_that_fails_is_not_written(tmp_path, monkeypatch):
    monkeypatch.setattr(PythonFile, "content", lambda *_: b"1 / 0")

    with pytest.raises(RnnbenchError, match="does not work: division by zero"):
        export(kept(STACKS["tfidf"]), PythonFile(), tmp_path / "net.py", texts)

    assert not (tmp_path / "net.py").exists()


def test_what_needs_more_than_arrays_is_refused(tmp_path):
    model = replace(kept(STACKS["tfidf"]), model=PythonNetwork(python="a:b"))

    with pytest.raises(UserError, match="net cannot be exported"):
        export(model, PythonFile(), tmp_path / "net.py", list)


@pytest.mark.parametrize(("name", "ending"), [("python", "py"), ("onnx", "onnx")])
@pytest.mark.parametrize("model", ["reader", "svm", "letters"])
def test_a_file_gives_the_answers_of_a_model_to_test_documents(
    cli, finished, model, name, ending, tmp_path
):
    file = tmp_path / f"{model}.{ending}"

    done = cli("models", "export", finished, model, "--out", file, "--json")

    record = json.loads(done.stdout)
    assert (record["format"], record["file"]) == (name, str(file))
    assert record["size"] == file.stat().st_size
    assert record["texts"] >= 4
    assert record["difference"] < 1e-5


def test_without_a_name_a_file_has_that_of_the_model(
    cli, finished, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)

    done = cli("models", "export", finished, "svm", "--format", "python")

    assert done.stderr.startswith(
        "Written to svm.py; it gives the same answers as svm to "
    )
    assert (tmp_path / "svm.py").exists()


def test_a_file_that_exists_is_not_overwritten(cli, finished, tmp_path):
    file = tmp_path / "svm.py"
    file.write_text("mine")

    done = cli("models", "export", finished, "svm", "--out", file)

    assert done.exit_code == 2
    assert done.stderr == f"--out {file}: exists already (--force overwrites it)\n"
    assert file.read_text() == "mine"


def test_a_format_has_one_ending(cli, finished):
    done = cli(
        "models", "export", finished, "svm", "--format", "keras", "--out", "a.py"
    )

    assert done.exit_code == 2
    assert done.stderr == "--out a.py: got '.py' (allowed: .keras)\n"
