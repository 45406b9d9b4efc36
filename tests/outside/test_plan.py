"""``rnnbench verdict --plan``: what tells models apart, before answers are paid for."""

import json

import numpy as np
import pytest
from factories import scored_run, write_run
from numpy.random import default_rng

from rnnbench.stats.planning import mcnemar_detectable

LABELS = default_rng(0).choice(["no", "yes"], 200)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Answers of two models in files, and two runs."""
    monkeypatch.chdir(tmp_path)
    random = default_rng(1)
    for name, share in (("good", 0.95), ("poor-seed0", 0.7), ("poor-seed1", 0.7)):
        answers = np.where(random.random(200) < share, LABELS, "maybe")
        rows = ["id,prediction,page,label"]
        for n, (answer, label) in enumerate(zip(answers, LABELS, strict=True)):
            rows.append(f"{n},{answer},{n // 4},{label}")
        (tmp_path / f"{name}.csv").write_text("\n".join(rows))
    for name, n_right in (("before", 15), ("after", 18)):
        rights = {"svm": [n_right], "rnn": [12, n_right, 14]}
        write_run(scored_run(rights, folder=name))
    rights = {"rnn": [15, 12, 16], "lstm": [13, 14, 12]}
    write_run(scored_run(rights, folder="close"))


def plans(cli, *arguments):
    done = cli("verdict", "--plan", *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)["pairs"]


def test_a_sentence_comes_first(cli):
    done = cli("verdict", "--plan", "--documents", "500", "--agree", "90%")

    assert " ".join(done.stdout.split()).startswith(
        "On 500 documents, two models that are both right or both wrong on 90 % are told "
        "apart in 80 % of cases if they truly differ by 4.07 points. A difference of one point needs 8,032 "
        "documents."
    )


def test_few_documents_find_nothing(cli):
    done = cli("verdict", "--plan", "--documents", "20", "--agree", "0.95")

    assert "cannot be told apart in 80 % of cases" in " ".join(done.stdout.split())


def test_two_files_stand_for_the_numbers(cli):
    (plan,) = plans(cli, "good.csv", "poor-seed0.csv")

    assert plan["documents"] == 200
    assert plan["models"] == ["good", "poor"]
    assert plan["smallest"] == mcnemar_detectable(200, plan["agree"])


def test_other_documents_than_those_of_files_may_be_planned(cli):
    (few,) = plans(cli, "good.csv", "poor-seed0.csv")
    (many,) = plans(cli, "good.csv", "poor-seed0.csv", "--documents", "2000")

    assert many["smallest"] < few["smallest"] / 2
    assert many["documents_needed"] == few["documents_needed"]


def test_clusters_of_documents_find_less(cli):
    (single,) = plans(cli, "good.csv", "poor-seed0.csv")
    (clustered,) = plans(cli, "good.csv", "poor-seed0.csv", "--cluster", "page")

    assert clustered["agree"] is None
    assert clustered["method"].endswith("clusters of documents")
    assert clustered["smallest"] == pytest.approx(single["smallest"], rel=0.5)


def test_models_of_a_run_are_planned_with_the_best(cli):
    (plan,) = plans(cli, "close")

    assert plan["models"] == ["rnn", "lstm"]
    assert plan["seeds"] == 3
    assert 0.1 < plan["smallest"] < 1


def test_one_seed_against_three_is_too_few(cli):
    done = cli("verdict", "--plan", "after")

    assert "have too few seeds to be told apart" in " ".join(done.stdout.split())


def test_models_that_two_runs_share_are_planned(cli):
    pairs = [plan["models"] for plan in plans(cli, "before", "after")]

    assert pairs == [
        ["svm in before", "svm in after"],
        ["rnn in before", "rnn in after"],
    ]


@pytest.mark.parametrize("width", [50, 80, 120])
def test_the_table_fits_the_screen(cli, monkeypatch, width):
    from rnnbench.terminal import console

    monkeypatch.setattr(console.out, "width", width)
    done = cli("verdict", "--plan", "before", "after")

    assert max(map(len, done.stdout.splitlines())) <= width


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ("--plan", "--plan: needs --documents and --agree, or FILEs, or a run"),
        ("--plan --documents 500", "--plan: needs --documents and --agree"),
        ("--plan --documents 500 --agree 90", "--agree 90: should be a share such as"),
        ("--plan --documents 500 --agree nan", "--agree nan: should be a share"),
        ("--plan --documents 0 --agree 90%", "'--documents'"),
        ("--plan good.csv --agree 90%", "--agree: not with FILEs"),
        ("--plan good.csv", "--plan: only one model (should be two or more)"),
        ("--plan good.csv before", "before: is a run"),
        (
            "--plan good.csv --fail-if 'drops 1'",
            "--plan: not with --fail-if, --margin or --out",
        ),
        ("good.csv --documents 500", "--documents, --agree: only with --plan"),
        ("", "verdict: no FILE"),
    ],
)
def test_what_cannot_be_planned_is_refused(cli, arguments, fault):
    import shlex

    done = cli("verdict", *shlex.split(arguments))

    assert done.exit_code == 2
    assert fault in " ".join(done.stderr.split())
