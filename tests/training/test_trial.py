from dataclasses import replace

import numpy as np
import pytest
from factories import SOFTMAX, trial
from sklearn.metrics import f1_score

from rnnbench.config.schema import Data
from rnnbench.errors import RnnbenchError
from rnnbench.results import environment
from rnnbench.training.trial import run_trial


def test_the_same_trial_gives_the_same_weights_and_numbers_bit_for_bit(tmp_path):
    first, second = run_trial(trial(tmp_path)), run_trial(trial(tmp_path))

    np.testing.assert_array_equal(first.probabilities, second.probabilities)
    assert first.record.history == second.record.history
    assert first.record.accuracy == second.record.accuracy


def test_a_second_seed_of_a_model_is_not_compiled_again(tmp_path):
    layers = [{"gru": {"units": 5}}, SOFTMAX]  # of no other test: it is not compiled yet
    changes = {"models": {"rnn": {"layers": layers}}}

    first, second = (run_trial(trial(tmp_path, seed=seed, **changes)).record for seed in (0, 1))

    assert second.fit_seconds < first.fit_seconds / 5


def test_another_seed_gives_other_weights(tmp_path):
    first, second = run_trial(trial(tmp_path)), run_trial(trial(tmp_path, seed=1))

    assert not np.array_equal(first.probabilities, second.probabilities)


def test_the_record_tells_what_was_done(tmp_path):
    plan = trial(tmp_path, training={"epochs": 3, "batch_size": 4})

    record = run_trial(plan).record

    assert (record.model, record.seed, record.engine) == ("rnn", 0, "compiled")
    assert record.params == 3 * (3 + 1) + 3 + 3 * 3 + 3
    assert record.epochs == len(record.history.loss) == len(record.history.accuracy) == 3
    assert record.steps == 3 * 3, "10 wires are two whole batches of 4 and one of 2"
    assert record.fit_seconds > 0
    assert record.ms_per_step > 0
    assert record.fingerprint == plan.fingerprint


def test_scores_are_those_of_the_predictions(tmp_path):
    result = run_trial(trial(tmp_path))
    predicted = result.probabilities.argmax(axis=1)

    assert result.record.accuracy == np.mean(predicted == result.labels)
    assert result.record.macro_f1 == pytest.approx(
        f1_score(result.labels, predicted, labels=np.unique(result.labels), average="macro")
    )
    assert result.record.predicted_topics == sorted(set(predicted))


def test_training_learns(tmp_path):
    history = run_trial(
        trial(tmp_path, training={"epochs": 60, "learning_rate": 0.01})
    ).record.history

    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "nadam", "rmsprop", "sgd"])
def test_every_optimizer_of_the_config_trains(tmp_path, optimizer):
    plan = trial(tmp_path, training={"epochs": 1, "optimizer": optimizer})

    assert np.isfinite(run_trial(plan).record.history.loss).all()


def test_each_epoch_is_reported(tmp_path):
    seen = []

    record = run_trial(
        trial(tmp_path, training={"epochs": 2}), lambda *report: seen.append(report)
    ).record

    assert [epoch for epoch, _, _ in seen] == [1, 2]
    assert [loss for _, loss, _ in seen] == record.history.loss
    assert [accuracy for _, _, accuracy in seen] == record.history.accuracy


def test_a_training_that_diverged_has_no_accuracy(tmp_path):
    plan = trial(tmp_path, training={"epochs": 2, "optimizer": "sgd", "learning_rate": 1e300})

    with pytest.raises(RnnbenchError, match="it diverged"):
        run_trial(plan)


def test_a_corpus_that_changed_meanwhile_is_refused(tmp_path):
    plan = replace(trial(tmp_path), dataset_fingerprint="0" * 64)

    with pytest.raises(RnnbenchError, match="changed while the benchmark ran"):
        run_trial(plan)


GRU = {"rnn": {"layers": [{"gru": {"units": 3}}, SOFTMAX]}}


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"models": GRU},
        {"training": {"epochs": 2, "batch_size": 4}},
        {"training": {"epochs": 1, "batch_size": 5}},
        {"training": {"epochs": 1, "batch_size": 4, "learning_rate": 0.1}},
        {"training": {"epochs": 1, "batch_size": 4, "optimizer": "sgd"}},
        {"data": {"test_split": 0.4}},
    ],
    ids=["seed", "model", "epochs", "batch size", "learning rate", "optimizer", "data"],
)
def test_what_can_change_the_outcome_changes_the_fingerprint(tmp_path, change):
    assert trial(tmp_path, **change).fingerprint != trial(tmp_path).fingerprint


def test_the_number_of_threads_changes_the_fingerprint_for_sums_depend_on_it(tmp_path):
    plan = trial(tmp_path)

    assert replace(plan, threads=2).fingerprint != plan.fingerprint


def test_another_version_changes_the_fingerprint(tmp_path, monkeypatch):
    before = trial(tmp_path).fingerprint
    monkeypatch.setattr(environment.rnnbench, "__version__", "99.0")

    assert trial(tmp_path).fingerprint != before


def test_what_cannot_change_the_outcome_leaves_the_fingerprint(tmp_path):
    plan = trial(tmp_path)
    other_folder = replace(plan, corpus=tmp_path / "elsewhere.npz")
    other_seeds = replace(plan, training=plan.training.model_copy(update={"seeds": (0, 1, 2)}))
    other_source = replace(plan, data=Data(source="sgml", test_split=0.5))

    assert {other_folder.fingerprint, other_seeds.fingerprint, other_source.fingerprint} == {
        plan.fingerprint
    }
