"""``rnnbench data suspects``: labels that models contradict, and their correction."""

import csv
import json
from pathlib import Path

import pytest
from numpy.random import default_rng

from rnnbench import load_config
from rnnbench.prediction.writers import open_writer
from rnnbench.suspects.command import COLUMNS
from rnnbench.suspects.find import quick_models

FOODS = ["apple", "pear", "plum", "grape", "melon", "peach", "lemon", "cherry"]
CARS = ["engine", "brake", "wheel", "clutch", "tyre", "gear", "bumper", "axle"]
WRONG = {3: "fruit", 40: "car"}
"""The label that is given to some rows by mistake; even rows are about fruit."""


def texts():
    """Return rows of a text and its label, most of them right."""
    random = default_rng(0)
    rows = []
    for number in range(60):
        is_car = number % 2
        words = random.choice(CARS if is_car else FOODS, 5)
        label = WRONG.get(number, "car" if is_car else "fruit")
        rows.append((f"{' '.join(words)} n{number}", label))
    return rows


def write(file, rows, header=("text", "label")):
    with Path(file).open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])


def read(file):
    with Path(file).open(newline="") as opened:
        return list(csv.DictReader(opened))


SEVERAL = ["--set", "data.label_separator=;"]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch, quick, one_plot):  # noqa: ARG001 - before all others
    monkeypatch.chdir(tmp_path)
    write("mine.csv", texts())


@pytest.fixture
def found(cli):
    result = cli("data", "suspects", "mine.csv", "--out", "suspects.csv")
    assert result.exit_code == 0, result.stderr
    return result


def test_the_wrong_labels_come_first(found):
    rows = read("suspects.csv")

    assert {int(row["document"]) for row in rows[:2]} == set(WRONG)
    assert {row["place"] for row in rows[:2]} == {"mine.csv:5", "mine.csv:42"}
    assert all(row["label"] == row["given"] != row["suggested"] for row in rows[:2])
    assert "Nothing is changed or left out." in " ".join(found.stdout.split())


def test_json_has_everything(cli):
    record = json.loads(cli("data", "suspects", "mine.csv", "--json", "-q").stdout)

    first, second = record["suspects"][:2]
    assert {first["document"], second["document"]} == set(WRONG)
    assert set(first["answers"]) == set(record["models"])
    assert set(first["words"]) & {*FOODS, *CARS}
    assert record["wrong"]["low"] < record["wrong"]["share"] < record["wrong"]["high"]


@pytest.mark.usefixtures("found")
def test_the_page_has_the_text_with_the_words_that_speak_for_another_label():
    page = Path("results/suspects-mine/report.html").read_text()

    assert texts()[3][0] in page
    assert "Words that speak for car, by naive Bayes" in page


@pytest.mark.usefixtures("found")
def test_a_run_reads_the_corrected_table(cli):
    rows = read("suspects.csv")
    for row in rows[:2]:
        row["label"] = row["suggested"]
    write("suspects.csv", [row.values() for row in rows], rows[0].keys())

    shown = cli("data", "prepare", "mine.csv", "--json")
    changed = ["--set", "data.corrections=suspects.csv"]
    corrected = cli("data", "prepare", "mine.csv", "--json", *changed)
    again = cli("data", "suspects", "mine.csv", "--json", "-q", "--fresh", *changed)

    assert "corrected" in json.loads(corrected.stdout)["from"]
    before = json.loads(shown.stdout)["corpus_fingerprint"]
    assert json.loads(corrected.stdout)["corpus_fingerprint"] != before
    documents = {
        suspect["document"] for suspect in json.loads(again.stdout)["suspects"]
    }
    assert not documents & set(WRONG)


def test_stored_answers_are_not_made_again(found, cli):
    again = cli("data", "suspects", "mine.csv")

    assert "started" not in again.stderr
    assert again.stdout == found.stdout


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": "lorry"}, "no label 'lorry' (allowed: car, fruit)"),
        ({"label": ""}, "the label is empty"),
        ({"document": "60"}, "no document 60 (allowed: 0 to 59)"),
        ({"document": "1"}, "this is a table of other documents"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_the_row(cli, change, message):
    row = {"document": "3", "label": "car", "given": "fruit", **change}
    write("other.csv", [row.values()], row)

    result = cli("data", "prepare", "mine.csv", "--set", "data.corrections=other.csv")

    assert result.exit_code == 2
    assert message in result.stderr
    assert "other.csv:2: " in result.stderr


@pytest.mark.parametrize("name", ["missing.csv", "."])
def test_a_table_that_is_not_there_is_named(cli, name):
    result = cli("data", "prepare", "mine.csv", "--set", f"data.corrections={name}")

    assert result.exit_code == 2
    assert "no such file (data.corrections)" in result.stderr


@pytest.mark.usefixtures("found")
@pytest.mark.parametrize("name", ["mine.csv", "suspects.csv"])
def test_no_table_that_is_read_is_overwritten(cli, name):
    before = Path(name).read_bytes()
    changed = ["--set", "data.corrections=suspects.csv"]

    result = cli("data", "suspects", "mine.csv", "--out", name, "--force", *changed)

    assert result.exit_code == 2
    assert f"--out {name}: the config reads it (name another file)" in result.stderr
    assert Path(name).read_bytes() == before


def test_near_copies_with_another_label_are_marked(cli):
    long = " ".join(f"{word} {other}" for word in FOODS for other in CARS)
    write("mine.csv", [*texts(), (f"{long} a", "car"), (f"{long} b", "fruit")])

    result = cli("data", "suspects", "mine.csv", "--json", "-q")

    suspects = {row["document"]: row for row in json.loads(result.stdout)["suspects"]}
    assert suspects[60]["near_copy"] == "document 61 is fruit"
    assert suspects[61]["near_copy"] == "document 60 is car"


def test_a_topic_may_be_missing_or_too_many(cli):
    random = default_rng(1)
    rows = []
    for number in range(80):
        words = [*random.choice(FOODS, 4 * (number % 2)), *random.choice(CARS, 4)]
        label = "car;fruit" if number % 2 else "car"
        if number == 5:
            label = "car"
        if number == 6:
            label = "car;fruit"
        rows.append((f"{' '.join(words)} n{number}", label))
    write("mine.csv", rows)

    result = cli("data", "suspects", "mine.csv", "--json", "-q", *SEVERAL)

    missing, extra = sorted(
        json.loads(result.stdout)["suspects"][:2], key=lambda row: row["document"]
    )
    assert (missing["document"], missing["suggested"]) == (5, "car;fruit")
    assert (extra["document"], extra["suggested"]) == (6, "car")
    assert set(missing["words"]) & {*FOODS}


def test_labels_with_a_semicolon_are_read_back(cli):
    rows = [(f"{FOODS[n % 8]} {CARS[n % 8]} n{n}", "a;b|car") for n in range(20)]
    rows += [(f"{CARS[n % 8]} {CARS[n % 5]} n{n}", "car") for n in range(20)]
    rows += [("apple pear plum apple n50", "car"), ("gear axle n51", "a;b|car")]
    write("mine.csv", rows)
    options = ["--set", "data.label_separator='|'"]

    cli("data", "suspects", "mine.csv", "-q", "--out", "suspects.csv", *options)
    options += ["--set", "data.corrections=suspects.csv"]
    corrected = cli("data", "prepare", "mine.csv", *options)

    assert "a;b|car" in {row["given"] for row in read("suspects.csv")}
    assert corrected.exit_code == 0, corrected.stderr


def test_topics_that_no_model_learns_stay(cli):
    rows = [(f"{FOODS[n % 8]} {CARS[n % 8]} n{n}", "car;fruit") for n in range(20)]
    rows += [(f"{CARS[n % 8]} {CARS[n % 5]} n{n}", "car") for n in range(20)]
    rows += [("apple pear apple pear n50", "car;rare"), ("plum plum n51", "car")]
    write("mine.csv", rows)

    cli("data", "suspects", "mine.csv", "-q", "--out", "suspects.csv", *SEVERAL)
    changed = ["--set", "data.corrections=suspects.csv", *SEVERAL]
    corrected = cli("data", "prepare", "mine.csv", *changed)

    suggested = {row["given"]: row["suggested"] for row in read("suspects.csv")}
    assert suggested["car;rare"] == "car;fruit;rare"
    assert corrected.exit_code == 0, corrected.stderr


def test_models_that_are_too_weak_do_not_say_how_many_labels_are_wrong(cli):
    random = default_rng(2)
    rows = [(f"w{n % 7} x{n}", random.choice(["a", "b"])) for n in range(40)]
    write("mine.csv", rows)

    result = cli("data", "suspects", "mine.csv", "-q")

    assert "How many labels are wrong cannot be estimated" in " ".join(
        result.stdout.split()
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--folds", "61"], "folds: got 61 (allowed: 2 to "),
        (["--models", "bert"], "no model 'bert'"),
        (["--out", "list.txt"], "list.txt"),
        (["--force"], "--force: needs --out"),
    ],
)
def test_a_wrong_option_is_named(cli, arguments, message):
    result = cli("data", "suspects", "mine.csv", *arguments)

    assert result.exit_code == 2
    assert message in result.stderr


def test_a_model_that_only_decides_otherwise_does_not_count_twice():
    models = load_config("reuters90").models

    assert {"tfidf_linear_svm", "tfidf_linear_svm_by_topic"} <= models.keys()
    assert quick_models(models) == ["complement_naive_bayes", "tfidf_linear_svm"]


def test_texts_that_are_all_near_copies_are_refused_as_such(cli):
    rows = [("the same few words again", label) for label in ["a", "b"] * 10]
    write("same.csv", rows)

    result = cli("data", "suspects", "same.csv")

    assert result.exit_code == 2
    assert "all documents are near-copies" in result.stderr


def test_a_table_without_a_column_of_suspects_is_refused_as_such(cli):
    write("other.csv", [("1", "fruit")], header=("document", "label"))

    result = cli("run", "mine.csv", "--set", "data.corrections=other.csv")

    assert result.exit_code == 2
    assert "no column 'given' (should be a table of `rnnbench data" in result.stderr


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_without_suspects_corrects_nothing(cli, ending):
    with open_writer(Path(f"none.{ending}"), Path("mine.csv"), list(COLUMNS)):
        pass

    result = cli(
        "data", "prepare", "mine.csv", "--set", f"data.corrections=none.{ending}"
    )

    assert result.exit_code == 0, result.stderr


def test_a_folder_of_something_else_is_refused_with_the_option_for_another(cli):
    Path("other").mkdir()
    Path("other", "notes.txt").write_text("mine")

    result = cli("data", "suspects", "mine.csv", "--folder", "other")

    assert result.exit_code == 2
    assert "(use --folder to name a new or empty folder)" in result.stderr


def test_results_for_other_texts_are_replaced_with_a_word(cli):
    search = ("data", "suspects", "mine.csv", "--models", "multinomial_naive_bayes")
    assert cli(*search).exit_code == 0
    with Path("mine.csv").open("a") as file:
        file.write("one more text,car\n")

    result = cli(*search)

    assert "results/suspects-mine: this will replace the results of" in result.stderr
    assert "(use --folder to name a new or empty folder)" in result.stderr
