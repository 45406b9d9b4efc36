import pytest
from factories import SOFTMAX, benchmark, train, trial

from rnnbench.errors import UserError
from rnnbench.plugins.speed import contenders
from rnnbench.plugins.speed.command import CONTENDERS
from rnnbench.plugins.speed.contenders import choose_contenders, time_trial
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
    found = {contender.name: contender for contender in choose_contenders(None, plan())}

    jobs = {name: (how.executor.jobs, how.executor.threads) for name, how in found.items()}
    assert jobs == {"native": (4, 1), "native-1": (1, 1), "keras": (1, 4)}
    adapted = found["keras"].adapt(trial(tmp_path))
    assert (adapted.training.engine, adapted.threads) == ("keras", 4)


def test_a_contender_that_cannot_train_every_model_takes_no_part_and_says_why(caplog):
    found = choose_contenders(None, plan({"gru": {"units": 3, "dropout": 0.5}}))

    assert "native" not in {contender.name for contender in found}
    assert "native does not take part: it cannot train rnn" in caplog.text
    assert "torch does not take part: PyTorch is not installed" in caplog.text


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["kears"], rf"'kears' \(allowed: {', '.join(CONTENDERS)}; did you mean 'keras'"),
        (["torch"], r"--only torch: PyTorch is not installed \(pip install"),
        (["native"], "--only native: it needs llvmlite"),
    ],
)
def test_a_contender_that_is_not_available_is_named(monkeypatch, names, message):
    monkeypatch.setattr(type(ENGINES["native"]), "why_not", lambda _: "it needs llvmlite")

    with pytest.raises(UserError, match=message):
        choose_contenders(names, plan())


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

    assert [found.name for found in choose_contenders(None, plan())] == [*CONTENDERS]
    assert [found.name for found in choose_contenders(None, changed)] == ["keras"]
    with pytest.raises(UserError, match=r"^--only torch: it cannot train rnn"):
        choose_contenders(["keras", "torch"], changed)


def test_a_model_is_timed_with_its_own_training_but_no_documents_are_held_out():
    own = {"epochs": 3, "batch_size": 7, "validation_split": 0.5}
    models = {"rnn": RNN | {"training": own}, "other": RNN}

    timed = contenders.only_networks(plan(models=models, training={"epochs": 2, "ema": 0.9}))

    trainings = {name: timed.training_of(name) for name in models}
    assert {name: how.validation_split for name, how in trainings.items()} == {"rnn": 0, "other": 0}
    assert {how.ema for how in trainings.values()} == {0.9}
    assert (trainings["rnn"].epochs, trainings["rnn"].batch_size) == (3, 7)
    assert trainings["other"].epochs == 2
