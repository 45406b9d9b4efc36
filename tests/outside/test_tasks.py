"""Models on several tasks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench import UserError, verdict
from rnnbench.outside.tasks import rank_on_tasks

RANDOM = np.random.default_rng(0)
SHARES = {"good": 0.9, "fair": 0.88, "poor": 0.5}


def judged(name, n, shares=SHARES, **options):
    answers = {model: RANDOM.random(n) < share for model, share in shares.items()}
    return verdict(np.ones(n, int), answers, name=name, **options)


def tasks(*sizes, **options):
    return {f"t{n}": judged(f"t{n}", n, **options) for n in sizes}


def test_each_task_has_the_same_weight():
    ranked = rank_on_tasks(tasks(50, 400))

    for model in ranked.best_first:
        assert model.mean == pytest.approx(np.mean(list(model.scores.values())))


def test_models_that_clearly_differ_have_different_ranks():
    ranked = rank_on_tasks(tasks(200, 300, 400))

    assert [model.name for model in ranked.best_first][-1] == "poor"
    assert ranked.best_first[-1].possible_ranks == (3, 3)
    assert ranked.best_first[1].against_next.is_clear


def test_neighbours_that_do_not_clearly_differ_are_a_group():
    ranked = rank_on_tasks(tasks(200, 300))

    assert [set(group) for group in ranked.groups] == [{"good", "fair"}]
    assert not ranked.best_first[0].against_next.is_clear


def test_mean_ranks_are_those_of_leaderboards():
    ranked = rank_on_tasks(tasks(200, 300))

    assert ranked.mean_ranks.models["poor"] == 3
    assert len(ranked.mean_ranks.datasets) == 2


def test_models_that_lack_a_task_are_left_out(caplog):
    both = {"a": judged("a", 90), "b": judged("b", 90, {"good": 0.9, "fair": 0.8})}

    ranked = rank_on_tasks(both)

    assert {model.name for model in ranked.best_first} == {"good", "fair"}
    assert "poor: left out" in caplog.text


def test_models_without_a_common_task_are_refused():
    apart = {"a": judged("a", 20, {"x": 0.5}), "b": judged("b", 20, {"y": 0.5})}

    with pytest.raises(UserError, match="no model has answers to all tasks"):
        rank_on_tasks(apart)


def test_clusters_of_each_task_stay_apart():
    clustered = rank_on_tasks(tasks(200, 400, clusters=None))
    repeated = {
        "a": judged("a", 200, clusters=np.arange(200) // 10),
        "b": judged("b", 200, clusters=np.arange(200) // 10),
    }

    ranked = rank_on_tasks(repeated)

    assert len(ranked.best_first) == len(clustered.best_first) == 3


@settings(max_examples=5, deadline=None)
@given(st.integers(5, 60), st.integers(5, 60))
def test_the_variance_is_that_of_separate_tasks(first, second):
    both = tasks(first, second + 100, shares={"a": 0.6, "b": 0.3})

    ranked = rank_on_tasks(both)

    variance = 0
    for task in both.values():
        models = task.judgement.compared.models
        difference = models["a"].values[0].astype(float) - models["b"].values[0]
        variance += difference.var() / len(difference) / 4
    interval = ranked.best_first[0].against_next.interval
    assert (interval.high - interval.low) / 2 == pytest.approx(
        1.96 * variance**0.5, rel=0.15
    )
