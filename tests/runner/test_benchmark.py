import json

import pytest
from factories import SOFTMAX, benchmark

from rnnbench.errors import RnnbenchError
from rnnbench.results.store import Store
from rnnbench.runner import trials as runner
from rnnbench.runner.benchmark import plan_benchmark, run_plan
from rnnbench.runner.events import Finished, Planned
from rnnbench.runner.workers import Workforce

WORKFORCE = Workforce(jobs=1, threads=1)


@pytest.fixture
def plan(tiny_sgml_folder):
    """Two models with two seeds on made-up wires."""
    layers = [{"simple_rnn": {"units": units}} for units in (2, 5)]
    small, big = ({"layers": [layer, SOFTMAX]} for layer in layers)
    data = benchmark().data.model_copy(update={"source": "sgml", "path": tiny_sgml_folder})
    config = benchmark(models={"small": small, "big": big}, training={"seeds": [0, 7], "epochs": 1})
    return plan_benchmark(config.model_copy(update={"data": data}), lambda *_: None, WORKFORCE)


def test_every_model_is_planned_with_every_seed_those_that_take_longest_first(plan):
    assert [(trial.name, trial.seed) for trial in plan.trials] == [
        ("big", 0),
        ("big", 7),
        ("small", 0),
        ("small", 7),
    ]
    assert {trial.dataset_fingerprint for trial in plan.trials} == {plan.dataset.fingerprint}
    assert {trial.source for trial in plan.trials} == {"sgml"}


def test_what_is_stored_is_not_trained_again(plan, tmp_path):
    store, events = Store(tmp_path / "run"), []
    first = run_plan(plan, store, lambda _: None)

    again = run_plan(plan, store, events.append)

    assert again == first
    assert events == [Planned([], plan.trials)]


def test_fresh_trains_what_is_stored(plan, tmp_path):
    store, events = Store(tmp_path / "run"), []
    run_plan(plan, store, lambda _: None)

    run_plan(plan, store, events.append, fresh=True)

    assert sum(isinstance(event, Finished) for event in events) == len(plan.trials)


def _fail(*_):
    raise RnnbenchError("no training today")


def test_the_environment_is_stored_before_anything_is_trained(plan, tmp_path, monkeypatch):
    monkeypatch.setattr(runner, "run_trial", _fail)
    store = Store(tmp_path / "run")

    with pytest.raises(RnnbenchError, match="no training today"):
        run_plan(plan, store, lambda _: None)

    environment = json.loads((store.folder / "environment.json").read_text())
    assert (environment["jobs"], environment["threads_per_job"]) == (1, 1)
