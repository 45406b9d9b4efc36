"""Networks trained on a dataset: what held-out wires decide, and what test wires do not."""

from dataclasses import replace

import numpy as np
import pytest
from factories import benchmark
from plugin_files import write_module
from stacks import network as in_stack

from rnnbench.data.dataset import START, Dataset
from rnnbench.errors import RnnbenchError
from rnnbench.models.build import predict
from rnnbench.models.descriptions import PythonNetwork
from rnnbench.models.saved import from_bytes, load
from rnnbench.training.engines import ignore
from rnnbench.training.network import train
from rnnbench.training.recipe import Training
from rnnbench.training.validation import hold_out
from rnnbench.training.word_vectors import pretrained_vectors

NETWORK = benchmark().models["rnn"]
SHARE, EPOCHS = 0.4, 12
KEPT, HELD_OUT = hold_out(60, SHARE)


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Wires whose last word mostly tells the topic; the test wires are those held out."""
    random = np.random.default_rng(0)
    x = random.integers(2, 5, (60, 5), dtype=np.int32)
    x[:, 0] = START
    y = np.where(random.random(60) < 0.2, random.integers(0, 3, 60), x[:, -1] - 2).astype(np.int32)
    places = np.arange(60)
    topics = ("a", "b", "c")
    return Dataset(x, y, x[HELD_OUT], y[HELD_OUT], topics, 5, places, places[HELD_OUT], documents=x)


def trained(
    dataset,
    engine="compiled",
    seed=0,
    validation_split=SHARE,
    network=NETWORK,
    epochs=EPOCHS,
    keep_model=False,
):
    training = Training(
        epochs=epochs,
        batch_size=9,
        learning_rate=0.1,
        engine=engine,
        validation_split=validation_split,
    )
    return train(network, dataset, training, seed, ignore, keep_model=keep_model)


ENGINES = ["compiled", "keras"]


@pytest.fixture(scope="module")
def outcomes(dataset):
    """What each engine makes of the same wires."""
    return {engine: trained(dataset, engine) for engine in ENGINES}


@pytest.fixture(params=ENGINES)
def outcome(request, outcomes):
    return outcomes[request.param]


def test_it_tells_of_its_epochs_and_steps(outcome):
    assert outcome.scores_are == "probabilities"
    assert (outcome.epochs, outcome.steps_per_epoch) == (EPOCHS, 4)
    assert {len(values) for values in outcome.history.model_dump().values()} == {EPOCHS}
    assert outcome.ms_per_step > 0


def test_what_answers_is_the_network_of_the_epoch_that_was_best_on_the_held_out_wires(
    outcome, dataset
):
    accuracies = outcome.history.val_accuracy
    answered = np.mean(outcome.scores.argmax(axis=1) == dataset.y_test)

    assert answered == pytest.approx(accuracies[outcome.best_epoch - 1])
    assert answered == pytest.approx(max(accuracies))
    assert answered > accuracies[-1] + 0.01, "the last epoch would have been worse"


def test_both_engines_keep_the_same_epoch_of_the_same_training(outcomes):
    ours, kerass = outcomes.values()

    assert ours.best_epoch == kerass.best_epoch
    np.testing.assert_allclose(ours.scores, kerass.scores, atol=1e-3)
    np.testing.assert_allclose(ours.history.val_loss, kerass.history.val_loss, rtol=1e-3)


@pytest.mark.parametrize("engine", ENGINES)
def test_keeping_the_network_changes_nothing_in_it(dataset, engine):
    layers = [{"embedding": {"dim": 3}}, {"dropout": {"rate": 0.5}}, {"gru": {"units": 2}}]
    network = in_stack(layers)
    kept, other = (
        trained(dataset, engine, network=network, epochs=2, keep_model=keep)
        for keep in (True, False)
    )

    assert kept.history == other.history
    assert (kept.scores == other.scores).all()


def test_without_held_out_wires_there_is_no_best_epoch_and_all_wires_are_trained_on(dataset):
    outcome = trained(dataset, validation_split=0.0)

    assert outcome.best_epoch is None
    assert (outcome.history.val_loss, outcome.history.val_accuracy) == ([], [])
    assert outcome.steps_per_epoch == 7


def test_test_wires_have_no_influence_on_the_training_and_on_the_choice(dataset):
    other = replace(dataset, x_test=dataset.x_test[::-1].copy(), y_test=(dataset.y_test + 1) % 3)

    ours, others = trained(dataset), trained(other)

    assert ours.history == others.history
    assert ours.best_epoch == others.best_epoch
    np.testing.assert_allclose(ours.scores, others.scores[::-1], atol=1e-6)


def test_held_out_wires_decide_the_choice_and_nothing_else(dataset):
    labels = dataset.y_train.copy()
    labels[HELD_OUT] = (labels[HELD_OUT] + 1) % 3

    ours, others = trained(dataset), trained(replace(dataset, y_train=labels))

    training = [(each.history.loss, each.history.accuracy) for each in (ours, others)]
    assert training[0] == training[1]
    assert ours.history.val_accuracy != others.history.val_accuracy
    assert ours.best_epoch != others.best_epoch


def test_no_seed_changes_how_many_wires_are_trained_on_and_held_out(dataset):
    first, second = (trained(dataset, seed=seed).history for seed in (0, 1))

    assert first.loss != second.loss
    for history in (first, second):
        for accuracy, wires in ((history.accuracy, KEPT), (history.val_accuracy, HELD_OUT)):
            hits = np.array(accuracy) * len(wires)
            np.testing.assert_allclose(hits, hits.round(), atol=1e-4)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_kept_model_is_the_one_that_answered(dataset, engine, tmp_path):
    outcome = trained(dataset, engine, keep_model=True)
    file = tmp_path / "model.keras"
    file.write_bytes(outcome.model)

    again = load(file)

    np.testing.assert_array_equal(predict(again, dataset.x_test), outcome.scores)
    assert again.count_params() == outcome.params


NOT_REGISTERED = """
    import keras


    class Own(keras.layers.Layer):
        def call(self, inputs):
            return inputs


    def make(shape):
        ids = keras.Input((shape.timesteps,), dtype="int32")
        vectors = keras.layers.Embedding(shape.n_ids, 2)(ids)
        pooled = keras.layers.GlobalMaxPooling1D()(Own()(vectors))
        return keras.Model(ids, keras.layers.Dense(shape.n_topics, "softmax")(pooled))
"""


def test_a_model_that_cannot_be_loaded_again_is_told_before_it_is_trained(dataset, working_folder):
    write_module(working_folder, "nets", NOT_REGISTERED)
    network = PythonNetwork(python="nets:make")

    with pytest.raises(RnnbenchError, match=r"needs keras\.saving\.register_keras_serializable"):
        train(network, dataset, Training(epochs=1), 0, pytest.fail, keep_model=True)


def test_no_model_is_kept_unless_it_is_asked_for(outcome):
    assert outcome.model is None


@pytest.mark.parametrize(
    ("embedding", "params"),
    [
        ({"dim": 4}, 5 * 4 + 3 * (4 + 1)),
        ({"dim": 4, "trainable": False}, 3 * (4 + 1)),
    ],
    ids=["all trained", "the embedding is not"],
)
def test_parameters_are_counted_that_are_trained(dataset, embedding, params):
    network = in_stack([{"embedding": embedding}, {"pooling": {"by": "mean"}}])

    assert trained(dataset, network=network, epochs=1).params == params


@pytest.mark.parametrize("engine", ENGINES)
def test_a_pretrained_embedding_begins_with_vectors_that_know_no_wire_it_is_judged_by(
    dataset, engine
):
    pretrained = {"dim": 4, "embeddings_initializer": "ppmi_svd", "trainable": False}
    network = in_stack([{"embedding": pretrained}, {"pooling": {"by": "mean"}}])

    outcome = trained(dataset, engine, network=network, epochs=1, keep_model=True)

    vectors = from_bytes(outcome.model).layers[0].get_weights()[0]
    np.testing.assert_array_equal(vectors, pretrained_vectors(dataset, 4, SHARE))


@pytest.mark.parametrize("inputs", ["ids", "scaled_ids"])
def test_words_are_learned_as_ids_and_as_scaled_ids(dataset, inputs):
    network = in_stack([{"gru": {"units": 8}}], inputs=inputs)

    losses = trained(dataset, network=network, validation_split=0.0).history.loss

    assert losses[-1] < 0.9 * losses[0]


def test_a_seed_gives_the_same_answers_bit_for_bit_with_an_embedding_and_dropout_too(dataset):
    below = [{"embedding": {"dim": 3}}, {"dropout": {"rate": 0.5}}]
    network = in_stack([*below, {"gru": {"units": 2}}])

    first, again, other = (
        trained(dataset, network=network, epochs=2, seed=seed) for seed in (0, 0, 1)
    )

    np.testing.assert_array_equal(first.scores, again.scores)
    assert first.history == again.history
    assert not np.array_equal(first.scores, other.scores)
