"""Logs of inspect_ai, which ``tests/outside/written/make.py`` made."""

import json
import shutil
from contextlib import suppress
from pathlib import Path
from zipfile import ZIP_BZIP2, ZipFile

import pytest

from rnnbench import UserError
from rnnbench.outside.columns import Reading
from rnnbench.outside.files import read_answers

WRITTEN = Path(__file__).parents[1] / "written"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("good.eval", "bad.json"):
        shutil.copy(WRITTEN / name, name)


def read(*files, **columns):
    (answers,) = read_answers(files, None, Reading(columns)).values()
    return answers


def changed(change):
    log = json.loads(Path("bad.json").read_text())
    change(log)
    Path("bad.json").write_text(json.dumps(log))
    return "bad.json"


def scores(answers, model):
    return [list(training) for training in answers.answers[model].values()]


def test_an_archive_with_zstandard_is_read():
    methods = {member.compress_type for member in ZipFile("good.eval").infolist()}

    answers = read("good.eval")

    assert methods == {93}
    assert answers.ids == ["0", "1", "2"]
    assert scores(answers, "mockllm-good") == [[1, 1, 1], [1, 0, 1]]


def test_a_log_as_json_is_read():
    assert scores(read("bad.json"), "mockllm-bad") == [[1, 0, 0], [1, 0, 0]]


def test_epochs_of_several_logs_are_different_trainings():
    changed(lambda log: log["eval"].update(model="mockllm/good"))

    assert len(scores(read("good.eval", "bad.json"), "mockllm-good")) == 4


def test_a_name_replaces_that_of_the_model():
    assert list(read("mine=good.eval").answers) == ["mine"]


@pytest.mark.parametrize(
    ("value", "score"), [("P", 0.5), ("N", 0), (0.25, 0.25), (True, 1), ({"a": 1}, 1)]
)
def test_a_score_may_be_a_letter_or_a_number(value, score):
    def change(log):
        log["samples"][0]["scores"]["match"]["value"] = value

    assert scores(read(changed(change)), "mockllm-bad")[0][0] == score


def test_a_value_in_a_sample_chooses_rows():
    log = json.loads(Path("bad.json").read_text())
    question = log["samples"][0]["input"]

    (answers,) = read_answers(
        ["bad.json"], None, Reading(only=("input", question))
    ).values()

    assert answers.ids == ["0"]


def test_metadata_may_name_clusters():
    def change(log):
        for sample in log["samples"]:
            sample["metadata"] = {"page": f"p{sample['id'] % 2}"}

    answers = read(changed(change), cluster="metadata.page")

    assert set(answers.clusters) == {"p0", "p1"}


def test_answers_may_be_compared_with_targets():
    columns = {"prediction": "scores.match.answer", "label": "target"}

    answers = read("bad.json", **columns)

    assert len(answers.labels) == 3


def test_a_bomb_of_bzip2_is_refused():
    with ZipFile("good.eval", "w", ZIP_BZIP2) as archive:
        archive.writestr("header.json", " " * 10**6)

    with pytest.raises(UserError, match="is packed by bzip2 or lzma"):
        read("good.eval")


def test_the_first_of_several_scorers_is_used(caplog):
    def change(log):
        for sample in log["samples"]:
            sample["scores"]["judge"] = {"value": 0.5}

    first = scores(read(changed(change)), "mockllm-bad")

    assert first[0] == [1, 0, 0]
    assert "the score is match (--score NAME takes another: judge)" in caplog.text
    assert scores(read("bad.json", score="judge"), "mockllm-bad")[0] == [0.5] * 3


def test_an_evaluation_that_did_not_end_is_noticed(caplog):
    read(changed(lambda log: log.update(status="error")))

    assert "bad.json: incomplete: the evaluation's status is 'error'" in caplog.text


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            lambda log: log["samples"][0].pop("id"),
            "cannot be read as a log of inspect_ai: no 'id'$",
        ),
        (lambda log: log.update(samples=[]), "no usable row"),
        (
            lambda log: log.update(samples=7),
            "cannot be read as a log of inspect_ai: a value does not have the form",
        ),
        (
            lambda log: log["samples"][0]["scores"]["match"].update(value="high"),
            "score: not only numbers: high",
        ),
    ],
)
def test_a_fault_is_named(change, fault):
    with pytest.raises(UserError, match=fault):
        read(changed(change))


def test_an_unknown_scorer_is_named():
    with pytest.raises(UserError, match=r"no score 'judge' .allowed: match"):
        read("bad.json", score="judge")


@pytest.mark.parametrize("place", [0, 30, 200, 5_000, -60])
def test_a_damaged_archive_is_read_or_refused(place):
    content = bytearray(Path("good.eval").read_bytes())
    content[place] ^= 255
    Path("good.eval").write_bytes(content)

    with suppress(UserError):
        read("good.eval")


def test_an_archive_that_unpacks_to_too_much_is_refused():
    content = bytearray(Path("good.eval").read_bytes())
    place = content.rindex(b"PK\x01\x02")
    content[place + 24 : place + 28] = (2**31).to_bytes(4, "little")
    Path("good.eval").write_bytes(content)

    with pytest.raises(UserError, match=r"it unpacks to .* bytes"):
        read("good.eval")
