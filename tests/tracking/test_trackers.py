"""A run that all trackers record, read back with the tools that read such files."""

import csv
import sys
from types import ModuleType

import pytest
from wandb_files import read_wandb, values_of

from rnnbench.analysis.load import load_run

CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {epochs: 3, batch_size: 4, seeds: [3, 8], validation_split: 0.25}
models:
  rnn: {layers: [simple_rnn: {units: 3}, dense: {units: topics, activation: softmax}]}
  bayes: {baseline: multinomial_naive_bayes}
tracking: csv
"""
TRIALS = ["bayes seed 3", "rnn seed 3", "rnn seed 8"]
CURVES = ["loss", "accuracy", "val_loss", "val_accuracy"]


@pytest.fixture(scope="module")
def done(tmp_path_factory, run_apart):
    """The folder of the run, and what the command printed."""
    folder = tmp_path_factory.mktemp("tracked")
    trackers = ["--track", "tensorboard,csv", "--track", "mlflow,wandb"]
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "WANDB_MODE", "WANDB_DIR"):
            patch.delenv(name, raising=False)
        patch.setenv("WANDB_CACHE_DIR", str(folder / "cache"))
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
    return {name: values for name, values in record.history if values}


def test_the_results_are_printed_and_stored_as_without_trackers(done, folder):
    run, command = done

    next_step = "Stored in results/tiny/; next: rnnbench report results/tiny"
    assert command.stderr.splitlines()[-1] == next_step
    told = [line for line in command.stderr.splitlines() if "tracker" in line]
    assert not [line for line in told if not line.startswith("waiting for tracker ")]
    for chatter in ("wandb", "INFO", "mlflow"):
        assert chatter not in command.stdout
    names = ["epochs.csv", "mlflow.db", "tensorboard", "wandb"]
    assert sorted(file.name for file in folder.iterdir()) == names, "and nothing was printed"
    listed = "tracking:\n- tensorboard\n- csv\n- mlflow\n- wandb\n"
    assert (run / "config.yaml").read_text().endswith(listed)


def test_trials_that_are_stored_are_not_tracked_again(cli, done, folder, monkeypatch):
    monkeypatch.chdir(done[0].parents[1])
    before = {file: file.stat().st_mtime_ns for file in folder.rglob("*")}

    again = cli("run", "results/tiny/config.yaml", "--jobs", "1")

    assert "3 of 3 trials are stored" in again.stderr
    assert {file: file.stat().st_mtime_ns for file in folder.rglob("*")} == before


def test_csv_has_a_row_for_each_epoch(folder, trials):
    rows = list(csv.DictReader((folder / "epochs.csv").open()))

    assert len(rows) == 2 * 3
    for name in TRIALS[1:]:
        record, _ = trials[name]
        own = [row for row in rows if row["fingerprint"] == record.fingerprint]
        assert {(row["model"], row["seed"]) for row in own} == {("rnn", str(record.seed))}
        assert [row["epoch"] for row in own] == ["1", "2", "3"]
        curves = {name: [float(row[name]) for row in own] for name in CURVES}
        assert curves == history_of(record)


@pytest.fixture(scope="module")
def events(folder):
    """The events of each trial, read by TensorBoard without TensorFlow, which takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        name = "tensorboard.compat.notf"
        patch.setitem(sys.modules, name, ModuleType(name))
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

        found = {}
        for place in (folder / "tensorboard").iterdir():
            model, seed, _ = place.name.split("-")
            found[f"{model} {seed.replace('seed', 'seed ')}"] = EventAccumulator(str(place))
        return {name: accumulator.Reload() for name, accumulator in sorted(found.items())}


def test_tensorboard_has_the_curves_of_each_trial_and_its_final_metrics(events, trials):
    assert list(events) == TRIALS
    for name, (record, metrics) in trials.items():
        accumulator = events[name]
        curves, final = history_of(record), {f"test/{each}": metrics[each] for each in metrics}
        costs = {"fit_seconds", "params"} | ({"ms_per_step", "best_epoch"} if curves else set())
        assert set(accumulator.Tags()["scalars"]) == {*curves, *final, *costs}
        for tag, values in curves.items():
            scalars = accumulator.Scalars(tag)
            assert [scalar.step for scalar in scalars] == [1, 2, 3]
            assert [scalar.value for scalar in scalars] == pytest.approx(values)
        for tag, value in final.items():
            (scalar,) = accumulator.Scalars(tag)
            assert (scalar.step, scalar.value) == (record.epochs, pytest.approx(value))


def test_tensorboard_has_the_hyperparameters_of_each_trial(events):
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    found = {}
    for name, accumulator in events.items():
        tags = (metadata.SESSION_START_INFO_TAG, metadata.SESSION_END_INFO_TAG)
        start, end = (
            plugin_data_pb2.HParamsPluginData.FromString(
                accumulator.SummaryMetadata(tag).plugin_data.content
            )
            for tag in tags
        )
        assert end.session_end_info.status == api_pb2.STATUS_SUCCESS
        found[name] = {
            key: getattr(value, value.WhichOneof("kind"))
            for key, value in start.session_start_info.hparams.items()
        }
    assert (
        found["rnn seed 8"].items()
        >= {
            "model": "rnn",
            "seed": 8,
            "layers.0.simple_rnn.units": 3,
            "layers.0.simple_rnn.return_sequences": False,
            "training.batch_size": 4,
            "training.optimizer": "adam",
        }.items()
    )
    parameters = ("analyzer", "min_ngram", "max_ngram", "min_df", "alpha")
    assert found["bayes seed 3"].keys() == {
        "model",
        "seed",
        *(f"baseline.multinomial_naive_bayes.{each}" for each in parameters),
    }


@pytest.mark.filterwarnings("ignore:The ``noload`` loader")  # which MLflow uses
def test_mlflow_has_a_run_for_the_benchmark_and_one_below_it_for_each_trial(folder, trials):
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
        assert run.info.status == "FINISHED"
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert run.data.tags["rnnbench.fingerprint"] == record.fingerprint
        assert (run.data.params["model"], run.data.params["seed"]) == tuple(name.split(" seed "))
        for key, values in history_of(record).items():
            points = client.get_metric_history(run.info.run_id, key)
            assert [(point.step, point.value) for point in points] == list(enumerate(values, 1))
        final = {key.removeprefix("test/"): run.data.metrics[key] for key in run.data.metrics}
        assert final.items() >= metrics.items()


def test_wandb_has_a_run_for_each_trial_in_a_group_and_sends_nothing(folder, trials):
    found = {}
    for file in folder.glob("wandb/offline-run-*/*.wandb"):
        records = list(read_wandb(file))
        (run,) = [each.run for each in records if each.WhichOneof("record_type") == "run"]
        assert (run.project, run.run_group) == ("rnnbench", "tiny")
        assert [each.exit.exit_code for each in records if each.HasField("exit")] == [0]
        found[run.display_name] = records, values_of(run.config.update)
    assert sorted(found) == TRIALS
    for name, (records, config) in found.items():
        record, metrics = trials[name]
        assert config["rnnbench.fingerprint"] == f'"{record.fingerprint}"'
        logged = [values_of(each.history.item) for each in records if each.HasField("history")]
        for key, values in history_of(record).items():
            points = [(int(each["epoch"]), float(each[key])) for each in logged if key in each]
            assert points == list(enumerate(values, 1))
        summary = {}
        for each in records:
            summary |= values_of(each.summary.update)
        assert {key: float(summary[f"test/{key}"]) for key in metrics} == metrics
