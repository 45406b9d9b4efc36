"""Runs of MLflow in a store of the user's choice: interrupted, failed, and gone on with."""

import pytest
from factories import benchmark, result, trial
from plugin_files import MAKE, write_module

from rnnbench.tracking.to_mlflow import DEFAULTS, MlflowTracker

LONG = "x" * 20_000

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader")  # which MLflow uses


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The address of a store, which takes seconds to make."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mine.db"


@pytest.fixture(autouse=True)
def _environment(monkeypatch, store):
    for name in DEFAULTS:
        monkeypatch.setenv(name, DEFAULTS[name])
    monkeypatch.setenv("MLFLOW_TRACKING_URI", store)
    monkeypatch.delenv("MLFLOW_EXPERIMENT_NAME", raising=False)


@pytest.fixture
def trials(tmp_path, working_folder):
    write_module(working_folder, "nets", MAKE)
    model = {"python": "nets:make", "arguments": {"größe": LONG, "odd!name": [1, 2]}}
    changes = {"training": {"epochs": 3}, "models": {"rnn": model}}
    return [trial(tmp_path, seed=seed, **changes) for seed in range(3)]


def started(folder, trials):
    tracker = MlflowTracker()
    tracker.start(folder, benchmark(training={"seeds": 3}), trials)
    for one in trials:
        tracker.trial_started(one)
        tracker.epoch_ended(one, 1, 1.0, 0.25)
    return tracker


def runs(store, experiment="small"):
    """Return the run of the benchmark, and the others by name, the latest last."""
    from mlflow import MlflowClient

    client = MlflowClient(store)
    found = client.get_experiment_by_name(experiment)
    every = client.search_runs([found.experiment_id], order_by=["attributes.start_time ASC"])
    (parent,) = [run for run in every if "mlflow.parentRunId" not in run.data.tags]
    nested = {}
    for run in every:
        if run is not parent:
            assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
            nested.setdefault(run.info.run_name, []).append(run)
    return parent, nested


def statuses(runs_by_name):
    return {name: [run.info.status for run in each] for name, each in runs_by_name.items()}


def test_a_run_that_was_interrupted_goes_on_in_the_same_run_of_mlflow(tmp_path, trials, store):
    tracker = started(tmp_path, trials)
    tracker.trial_finished(trials[0], result(), {"accuracy": 0.75})
    tracker.trial_failed(trials[1], "no training today")
    tracker.close()

    assert not (tmp_path / "mlflow.db").exists()
    parent, nested = runs(store)
    assert parent.info.status == "FAILED"
    assert statuses(nested) == {
        "rnn seed 0": ["FINISHED"],
        "rnn seed 1": ["FAILED"],
        "rnn seed 2": ["KILLED"],
    }
    (failed,) = nested["rnn seed 1"]
    assert failed.data.tags["rnnbench.error"] == "no training today"
    assert failed.data.metrics == {"loss": 1.0, "accuracy": 0.25}
    assert failed.data.params["arguments.größe"] == LONG[:5997] + "..."
    assert failed.data.params["arguments.odd_name"] == "[1, 2]"

    started(tmp_path, trials[1:2]).close()
    assert runs(store)[0].info.status == "KILLED"
    again = started(tmp_path, trials[1:])
    again.trial_started(trials[2])  # its worker has died
    for one in trials[1:]:
        again.trial_finished(one, result(), {"accuracy": 0.75})
    again.close()

    parent, nested = runs(store)
    assert parent.info.status == "FINISHED"
    assert statuses(nested) == {
        "rnn seed 0": ["FINISHED"],
        "rnn seed 1": ["FAILED", "KILLED", "FINISHED"],
        "rnn seed 2": ["KILLED", "KILLED", "FINISHED"],
    }


def test_a_finished_run_that_is_trained_again_is_another_run_of_mlflow(
    tmp_path, store, monkeypatch
):
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "again")
    started(tmp_path, []).close()
    first, _ = runs(store, "again")
    started(tmp_path, []).close()

    with pytest.raises(ValueError, match="too many values"):
        runs(store, "again")
    assert first.info.status == "FINISHED"
