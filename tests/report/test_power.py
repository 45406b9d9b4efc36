from factories import scored_run

from rnnbench.analysis.comparisons import power_of_pairs
from rnnbench.report.power import power_table

ANSWERS = {"a": [15, 12, 16], "b": [13, 14, 12], "one": [14], "same": [14]}


def test_each_pair_has_what_is_detectable_and_the_seeds_that_would_settle_it():
    run = scored_run(ANSWERS)
    pairs = power_of_pairs(run)

    table = power_table(pairs, run.results)

    assert [row[0] for row in table.rows] == [f"{p.comparison.a} - {p.comparison.b}" for p in pairs]
    for row, pair in zip(table.rows, pairs, strict=True):
        found = (pair.detectable, pair.detectable_corrected)
        assert row[3:5] == ["-" if each is None else f"{each:.4f}" for each in found]
    needed = {row[0]: row[5] for row in table.rows}
    assert needed["a - one"] == "-"
    assert needed["a - b"] == f"{pairs[0].seeds_needed:,}"
    assert "with 20 test documents" in table.caption
    assert "correction for 10 comparisons" in table.caption


def test_a_run_in_which_all_is_clear_says_so():
    run = scored_run({"a": [19, 18, 19], "b": [1, 2, 1]})

    table = power_table(power_of_pairs(run), run.results)

    assert (table.rows, table.caption) == ([], "There is no pair without a clear difference.")
