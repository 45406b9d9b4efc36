"""The tracker for Weights & Biases."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench import Benchmark
from rnnbench.plugin import Trial
from rnnbench.plugins.trackers.of_trials import (
    IMPORTING,
    Status,
    TrialTracker,
    settings_of,
    tags_of,
)

if TYPE_CHECKING:
    from wandb import Run

DEFAULTS: dict[str, tuple[str, object]] = {
    "WANDB_MODE": ("mode", "offline"),
    "WANDB_PROJECT": ("project", "rnnbench"),
    "WANDB_SILENT": ("silent", True),
    # else a server that is gone holds up the end
    "WANDB_FINISH_TIMEOUT": ("finish_timeout", 40),
}
"""Settings of a run, by variable, unless the user has set that."""


class WandbTracker(TrialTracker["Run"]):
    """Keeps its files in the folder of the run, unless ``WANDB_DIR`` names another.

    Nothing is sent unless ``WANDB_MODE=online`` asks for it; ``wandb sync`` sends it
    later.
    """

    name = "wandb"
    modules = ("wandb",)
    install = "pip install 'rnnbench[wandb]'"

    def start(
        self,
        folder: Path,
        benchmark: Benchmark,
        trials: Sequence[Trial],  # noqa: ARG002
    ) -> None:
        self._is_alone = "wandb" not in sys.modules  # else a program uses it, too
        # read when wandb is imported
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        with IMPORTING:
            import wandb

        self._group = benchmark.name
        self._settings = {"console": "off", "x_disable_stats": True}
        defaults = DEFAULTS | {"WANDB_DIR": ("root_dir", str(folder))}
        for variable, (key, default) in defaults.items():
            if key in wandb.Settings.model_fields:  # older versions have fewer
                # wandb itself may have read the variables long ago
                self._settings[key] = os.environ.get(variable, default)

    def _begin(self, trial: Trial) -> "Run":
        import wandb

        run = wandb.init(
            group=self._group,
            name=str(trial),
            config=settings_of(trial) | tags_of(trial),
            reinit="create_new",  # several trials may run at a time
            settings=self._settings,
        )
        # Scores on the validation documents come after those of later epochs in
        # training.
        run.define_metric("*", step_metric="epoch")
        return run

    def _write(self, run: "Run", epoch: int, values: Mapping[str, float]) -> None:
        run.log({"epoch": epoch, **values})

    def _end(
        self,
        run: "Run",
        trial: Trial,  # noqa: ARG002
        status: Status,
        reason: str = "",
    ) -> None:
        if reason:
            run.summary.update({"error": reason})
        run.finish(exit_code=int(status != "FINISHED"))

    def close(self) -> None:
        import wandb

        super().close()
        if self._is_alone:
            wandb.teardown()
