"""What is said of networks that can hardly lead, before all their seeds are trained."""

from dataclasses import replace

import pytest
from factories import scored_run, trial

from rnnbench.data.held_out import Part
from rnnbench.runner.events import Failed, Finished, Planned
from rnnbench.terminal.standing import Standing

N_TESTS = 400
RESULT = scored_run({"rnn": [N_TESTS]}, of=N_TESTS).trials["rnn"][0]


@pytest.fixture
def svm(tmp_path):
    return trial(tmp_path, models={"svm": {"baseline": "tfidf_linear_svm"}})


@pytest.fixture
def seeds(tmp_path):
    """Three trials of a network."""
    network = trial(tmp_path)
    return [replace(network, seed=seed) for seed in range(3)]


def said(planned, scores, stored=()):
    """What is said after the scores of some of the planned trials."""
    standing = Standing()
    standing.note(Planned(planned, list(stored)))
    lines = []
    for finished, score in scores:
        lines.append(standing.note(Finished(finished, score, 1.0, RESULT)))
    return [line for line in lines if line]


def test_the_score_that_other_seeds_would_need_is_named(svm, seeds):
    lines = said([svm, *seeds], [(svm, 0.8), (seeds[0], 0.7)])

    assert lines == [
        "rnn can hardly lead any more: 2 seeds would have to reach 0.8500, as svm has "
        "0.8000"
    ]


def test_a_network_is_named_once(svm, seeds):
    scores = [(svm, 0.8), (seeds[0], 0.7), (seeds[1], 0.7), (seeds[2], 0.7)]

    assert len(said([svm, *seeds], scores)) == 1


def test_a_network_that_another_seed_may_bring_ahead_is_not_named(svm, seeds):
    assert said([svm, *seeds], [(svm, 0.8), (seeds[0], 0.78)]) == []


def test_a_network_is_compared_with_models_whose_seeds_have_all_ended(svm, seeds):
    other = [replace(seed, name="lstm") for seed in seeds]

    assert said([*seeds, *other], [(other[0], 0.9), (seeds[0], 0.1)]) == []
    assert said([svm, *seeds], [(seeds[0], 0.1)]) == []


def test_nothing_is_said_of_a_network_whose_seeds_have_all_ended(svm, seeds):
    assert said([svm, seeds[0]], [(svm, 0.8), (seeds[0], 0.1)]) == []


def test_nothing_is_said_if_stored_trials_count_too(svm, seeds):
    scores = [(svm, 0.8), (seeds[0], 0.1)]

    assert said([svm, *seeds[:2]], scores, stored=seeds[2:]) == []


def test_nothing_is_said_of_held_out_parts(svm, seeds):
    folds = [replace(seed, part=Part(1, 5)) for seed in seeds]

    assert said([svm, *folds], [(svm, 0.8), (folds[0], 0.1)]) == []


def test_a_network_with_a_failed_seed_is_not_named(svm, seeds):
    standing = Standing()
    standing.note(Planned([svm, *seeds], []))
    standing.note(Finished(svm, 0.8, 1.0, RESULT))
    standing.note(Failed(seeds[0], "no memory"))

    assert standing.note(Finished(seeds[1], 0.1, 1.0, RESULT)) is None
