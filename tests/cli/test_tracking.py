"""``rnnbench run --track`` with trackers of an installed package, and with ones that do not work.

For what the trackers of this package record, see ``tests/tracking/test_trackers.py``.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest
from newswires import write_files
from plugin_files import write_distribution

import rnnbench
from rnnbench.results.schema import Results
from rnnbench.tracking import TRACKERS

CONFIG = """\
name: tiny
data: {source: sgml, path: sgml, maxlen: 50, test_split: 0.5}
training: {seeds: 2}
models:
  bayes: {baseline: multinomial_naive_bayes}
  random: {baseline: stratified}
"""
MODULE = """
    import rnnbench


    class Notes(rnnbench.Tracker):
        '''Notes the accuracy of each trial.'''

        name = "notes"

        def start(self, folder, benchmark, trials):
            print("Welcome to the notes!")
            self.file = folder / "notes.txt"

        def trial_finished(self, trial, result, metrics):
            with self.file.open("a") as file:
                file.write(f"{trial}: {metrics['accuracy']}\\n")


    class Clumsy(rnnbench.Tracker):
        name = "clumsy"

        def trial_started(self, trial):
            raise OSError("no space in the notes")
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, tiny_sgml, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_files(tmp_path / "sgml", tiny_sgml)
    (tmp_path / "tiny.yaml").write_text(CONFIG)
    return tmp_path


def test_trackers_of_a_package_record_a_run_and_one_that_fails_does_not_end_it(
    cli, install, folder
):
    entries = {"notes": "made_up_trackers:Notes", "clumsy": "made_up_trackers:Clumsy"}
    modules = {"made_up_trackers": MODULE}
    install(write_distribution(folder / "site", entries, modules, group="rnnbench.trackers"))
    (folder / "tracked.yaml").write_text("extends: tiny.yaml\ntracking: [notes, clumsy]\n")

    done = cli("run", "tracked.yaml", "--json", "--quiet", "--jobs", "1")

    assert done.exit_code == 0, done.stderr
    results = Results.model_validate_json(done.stdout)
    accuracies = {
        f"{model.name} seed {trial.seed}: {trial.metrics['accuracy']}"
        for model in results.models
        for trial in model.trials
    }
    tracked = folder / "results/tiny/tracking"
    assert set((tracked / "notes.txt").read_text().splitlines()) == accuracies
    assert (tracked / "notes.log").read_text() == "Welcome to the notes!\n"
    about_the_data, warning = done.stderr.splitlines()
    assert "sgml" in about_the_data
    assert warning.startswith("tracker 'clumsy' of the package made-up failed: OSError: no space ")

    shutil.rmtree(folder / "site")
    TRACKERS.refresh()
    assert rnnbench.load_run("results/tiny").benchmark.tracking == (), "it needs them no longer"


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("csv", "tracking: no tracker 'csv' (allowed: tensorboard, mlflow, wandb)\n"),
        ("tensorboard,wandb", "tracker 'wandb' needs wandb: pip install 'rnnbench[wandb]'\n"),
    ],
)
def test_a_tracker_that_cannot_be_used_is_refused_before_anything_is_trained(
    cli, monkeypatch, names, message
):
    monkeypatch.setitem(sys.modules, "wandb", None)

    refused = cli("run", "tiny.yaml", "--track", names)

    assert refused.exit_code == 2
    assert message in refused.stderr
    assert not Path("results").exists()


def test_a_program_names_trackers_too(folder):
    run = rnnbench.run("tiny.yaml", models="bayes", track="tensorboard", jobs=1, progress=False)

    assert run.benchmark.tracking == ("tensorboard",)
    assert len(list((folder / "results/tiny/tracking/tensorboard").iterdir())) == 1
    stored = json.loads((folder / "results/tiny/results.json").read_text())
    assert stored["command"] == "rnnbench run results/tiny/config.yaml --jobs 1 --out results/tiny"
