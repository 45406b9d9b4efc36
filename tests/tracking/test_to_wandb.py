"""Runs of wandb that fail or are interrupted, where the user wants them."""

import pytest
from factories import benchmark, trial
from wandb_files import read_wandb, values_of

from rnnbench.tracking.to_wandb import DEFAULTS, WandbTracker


@pytest.fixture
def trials(tmp_path):
    return [trial(tmp_path, seed=seed) for seed in range(2)]


def test_runs_go_where_the_user_wants_them_and_end_as_the_trials_did(tmp_path, trials, monkeypatch):
    for name in DEFAULTS:
        monkeypatch.setenv(name, DEFAULTS[name])
    monkeypatch.setenv("WANDB_PROJECT", "mine")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "elsewhere").mkdir()
    tracker = WandbTracker()
    tracker.start(tmp_path / "tracking", benchmark(), trials)
    for one in trials:
        tracker.trial_started(one)
        tracker.epoch_ended(one, 1, float("nan"), 0.25)

    tracker.trial_failed(trials[0], "no training today")
    tracker.close()

    ended = {}
    for file in tmp_path.glob("elsewhere/wandb/offline-run-*/*.wandb"):
        records = list(read_wandb(file))
        (run,) = [each.run for each in records if each.HasField("run")]
        (exit_code,) = [each.exit.exit_code for each in records if each.HasField("exit")]
        assert (run.project, run.run_group) == ("mine", "small")
        errors = [values_of(each.summary.update).get("error") for each in records]
        ended[run.display_name] = exit_code, [error for error in errors if error]
    assert ended == {"rnn seed 0": (1, ['"no training today"']), "rnn seed 1": (1, [])}
    assert not (tmp_path / "tracking").exists()
