"""One verdict on answers from anywhere."""

import subprocess
import sys
from datetime import date

import factories
import numpy as np
import pandas as pd
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


ANSWERS = {
    "good": noisy(0.95),
    "poor": [noisy(0.5), noisy(0.5), noisy(0.5)],
}
SCORES = {
    "good": RANDOM.random(N) ** 0.5,
    "poor": RANDOM.random(N),
}


def numbers(judged):
    """The scores, intervals and p-values of a verdict."""
    models = []
    for model in judged.results.models:
        models.append((model.name, model.score, model.interval))
    pairs = []
    for pair in judged.results.comparisons:
        pairs.append((pair.difference, pair.interval, pair.p))
    return models, pairs


def means(judged):
    return [model.score.mean for model in judged.results.models]


def test_accuracies_are_compared():
    judged = verdict(LABELS, ANSWERS)

    good, poor = judged.results.models
    assert good.score.mean == np.mean(ANSWERS["good"] == LABELS)
    assert good.score.n == 1
    assert poor.score.n == 3


def test_accuracies_differ_by_an_estimate_over_documents_with_seeds():
    judged = verdict(LABELS, ANSWERS)

    good_hits = np.array([ANSWERS["good"]]) == LABELS
    poor_hits = np.array(ANSWERS["poor"]) == LABELS
    good = Correctness(good_hits, is_random=False)
    poor = Correctness(poor_hits)
    estimate = estimate_difference(good, poor)
    pair = judged.results.comparisons_of("good")["poor"]
    assert pair.verdict == "clear"
    assert pair.difference == estimate.value
    assert pair.interval == estimate.interval


def shown(judged):
    """What a verdict shows, in one line."""
    return repr(judged).replace("\n", " ")


def test_a_verdict_says_that_only_answers_are_known():
    judged = verdict(LABELS, ANSWERS)

    sizes = [len(table.rows) for table in judged.tables()]
    assert sizes == [3, 3, 0]
    assert "Only the answers of the models are known" in shown(judged)


def test_two_arrays_are_judged_by_few_files():
    code = """
import sys
import numpy as np
import pandas as pd
import rnnbench
labels = np.arange(50) % 3
rnnbench.verdict(labels, {"a": labels, "b": labels[::-1]})
print(sum(name.split(".")[0] == "rnnbench" for name in sys.modules))
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert int(done.stdout) <= 25


def in_form(change):
    """A verdict on labels and answers that were changed alike."""
    by_seed = {}
    for seed, poor in enumerate(ANSWERS["poor"], start=7):
        by_seed[seed] = change(poor)
    labels = change(LABELS)
    good = change(ANSWERS["good"])
    return verdict(labels, {"good": good, "poor": by_seed})


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
    expected = verdict(LABELS, ANSWERS)

    judged = in_form(change)

    assert numbers(judged) == numbers(expected)


def test_the_same_label_may_be_of_another_type_in_answers():
    answers = {
        "m": ["1", " 2", "2"],
        "n": [1.0, 2, 1],
    }

    judged = verdict([1, 2, 1], answers)

    assert means(judged) == [2 / 3, 1]


def test_documents_may_have_any_number_of_topics_as_names_or_as_indicators():
    names = in_form(lambda labels: [{TOPICS[label]} for label in labels])
    indicators = in_form(lambda labels: np.eye(3, dtype=int)[labels])

    assert numbers(names) == numbers(indicators)
    assert names.results.dataset.task == "multi_label"
    of_one_topic = verdict(LABELS, ANSWERS)
    assert means(names) == pytest.approx(means(of_one_topic))


def exact_match(judged):
    """The share of exact matches of the first model."""
    return judged.results.models[0].metrics["exact_match"].mean


def test_topics_of_documents_are_scored_by_micro_f1():
    labels = [["x"], ["y", "z"], []]
    answers = [["x"], ["y"], ["new"]]

    judged = verdict(labels, {"m": answers})

    assert means(judged) == pytest.approx([2 * 2 / (4 + 3 - 1)])
    assert exact_match(judged) == pytest.approx(1 / 3)


def test_without_labels_mean_scores_are_compared():
    judged = verdict(None, SCORES)

    good = SCORES["good"].mean()
    poor = SCORES["poor"].mean()
    assert means(judged) == pytest.approx([good, poor])
    assert list(judged.results.metrics) == ["score"]


def test_scores_of_0_with_1_are_judged_like_labels():
    good = SCORES["good"] > 0.5
    poor = SCORES["poor"] > 0.5
    labels = np.ones(N, int)
    answers = {
        "good": good.astype(int),
        "poor": poor.astype(int),
    }

    of_scores, _ = numbers(verdict(None, {"good": good, "poor": poor}))
    of_labels, _ = numbers(verdict(labels, answers))

    assert of_scores == of_labels, "exact match is accuracy"


@pytest.mark.parametrize(
    ("labels", "good", "poor"),
    [
        pytest.param(
            LABELS,
            ANSWERS["good"],
            ANSWERS["poor"][0],
            id="labels",
        ),
        pytest.param(
            None,
            SCORES["good"],
            SCORES["poor"],
            id="scores",
        ),
    ],
)
def test_clusters_of_the_same_answers_count_as_one_document_each(labels, good, poor):
    once = verdict(labels, {"a": good, "b": poor})
    repeated = None if labels is None else np.repeat(labels, 4)
    answers = {
        "a": np.repeat(good, 4),
        "b": np.repeat(poor, 4),
    }
    clusters = np.repeat(np.arange(N), 4)

    judged = verdict(repeated, answers, clusters=clusters)

    assert "in 300 clusters" in shown(judged)
    pairs = judged.results.comparisons
    for pair, expected in zip(pairs, once.results.comparisons, strict=True):
        assert pair.interval.low == pytest.approx(expected.interval.low)
        assert pair.interval.high == pytest.approx(expected.interval.high)
        assert pair.p == pytest.approx(expected.p, abs=0.02)


IDS = [str(place) for place in range(N)]
DAYS = [date(2026, 1, 1 + place % 28).isoformat() for place in range(N)]


@settings(max_examples=5)
@given(
    random=st.randoms(use_true_random=False),
    has_days=st.booleans(),
)
def test_the_order_of_documents_with_ids_does_not_matter(random, has_days):
    order = random.sample(range(N), N)
    days = DAYS if has_days else None
    moved_days = [DAYS[place] for place in order] if has_days else None
    moved_ids = [IDS[place] for place in order]
    good = ANSWERS["good"]
    poor = ANSWERS["poor"][1]

    judged = verdict(
        LABELS,
        {"a": good, "b": poor},
        ids=IDS,
        clusters=days,
    )
    other = verdict(
        LABELS[order],
        {"a": good[order], "b": poor[order]},
        ids=moved_ids,
        clusters=moved_days,
    )

    assert judged.results.dataset == other.results.dataset
    assert judged.results.dataset.ids[:3] == ["0", "1", "2"]
    for change in compare(judged, other).models:
        assert change.difference == 0


GAP_LABELS = ["x", "x", "y"]
GAP_ANSWERS = {
    "a": ["x", None, "y"],
    "b": ["x", "x", "y"],
}


def test_missing_answers_are_refused():
    message = r"a: no answer to 1 of 3 documents: 1 .*drop leaves"
    with pytest.raises(UserError, match=message):
        verdict(GAP_LABELS, GAP_ANSWERS)


def test_documents_with_missing_answers_may_be_left_out():
    judged = verdict(GAP_LABELS, GAP_ANSWERS, missing="drop")

    assert judged.results.dataset.test_size == 2
    assert means(judged) == [1, 1]


def test_missing_answers_may_be_wrong(caplog):
    judged = verdict(GAP_LABELS, GAP_ANSWERS, missing="wrong")

    assert judged.results.dataset.test_size == 3
    assert means(judged) == [2 / 3, 1]
    assert "missing: wrong" in caplog.text


def test_a_missing_score_is_wrong():
    judged = verdict(None, {"a": [1, np.nan]}, missing="wrong")

    assert means(judged) == [0.5]


def test_missing_topics_are_wrong():
    judged = verdict([["x"], ["y"]], {"a": [["x"], None]}, missing="wrong")

    assert means(judged) == pytest.approx([2 / 3])


def test_missing_topics_are_wrong_for_a_document_without_any():
    judged = verdict([["x"], []], {"a": [["x"], None]}, missing="wrong")

    assert exact_match(judged) == 0.5


every_nothing = pytest.mark.parametrize(
    "nothing",
    [
        None,
        "",
        np.nan,
        pytest.param(pd.NA, id="pandas"),
    ],
)


@every_nothing
def test_nothing_is_no_topic_among_topics(nothing):
    judged = verdict([["x"], ["y"]], {"a": [["x", nothing], ["y"]]})

    assert means(judged) == [1]


@every_nothing
@pytest.mark.parametrize(
    ("labels", "right"),
    [
        pytest.param(["x", "y"], "x", id="a topic each"),
        pytest.param([["x"], ["y"]], ["x"], id="any number of topics"),
    ],
)
def test_nothing_alone_is_a_missing_answer(nothing, labels, right):
    with pytest.raises(UserError, match="a: no answer to 1 of 2 documents: 1"):
        verdict(labels, {"a": [right, nothing]})


@pytest.mark.parametrize(
    "labels",
    [
        [True, False],
        [1, 0],
        ["true", "false"],
        ["1", "0"],
    ],
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
    ("labels", "answers", "fault"),
    [
        pytest.param(
            [],
            {"a": []},
            "no documents",
            id="no documents",
        ),
        pytest.param(
            [1],
            {},
            "no models",
            id="no models",
        ),
        pytest.param(
            [1, 2],
            {"a": [1]},
            "a: 1 answer, but 2 documents",
            id="too few answers",
        ),
        pytest.param(
            [[], []],
            {"a": [[], []]},
            "no labels",
            id="no topics at all",
        ),
        pytest.param(
            [1, 2],
            [[1, 2]],
            "answers should be a dict",
            id="answers without a name",
        ),
        pytest.param(
            [1, 2],
            {3: [1, 2]},
            "got the model 3 .should be a text",
            id="a name that is a number",
        ),
        pytest.param(
            [1, 2],
            {"a": None},
            "a: got nothing .should be a list",
            id="no list of answers",
        ),
        pytest.param(
            [1, 2],
            {"a": iter([1, 2])},
            "a: got .*should be a list",
            id="an iterator of answers",
        ),
        pytest.param(
            iter([1, 2]),
            {"a": [1, 2]},
            "labels: got .*should be a list",
            id="an iterator of labels",
        ),
        pytest.param(
            [1, 2],
            {"a": {"first": [1, 2]}},
            "a: got the seed 'first'",
            id="a seed that is no number",
        ),
        pytest.param(
            np.ones((2, 1), int),
            {"a": np.ones((2, 1), int)},
            "in two columns or more",
            id="one column of indicators",
        ),
        pytest.param(
            None,
            {"a": [10**400]},
            "scores should be numbers",
            id="a score that is too large",
        ),
        pytest.param(
            [1, [2]],
            {"a": [1, 1]},
            "if any is a list, all must be",
            id="lists among labels",
        ),
        pytest.param(
            [1],
            {"a": [object()]},
            "should be a text or a whole number",
            id="an object as an answer",
        ),
        pytest.param(
            range(10_001),
            {"a": range(10_001)},
            "10,001 different labels .*or scores",
            id="too many labels",
        ),
        pytest.param(
            None,
            {"a": [0.5, 1.5]},
            "got the score 1.5",
            id="a score above 1",
        ),
        pytest.param(
            None,
            {"a": ["high"]},
            "scores should be numbers",
            id="a word as a score",
        ),
        pytest.param(
            [1, 2],
            {"a/b": [1, 1]},
            "models.a/b: got 'a/b'",
            id="a name that no model may have",
        ),
    ],
)
def test_a_fault_of_labels_or_answers_is_named(labels, answers, fault):
    with pytest.raises(UserError, match=fault):
        verdict(labels, answers)


@pytest.mark.parametrize(
    ("labels", "answers", "missing", "fault"),
    [
        pytest.param(
            [1, None],
            {"a": [1, 1]},
            "wrong",
            "no label of 1 of 2 documents: 1",
            id="a missing label",
        ),
        pytest.param(
            [None],
            {"a": [None]},
            "drop",
            "no labels",
            id="no labels",
        ),
        pytest.param(
            [1, 2],
            {"a": [1, 2]},
            "omit",
            "missing: got 'omit' .allowed: error",
            id="an unknown way",
        ),
        pytest.param(
            [1, 2],
            {"a": [None, 1], "b": [1, None]},
            "drop",
            "no document is left",
            id="no document left",
        ),
    ],
)
def test_what_is_missing_may_be_a_fault(labels, answers, missing, fault):
    with pytest.raises(UserError, match=fault):
        verdict(labels, answers, missing=missing)


@pytest.mark.parametrize(
    ("documents", "fault"),
    [
        pytest.param(
            {"ids": ["x", "x"]},
            "ids: 1 of 2 are repeated",
            id="repeated ids",
        ),
        pytest.param(
            {"ids": ["x"]},
            "ids: 1, of which 0 are empty .should be one for each of 2",
            id="too few ids",
        ),
        pytest.param(
            {"clusters": ["x", None]},
            "clusters: 2, of which 1 are empty",
            id="an empty cluster",
        ),
        pytest.param(
            {"clusters": ["x", "x"]},
            "all documents are in one",
            id="a single cluster",
        ),
    ],
)
def test_a_fault_of_documents_is_named(documents, fault):
    with pytest.raises(UserError, match=fault):
        verdict([1, 2], {"a": [1, 1]}, **documents)


DOCUMENTS = {
    "ids": range(N),
    "clusters": np.arange(N) // 10,
}


def test_a_saved_verdict_is_a_run(tmp_path):
    judged = verdict(LABELS, ANSWERS, **DOCUMENTS)
    saved = judged.save(tmp_path / "mine", command="by me")

    loaded = load_run(tmp_path / "mine")

    assert loaded.results == saved.results
    assert loaded.results.command == "by me"
    assert loaded.results.engine == "outside"
    assert loaded.benchmark.models["poor"].is_random


def test_a_saved_verdict_can_be_compared(tmp_path):
    judged = verdict(LABELS, ANSWERS, **DOCUMENTS)
    worse = verdict(LABELS, {"good": ANSWERS["poor"]}, **DOCUMENTS)
    judged.save(tmp_path / "mine")
    worse.save(tmp_path / "other")

    before = load_run(tmp_path / "mine")
    after = load_run(tmp_path / "other")

    (change,) = compare(before, after).models
    assert change.is_clear
    assert change.difference < 0
    (board,) = leaderboard([before, after]).boards
    assert len(board.entries) == 3


def test_a_saved_verdict_can_be_overwritten(tmp_path):
    before = verdict(LABELS, ANSWERS, **DOCUMENTS)
    after = verdict(LABELS, {"new": ANSWERS["good"]}, **DOCUMENTS)
    before.save(tmp_path / "mine")

    again = after.save(tmp_path / "mine", overwrite=True)

    (model,) = load_run(again.folder).results.models
    assert model.name == "new"


@pytest.mark.parametrize(
    ("labels", "answers"),
    [
        pytest.param(
            None,
            [0.1, 0.7, 1 / 3],
            id="scores",
        ),
        pytest.param(
            [["x"], ["y"], []],
            [["x"], ["y", "new"], []],
            id="topics",
        ),
    ],
)
def test_answers_are_saved_as_they_were(tmp_path, labels, answers):
    saved = verdict(labels, {"a": answers}).save(tmp_path / "run")

    loaded = load_run(saved.folder)

    assert loaded.results == saved.results


@pytest.fixture
def their_run(tmp_path):
    """A saved verdict on another model."""
    judged = verdict(TOPICS[LABELS], {"theirs": TOPICS[ANSWERS["good"]]})
    return judged.save(tmp_path / "run")


def test_models_are_tested_on_the_documents_of_a_run(tmp_path, their_run):
    loaded = load_run(their_run.folder)
    answers = TOPICS[ANSWERS["poor"][0]]

    mine = verdict(loaded, {"mine": answers}).save(tmp_path / "mine")

    (board,) = leaderboard([their_run, mine]).boards
    models = [entry.model.name for entry in board.entries]
    assert models == ["theirs", "mine"]


def test_no_document_of_a_run_is_left_out(their_run):
    answers = [None, *TOPICS[LABELS[1:]]]

    with pytest.raises(UserError, match="not with documents of a run"):
        verdict(their_run, {"mine": answers}, missing="drop")


def test_a_run_that_was_trained_is_not_replaced(tmp_path):
    folder = factories.run_folder(tmp_path, {"rnn": [[0, 1, 1, 0]]})
    judged = verdict(LABELS, ANSWERS)

    with pytest.raises(UserError, match="holds a run "):
        judged.save(folder)
