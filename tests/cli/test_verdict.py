"""``rnnbench verdict``, as it is typed."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.random import default_rng

from rnnbench import load_run
from rnnbench.errors import MAX_CHARACTERS, MAX_LINES

RANDOM = default_rng(0)
LABELS = RANDOM.choice(["no", "yes"], 200)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Answers of two models in files."""
    monkeypatch.chdir(tmp_path)
    for name, share in (("good", 0.95), ("poor", 0.7)):
        answers = np.where(
            RANDOM.random(200) < share, LABELS, RANDOM.choice(["no", "yes"], 200)
        )
        rows = (
            f"{n},{answer},{n // 4},{label}\n"
            for n, (answer, label) in enumerate(zip(answers, LABELS, strict=True))
        )
        (tmp_path / f"{name}.csv").write_text(
            "id,prediction,page,label\n" + "".join(rows)
        )


def test_it_prints_scores_differences_and_power(cli):
    done = cli("verdict", "good.csv", "poor.csv", "--cluster", "page", "-v")

    assert done.exit_code == 0, done.output
    for part in (
        "95 % interval over",
        "good - poor",
        "p (corrected)",
        "detectable",
        "seeds needed",
    ):
        assert part in done.stdout
    assert "200 documents to test on (in 50 clusters" in done.stdout


def write_passages(file, ids, passages, right):
    """Write answers to questions, some of which are right."""
    rows = ["id,passage,label,prediction"]
    for number, passage, is_right in zip(ids, passages, right, strict=True):
        rows.append(f"{number},{passage},yes,{'yes' if is_right else 'no'}")
    Path(file).write_text("\n".join([*rows, ""]))


def clustered(share):
    """The passages of questions, six each, and whether answers are right; a share
    agrees.
    """
    passages = np.repeat(np.arange(100), 6)
    effects = RANDOM.standard_normal(100)[passages] * share**0.5
    return passages, effects + RANDOM.standard_normal(600) * (1 - share) ** 0.5 > -0.8


def test_an_undeclared_column_of_clusters_is_named(cli):
    passages, right = clustered(share=0.5)
    order = RANDOM.permutation(600)
    write_passages("mine.csv", range(600), passages[order], right[order])

    told = " ".join(cli("verdict", "mine.csv").stderr.split())

    assert (
        "documents with the same 'passage' (100 clusters) tend to be answered right"
        in told
    )
    assert "--cluster passage" in told


def test_a_declared_column_of_clusters_is_not_named(cli):
    passages, right = clustered(share=0.5)
    write_passages("mine.csv", range(600), passages, right)

    assert "together" not in cli("verdict", "mine.csv", "--cluster", "passage").stderr


def test_groups_are_clusters(cli):
    named = [cli("verdict", "good.csv", option, "page", "-v") for option in GROUPS]

    assert "in 50 clusters" in named[0].stdout
    assert named[0].stdout == named[1].stdout


GROUPS = ("--group", "--cluster")


def test_columns_may_be_in_one_of_two_files(cli):
    Path("gold.csv").write_text("id,truth,page\n1,a,x\n2,b,x\n3,a,y\n")
    Path("mine.csv").write_text("id,guess\n1,a\n2,b\n3,b\n")
    options = ["--label", "truth", "--group", "page", "--column", "prediction=guess"]

    done = cli("verdict", "mine.csv", "--labels", "gold.csv", "-v", *options)

    assert done.exit_code == 0, done.output
    assert "in 2 clusters" in done.stdout


def test_a_file_is_no_column_of_labels(cli):
    done = cli("verdict", "good.csv", "--label", "poor.csv")

    assert done.exit_code == 2
    assert "--label poor.csv: a file, not a column (--labels takes it)" in done.stderr


def test_the_line_about_clusters_says_how_wide_intervals_become(cli):
    passages, right = clustered(share=0.5)
    write_passages("mine.csv", range(600), passages, right)
    width = {}
    for name, options in {"single": [], "clusters": ["--cluster", "passage"]}.items():
        done = cli("verdict", "mine.csv", "--json", *options)
        interval = json.loads(done.stdout)["models"][0]["interval"]
        width[name] = interval["high"] - interval["low"]

    told = " ".join(cli("verdict", "mine.csv").stderr.split())

    assert f"up to {width['clusters'] / width['single']:.1f} times as wide" in told


def test_ids_with_a_common_beginning_are_named(cli):
    passages, right = clustered(share=0.5)
    ids = [f"passage{passage}-{place % 6}" for place, passage in enumerate(passages)]
    write_passages("mine.csv", ids, ["-"] * 600, right)

    assert (
        "documents whose 'id' begins alike (100 clusters)"
        in cli("verdict", "mine.csv").stderr
    )


def test_passages_of_independent_answers_are_not_named(cli):
    passages, right = clustered(share=0)
    write_passages("mine.csv", range(600), passages, right)

    assert "together" not in cli("verdict", "mine.csv").stderr


def test_a_key_of_json_objects_may_name_clusters(cli):
    passages, right = clustered(share=0.5)
    lines = []
    for passage, is_right in zip(passages.tolist(), right.tolist(), strict=True):
        row = {"doc": {"page": passage, "text": "long " * 50}, "score": float(is_right)}
        lines.append(json.dumps(row))
    Path("mine.jsonl").write_text("\n".join(lines))

    assert "--cluster doc.page" in " ".join(cli("verdict", "mine.jsonl").stderr.split())


def test_the_record_is_that_of_a_run_with_power_and_gates(cli):
    gate = "accuracy rises 0.5"
    done = cli("verdict", "good.csv", "poor.csv", "--json", "--fail-if", gate)

    record = json.loads(done.stdout)
    assert [model["name"] for model in record["models"]] == ["good", "poor"]
    assert record["gates"][0]["passed"]
    assert {"power", "comparisons", "dataset"} <= record.keys()
    assert done.stderr == f"passed: {gate}: 1 model\n"


@pytest.mark.parametrize(
    ("files", "gate", "status"),
    [
        (["good.csv", "poor.csv"], "drops significantly", 1),
        (["good.csv", "poor.csv"], "macro_f1 drops 0.01", 1),
        (["poor.csv", "good.csv"], "drops significantly", 0),
        (["poor.csv", "good.csv"], "drops significantly?", 2),
        (["poor.csv"], "drops significantly", 2),
    ],
)
def test_a_gate_compares_all_with_the_first(cli, files, gate, status):
    assert cli("verdict", *files, "--fail-if", gate).exit_code == status


@pytest.mark.usefixtures("one_plot")
def test_a_run_is_stored_for_other_commands(cli):
    assert cli("verdict", "good.csv", "poor.csv", "--out", "runs/mine.1").exit_code == 0
    assert cli("verdict", "good=poor.csv", "--out", "runs/other").exit_code == 0

    run = load_run("runs/mine.1")
    assert (run.results.name, run.results.engine) == ("mine-1", "outside")
    assert "Clearly worse in B: good" in " ".join(
        cli("compare", "runs/mine.1", "runs/other").stdout.split()
    )
    told = cli("predict", "runs/mine.1", "a text").stderr
    assert "no trained model was kept (only answers are known)" in told
    for command in (["leaderboard", "runs/mine.1"], ["report", "runs/mine.1"]):
        assert cli(*command).exit_code == 0
    assert cli("site", "runs/mine.1", "runs/other", "--out", "pages").exit_code == 0
    assert cli("run", "runs/mine.1/config.yaml").exit_code == 2


@pytest.mark.usefixtures("one_plot")
def test_scores_are_stored_for_other_commands(cli, tmp_path):
    rows = [f"{n},{score:.3f},{n // 5}\n" for n, score in enumerate(RANDOM.random(100))]
    (tmp_path / "rubric.csv").write_text("id,score,page\n" + "".join(rows))
    again = ["verdict", "rubric.csv", "--cluster", "page", "--out", "run"]

    assert [cli(*again).exit_code for _ in range(2)] == [0, 0]
    for command in (
        ["leaderboard", "run"],
        ["report", "run"],
        ["compare", "run", "run"],
    ):
        assert cli(*command).exit_code == 0
    text = (tmp_path / "run/report.md").read_text()
    assert "in 20 clusters" in text
    assert "## Errors" not in text


def test_answers_that_are_the_same_may_be_stored_again(cli):
    again = ("verdict", "good.csv", "poor.csv", "--out", "run")

    assert [cli(*again).exit_code for _ in range(2)] == [0, 0]


def test_a_verdict_on_other_answers_is_replaced_only_with_force(cli):
    assert cli("verdict", "good.csv", "--out", "run").exit_code == 0
    before = Path("run/results.json").read_bytes()

    refused = cli("verdict", "poor.csv", "--out", "run")

    assert refused.exit_code == 2
    assert (
        "run: holds a verdict on other answers (name another folder; --force"
        in refused.stderr
    )
    assert Path("run/results.json").read_bytes() == before
    assert cli("verdict", "poor.csv", "--out", "run", "--force").exit_code == 0


def test_force_needs_a_folder_to_overwrite(cli):
    done = cli("verdict", "good.csv", "--force")

    assert (done.exit_code, done.stderr) == (2, "--force: needs --out\n")


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--column", "lable=page"], "--column lable=page: got 'lable'"),
        (["--column", "id"], "--column id: should be KEY=NAME, such as id=document"),
        (
            ["--only", "page"],
            "--only page: should be COLUMN=VALUE, such as language=en",
        ),
        (["--cluster", "pages"], "good.csv: no column 'pages'"),
        (["--only", "page=none"], "good.csv: no usable row"),
        (["--score", "page"], "got the score 2 (allowed: 0 to 1)"),
        (["--fail-if", "falls"], "--fail-if 'falls'"),
        (["--fail-if", "leaks > 1%"], "answers have no training documents"),
        (["--fail-if", "drops 0.1"], "--fail-if: only good answered"),
    ],
)
def test_a_wrong_option_is_named(cli, options, fault):
    done = cli("verdict", "good.csv", *options)

    assert done.exit_code == 2
    assert fault in " ".join(done.stderr.split())


@pytest.mark.parametrize("column", [[], ["--column", "prediction=x"]])
def test_messages_about_many_arrays_are_brief(cli, column):
    np.savez("many.npz", **{f"array_{number}": [1] for number in range(3_000)})

    done = cli("verdict", "many.npz", *column)

    assert done.exit_code == 2
    assert "more (should be label" in done.stderr or "no column 'x'" in done.stderr
    assert len(done.stderr) <= MAX_CHARACTERS + len("\n")
    assert done.stderr.count("\n") <= MAX_LINES


def write_tasks(file):
    """Write answers of two models to two tasks."""
    rows = ["task,model,id,label,prediction"]
    for task in ("qa", "nli"):
        for model, share in (("large", 0.95), ("small", 0.5)):
            for n, label in enumerate(LABELS):
                answer = label if RANDOM.random() < share else "maybe"
                rows.append(f"{task},{model},{n},{label},{answer}")
    Path(file).write_text("\n".join(rows))


def test_a_sentence_comes_first(cli):
    done = cli("verdict", "poor.csv", "good.csv")

    assert done.stdout.startswith("good is clearly better than poor: a test accuracy")


def test_power_is_shown_when_asked_for(cli):
    assert "detectable" not in cli("verdict", "good.csv", "poor.csv").stdout
    assert "detectable" in cli("verdict", "good.csv", "poor.csv", "-v").stdout


def test_the_sentence_about_many_models_says_which_are_worse(cli):
    done = cli("verdict", "good.csv", "same=good.csv", "poor.csv")

    told = " ".join(done.stdout.split())
    assert told.startswith("good leads with a test accuracy of")
    assert "clearly better than poor; it cannot be told apart from same." in told


def test_models_are_ranked_on_several_tasks(cli):
    write_tasks("tasks.csv")

    told = " ".join(cli("verdict", "tasks.csv").stdout.split())

    assert told.startswith("large is clearly better than small: a mean score over 2")
    assert "(1) 0." in told.split("large")[2]
    assert "Cannot be told apart by their means: none." in told


def test_the_record_of_several_tasks_has_each_of_them(cli):
    write_tasks("tasks.csv")

    record = json.loads(cli("verdict", "tasks.csv", "--json").stdout)

    assert list(record["tasks"]) == ["qa", "nli"]
    assert record["best_first"][0]["possible_ranks"] == [1, 1]
    assert record["mean_ranks"]["models"] == {"large": 1, "small": 2}


def test_several_tasks_are_stored_as_runs_on_different_documents(cli):
    write_tasks("tasks.csv")

    done = cli("verdict", "tasks.csv", "--out", "runs", "--fail-if", "drops 0.2")

    assert done.exit_code == 1
    board = json.loads(cli("leaderboard", "runs/qa", "runs/nli", "--json").stdout)
    assert len(board["leaderboards"]) == 2


def test_one_file_of_labels_cannot_serve_several_tasks(cli):
    write_tasks("tasks.csv")

    done = cli("verdict", "tasks.csv", "--labels", "good.csv")

    assert done.exit_code == 2
    assert "lacks the labels of these tasks" in done.stderr


@pytest.mark.usefixtures("quick")
def test_texts_that_a_run_trained_on_are_counted(cli):
    assert cli("config", "new", "mine.yaml", "--from", "own_texts").exit_code == 0
    models = ["--models", "tfidf_logistic_regression", "--out", "run"]
    assert cli("run", "mine.yaml", *models).exit_code == 0
    rows = Path("own_texts.csv").read_text().splitlines()[1:151]
    lines = ["text,prediction", *rows]
    Path("mine.csv").write_text("\n".join(lines))

    options = ["--labels", "run", "--missing", "wrong"]
    told = cli("verdict", "mine.csv", *options).stderr

    assert "of 150 texts are among the training documents of run" in told
    Path("mine.csv").write_text("\n".join(["words,prediction", *rows]))
    told = cli("verdict", "mine.csv", *options, "--text", "words").stderr
    assert "of 150 texts are among the training documents of run" in told
