"""Networks in both engines: what training, validation and test documents decide."""

from collections import defaultdict
from dataclasses import replace
from functools import cache, partial

import numpy as np
import pytest
from numpy.random import default_rng
from numpy.testing import assert_allclose, assert_array_equal
from plugin_files import write_module
from stacks import MEAN, bag_of_words, both_ways, line_by_line, network

from rnnbench.data.dataset import Dataset
from rnnbench.data.held_out import hold_out
from rnnbench.data.padding import START
from rnnbench.models.build import build, predict
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.inputs import word_weights
from rnnbench.models.layers import Shape
from rnnbench.training.engines import ENGINES, FitRequest, ignore
from rnnbench.training.epochs import report_phases_to
from rnnbench.training.outcome import LOWEST, log_probabilities
from rnnbench.training.settings import Training
from rnnbench.training.word_vectors import pretrained_vectors

SHARE = 0.4
EPOCHS = 12
KEPT, HELD_OUT = hold_out(60, SHARE)
NAMES = ["native", "keras"]
RNN = network([{"simple_rnn": {"units": 3}}])
REGULARISED = network(
    [
        {"embedding": {"dim": 4, "dropout": 0.2}},
        {"spatial_dropout": {"rate": 0.5}},
        both_ways("simple_rnn", weight_drop=0.3),
        {"dropout": {"rate": 0.5}},
        {"pooling": {"by": "max"}},
    ]
)
both_engines = pytest.mark.parametrize("engine", NAMES)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Documents whose last word mostly tells the topic; those held out are tested."""
    random = default_rng(0)
    x = random.integers(2, 5, (60, 5), dtype=np.int32)
    x[:, 0] = START
    is_random = random.random(60) < 0.2
    y = np.where(is_random, random.integers(0, 3, 60), x[:, -1] - 2).astype(np.int32)
    places = np.arange(60)
    topics = ("a", "b", "c")
    return Dataset(
        x, y, x[HELD_OUT], y[HELD_OUT], topics, 5, places, places[HELD_OUT], documents=x
    )


SETTINGS = {
    "epochs": EPOCHS,
    "batch_size": 9,
    "learning_rate": 0.1,
    "validation_split": SHARE,
}


def fit(dataset, engine="native", model=RNN, seed=0, on_epoch=ignore, **changes):
    """Train a model and keep it; Keras runs a few steps line by line."""
    training = Training(**SETTINGS | changes)
    request = FitRequest(model, dataset, training, seed, on_epoch, keep_model=True)
    with line_by_line(if_so=engine == "keras" and training.epochs < EPOCHS):
        return ENGINES[engine].fit(request)


def assert_was_validated(trained, epoch):
    """Make sure that test documents have the validation results of an epoch."""
    scores = trained.scores
    labels = trained.labels
    history = trained.record.history
    loss = -scores[np.arange(len(labels)), labels].mean()
    assert loss == pytest.approx(history.val_loss[epoch - 1], rel=1e-4)
    assert trained.score == pytest.approx(history.val_score[epoch - 1])


@pytest.fixture(scope="module")
def trainings(dataset):
    """The same training by each engine."""
    return {
        engine: fit(dataset, engine, on_epoch=partial(note_epoch, engine))
        for engine in NAMES
    }


told = defaultdict(list)
"""The epochs that these trainings told of, by engine."""


def note_epoch(engine, *epoch):
    told[engine].append(epoch)


@both_engines
def test_every_epoch_is_recorded(trainings, engine):
    record = trainings[engine].record

    assert record.score_kind == "log_probabilities"
    assert (record.epochs, record.steps) == (EPOCHS, 4 * EPOCHS)
    lengths = {len(values) for values in record.history.model_dump().values()}
    assert lengths == {EPOCHS}
    assert 0 < record.ms_per_step * record.steps / 1000 < record.fit_seconds


@both_engines
def test_every_epoch_is_told(trainings, engine):
    history = trainings[engine].record.history

    numbers = range(1, EPOCHS + 1)
    epochs = zip(numbers, history.loss, history.score, strict=True)
    assert told[engine] == list(epochs)


@both_engines
def test_the_best_epoch_on_held_out_documents_is_kept(trainings, engine):
    trained = trainings[engine]
    scores = trained.record.history.val_score

    assert_was_validated(trained, trained.record.best_epoch)
    assert trained.score == pytest.approx(max(scores))
    assert trained.score > scores[-1] + 0.01, "the last would have been worse"


@both_engines
def test_a_model_that_is_not_kept_has_no_weights(dataset, engine):
    training = Training(**SETTINGS | {"epochs": 1})
    request = FitRequest(RNN, dataset, training, 0, ignore, keep_model=False)

    with line_by_line(if_so=engine == "keras"):
        trained = ENGINES[engine].fit(request)

    assert trained.weights is None
    kept = fit(dataset, engine, epochs=1)
    assert_array_equal(trained.scores, kept.scores)


def test_both_engines_keep_the_same_epoch_of_the_same_training(trainings):
    ours = trainings["native"]
    stock = trainings["keras"]

    assert ours.record.best_epoch == stock.record.best_epoch
    assert_allclose(ours.scores, stock.scores, atol=1e-3)
    assert_alike(ours.record.history, stock.record.history)


def assert_alike(history, other):
    for name, values in history:
        assert_allclose(values, getattr(other, name), rtol=1e-3)


SHORT = {"epochs": 2, "batch_size": 20, "validation_split": 0.0}


@pytest.fixture(scope="module")
def plain(dataset):
    """A short training without any of these settings."""
    return fit(dataset, "native", **SHORT)


STEPWISE = {"start": 0.1, "schedule": "step", "every": 1, "factor": 0.1}


@pytest.mark.parametrize(
    "changes",
    [
        {"class_weights": "balanced"},
        {"learning_rate": {"start": 0.1, "schedule": "cosine"}},
        {"learning_rate": STEPWISE},
        {"gradient_clip": 0.3},
        {"steps_per_epoch": 2},
    ],
    ids=["weights", "cosine", "step", "clip", "short epochs"],
)
def test_both_engines_follow_these_settings_alike(dataset, plain, changes):
    ours = fit(dataset, "native", **SHORT, **changes)
    stock = fit(dataset, "keras", **SHORT, **changes)

    assert_alike(ours.record.history, stock.record.history)
    assert_allclose(ours.scores, stock.scores, atol=1e-3)
    assert abs(ours.scores - plain.scores).max() > 0.01


@both_engines
def test_a_training_ends_when_its_epochs_get_no_better(dataset, engine):
    stopping = {"patience": 1, "on": "loss"}

    record = fit(dataset, engine, epochs=EPOCHS, early_stopping=stopping).record
    losses = record.history.val_loss
    assert record.epochs == len(losses) == record.best_epoch + 1 < EPOCHS
    assert record.steps == 4 * record.epochs
    assert losses[record.best_epoch - 1] == min(losses)


def test_held_out_documents_decide_only_the_choice(dataset, trainings):
    labels = dataset.y_train.copy()
    labels[HELD_OUT] = (labels[HELD_OUT] + 1) % 3

    after = fit(replace(dataset, y_train=labels)).record

    before = trainings["native"].record
    assert before.history.loss == after.history.loss
    assert before.history.score == after.history.score
    assert before.history.val_score != after.history.val_score
    assert before.best_epoch != after.best_epoch


def test_test_documents_decide_nothing(dataset, trainings):
    x = dataset.x_test[::-1].copy()
    turned = replace(dataset, test_inputs=x, y_test=dataset.y_test * 0)

    trained = fit(turned)

    expected = trainings["native"]
    assert trained.record.history == expected.record.history
    assert trained.record.best_epoch == expected.record.best_epoch
    assert_allclose(expected.scores, trained.scores[::-1], atol=1e-6)


def test_there_may_be_one_validation_document(dataset):
    share = 1.5 / 60
    _, held_out = hold_out(60, share)
    x = dataset.x_train[held_out]
    y = dataset.y_train[held_out]

    trained = fit(
        replace(dataset, test_inputs=x, y_test=y), epochs=1, validation_split=share
    )

    assert (trained.record.best_epoch, trained.record.steps) == (1, 7)
    assert_was_validated(trained, 1)


def test_there_may_be_no_validation_document(dataset):
    record = fit(dataset, epochs=1, validation_split=0.0).record

    assert (record.best_epoch, record.history.val_loss) == (None, [])


@pytest.fixture(scope="module")
def regularised(dataset):
    """Trainings of a network that is regularised in every way, by engine and seed."""

    @cache
    def train(engine, seed, again=False):  # noqa: ARG001 - only to train it again
        changes = {"epochs": 2, "batch_size": 36, "ema": 0.9}
        return fit(dataset, engine, REGULARISED, seed, **changes)

    return train


@both_engines
def test_a_seed_trains_a_regularised_network_in_the_same_way(regularised, engine):
    first = regularised(engine, 0)
    again = regularised(engine, 0, again=True)

    assert first.record.history == again.record.history
    assert_array_equal(first.scores, again.scores)
    assert not np.array_equal(first.scores, regularised(engine, 1).scores)


@both_engines
def test_a_regularised_network_is_validated_as_it_is_tested(regularised, engine):
    trained = regularised(engine, 0)

    assert_was_validated(trained, trained.record.best_epoch)


@both_engines
def test_the_weights_of_a_regularised_network_give_its_scores(
    dataset, regularised, engine
):
    trained = regularised(engine, 0)
    model = build(REGULARISED, Shape.of(dataset), 0)
    model.set_weights(trained.weights)

    scores = log_probabilities(predict(model, dataset.x_test))

    tolerance = {"native": 1e-5, "keras": 0}
    assert_allclose(scores, trained.scores, atol=tolerance[engine])
    assert model.count_params() == trained.record.params


NOISY = """
    import keras
    import tensorflow as tf


    class Noise(keras.layers.Layer):
        def call(self, inputs, training=False):
            return inputs + tf.random.normal(tf.shape(inputs)) if training else inputs


    def make(shape):
        layers = [
            keras.Input((shape.timesteps,), dtype="int32"),
            keras.layers.Embedding(shape.n_ids, 2),
            Noise(),
            keras.layers.GlobalMaxPooling1D(),
            keras.layers.Dense(shape.n_topics, "softmax"),
        ]
        return keras.Sequential(layers)
"""


def test_a_layer_that_draws_from_the_global_generator_follows_the_seed(
    dataset, working_folder
):
    write_module(working_folder, "noisy", NOISY)
    noisy = PythonNetwork(python="noisy:make")
    histories = defaultdict(list)

    for seed in (0, 0, 1):
        trained = fit(dataset, "keras", noisy, seed, epochs=1)
        histories[seed].append(trained.record.history)

    assert histories[0][0] == histories[0][1]
    assert histories[0][0] != histories[1][0]


PHASES = {
    "native": ["making word vectors", "compiling", "training", "testing"],
    "keras": ["building network", "making word vectors", "compiling", "testing"],
}


@pytest.mark.parametrize(
    ("engine", "is_trained"), [("native", True), ("keras", True), ("keras", False)]
)
def test_a_pretrained_embedding_starts_with_vectors_of_documents_trained_on(
    dataset, engine, is_trained
):
    embedding = {
        "dim": 4,
        "embeddings_initializer": "ppmi_svd",
        "trainable": is_trained,
    }
    model = network([{"embedding": embedding}, MEAN])
    n_trained = 3 * 5
    if is_trained:
        n_trained += 5 * 4

    phases = []
    with report_phases_to(phases.append):
        trained = fit(dataset, engine, model, epochs=1, learning_rate=1e-9)

    vectors = pretrained_vectors(dataset, 4, SHARE)
    assert_allclose(trained.weights[0], vectors, atol=1e-7)
    assert trained.record.params == n_trained, "only what is trained is counted"
    assert phases == PHASES[engine]


@both_engines
def test_words_are_weighted_by_the_documents_trained_on(dataset, engine):
    x = dataset.x_train.copy()
    x[HELD_OUT[0], 1:] = 2  # a word that is in no other document
    x[KEPT] = np.where(x[KEPT] == 2, 3, x[KEPT])
    model = network([bag_of_words("tfidf")])

    trained = fit(replace(dataset, train_inputs=x), engine, model, epochs=3)

    assert trained.record.history.loss[-1] < 0.99 * trained.record.history.loss[0]
    weights = trained.weights[0]
    assert_array_equal(weights, word_weights(x[KEPT], 5, "tfidf"))
    assert weights[2] == 0 < weights[3]
    assert trained.record.params == 3 * 5 + 3


CERTAIN = """
    import keras


    def make(shape):
        ids = keras.Input((shape.timesteps,), dtype="int32")
        topics = keras.layers.Dense(shape.n_topics, "softmax")
        model = keras.Sequential([ids, keras.layers.Rescaling(0.0), topics])
        topics.bias.assign([1e4, 0, -1e4])
        return model
"""


def test_topics_that_a_network_gives_the_probability_0_have_finite_scores(
    dataset, working_folder
):
    write_module(working_folder, "certain", CERTAIN)
    certain = PythonNetwork(python="certain:make")

    scores = fit(dataset, "keras", certain, epochs=1, learning_rate=1e-12).scores

    expected = np.tile([0, LOWEST, LOWEST], (len(scores), 1))
    # Some processors round 1 down.
    assert_allclose(scores, expected, atol=1e-6)


def test_machine_code_gives_them_the_same_lowest_score(dataset):
    scores = fit(dataset, epochs=1, learning_rate=1e4).scores

    assert scores.min() == np.float32(LOWEST)
    assert scores.max() <= 0


@both_engines
def test_a_single_topic_is_always_right(dataset, engine):
    y_train = dataset.y_train * 0
    y_test = dataset.y_test * 0
    single = replace(dataset, y_train=y_train, y_test=y_test, topics=("a",))

    # The last batch is padded, which counts for nothing.
    history = fit(single, engine, epochs=1, batch_size=7).record.history

    assert (history.loss, history.score) == ([0.0], [1.0])
