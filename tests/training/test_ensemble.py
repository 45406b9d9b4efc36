"""Models that answer together, from the arithmetic to a kept ensemble."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from several_topics import run_of_several_topics

import rnnbench
from rnnbench.models.descriptions import Ensemble
from rnnbench.results.compact import compact
from rnnbench.training.ensemble import combined


def ensemble(*names, **keys):
    return Ensemble.model_validate({"of": list(names), **keys})


def logs(*rows):
    return np.log(np.array(rows, np.float32))


A = logs([0.8, 0.2], [0.4, 0.6])
B = logs([0.5, 0.5], [0.9, 0.1])
OF_A = ("a", A, A.argmax(1))
OF_B = ("b", B, B.argmax(1))


def test_of_one_label_the_probabilities_are_multiplied():
    together = np.exp(combined(ensemble("a", "b"), [OF_A, OF_B]))

    product = np.sqrt(np.exp(A) * np.exp(B))
    sums = product.sum(axis=1, keepdims=True)
    assert together == pytest.approx(product / sums)


def test_of_any_number_of_labels_the_log_odds_are_averaged():
    sure = logs([1.0, 0.2])
    answers = np.array([[1, 0]], np.uint8)

    weighted = ensemble("a", "b", weights=[3, 1])
    members = [
        ("a", A[:1], answers),
        ("b", sure, answers),
    ]
    together = combined(weighted, members)

    first, second = together[0]
    odds = 0.75 * np.log(0.2 / 0.8) + 0.25 * np.log(0.2 / 0.8)
    assert second == pytest.approx(-np.log1p(np.exp(-odds)))
    assert -1e-6 < first <= 0  # a probability of 1 is not infinitely sure


@given(st.integers(1, 4))
def test_by_probabilities_their_means_count(n_seeds):
    by_probabilities = ensemble("a", "b", by="probabilities", over_seeds=True)

    together = combined(by_probabilities, [OF_A] * n_seeds + [OF_B])

    assert np.exp(together) == pytest.approx((np.exp(A) + np.exp(B)) / 2, abs=1e-6)


def answers_by_votes(votes, n_topics=2, **keys):
    """Return the answers of models by their votes, by name, one for each document."""
    members = []
    for name, answers in votes.items():
        scores = np.zeros((len(answers), n_topics))
        members.append((name, scores, np.array(answers)))
    together = combined(ensemble(*votes, by="votes", **keys), members)
    assert np.isfinite(together).all()
    return together.argmax(axis=1).tolist()


def test_of_equal_votes_those_of_the_first_model_count():
    votes = {
        "a": [1, 0],
        "b": [0, 0],
    }

    assert answers_by_votes(votes) == [1, 0]


def test_votes_count_by_the_weights_of_their_models():
    votes = {
        "a": [1, 0],
        "b": [0, 0],
        "c": [0, 1],
    }

    assert answers_by_votes(votes, weights=[1, 1, 1.5]) == [0, 0]


@pytest.mark.parametrize("votes", [[1, 0, 0, 1, 1, 0], [2, 1, 1, 1, 2, 2]])
def test_of_many_equal_votes_those_of_the_first_model_count(votes):
    by_name = {}
    for name, vote in zip("abcdef", votes, strict=True):
        by_name[name] = [vote]

    assert answers_by_votes(by_name, n_topics=3) == votes[:1]


@given(st.integers(1, 4))
def test_the_seeds_of_a_model_share_its_weight(n_seeds):
    over_seeds = ensemble("a", "b", over_seeds=True)
    of_one_seed = combined(over_seeds, [OF_A, OF_B])

    together = combined(over_seeds, [OF_A] * n_seeds + [OF_B])

    assert together == pytest.approx(of_one_seed, abs=1e-6)


RULE = {"decision": {"threshold": 0.4, "none": "best"}}
CALIBRATED = {"tfidf_linear_svm": {"calibrated": True}}
MODELS = {
    "csvm": {
        "baseline": CALIBRATED,
    },
    "both": {
        "ensemble": {"of": ["rnn", "csvm"]},
        "training": RULE,
    },
    "all_seeds": {
        "ensemble": {"of": ["rnn"], "over_seeds": True},
        "training": RULE,
    },
    "votes": {
        "ensemble": {"of": ["svm", "csvm"], "by": "votes"},
        "training": RULE,
    },
}


@pytest.fixture
def config(several_topics, quick):  # noqa: ARG001
    return several_topics | {"models": several_topics["models"] | MODELS}


def run(config, folder, **options):
    return rnnbench.run(config, out=folder, progress=False, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run with ensembles, which kept its models."""
    folder = tmp_path_factory.mktemp("ensembles")
    with run_of_several_topics(folder, MODELS, save_models=True) as run:
        yield run


def test_a_run_makes_them_of_its_trials(finished):
    trials = finished.trials
    ensemble = finished.benchmark.models["both"].ensemble
    for seed in (0, 1):
        together = trials["both"][seed]
        rnn = trials["rnn"][seed]
        csvm = trials["csvm"][0]
        members = [
            ("rnn", rnn.scores, rnn.answers),
            ("csvm", csvm.scores, csvm.answers),
        ]

        expected = combined(ensemble, members)
        assert together.scores == pytest.approx(expected, abs=1e-6)
        assert together.record.decision.threshold == pytest.approx(np.log(0.4))
        for fact in ("params", "fit_seconds", "predict_ms_per_document"):
            of_rnn = getattr(rnn.record, fact)
            of_csvm = getattr(csvm.record, fact)
            assert getattr(together.record, fact) == of_rnn + of_csvm


def test_an_ensemble_of_seeds_or_without_any_has_one_trial(finished):
    trials = finished.trials

    assert len(trials["both"]) == 2
    assert len(trials["all_seeds"]) == 1
    assert len(trials["votes"]) == 1


def test_a_kept_ensemble_averages_the_log_odds_of_its_members(finished):
    texts = ["corn ship rose", "trade wheat"]
    together = finished.model("both", seed=1)

    rnn = finished.model("rnn", seed=1)
    csvm = finished.model("csvm")
    odds = []
    for member in (rnn, csvm):
        shares = member.predict_proba(texts)
        odds.append(np.log(shares) - np.log1p(-shares))
    mean_odds = np.mean(odds, axis=0)
    expected = 1 / (1 + np.exp(-mean_odds))
    assert together.predict_proba(texts) == pytest.approx(expected, abs=1e-5)
    assert together.predict(texts).shape == (2, len(together.classes_))


def test_a_stored_ensemble_is_not_made_again(config, finished):
    trials = finished.folder / "trials"
    changed = trials.stat().st_mtime_ns

    again = run(config, finished.folder, save_models=True)

    assert trials.stat().st_mtime_ns == changed
    assert again.results.models == finished.results.models


def test_it_has_no_result_where_a_member_failed(config, tmp_path):
    config["models"]["rnn"]["training"] = {"learning_rate": 3e38}

    with pytest.raises(rnnbench.FailedTrialsError) as error:
        run(config, tmp_path / "out", models=["both", "svm"], compact=True)

    assert "both seed 0 failed: rnn seed 0 has no result" in str(error.value)
    is_compact = {}
    for name, (trial,) in error.value.run.trials.items():
        is_compact[name] = trial.record.compact
    expected = {"svm": True, "csvm": False}
    assert is_compact == expected, "the ensemble will need all scores"


def test_a_choice_ranks_them_on_the_same_parts_as_their_members(config, tmp_path):
    grid = {"grid": {"ensemble.weights": [[1, 1], [1, 3]]}}
    config["models"] = {
        "rnn": config["models"]["rnn"],
        "csvm": config["models"]["csvm"],
        "both": MODELS["both"] | grid,
    }

    choice = rnnbench.choose(config, out=tmp_path / "out", folds=2, progress=False)

    names = {candidate.name for candidate in choice.results.candidates}
    assert len(names) == 4
    choice.write(tmp_path / "best.yaml")
    best = rnnbench.load_config(tmp_path / "best.yaml")
    assert best.models["both"].chosen_from == 2


def test_a_compact_run_makes_them_of_all_scores(config, tmp_path):
    """Compact scores depend on the true topics: an ensemble of them would know these."""
    both = {
        "ensemble": {"of": ["nb", "csvm"]},
        "training": RULE,
    }
    config["models"] = {
        "nb": {"baseline": "multinomial_naive_bayes"},
        "csvm": MODELS["csvm"],
        "both": both,
    }
    (with_all,) = run(config, tmp_path / "all", jobs=1).trials["both"]

    for _ in range(2):
        trials = run(config, tmp_path / "out", jobs=1, compact=True).trials
        scores = trials["both"][0].scores
        assert np.array_equal(scores, compact(with_all).scores)
        assert all(trial.record.compact for (trial,) in trials.values())
        for file in (tmp_path / "out/trials").glob("both-*"):
            file.unlink()
