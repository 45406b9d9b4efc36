"""``rnnbench models``, ``data`` and ``doctor``."""

import json
import os
import re
import time
from pathlib import Path

import factories
import pyarrow
import pytest
from factories import finished_run, write_run
from newswires import write_table
from pyarrow import parquet

from rnnbench.data import cache
from rnnbench.terminal import console

R52 = """
name: a
data: {source: r52, pad_length: 5, num_words: 10, test_split: 0.5}
models:
  reader:
    layers:
      - embedding: {dim: 4}
      - bidirectional: {layer: {lstm: {units: 2, return_sequences: true}}}
      - pooling: {by: max}
      - dense: {units: topics, activation: softmax}
  plain:
    layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]
  svm: {baseline: tfidf_linear_svm}
"""
SGML = """\
name: mine
data: {source: sgml, path: sgml, maxlen: 15, test_split: 0.5, padding: post}
models:
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
"""
MADE_UP = ["--data", "sgml", "--path", "sgml"]


@pytest.fixture(autouse=True)
def folder(tmp_path, tiny_sgml_folder, monkeypatch):
    """Work in a folder with two configs and made-up newswires, on a wide terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console.out, "width", 120)
    tiny_sgml_folder.rename("sgml")
    Path("a.yaml").write_text(R52)
    Path("mine.yaml").write_text(SGML)


@pytest.fixture
def cached():
    """Documents in the cache: of 8 different words, on 3 topics."""
    cache.store("r52", factories.corpus())


def in_short(result):
    """The lines of a table that was printed, without its columns."""
    assert result.exit_code == 0, result.stderr
    return [" ".join(line.split()) for line in result.stdout.splitlines()]


def as_json(cli, *command):
    return json.loads(cli(*command, "--json").stdout)


@pytest.mark.parametrize(
    "command",
    [
        ["data", "prepare", *MADE_UP],
        ["data", "show", "--sources"],
        ["config", "list"],
        ["models", "show", "baselines"],
    ],
    ids=" ".join,
)
def test_no_word_is_cut_on_a_narrow_terminal(cli, command, monkeypatch):
    monkeypatch.setattr(console.out, "width", 40)

    shown = cli(*command).stdout

    assert "…" not in shown
    assert max(len(line.rstrip()) for line in shown.splitlines()) <= 40


# models


@pytest.mark.usefixtures("cached")
def test_models_are_listed_with_their_layers_and_parameters(cli):
    assert in_short(cli("models", "show", "a.yaml"))[3:6] == [
        "reader network embedding 4 → bidirectional lstm 2 → pooling max → dense topics 167",
        "plain network simple_rnn 3 → dense topics 27",
        "svm baseline tfidf_linear_svm -",
    ]
    listed = as_json(cli, "models", "show", "a.yaml")["models"]
    assert [item["name"] for item in listed] == ["reader", "plain", "svm"]
    assert [item["kind"] for item in listed] == ["network", "network", "baseline"]
    assert [item["trainable_params"] for item in listed] == [167, 27, None]


def test_without_data_models_are_listed_without_parameters(cli):
    listed = cli("models", "show", "a.yaml").stdout
    assert "simple_rnn 3 → dense topics" in listed
    assert "Parameters are not counted: no documents of r52 are cached" in listed
    only_svm = ["--set", "models={svm: {baseline: tfidf_linear_svm}}"]
    assert "not counted" not in cli("models", "show", "a.yaml", *only_svm).stdout


def test_without_data_no_network_is_shown(cli):
    shown = cli("models", "show", "a.yaml", "reader")
    described = cli("data", "show", "a.yaml")

    assert shown.exit_code == described.exit_code == 2
    assert shown.stderr == described.stderr
    assert "run `rnnbench data prepare --data r52`" in shown.stderr


@pytest.mark.usefixtures("cached")
def test_a_network_is_shown_layer_by_layer(cli):
    lines = in_short(cli("models", "show", "a.yaml", "reader"))

    for line in (
        "reader: embedding 4 → bidirectional lstm 2 → pooling max → dense topics",
        "word ids (batch, 5) 0",
        "embedding 4 (batch, 5, 4) 40",
        "bidirectional lstm 2 (batch, 5, 4) 112",
        "return_sequences: true",
        "pooling max (batch, 4) 0",
        "dense topics (batch, 3) 15",
        "trainable 167",
        "other 0",
    ):
        assert line in lines
    assert "A recurrent layer in each direction" in " ".join(lines)


@pytest.mark.usefixtures("cached")
def test_a_network_is_shown_as_json(cli):
    record = as_json(cli, "models", "show", "a.yaml", "reader")
    assert record["data"]["timesteps"] == 5
    assert (record["trainable_params"], record["other_params"]) == (167, 0)
    outputs = [[None, 5]], [[None, 5, 4]], [[None, 5, 4]], [[None, 4]], [[None, 3]]
    assert tuple(layer["outputs"] for layer in record["layers"]) == outputs
    assert record["layers"][1]["described_by"]["embedding"]["dim"] == 4


def test_a_baseline_is_shown_without_data(cli):
    shown = cli("models", "show", "a.yaml", "svm")

    assert shown.stdout.startswith("svm: tfidf_linear_svm\n\nA linear SVM on TF-IDF;")
    assert {"max_ngram 2", "sublinear_tf false"} <= {*in_short(shown)}, "as in YAML"
    dummy = cli(
        "models", "show", "a.yaml", "svm", "--set", "models.svm.baseline=most_frequent"
    )
    assert "It has no parameters." in dummy.stdout
    record = as_json(cli, "models", "show", "a.yaml", "svm")
    parameters = record.pop("parameters")
    assert (parameters["C"], parameters["char_ngrams"]) == (1.0, None)
    others = {
        "schema_version": 1,
        "name": "svm",
        "kind": "baseline",
        "baseline": "tfidf_linear_svm",
    }
    assert record == others


def test_a_model_that_is_not_there_is_the_users_error(cli):
    missing = cli("models", "show", "a.yaml", "raeder")
    assert missing.exit_code == 2
    assert "MODEL: no model 'raeder'" in missing.stderr
    assert "did you mean 'reader'?" in missing.stderr


def test_a_grid_is_shown_by_its_points(cli):
    with_grid = (
        "{baseline: tfidf_linear_svm, grid: {baseline.tfidf_linear_svm.C: [1, 2]}}"
    )
    Path("a.yaml").write_text(R52.replace("{baseline: tfidf_linear_svm}", with_grid))
    grid = cli("models", "show", "a.yaml", "svm")
    assert (grid.exit_code, grid.stderr) == (
        2,
        "MODEL: 'svm' has a grid; name one of its points (allowed: svm[C=1], svm[C=2])\n",
    )
    assert cli("models", "show", "a.yaml", "svm[C=2]").exit_code == 0


# data


def test_prepare_describes_the_newswires(cli):
    result = cli("data", "prepare", *MADE_UP, "--set", "data.test_split=0.5")

    assert result.exit_code == 0
    assert "44 documents, 2 topics, 35 words" in result.stdout
    assert "22 documents to train on, 22 to test on, 20 steps" in result.stdout
    for fact in ("majority baseline", "duplicates", "topics only in test", "█"):
        assert fact in result.stdout
    assert "not the original files of sgml" in result.stderr


def test_prepared_newswires_are_described_as_json(cli):
    record = as_json(cli, "data", "prepare", *MADE_UP)
    assert (record["documents"], record["topics"], record["vocabulary"]) == (44, 2, 35)
    assert len(record["topic_counts"]) == 2
    assert len(record["corpus_fingerprint"]) == len(record["dataset_fingerprint"]) == 64


def test_documents_in_the_cache_are_described_with_the_notes_on_them(cli):
    missing = cli("data", "show")
    assert missing.exit_code == 2
    assert "run `rnnbench data prepare`" in missing.stderr

    record = as_json(cli, "data", "show", "mine.yaml")

    assert record["timesteps"] <= 15
    titles = [note["title"] for note in record["notes"]]
    assert titles == ["documents lost to maxlen", "documents in both sets"]
    assert "documents lost to maxlen\n" in cli("data", "show", "mine.yaml").stdout


PAD = (
    "--set",
    "data.pad_length=5",
    "--set",
    "data.padding=pre",
    "--set",
    "data.maxlen=50",
)


def test_show_prints_a_newswire_with_what_each_model_is_given(cli):
    printed = cli("data", "show", 8, *MADE_UP, "--set", "data.maxlen=8").stdout
    assert printed.startswith(
        "document 8, topic earn, 19 words, left out\n\nnet profit "
    )
    svm = ("--set", "models.svm={baseline: tfidf_linear_svm}")

    record = as_json(cli, "data", "show", "mine.yaml", 8, *PAD, *svm)

    assert " ".join(record["words"]) in " ".join(printed.split())
    assert record["cut_off"] == {"count": 15, "side": "pre"}
    assert record["sequence"] == record["ids"][-5:]
    assert record["inputs"] == [
        {"models": ["rnn"], "kind": "numbers"},
        {"models": ["svm"], "kind": "text"},
    ]


def test_no_line_of_a_newswire_ends_with_blanks(cli):
    assert cli("data", "prepare", *MADE_UP).exit_code == 0

    lines = cli("data", "show", "mine.yaml", 8, *PAD).stdout.splitlines()
    assert all(line == line.rstrip() for line in lines), (
        "it is no terminal that they have to fill"
    )


# doctor


def notes(cli, *arguments):
    """Return the titles of the notes of a command."""
    return [note["title"] for note in as_json(cli, "doctor", *arguments)["notes"]]


def test_without_an_argument_the_machine_is_checked(cli):
    done = cli("doctor", "--json")

    checks = {check.pop("name"): check for check in json.loads(done.stdout)["checks"]}
    assert [*checks] == ["Python", "packages", "processor", "engine", "cache", "disk"]
    assert re.match(
        r"rnnbench \S+, llvmlite \d.*, tensorflow \d", checks["packages"]["found"]
    )
    assert "no documents (rnnbench data prepare)" in checks["cache"]["found"]
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("broken", "stand_in", "message", "exit_code"),
    [
        (
            "missing",
            lambda _: ["keras"],
            "packages  not installed: keras (pip install keras)",
            1,
        ),
        ("LEAST_FREE", 10**18, "are free here (delete or move files)", 1),
        (
            "cache.folder",
            lambda: Path(__file__),
            "(set RNNBENCH_CACHE to use another folder)",
            2,
        ),
        ("cache.find", lambda name: name == "r8", ", documents of r8\n", 0),
    ],
)
def test_what_is_wrong_with_a_machine_decides_the_exit_code(
    cli, monkeypatch, broken, stand_in, message, exit_code
):
    monkeypatch.setattr(f"rnnbench.runner.machine.{broken}", stand_in)
    monkeypatch.setattr(console.out, "width", 300)

    done = cli("doctor")

    assert message in re.sub(" {3,}", "  ", done.stdout)
    assert done.exit_code == exit_code
    assert not list(Path(os.environ["RNNBENCH_CACHE"]).iterdir()), "the probe is gone"


def test_a_config_has_notes_on_its_documents_and_its_models(cli):
    on_documents, on_copies, on_ids, *on_models = notes(cli, "mine.yaml")
    assert on_documents == "documents lost to maxlen"
    assert on_copies == "documents in both sets"
    assert on_ids == "the offset of word ids"
    assert on_models[:2] == ["word ids as numbers", "padding before the last state"]
    assert on_models[2:] == ["one seed", "nothing to choose on"]
    first = "word ids as numbers\n  The first layer of rnn is given"
    assert first in cli("doctor", "mine.yaml").stdout


def test_your_own_texts_have_no_note_on_word_ids(cli):
    Path("own.csv").write_text("text,label\n" + "meow purr,cats\nwoof,dogs\n" * 9)
    own = "data: {source: files, path: own.csv, test_split: 0.5}"
    Path("own.yaml").write_text(f"extends: mine.yaml\n{own}\n")

    assert "word ids as numbers" in notes(cli, "own.yaml")
    assert "the offset of word ids" not in notes(cli, "own.yaml")


def test_no_documents_are_fetched_for_notes(cli):
    shown = cli("doctor", "smoke")
    assert "word ids as numbers" in shown.stdout
    assert (
        "No notes about the documents: no documents of keras, sgml, r52 are"
        in shown.stderr
    )


def test_a_run_has_notes_on_its_answers(cli):
    folder = write_run(finished_run({"stuck": [[0, 0, 0, 0]]}, folder=Path("run")))

    assert "stuck has learned one answer" in notes(cli, folder)
    assert cli("doctor", "nowhere").exit_code == 2


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("open.csv", "text,label\n" + 'a","b\n' * 40_000),
        ("late.csv", "text,label\n" + 'a","b\n' * 40_000 + 'a"x\n'),
        ("pairs.tsv", 'text\tlabel\n"' + '""' * 60_000 + '\tx"\tb\n'),
    ],
)
def test_quotation_marks_do_not_hold_a_reader(cli, name, content):
    Path(name).write_text(content)
    start = time.monotonic()

    done = cli("data", "show", name)

    assert done.exit_code == 2
    assert "cannot be used" in done.stderr
    assert time.monotonic() - start < 20, (
        "minutes, if lines are read again for each bad row"
    )


@pytest.mark.parametrize("command", [("data", "show"), ("verdict",)])
def test_a_parquet_file_with_two_columns_of_one_name_is_refused(cli, command):
    columns = [["a b", "c d"], ["yes", "no"], ["yes", "no"]]
    table = pyarrow.table(columns, names=["text", "label", "label"])
    parquet.write_table(table, "twice.parquet")

    done = cli(*command, "twice.parquet")

    assert done.exit_code == 2
    assert done.stderr.endswith("there are two columns 'label'; rename one of them\n")


@pytest.mark.parametrize("command", [("data", "show"), ("verdict",)])
def test_a_table_of_many_columns_is_answered_in_seconds(cli, command):
    table = pyarrow.table({f"c{number}": ["a", "b"] for number in range(10_001)})
    parquet.write_table(table, "wide.parquet")
    start = time.monotonic()

    done = cli(*command, "wide.parquet")

    assert done.exit_code == 2
    assert (
        "(2 values) and 9,980 more" in done.stderr
        or "10,001 columns of classes" in done.stderr
    )
    assert time.monotonic() - start < 60


def test_many_columns_of_labels_are_counted_in_seconds(cli):
    names = [f"c{number}" for number in range(11_000)]
    rows = [("some words", *"01" * 5_500), ("other words", *"10" * 5_500)]
    write_table(Path("wide.csv"), rows, ("text", *names))
    start = time.monotonic()

    done = cli("data", "show", "wide.csv")

    assert done.stderr.endswith(
        "11,000 different labels (allowed: 2 to 10,000); see data.label\n"
    )
    assert time.monotonic() - start < 60


@pytest.mark.parametrize("name", ["wide.csv", "wide.jsonl"])
def test_a_table_may_have_20000_columns(cli, name):
    header = tuple(f"c{number}" for number in range(20_001))
    write_table(Path(name), [header], header)

    done = cli("data", "show", name)

    assert done.exit_code == 2
    assert f"{name}: 20,001 columns (allowed: 20,000; " in done.stderr


def test_the_cache_is_listed(cli, cache_folder):
    cli("data", "prepare", *MADE_UP)

    (file,) = json.loads(cli("data", "cache", "--json").stdout)["files"]

    assert file["file"].startswith("corpora/v")
    assert file["bytes"] == (cache_folder / file["file"]).stat().st_size


def test_a_cache_is_cleared_of_our_files_alone(cli, cache_folder):
    cli("data", "prepare", *MADE_UP)
    mine = {cache_folder / "notes.txt", cache_folder / "collections" / "mine.zip"}
    for file in mine:
        file.parent.mkdir(exist_ok=True)
        file.write_text("mine")

    done = cli("data", "cache", "--clear")

    assert "MB removed" in done.stdout
    assert {file for file in cache_folder.rglob("*") if file.is_file()} == mine
