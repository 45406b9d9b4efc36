"""The tracker ``wandb``: a run of Weights & Biases for each trial, grouped by the benchmark."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench.config.schema import Benchmark
from rnnbench.plugins.trackers import final_numbers, settings_of, tags_of, validation_of
from rnnbench.tracking import Tracker
from rnnbench.training.outcome import TrialResult
from rnnbench.training.trial import Trial

DEFAULTS = {
    "WANDB_MODE": ("mode", "offline"),
    "WANDB_PROJECT": ("project", "rnnbench"),
    "WANDB_SILENT": ("silent", True),
    "WANDB_FINISH_TIMEOUT": ("finish_timeout", 40),  # else a server that is gone holds up the end
}
"""The settings of a run, unless the user has set the variable: its name and its value."""


class WandbTracker(Tracker):
    """Keeps its files in the folder of the run, unless ``WANDB_DIR`` names another.

    Nothing is sent unless ``WANDB_MODE=online`` asks for it; ``wandb sync`` sends it later.
    """

    name = "wandb"
    modules = ("wandb",)
    install = "pip install 'rnnbench[wandb]'"

    def start(self, folder: Path, benchmark: Benchmark, trials: Sequence[Trial]) -> None:  # noqa: ARG002
        """Choose where the runs go."""
        self._is_alone = "wandb" not in sys.modules  # else a program uses it, too
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")  # read when wandb is imported
        import wandb

        defaults = DEFAULTS | {"WANDB_DIR": ("root_dir", str(folder))}
        known = wandb.Settings.model_fields  # older versions have fewer
        self._settings = {
            key: os.environ.get(variable, default)  # wandb itself may have read them long ago
            for variable, (key, default) in defaults.items()
            if key in known
        }
        self._group = benchmark.name
        self._runs: dict[Trial, Any] = {}

    def trial_started(self, trial: Trial) -> None:
        """Begin a run with the settings of a trial."""
        import wandb

        if trial in self._runs:
            self._end(trial, failed=True)
        run = self._runs[trial] = wandb.init(
            group=self._group,
            name=str(trial),
            config={**settings_of(trial), **tags_of(trial)},
            reinit="create_new",  # several trials may run at a time
            settings=wandb.Settings(console="off", x_disable_stats=True, **self._settings),
        )
        # Scores on the validation documents come after those of later epochs in training.
        run.define_metric("*", step_metric="epoch")

    def epoch_ended(self, trial: Trial, epoch: int, loss: float, accuracy: float) -> None:
        """Log an epoch."""
        self._runs[trial].log({"epoch": epoch, "loss": loss, "accuracy": accuracy})

    def trial_finished(
        self, trial: Trial, result: TrialResult, metrics: Mapping[str, float]
    ) -> None:
        """Log the scores on the validation documents and the final ones, and end the run."""
        for epoch, scores in validation_of(result.record.history):
            self._runs[trial].log({"epoch": epoch, **scores})
        self._runs[trial].summary.update(final_numbers(result, metrics))
        self._end(trial, failed=False)

    def trial_failed(self, trial: Trial, reason: str) -> None:
        """End the run of a trial that failed."""
        self._runs[trial].summary.update({"error": reason})
        self._end(trial, failed=True)

    def close(self) -> None:
        """End the runs of trials that were interrupted, and wait until all is written."""
        import wandb

        for trial in list(self._runs):
            self._end(trial, failed=True)
        if self._is_alone:
            wandb.teardown()

    def _end(self, trial: Trial, *, failed: bool) -> None:
        self._runs.pop(trial).finish(exit_code=int(failed))
