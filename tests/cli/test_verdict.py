"""``rnnbench verdict``, as it is typed."""

import json
from pathlib import Path

import numpy as np
import pytest

from rnnbench import load_run
from rnnbench.errors import MAX_CHARACTERS, MAX_LINES

RANDOM = np.random.default_rng(0)
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
