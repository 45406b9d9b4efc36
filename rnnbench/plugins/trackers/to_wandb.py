"""The tracker ``wandb``: a run of Weights & Biases for each trial, grouped by the benchmark."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rnnbench.config.schema import Benchmark
from rnnbench.plugins.trackers import TrialTracker, settings_of, tags_of
from rnnbench.training.trial import Trial

DEFAULTS = {
    "WANDB_MODE": ("mode", "offline"),
    "WANDB_PROJECT": ("project", "rnnbench"),
    "WANDB_SILENT": ("silent", True),
    "WANDB_FINISH_TIMEOUT": ("finish_timeout", 40),  # else a server that is gone holds up the end
}
"""The settings of a run, unless the user has set the variable: its name and its value."""


class WandbTracker(TrialTracker):
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

    def begin(self, trial: Trial) -> Any:
        """Begin a run in the group of the benchmark."""
        import wandb

        run = wandb.init(
            group=self._group,
            name=str(trial),
            config={**settings_of(trial), **tags_of(trial)},
            reinit="create_new",  # several trials may run at a time
            settings=wandb.Settings(console="off", x_disable_stats=True, **self._settings),
        )
        # Scores on the validation documents come after those of later epochs in training.
        run.define_metric("*", step_metric="epoch")
        return run

    def write(self, run: Any, epoch: int, values: Mapping[str, float]) -> None:
        """Log an epoch."""
        run.log({"epoch": epoch, **values})

    def write_final(self, run: Any, epoch: int, values: Mapping[str, float]) -> None:  # noqa: ARG002
        """Put the final numbers into the summary."""
        run.summary.update(values)

    def end(self, run: Any, trial: Trial, status: str, reason: str = "") -> None:  # noqa: ARG002
        """End a run."""
        if reason:
            run.summary.update({"error": reason})
        run.finish(exit_code=int(status != "FINISHED"))

    def close(self) -> None:
        """End the runs of trials that were interrupted, and wait until all is written."""
        import wandb

        super().close()
        if self._is_alone:
            wandb.teardown()
