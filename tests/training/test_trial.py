"""One trial: what it gives, and what its fingerprint depends on."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest
from factories import SOFTMAX, corpora, corpus, train, trial
from plugin_files import MAKE, write_module

from rnnbench import environment
from rnnbench.data import cache
from rnnbench.data.settings import Data
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.models.baselines import BASELINES
from rnnbench.models.build import predict
from rnnbench.models.saved import load
from rnnbench.training.outcome import History
from rnnbench.training.trial import dataset_of

SVM = {"svm": {"baseline": "tfidf_linear_svm"}}
LAYERS = [{"simple_rnn": {"units": 3}}, SOFTMAX]
BATCHES = {"epochs": 1, "batch_size": 4}
"""How the trials of ``factories`` are trained."""


def begun_with(initializer, folder):
    """Return a trial of a network that begins with word vectors."""
    embedding = {"dim": 3, "embeddings_initializer": initializer}
    layers = [{"embedding": embedding}, {"pooling": {"by": "max"}}, SOFTMAX]
    return trial(folder, models={"rnn": {"layers": layers}}, data={"maxlen": 5})


def assert_same(one, other):
    """Two results are the same, bit for bit."""
    np.testing.assert_array_equal(one.scores, other.scores)
    assert (one.record.history, one.record.best_epoch) == (
        other.record.history,
        other.record.best_epoch,
    )


@pytest.mark.parametrize("share", [0, 0.2])
def test_the_same_trial_gives_the_same_result_bit_for_bit(tmp_path, share):
    plan = trial(tmp_path, training={"epochs": 5, "batch_size": 4, "validation_split": share})

    assert_same(train(tmp_path, plan), train(tmp_path, plan))


def test_it_gives_the_same_in_another_process_with_pretrained_vectors_too(tmp_path):
    plan = begun_with("ppmi_svd", tmp_path)
    with ProcessPoolExecutor(1, get_context("spawn")) as other:
        theirs = other.submit(train, tmp_path, plan).result()

    assert_same(train(tmp_path, plan), theirs)


def test_a_second_seed_gives_other_weights_and_is_not_compiled_again(tmp_path):
    layers = [{"gru": {"units": 5}}, SOFTMAX]  # of no other test: it is not compiled yet
    changes = {"models": {"rnn": {"layers": layers}}}

    first, second = (train(tmp_path, trial(tmp_path, seed=seed, **changes)) for seed in (0, 1))

    assert not np.array_equal(first.scores, second.scores)
    assert second.record.fit_seconds < first.record.fit_seconds / 5


def test_the_record_of_a_network_tells_what_was_done(tmp_path):
    plan = trial(tmp_path, training={"epochs": 3, "batch_size": 4})

    result = train(tmp_path, plan)

    record = result.record
    assert (record.model, record.seed, record.engine) == ("rnn", 0, "compiled")
    assert record.params == 3 * (3 + 1) + 3 + 3 * 3 + 3
    assert record.epochs == len(record.history.loss) == len(record.history.accuracy) == 3
    assert record.steps == 3 * 3, "10 documents are two whole batches of 4 and one of 2"
    assert record.fit_seconds > 0
    assert record.ms_per_step > 0
    assert record.best_epoch is None
    assert record.fingerprint == plan.fingerprint
    assert result.accuracy == np.mean(result.answers == result.labels)
    assert record.score_kind == "probabilities"
    assert result.scores.shape == (10, 3)
    np.testing.assert_allclose(result.scores.sum(axis=1), 1, rtol=1e-5)


def test_the_record_of_a_baseline_tells_of_no_epochs_and_no_steps(tmp_path):
    plan = trial(tmp_path, models=SVM)

    result = train(tmp_path, plan, pytest.fail)  # nor is an epoch reported

    record = result.record
    assert (record.model, record.seed, record.engine) == ("svm", 0, "scikit-learn")
    assert (record.epochs, record.steps, plan.epochs) == (0, 0, 0)
    assert (record.best_epoch, record.ms_per_step) == (None, None)
    assert (record.history, record.stock_layers) == (History(), [])
    assert (record.score_kind, record.fingerprint) == ("margins", plan.fingerprint)
    assert record.fit_seconds > 0
    assert record.params > 0
    assert result.accuracy == np.mean(result.answers == result.labels)


@pytest.mark.parametrize("kind", BASELINES)
def test_every_baseline_can_be_tried_and_gives_the_same_scores_again(tmp_path, kind):
    plan = trial(tmp_path, models={"it": {"baseline": kind}})

    first, second = train(tmp_path, plan), train(tmp_path, plan)

    assert first.scores.shape == (10, 3)
    assert first.scores.dtype == np.float32
    np.testing.assert_array_equal(first.scores, second.scores)


def test_training_learns(tmp_path):
    plan = trial(tmp_path, training={"epochs": 60, "learning_rate": 0.01})

    history = train(tmp_path, plan).record.history

    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "nadam", "rmsprop", "sgd"])
def test_every_optimizer_of_the_config_trains(tmp_path, optimizer):
    plan = trial(tmp_path, training={"epochs": 1, "optimizer": optimizer})

    assert np.isfinite(train(tmp_path, plan).record.history.loss).all()


def test_held_out_documents_choose_the_epoch_and_are_not_trained_on(tmp_path):
    plan = trial(tmp_path, training={"epochs": 5, "batch_size": 4, "validation_split": 0.2})

    record = train(tmp_path, plan).record

    assert record.best_epoch in range(1, 6)
    assert len(record.history.val_loss) == len(record.history.val_accuracy) == 5
    assert record.steps == 5 * 2, "8 documents are two batches of 4"


@pytest.mark.parametrize("share", [0.05, 0.01])
@pytest.mark.parametrize("models", [{"rnn": {"layers": LAYERS}}, SVM], ids=["network", "baseline"])
def test_a_share_that_holds_no_document_out_is_the_users_error(tmp_path, models, share):
    plan = trial(tmp_path, training={"validation_split": share}, models=models)

    with pytest.raises(UserError, match=r"training\.validation_split: .* leaves 0 to validate on"):
        train(tmp_path, plan)


def test_each_epoch_is_reported(tmp_path):
    seen = []

    result = train(
        tmp_path, trial(tmp_path, training={"epochs": 2}), lambda *report: seen.append(report)
    )

    history = result.record.history
    assert seen == list(zip([1, 2], history.loss, history.accuracy, strict=True))


def test_a_model_is_part_of_the_result_where_it_is_to_be_kept_and_gives_its_scores(tmp_path):
    plan = replace(trial(tmp_path), keep_model=True)

    result = train(tmp_path, plan)

    file = tmp_path / "model.keras"
    file.write_bytes(result.model)
    x_test = dataset_of(plan, tmp_path / "made-up.npz").x_test
    np.testing.assert_array_equal(predict(load(file), x_test), result.scores)
    assert train(tmp_path, trial(tmp_path)).model is None
    assert train(tmp_path, replace(trial(tmp_path, models=SVM), keep_model=True)).model is None


def test_a_model_of_the_users_own_is_trained_like_any_other(working_folder):
    write_module(working_folder, "nets", MAKE)
    own = {"python": "nets:make", "arguments": {"units": 2}}
    plan = trial(working_folder, models={"own": own}, training={"epochs": 2})

    result = train(working_folder, plan)

    record = result.record
    assert (record.model, record.engine, record.epochs) == ("own", "compiled", 2)
    assert record.params == 11 * 2 + 3 * (2 + 1), "all ids of the dataset are below 11"
    assert record.history.loss[1] < record.history.loss[0]
    assert result.scores.shape == (10, 3)


def test_a_model_of_the_users_own_that_does_not_fit_is_named(working_folder):
    write_module(working_folder, "nets", "def make(shape): return shape")
    planned = trial(working_folder, models={"own": {"python": "nets:make"}})

    with pytest.raises(RnnbenchError, match=r"^python: nets:make returned Shape, not a keras"):
        train(working_folder, planned)


@pytest.mark.parametrize("share", [0, 0.5])
def test_a_training_that_diverged_has_failed(tmp_path, share):
    training = {"epochs": 2, "optimizer": "sgd", "learning_rate": 1e300, "validation_split": share}
    plan = trial(tmp_path, training=training)

    with pytest.raises(RnnbenchError, match="it diverged"):
        train(tmp_path, plan)


@pytest.mark.parametrize(
    "planned", ["corpus_fingerprint", "dataset_fingerprint", "split_fingerprint"]
)
def test_data_that_are_not_the_planned_ones_are_refused(tmp_path, planned):
    plan = replace(trial(tmp_path), **{planned: "0" * 64})

    with pytest.raises(RnnbenchError, match=r"made-up\.npz: changed while the benchmark ran"):
        train(tmp_path, plan)


def test_texts_that_changed_since_the_plan_are_noticed_even_where_no_array_shows_them(tmp_path):
    plan = begun_with("ppmi_svd", tmp_path)
    before = corpus()
    longest = int(np.argmax(before.lengths))
    assert before.lengths[longest] >= 5, "it is left out"
    tokens = before.tokens.copy()
    tokens[before.offsets[longest]] = tokens[before.offsets[longest]] % 8 + 1
    cache.write(tmp_path / "made-up.npz", replace(before, tokens=tokens))

    with pytest.raises(RnnbenchError, match="changed while the benchmark ran"):
        train(tmp_path, plan)
    corpora(tmp_path)
    train(tmp_path, plan)  # once the right one is back


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"models": {"rnn": {"layers": [{"gru": {"units": 3}}, SOFTMAX]}}},
        {"models": {"rnn": {"layers": LAYERS, "inputs": "scaled_ids"}}},
        {"training": BATCHES | {"epochs": 2}},
        {"training": BATCHES | {"batch_size": 5}},
        {"training": BATCHES | {"learning_rate": 0.1}},
        {"training": BATCHES | {"optimizer": "sgd"}},
        {"training": BATCHES | {"validation_split": 0.2}},
        {"training": BATCHES | {"engine": "keras"}},
        {"data": {"test_split": 0.4}},
    ],
    ids=str,
)
def test_what_can_change_the_outcome_changes_the_fingerprint(tmp_path, change):
    assert trial(tmp_path, **change).fingerprint != trial(tmp_path).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"models": {"svm": {"baseline": {"tfidf_linear_svm": {"C": 0.5}}}}},
        {"models": {"svm": {"baseline": "tfidf_logistic_regression"}}},
        {"training": {"validation_split": 0.2}},
        {"data": {"test_split": 0.4}},
    ],
    ids=str,
)
def test_what_can_change_the_outcome_of_a_baseline_changes_its_fingerprint(tmp_path, change):
    before = trial(tmp_path, models=SVM)

    assert trial(tmp_path, **{"models": SVM} | change).fingerprint != before.fingerprint


@pytest.mark.parametrize("change", [{"threads": 2}, {"n_ids": 13}], ids=str)
def test_what_no_array_shows_changes_the_fingerprint_of_a_network(tmp_path, change):
    plan = trial(tmp_path)

    assert replace(plan, **change).fingerprint != plan.fingerprint


def test_another_version_changes_the_fingerprint(tmp_path, monkeypatch):
    before = trial(tmp_path).fingerprint
    monkeypatch.setattr(environment.rnnbench, "__version__", "99.0")

    assert trial(tmp_path).fingerprint != before


def test_what_cannot_change_the_outcome_leaves_the_fingerprint(tmp_path):
    plan = trial(tmp_path)
    others = (
        replace(plan, training=plan.training.model_copy(update={"seeds": (0, 1, 2)})),
        replace(plan, data=Data(source="sgml", test_split=0.5)),
        replace(plan, name="another"),
        replace(plan, keep_model=True),
    )

    assert {other.fingerprint for other in others} == {plan.fingerprint}


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
    ids=str,
)
def test_how_networks_are_trained_leaves_the_fingerprint_of_a_baseline(tmp_path, training):
    before = trial(tmp_path, models=SVM)

    assert trial(tmp_path, models=SVM, training=training).fingerprint == before.fingerprint


def test_a_parameter_that_is_written_out_leaves_the_fingerprint(tmp_path):
    written = {"svm": {"baseline": {"tfidf_linear_svm": {"max_ngram": 2, "C": 1}}}}

    assert trial(tmp_path, models=written).fingerprint == trial(tmp_path, models=SVM).fingerprint


@pytest.mark.parametrize(("kind", "differ"), [("stratified", True), ("tfidf_linear_svm", False)])
def test_a_seed_changes_a_baseline_only_where_it_answers_at_random(tmp_path, kind, differ):
    one, other = (trial(tmp_path, seed, models={"b": {"baseline": kind}}) for seed in (0, 1))

    assert (one.fingerprint != other.fingerprint) is differ


@pytest.mark.parametrize(("initializer", "differ"), [("ppmi_svd", True), ("uniform", False)])
def test_texts_and_what_decomposes_matrices_change_networks_with_vectors_from_texts(
    tmp_path, monkeypatch, initializer, differ
):
    before = begun_with(initializer, tmp_path)

    assert (replace(before, split_fingerprint="0" * 64).fingerprint != before.fingerprint) is differ

    version = environment._version
    monkeypatch.setattr(
        environment, "_version", lambda name: "99" if name == "scikit-learn" else version(name)
    )
    assert (begun_with(initializer, tmp_path).fingerprint != before.fingerprint) is differ
