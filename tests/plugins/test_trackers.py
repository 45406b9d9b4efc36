"""What the trackers record, read back with the tools that read such files.

First a whole run that all of them record, then trials that fail, are interrupted, or
start anew.
"""

import os
import struct
import subprocess
import sys
from types import ModuleType

import pytest
from factories import benchmark, result, trial
from plugin_files import MAKE, write_module

from rnnbench.analysis.summary import load_run
from rnnbench.metrics import COSTS
from rnnbench.plugins.trackers import (
    MlflowTracker,
    TensorBoardTracker,
    WandbTracker,
)
from rnnbench.plugins.trackers.in_mlflow import DEFAULTS as MLFLOW_DEFAULTS
from rnnbench.runner import tracking

CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 3, batch_size: 4, seeds: [3, 8], validation_split: 0.25}
models:
  rnn: {layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]}
  bayes: {baseline: multinomial_naive_bayes}
tracking: wandb
"""
TRIALS = ["bayes seed 3", "rnn seed 3", "rnn seed 8"]
LONG = "x" * 20_000
VARIABLES = ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_DIR")


@pytest.fixture(scope="module")
def done(tmp_path_factory, run_apart):
    """The folder of the run, and what the command printed."""
    folder = tmp_path_factory.mktemp("tracked")
    trackers = ["--track", "tensorboard", "--track", "mlflow,wandb"]
    with pytest.MonkeyPatch.context() as patch:
        for name in VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("WANDB_CACHE_DIR", str(folder / "cache"))
        patch.setattr(tracking, "FINISH_SECONDS", 600.0)  # on a machine that is busy
        return folder / "results/tiny", run_apart(folder, CONFIG, *trackers)


@pytest.fixture(scope="module")
def folder(done):
    return done[0] / "tracking"


@pytest.fixture(scope="module")
def trials(done):
    """The stored trials by name, each with its metrics."""
    run = load_run(done[0])
    return {
        f"{model.name} seed {summary.seed}": (stored.record, summary.metrics)
        for model in run.results.models
        for stored, summary in zip(run.trials[model.name], model.trials, strict=True)
    }


def history_of(record):
    """Return the values of each curve."""
    return {
        name.replace("score", "accuracy"): values
        for name, values in record.history
        if values
    }


def test_the_results_are_as_without_trackers(done, folder):
    run, command = done

    next_step = "Stored in results/tiny/; next: rnnbench report results/tiny"
    assert command.stderr.splitlines()[-1] == next_step
    told = [line for line in command.stderr.splitlines() if "tracker" in line]
    assert not [line for line in told if not line.startswith("waiting for tracker ")]
    for chatter in ("wandb", "INFO", "mlflow"):
        assert chatter not in command.stdout
    names = {"mlflow.db", "tensorboard", "wandb"}
    assert {file.name for file in folder.iterdir()} == names, "and nothing was printed"
    listed = "tracking:\n- tensorboard\n- mlflow\n- wandb\n"
    assert (run / "config.yaml").read_text().endswith(listed)


def test_trials_that_are_stored_are_not_tracked_again(cli, done, folder, monkeypatch):
    monkeypatch.chdir(done[0].parents[1])
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}

    again = cli("run", "results/tiny/config.yaml", "--jobs", "1")

    assert "3 of 3 trials are stored" in again.stderr
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


@pytest.fixture(scope="module")
def read_events():
    """Reads an event file by TensorBoard without TensorFlow, whose import takes
    seconds.
    """
    with pytest.MonkeyPatch.context() as patch:
        name = "tensorboard.compat.notf"
        patch.setitem(sys.modules, name, ModuleType(name))
        from tensorboard.backend.event_processing.event_accumulator import (
            EventAccumulator,
        )

        yield lambda folder: EventAccumulator(str(folder)).Reload()


@pytest.fixture(scope="module")
def events(folder, read_events):
    """The events of each trial of the run."""
    logged = {}
    for place in (folder / "tensorboard").iterdir():
        model, seed, _ = place.name.split("-")
        logged[f"{model} {seed.replace('seed', 'seed ')}"] = read_events(place)
    return dict(sorted(logged.items()))


def hparams_of(events, tag):
    """Return the plug-in data of the tab HPARAMS under a tag."""
    from tensorboard.plugins.hparams import plugin_data_pb2

    content = events.SummaryMetadata(tag).plugin_data.content
    return plugin_data_pb2.HParamsPluginData.FromString(content)


def status_of(events):
    """Return how a trial ended."""
    from tensorboard.plugins.hparams import api_pb2, metadata

    end = hparams_of(events, metadata.SESSION_END_INFO_TAG)
    return api_pb2.Status.Name(end.session_end_info.status)


def test_tensorboard_has_the_numbers_of_each_trial(events, trials):
    assert list(events) == TRIALS
    for name, (record, metrics) in trials.items():
        accumulator = events[name]
        curves = history_of(record)
        final = {f"test/{entry}": metrics[entry] for entry in metrics}
        names = (*COSTS, "params", "best_epoch")
        costs = {fact for fact in names if getattr(record, fact) is not None}
        assert set(accumulator.Tags()["scalars"]) == {*curves, *final, *costs}
        for tag, values in curves.items():
            scalars = accumulator.Scalars(tag)
            assert [scalar.step for scalar in scalars] == [1, 2, 3]
            assert [scalar.value for scalar in scalars] == pytest.approx(values)
        for tag, value in final.items():
            (scalar,) = accumulator.Scalars(tag)
            assert (scalar.step, scalar.value) == (record.epochs, pytest.approx(value))


def test_tensorboard_has_the_hyperparameters_of_each_trial(events):
    from tensorboard.plugins.hparams import metadata

    hyperparameters = {}
    for name, accumulator in events.items():
        assert status_of(accumulator) == "STATUS_SUCCESS"
        start = hparams_of(
            accumulator, metadata.SESSION_START_INFO_TAG
        ).session_start_info
        hyperparameters[name] = {
            key: getattr(value, value.WhichOneof("kind"))
            for key, value in start.hparams.items()
        }
    assert (
        hyperparameters["rnn seed 8"].items()
        >= {
            "model": "rnn",
            "seed": 8,
            "layers.0.simple_rnn.units": 3,
            "layers.0.simple_rnn.return_sequences": False,
            "training.batch_size": 4,
            "training.optimizer": "adam",
        }.items()
    )
    assert not [
        key for key in hyperparameters["bayes seed 3"] if key.startswith("training.")
    ]


@pytest.mark.filterwarnings("ignore:The ``noload`` loader")  # which MLflow uses
def test_mlflow_has_a_run_for_each_trial_below_that_of_the_benchmark(folder, trials):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")
    experiment = client.get_experiment_by_name("tiny")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    assert (parent.info.run_name, parent.info.status) == ("tiny", "FINISHED")
    assert parent.data.params["data.test_split"] == "0.5"
    nested = {run.info.run_name: run for run in runs if run is not parent}
    assert sorted(nested) == TRIALS
    for name, run in nested.items():
        record, metrics = trials[name]
        tags = run.data.tags
        marks = (tags["mlflow.parentRunId"], tags["rnnbench.fingerprint"])
        assert run.info.status == "FINISHED"
        assert marks == (parent.info.run_id, record.fingerprint)
        assert (run.data.params["model"], run.data.params["seed"]) == tuple(
            name.split(" seed ")
        )
        for key, values in history_of(record).items():
            points = client.get_metric_history(run.info.run_id, key)
            assert [(point.step, point.value) for point in points] == list(
                enumerate(values, 1)
            )
        final = {
            key.removeprefix("test/"): run.data.metrics[key] for key in run.data.metrics
        }
        assert final.items() >= metrics.items()


def values_of(items):
    """Return the values of a history, a summary or a config as JSON, by key."""
    return {item.key or "/".join(item.nested_key): item.value_json for item in items}


def read_wandb(folder):
    """Yield the run and the records of each ``.wandb`` file, a log in the format of
    LevelDB.
    """
    import wandb
    from wandb.proto.wandb_internal_pb2 import Record

    wandb.teardown()  # all is written
    for file in folder.glob("wandb/offline-run-*/*.wandb"):
        data = file.read_bytes()
        place = 7
        record = b""
        records = []
        while place + 7 <= len(data):
            left = (
                2**15 - place % 2**15
            )  # in the block; a header does not cross its end
            if left < 7:
                place += left
                continue
            length, kind = struct.unpack_from("<HB", data, place + 4)
            record += data[place + 7 : place + 7 + length]
            place += 7 + length
            if kind in (1, 4):  # whole, or the last part
                records.append(Record.FromString(record))
                record = b""
        (run,) = [record.run for record in records if record.HasField("run")]
        yield run, records


def exit_code_of(records):
    (code,) = [record.exit.exit_code for record in records if record.HasField("exit")]
    return code


def test_wandb_has_a_run_for_each_trial_in_a_group(folder, trials):
    by_name = {}
    for run, records in read_wandb(folder):
        described = (run.project, run.run_group, exit_code_of(records))
        assert described == ("rnnbench", "tiny", 0)
        by_name[run.display_name] = records, values_of(run.config.update)
    assert sorted(by_name) == TRIALS
    for name, (records, config) in by_name.items():
        record, metrics = trials[name]
        assert config["rnnbench.fingerprint"] == f'"{record.fingerprint}"'
        rows = [
            values_of(row.history.item) for row in records if row.HasField("history")
        ]
        for key, values in history_of(record).items():
            points = [
                (int(row["epoch"]), float(row[key])) for row in rows if key in row
            ]
            assert points == list(enumerate(values, 1))
        summary = {}
        for row in records:
            summary |= values_of(row.summary.update)
        assert {key: float(summary[f"test/{key}"]) for key in metrics} == metrics


@pytest.fixture
def three(tmp_path, working_folder):
    """Trials of a model whose settings are hard to keep."""
    write_module(working_folder, "nets", MAKE)
    model = {"python": "nets:make", "arguments": {"größe": LONG, "odd!name": [1, 2]}}
    changes = {"training": {"epochs": 2}, "models": {"rnn": model}}
    return [trial(tmp_path, seed=seed, **changes) for seed in range(3)]


def started(kind, folder, trials):
    """Return a tracker that was told of an epoch of each trial."""
    tracker = kind()
    tracker.start(folder, benchmark(training={"seeds": 3}), trials)
    for planned in trials:
        tracker.trial_started(planned)
        tracker.epoch_ended(planned, 1, 1.0, 0.25)
    return tracker


def end(tracker, trials):
    """Let a trial finish, one fail, and one be interrupted."""
    tracker.trial_finished(trials[0], result(), {"accuracy": 0.75})
    tracker.trial_failed(trials[1], "no training today")
    tracker.close()


def test_tensorboard_has_each_epoch_at_once(tmp_path, three, read_events):
    def read(seed):
        (folder,) = (tmp_path / "tensorboard").glob(f"rnn-seed{seed}-*")
        return read_events(folder)

    tracker = started(TensorBoardTracker, tmp_path, three)
    assert [(scalar.step, scalar.value) for scalar in read(0).Scalars("loss")] == [
        (1, 1.0)
    ]
    tracker.trial_started(three[0])  # its worker has died
    tracker.epoch_ended(three[0], 1, 0.5, 0.25)
    end(tracker, three)

    assert [scalar.value for scalar in read(0).Scalars("loss")] == [0.5]
    statuses = [status_of(read(seed)) for seed in range(3)]
    assert statuses == ["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_UNKNOWN"]
    started(TensorBoardTracker, tmp_path, three[2:])
    assert read(2).Scalars("loss")[0].value == 1.0, "that of the new run alone"


def test_event_files_are_written_without_tensorflow(tmp_path):
    code = (
        "import sys; from pathlib import Path; from factories import benchmark, trial; "
        "from rnnbench.tracking import TRACKERS; tracker = TRACKERS['tensorboard'](); "
        "one = trial(Path(sys.argv[1])); tracker.start(Path(sys.argv[1]), benchmark(), [one]); "
        "tracker.trial_started(one); tracker.trial_failed(one, 'no training today'); "
        "assert 'tensorflow' not in sys.modules"
    )
    path = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run(
        [sys.executable, "-c", code, tmp_path], check=True, env=os.environ | path
    )


def test_wandb_goes_where_the_user_wants_it(tmp_path, three, monkeypatch):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_DIR", str(elsewhere))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))

    end(started(WandbTracker, tmp_path / "tracking", three), three)

    ended = {}
    for run, records in read_wandb(elsewhere):
        assert (run.project, run.run_group) == ("mine", "small")
        errors = [values_of(row.summary.update).get("error") for row in records]
        ended[run.display_name] = (
            exit_code_of(records),
            [error for error in errors if error],
        )
    failed = (1, ['"no training today"'])
    assert ended == {"rnn seed 0": (0, []), "rnn seed 1": failed, "rnn seed 2": (1, [])}
    assert not (tmp_path / "tracking").exists()


@pytest.fixture
def runs(folder, monkeypatch):
    """Returns the run of the benchmark, and the others by name, the latest last.

    They are in a store of the user's, which takes seconds to make: that of the run.
    """
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder}/mlflow.db")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "mine")
    client = MlflowClient(f"sqlite:///{folder}/mlflow.db")

    def runs():
        experiment = client.get_experiment_by_name("mine").experiment_id
        every = client.search_runs([experiment], order_by=["attributes.start_time ASC"])
        (parent,) = [run for run in every if "mlflow.parentRunId" not in run.data.tags]
        nested = {}
        for run in every:
            if run is not parent:
                assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
                nested.setdefault(run.info.run_name, []).append(run)
        return parent, nested

    return runs


def statuses(runs_by_name):
    return {
        name: [run.info.status for run in runs] for name, runs in runs_by_name.items()
    }


@pytest.mark.filterwarnings("ignore:The ``noload`` loader")  # which MLflow uses
def test_mlflow_goes_on_with_a_run_that_was_interrupted(tmp_path, three, runs):
    tracker = started(MlflowTracker, tmp_path, three)
    assert not MLFLOW_DEFAULTS.keys() & os.environ.keys(), "it may fail at any call"
    end(tracker, three)

    assert not (tmp_path / "mlflow.db").exists()
    parent, nested = runs()
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

    started(MlflowTracker, tmp_path, three[1:2]).close()
    assert runs()[0].info.status == "KILLED"
    again = started(MlflowTracker, tmp_path, three[1:])
    again.trial_started(three[2])  # its worker has died
    for one in three[1:]:
        again.trial_finished(one, result(), {"accuracy": 0.75})
    again.close()

    parent, nested = runs()
    assert parent.info.status == "FINISHED"
    assert statuses(nested) == {
        "rnn seed 0": ["FINISHED"],
        "rnn seed 1": ["FAILED", "KILLED", "FINISHED"],
        "rnn seed 2": ["KILLED", "KILLED", "FINISHED"],
    }
    started(MlflowTracker, tmp_path, []).close()
    with pytest.raises(
        ValueError, match="too many values"
    ):  # what is finished stays as it is
        runs()
