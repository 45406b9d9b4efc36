"""Answers that are left out so that a promise is kept: ``predict --answer-where``."""

import json
from dataclasses import replace

import pytest
from prediction.conftest import drinks

from rnnbench import load_run
from rnnbench.errors import UserError

TEXT = "hop malt keg"
NEW = drinks(2_000, seed=1)


@pytest.fixture(scope="session")
def run(drunk):
    return load_run(drunk)


@pytest.mark.parametrize("model", ["sure", "svm"])
def test_answers_to_new_texts_keep_the_promise(run, model):
    texts, labels = zip(*NEW, strict=True)

    answers = [item.answer for item in run.predict(texts, model, answer_where=ERROR)]

    given = [pair for pair in zip(answers, labels, strict=True) if pair[0] != "unsure"]
    assert 0.5 * len(NEW) < len(given) < len(NEW)
    assert sum(answer != label for answer, label in given) <= 0.03 * len(given)


ERROR = "error <= 3%"


def test_the_answers_are_those_above_the_threshold(run):
    model = run.model("sure")
    below = model.promise(ERROR).unsure_below
    texts = [text for text, _ in NEW]

    by_promise = model.answers(texts, answer_where=ERROR)

    assert by_promise == model.answers(texts, unsure_below=below)


def test_an_error_that_all_answers_keep_leaves_none_out(run):
    rule = run.model("sure").promise("error < .4")

    assert rule.unsure_below is None
    assert rule.answered == rule.documents == 800
    assert rule.in_words().startswith("to all texts. At most 40 % of them are wrong (")


def test_a_lower_level_answers_no_less(run):
    model = run.model("sure")

    usual = model.promise(ERROR)
    lower = model.promise(f"{ERROR} with 80%")

    assert lower.level == 0.8
    assert lower.answered > usual.answered


def test_the_command_says_what_is_promised(cli, drunk):
    done = cli("predict", drunk, "sure", TEXT, "--answer-where", ERROR)

    assert done.exit_code == 0, done.output
    assert "Answers: 'unsure' below 0." in done.stderr
    assert (
        ". At most 3 % of them are wrong (95 % confidence), if the texts are"
        in done.stderr
    )


def test_the_record_has_the_promise(cli, drunk):
    done = cli("predict", drunk, "sure", TEXT, "--answer-where", ERROR, "--json")

    promise = json.loads(done.stdout)["promise"]
    assert promise == load_run(drunk).model("sure").promise(ERROR).model_dump()
    assert (promise["error"], promise["level"]) == (0.03, 0.95)


def test_rows_of_a_table_are_left_out(cli, drunk, tmp_path):
    (tmp_path / "new.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text, _ in NEW[:100])
    )
    out = tmp_path / "out.jsonl"
    arguments = ["--in", tmp_path / "new.jsonl", "--out", out, "--answer-where", ERROR]

    done = cli("predict", drunk, "sure", *arguments, "--json")

    unsure = out.read_text().count('"predicted": "unsure"')
    record = json.loads(done.stdout)
    assert record["problems"] == {"unsure": unsure}
    assert record["promise"]["error"] == 0.03


def test_an_error_that_cannot_be_promised_is_refused_with_the_lowest(cli, drunk):
    done = cli("predict", drunk, "sure", TEXT, "--answer-where", "error <= 0.1%")

    assert (done.exit_code, done.stdout) == (2, "")
    lowest = done.stderr.partition("the lowest error that one promises is ")[2]
    load_run(drunk).model("sure").promise(f"error <= {lowest.rstrip()[:-1]}")


@pytest.mark.parametrize(
    "where",
    [
        *("", "error", "2%", "error <= 0%", "error <= 100%", "error <= 2"),
        *("error > 2%", "error <= 2% with 100%", "error <= 2% with 9%"),
    ],
)
def test_another_condition_is_refused(cli, drunk, where):
    done = cli("predict", drunk, "sure", TEXT, "--answer-where", where)

    assert done.exit_code == 2
    assert done.stderr.endswith(
        f"--answer-where: got '{where}' (should be like 'error <= 2%', or 'error <= 2% "
        "with 90%')\n"
    )


def test_a_probability_beside_it_is_refused(cli, drunk):
    options = ["--answer-where", ERROR, "--unsure-below", "0.5"]

    done = cli("predict", drunk, "sure", TEXT, *options)

    assert done.exit_code == 2
    assert done.stderr == "--answer-where: use it without --unsure-below\n"


def test_a_model_without_a_run_is_refused(run):
    model = run.model("sure")
    model.tested = None

    with pytest.raises(UserError, match="only for models of a run"):
        model.promise(ERROR)


def with_dataset(run, **changes):
    """Return a model whose test documents are described in another way."""
    model = run.model("sure")
    dataset = model.tested.dataset.model_copy(update=changes)
    model.tested = replace(model.tested, dataset=dataset)
    return model


def test_any_number_of_labels_is_refused(run):
    model = with_dataset(run, task="multi_label")

    with pytest.raises(UserError, match="a text any number of labels"):
        model.promise(ERROR)


@pytest.mark.parametrize(
    "dependence", [{"in_order": True}, {"clusters": [n // 4 for n in range(800)]}]
)
def test_a_promise_from_dependent_documents_is_approximate(run, dependence):
    rule = with_dataset(run, **dependence).promise("error <= 10%")

    assert rule.approximate
    assert " wrong (about 95 % confidence), " in rule.in_words()
    assert rule.answered <= run.model("sure").promise("error <= 10%").answered


def test_near_copies_of_training_documents_do_not_choose_the_threshold(run):
    rule = with_dataset(run, near_copies=list(range(100))).promise("error <= 10%")

    assert rule.documents == 700


def test_no_documents_promise_nothing(run):
    model = with_dataset(run, near_copies=list(range(800)))

    with pytest.raises(UserError, match="nor any other error; chosen on 0 documents"):
        model.promise("error <= 50%")
