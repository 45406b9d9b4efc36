"""A run without the test documents that are in the training set, too."""

from dataclasses import replace
from typing import TypeVar

from rnnbench.analysis.summary import summarize_run
from rnnbench.data.audit import rest_of
from rnnbench.errors import UserError
from rnnbench.results.run import StoredRun

R = TypeVar("R", bound=StoredRun)


def without_duplicates(run: R) -> R:
    """Return a run as if the duplicates were not in its test set; its files stay as they are.

    Positions of test documents are then those in what is left.

    Raises:
        UserError: nothing is left, or the duplicates were not recorded.
    """
    dataset = run.results.dataset
    if dataset.duplicates is None:
        raise UserError(
            f"{run.folder}: an older version wrote it and did not record duplicates; run it again"
        )
    dropped = dataset.duplicates.positions
    if not dropped:
        return run
    if len(dropped) == dataset.test_size:
        raise UserError(f"{run.folder}: all test documents are also in the training set")
    trials = {
        model: [trial.without(dropped) for trial in of_model]
        for model, of_model in run.trials.items()
    }
    labels = next(iter(trials.values()))[0].labels
    results = summarize_run(
        run.benchmark,
        rest_of(dataset, labels),
        [trial for of_model in trials.values() for trial in of_model],
        run.results.command,
        run.results.missing,
    )
    return replace(run, results=results, trials=trials)
