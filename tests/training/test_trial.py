from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from factories import SOFTMAX, corpus, trial
from plugin_files import MAKE, write_module

from rnnbench import environment
from rnnbench.data import cache
from rnnbench.data.settings import Data
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.baselines import BASELINES
from rnnbench.models.build import predict
from rnnbench.models.saved import load
from rnnbench.training.outcome import History
from rnnbench.training.trial import load_dataset, run_trial

SVM = {"svm": {"baseline": "tfidf_linear_svm"}}


def test_the_same_trial_gives_the_same_weights_and_numbers_bit_for_bit(tmp_path):
    first, second = run_trial(trial(tmp_path)), run_trial(trial(tmp_path))

    np.testing.assert_array_equal(first.scores, second.scores)
    assert first.record.history == second.record.history
    assert first.accuracy == second.accuracy


def test_a_second_seed_of_a_model_is_not_compiled_again(tmp_path):
    layers = [{"gru": {"units": 5}}, SOFTMAX]  # of no other test: it is not compiled yet
    changes = {"models": {"rnn": {"layers": layers}}}

    first, second = (run_trial(trial(tmp_path, seed=seed, **changes)).record for seed in (0, 1))

    assert second.fit_seconds < first.fit_seconds / 5


def test_another_seed_gives_other_weights(tmp_path):
    first, second = run_trial(trial(tmp_path)), run_trial(trial(tmp_path, seed=1))

    assert not np.array_equal(first.scores, second.scores)


def test_the_record_tells_what_was_done(tmp_path):
    plan = trial(tmp_path, training={"epochs": 3, "batch_size": 4})

    record = run_trial(plan).record

    assert (record.model, record.seed, record.engine) == ("rnn", 0, "compiled")
    assert record.params == 3 * (3 + 1) + 3 + 3 * 3 + 3
    assert record.epochs == len(record.history.loss) == len(record.history.accuracy) == 3
    assert record.steps == 3 * 3, "10 wires are two whole batches of 4 and one of 2"
    assert record.fit_seconds > 0
    assert record.ms_per_step > 0
    assert record.best_epoch is None
    assert record.fingerprint == plan.fingerprint


def test_the_accuracy_is_that_of_the_answers(tmp_path):
    result = run_trial(trial(tmp_path))

    assert result.scores.shape == (10, 3)
    assert result.accuracy == np.mean(result.scores.argmax(axis=1) == result.labels)


def test_a_network_answers_with_probabilities(tmp_path):
    result = run_trial(trial(tmp_path))

    assert result.record.score_kind == "probabilities"
    np.testing.assert_allclose(result.scores.sum(axis=1), 1, rtol=1e-5)


def test_training_learns(tmp_path):
    history = run_trial(
        trial(tmp_path, training={"epochs": 60, "learning_rate": 0.01})
    ).record.history

    assert history.loss[-1] < history.loss[0]


def test_held_out_wires_choose_the_epoch_and_are_not_trained_on_each_time_bit_for_bit(tmp_path):
    plan = trial(tmp_path, training={"epochs": 5, "batch_size": 4, "validation_split": 0.2})

    first, second = run_trial(plan), run_trial(plan)

    record = first.record
    assert record.best_epoch in range(1, 6)
    assert len(record.history.val_loss) == len(record.history.val_accuracy) == 5
    assert record.steps == 5 * 2, "8 wires are two batches of 4"
    np.testing.assert_array_equal(first.scores, second.scores)
    assert (record.history, record.best_epoch) == (second.record.history, second.record.best_epoch)


@pytest.mark.parametrize("share", [0.05, 0.01])
@pytest.mark.parametrize("kind", ["network", "baseline"])
def test_a_share_that_holds_no_wire_out_is_the_users_error(tmp_path, kind, share):
    models = {} if kind == "network" else {"models": SVM}

    with pytest.raises(UserError, match=r"training\.validation_split: .* leaves 0 to validate on"):
        run_trial(trial(tmp_path, training={"validation_split": share}, **models))


def test_a_model_that_is_to_be_kept_is_part_of_the_result_and_gives_its_scores(tmp_path):
    plan = replace(trial(tmp_path), keep_model=True)

    result = run_trial(plan)

    file = tmp_path / "model.keras"
    file.write_bytes(result.model)
    x_test = load_dataset(plan.corpus, plan.data)[0].x_test
    np.testing.assert_array_equal(predict(load(file), x_test), result.scores)


def test_no_model_is_part_of_the_result_unless_it_is_to_be_kept(tmp_path):
    assert run_trial(trial(tmp_path)).model is None
    assert run_trial(replace(trial(tmp_path, models=SVM), keep_model=True)).model is None


def test_a_model_of_the_users_own_is_trained_like_any_other(working_folder):
    write_module(working_folder, "nets", MAKE)
    own = {"python": "nets:make", "arguments": {"units": 2}}

    result = run_trial(trial(working_folder, models={"own": own}, training={"epochs": 2}))

    record = result.record
    assert (record.model, record.engine, record.epochs) == ("own", "compiled", 2)
    assert record.params == 11 * 2 + 3 * (2 + 1), "all ids of the dataset are below 11"
    assert record.history.loss[1] < record.history.loss[0]
    assert result.scores.shape == (10, 3)


def test_a_model_of_the_users_own_that_does_not_fit_is_named(working_folder):
    write_module(working_folder, "nets", "def make(shape): return shape")
    planned = trial(working_folder, models={"own": {"python": "nets:make"}})

    with pytest.raises(RnnbenchError, match=r"^python: nets:make returned Shape, not a keras"):
        run_trial(planned)


def test_the_record_of_a_baseline_tells_of_no_epochs_and_no_steps(tmp_path):
    plan = trial(tmp_path, models=SVM)

    result = run_trial(plan)

    record = result.record
    assert (record.model, record.seed, record.engine) == ("svm", 0, "scikit-learn")
    assert (record.epochs, record.steps, record.best_epoch, record.ms_per_step) == (
        0,
        0,
        None,
        None,
    )
    assert (record.history, record.stock_layers) == (History(), [])
    assert (record.score_kind, record.fingerprint) == ("margins", plan.fingerprint)
    assert record.fit_seconds > 0
    assert record.params > 0
    assert result.accuracy == np.mean(result.answers == result.labels)
    assert plan.epochs == 0


@pytest.mark.parametrize("kind", BASELINES)
def test_every_baseline_can_be_tried_and_gives_the_same_scores_again(tmp_path, kind):
    plan = trial(tmp_path, models={"it": {"baseline": kind}})

    first, second = run_trial(plan), run_trial(plan)

    assert first.scores.shape == (10, 3)
    assert first.scores.dtype == np.float32
    np.testing.assert_array_equal(first.scores, second.scores)


def test_no_epoch_of_a_baseline_is_reported(tmp_path):
    run_trial(trial(tmp_path, models=SVM), pytest.fail)


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


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_training_that_diverged_has_no_accuracy(tmp_path, share):
    training = {"epochs": 2, "optimizer": "sgd", "learning_rate": 1e300, "validation_split": share}
    plan = trial(tmp_path, training=training)

    with pytest.raises(RnnbenchError, match="it diverged"):
        run_trial(plan)


def test_a_corpus_that_changed_meanwhile_is_refused(tmp_path):
    plan = replace(trial(tmp_path), dataset_fingerprint="0" * 64)

    with pytest.raises(RnnbenchError, match="changed while the benchmark ran"):
        run_trial(plan)


GRU = {"rnn": {"layers": [{"gru": {"units": 3}}, SOFTMAX]}}
LAYERS = [{"simple_rnn": {"units": 3}}, SOFTMAX]


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"models": GRU},
        {"models": {"rnn": {"layers": LAYERS, "inputs": "scaled_ids"}}},
        {"training": {"epochs": 2, "batch_size": 4}},
        {"training": {"epochs": 1, "batch_size": 5}},
        {"training": {"epochs": 1, "batch_size": 4, "learning_rate": 0.1}},
        {"training": {"epochs": 1, "batch_size": 4, "optimizer": "sgd"}},
        {"training": {"epochs": 1, "batch_size": 4, "validation_split": 0.2}},
        {"training": {"epochs": 1, "batch_size": 4, "engine": "keras"}},
        {"data": {"test_split": 0.4}},
    ],
    ids=[
        "seed",
        "model",
        "inputs",
        "epochs",
        "batch size",
        "learning rate",
        "optimizer",
        "validation split",
        "engine",
        "data",
    ],
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

    kept = replace(plan, keep_model=True)

    others = (other_folder, other_seeds, other_source, kept)
    assert {other.fingerprint for other in others} == {plan.fingerprint}


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"svm": {"baseline": {"tfidf_linear_svm": {"C": 0.5}}}}},
        {"models": {"svm": {"baseline": "tfidf_logistic_regression"}}},
        {"training": {"validation_split": 0.2}},
        {"data": {"test_split": 0.4}},
    ],
    ids=["parameter", "kind", "validation split", "data"],
)
def test_what_can_change_the_outcome_of_a_baseline_changes_its_fingerprint(tmp_path, change):
    before = trial(tmp_path, models=SVM)

    assert trial(tmp_path, **{"models": SVM} | change).fingerprint != before.fingerprint


@pytest.mark.parametrize(
    "training",
    [
        {"epochs": 7},
        {"batch_size": 5},
        {"learning_rate": 0.1},
        {"optimizer": "sgd"},
        {"engine": "keras"},
        {"seeds": 3},
    ],
    ids=lambda training: next(iter(training)),
)
def test_how_networks_are_trained_leaves_the_fingerprint_of_a_baseline(tmp_path, training):
    before = trial(tmp_path, models=SVM)

    assert trial(tmp_path, models=SVM, training=training).fingerprint == before.fingerprint


def test_a_parameter_that_is_written_out_leaves_the_fingerprint(tmp_path):
    written = {"svm": {"baseline": {"tfidf_linear_svm": {"max_ngram": 2, "C": 1}}}}

    assert trial(tmp_path, models=written).fingerprint == trial(tmp_path, models=SVM).fingerprint


def test_a_seed_is_of_the_fingerprint_of_a_baseline_only_where_it_answers_at_random(tmp_path):
    def fingerprint(kind, seed):
        return trial(tmp_path, seed, models={"b": {"baseline": kind}}).fingerprint

    assert fingerprint("stratified", 0) != fingerprint("stratified", 1)
    assert fingerprint("tfidf_linear_svm", 0) == fingerprint("tfidf_linear_svm", 1)


def test_the_number_of_ids_changes_a_network_even_where_no_array_shows_it(tmp_path):
    before = trial(tmp_path)

    assert replace(before, n_ids=before.n_ids + 1).fingerprint != before.fingerprint


def begun_with(initializer, folder):
    embedding = {"dim": 3, "embeddings_initializer": initializer}
    layers = [{"embedding": embedding}, {"pooling": {"by": "max"}}, SOFTMAX]
    return trial(folder, models={"rnn": {"layers": layers}}, data={"maxlen": 5})


def test_which_texts_there_are_changes_a_network_that_begins_with_vectors_from_them(tmp_path):
    def fingerprints(initializer):
        before = begun_with(initializer, tmp_path)
        return {before.fingerprint, replace(before, split_fingerprint="0" * 64).fingerprint}

    assert len(fingerprints("ppmi_svd")) == 2
    assert len(fingerprints("uniform")) == 1


def test_what_decomposes_matrices_changes_such_a_network_and_no_other(tmp_path, monkeypatch):
    before = {each: begun_with(each, tmp_path).fingerprint for each in ("ppmi_svd", "uniform")}
    version = environment._version
    monkeypatch.setattr(
        environment, "_version", lambda name: "99" if name == "scikit-learn" else version(name)
    )

    assert begun_with("ppmi_svd", tmp_path).fingerprint != before["ppmi_svd"]
    assert begun_with("uniform", tmp_path).fingerprint == before["uniform"]


def test_texts_that_changed_since_the_plan_are_noticed_even_where_no_array_shows_them(tmp_path):
    plan = begun_with("ppmi_svd", tmp_path)
    before = corpus()
    longest = int(np.argmax(before.lengths))
    assert before.lengths[longest] >= 5  # left out
    tokens = before.tokens.copy()
    tokens[before.offsets[longest]] = tokens[before.offsets[longest]] % 8 + 1
    cache.write(plan.corpus, replace(before, tokens=tokens))

    with pytest.raises(RnnbenchError, match="changed while the benchmark ran"):
        run_trial(plan)


def test_pretrained_vectors_give_the_same_answers_bit_for_bit_in_another_process(tmp_path):
    plan = begun_with("ppmi_svd", tmp_path)
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        theirs = other.submit(run_trial, plan).result()

    np.testing.assert_array_equal(run_trial(plan).scores, theirs.scores)
