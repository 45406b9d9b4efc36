"""One verdict on answers from anywhere."""

import subprocess
import sys
from datetime import date

import factories
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench import UserError, compare, leaderboard, load_run, verdict
from rnnbench.stats.correctness import Correctness
from rnnbench.stats.intervals import estimate_difference

RANDOM = np.random.default_rng(0)
TOPICS = np.array(["acq", "earn", "grain"])
LABELS = RANDOM.integers(3, size=300)
N = len(LABELS)


def noisy(share):
    return np.where(RANDOM.random(N) < share, LABELS, RANDOM.integers(3, size=N))


ANSWERS = {"good": noisy(0.95), "poor": [noisy(0.5) for _ in range(3)]}
SCORES = {"good": RANDOM.random(N) ** 0.5, "poor": RANDOM.random(N)}


def numbers(judged):
    """The scores, intervals and p-values of a verdict."""
    models = [
        (model.name, model.score, model.interval) for model in judged.results.models
    ]
    return models, [
        (pair.difference, pair.interval, pair.p) for pair in judged.results.comparisons
    ]


def means(judged):
    return [model.score.mean for model in judged.results.models]


def test_accuracies_are_compared():
    judged = verdict(LABELS, ANSWERS)

    good, poor = judged.results.models
    assert good.score.mean == np.mean(ANSWERS["good"] == LABELS)
    assert (good.score.n, poor.score.n) == (1, 3)
    pair = judged.results.comparisons_of("good")["poor"]
    assert pair.verdict == "clear"
    hits = [
        np.array(answers) == LABELS for answers in ([ANSWERS["good"]], ANSWERS["poor"])
    ]
    estimate = estimate_difference(
        Correctness(hits[0], is_random=False), Correctness(hits[1])
    )
    assert pair.difference == estimate.value
    assert pair.interval == estimate.interval


def test_a_verdict_says_that_only_answers_are_known():
    judged = verdict(LABELS, ANSWERS)

    assert [len(table.rows) for table in judged.tables()] == [3, 3, 0]
    assert "Only the answers of the models are known" in repr(judged).replace("\n", " ")


def test_two_arrays_are_judged_by_few_files():
    code = """
import sys
import numpy as np
import rnnbench
labels = np.arange(50) % 3
rnnbench.verdict(labels, {"a": labels, "b": labels[::-1]})
print(sum(name.split(".")[0] == "rnnbench" for name in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert int(done.stdout) <= 25


def in_form(change):
    by_seed = {
        7 + seed: change(answers) for seed, answers in enumerate(ANSWERS["poor"])
    }
    return verdict(change(LABELS), {"good": change(ANSWERS["good"]), "poor": by_seed})


@pytest.mark.parametrize(
    "change",
    [
        list,
        lambda labels: labels.astype(float),
        lambda labels: labels.astype(str).tolist(),
        lambda labels: TOPICS[labels],
        lambda labels: TOPICS[labels].tolist(),
        lambda labels: labels.astype(object),
    ],
)
def test_labels_may_be_of_any_type(change):
    assert numbers(in_form(change)) == numbers(verdict(LABELS, ANSWERS))


def test_the_same_label_may_be_of_another_type_in_answers():
    assert means(verdict([1, 2, 1], {"m": ["1", " 2", "2"], "n": [1.0, 2, 1]})) == [
        2 / 3,
        1,
    ]


def test_documents_may_have_any_number_of_topics_as_names_or_as_indicators():
    names = in_form(lambda labels: [{TOPICS[label]} for label in labels])
    indicators = in_form(lambda labels: np.eye(3, dtype=int)[labels])

    assert numbers(names) == numbers(indicators)
    assert names.results.dataset.task == "multi_label"
    assert means(names) == pytest.approx(means(verdict(LABELS, ANSWERS)))
    few = verdict([["x"], ["y", "z"], []], {"m": [["x"], ["y"], ["new"]]})
    assert means(few) == pytest.approx([2 * 2 / (4 + 3 - 1)])
    assert few.results.models[0].metrics["exact_match"].mean == pytest.approx(1 / 3)


def test_without_labels_mean_scores_are_compared():
    judged = verdict(None, SCORES)
    right = {name: scores > 0.5 for name, scores in SCORES.items()}

    assert means(judged) == pytest.approx([scores.mean() for scores in SCORES.values()])
    assert list(judged.results.metrics) == ["score"]
    as_labels = verdict(
        np.ones(N, int), {name: scores.astype(int) for name, scores in right.items()}
    )
    assert numbers(verdict(None, right))[0] == numbers(as_labels)[0], (
        "exact match is accuracy"
    )


@pytest.mark.parametrize("labels", [LABELS, None])
def test_clusters_of_the_same_answers_count_as_one_document_each(labels):
    single = (
        (ANSWERS["good"], ANSWERS["poor"][0]) if labels is not None else SCORES.values()
    )
    once = verdict(labels, dict(zip("ab", single, strict=True)))
    answers = {
        name: np.repeat(answer, 4) for name, answer in zip("ab", single, strict=True)
    }
    right = None if labels is None else np.repeat(labels, 4)

    judged = verdict(right, answers, clusters=np.repeat(np.arange(N), 4))

    for ours, expected in zip(
        *(numbers(verdict_of)[1] for verdict_of in (judged, once)), strict=True
    ):
        ends = [[interval.low, interval.high] for _, interval, _ in (ours, expected)]
        assert ends[0] == pytest.approx(ends[1])
        assert ours[2] == pytest.approx(expected[2], abs=0.02)
    assert "in 300 clusters" in repr(judged).replace("\n", " ")


@settings(max_examples=5)
@given(st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_documents_with_ids_does_not_matter(random, has_days):
    order = random.sample(range(N), N)
    days = (
        [date(2026, 1, 1 + place % 28).isoformat() for place in range(N)]
        if has_days
        else None
    )
    options = {"ids": [f"{place}" for place in range(N)], "clusters": days}
    moved = {
        key: values and [values[at] for at in order] for key, values in options.items()
    }
    answers = {"a": ANSWERS["good"], "b": ANSWERS["poor"][1]}

    judged = verdict(LABELS, answers, **options)
    other = verdict(
        LABELS[order],
        {name: answer[order] for name, answer in answers.items()},
        **moved,
    )

    assert judged.results.dataset == other.results.dataset
    assert judged.results.dataset.ids[:3] == ["0", "1", "2"]
    assert all(change.difference == 0 for change in compare(judged, other).models)


def test_missing_answers_are_refused_left_out_or_wrong(caplog):
    answers = {"a": ["x", None, "y"], "b": ["x", "x", "y"]}

    with pytest.raises(
        UserError, match=r"a: no answer to 1 of 3 documents: 1 .*drop leaves"
    ):
        verdict(["x", "x", "y"], answers)
    without = verdict(["x", "x", "y"], answers, missing="drop")
    wrong = verdict(["x", "x", "y"], answers, missing="wrong")

    assert (without.results.dataset.test_size, wrong.results.dataset.test_size) == (
        2,
        3,
    )
    assert (means(without), means(wrong)) == ([1, 1], [2 / 3, 1])
    assert "missing: wrong" in caplog.text


def test_missing_answers_of_any_kind_are_wrong():
    assert means(verdict(None, {"a": [1, np.nan]}, missing="wrong")) == [0.5]
    judged = verdict([["x"], ["y"]], {"a": [["x"], None]}, missing="wrong")
    assert means(judged) == pytest.approx([2 / 3])
    without = verdict([["x"], []], {"a": [["x"], None]}, missing="wrong")
    assert without.results.models[0].metrics["exact_match"].mean == 0.5


@pytest.mark.parametrize("nothing", [None, "", np.nan, pytest.param("NA", id="pandas")])
def test_nothing_is_no_topic_among_topics_but_alone_a_missing_answer(nothing):
    if nothing == "NA":
        nothing = pytest.importorskip("pandas").NA
    judged = verdict([["x"], ["y"]], {"a": [["x", nothing], ["y"]]})

    assert means(judged) == [1]
    with pytest.raises(UserError, match="a: no answer to 1 of 2 documents: 1"):
        verdict([["x"], ["y"]], {"a": [["x"], nothing]})
    with pytest.raises(UserError, match="a: no answer to 1 of 2 documents: 1"):
        verdict(["x", "y"], {"a": ["x", nothing]})


@pytest.mark.parametrize(
    "labels", [[True, False], [1, 0], ["true", "false"], ["1", "0"]]
)
def test_yes_or_no_may_be_written_in_several_ways(labels):
    ways = {
        "a": [1, 0],
        "b": np.array([True, False]),
        "c": ["True", "False"],
        "d": [1.0, 0.0],
    }

    assert means(verdict(labels, ways)) == [1, 1, 1, 1]


def test_answers_that_are_no_labels_are_mentioned(caplog):
    verdict(["no", "yes"], {"bert": [0, 1]})

    assert "bert: no answer is right; all labels: no, yes, 0, 1" in caplog.text


@pytest.mark.parametrize(
    ("labels", "answers", "facts", "fault"),
    [
        ([], {"a": []}, {}, "no documents"),
        ([1], {}, {}, "no models"),
        ([1, 2], {"a": [1]}, {}, "a: 1 answer, but 2 documents"),
        (
            [1, None],
            {"a": [1, 1]},
            {"missing": "wrong"},
            "no label of 1 of 2 documents: 1",
        ),
        ([None], {"a": [None]}, {"missing": "drop"}, "no labels"),
        ([[], []], {"a": [[], []]}, {}, "no labels"),
        ([1, 2], [[1, 2]], {}, "answers should be a dict"),
        ([1, 2], {"a": None}, {}, "a: got nothing .should be a list"),
        ([1, 2], {"a": iter([1, 2])}, {}, "a: got .*should be a list"),
        (iter([1, 2]), {"a": [1, 2]}, {}, "labels: got .*should be a list"),
        ([1, 2], {"a": {"first": [1, 2]}}, {}, "a: got the seed 'first'"),
        (
            np.ones((2, 1), int),
            {"a": np.ones((2, 1), int)},
            {},
            "in two columns or more",
        ),
        (
            [1, 2],
            {"a": [1, 2]},
            {"missing": "omit"},
            "missing: got 'omit' .allowed: error",
        ),
        (None, {"a": [10**400]}, {}, "scores should be numbers"),
        ([1, [2]], {"a": [1, 1]}, {}, "if any is a list, all must be"),
        ([1], {"a": [object()]}, {}, "should be a text or a whole number"),
        (range(1_001), {"a": range(1_001)}, {}, "1,001 different labels .*or scores"),
        (None, {"a": [0.5, 1.5]}, {}, "got the score 1.5"),
        (None, {"a": ["high"]}, {}, "scores should be numbers"),
        ([1, 2], {"a": [1, 1]}, {"ids": ["x", "x"]}, "ids: 1 of 2 are repeated"),
        (
            [1, 2],
            {"a": [1, 1]},
            {"ids": ["x"]},
            "ids: 1, of which 0 are empty .should be one for each of 2",
        ),
        (
            [1, 2],
            {"a": [1, 1]},
            {"clusters": ["x", None]},
            "clusters: 2, of which 1 are empty",
        ),
        ([1, 2], {"a": [1, 1]}, {"clusters": ["x", "x"]}, "all documents are in one"),
        (
            [1, 2],
            {"a": [None, 1], "b": [1, None]},
            {"missing": "drop"},
            "no document is left",
        ),
        ([1, 2], {"a/b": [1, 1]}, {}, "models.a/b: got 'a/b'"),
    ],
)
def test_a_fault_is_named(labels, answers, facts, fault):
    with pytest.raises(UserError, match=fault):
        verdict(labels, answers, **facts)


def test_a_saved_verdict_is_a_run_that_can_be_compared(tmp_path):
    options = {"ids": range(N), "clusters": np.arange(N) // 10}
    kept = verdict(LABELS, ANSWERS, **options).save(tmp_path / "mine", command="by me")
    other = verdict(LABELS, {"good": ANSWERS["poor"]}, **options).save(
        tmp_path / "other"
    )

    loaded = load_run(tmp_path / "mine")
    assert loaded.results == kept.results
    assert (loaded.results.command, loaded.results.engine) == ("by me", "outside")
    assert loaded.benchmark.models["poor"].is_random
    (change,) = compare(loaded, other).models
    assert (change.is_clear, change.difference < 0) == (True, True)
    (board,) = leaderboard([loaded, other]).boards
    assert len(board.entries) == 3


def test_a_saved_verdict_can_be_overwritten(tmp_path):
    options = {"ids": range(N), "clusters": np.arange(N) // 10}
    verdict(LABELS, ANSWERS, **options).save(tmp_path / "mine")

    again = verdict(LABELS, {"new": ANSWERS["good"]}, **options).save(
        tmp_path / "mine", overwrite=True
    )
    assert [model.name for model in load_run(again.folder).results.models] == ["new"]


@pytest.mark.parametrize("labels", [None, [["x"], ["y"], []]])
def test_answers_are_saved_as_they_were(tmp_path, labels):
    answers = {"a": [["x"], ["y", "new"], []]} if labels else {"a": [0.1, 0.7, 1 / 3]}

    kept = verdict(labels, answers).save(tmp_path / "run")

    assert load_run(kept.folder).results == kept.results


def test_models_are_tested_on_the_documents_of_a_run(tmp_path):
    run = verdict(TOPICS[LABELS], {"theirs": TOPICS[ANSWERS["good"]]}).save(
        tmp_path / "run"
    )
    mine = verdict(load_run(run.folder), {"mine": TOPICS[ANSWERS["poor"][0]]})

    (board,) = leaderboard([run, mine.save(tmp_path / "mine")]).boards
    assert [entry.model.name for entry in board.entries] == ["theirs", "mine"]
    with pytest.raises(UserError, match="not with documents of a run"):
        verdict(run, {"mine": [None, *TOPICS[LABELS[1:]]]}, missing="drop")


def test_a_run_that_was_trained_is_not_replaced(tmp_path):
    folder = factories.run_folder(tmp_path, {"rnn": [[0, 1, 1, 0]]})

    with pytest.raises(UserError, match="holds a run "):
        verdict(LABELS, ANSWERS).save(folder)
