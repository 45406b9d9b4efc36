"""Models that answer together, from the arithmetic to a kept ensemble."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import rnnbench
from rnnbench.models.descriptions import Ensemble
from rnnbench.results.compact import compact
from rnnbench.training.ensemble import combined


def ensemble(*names, **keys):
    return Ensemble.model_validate({"of": list(names), **keys})


def logs(*rows):
    return np.log(np.array(rows, np.float32))


A, B = logs([0.8, 0.2], [0.4, 0.6]), logs([0.5, 0.5], [0.9, 0.1])


def test_of_one_label_the_probabilities_are_multiplied_and_add_up_to_one():
    found = combined(ensemble("a", "b"), [("a", A, A.argmax(1)), ("b", B, B.argmax(1))])

    product = np.sqrt(np.exp(A) * np.exp(B))
    assert np.exp(found) == pytest.approx(product / product.sum(axis=1, keepdims=True))


def test_of_any_number_of_labels_the_log_odds_are_averaged():
    sure, given = logs([1.0, 0.2]), np.array([[1, 0]], np.uint8)
    found = combined(
        ensemble("a", "b", weights=[3, 1]), [("a", A[:1], given), ("b", sure, given)]
    )
    odds = 0.75 * np.log(0.2 / 0.8) + 0.25 * np.log(0.2 / 0.8)
    assert found[0, 1] == pytest.approx(-np.log1p(np.exp(-odds)))
    assert -1e-6 < found[0, 0] <= 0  # a probability of 1 is not infinitely sure


def test_of_equal_votes_those_of_the_first_model_count():
    a, b, c = (np.array(own) for own in ([1, 0], [0, 0], [0, 1]))
    two = combined(ensemble("a", "b", by="votes"), [("a", A, a), ("b", B, b)])
    three = ensemble("a", "b", "c", by="votes", weights=[1, 1, 1.5])
    weighted = combined(three, [("a", A, a), ("b", B, b), ("c", B, c)])

    many = ensemble(*"abcdef", by="votes")
    for votes in ([1, 0, 0, 1, 1, 0], [2, 1, 1, 1, 2, 2]):
        voters = [
            (name, np.zeros((1, 3)), np.array([own]))
            for name, own in zip("abcdef", votes, strict=True)
        ]
        assert combined(many, voters).argmax(axis=1).tolist() == votes[:1]

    assert two.argmax(axis=1).tolist() == [1, 0]
    assert weighted.argmax(axis=1).tolist() == [0, 0]
    assert np.isfinite(two).all()


@given(st.integers(1, 4))
def test_the_seeds_of_a_model_share_its_weight(n_seeds):
    of = ensemble("a", "b", over_seeds=True)
    several = [("a", A, A.argmax(1))] * n_seeds + [("b", B, B.argmax(1))]
    once = [("a", A, A.argmax(1)), ("b", B, B.argmax(1))]
    assert combined(of, several) == pytest.approx(combined(of, once), abs=1e-6)


RULE = {"decision": {"threshold": 0.4, "none": "best"}}
MODELS = {
    "csvm": {"baseline": {"tfidf_linear_svm": {"calibrated": True}}},
    "both": {"ensemble": {"of": ["rnn", "csvm"]}, "training": RULE},
    "all_seeds": {"ensemble": {"of": ["rnn"], "over_seeds": True}, "training": RULE},
    "votes": {"ensemble": {"of": ["svm", "csvm"], "by": "votes"}, "training": RULE},
}


@pytest.fixture
def config(several_topics, quick):  # noqa: ARG001
    return several_topics | {"models": several_topics["models"] | MODELS}


def test_a_run_makes_them_of_its_trials_and_stores_them(config, tmp_path):
    run = rnnbench.run(config, out=tmp_path / "out", save_models=True, progress=False)

    trials = run.trials
    of = run.benchmark.models["both"].ensemble
    for seed in (0, 1):
        members = [trials["rnn"][seed], trials["csvm"][0]]
        given = [(one.record.model, one.scores, one.answers) for one in members]
        found = trials["both"][seed]
        assert found.scores == pytest.approx(combined(of, given), abs=1e-6)
        for fact in ("params", "fit_seconds", "predict_ms_per_document"):
            assert getattr(found.record, fact) == sum(
                getattr(one.record, fact) for one in members
            )
        assert found.record.decision.threshold == pytest.approx(np.log(0.4))
    assert [len(trials[name]) for name in ("both", "all_seeds", "votes")] == [2, 1, 1]

    texts = ["corn ship rose", "trade wheat"]
    kept = run.model("rnn", seed=1), run.model("csvm")
    parts = [one.predict_proba(texts) for one in kept]
    odds = np.mean([np.log(own) - np.log1p(-own) for own in parts], axis=0)
    together = run.model("both", seed=1)
    assert together.predict_proba(texts) == pytest.approx(
        1 / (1 + np.exp(-odds)), abs=1e-5
    )
    assert together.predict(texts).shape == (2, len(together.classes_))

    stored = (tmp_path / "out/trials").stat().st_mtime_ns
    again = rnnbench.run(config, out=tmp_path / "out", save_models=True, progress=False)
    assert (tmp_path / "out/trials").stat().st_mtime_ns == stored
    assert again.results.models == run.results.models


def test_it_has_no_result_where_a_member_failed(config, tmp_path):
    config["models"]["rnn"]["training"] = {"learning_rate": 3e38}
    models = ["both", "svm"]
    with pytest.raises(rnnbench.FailedTrialsError) as error:
        rnnbench.run(
            config, out=tmp_path / "out", models=models, compact=True, progress=False
        )

    assert "both seed 0 failed: rnn seed 0 has no result" in str(error.value)
    found = error.value.run.trials.items()
    is_compact = {name: own.record.compact for name, (own,) in found}
    assert is_compact == {"svm": True, "csvm": False}, (
        "the ensemble will need all scores"
    )


def test_a_choice_ranks_them_on_the_same_parts_as_their_members(config, tmp_path):
    point = MODELS["both"] | {"grid": {"ensemble.weights": [[1, 1], [1, 3]]}}
    models = {name: config["models"][name] for name in ("rnn", "csvm")}
    config["models"] = models | {"both": point}
    choice = rnnbench.choose(config, out=tmp_path / "out", folds=2, progress=False)

    names = {candidate.name for candidate in choice.results.candidates}
    assert len(names) == 4
    choice.write(tmp_path / "best.yaml")
    best = rnnbench.load_config(tmp_path / "best.yaml")
    assert best.models["both"].chosen_from == 2


def test_a_compact_run_makes_them_of_all_scores(config, tmp_path):
    """Compact scores depend on the true topics, so an ensemble of them would know
    these.
    """
    models = {"nb": {"baseline": "multinomial_naive_bayes"}, "csvm": MODELS["csvm"]}
    config["models"] = models | {
        "both": {"ensemble": {"of": [*models]}, "training": RULE}
    }
    options = {"jobs": 1, "progress": False}
    whole = rnnbench.run(config, out=tmp_path / "whole", **options).trials["both"][0]
    for _ in range(2):
        run = rnnbench.run(config, out=tmp_path / "out", compact=True, **options)
        assert np.array_equal(run.trials["both"][0].scores, compact(whole).scores)
        assert all(own.record.compact for (own,) in run.trials.values())
        for file in (tmp_path / "out/trials").glob("both-*"):
            file.unlink()
