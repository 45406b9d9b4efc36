import pytest
from factories import (
    SOFTMAX,
    benchmark,
    contender_times,
    speed_results,
    table_time,
    train,
    trial,
    trial_time,
)

from rnnbench.errors import UserError
from rnnbench.plugins.speed import contenders
from rnnbench.plugins.speed.command import CONTENDERS
from rnnbench.plugins.speed.contenders import choose_contenders, time_trial
from rnnbench.plugins.speed.records import ProductTime
from rnnbench.plugins.speed.tables import speed_table, speed_tables
from rnnbench.training.engines import ENGINES, ignore
from rnnbench.training.trial import run_trial

RNN = {"layers": [{"simple_rnn": {"units": 3}}, SOFTMAX]}


@pytest.fixture(autouse=True)
def _without_torch(monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda _: None)
    monkeypatch.setattr(contenders, "usable_cores", lambda: 4)
    monkeypatch.setattr(type(ENGINES["native"]), "why_not", lambda _: "")


def plan(*layers, **changes):
    """Return a benchmark of two epochs, of a model of these layers if there are any."""
    models = {"models": {"rnn": {"layers": [*layers, SOFTMAX]}}} if layers else {}
    return benchmark(**{"training": {"epochs": 2}} | models | changes)


def test_each_engine_is_timed_in_its_own_way(tmp_path):
    contenders = {
        contender.name: contender for contender in choose_contenders(None, plan())
    }

    jobs = {
        name: (how.executor.jobs, how.executor.threads)
        for name, how in contenders.items()
    }
    assert jobs == {"native": (4, 1), "native-1": (1, 1), "keras": (1, 4)}
    adapted = contenders["keras"].adapt(trial(tmp_path))
    assert (adapted.training.engine, adapted.threads) == ("keras", 4)


def test_a_contender_that_cannot_train_any_model_takes_no_part(caplog):
    contenders = choose_contenders(None, plan({"gru": {"units": 3, "dropout": 0.5}}))

    assert "native" not in {contender.name for contender in contenders}
    assert "native does not take part: it cannot train rnn" in caplog.text
    assert "torch does not take part: PyTorch is not installed" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["kears"],
            rf"'kears' \(allowed: {', '.join(CONTENDERS)}; did you mean 'keras'",
        ),
        (["torch"], r"--only torch: PyTorch is not installed \(pip install"),
        (["native"], "--only native: it needs llvmlite"),
    ],
)
def test_a_contender_that_is_not_available_is_named(monkeypatch, names, message):
    monkeypatch.setattr(
        type(ENGINES["native"]), "why_not", lambda _: "it needs llvmlite"
    )

    with pytest.raises(UserError, match=message):
        choose_contenders(names, plan())


def test_a_contender_that_cannot_train_one_of_the_models_takes_part(caplog):
    dropping = {"layers": [{"gru": {"units": 3, "dropout": 0.5}}, SOFTMAX]}

    contenders = choose_contenders(
        ["native", "keras"], plan(models={"rnn": RNN, "other": dropping})
    )

    assert [contender.name for contender in contenders] == ["native", "keras"]
    assert "native cannot train other" in caplog.text


def test_an_engine_runs_the_trial_exactly_as_the_command_run_does(tmp_path):
    planned = trial(tmp_path, training={"epochs": 3, "batch_size": 4})

    cost = time_trial(run_trial, planned, tmp_path / "made-up.npz", ignore)

    assert cost.score == train(tmp_path, planned).score
    assert (cost.model, cost.seed, cost.steps) == ("rnn", 0, 9)
    assert cost.ms_per_step * cost.steps / 1000 < cost.seconds
    assert 10 < cost.peak_memory_mb < 100_000


@pytest.mark.parametrize(
    "changed",
    [
        plan({"gru": {"units": 3, "dropout": 0.5}}),
        plan({"lstm": {"units": 3, "activation": "relu"}}),
        plan(training={"optimizer": "sgd", "epochs": 2}),
    ],
)
def test_pytorch_is_timed_with_the_networks_of_native(changed, monkeypatch):
    monkeypatch.setattr(contenders, "find_spec", lambda _: "installed")

    assert [contender.name for contender in choose_contenders(None, plan())] == [
        *CONTENDERS
    ]
    assert [contender.name for contender in choose_contenders(None, changed)] == [
        "keras"
    ]
    for others in (changed, plan({"bag_of_words": {"values": "tfidf"}})):
        with pytest.raises(UserError, match=r"^--only torch: it cannot train rnn"):
            choose_contenders(["keras", "torch"], others)


def test_a_model_is_timed_with_its_own_training_but_no_documents_are_held_out():
    changes = {"epochs": 3, "batch_size": 7, "validation_split": 0.5}
    models = {"rnn": RNN | {"training": changes}, "other": RNN}

    timed = contenders.only_networks(
        plan(models=models, training={"epochs": 2, "ema": 0.9})
    )

    trainings = {name: timed.training_of(name) for name in models}
    assert {name: how.validation_split for name, how in trainings.items()} == {
        "rnn": 0,
        "other": 0,
    }
    assert {how.ema for how in trainings.values()} == {0.9}
    assert (trainings["rnn"].epochs, trainings["rnn"].batch_size) == (3, 7)
    assert trainings["other"].epochs == 2


# The tables


def test_each_row_is_compared_with_the_other_contenders():
    table = speed_table(speed_results())

    model = dict(zip(table.headers, table.rows[0], strict=True))
    assert model == {
        "ms per step": "rnn",
        "native": "2.00",
        "keras": "10.00",
        "products alone": "1.25",
        "native / products": "1.60",
        "keras / native": "5.00",
    }
    assert list(table.rows[-1]) == [
        "all trainings, s",
        "10.0",
        "75.0",
        "-",
        "-",
        "7.50",
    ]
    assert table.is_last_apart
    assert table.caption == (
        "1 model, 1 seed, 200 epochs of 1,395 documents, 49 steps long, in batches of "
        "50, or as a model's own training says; medians over 1 round, in which the "
        "contenders took turns. Products alone: the time of a step's matrix products "
        "in NumPy's BLAS on one core. none, 2 cores."
    )


def test_several_rounds_give_the_ratio_with_its_range():
    fast, slow = (
        contender_times(
            name=name, rounds=[table_time(seconds=time) for time in seconds]
        )
        for name, seconds in (("native", (10.0, 20.0)), ("keras", (75.0, 140.0)))
    )

    rows = speed_table(speed_results(contenders=[fast, slow])).rows

    assert rows[-1][-1] == "7.25 (7.00-7.50)"


def test_what_is_not_timed_is_not_compared_with():
    results = speed_results(product_times=[ProductTime(model="rnn", ms_per_step=None)])
    alone = results.model_copy(update={"contenders": results.contenders[1:]})

    assert list(speed_table(results).rows[0]) == [
        "rnn",
        "2.00",
        "10.00",
        "-",
        "-",
        "5.00",
    ]
    assert speed_table(alone).headers == ["ms per step", "keras", "products alone"]


def test_each_contender_has_its_costs_besides_steps():
    trials = [
        trial_time(peak_memory_mb=700, score=0.25),
        trial_time(peak_memory_mb=900, score=0.75, process=2, ms_per_step=9.0),
    ]
    contenders = [
        contender_times(rounds=[table_time(trials)]),
        contender_times(name="keras"),
    ]
    _, table, products = speed_tables(speed_results(contenders=contenders))

    assert products.rows == [["(5 x 6)(6 x 7)", "9", "8.0", "0"]]
    assert contenders[0].ms_per_step("rnn") == 5.5
    assert table.rows[0] == ["native", "2", "1", "3.8", "900", "0.5000"]
    assert table.caption.startswith("Native: fast; keras: fast.")


def test_a_model_that_a_contender_cannot_train_leaves_its_cells_empty():
    native = contender_times(cannot_train=["other"])
    trials = [trial_time(ms_per_step=10.0), trial_time(model="other", ms_per_step=4.0)]
    keras = contender_times(name="keras", rounds=[table_time(trials, seconds=75.0)])
    times = [ProductTime(model=name, ms_per_step=1.25) for name in ("rnn", "other")]

    table = speed_table(speed_results(contenders=[native, keras], product_times=times))

    assert list(table.rows[0]) == ["rnn", "2.00", "10.00", "1.25", "1.60", "5.00"]
    assert list(table.rows[1]) == ["other", "-", "4.00", "1.25", "-", "-"]
    assert list(table.rows[2]) == ["all trainings, s", "-", "75.0", "-", "-", "-"]
    assert "native cannot train other, so it has no time for" in table.caption


def test_overhead_is_the_time_of_the_busiest_process_outside_steps():
    trials = [
        trial_time(process=1, started=3.0, seconds=4.0, steps=1000, ms_per_step=2.0),
        trial_time(process=2, started=3.0, seconds=5.0, steps=1000, ms_per_step=4.0),
        trial_time(process=2, started=8.0, seconds=6.0, steps=1000, ms_per_step=1.0),
    ]

    assert table_time(trials).overhead_seconds == pytest.approx(14 - 4 - 1)
