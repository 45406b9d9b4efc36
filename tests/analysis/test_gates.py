"""Gates that a comparison must pass."""

import pytest
from factories import MARGINS, scored_run

from rnnbench.analysis.compare import compare_runs
from rnnbench.analysis.gates import judge, parse_gate
from rnnbench.errors import UserError


def run(**rights):
    return scored_run(rights, of=12)


def scored(records=None, **rights):
    return scored_run(rights, of=20, records=records)


PLAIN = run(rnn=[3])


def verdict(gate, a, b):
    return judge(parse_gate(gate), compare_runs(a, b))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "should be METRIC drops|rises AMOUNT, such as 'accuracy drops 0.01'"),
        ("accuracy drops by 0.1", "should be METRIC drops|rises AMOUNT"),
        ("acuracy drops 0.1", "no metric 'acuracy' (allowed: accuracy, macro_f1, "),
        (
            "accuracy drop 0.1",
            "got 'drop' (allowed: drops, rises; did you mean 'drops'?)",
        ),
        (
            "accuracy drops much",
            "got 'much' (allowed: a number from 0, a percentage of A, ",
        ),
        ("accuracy drops -0.1", "got '-0.1' (allowed: a number from 0"),
        ("accuracy drops nan", "got 'nan' (allowed: a number from 0"),
        ("accuracy drops inf%", "got 'inf%' (allowed: a number from 0"),
        ("accuracy drops significantly%", "got 'significantly%' (allowed: "),
        ("drops", "should be METRIC drops|rises AMOUNT"),
        ("accuracy drops", "got 'accuracy' (allowed: drops, rises)"),
        ("leaks > much", "should be 'leaks > N' or 'leaks > N%'"),
        ("leaks rises 1%", "should be 'leaks > N' or 'leaks > N%'"),
        ("leaks", "should be 'leaks > N' or 'leaks > N%'"),
        ("leaks > 150%", "no share exceeds 150%"),
        ("may be worse by 0.5", "0.5 is 50 points (write 'by 0.5 points', or"),
    ],
)
def test_a_text_that_is_no_gate_is_named_with_the_allowed_words(text, message):
    with pytest.raises(UserError) as error:
        parse_gate(text)

    assert str(error.value).startswith(f"--fail-if '{text}': ")
    assert message in str(error.value)


def with_leaks(**facts):
    return scored_run({"rnn": [5]}, dataset=facts)


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        ("leaks > 0", False),
        ("leaks > 2", True),
        ("leaks > 9.9%", False),
        ("leaks > 10%", True),
        ("leaks>10%", True),
    ],
)
def test_a_gate_limits_copies_of_training_documents(gate, passes):
    leaking = with_leaks(duplicates={"both": [3]}, near_copies=[4])

    judged = verdict(gate, leaking, leaking)

    assert judged.passed == passes
    assert judged.reason == (
        "2 of 20 (10%) are copies or near-copies of training documents"
    )


def test_a_run_of_an_earlier_version_does_not_know_its_near_copies():
    earlier = with_leaks()

    with pytest.raises(UserError, match="near-copies are not known"):
        verdict("leaks > 1%", earlier, earlier)


def test_the_main_metric_alone_is_tested():
    better = run(rnn=[9])

    assert verdict("drops significantly", PLAIN, better).passed
    assert not verdict("rises 0.1", PLAIN, better).passed
    message = "only accuracy is tested for significance; give an "
    with pytest.raises(UserError, match=message):
        verdict("macro_f1 rises significantly", PLAIN, better)


@pytest.mark.parametrize(
    ("gate", "passes"),
    [
        (
            "accuracy drops 0.1",
            True,
        ),  # from 0.8 to 0.7, in floats slightly more than 0.1
        ("accuracy drops 0.099", False),
        ("accuracy drops 12.5%", True),
        ("accuracy drops 12.4%", False),
        ("accuracy rises 0", True),
        ("ms_per_step rises 1.5", True),
        ("ms_per_step rises 1.4", False),
        ("  ms_per_step  rises 60% ", True),
        ("fit_seconds rises 0", True),
        ("log_loss rises 1e-3", False),
    ],
)
def test_a_gate_fails_if_a_model_moves_by_more_than_the_amount(gate, passes):
    a = scored(rnn=[16])
    b = scored(rnn=[14], records={"rnn": {"ms_per_step": 4.0}})

    assert verdict(gate, a, b).passed is passes


@pytest.mark.parametrize(
    ("before", "after", "dropped", "rose"),
    [
        (18, 2, True, False),
        (18, 19, False, False),
        (18, 20, False, False),
        (2, 18, False, True),
    ],
)
def test_a_significant_move_needs_a_small_p_value_in_the_direction(
    before, after, dropped, rose
):
    a = scored(rnn=[before])
    b = scored(rnn=[after])

    drop, rise = (
        verdict(f"accuracy {way} significantly", a, b) for way in ("drops", "rises")
    )

    assert (not drop.passed, not rise.passed) == (dropped, rose)
    assert all(failure.p_corrected < 0.05 for failure in drop.failures + rise.failures)


def test_a_metric_that_only_a_has_fails():
    a = scored(rnn=[17], lstm=[17], svm=[17], records={"svm": MARGINS})
    b = scored(rnn=[17], lstm=[17], svm=[17], records={"svm": MARGINS, "lstm": MARGINS})

    judged = verdict("log_loss rises 1", a, b)

    assert (judged.checked, judged.unmeasured) == (["rnn"], ["svm"])
    assert [(entry.model, entry.b) for entry in judged.failures] == [("lstm", None)]
    assert judged.failures[0].a > 0


@pytest.mark.parametrize("metric", ["log_loss", "ms_per_step"])
def test_a_gate_that_cannot_be_checked_on_any_model_is_the_users_error(metric):
    svm = scored(svm=[17], records={"svm": MARGINS | {"ms_per_step": None}})

    with pytest.raises(
        UserError, match=f"no model has {metric} in both runs \\(svm\\)"
    ):
        verdict(f"{metric} rises 1%", svm, svm)


@pytest.mark.parametrize(
    ("gate", "margin"),
    [("accuracy may be worse by 0.5 points", 0.005), ("may be worse by 0.02", 0.02)],
)
def test_a_margin_is_a_number_or_in_points(gate, margin):
    assert parse_gate(gate).margin == pytest.approx(margin)


@pytest.mark.parametrize("gate", ["may be worse by 1%", "may be worse", "x may be 1"])
def test_a_margin_that_cannot_be_read_is_refused(gate):
    with pytest.raises(UserError, match="should be METRIC may be worse by N"):
        parse_gate(gate)


@pytest.mark.parametrize(("bound", "passed"), [(-0.004, True), (-0.006, False)])
def test_a_bound_must_be_above_the_margin(bound, passed):
    comparison = compare_runs(run(rnn=[9]), run(rnn=[9]))

    verdict = judge(
        parse_gate("may be worse by 0.5 points"), comparison, {"rnn": bound}
    )

    assert verdict.passed == passed


def test_a_margin_is_for_the_main_metric_alone():
    with pytest.raises(UserError, match="only accuracy can have a margin"):
        verdict("macro_f1 may be worse by 0.5 points", PLAIN, PLAIN)
