"""Conditions under which a comparison fails."""

from contextlib import suppress

import pytest
from factories import MARGINS, scored_run
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.analysis.compare_runs import compare_runs
from rnnbench.analysis.gates import Gate, judge, parse_gate
from rnnbench.errors import UserError
from rnnbench.metrics import quantity_names

DOCUMENTS = 20

DIRECTION = st.sampled_from(["drops", "rises"])
GATES = st.builds(
    Gate,
    st.sampled_from(quantity_names()),
    DIRECTION,
    st.floats(0, allow_nan=False, allow_infinity=False),
    st.booleans(),
) | st.builds(Gate, st.just("accuracy"), DIRECTION, st.none())
WORDS = st.sampled_from(
    [*quantity_names(), "drops", "rises", "1", "5%", "%", "significantly", "nan%"]
)


def run(records=None, **rights):
    return scored_run(rights, of=DOCUMENTS, records=records)


def verdict(gate, a, b):
    return judge(parse_gate(gate), compare_runs(a, b))


@given(GATES)
def test_a_gate_is_written_as_it_is_parsed(gate):
    assert parse_gate(str(gate)) == gate


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should be METRIC drops|rises AMOUNT, such as 'accuracy drops 0.01'"),
        ("accuracy drops by 0.1", "should be METRIC drops|rises AMOUNT"),
        ("acuracy drops 0.1", "no metric 'acuracy' (allowed: accuracy, macro_f1, "),
        ("accuracy drop 0.1", "got 'drop' (allowed: drops, rises; did you mean 'drops'?)"),
        ("accuracy drops much", "got 'much' (allowed: a number from 0, a percentage of A, "),
        ("accuracy drops -0.1", "got '-0.1' (allowed: a number from 0"),
        ("accuracy drops nan", "got 'nan' (allowed: a number from 0"),
        ("accuracy drops inf%", "got 'inf%' (allowed: a number from 0"),
        ("accuracy drops significantly%", "got 'significantly%' (allowed: "),
        ("macro_f1 rises significantly", "only accuracy is tested for significance; give an "),
    ],
)
def test_a_text_that_is_no_gate_is_named_with_the_allowed_words(text, message):
    with pytest.raises(UserError) as error:
        parse_gate(text)

    assert str(error.value).startswith(f"--fail-if '{text}': ")
    assert message in str(error.value)


@given(st.lists(WORDS | st.text(max_size=4), max_size=4).map(" ".join))
def test_any_other_text_is_the_users_error(text):
    with suppress(UserError):
        assert parse_gate(str(parse_gate(text))) == parse_gate(text)


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        ("accuracy drops 0.1", True),  # from 0.8 to 0.7, in floats slightly more than 0.1
        ("accuracy drops 0.099", False),
        ("accuracy drops 0", False),
        ("accuracy drops 12.5%", True),
        ("accuracy drops 12.4%", False),
        ("accuracy rises 0", True),
        ("ms_per_step rises 1.5", True),
        ("ms_per_step rises 1.4", False),
        ("  ms_per_step  rises 60% ", True),
        ("ms_per_step rises 59%", False),
        ("ms_per_step drops 0", True),
        ("fit_seconds rises 0", True),
        ("macro_f1 drops 0.01", False),
        ("log_loss rises 1e-3", False),
    ],
)
def test_a_gate_fails_if_a_model_moves_by_more_than_the_amount(gate, passes):
    a, b = run(rnn=[16]), run(rnn=[14], records={"rnn": {"ms_per_step": 4.0}})

    assert verdict(gate, a, b).passed is passes


@given(st.integers(0, DOCUMENTS), st.integers(0, DOCUMENTS))
def test_a_gate_at_the_drop_of_a_model_passes_and_a_stricter_one_does_not(right_a, right_b):
    a, b = run(rnn=[right_a]), run(rnn=[right_b])
    drop = max(right_a - right_b, 0)

    assert verdict(f"accuracy drops {drop / DOCUMENTS}", a, b).passed
    assert not drop or not verdict(f"accuracy drops {(drop - 0.5) / DOCUMENTS}", a, b).passed


def test_a_failure_names_the_model_and_both_numbers():
    found = verdict("accuracy drops 5%", run(rnn=[17], gru=[10, 12]), run(rnn=[17], gru=[8, 9]))

    assert (found.gate, found.checked, found.passed) == ("accuracy drops 5%", ["rnn", "gru"], False)
    (failure,) = found.failures
    assert failure.model == "gru"
    assert (failure.a, failure.b) == (pytest.approx(0.55), pytest.approx(0.425))
    assert failure.p_holm is None


@pytest.mark.parametrize(
    ("before", "after", "dropped", "rose"),
    [(18, 2, True, False), (18, 19, False, False), (18, 20, False, False), (2, 18, False, True)],
)
def test_a_significant_move_needs_a_small_p_value_and_the_direction(before, after, dropped, rose):
    a, b = run(rnn=[before]), run(rnn=[after])

    drop, rise = (verdict(f"accuracy {way} significantly", a, b) for way in ("drops", "rises"))

    assert (not drop.passed, not rise.passed) == (dropped, rose)
    assert all(failure.p_holm < 0.05 for failure in drop.failures + rise.failures)


def test_a_metric_that_only_a_has_fails_and_one_that_a_lacks_is_named():
    a = run(rnn=[17], lstm=[17], svm=[17], records={"svm": MARGINS})
    b = run(rnn=[17], lstm=[17], svm=[17], records={"svm": MARGINS, "lstm": MARGINS})

    found = verdict("log_loss rises 1", a, b)

    assert (found.checked, found.unmeasured) == (["rnn"], ["svm"])
    assert [(each.model, each.b) for each in found.failures] == [("lstm", None)]
    assert found.failures[0].a > 0


@pytest.mark.parametrize("metric", ["log_loss", "ms_per_step"])
def test_a_gate_that_cannot_be_checked_on_any_model_is_the_users_error(metric):
    svm = run(svm=[17], records={"svm": MARGINS | {"ms_per_step": None}})

    with pytest.raises(UserError, match=f"no model has {metric} in both runs \\(svm\\)"):
        verdict(f"{metric} rises 1%", svm, svm)
