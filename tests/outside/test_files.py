"""Files with answers from anywhere."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from newswires import write_table

from rnnbench import UserError, verdict
from rnnbench.outside.files import Reading, read_answers

ROWS = [
    ("7", "yes", "yes"),
    ("8", "no", "yes"),
    ("9", "no", "no"),
]
HEADER = ("id", "label", "prediction")
EXAMPLES = Path(__file__).parents[2] / "examples/answers"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(name, header=HEADER, rows=ROWS):
    file = write_table(Path(name), rows, header)
    return str(file)


def arrays(name, *array, **options):
    """Write NumPy arrays."""
    if name.endswith(".npy"):
        np.save(name, *array, **options)
    else:
        np.savez(name, *array, **options)
    return name


def read(*files, labels=None, **reading):
    """What files hold, with lists of answers."""
    file_of_labels = Path(labels) if labels else None
    (contents,) = read_answers(files, file_of_labels, Reading(**reading)).values()
    answers = {}
    for model, by_seed in contents.answers.items():
        answers[model] = {}
        for seed, answers_of_seed in by_seed.items():
            answers[model][seed] = list(answers_of_seed)
    return replace(contents, answers=answers)


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_has_labels_beside_answers(ending):
    contents = read(table(f"bert.{ending}"))

    assert contents.labels == ["yes", "no", "no"]
    assert contents.answers == {"bert": {0: ["yes", "yes", "no"]}}
    assert contents.origin == {"bert": f"bert.{ending}"}


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_has_ids_beside_answers(ending):
    contents = read(table(f"bert.{ending}"))

    assert contents.ids == ["7", "8", "9"]
    assert contents.clusters is None
    assert contents.columns == {}


def test_models_are_in_the_order_of_their_rows():
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    dictionary = pyarrow.DictionaryArray.from_arrays
    columns = {
        "model": dictionary([1, 1, 0, 0], ["bert", "lstm"]),
        "id": dictionary([2, 0, 0, 2], ["7", "unused", "8"]),
        "label": ["a", "b", "b", "a"],
        "prediction": ["a", "b", "b", "b"],
    }
    parquet.write_table(pyarrow.table(columns), "both.parquet")

    contents = read("both.parquet")

    assert contents.labels == ["a", "b"]
    assert contents.ids == ["8", "7"]
    assert list(contents.answers) == ["lstm", "bert"]
    assert contents.answers["lstm"] == {0: ["a", "b"]}
    assert contents.answers["bert"] == {0: ["b", "b"]}


def test_a_table_may_have_models_with_seeds():
    header = ("model", "seed", "idx", "gold", "y_pred")
    rows = []
    for model in "ab":
        for seed in (3, 5):
            for number in range(4):
                label = number % 2
                prediction = (number + seed) % 2
                rows.append((model, seed, number, label, prediction))

    contents = read(table("all.csv", header, rows))

    assert contents.labels == ["0", "1", "0", "1"]
    assert list(contents.answers) == ["a", "b"]
    assert list(contents.answers["b"]) == [3, 5]
    assert contents.answers["b"][3] == ["1", "0", "1", "0"]
    assert contents.answers["b"][5] == ["1", "0", "1", "0"]


def test_documents_are_matched_by_ids_in_any_order_of_any_type():
    rows = [
        (9.0, "no", "yes"),
        (8, "no", None),
        (10, "yes", "yes"),
    ]
    first = table("a.csv")
    second = table("b.jsonl", rows=rows)

    contents = read(first, second)

    assert contents.ids == ["7", "8", "9", "10"]
    assert contents.labels == ["yes", "no", "no", "yes"]
    assert contents.answers["a"][0] == ["yes", "yes", "no", None]
    assert contents.answers["b"][0] == [None, None, "yes", "yes"]


def test_labels_may_be_in_a_file_of_their_own():
    labels = [
        ("8", "b", "no"),
        ("7", "a", "yes"),
    ]
    table("labels.csv", ("id", "text", "label"), labels)
    predictions = [
        ("7", "no"),
        ("8", "no"),
    ]
    answers = table("m.csv", ("id", "prediction"), predictions)

    contents = read(answers, labels="labels.csv")

    assert contents.labels == ["yes", "no"]
    assert contents.answers == {"m": {0: ["no", "no"]}}


def test_labels_in_another_table_tell_that_there_may_be_several():
    labels = [
        (1, "gold;corn"),
        (2, ""),
    ]
    table("truth.csv", ("id", "label"), labels)
    rows = [
        (1, 0.6, 0.5, 0),
        (2, 0.4, 0.3, 0),
    ]
    scores = table("m.csv", ("id", "gold", "corn", "odd"), rows)

    contents = read(scores, labels="truth.csv", separator=";")

    counts = [len(label) for label in contents.labels]
    assert counts == [2, 0]
    assert contents.answers["m"][0] == contents.labels


def test_labels_in_another_array_tell_that_there_may_be_several():
    arrays("truth.npy", np.array([[1, 1], [0, 0]]))
    scores = arrays("m.npy", np.array([[0.6, 0.5], [0.4, 0.3]]))

    contents = read(scores, labels="truth.npy", separator=";")

    counts = [len(label) for label in contents.labels]
    assert counts == [2, 0]
    assert contents.answers["m"][0] == contents.labels


def test_classes_that_are_no_label_are_mentioned(caplog):
    header = ("label", "neg", "pos", "length")
    rows = [
        ("neg", 1, 0, 0),
        ("pos", 0, 1, 9),
    ]

    read(table("m.csv", header, rows))

    assert "m.csv: classes that are no label: length" in caplog.text


@pytest.fixture
def run(tmp_path):
    """The folder of a run with two documents."""
    judged = verdict(["a", "b"], {"m": ["a", "b"]}, ids=["2", "1"])
    return judged.save(tmp_path / "run").folder


def test_labels_that_are_those_of_a_run_may_be_there(run):
    rows = [
        ("1", "b", "b"),
        ("2", "a", "a"),
    ]

    contents = read(table("m.csv", rows=rows), labels=run)

    assert contents.answers["m"][0] == ["b", "a"]


def test_labels_that_contradict_those_of_a_run_are_refused(run):
    rows = [
        ("1", "a", "b"),
        ("2", "a", "a"),
    ]
    file = table("n.csv", rows=rows)

    with pytest.raises(UserError, match=r"two labels of one document: a, b \(id 1\)"):
        read(file, labels=run)


def test_answers_without_the_ids_of_a_run_are_refused(run):
    rows = [
        ("b", "b"),
        ("a", "a"),
    ]
    file = table("o.csv", ("label", "prediction"), rows)

    with pytest.raises(UserError, match=r"o.csv: no id, unlike"):
        read(file, labels=run)


def test_names_of_files_tell_models_with_seeds():
    Path("x").mkdir()
    first = table("x/bert-seed1.csv")
    second = table("x/bert_seed_0.csv")
    other = table("other.csv")
    spaced = table("a b.csv")
    equal = table("z=1.csv")

    contents = read(first, second, f"my={other}", spaced, equal)

    assert list(contents.answers) == ["bert", "my", "a-b", "z-1"]
    assert list(contents.answers["bert"]) == [1, 0]
    for model in ("my", "a-b", "z-1"):
        assert list(contents.answers[model]) == [0]
    assert contents.origin["bert"] == "x/bert-seed1.csv, x/bert_seed_0.csv"


def test_files_of_one_name_are_seeds_of_a_model():
    table("other.csv")
    table("a b.csv")

    contents = read("m=other.csv", "m=a b.csv")

    assert list(contents.answers["m"]) == [0, 1]


def test_a_column_a_class_gives_the_best():
    rows = [
        (1, "a", 0.7, 0.3),
        (2, "b", "", 0.5),
        (3, "b", -1, 2),
    ]
    file = table("m.csv", ("id", "label", "a", "b"), rows)

    contents = read(file)

    assert contents.answers["m"][0] == ["a", None, "b"]


def test_a_column_a_class_gives_those_above_half_if_there_may_be_several():
    rows = [
        (1, ["a", "b"], 0.7, 0.5),
        (2, [], 0.4, 0.1),
    ]
    file = table("n.jsonl", ("id", "label", "a", "b"), rows)

    contents = read(file)

    assert contents.answers["n"][0] == [["a", "b"], []]


def test_labels_are_split_at_a_separator():
    rows = [
        ("7", "a;b", "a"),
        ("8", "", "b;a"),
    ]
    file = table("m.csv", rows=rows)

    contents = read(file, separator=";")

    assert contents.labels == [["a", "b"], []]
    assert contents.answers["m"][0] == [["a"], ["b", "a"]]


def test_columns_can_be_chosen_like_rows():
    header = ("key", "truth", "said", "split", "doc")
    rows = [
        (1, "x", "y", "test", {"page": 4}),
        (2, "x", "x", "dev", {"page": 4}),
    ]
    file = table("m.jsonl", header, rows)
    columns = {
        "id": "key",
        "label": "truth",
        "prediction": "said",
        "cluster": "doc.page",
    }

    contents = read(file, columns=columns, only=("split", "test"))

    assert contents.labels == ["x"]
    assert contents.answers["m"][0] == ["y"]
    assert contents.clusters == [4]


def test_scores_are_read_as_numbers():
    rows = [
        (1, "0.5", "p"),
        (2, "True", "p"),
        (3, "", "q"),
    ]
    file = table("m.csv", ("id", "f1", "page"), rows)

    contents = read(file, columns={"score": "f1"})

    assert contents.labels is None
    half, full, missing = contents.answers["m"][0]
    assert half == 0.5
    assert full == 1
    assert np.isnan(missing)


LOGITS = np.array([[0.0, 2, 1], [3, 0, 0]])


def test_numpy_arrays_have_labels_beside_scores():
    file = arrays("hf-seed4.npz", predictions=LOGITS, label_ids=[1, 2])

    contents = read(file)

    assert contents.labels == [1, 2]
    assert contents.answers == {"hf": {4: [1, 0]}}
    assert contents.ids is None


def test_numpy_arrays_may_have_several_labels_of_a_document():
    indicators = np.array([[0.0, 1, 1], [1, 0, 0]])
    file = arrays("sets.npz", predictions=LOGITS - 1.5, label_ids=indicators)

    contents = read(file)

    assert contents.labels == [[1, 2], [0]]
    assert contents.answers["sets"][0] == [[1], [0]]


def test_a_numpy_array_may_have_the_labels_of_another():
    answers = arrays("plain.npy", [1, 1])
    labels = arrays("labels.npy", [1, 0])

    contents = read(answers, labels=labels)

    assert contents.labels == [1, 0]
    assert contents.answers == {"plain": {0: [1, 1]}}


def test_samples_of_lm_evaluation_harness_have_a_metric(caplog):
    """These files were written by lm-evaluation-harness 0.4.13."""
    small = f"small={EXAMPLES}/small.jsonl"
    large = f"large={EXAMPLES}/large.jsonl"

    contents = read(small, large, columns={"cluster": "doc.item"})

    assert contents.labels is None
    assert set(contents.answers["large"][0]) == {0.0, 1.0}
    assert len(set(contents.clusters)) == 13
    assert "the score is acc" in caplog.text
    judged = verdict(
        None,
        contents.answers,
        ids=contents.ids,
        clusters=contents.clusters,
        columns=contents.columns,
        origin=contents.origin,
    )
    assert judged.results.best.name == "large"


def test_outputs_of_a_trainer_are_read():
    """These files hold what ``Trainer.predict`` of transformers 5.24 returned."""
    files = [f"{EXAMPLES}/bert-seed{seed}.npz" for seed in range(3)]

    contents = read(*files)

    assert len(contents.labels) == 150
    with np.load(files[0]) as stored:
        best = stored["predictions"].argmax(axis=1)
    assert contents.answers["bert"][0] == best.tolist()


TABLES = [
    pytest.param(
        HEADER,
        [],
        "m.csv: no usable row",
        id="no rows",
    ),
    pytest.param(
        ("id", "label"),
        [(1, 2)],
        "m.csv: no answers",
        id="no answers",
    ),
    pytest.param(
        ("id", "prediction"),
        [(1, 2)],
        "no labels .*--labels",
        id="no labels",
    ),
    pytest.param(
        HEADER,
        [("7", "yes", "yes"), ("7", "yes", "no")],
        "two answers of m, seed 0, to a document: 7 .*--only",
        id="two answers",
    ),
    pytest.param(
        HEADER,
        [("", "a", "a")],
        "m.csv: 1 row without an id",
        id="no id",
    ),
    pytest.param(
        (*HEADER, "seed"),
        [(1, 2, 2, "")],
        "m.csv: 1 row without a seed",
        id="no seed",
    ),
    pytest.param(
        ("label", "text"),
        [("a", "b")],
        "class text: not only numbers",
        id="a class of words",
    ),
    pytest.param(
        ("id", "id", "prediction"),
        [],
        "two columns 'id'",
        id="two columns of ids",
    ),
    pytest.param(
        ("label", "a", "a"),
        [("a", 1, 0)],
        "two columns 'a'",
        id="two columns of a class",
    ),
]


@pytest.mark.parametrize(("header", "rows", "fault"), TABLES)
def test_a_fault_of_a_table_is_named(header, rows, fault):
    file = table("m.csv", header, rows)

    with pytest.raises(UserError, match=fault):
        read(file)


LINES = [
    pytest.param(
        ("id", "score"),
        [(1, 10**400)],
        "score: not only numbers: 1000",
        id="a score that is too large",
    ),
    pytest.param(
        HEADER,
        [([7], "a", "a")],
        r"m.jsonl: id: got \[7\]",
        id="a list as an id",
    ),
]


@pytest.mark.parametrize(("header", "rows", "fault"), LINES)
def test_a_fault_of_json_lines_is_named(header, rows, fault):
    file = table("m.jsonl", header, rows)

    with pytest.raises(UserError, match=fault):
        read(file)


def test_two_labels_of_a_document_are_refused():
    first = table("a.csv")
    second = table("b.csv", rows=[("7", "no", "no")])

    fault = r"b.csv: two labels of one document: yes, no \(id 7"
    with pytest.raises(UserError, match=fault):
        read(first, second)


def test_a_table_without_ids_beside_one_with_ids_is_refused():
    first = table("a.csv")
    second = table("b.csv", ("label", "prediction"), [(1, 2)])

    with pytest.raises(UserError, match=r"b.csv: no id, unlike a.csv"):
        read(first, second)


NAMES = [
    pytest.param(
        ["m.csv"],
        ["m.csv", "./m.csv"],
        "m.csv: given twice",
        id="a file twice",
    ),
    pytest.param(
        ["a-seed1.csv", "a-seed01.csv"],
        ["a-seed1.csv", "a-seed01.csv"],
        "a-seed01.csv: two answers of a, seed 1",
        id="a seed twice",
    ),
    pytest.param(
        ["m.csv", "x/m.csv"],
        ["m.csv", "x/m.csv"],
        "two answers of m, seed 0.*NAME=FILE names a model",
        id="a name in two folders",
    ),
    pytest.param(
        [],
        ["none.csv"],
        "none.csv: no such file",
        id="no such file",
    ),
    pytest.param(
        [],
        ["."],
        "0 files with answers .allowed",
        id="a folder without files",
    ),
    pytest.param(
        ["🚀.csv"],
        ["🚀.csv"],
        "🚀.csv: model '🚀' .allowed",
        id="a name that no model may have",
    ),
    pytest.param(
        ["a b.csv", "a,b.csv"],
        ["a b.csv", "a,b.csv"],
        "model 'a,b': also 'a b'",
        id="names that become one",
    ),
]


@pytest.mark.parametrize(("files", "arguments", "fault"), NAMES)
def test_a_fault_of_a_name_is_named(files, arguments, fault):
    Path("x").mkdir()
    for file in files:
        table(file)

    with pytest.raises(UserError, match=fault):
        read(*arguments)


ARRAYS = [
    pytest.param(
        {"label": [0, 1], "prediction": np.ones((2, 1))},
        r"m.npz: label \(2,\), prediction \(2, 1\)",
        id="one column of scores",
    ),
    pytest.param(
        {"label": np.full((2, 2), 0.5), "prediction": np.ones((2, 2))},
        "m.npz: label: rows should have only 0 and 1",
        id="labels that are no indicators",
    ),
    pytest.param(
        {"label": np.eye(2), "prediction": -np.ones((2, 2))},
        "m.npz: no score is above 0",
        id="no score above 0",
    ),
    pytest.param(
        {"label": [1], "prediction": np.zeros((1, 2, 2))},
        r"prediction \(1, 2, 2\)",
        id="three axes",
    ),
    pytest.param(
        {"other": [1]},
        r"m.npz: other \(should be label",
        id="an unknown name",
    ),
    pytest.param(
        {"prediction": np.zeros(3_000_001, np.int8)},
        "m.npz: cannot be .* 3,000,001 rows .allowed: 3,000,000",
        id="too many rows",
    ),
    pytest.param(
        {"label": np.eye(10_001, 2), "prediction": np.ones((10_001, 1_000), bool)},
        "m.npz: prediction: more than 10,000,000 labels",
        id="too many labels",
    ),
    pytest.param(
        {"prediction": np.zeros((1, 10_001))},
        r"m.npz: prediction \(1, 10001\) .*2 to 10,000 classes",
        id="too many classes",
    ),
    pytest.param(
        {"label": [1], "prediction": [1, 2]},
        r"m.npz: label \(1,\), prediction \(2,\)",
        id="fewer labels than answers",
    ),
]


@pytest.mark.parametrize(("named_arrays", "fault"), ARRAYS)
def test_a_fault_of_arrays_is_named(named_arrays, fault):
    file = arrays("m.npz", **named_arrays)

    with pytest.raises(UserError, match=fault):
        read(file)


def test_an_array_of_python_objects_is_refused():
    file = arrays("m.npy", np.array([{}]), allow_pickle=True)

    with pytest.raises(UserError, match=r"m.npy: cannot be"):
        read(file)


def test_an_array_that_declares_745_gib_is_refused():
    shape = (10**11,)
    header = {"descr": "<f8", "fortran_order": False, "shape": shape}
    with Path("m.npy").open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)

    fault = "m.npy: cannot be .* declares 800,000,000,128 bytes, but has 128"
    with pytest.raises(UserError, match=fault):
        read("m.npy")


def test_a_class_may_have_a_name_that_cannot_be_decoded():
    rows = ["é,0.9,0.1", "é,0.2,0.8"] * 10
    Path("m.csv").write_bytes(b"label,a,\xff\n" + "\n".join(rows).encode())

    contents = read("m.csv")

    assert contents.answers["m"][0][:2] == ["a", "\udcff"]


ANSWERS = {
    "label": ["a", "b"] * 9,
    "prediction": ["a", "b", "b"] * 6,
    "id": range(18),
}


def write_answers(name):
    """Write the same answers in any format."""
    if name.endswith(".npz"):
        np.savez_compressed(name, **ANSWERS)
    elif name.endswith(".npy"):
        np.save(name, ANSWERS["prediction"])
    else:
        header = tuple(ANSWERS)
        rows = list(zip(*ANSWERS.values(), strict=True))
        table(name, header, rows)
    return Path(name)


@pytest.mark.parametrize("name", ["m.npz", "m.npy", "m.parquet", "m.jsonl"])
@given(
    place=st.floats(0, 1, exclude_max=True),
    damage=st.binary(min_size=1, max_size=4),
)
@example(place=0.75, damage=b"\x11")
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_answers_are_read_or_refused(name, place, damage):
    content = write_answers(name).read_bytes()
    start = int(place * len(content))
    end = start + len(damage)
    labels = name if name.endswith(".npy") else None

    Path(name).write_bytes(content[:start] + damage + content[end:])

    with suppress(UserError):
        read(name, labels=labels)


def test_a_dot_leads_nowhere_in_a_text():
    file = table("m.csv")

    contents = read(file, columns={"cluster": "id.x"})

    assert contents.clusters == [None, None, None]


def test_unknown_columns_are_named():
    file = table("m.csv")

    fault = r"m.csv: no column 'lable' .*did you mean 'label'"
    with pytest.raises(UserError, match=fault):
        read(file, columns={"label": "lable"})
