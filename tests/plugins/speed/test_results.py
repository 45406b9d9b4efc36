import pytest
from factories import contender_times, speed_results, table_time, trial_time

from rnnbench.plugins.speed.results import ProductTime, speed_table, speed_tables


def test_each_model_and_last_the_whole_table_is_compared_with_the_other_contenders():
    table = speed_table(speed_results())

    model = dict(zip(table.headers, table.rows[0], strict=True))
    assert model == {
        "ms per step": "rnn",
        "native": "2.00",
        "keras": "10.00",
        "products alone": "1.25",
        "native / products": "1.60",
        "keras / native": "5.00",
    }
    assert list(table.rows[-1]) == ["all trainings, s", "10.0", "75.0", "-", "-", "7.50"]
    assert table.is_last_apart
    assert table.caption == (
        "1 model, 1 seed, 200 epochs of 1,395 documents, 49 steps long, in batches of 50, or as a "
        "model's own training says; medians over 1 round, in which the contenders took turns. "
        "Products alone: the time of a step's matrix products in NumPy's BLAS on one core. "
        "none, 2 cores."
    )


def test_several_rounds_give_the_ratio_with_its_range():
    fast, slow = (
        contender_times(name=name, rounds=[table_time(seconds=time) for time in seconds])
        for name, seconds in (("native", (10.0, 20.0)), ("keras", (75.0, 140.0)))
    )

    rows = speed_table(speed_results(contenders=[fast, slow])).rows

    assert rows[-1][-1] == "7.25 (7.00-7.50)"


def test_thin_products_and_our_engine_where_it_is_not_timed_are_not_compared_with():
    results = speed_results(product_times=[ProductTime(model="rnn", ms_per_step=None)])
    alone = results.model_copy(update={"contenders": results.contenders[1:]})

    assert list(speed_table(results).rows[0]) == ["rnn", "2.00", "10.00", "-", "-", "5.00"]
    assert speed_table(alone).headers == ["ms per step", "keras", "products alone"]


def test_each_contender_has_its_costs_besides_steps_and_each_product_its_rate():
    trials = [
        trial_time(peak_memory_mb=700, score=0.25),
        trial_time(peak_memory_mb=900, score=0.75, process=2, ms_per_step=9.0),
    ]
    contenders = [contender_times(rounds=[table_time(trials)]), contender_times(name="keras")]
    _, table, products = speed_tables(speed_results(contenders=contenders))

    assert products.rows == [["(5 x 6)(6 x 7)", "9", "8.0", "0"]]
    assert contenders[0].ms_per_step("rnn") == 5.5
    assert table.rows[0] == ["native", "2", "1", "3.8", "900", "0.5000"]
    assert table.caption.startswith("Native: fast; keras: fast.")


def test_overhead_is_the_time_of_the_busiest_process_outside_steps():
    trials = [
        trial_time(process=1, started=3.0, seconds=4.0, steps=1000, ms_per_step=2.0),
        trial_time(process=2, started=3.0, seconds=5.0, steps=1000, ms_per_step=4.0),
        trial_time(process=2, started=8.0, seconds=6.0, steps=1000, ms_per_step=1.0),
    ]

    assert table_time(trials).overhead_seconds == pytest.approx(14 - 4 - 1)
