import pytest

from rnnbench.report.numbers import mean_and_std, short_p


@pytest.mark.parametrize(
    ("p", "text"),
    [(1, "1"), (0.3149, "0.31"), (0.0499, "0.05"), (0.00123, "0.0012"), (9.9e-99, "1e-98")],
)
def test_a_p_value_is_shown_with_two_digits_or_one_and_a_power_of_ten(p, text):
    assert short_p(p) == text


def test_a_mean_has_its_standard_deviation_beside_it_if_there_is_one():
    assert mean_and_std(0.97069, 0.001) == "0.9707 ± 0.0010"
    assert mean_and_std(0.97069, None) == "0.9707"
