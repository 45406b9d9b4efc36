"""Networks in both engines: the influence of training, validation and test
documents.
"""

from dataclasses import replace

import numpy as np
import pytest
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

SHARE, EPOCHS = 0.4, 12
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
    """Documents whose last word mostly tells the topic; the test documents are those
    held out.
    """
    random = np.random.default_rng(0)
    x = random.integers(2, 5, (60, 5), dtype=np.int32)
    x[:, 0] = START
    y = np.where(
        random.random(60) < 0.2, random.integers(0, 3, 60), x[:, -1] - 2
    ).astype(np.int32)
    places = np.arange(60)
    topics = ("a", "b", "c")
    return Dataset(
        x, y, x[HELD_OUT], y[HELD_OUT], topics, 5, places, places[HELD_OUT], documents=x
    )


def fit(
    dataset,
    engine="native",
    model=RNN,
    seed=0,
    on_epoch=ignore,
    keep_model=False,
    **training,
):
    """Train a model; Keras runs a few steps line by line."""
    recipe = {
        "epochs": EPOCHS,
        "batch_size": 9,
        "learning_rate": 0.1,
        "validation_split": SHARE,
    }
    training = Training(**recipe | training)
    with line_by_line(if_so=engine == "keras" and training.epochs < EPOCHS):
        return ENGINES[engine].fit(
            FitRequest(model, dataset, training, seed, on_epoch, keep_model)
        )


def assert_was_validated(trained, epoch):
    """Make sure that test documents have the validation loss and accuracy of an
    epoch.
    """
    scores, labels, history = trained.scores, trained.labels, trained.record.history
    loss = -scores[np.arange(len(labels)), labels].mean()
    assert loss == pytest.approx(history.val_loss[epoch - 1], rel=1e-4)
    assert trained.score == pytest.approx(history.val_score[epoch - 1])


@pytest.fixture(scope="module")
def trainings(dataset):
    """The same training by each engine, with the epochs it told of."""
    found = {}
    for engine in NAMES:
        told = []
        found[engine] = (
            fit(dataset, engine, on_epoch=lambda *epoch, to=told: to.append(epoch)),
            told,
        )
    return found


@both_engines
def test_every_epoch_is_recorded_and_told_and_the_best_on_the_held_out_documents_is_kept(
    trainings, engine
):
    trained, told = trainings[engine]
    outcome, history = trained.record, trained.record.history

    assert outcome.score_kind == "log_probabilities"
    assert (outcome.epochs, outcome.steps) == (EPOCHS, 4 * EPOCHS)
    assert {len(values) for values in history.model_dump().values()} == {EPOCHS}
    assert told == list(
        zip(range(1, EPOCHS + 1), history.loss, history.score, strict=True)
    )
    assert 0 < outcome.ms_per_step * outcome.steps / 1000 < outcome.fit_seconds
    assert trained.weights is None
    assert_was_validated(trained, outcome.best_epoch)
    assert trained.score == pytest.approx(max(history.val_score))
    assert trained.score > history.val_score[-1] + 0.01, (
        "the last would have been worse"
    )


def test_both_engines_keep_the_same_epoch_of_the_same_training(trainings):
    (ours, _), (stock, _) = (trainings[engine] for engine in NAMES)

    assert ours.record.best_epoch == stock.record.best_epoch
    np.testing.assert_allclose(ours.scores, stock.scores, atol=1e-3)
    for name, values in ours.record.history:
        np.testing.assert_allclose(
            values, getattr(stock.record.history, name), rtol=1e-3
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"class_weights": "balanced"},
        {"learning_rate": {"start": 0.1, "schedule": "cosine"}},
        {
            "learning_rate": {
                "start": 0.1,
                "schedule": "step",
                "every": 1,
                "factor": 0.1,
            }
        },
        {"gradient_clip": 0.3},
    ],
    ids=["weights", "cosine", "step", "clip"],
)
def test_both_engines_weigh_topics_clip_and_change_the_learning_rate_alike(
    dataset, changes
):
    plain, *found = (
        fit(dataset, engine, epochs=3, batch_size=20, validation_split=0.0, **given)
        for engine, given in [("native", {}), *((name, changes) for name in NAMES)]
    )

    ours, stock = (trained.record.history for trained in found)
    for name, values in ours:
        np.testing.assert_allclose(values, getattr(stock, name), rtol=1e-3)
    np.testing.assert_allclose(found[0].scores, found[1].scores, atol=1e-3)
    assert abs(found[0].scores - plain.scores).max() > 0.01


@both_engines
def test_a_training_ends_when_its_epochs_get_no_better(dataset, engine):
    stopping = {"patience": 1, "on": "loss"}

    record = fit(dataset, engine, epochs=EPOCHS, early_stopping=stopping).record
    losses = record.history.val_loss
    assert record.epochs == len(losses) == record.best_epoch + 1 < EPOCHS
    assert record.steps == 4 * record.epochs
    assert losses[record.best_epoch - 1] == min(losses)


def test_held_out_documents_decide_the_choice_and_test_documents_nothing(
    dataset, trainings
):
    labels = dataset.y_train.copy()
    labels[HELD_OUT] = (labels[HELD_OUT] + 1) % 3
    turned = {"x_test": dataset.x_test[::-1].copy(), "y_test": dataset.y_test * 0}
    ours, _ = trainings["native"]

    others, tested = (
        fit(replace(dataset, **changes)) for changes in ({"y_train": labels}, turned)
    )

    before, after = ours.record, others.record
    assert before.history.loss == after.history.loss
    assert before.history.score == after.history.score
    assert before.history.val_score != after.history.val_score
    assert before.best_epoch != after.best_epoch
    assert (tested.record.history, tested.record.best_epoch) == (
        before.history,
        before.best_epoch,
    )
    np.testing.assert_allclose(ours.scores, tested.scores[::-1], atol=1e-6)


def test_there_may_be_one_validation_document_or_none(dataset):
    _, held_out = hold_out(60, share := 1.5 / 60)
    judged = replace(
        dataset, x_test=dataset.x_train[held_out], y_test=dataset.y_train[held_out]
    )

    none, one = (fit(judged, epochs=1, validation_split=part) for part in (0.0, share))

    assert (one.record.best_epoch, one.record.steps) == (1, 7)
    assert_was_validated(one, 1)
    assert (none.record.best_epoch, none.record.history.val_loss) == (None, [])


@both_engines
def test_a_network_regularised_in_every_way_is_validated_tested_and_kept(
    dataset, engine
):
    first, kept, other = (
        fit(
            dataset,
            engine,
            REGULARISED,
            seed,
            epochs=2,
            batch_size=36,
            ema=0.9,
            keep_model=keep,
        )
        for seed, keep in [(0, False), (0, True), (1, False)]
    )

    assert first.record.history == kept.record.history
    np.testing.assert_array_equal(first.scores, kept.scores)
    assert not np.array_equal(first.scores, other.scores)
    assert_was_validated(kept, kept.record.best_epoch)
    again = build(REGULARISED, Shape.of(dataset), 0)
    again.set_weights(kept.weights)
    scores = log_probabilities(predict(again, dataset.x_test))
    np.testing.assert_allclose(
        scores, kept.scores, atol=1e-5 if engine == "native" else 0
    )
    assert again.count_params() == kept.record.params


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


def test_a_layer_from_outside_that_draws_from_the_global_generator_follows_the_seed_with_model_fit(
    dataset, working_folder
):
    write_module(working_folder, "noisy", NOISY)
    own = PythonNetwork(python="noisy:make")

    first, again, other = (
        fit(dataset, "keras", own, seed, epochs=1).record.history for seed in (0, 0, 1)
    )

    assert first == again
    assert first != other


PHASES = {
    "native": ["making word vectors", "compiling", "training", "testing"],
    "keras": ["building network", "making word vectors", "compiling", "testing"],
}


@pytest.mark.parametrize(
    ("engine", "is_trained"), [("native", True), ("keras", True), ("keras", False)]
)
def test_a_pretrained_embedding_starts_with_vectors_of_other_documents_than_it_is_judged_by(
    dataset, engine, is_trained
):
    pretrained = {
        "dim": 4,
        "embeddings_initializer": "ppmi_svd",
        "trainable": is_trained,
    }
    model = network([{"embedding": pretrained}, MEAN])

    phases = []
    with report_phases_to(phases.append):
        trained = fit(
            dataset, engine, model, epochs=1, learning_rate=1e-9, keep_model=True
        )

    vectors = trained.weights[0]
    np.testing.assert_allclose(
        vectors, pretrained_vectors(dataset, 4, SHARE), atol=1e-7
    )
    assert trained.record.params == 3 * 5 + 5 * 4 * is_trained, (
        "only what is trained is counted"
    )
    assert phases == PHASES[engine]


@both_engines
def test_words_are_weighted_by_the_documents_trained_on(dataset, engine):
    x = dataset.x_train.copy()
    x[HELD_OUT[0], 1:] = 2  # a word that is in no other document
    x[KEPT] = np.where(x[KEPT] == 2, 3, x[KEPT])
    model = network([bag_of_words("tfidf")])

    trained = fit(replace(dataset, x_train=x), engine, model, epochs=3, keep_model=True)

    assert trained.record.history.loss[-1] < 0.99 * trained.record.history.loss[0]
    weights = trained.weights[0]
    np.testing.assert_array_equal(weights, word_weights(x[KEPT], 5, "tfidf"))
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
    own = PythonNetwork(python="certain:make")

    scores = fit(dataset, "keras", own, epochs=1, learning_rate=1e-12).scores

    expected = np.tile([0, LOWEST, LOWEST], (len(scores), 1))
    np.testing.assert_allclose(
        scores, expected, atol=1e-6
    )  # some processors round 1 down


def test_machine_code_gives_them_the_same_lowest_score(dataset):
    scores = fit(dataset, epochs=1, learning_rate=1e4).scores

    assert scores.min() == np.float32(LOWEST)
    assert scores.max() <= 0


@both_engines
def test_a_single_topic_is_always_right(dataset, engine):
    train, test = dataset.y_train * 0, dataset.y_test * 0
    single = replace(dataset, y_train=train, y_test=test, topics=("a",))

    # The last batch is padded, which counts for nothing.
    history = fit(single, engine, epochs=1, batch_size=7).record.history

    assert (history.loss, history.score) == ([0.0], [1.0])
