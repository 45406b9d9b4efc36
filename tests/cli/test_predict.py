"""``rnnbench predict``, as it is typed, on the models of a real run."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from rnnbench.cli.options import read_texts
from rnnbench.config.load import load
from rnnbench.data.dataset import make_dataset
from rnnbench.data.load import load_corpus
from rnnbench.errors import UserError
from rnnbench.results.store import Store

CONFIG = """\
name: tiny
data:
  {source: sgml, path: sgml, num_words: 60, pad_length: 9, padding: post, truncating: post,
  test_split: 0.5}
training: {epochs: 4, batch_size: 4, learning_rate: 0.05, seeds: [3, 8]}
models:
  reader:
    layers:
      - embedding: {dim: 4}
      - bidirectional: {layer: {gru: {units: 3, return_sequences: true}}}
      - pooling: {by: attention}
      - dense: {units: topics, activation: softmax}
  svm: {baseline: tfidf_linear_svm}
"""
TEXT = "Net profit rose 7 pct in the quarter"


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    """The command changes the environment of its process, which here is that of the tests."""
    for name in ("TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "3")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, run_apart):
    """The folder of a run that kept its networks."""
    folder = tmp_path_factory.mktemp("kept")
    run_apart(folder, CONFIG, "--save-models")
    return folder / "results/tiny"


@pytest.fixture
def folder(finished, tmp_path):
    """A copy of that folder, to be changed."""
    return shutil.copytree(finished, tmp_path / "tiny")


def without_models(folder):
    """Return a run as it is left without ``--save-models``."""
    store = Store(folder)
    for seed in (3, 8):
        store.save(replace(store.load("reader", seed), model=None))
    shutil.rmtree(folder / "models")
    return folder


def predictions(cli, *arguments, stdin=None):
    done = cli("predict", *arguments, "--json", stdin=stdin)
    assert (done.exit_code, done.stderr) == (0, "")
    return json.loads(done.stdout)["predictions"]


def probabilities(prediction):
    return {each["topic"]: each["probability"] for each in prediction["topics"]}


def test_help_has_examples(cli):
    assert "rnnbench predict results/all lstm" in " ".join(cli("predict", "--help").output.split())


def test_the_most_probable_topics_come_first_with_bars_and_what_was_read_of_the_text(cli, finished):
    done = cli("predict", finished, "reader", f"{TEXT} zzz")

    assert (done.exit_code, done.stderr) == (0, "")
    first, second, read, *rest = done.stdout.splitlines()
    assert re.fullmatch(r"earn +0\.\d{4}  █+ *", first)
    assert re.fullmatch(r"acq +0\.\d{4}  (█+|▏) *", second)
    assert first.count("█") > second.count("█")
    assert read.rstrip() == "9 words, 8 of them read, 1 unknown: zzz"
    assert not any(rest)


def test_json_is_one_document_with_a_prediction_a_text(cli, finished):
    first, second = predictions(cli, finished, "reader", TEXT, "It buys unit 3")

    assert list(first) == ["words", "words_read", "unknown_words", "topics"]
    assert (first["words"], first["words_read"], first["unknown_words"]) == (8, 8, [])
    assert second["words"] == 4
    for prediction, topic in ((first, "earn"), (second, "acq")):
        found = probabilities(prediction)
        assert prediction["topics"][0]["topic"] == topic
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert sum(found.values()) == pytest.approx(1, abs=1e-6)


@pytest.fixture
def test_texts(finished):
    """The words of each test wire of the run, as a text."""
    data = load(finished / "config.yaml").data
    corpus = load_corpus(data).corpus
    return [" ".join(corpus.words(wire)) for wire in make_dataset(corpus, data).test_documents]


@pytest.mark.parametrize("seed", [3, 8])
def test_of_the_words_of_a_test_wire_is_said_what_the_run_said_of_the_wire(
    cli, finished, test_texts, seed
):
    found = predictions(cli, finished, "reader", *test_texts, "--seed", seed)

    stored = Store(finished).load("reader", seed)
    topics = Store(finished).vocabulary().topics
    by_label = [[probabilities(each)[topic] for topic in topics] for each in found]
    assert len(found) == 22
    np.testing.assert_allclose(by_label, stored.scores, atol=1e-6)
    assert np.ptp(stored.scores, axis=0).max() > 0.5, "it has learned something"


def test_a_seed_can_be_chosen_and_is_by_default_the_first(cli, finished):
    default, third, eighth = (
        predictions(cli, finished, "reader", TEXT, *options)
        for options in ([], ["--seed", 3], ["--seed", 8])
    )

    assert default == third != eighth


def test_texts_come_from_the_command_line_from_files_and_from_standard_input(
    cli, finished, tmp_path
):
    other = "It buys unit 3 of the company's"
    file = tmp_path / "wire.txt"
    file.write_text(other, encoding="utf-8")

    typed = predictions(cli, finished, "reader", TEXT, other)

    assert predictions(cli, finished, "reader", TEXT, "--file", file) == typed
    assert predictions(cli, finished, "reader", "-", "--file", file, stdin=TEXT) == typed
    assert predictions(cli, finished, "reader", TEXT, "-", stdin=f"{other}\n") == typed
    assert predictions(cli, finished, "reader", "--file", file, "--file", file) == typed[1:] * 2


def test_a_file_need_not_be_utf_8(cli, finished, tmp_path):
    file = tmp_path / "wire.txt"
    file.write_bytes(b"Net profit \xff rose")

    (found,) = predictions(cli, finished, "reader", "--file", file)

    assert (found["words"], found["unknown_words"]) == (3, [])


def test_only_so_many_topics_are_shown_as_are_asked_for(cli, finished):
    (found,) = predictions(cli, finished, "reader", TEXT, "--top", 1)

    assert list(probabilities(found)) == ["earn"]
    shown = cli("predict", finished, "reader", TEXT, "--top", 1).stdout
    assert "earn" in shown
    assert "acq" not in shown


def test_unknown_words_are_counted_each_time_and_listed_once_and_not_all(cli, finished):
    few, many = "zzz zinc profit zzz", " ".join(f"word{number}" for number in range(12))

    (of_few,) = predictions(cli, finished, "reader", few)
    assert of_few["unknown_words"] == ["zzz", "zinc", "zzz"]
    shown = " ".join(cli("predict", finished, "reader", few, many).stdout.split())
    assert "4 words, 3 unknown: zzz, zinc " in shown
    assert "12 words, 8 of them read, 12 unknown: word0, word1," in shown
    assert "word9, …" in shown
    assert "word10" not in shown


def test_where_the_front_is_cut_the_start_mark_goes_first(cli, folder):
    store = Store(folder)
    store.save_vocabulary(store.vocabulary().model_copy(update={"truncating": "pre"}))
    texts = [" ".join(["profit"] * words) for words in (8, 9, 10)]

    found = predictions(cli, folder, "reader", *texts)

    assert [each["words_read"] for each in found] == [8, 9, 9]


def test_a_text_without_words_is_refused(cli, finished):
    done = cli("predict", finished, "reader", "profit", "!!! ...")

    assert done.exit_code == 2
    assert "a text has no words as the corpus has them" in done.stderr
    assert done.stdout == ""


def test_a_process_of_its_own_says_the_same_and_nothing_else(cli, finished):
    command = [sys.executable, "-m", "rnnbench", "predict", finished, "reader", "-", "--json"]

    done = subprocess.run(command, input=TEXT, capture_output=True, text=True, check=True)

    assert done.stderr == ""
    (found,), (expected,) = (
        json.loads(done.stdout)["predictions"],
        predictions(cli, finished, "reader", TEXT),
    )
    assert probabilities(found) == pytest.approx(probabilities(expected), abs=1e-6)


def test_a_standard_input_that_is_closed_has_no_text(monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)

    with pytest.raises(UserError, match="a text is missing"):
        read_texts(["-"], [])


def test_a_folder_can_be_moved(cli, finished, folder):
    moved = folder.rename(folder.with_name("elsewhere"))

    assert predictions(cli, moved, "reader", TEXT) == predictions(cli, finished, "reader", TEXT)


NO_TEXT = "a text is missing (should be TEXT, --file FILE, or - for standard input)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["raeder", TEXT], "no model 'raeder' (allowed: reader, svm; did you mean 'reader'?)"),
        (["svm", TEXT], "the trained svm was not kept (a baseline is never kept, it is fitted in"),
        (["reader", TEXT, "--seed", 4], "reader has no seed 4 (allowed: 3, 8)"),
        (["reader"], NO_TEXT),
        (["reader", ""], NO_TEXT),
        (["reader", TEXT, " "], NO_TEXT),
        (["reader", "-"], NO_TEXT),
        (["reader", "--file", "nowhere.txt"], "nowhere.txt: cannot be read: No such file"),
        (["reader", "--file", "."], ".: cannot be read: Is a directory"),
    ],
    ids=[
        "no such model",
        "a baseline",
        "no such seed",
        "no text",
        "an empty text",
        "a blank text",
        "empty standard input",
        "no such file",
        "a folder",
    ],
)
def test_what_cannot_be_had_is_answered_with_what_can(cli, finished, arguments, message):
    done = cli("predict", finished, *arguments)

    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("top", ["0", "-1", "all"])
def test_at_least_one_topic_is_shown(cli, finished, top):
    done = cli("predict", finished, "reader", TEXT, "--top", top)

    assert done.exit_code == 2
    assert "--top" in done.stderr


def test_where_there_is_no_run_the_user_is_told_what_one_is(cli, tmp_path):
    done = cli("predict", tmp_path, "reader", TEXT)

    assert done.exit_code == 2
    assert f"{tmp_path}: no results.json in it (should be a folder that" in done.stderr


def test_where_networks_were_not_kept_the_command_that_keeps_them_is_told(cli, folder):
    done = cli("predict", without_models(folder), "reader", TEXT)

    assert done.exit_code == 2
    assert f"{folder}: the trained reader was not kept (run it again: rnnbench " in done.stderr
    assert "--save-models)" in done.stderr


@pytest.mark.parametrize("name", ["reader-seed3.keras", "vocabulary.json"])
def test_a_damaged_file_is_named_and_not_used(cli, folder, name):
    file = folder / "models" / name
    file.write_bytes(file.read_bytes()[:-20])

    done = cli("predict", folder, "reader", TEXT)

    assert done.exit_code == 2
    assert done.stderr.startswith(f"unusable result: {file}: ")
    assert done.stdout == ""


def _of_another_dataset(folder):
    store = Store(folder)
    other = store.vocabulary().model_copy(update={"dataset_fingerprint": "0" * 64})
    store.save_vocabulary(other)


def _is_gone(folder):
    (folder / "models" / "vocabulary.json").unlink()


@pytest.mark.parametrize("change", [_of_another_dataset, _is_gone])
def test_the_words_of_another_dataset_are_not_used(cli, folder, change):
    change(folder)

    done = cli("predict", folder, "reader", TEXT)

    assert done.exit_code == 2
    assert f"{folder}: the vocabulary of its dataset was not kept (run it again: " in done.stderr
    assert done.stderr.count("--save-models") == 1


def test_a_model_that_was_kept_is_used_though_that_of_another_seed_is_gone(cli, folder):
    (folder / "models" / "reader-seed3.keras").unlink()

    assert predictions(cli, folder, "reader", TEXT, "--seed", 8)
    assert "reader-seed3.keras" in cli("predict", folder, "reader", TEXT).stderr
