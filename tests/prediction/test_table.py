"""Tables of texts with the answers of a model: ``rnnbench predict RUN --in TABLE --out
FILE``.
"""

import csv
import errno
import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench import load_run
from rnnbench.data.cached import cached_documents
from rnnbench.data.fetch import silent
from rnnbench.data.vocabulary import Vocabulary
from rnnbench.prediction import table, writers
from rnnbench.prediction.predict import find_model
from rnnbench.tasks import SINGLE_LABEL

TEXTS = [
    "Net profit rose, 7 pct",
    "It buys\nunit 3",
    "zzz zinc",
    " ",
    'a "profit" rose zzz',
    "!?",
]
HUGGING_FACE = Path(__file__).parents[1] / "data/sources/hugging_face"
ROWS = [
    {"id": str(number), "text": text, "ö": "š"} for number, text in enumerate(TEXTS)
]


def refuse_to_list(folder):
    raise PermissionError(errno.EACCES, "Permission denied", str(folder))


@pytest.fixture
def predict(cli, finished, tmp_path, monkeypatch):
    """Run the command in an empty folder, with arguments after the run."""
    monkeypatch.chdir(tmp_path)

    def predict(*arguments, status=0, stdin=None):
        done = cli("predict", finished, *arguments, stdin=stdin)
        assert done.exit_code == status, done.output
        return done

    return predict


def spelled(rows, ending=".csv"):
    """Return rows as the content of a file."""
    if ending == ".jsonl":
        return "".join(json.dumps(row) + "\n" for row in rows)
    content = io.StringIO()
    writer = csv.DictWriter(content, [*rows[0]], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return content.getvalue()


def read(content, ending=".csv"):
    if ending == ".jsonl":
        return [json.loads(line) for line in content.splitlines()]
    return list(csv.DictReader(io.StringIO(content)))


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
@pytest.mark.parametrize(
    ("model", "kind"), [("reader", "probability"), ("svm", "margin")]
)
def test_every_row_gets_its_answer_in_its_place(
    predict, finished, tmp_path, model, kind, ending
):
    (tmp_path / f"new{ending}").write_text(spelled(ROWS, ending))

    done = predict(model, "--in", f"new{ending}", "--out", f"predicted{ending}")

    rows = read((tmp_path / f"predicted{ending}").read_text(), ending)
    new = ["predicted", kind, "second_best", "unknown_words", "problem"]
    assert [*rows[0]] == ["id", "text", "ö", *new]
    assert [{name: row[name] for name in ROWS[0]} for row in rows] == ROWS
    nothing = "" if ending == ".csv" else None
    for row, answer in zip(
        rows, find_model(finished, model, None).answers(TEXTS, 2), strict=True
    ):
        if answer.topics:
            first, second = answer.topics
            assert (row["predicted"], row["second_best"]) == (first.topic, second.topic)
            assert float(row[kind]) == pytest.approx(first.score, abs=1e-5)
        else:
            assert {row["predicted"], row["second_best"], row[kind]} == {nothing}
    shares = [row["unknown_words"] for row in rows]
    assert shares == [
        nothing if share is None else type(shares[0])(share) for share in SHARES
    ]
    problems = [nothing, nothing, "unknown words", "empty text", nothing, "no words"]
    assert [row["problem"] for row in rows] == problems
    assert WITHOUT in done.stderr
    assert f"6 rows written to predicted{ending}\n" in done.stderr
    assert done.stdout == ""


SHARES = [0.0, 0.0, 1.0, None, 0.5, None]
WITHOUT = "Without an answer: 3 of 6 rows: 1 unknown words, 1 empty text, 1 no words\n"


def test_by_default_the_best_model_answers_on_standard_output(predict, tmp_path):
    done = predict("--in", "-", "--quiet", stdin=spelled(ROWS))

    assert done.stderr == WITHOUT
    assert [row["id"] for row in read(done.stdout)] == list("012345")
    other = predict("--in", "-", "--out", "-", stdin=f"\n{spelled(ROWS, '.jsonl')}")
    assert [row["id"] for row in read(other.stdout, ".jsonl")] == list("012345")
    assert other.stderr.startswith("Model: ")
    assert not any(tmp_path.iterdir())


def test_two_columns_of_standard_input_with_one_name_are_refused(predict, tmp_path):
    wrong = predict("--in", "-", "--quiet", stdin="text,text\n", status=2)

    assert wrong.stderr == "standard input: two columns have the same name\n"
    assert not any(tmp_path.iterdir())


RAGGED = b'text,id\nprofit,1\n"a"b,2\nprofit,3,4\nprofit\nprofit \xff,5\n'
FAULTY = (
    b'{"text": "profit", "id": "1"}\n[1]\n{"text": 7, "id": "2"}\n{"id": "4"}\n{"te\n'
)


@pytest.mark.parametrize(
    ("name", "content", "bad"),
    [
        (
            "new.csv",
            RAGGED + 30 * "é,6\n".encode(),
            [
                *([2, "", "", "not a row"], [3, "profit", "3", "not a row"]),
                *(
                    [4, "profit", "", "not a row"],
                    [5, r"profit \udcff", "5", "not decodable"],
                ),
            ],
        ),
        (
            "new.jsonl",
            FAULTY + 200 * b'{"id": "5"}\n' + b'{"text": "profit", "c": 1}\n',
            [
                *([2, "", "", "not a row"], [3, "7", "2", "unusable text"]),
                *([4, "", "4", "empty text"], [5, "", "", "not a row"]),
                [206, "profit", "", "not a row"],
            ],
        ),
    ],
)
def test_a_row_that_cannot_be_used_says_why_in_its_place(
    predict, tmp_path, name, content, bad
):
    (tmp_path / name).write_bytes(content)

    done = predict("svm", "--in", name, "--out", "out.csv", "--quiet")

    rows = read((tmp_path / "out.csv").read_text())
    assert (rows[0]["predicted"], rows[0]["problem"]) == ("earn", "")
    for number, *expected in bad:
        row = rows[number - 1]
        assert [row["text"], row["id"], row["problem"]] == expected
        assert not any(
            row[new] for new in ("predicted", "margin", "second_best", "unknown_words")
        )
    assert f" of {len(rows)} rows: " in done.stderr


def test_rows_of_which_a_model_is_not_sure_enough_are_unsure(
    predict, finished, tmp_path
):
    (tmp_path / "new.csv").write_text(spelled(ROWS))
    answers = find_model(finished, "letters", None).answers(TEXTS)
    least = sorted(
        prediction.topics[0].probability for prediction in answers if prediction.topics
    )[1]

    done = predict(
        *(
            "letters",
            "--in",
            "new.csv",
            "--out",
            "out.csv",
            "--unsure-below",
            least,
            "--json",
        )
    )

    rows = read((tmp_path / "out.csv").read_text())
    predicted = [row["predicted"] for row in rows]
    unsure = [
        bool(prediction.topics) and prediction.topics[0].probability < least
        for prediction in answers
    ]
    assert [answer == "unsure" for answer in predicted] == unsure
    assert all(row["probability"] for row in rows if row["predicted"])
    problems = {"unsure": 1, "unknown words": 1, "empty text": 1, "no words": 1}
    record = {"schema_version": 1, "answered": 2, "problems": problems}
    record |= {"trained_on": 0, "threshold": None, "promise": None, "change": None}
    assert json.loads(done.stdout) == record


def test_a_table_keeps_its_delimiter(predict, tmp_path):
    (tmp_path / "new.csv").write_text("id;text\n1;net profit rose\n2;it, too; buys\n")

    done = predict("svm", "--in", "new.csv", "--out", "new_answers.csv")

    header, *_ = (tmp_path / "new_answers.csv").read_text().splitlines()
    assert header.startswith("id;text;predicted;"), done.stderr


def test_the_column_of_the_texts_is_that_of_the_run_unless_named(predict, tmp_path):
    (tmp_path / "new.tsv").write_text('body\tid\nnet "profit" rose\t1\n\nit buys\t2\n')

    done = predict("svm", "--in", "new.tsv", "--text", "body")

    rows = list(
        csv.DictReader(io.StringIO(done.stdout), delimiter="\t", quoting=csv.QUOTE_NONE)
    )
    assert [row["body"] for row in rows] == ['net "profit" rose', "it buys"]
    assert [row["predicted"] for row in rows] == ["earn", "acq"]
    again = predict("svm", "--in", "new.tsv")
    assert again.stdout == done.stdout
    assert "new.tsv: read as utf-8, texts in 'body'\n" in again.stderr
    wrong = predict("svm", "--in", "new.tsv", "--text", "bodi", status=2)
    assert (
        "new.tsv: no column 'bodi' (allowed: body, id; did you mean 'body'?"
        in wrong.stderr
    )


@pytest.mark.parametrize("folder", ["saved", "parquet", "saved/train"])
def test_a_data_set_of_hugging_face_is_answered_row_by_row(predict, folder):
    done = predict("svm", "--in", HUGGING_FACE / folder)

    rows = read(done.stdout)
    assert [*rows[0]][:3] == ["text", "label", "predicted"]
    assert len(rows) == (12 if folder == "saved/train" else 16)


def test_a_file_that_cannot_be_read_is_named(predict, tmp_path):
    (tmp_path / "texts").mkdir()
    os.mkfifo(tmp_path / "texts/pipe.txt")

    done = predict("svm", "--in", "texts", "--out", "new.csv", status=2)

    assert "texts/pipe.txt: cannot be read: not a regular file" in done.stderr


def test_a_folder_that_cannot_be_read_is_named(predict, tmp_path, monkeypatch):
    (tmp_path / "texts").mkdir()
    monkeypatch.setattr(os, "scandir", refuse_to_list)

    done = predict("svm", "--in", "texts", "--out", "new.csv", status=2)

    assert "texts: cannot be read: Permission denied" in done.stderr


def test_a_field_that_tabs_cannot_separate_is_refused_or_quoted_as_it_was(
    predict, tmp_path
):
    (tmp_path / "new.csv").write_text(spelled(ROWS))

    done = predict("svm", "--in", "new.csv", "--out", "out.tsv", status=2)

    assert "cannot be written: need to escape, " in done.stderr
    assert not (tmp_path / "out.tsv").exists()
    (tmp_path / "new.tsv").write_text('text\tid\n"profit\n""rose"""\t1\n')
    predict("svm", "--in", "new.tsv", "--out", "out.tsv")
    assert '\n"profit\n""rose"""\t1\t' in (tmp_path / "out.tsv").read_text()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("new.csv", "text,text\na,b\n", "new.csv: two columns have the same name"),
        (
            "new.csv",
            "text,margin\nprofit,1\n",
            "new.csv: rename the column 'margin': the",
        ),
        ("new.csv", "", "new.csv: it is empty"),
        ("new.odt", "", "new.odt: not a table of texts (allowed: .csv, "),
        ("none.csv", None, "--in none.csv: no such file"),
        (os.devnull, None, f"--in {os.devnull}: not a file (use - for standard input)"),
    ],
)
def test_a_table_that_cannot_be_answered_leaves_no_file(
    predict, tmp_path, name, content, message
):
    if content is not None:
        (tmp_path / name).write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )

    done = predict("svm", "--in", name, "--out", "out.csv", "--quiet", status=2)

    assert message in done.stderr
    assert {file.name for file in tmp_path.iterdir()} <= {name}


ALONE = "--in: use it without texts and --file"
REFUSED = {
    "svm profit --in new.csv": ALONE,
    "svm --in new.csv --file new.csv": ALONE,
    "svm profit --out out.csv": "--out: needs --in TABLE",
    "svm profit --text body": "--text: needs --in TABLE",
    "svm --in new.csv --out old.csv": "--out old.csv: exists already (--force ",
    "svm --in new.csv --out new.csv --force": "--out new.csv: is the table of --in",
    "svm --in new.csv --out linked.csv --force": "--out linked.csv: is the table of --in",
    "svm --in new.csv --out out.xlsx": "--out out.xlsx: got '.xlsx' (allowed: ",
    "svm --in new.csv --json": "--json: the table goes to standard output",
    "svm --in new.csv --unsure-below 0.5": "svm gives margins, which do not say",
    "smv --in new.csv": "no model 'smv' (allowed: reader, svm, letters, lots; did",
}


@pytest.mark.parametrize("options", REFUSED)
def test_options_that_do_not_go_together_are_refused(predict, tmp_path, options):
    (tmp_path / "new.csv").write_text(spelled(ROWS))
    (tmp_path / "old.csv").touch()
    (tmp_path / "linked.csv").symlink_to("new.csv")

    assert REFUSED[options] in predict(*options.split(), status=2).stderr
    assert (tmp_path / "new.csv").read_text() == spelled(ROWS)


def test_force_replaces_an_older_file_of_answers(predict, tmp_path):
    (tmp_path / "new.csv").write_text("text,id\n")
    (tmp_path / "out.csv").write_text("older answers")

    predict("svm", "--in", "new.csv", "--out", "out.csv", "--force")

    columns = "text,id,predicted,margin,second_best,unknown_words,problem\n"
    assert (tmp_path / "out.csv").read_text() == columns


values = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), max_size=9
)


@pytest.fixture
def read_parquet():
    """Return the rows of a Parquet file, as pandas reads them."""
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    return lambda file: pandas.read_parquet(file).to_dict("records")


def test_answers_go_into_parquet_with_numbers_as_numbers(
    predict, tmp_path, read_parquet
):
    (tmp_path / "new.csv").write_text(spelled(ROWS))

    predict("svm", "--in", "new.csv", "--out", "out.parquet")

    rows = read_parquet(tmp_path / "out.parquet")
    assert [row["text"] for row in rows] == TEXTS
    assert rows[0]["predicted"] == "earn"
    assert rows[0]["margin"] > rows[1]["unknown_words"] == 0


def test_parquet_has_the_types_of_all_rows(
    predict, tmp_path, read_parquet, monkeypatch
):
    monkeypatch.setattr(writers, "ROWS_AT_ONCE", 2)
    cells = [None, 1, 2.5, 3, None]
    lists = [[], [], None, ["a"], []]
    rows = [
        {"text": "profit", "b": b, "c": c} for b, c in zip(cells, lists, strict=True)
    ]
    (tmp_path / "new.jsonl").write_text(spelled(rows, ".jsonl"))

    predict("svm", "--in", "new.jsonl", "--out", "out.parquet")

    written = read_parquet(tmp_path / "out.parquet")
    assert [row["b"] for row in written[1:4]] == [1.0, 2.5, 3.0]
    assert list(written[3]["c"]) == ["a"]


@pytest.mark.parametrize("cells", [(1, "x"), (2**70, 1), (["\ud800"], None)], ids=str)
def test_values_that_parquet_does_not_have_are_refused(predict, tmp_path, cells):
    pytest.importorskip("pyarrow")
    rows = [{"text": "profit", "b": cell} for cell in cells]
    (tmp_path / "new.jsonl").write_text(spelled(rows, ".jsonl"))

    done = predict("svm", "--in", "new.jsonl", "--out", "out.parquet", status=2)

    assert "--out out.parquet: cannot be written: b: " in done.stderr
    assert done.stderr.endswith("has values of one type: use .jsonl)\n")
    assert not (tmp_path / "out.parquet").exists()


@settings(max_examples=20)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "text": values,
                "b": st.none() | st.integers(-9, 9),
                "c": st.none() | st.lists(values),
            }
        ),
        max_size=9,
    )
)
def test_any_values_come_back_from_parquet(tmp_path_factory, rows):
    parquet = pytest.importorskip("pyarrow.parquet")
    out = tmp_path_factory.mktemp("parquet") / "out.parquet"
    with writers.open_writer(out, Path("in.jsonl"), ["text", "b", "c"]) as write:
        for row in rows:
            write([row["text"], row["b"], row["c"]])
    assert parquet.read_table(out).to_pylist() == rows


@pytest.mark.parametrize("ending", [".csv", ".jsonl"])
def test_a_column_says_which_words_decided_each_answer(
    predict, finished, tmp_path, ending
):
    (tmp_path / f"new{ending}").write_text(spelled(ROWS, ending))

    predict("svm", "--in", f"new{ending}", "--out", f"out{ending}", "--explain")

    rows = read((tmp_path / f"out{ending}").read_text(), ending)
    model = find_model(finished, "svm", None)
    weights = model.answers(TEXTS[0], 1, explain=True)[0].decided_by.words
    if ending == ".jsonl":
        assert rows[0]["decided_by"] == pytest.approx(weights, rel=1e-3)
    else:
        assert rows[0]["decided_by"].startswith(f"{next(iter(weights))} ")
    assert not rows[2]["decided_by"]  # nothing but unknown words


def test_rows_of_the_training_set_are_counted(predict, finished, tmp_path, monkeypatch):
    monkeypatch.setenv("RNNBENCH_CACHE", str(finished.parents[1] / "cache"))
    run = load_run(finished)
    corpus, dataset = cached_documents(run.results.dataset, run.benchmark.data)
    trained = set(map(corpus.text, dataset.train_documents))
    texts = list(map(corpus.text, range(len(corpus))))
    (tmp_path / "new.jsonl").write_text(
        spelled([{"text": text.upper()} for text in texts], ".jsonl")
    )

    done = predict("svm", "--in", "new.jsonl", "--out", "out.jsonl", "--json")

    number = sum(text in trained for text in texts)
    assert 0 < number < len(texts)
    assert json.loads(done.stdout)["trained_on"] == number
    assert f"In the training set: {number} of {len(texts)} rows; " in done.stderr


def test_nothing_is_said_about_training_if_the_cache_is_empty(
    predict, tmp_path, monkeypatch
):
    monkeypatch.setenv("RNNBENCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "new.csv").write_text(spelled(ROWS))

    done = predict("svm", "--in", "new.csv", "--out", "out.csv")

    assert "training set" not in done.stderr


FORMULAS = ["=1+1", "+49 123", "-x", "@SUM(A1)"]
TOLD = "4 rows have texts that spreadsheets would run as a formula (--csv-safe puts"


def written(folder):
    """Return the second column of a table with answers."""
    return [row["b"] for row in read((folder / "out.csv").read_text())]


def test_formulas_stay_as_they_are_by_default_which_is_said(predict, tmp_path):
    rows = [{"text": "profit", "b": formula} for formula in [*FORMULAS, "-1.5", "a=b"]]
    (tmp_path / "new.csv").write_text(spelled(rows))

    done = predict("svm", "--in", "new.csv", "--out", "out.csv")

    assert written(tmp_path) == [row["b"] for row in rows]
    assert TOLD in done.stderr


def test_csv_safe_puts_an_apostrophe_before_formulas_alone(predict, tmp_path):
    rows = [{"text": "profit", "b": formula} for formula in [*FORMULAS, "-1.5", "a=b"]]
    (tmp_path / "new.csv").write_text(spelled(rows))

    done = predict("svm", "--in", "new.csv", "--out", "out.csv", "--csv-safe")

    assert written(tmp_path) == [
        *(f"'{formula}" for formula in FORMULAS),
        "-1.5",
        "a=b",
    ]
    assert "formula" not in done.stderr


def test_a_table_cannot_control_the_terminal_that_it_is_printed_on(finished, tmp_path):
    rows = [{"text": "profit \x1b[2J\x07", "b": "\x9b1m"}]
    (tmp_path / "new.csv").write_text(spelled(rows))
    command = [
        sys.executable,
        "-m",
        "rnnbench",
        "predict",
        str(finished),
        "svm",
        "--in",
        "new.csv",
    ]

    printed = printed_on_terminal(command, tmp_path)

    assert "profit ␛[2J␇" in printed
    assert not {"\x1b", "\x07", "\x9b"} & {*printed.partition("problem")[2]}


def printed_on_terminal(command, folder):
    """Run a command whose standard output is a terminal, and return what it printed
    there.
    """
    ours, theirs = pty.openpty()
    subprocess.run(
        command, cwd=folder, stdout=theirs, stderr=subprocess.DEVNULL, check=True
    )
    os.close(theirs)
    return os.read(ours, 100_000).decode()


@settings(max_examples=20)
@given(
    st.lists(
        st.fixed_dictionaries({"text": values, "b": values}), min_size=1, max_size=20
    )
)
def test_any_texts_come_back_unchanged_whatever_is_in_memory_at_once(
    tmp_path_factory, rows
):
    folder = tmp_path_factory.mktemp("tables")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "AT_ONCE", 3)
        for ending in (".csv", ".jsonl"):
            (folder / f"new{ending}").write_text(spelled(rows, ending), newline="")
            files = folder / f"new{ending}", table.Target(folder / "out.jsonl")
            question = table.Question(Echo)
            tally = table.predict_table(question, *files, "text", silent)
            read_back = [
                json.loads(line) for line in (folder / "out.jsonl").open(newline="\n")
            ]
            assert [{"text": row["text"], "b": row["b"]} for row in read_back] == rows
            assert tally.problems.total() == len(rows)


class Echo:
    """Answers nothing."""

    kind = "margin"
    task = SINGLE_LABEL
    label_columns = ()

    vocabulary = Vocabulary(
        dataset_fingerprint="d",
        source="sgml",
        words=["profit"],
        topics=["acq", "earn"],
        timesteps=9,
        padding="pre",
        truncating="pre",
    )

    @staticmethod
    def answers_to(encoded, top, unsure_below, explain):  # noqa: ARG004
        assert len(encoded.texts) <= 3
        from rnnbench.prediction.predict import Prediction

        return [
            Prediction(words=0, words_read=0, unknown_words=[], topics=[])
            for _ in encoded.texts
        ]


@pytest.fixture
def texts(tmp_path):
    """A folder of texts, one of which cannot be decoded."""
    folder = tmp_path / "new"
    (folder / "deep").mkdir(parents=True)
    (folder / "1.txt").write_text("net profit rose")
    (folder / "deep" / "2.md").write_bytes(b"net \xff profit")
    (folder / ".hidden").write_text("net profit")
    return folder


@pytest.mark.usefixtures("texts")
@pytest.mark.parametrize("out", [(), ("--out", "out.csv")])
def test_each_text_in_a_folder_is_answered_beside_its_name(predict, tmp_path, out):
    done = predict("svm", "--in", "new", *out)

    written = (tmp_path / "out.csv").read_text() if out else done.stdout
    first, second = csv.DictReader(io.StringIO(written))
    assert (first["file"], first["text"]) == ("1.txt", "net profit rose")
    assert first["predicted"]
    assert (second["file"], second["problem"]) == ("deep/2.md", "not decodable")


def test_a_file_in_a_folder_that_is_no_text_has_no_answer(predict, texts):
    (texts / "0.txt").write_bytes(b"%PDF-1.7 net profit")

    done = predict("svm", "--in", "new")

    pdf, *_ = csv.DictReader(io.StringIO(done.stdout))
    assert (pdf["file"], pdf["predicted"]) == ("0.txt", "")
    assert pdf["problem"] == "not a row"


@pytest.mark.usefixtures("texts")
def test_answers_are_not_written_among_the_texts(predict):
    refused = predict("svm", "--in", "new", "--out", "new/deep/out.csv", status=2)

    assert "--out new/deep/out.csv: is in the folder of --in (name" in refused.stderr


def test_the_name_of_a_file_that_is_given_as_a_text_is_noticed(predict, tmp_path):
    (tmp_path / "reviews.csv").write_text("text\nnet profit\n")

    done = predict("svm", "reviews.csv")

    assert "'reviews.csv' is read as a text, not as a file (--in answers" in done.stderr
