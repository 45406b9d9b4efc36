"""Numbers in words."""

from factories import scored_run

from rnnbench.report.words import condition, in_blocks, scope_of, short_p


def test_a_p_value_is_shown_with_two_digits_or_one_and_a_power_of_ten():
    found = [short_p(p) for p in (1, 0.3149, 0.0499, 0.00123, 9.9e-99)]
    assert found == ["1", "0.31", "0.05", "0.0012", "1e-98"]


def test_there_are_no_more_blocks_than_documents():
    assert in_blocks(2) == "in order of time, in 2 blocks that count as independent"
    assert "in 16 blocks" in in_blocks(17)


def differences(**rights):
    return scored_run(rights).results.comparisons


def test_few_seeds_are_explained_each_number_once_and_intervals_are_over_several():
    one, two = differences(a=[12], b=[14]), differences(a=[12, 13], b=[14, 15])

    assert condition([*one, *two]) == f"{condition(one)} {condition(two)}"
    assert condition(differences(a=[12, 13, 14], b=[14, 15, 16])) == ""
    assert scope_of(one) == "over documents"
    assert scope_of(differences(a=[12], b=[14, 15])) == "over documents and seeds"
