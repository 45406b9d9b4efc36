"""Columns of a table: texts in several, a column for each label, and candidates."""

import csv
import json
from pathlib import Path

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from newswires import write_table

from rnnbench.data.sources.files import read
from rnnbench.data.sources.tables import Layout, label_candidates, sniff
from rnnbench.data.sources.texts import read_texts, text_of, undeclared_groups
from rnnbench.errors import UserError

PARTS = [
    ("Oil fell", "It fell again.", "crude"),
    ("Net profit", "", "earn"),
    ("", "It buys", "acq"),
]
PART_NAMES = ("title", "body", "kind")


def texts_of(path, **form):
    bad_rows = []
    texts = list(read_texts(path, Layout(**form), bad_rows))
    assert not bad_rows
    return texts


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("text", [("title", "body"), "title,body", "title, body"])
def test_a_text_has_a_line_for_each_of_its_columns(tmp_path, ending, text):
    table = write_table(tmp_path / f"own.{ending}", PARTS, PART_NAMES)

    texts = texts_of(table, text=text, label="kind")

    assert [text.text for text in texts] == [
        "Oil fell\nIt fell again.",
        "Net profit",
        "It buys",
    ]


def test_a_name_with_a_comma_is_that_of_a_column_if_there_is_one(tmp_path):
    table = write_table(
        tmp_path / "own.csv",
        [("one", "two", "both", "x")] * 2,
        ("a", "b", "a,b", "label"),
    )

    assert texts_of(table, text="a,b")[0].text == "both"


@given(st.lists(st.none() | st.text("ab \n"), min_size=2, max_size=4))
def test_empty_parts_of_a_text_are_left_out(parts):
    filled = [part for part in parts if part and part.strip()]

    if filled:
        assert text_of(tuple(parts)) == "\n".join(filled)


@pytest.mark.parametrize(
    ("form", "message"),
    [
        ({"text": ("title", "body"), "label": "body"}, "should name different columns"),
        ({"text": ("title", "head"), "label": "kind"}, "no column 'head' (allowed"),
        ({"text": "title", "label": ("kind", "tone")}, "no column 'tone' (allowed"),
        ({"text": "title", "label": ("kind", "body")}, "kind: should be 0 or 1: crude"),
    ],
)
def test_columns_that_do_not_fit_are_refused(tmp_path, form, message):
    table = write_table(tmp_path / "own.csv", PARTS, PART_NAMES)

    with pytest.raises(UserError) as error:
        read(table, **form)

    assert message in str(error.value)


LABELS = pandas.DataFrame(
    {
        "id": ["a", "b", "c", "d"],
        "tweet": ["see #this", "hello @you", "today", "@you #see this"],
        "hashtag": [1, 0, 0, 1],
        "mention": [0, 1, 0, 1],
        "rare": [0, 0, 0, 0],
    }
)


@pytest.mark.parametrize("kind", [int, float, bool])
def test_columns_of_0_or_1_are_seen_as_labels(tmp_path, caplog, kind):
    names = ["hashtag", "mention", "rare"]
    frame = LABELS.astype(dict.fromkeys(names, kind))
    frame.to_csv(tmp_path / "own.csv", index=False)

    corpus = read(tmp_path / "own.csv")

    assert corpus.topics == ("hashtag", "mention")
    assert corpus.labels.tolist() == [[1, 0], [0, 1], [0, 0], [1, 1]]
    said = "labels in 'hashtag', 'mention', 'rare', which are 0 or 1: several labels a"
    assert said in caplog.text


def test_of_many_columns_of_labels_the_first_are_named(tmp_path, caplog):
    columns = {f"label{number}": LABELS["hashtag"] for number in range(28)}
    LABELS.assign(**columns).to_csv(tmp_path / "own.csv", index=False)

    sniff(tmp_path / "own.csv", Layout())

    assert "'label16' and 11 more, which are 0 or 1" in caplog.text


def test_columns_of_labels_are_those_of_the_first_file(tmp_path):
    LABELS.to_csv(tmp_path / "train.csv", index=False)
    LABELS.assign(mention=0).to_csv(tmp_path / "test.csv", index=False)

    corpus = read(tmp_path / "train.csv", test=tmp_path / "test.csv")

    assert corpus.topics == ("hashtag", "mention")
    assert corpus.labels[4:].tolist() == [[1, 0], [0, 0], [0, 0], [1, 0]]


def test_columns_of_0_or_1_may_be_named(tmp_path):
    LABELS.assign(fold=[1, 2, 1, 2]).to_json(
        tmp_path / "own.jsonl", orient="records", lines=True
    )

    corpus = read(tmp_path / "own.jsonl", label=("hashtag", "mention"))

    assert corpus.labels.tolist() == [[1, 0], [0, 1], [0, 0], [1, 1]]


@pytest.mark.parametrize(
    "columns",
    [
        {"party": ["a", "b", "a", "b"]},
        {"label": ["x", "y", "x", "y"]},
        {"mention": [0, 0, 0, 0]},
        {"mention": [0, 1, 2, 1]},
    ],
)
def test_other_columns_are_not_labels_of_0_or_1(tmp_path, columns):
    LABELS.assign(**columns).to_csv(tmp_path / "own.csv", index=False)

    assert not isinstance(sniff(tmp_path / "own.csv", Layout()).label, tuple)


def test_groups_are_looked_for_beside_several_columns(tmp_path):
    rows = [(f"{n}", "words", n % 2, n % 3 % 2, f"p{n // 3}") for n in range(60)]
    names = ("title", "body", "good", "new", "passage")
    table = write_table(tmp_path / "own.csv", rows, names)

    layout = Layout(text=("title", "body"), label=("good", "new"))

    assert undeclared_groups(table, layout).column == "passage"


def test_candidates_for_labels_are_ranked(tmp_path):
    rows = [(f"{n}", f"line {n} of a text", f"p{n % 6}", n % 3) for n in range(30)]
    table = write_table(tmp_path / "own.csv", rows, ("no", "line", "person", "act"))

    candidates = label_candidates(table, Layout(text="line"))

    assert candidates == ["act (3 values)", "person (6 values)", "no (30 values)"]


def test_all_candidates_are_in_the_message(cli, tmp_path):
    names = tuple(f"c{n}" for n in range(9))
    rows = [(f"text {n}", *[n % 3] * 9) for n in range(12)]
    write_table(tmp_path / "own.csv", rows, ("text", *names))

    refused = cli("data", "show", tmp_path / "own.csv")

    assert refused.exit_code == 2
    assert "as in --label NAME, to one of c0 (3 values), c1 (3 " in refused.stderr
    assert "c8 (3 values)" in refused.stderr


@pytest.fixture
def parts(tmp_path, monkeypatch):
    """A table of titles, bodies, labels, authors; the folder to work in."""
    monkeypatch.chdir(tmp_path)
    words = {"good": "fine great", "bad": "poor awful"}
    rows = []
    for n in range(40):
        mood = ["good", "bad"][n % 2]
        rows.append((f"{words[mood]} {n}", f"body{n}", mood, f"a{n % 8}"))
    write_table(tmp_path / "own.csv", rows, ("title", "body", "mood", "author"))
    return tmp_path


ONLY = ("--models", "multinomial_naive_bayes", "--jobs", 1)


@pytest.mark.parametrize(
    "options", [("--text", "title,body"), ("--text", "title", "--text", "body")]
)
@pytest.mark.usefixtures("parts")
def test_options_name_several_columns_of_texts(cli, options):
    described = cli(
        "data", "show", "own.csv", "0", *options, "--label", "mood", "--json"
    )

    assert json.loads(described.stdout)["words"] == ["fine", "great", "0", "body0"]


@pytest.mark.usefixtures("parts", "quick")
def test_a_model_answers_the_columns_that_it_learned_from(cli):
    options = ("--text", "title,body", "--save-models", "--seeds", 1)
    done = cli("run", "own.csv", *options, *ONLY)
    assert done.exit_code == 0, done.stderr

    answered = cli("predict", "results/own", "--in", "own.csv", "--out", "out.csv")
    assert answered.exit_code == 0, answered.stderr

    with Path("out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["unknown_words"] for row in rows} > {"0.0"}
    assert [row["predicted"] for row in rows] == [row["mood"] for row in rows]


@pytest.mark.parametrize("command", ["show", "prepare"])
@pytest.mark.usefixtures("parts")
def test_an_option_names_the_groups_of_texts(cli, command):
    options = ["--text", "title", "--group", "author"]

    done = cli("data", command, "own.csv", *options)

    assert done.exit_code == 0, done.stderr
    assert "data.group needs a shuffled split, so data.split is shuffled" in done.stderr


@pytest.mark.usefixtures("parts")
def test_options_name_the_columns_of_a_new_config(cli):
    options = ("--text", "title,body", "--label", "mood", "--group", "author")

    made = cli("config", "new", "--from", "own.csv", *options).stdout

    assert "  text:\n  - title\n  - body\n  label: mood\n  group: author\n" in made
    assert "\n  split: shuffled #" in made


def test_a_new_config_for_a_folder_has_the_columns_of_its_tables(cli, tmp_path):
    for part in ("train", "test"):
        write_table(tmp_path / f"{part}.csv", PARTS, PART_NAMES)

    made = cli("config", "new", "--from", tmp_path, "--text", "body").stdout

    assert "  text: body\n" in made


@pytest.mark.parametrize("source", [(), ("--from", "lstm")])
def test_only_a_config_for_texts_has_columns(cli, source):
    refused = cli("config", "new", *source, "--text", "title")

    assert refused.exit_code == 2
    assert refused.stderr == "--text, --label and --group: need --from with texts\n"


def test_a_folder_has_no_groups(cli, tmp_path):
    for label in ("cats", "dogs"):
        (tmp_path / "pets" / label).mkdir(parents=True)
        (tmp_path / "pets" / label / "1.txt").write_text(f"some {label}")

    refused = cli("data", "show", tmp_path / "pets", "--group", "author")

    assert refused.exit_code == 2
    assert "pets: no column 'author' (allowed: text, label; --group" in refused.stderr


@pytest.mark.parametrize("value", ["3", "[]", "[title, 3]", "''"])
def test_what_cannot_name_columns_is_refused(cli, value):
    refused = cli("config", "show", "lstm", "--set", f"data.text={value}")

    assert refused.exit_code == 2
    assert "should be the name of a column, or a list of names" in refused.stderr
