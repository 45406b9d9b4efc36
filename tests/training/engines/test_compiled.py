"""The engine ``compiled``: its programs, and models that it only partly covers or refuses."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from rnnbench.errors import RnnbenchError
from rnnbench.models.keras_layers import WEIGHT_DROP
from rnnbench.training.engines import compiled
from rnnbench.training.epochs import Epochs, batches
from rnnbench.training.settings import Recipe, Training

N, STEPS, TOPICS, BATCH_SIZE = 23, 6, 5, 8


def documents():
    """Return made-up inputs and labels; two batches are whole and one is partial."""
    random = np.random.default_rng(0)
    x = random.normal(size=(N, STEPS, 1))
    return x.astype(np.float32), random.integers(0, TOPICS, N, dtype=np.int32)


def classifier(*stack, seed=0):
    """Return a model as a trial makes it: named as if it were the first, its seed set.

    Args:
        stack: functions that make the layers below the softmax.
        seed: of the initial weights and of dropout.
    """
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    topics = layers.Dense(TOPICS, activation="softmax")
    return keras.Sequential([keras.Input((STEPS, 1)), *(make() for make in stack), topics])


def train(model, x=None, seed=0, **recipe):
    """Train a model, and return its history and the layers left to Keras."""
    ours, y = documents()
    epochs = Epochs()
    training = Training(**{"epochs": 2, "batch_size": BATCH_SIZE} | recipe)
    data = (ours if x is None else x, y)
    keras_layers = compiled.train(model, data, None, training, seed, epochs)
    return epochs.history, keras_layers


def rnn(**options):
    return lambda: layers.SimpleRNN(4, **options)


def gru(units=4, **options):
    return lambda: layers.GRU(units, **options)


BELOW = rnn(return_sequences=True)


def test_a_model_trains_though_the_cores_do_not_cover_it():
    x, _ = documents()
    x[::2, -2:] = 0
    stack = [layers.Masking, BELOW, gru(dropout=0.1, recurrent_dropout=0.1, reset_after=False)]

    history, keras_layers = train(classifier(*stack), x, epochs=40, learning_rate=0.03)

    assert history.loss[-1] < 0.8 * history.loss[0]
    of_gru = "gru: masking, dropout, recurrent_dropout, reset_after"
    assert keras_layers == [of_gru, "simple_rnn: masking"]


class Forgetful(layers.Layer):
    """A layer whose config lacks its factor."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {"name": self.name}


class Uncopied(Forgetful):
    """A layer that cannot be made without its factor."""

    def __init__(self, factor, **kwargs):
        super().__init__(factor, **kwargs)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (layers.BatchNormalization, "batch normalization needs "),
        (lambda: Forgetful(3.0), "a copy of the model gives different answers, so the get_config"),
        (lambda: Uncopied(3.0, name="own"), r"layer own cannot be copied \("),
    ],
    ids=["mixes the rows of a batch", "another copy", "no copy"],
)
def test_a_layer_that_would_be_trained_wrongly_is_refused(layer, message):
    with pytest.raises(RnnbenchError, match=rf"^{message}[\s\S]*training\.engine: keras"):
        train(classifier(layer, rnn()))


def with_dropout(seed):
    """Return a classifier in which chance plays every part that it can."""
    return classifier(
        BELOW,
        lambda: layers.Dropout(0.5),
        lambda: WEIGHT_DROP["SimpleRNN"](3, weight_drop=0.5, weight_drop_seed=seed),
        lambda: layers.Reshape((1, 3)),
        lambda: layers.SimpleRNN(3, dropout=0.5),
        seed=seed,
    )


@pytest.fixture(scope="module")
def trained():
    """Return, by name, models trained one after the other, their histories and their programs."""
    models, histories, programs = {}, {}, []
    for name, seed in [("first", 0), ("second", 1), ("first again", 0), ("second alone", 1)]:
        if name in ("first", "second alone"):
            compiled._programs.clear()
        models[name] = with_dropout(seed)
        histories[name], _ = train(models[name], seed=seed)
        programs += compiled._programs.values()
    return models, histories, programs


def assert_same_weights(ours, theirs):
    for mine, other in zip(ours.variables, theirs.variables, strict=True):
        np.testing.assert_array_equal(mine, other)


@pytest.mark.parametrize(
    ("name", "other"),
    [("first", "first again"), ("second", "second alone")],
    ids=["its first training compiled", "no seed before it"],
)
def test_a_seed_gives_the_same_weights_and_history_bit_for_bit(trained, name, other):
    models, histories, _ = trained

    assert_same_weights(models[name], models[other])
    assert histories[name] == histories[other]


def test_another_seed_gives_other_weights(trained):
    models, _, _ = trained
    both = models["first"].get_weights(), models["second"].get_weights()

    assert not any(np.array_equal(ours, theirs) for ours, theirs in zip(*both, strict=True))


def test_the_seeds_of_a_model_share_a_program_that_is_compiled_once(trained):
    _, _, (first, *others) = trained

    assert [program is first for program in others] == [True, True, False]
    assert first.epoch.experimental_get_tracing_count() == 1


@pytest.mark.parametrize(
    ("other", "recipe", "batch_size"),
    [
        (gru(), {"optimizer": "nadam"}, BATCH_SIZE),
        (gru(), {"ema": 0.9}, BATCH_SIZE),
        (gru(), {}, BATCH_SIZE + 1),
        (gru(5), {}, BATCH_SIZE),
        (lambda: layers.LSTM(4), {}, BATCH_SIZE),
        (gru(go_backwards=True), {}, BATCH_SIZE),
    ],
    ids=["optimizer", "average", "batch size", "units", "kind", "parameter"],
)
def test_a_different_training_has_a_program_of_its_own(other, recipe, batch_size):
    program = compiled._program(classifier(gru()), Recipe(), BATCH_SIZE)

    seeded = gru(kernel_initializer=keras.initializers.GlorotUniform(seed=3))
    for same in (gru(), seeded):
        assert compiled._program(classifier(same), Recipe(epochs=3), BATCH_SIZE) is program
    assert compiled._program(classifier(other), Recipe(**recipe), batch_size) is not program


def test_trainings_share_a_program_but_neither_a_learning_rate_nor_the_state_of_an_optimizer():
    compiled._programs.clear()
    models, programs = [], []
    for rate, epochs in [(0.5, 1), (0.001, 3), (0.5, 1)]:
        models.append(classifier(rnn()))
        # Nadam remembers more than the others.
        train(models[-1], learning_rate=rate, optimizer="nadam", epochs=epochs)
        programs += compiled._programs.values()
    first, second, third = models

    assert programs == programs[:1] * 3
    assert_same_weights(first, third)
    assert not np.array_equal(first.get_weights()[0], second.get_weights()[0])


@given(n=st.integers(1, 40), size=st.integers(1, 40))
def test_padded_batches_have_one_size_and_padding_has_no_weight(n, size):
    parts = batches(n, size, seed=0, epoch=1)

    rows, weights = map(np.array, compiled.pad(parts, size))

    assert rows.shape == weights.shape == (len(parts), size)
    assert (rows.dtype, weights.dtype) == (np.int32, np.float32)
    assert set(weights.flat) <= {0, 1}
    assert rows[weights == 1].tolist() == np.concatenate(parts).tolist()
    assert (rows[weights == 0] == 0).all()
