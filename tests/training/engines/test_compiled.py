"""The compiled engine, step by step against stock Keras, and as a whole against ``model.fit``."""

from dataclasses import dataclass

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keras import layers

from rnnbench.errors import RnnbenchError
from rnnbench.training.engines import compiled, ignore, load_engine
from rnnbench.training.recipe import Recipe, Training

KINDS = {"simple_rnn": layers.SimpleRNN, "gru": layers.GRU, "lstm": layers.LSTM}
WIRES, STEPS, TOPICS, BATCH_SIZE = 23, 6, 5, 8
LEARNING_RATE = 0.01
"""Large, so that weights move far more than they are rounded."""


def wires():
    """Return made-up inputs and labels; two batches are whole and one is partial."""
    random = np.random.default_rng(0)
    x = random.normal(size=(WIRES, STEPS, 1))
    return x.astype(np.float32), random.integers(0, TOPICS, WIRES, dtype=np.int32)


def classifier(make_stack, seed=0):
    """Return a model as ``run_trial`` makes it: named as if it were the first, its seed set."""
    keras.utils.clear_session(free_memory=False)
    keras.utils.set_random_seed(seed)
    topics = layers.Dense(TOPICS, activation="softmax")
    return keras.Sequential([keras.Input((STEPS, 1)), *make_stack(), topics])


def recurrent(kind, is_stacked=False):
    """Return a classifier whose weights are random, biases too."""

    def stack():
        below = [KINDS[kind](6, return_sequences=True)] if is_stacked else []
        return [*below, KINDS[kind](4)]

    model = classifier(stack)
    random = np.random.default_rng(1)
    model.set_weights([each + 0.1 * random.normal(size=each.shape) for each in model.get_weights()])
    return model


def orders(epochs):
    """Return an order of the wires for each epoch."""
    return [np.random.default_rng(epoch).permutation(WIRES) for epoch in range(epochs)]


def stock(model, optimizer="adam", **options):
    """Return a copy of a model that Keras is to train."""
    copy = keras.models.clone_model(model)
    copy.set_weights(model.get_weights())
    config = {"class_name": optimizer, "config": {"learning_rate": LEARNING_RATE}}
    copy.compile(
        optimizer=keras.optimizers.get(config),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        **options,
    )
    return copy


def program_of(model, optimizer="adam"):
    """Return the compiled program, about to train a copy of the model."""
    recipe = Recipe(optimizer=optimizer, learning_rate=LEARNING_RATE)
    program = compiled.make_program(model, recipe, BATCH_SIZE)
    program.model.set_weights(model.get_weights())
    return program


def assert_same_weights(model, other, tolerance):
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance)


@dataclass
class Steps:
    """The same optimizer steps from the same weights, by the program and by stock Keras."""

    program: compiled.Program
    stock: keras.Model
    losses: list[float]
    stock_losses: list[float]
    initial: list[np.ndarray]


def steps_of(model, optimizer):
    """Train for two epochs, step by step."""
    x, y = wires()
    program, reference = program_of(model, optimizer), stock(model, optimizer, run_eagerly=True)
    losses, stock_losses = [], []
    for order in orders(2):
        for part in zip(*compiled.batches(order, BATCH_SIZE), strict=True):
            rows, row_weights = (each[None] for each in part)
            loss, _ = program.epoch(x, y, rows, row_weights)
            losses.append(float(loss) * WIRES / np.sum(row_weights))  # it is a mean over all wires
        for start in range(0, WIRES, BATCH_SIZE):
            batch = order[start : start + BATCH_SIZE]
            reference.reset_metrics()
            stock_losses.append(reference.train_on_batch(x[batch], y[batch])[0])
    return Steps(program, reference, losses, stock_losses, model.get_weights())


@pytest.fixture(
    scope="module",
    params=[
        *((kind, is_stacked, "adam") for kind in KINDS for is_stacked in (False, True)),
        *(("simple_rnn", False, optimizer) for optimizer in ["adamw", "nadam", "rmsprop", "sgd"]),
    ],
    ids=lambda param: f"{'stacked ' * param[1]}{param[0]}, {param[2]}",
)
def steps(request):
    kind, is_stacked, optimizer = request.param
    return steps_of(recurrent(kind, is_stacked), optimizer)


def test_each_step_has_the_loss_that_it_has_in_stock_keras(steps):
    assert len(steps.losses) == 6
    np.testing.assert_allclose(steps.losses, steps.stock_losses, rtol=1e-5)


def test_the_steps_lead_to_the_weights_of_stock_keras(steps):
    moves = [
        np.abs(now - then).max()
        for now, then in zip(steps.stock.get_weights(), steps.initial, strict=True)
    ]

    assert min(moves) > 100 * 1e-5, "what is compared below is more than the tolerance"
    assert_same_weights(steps.program.model, steps.stock, 1e-5)


def test_an_epoch_does_and_reports_what_model_fit_does_and_reports():
    (x, y), model, (order,) = wires(), recurrent("lstm"), orders(1)
    program, reference = program_of(model), stock(model)

    loss, accuracy = program.epoch(x, y, *compiled.batches(order, BATCH_SIZE))
    history = reference.fit(
        x[order], y[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0
    ).history

    assert float(loss) == pytest.approx(history["loss"][0], rel=1e-5)
    assert float(accuracy) == pytest.approx(history["accuracy"][0], abs=1e-6)
    assert_same_weights(program.model, reference, 1e-5)


def test_an_epoch_is_its_steps_one_after_the_other():
    (x, y), model, (order,) = wires(), recurrent("simple_rnn"), orders(1)
    whole, in_parts = program_of(model), program_of(model)
    rows, row_weights = compiled.batches(order, BATCH_SIZE)

    reported = whole.epoch(x, y, rows, row_weights)
    parts = [
        in_parts.epoch(x, y, rows[step : step + 1], row_weights[step : step + 1])
        for step in range(3)
    ]

    np.testing.assert_allclose(np.sum(parts, axis=0), reported, rtol=1e-6)
    assert_same_weights(whole.model, in_parts.model, 1e-6)


def test_a_loss_that_probabilities_are_too_coarse_for_is_that_of_model_fit():
    (x, y), model, (order,) = wires(), recurrent("simple_rnn"), orders(1)
    model.layers[-1].bias.assign([50.0, 0, 0, 0, 0])  # the others are impossible in float32
    program, reference = program_of(model, "sgd"), stock(model, "sgd")

    loss, _ = program.epoch(x, y, *compiled.batches(order, BATCH_SIZE))
    history = reference.fit(
        x[order], y[order], batch_size=BATCH_SIZE, shuffle=False, verbose=0
    ).history

    assert float(loss) == pytest.approx(history["loss"][0], rel=1e-5)
    assert history["loss"][0] > 20
    assert_same_weights(program.model, reference, 1e-5)


def fit(model, data=None, **recipe):
    """Train as ``run_trial`` does."""
    training = Training(**{"epochs": 2, "batch_size": BATCH_SIZE} | recipe)
    return compiled.fit(model, *(data or wires()), training, ignore)


@pytest.mark.parametrize(
    ("stack", "stock_layers"),
    [
        (
            lambda: [
                layers.SimpleRNN(4, return_sequences=True),
                layers.Dropout(0.2),
                layers.GRU(4),
            ],
            [],
        ),
        (
            lambda: [
                layers.SimpleRNN(4, return_sequences=True),
                layers.GRU(4, dropout=0.1, recurrent_dropout=0.1),
            ],
            ["gru: dropout, recurrent_dropout"],
        ),
        (
            lambda: [
                layers.Masking(),
                layers.SimpleRNN(4, return_sequences=True),
                layers.GRU(4, reset_after=False),
            ],
            ["gru: masking, reset_after", "simple_rnn: masking"],
        ),
        (lambda: [layers.Flatten()], []),
    ],
    ids=["dropout between layers", "dropout in a layer", "masking", "nothing recurrent"],
)
def test_a_model_trains_whatever_the_cores_cover(stack, stock_layers):
    x, y = wires()
    x[::2, -2:] = 0

    outcome = fit(classifier(stack), (x, y), epochs=40, learning_rate=0.03)

    losses = outcome.history.loss
    assert np.isfinite(losses).all()
    assert losses[-1] < 0.7 * losses[0]
    assert outcome.stock_layers == stock_layers


def test_batch_normalization_is_refused_for_it_mixes_the_rows_of_a_batch():
    model = classifier(lambda: [layers.SimpleRNN(3), layers.BatchNormalization()])

    with pytest.raises(RnnbenchError, match=r"^batch normalization needs training\.engine: keras$"):
        fit(model)


class Forgetful(layers.Layer):
    """A layer whose config does not tell what it multiplies with."""

    def __init__(self, factor=1.0, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        return inputs * self.factor

    def get_config(self):
        return {"name": self.name}


class Uncopied(Forgetful):
    """A layer that cannot be made without telling it what to multiply with."""

    def __init__(self, factor, **kwargs):
        super().__init__(factor, **kwargs)


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (lambda: Forgetful(3.0), "a copy of the model answers otherwise, so a layer's get_config"),
        (lambda: Uncopied(3.0, name="own"), r"layer own cannot be copied \("),
    ],
    ids=["another copy", "no copy"],
)
def test_a_layer_that_does_not_copy_as_it_is_is_refused(layer, message):
    with pytest.raises(RnnbenchError, match=rf"^{message}[\s\S]*use training\.engine: keras"):
        fit(classifier(lambda: [layer(), layers.SimpleRNN(3)]))


def orders_of(losses, model, x, y):
    """Return in which order two wires, a batch each, must have come to give these losses."""
    (program,) = compiled._programs.values()
    found = []
    for loss in losses:
        outcomes = {}
        for order in [(0, 1), (1, 0)]:
            program.model.set_weights(model.get_weights())
            here, _ = program.epoch(x, y, *compiled.batches(np.array(order), 1))
            outcomes[float(here)] = order, program.model.get_weights()
        order, after = outcomes[loss]
        found.append(order)
        model.set_weights(after)
    return found


def test_each_epoch_goes_through_the_wires_in_an_order_of_its_own_which_the_seed_decides():
    (x, y), orders_by_seed = wires(), []
    x, y = x[:2], np.array([0, 1], np.int32)
    for seed in (0, 1):
        model = recurrent("simple_rnn")
        keras.utils.set_random_seed(seed)
        outcome = fit(model, (x, y), epochs=10, batch_size=1, optimizer="sgd", learning_rate=0.1)
        orders_by_seed.append(orders_of(outcome.history.loss, recurrent("simple_rnn"), x, y))

    for found in orders_by_seed:
        assert set(found) == {(0, 1), (1, 0)}
    assert orders_by_seed[0] != orders_by_seed[1]


@pytest.mark.parametrize("rate", [0, 0.5])
def test_dropout_drops_others_in_each_step(rate):
    model = classifier(lambda: [layers.SimpleRNN(4), layers.Dropout(rate)])

    first, second = fit(model, optimizer="sgd", learning_rate=1e-12).history.loss

    assert (abs(first - second) > 1e-3) == (rate > 0), "nothing else changes the loss"


def with_dropout(seed):
    """Return a classifier in which chance plays every part that it can."""

    def stack():
        below = layers.SimpleRNN(3, return_sequences=True)
        return [below, layers.Dropout(0.5), layers.SimpleRNN(3, dropout=0.5)]

    return classifier(stack, seed)


@pytest.fixture(scope="module")
def trained():
    """Return, by name, classifiers trained one after the other, and what their program was."""
    compiled._programs.clear()
    models, outcomes, programs = {}, {}, []
    for name, seed in [("first", 0), ("second", 1), ("first again", 0), ("second again", 1)]:
        models[name] = with_dropout(seed)
        outcomes[name] = fit(models[name])
        programs += compiled._programs.values()
    compiled._programs.clear()
    models["second alone"] = with_dropout(1)
    outcomes["second alone"] = fit(models["second alone"])
    return models, outcomes, programs


def assert_identical(trained, name, other):
    models, outcomes, _ = trained
    for ours, theirs in zip(models[name].variables, models[other].variables, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert outcomes[name].history == outcomes[other].history


def test_a_seed_gives_the_same_weights_and_history_bit_for_bit(trained):
    assert_identical(trained, "second", "second again")


def test_the_seed_whose_training_compiled_is_no_exception(trained):
    assert_identical(trained, "first", "first again")


def test_it_makes_no_difference_whether_another_seed_was_trained_before(trained):
    assert_identical(trained, "second", "second alone")


def test_another_seed_gives_other_weights(trained):
    models, _, _ = trained

    for first, second in zip(
        models["first"].get_weights(), models["second"].get_weights(), strict=True
    ):
        assert not np.array_equal(first, second)


def test_the_seeds_of_a_model_share_a_program_that_is_compiled_once(trained):
    _, _, programs = trained

    assert len(programs) == 4
    assert all(program is programs[0] for program in programs)
    assert programs[0].epoch.experimental_get_tracing_count() == 1


def gru():
    """Return a classifier whose program is compared with that of others."""
    return classifier(lambda: [layers.GRU(4)])


@pytest.mark.parametrize(
    ("other", "recipe", "batch_size"),
    [
        (gru, {"optimizer": "nadam"}, BATCH_SIZE),
        (gru, {"learning_rate": 0.5}, BATCH_SIZE),
        (gru, {}, BATCH_SIZE + 1),
        (lambda: classifier(lambda: [layers.GRU(5)]), {}, BATCH_SIZE),
        (lambda: classifier(lambda: [layers.LSTM(4)]), {}, BATCH_SIZE),
        (lambda: classifier(lambda: [layers.GRU(4, go_backwards=True)]), {}, BATCH_SIZE),
    ],
    ids=["optimizer", "learning rate", "batch size", "units", "kind", "parameter"],
)
def test_what_is_trained_otherwise_has_a_program_of_its_own(other, recipe, batch_size):
    program = compiled._program(gru(), Recipe(), BATCH_SIZE)

    assert compiled._program(gru(), Recipe(epochs=3), BATCH_SIZE) is program
    assert compiled._program(other(), Recipe(**recipe), batch_size) is not program


def test_what_an_optimizer_remembers_of_one_training_is_forgotten_before_the_next():
    models = []
    for epochs in (1, 3, 1):
        models.append(recurrent("simple_rnn"))
        fit(models[-1], optimizer="nadam", epochs=epochs)  # it remembers more than the others

    assert_same_weights(models[0], models[2], 0)


def test_a_trained_model_is_an_ordinary_model_of_keras(trained, tmp_path, capsys):
    models, _, _ = trained
    (x, _), model = wires(), models["first"]

    model.summary()
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")

    assert "simple_rnn (SimpleRNN)" in capsys.readouterr().out
    assert type(again.layers[0]) is layers.SimpleRNN
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x), atol=1e-6)


def test_the_outcome_tells_of_each_epoch_what_the_callback_is_told():
    told = []

    outcome = compiled.fit(
        recurrent("simple_rnn"),
        *wires(),
        Training(epochs=3, batch_size=100),
        lambda *report: told.append(report),
    )

    numbers, losses, accuracies = map(list, zip(*told, strict=True))
    assert numbers == [1, 2, 3]
    assert (outcome.history.loss, outcome.history.accuracy) == (losses, accuracies)
    assert len(outcome.epoch_seconds) == 3
    assert min(outcome.epoch_seconds) > 0


def test_a_single_topic_one_unit_and_one_epoch_will_do_and_what_fills_a_batch_is_not_counted():
    x, y = wires()
    keras.utils.clear_session(free_memory=False)
    one_unit = [layers.SimpleRNN(1), layers.Dense(1, activation="softmax")]
    model = keras.Sequential([keras.Input((STEPS, 1)), *one_unit])

    outcome = fit(model, (x[:3], np.zeros_like(y[:3])), epochs=1, batch_size=2)

    assert (outcome.history.loss, outcome.history.accuracy) == ([0.0], [1.0])


@given(size=st.integers(1, 40), order=st.integers(1, 40).map(range).flatmap(st.permutations))
def test_batches_hold_every_row_once_in_order_and_are_all_of_one_size(size, order):
    rows, row_weights = map(np.array, compiled.batches(np.array(order), size))

    assert rows.shape == row_weights.shape == (-(-len(order) // size), size)
    assert (rows.dtype, row_weights.dtype) == (np.int32, np.float32)
    assert set(row_weights.flat) <= {0, 1}
    assert rows[row_weights == 1].tolist() == list(order)
    assert (rows[row_weights == 0] == 0).all()
    assert (row_weights[:, 0] == 1).all(), "no batch is empty"


SEEDS = range(5)


def learnable():
    """Return sequences whose topic is which of three steps is the largest; a tenth is wrong."""
    random = np.random.default_rng(0)
    x = random.normal(size=(96, STEPS, 1)).astype(np.float32)
    y = x[:, -3:, 0].argmax(axis=1).astype(np.int32)
    return x, np.where(random.random(96) < 0.1, (y + 1) % 3, y).astype(np.int32)


@pytest.fixture(scope="module")
def histories():
    """Return, by engine, losses and accuracies: ``(seeds, 2, epochs)``."""
    training = Training(epochs=12, batch_size=16, learning_rate=0.02)
    return {
        engine: np.array(
            [
                [history.loss, history.accuracy]
                for seed in SEEDS
                for model in [classifier(lambda: [layers.GRU(6)], seed)]
                for history in [load_engine(engine)(model, *learnable(), training, ignore).history]
            ]
        )
        for engine in ["compiled", "keras"]
    }


def test_a_seed_gives_both_engines_the_same_training_up_to_rounding(histories):
    (losses, accuracies), (stock_losses, stock_accuracies) = (
        histories[engine].swapaxes(0, 1) for engine in ["compiled", "keras"]
    )

    np.testing.assert_allclose(losses, stock_losses, rtol=1e-3)
    assert np.abs(accuracies - stock_accuracies).max() < 2 / 96, "one wire at most"


def test_what_the_engines_are_compared_on_can_be_learned(histories):
    for results in histories.values():
        assert (results[:, 1, -1] > 0.6).all(), "one topic in three would be guessed"
