"""``rnnbench doctor`` on configs and on runs."""

import json
from pathlib import Path

import pytest
from factories import finished_run, write_run

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
