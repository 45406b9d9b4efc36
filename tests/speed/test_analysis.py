import pytest
from factories import contender_times, table_time, trial_time

from rnnbench.speed.analysis import ms_per_step, overhead_seconds


def test_a_models_ms_per_step_is_the_median_over_seeds_and_rounds():
    times = contender_times(
        rounds=[
            table_time([trial_time(ms_per_step=1.0), trial_time(ms_per_step=9.0, seed=1)]),
            table_time([trial_time(ms_per_step=2.0), trial_time(model="other", ms_per_step=50.0)]),
        ]
    )

    assert ms_per_step(times, "rnn") == 2.0


def test_overhead_is_the_time_of_the_busiest_process_outside_steps():
    trials = [
        trial_time(process=1, started=3.0, seconds=4.0, steps=1000, ms_per_step=2.0),
        trial_time(process=2, started=3.0, seconds=5.0, steps=1000, ms_per_step=4.0),
        trial_time(process=2, started=8.0, seconds=6.0, steps=1000, ms_per_step=1.0),
    ]

    overhead = overhead_seconds(contender_times(rounds=[table_time(trials)]))

    assert overhead == pytest.approx(14 - 4 - 1)
