"""Files with answers from anywhere."""

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from newswires import write_table

from rnnbench import UserError, verdict
from rnnbench.outside.files import Reading, read_answers

ROWS = [("7", "yes", "yes"), ("8", "no", "yes"), ("9", "no", "no")]
HEADER = ("id", "label", "prediction")
EXAMPLES = Path(__file__).parents[2] / "examples/answers"


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def table(name, header=HEADER, rows=ROWS):
    return str(write_table(Path(name), rows, header))


def arrays(name, *array, **options):
    """Write NumPy arrays."""
    (np.save if name.endswith(".npy") else np.savez)(name, *array, **options)
    return name


def read(*files, labels=None, **reading):
    """Labels, answers by model and seed, and the rest of what files hold."""
    (given,) = read_answers(files, labels and Path(labels), Reading(**reading)).values()
    arguments = dict(vars(given))
    answers = {
        model: {
            seed: list(answers_of_seed) for seed, answers_of_seed in of_model.items()
        }
        for model, of_model in arguments.pop("answers").items()
    }
    return arguments.pop("labels"), answers, arguments


@pytest.mark.parametrize("ending", ["csv", "jsonl", "parquet"])
def test_a_table_has_labels_beside_answers(ending):
    labels, answers, rest = read(table(f"bert.{ending}"))

    assert labels == ["yes", "no", "no"]
    assert answers == {"bert": {0: ["yes", "yes", "no"]}}
    assert rest.pop("origin") == {"bert": f"bert.{ending}"}
    assert rest == {"ids": ["7", "8", "9"], "clusters": None, "columns": {}}


def test_models_are_in_the_order_of_their_rows():
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    models = pyarrow.DictionaryArray.from_arrays([1, 1, 0, 0], ["bert", "lstm"])
    ids = pyarrow.DictionaryArray.from_arrays([2, 0, 0, 2], ["7", "unused", "8"])
    rest = {"label": ["a", "b", "b", "a"], "prediction": ["a", "b", "b", "b"]}
    parquet.write_table(
        pyarrow.table({"model": models, "id": ids, **rest}), "both.parquet"
    )

    labels, answers, columns = read("both.parquet")

    assert (labels, columns["ids"]) == (["a", "b"], ["8", "7"])
    assert answers == {"lstm": {0: ["a", "b"]}, "bert": {0: ["b", "b"]}}


def test_a_table_may_have_models_with_seeds():
    rows = [
        (m, s, i, i % 2, (i + s) % 2) for m in "ab" for s in (3, 5) for i in range(4)
    ]
    header = ("model", "seed", "idx", "gold", "y_pred")

    labels, answers, _ = read(table("all.csv", header, rows))

    assert labels == ["0", "1", "0", "1"]
    assert list(answers) == ["a", "b"]
    assert answers["b"] == {3: ["1", "0", "1", "0"], 5: ["1", "0", "1", "0"]}


def test_documents_are_matched_by_ids_in_any_order_of_any_type():
    more = [(9.0, "no", "yes"), (8, "no", None), (10, "yes", "yes")]

    labels, answers, rest = read(table("a.csv"), table("b.jsonl", rows=more))

    assert rest["ids"] == ["7", "8", "9", "10"]
    assert labels == ["yes", "no", "no", "yes"]
    assert answers["a"][0] == ["yes", "yes", "no", None]
    assert answers["b"][0] == [None, None, "yes", "yes"]


def test_labels_may_be_in_a_file_of_their_own():
    table("labels.csv", ("id", "text", "label"), [("8", "b", "no"), ("7", "a", "yes")])

    labels, answers, _ = read(
        table("m.csv", ("id", "prediction"), [("7", "no"), ("8", "no")]),
        labels="labels.csv",
    )

    assert labels == ["yes", "no"]
    assert answers == {"m": {0: ["no", "no"]}}


@pytest.mark.parametrize("name", ["truth.csv", "truth.npy"])
def test_labels_in_another_file_tell_that_there_may_be_several(name):
    if name.endswith("csv"):
        table(name, ("id", "label"), [(1, "gold;corn"), (2, "")])
        scores = table(
            "m.csv", ("id", "gold", "corn", "odd"), [(1, 0.6, 0.5, 0), (2, 0.4, 0.3, 0)]
        )
    else:
        arrays(name, np.array([[1, 1], [0, 0]]))
        scores = arrays("m.npy", np.array([[0.6, 0.5], [0.4, 0.3]]))

    labels, answers, _ = read(scores, labels=name, separator=";")

    assert list(map(len, labels)) == [2, 0]
    assert answers["m"][0] == labels


def test_classes_that_are_no_label_are_mentioned(caplog):
    read(
        table(
            "m.csv",
            ("label", "neg", "pos", "length"),
            [("neg", 1, 0, 0), ("pos", 0, 1, 9)],
        )
    )

    assert "m.csv: classes that are no label: length" in caplog.text


def test_labels_that_contradict_those_of_a_run_are_refused(tmp_path):
    run = (
        verdict(["a", "b"], {"m": ["a", "b"]}, ids=["2", "1"])
        .save(tmp_path / "run")
        .folder
    )
    rows = [("1", "b", "b"), ("2", "a", "a")]

    _, answers, _ = read(table("m.csv", rows=rows), labels=run)
    assert list(answers["m"][0]) == ["b", "a"]
    with pytest.raises(UserError, match=r"two labels of one document: a, b \(id 1\)"):
        read(table("n.csv", rows=[("1", "a", "b"), ("2", "a", "a")]), labels=run)
    with pytest.raises(UserError, match=r"o.csv: no id, unlike"):
        read(table("o.csv", HEADER[1:], [row[1:] for row in rows]), labels=run)


def test_names_of_files_tell_models_with_seeds():
    names = [
        "x/bert-seed1.csv",
        "x/bert_seed_0.csv",
        "my=other.csv",
        "a b.csv",
        "z=1.csv",
    ]
    Path("x").mkdir()
    for name in names:
        table(name.removeprefix("my="))

    _, answers, rest = read(*names)

    assert {model: [*by_seed] for model, by_seed in answers.items()} == {
        "bert": [1, 0],
        "my": [0],
        "a-b": [0],
        "z-1": [0],
    }
    assert rest["origin"]["bert"] == "x/bert-seed1.csv, x/bert_seed_0.csv"
    assert [*read("m=other.csv", "m=a b.csv")[1]["m"]] == [0, 1]


def test_a_column_a_class_gives_the_best_or_those_above_half():
    scores = [(1, "a", 0.7, 0.3), (2, "b", "", 0.5), (3, "b", -1, 2)]
    rows = [(1, ["a", "b"], 0.7, 0.5), (2, [], 0.4, 0.1)]

    assert read(table("m.csv", ("id", "label", "a", "b"), scores))[1]["m"][0] == [
        "a",
        None,
        "b",
    ]
    assert read(table("n.jsonl", ("id", "label", "a", "b"), rows))[1]["n"][0] == [
        ["a", "b"],
        [],
    ]


def test_labels_are_split_at_a_separator():
    rows = [("7", "a;b", "a"), ("8", "", "b;a")]

    labels, answers, _ = read(table("m.csv", rows=rows), separator=";")

    assert labels == [["a", "b"], []]
    assert answers["m"][0] == [["a"], ["b", "a"]]


def test_columns_can_be_chosen_like_rows():
    header = ("key", "truth", "said", "split", "doc")
    rows = [(1, "x", "y", "test", {"page": 4}), (2, "x", "x", "dev", {"page": 4})]
    columns = {
        "id": "key",
        "label": "truth",
        "prediction": "said",
        "cluster": "doc.page",
    }

    labels, answers, rest = read(
        table("m.jsonl", header, rows), columns=columns, only=("split", "test")
    )

    assert (labels, answers["m"][0], rest["clusters"]) == (["x"], ["y"], [4])


def test_scores_are_read_as_numbers():
    rows = [(1, "0.5", "p"), (2, "True", "p"), (3, "", "q")]

    labels, answers, _ = read(
        table("m.csv", ("id", "f1", "page"), rows), columns={"score": "f1"}
    )

    assert labels is None
    assert answers["m"][0][:2] == [0.5, 1]
    assert np.isnan(answers["m"][0][2])


def test_numpy_arrays_are_labels_or_scores():
    logits = np.array([[0.0, 2, 1], [3, 0, 0]])
    np.savez("hf-seed4.npz", predictions=logits, label_ids=np.array([1, 2]))
    np.savez(
        "sets.npz",
        predictions=logits - 1.5,
        label_ids=np.array([[0.0, 1, 1], [1, 0, 0]]),
    )
    np.save("plain.npy", np.array([1, 1]))
    np.save("labels.npy", np.array([1, 0]))

    labels, answers, rest = read("hf-seed4.npz")
    assert (labels, answers, rest["ids"]) == ([1, 2], {"hf": {4: [1, 0]}}, None)
    labels, answers, _ = read("sets.npz")
    assert (labels, answers["sets"][0]) == ([[1, 2], [0]], [[1], [0]])
    assert read("plain.npy", labels="labels.npy")[:2] == (
        [1, 0],
        {"plain": {0: [1, 1]}},
    )


def test_samples_of_lm_evaluation_harness_have_a_metric(caplog):
    """These files were written by lm-evaluation-harness 0.4.13."""
    files = [f"{name}={EXAMPLES}/{name}.jsonl" for name in ("small", "large")]

    labels, answers, rest = read(*files, columns={"cluster": "doc.item"})

    assert labels is None
    assert {*answers["large"][0]} == {0.0, 1.0}
    assert len(set(rest["clusters"])) == 13
    assert "the score is acc" in caplog.text
    assert verdict(None, answers, **rest).results.best.name == "large"


def test_outputs_of_a_trainer_are_read():
    """These files hold what ``Trainer.predict`` of transformers 5.24 returned."""
    labels, answers, _ = read(*(f"{EXAMPLES}/bert-seed{seed}.npz" for seed in range(3)))

    assert len(labels) == 150
    with np.load(EXAMPLES / "bert-seed0.npz") as stored:
        assert answers["bert"][0] == stored["predictions"].argmax(axis=1).tolist()


def in_folder():
    Path("x").mkdir()
    return table("x/m.csv")


def endless(name):
    """Write the header of an array of 745 GiB."""
    header = {"descr": "<f8", "fortran_order": False, "shape": (10**11,)}
    with Path(name).open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
    return name


BAD = [("7", "yes", "yes"), ("7", "yes", "no")]


FAULTS = {
    "m.csv: no usable row": lambda: [table("m.csv", rows=[])],
    "m.csv: no answers": lambda: [table("m.csv", ("id", "label"), [(1, 2)])],
    "no labels .*--labels": lambda: [table("m.csv", ("id", "prediction"), [(1, 2)])],
    "two answers of m, seed 0, to a document: 7 .*--only": lambda: [
        table("m.csv", rows=BAD)
    ],
    "m.csv: 1 row without an id": lambda: [table("m.csv", rows=[("", "a", "a")])],
    "m.csv: 1 row without a seed": lambda: [
        table("m.csv", (*HEADER, "seed"), [(1, 2, 2, "")])
    ],
    "b.csv: two labels of one document: yes, no .id 7": lambda: [
        table("a.csv"),
        table("b.csv", rows=[("7", "no", "no")]),
    ],
    "b.csv: no id, unlike a.csv": lambda: [
        table("a.csv"),
        table("b.csv", HEADER[1:], [(1, 2)]),
    ],
    "m.csv: given twice": lambda: [table("m.csv"), "./m.csv"],
    "a-seed01.csv: two answers of a, seed 1": lambda: [
        table("a-seed1.csv"),
        table("a-seed01.csv"),
    ],
    "class text: not only numbers": lambda: [
        table("m.csv", ("label", "text"), [("a", "b")])
    ],
    "two columns 'id'": lambda: [table("m.txt.csv", ("id", "id", "prediction"), [])],
    "two columns 'a'": lambda: [table("m.csv", ("label", "a", "a"), [("a", 1, 0)])],
    "two answers of m, seed 0.*NAME=FILE names a model": lambda: [
        table("m.csv"),
        in_folder(),
    ],
    "score: not only numbers: int too large": lambda: [
        table("m.jsonl", ("id", "score"), [(1, 10**400)])
    ],
    "none.csv: no such file": lambda: ["none.csv"],
    "0 files with answers .allowed": lambda: [Path.cwd().as_posix()],
    "m.npy: cannot be": lambda: [arrays("m.npy", np.array([{}]), allow_pickle=True)],
    r"m.jsonl: id: got \[7\]": lambda: [table("m.jsonl", rows=[([7], "a", "a")])],
    "🚀.csv: model '🚀' .allowed": lambda: [table("🚀.csv")],
    "model 'a,b': also 'a b'": lambda: [table("a b.csv"), table("a,b.csv")],
    r"m.npz: label \(2,\), prediction \(2, 1\)": lambda: [
        arrays("m.npz", label=[0, 1], prediction=np.ones((2, 1)))
    ],
    "m.npz: label: rows should have only 0 and 1": lambda: [
        arrays("m.npz", label=np.full((2, 2), 0.5), prediction=np.ones((2, 2)))
    ],
    "m.npz: no score is above 0": lambda: [
        arrays("m.npz", label=np.eye(2), prediction=-np.ones((2, 2)))
    ],
    r"prediction \(1, 2, 2\)": lambda: [
        arrays("m.npz", label=[1], prediction=np.zeros((1, 2, 2)))
    ],
    r"m.npz: other \(should be label": lambda: [arrays("m.npz", other=[1])],
    "m.npy: cannot be .* declares 800,000,000,128 bytes, but has 128": lambda: [
        endless("m.npy")
    ],
    "m.npz: cannot be .* 3,000,001 rows .allowed: 3,000,000": lambda: [
        arrays("m.npz", prediction=np.zeros(3_000_001, np.int8))
    ],
    "m.npz: prediction: more than 10,000,000 labels": lambda: [
        arrays(
            "m.npz", label=np.eye(10_001, 2), prediction=np.ones((10_001, 1_000)) > 0
        )
    ],
    r"m.npz: prediction \(1, 1001\) .*2 to 1,000 classes": lambda: [
        arrays("m.npz", prediction=np.zeros((1, 1_001)))
    ],
    r"m.npz: label \(1,\), prediction \(2,\)": lambda: [
        arrays("m.npz", label=[1], prediction=[1, 2])
    ],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(fault):
    with pytest.raises(UserError, match=fault):
        read(*FAULTS[fault]())


def test_a_class_may_have_a_name_that_cannot_be_decoded():
    rows = ["é,0.9,0.1", "é,0.2,0.8"] * 10
    Path("m.csv").write_bytes(b"label,a,\xff\n" + "\n".join(rows).encode())

    answers = read("m.csv")[1]

    assert answers["m"][0][:2] == ["a", "\udcff"]


ANSWERS = {"label": ["a", "b"] * 9, "prediction": ["a", "b", "b"] * 6, "id": range(18)}


def write_answers(name):
    """Write the same answers in any format."""
    if name.endswith(".npz"):
        np.savez_compressed(name, **{key: np.array(ANSWERS[key]) for key in ANSWERS})
    elif name.endswith(".npy"):
        np.save(name, np.array(ANSWERS["prediction"]))
    else:
        table(name, tuple(ANSWERS), list(zip(*ANSWERS.values(), strict=True)))
    return Path(name)


@pytest.mark.parametrize("name", ["m.npz", "m.npy", "m.parquet", "m.jsonl"])
@given(
    place=st.floats(0, 1, exclude_max=True), damage=st.binary(min_size=1, max_size=4)
)
@example(place=0.75, damage=b"\x11")
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_answers_are_read_or_refused(name, place, damage):
    content = write_answers(name).read_bytes()
    start = int(place * len(content))

    Path(name).write_bytes(content[:start] + damage + content[start + len(damage) :])

    with suppress(UserError):
        read(name, labels=name if name.endswith(".npy") else None)


def test_a_dot_leads_nowhere_in_a_text():
    assert (
        read(table("m.csv"), columns={"cluster": "id.x"})[2]["clusters"] == [None] * 3
    )


def test_unknown_columns_are_named():
    with pytest.raises(
        UserError, match=r"m.csv: no column 'lable' .*did you mean 'label'"
    ):
        read(table("m.csv"), columns={"label": "lable"})
