"""The metrics of trials: what they read, and what a failing metric leaves."""

from dataclasses import replace

import pytest
from factories import result
from plugin_files import write_distribution

from rnnbench.analysis.trial_metrics import compute_metrics, metrics_of
from rnnbench.results.compact import compact

FAILS_LATER = """
    from rnnbench.plugin import Metric


    def sureness_of_first(labels, answers):
        return 1 / (2 - answers[0])


    FAILS = Metric(
        name="fails", header="f", is_of_answers=True, function=sureness_of_first
    )
"""


@pytest.mark.parametrize("stored", [result(), compact(result())])
def test_the_scores_of_a_trial_are_read_once(stored):
    n_reads = 0

    def read():
        nonlocal n_reads
        n_reads += 1
        return stored.scores

    trial = replace(stored, stored_scores=read, given=stored.answers)

    metrics = metrics_of(trial)

    assert n_reads == 1
    assert metrics == metrics_of(stored)


@pytest.mark.filterwarnings("ignore:divide by zero")
def test_a_metric_that_fails_for_one_trial_is_left_out_of_all(
    tmp_path, install, caplog
):
    trials = [result([0, 0, 0, 1]), result([2, 0, 0, 1]), result([1, 0, 0, 1])]
    expected = [metrics_of(trial) for trial in trials]
    modules = {"later": FAILS_LATER}
    entries = {"fails": "later:FAILS"}
    install(
        write_distribution(
            tmp_path / "site", entries, modules, group="rnnbench.metrics"
        )
    )

    computed = compute_metrics(trials)

    assert [computed[trial].means for trial in trials] == expected
    (message,) = caplog.messages
    assert message.endswith("its value is inf; it is left out")
