"""A tracker."""

from rnnbench.plugin import Tracker


class Lines(Tracker):
    """Writes a line for each trial."""

    name = "lines"

    def start(self, folder, benchmark, trials):
        self.file = folder / "lines.txt"

    def trial_finished(self, trial, result, metrics):
        with self.file.open("a") as file:
            file.write(f"{trial}: {metrics['accuracy']:.4f}\n")
