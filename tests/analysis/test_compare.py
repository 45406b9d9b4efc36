"""Two runs side by side."""

import pytest
from factories import SOFTMAX, finished_run, scored_run
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.analysis.compare import compare_runs
from rnnbench.errors import UserError
from rnnbench.stats.paired import BLOCKS

N_DOCUMENTS = 12


# The answers of one to three trials to N_DOCUMENTS documents; 0 is always right.
TRIALS = st.lists(
    st.lists(st.integers(0, 2), min_size=N_DOCUMENTS, max_size=N_DOCUMENTS),
    min_size=1,
    max_size=3,
)
BOTH = st.fixed_dictionaries({"rnn": TRIALS, "lstm": TRIALS})
few = settings(max_examples=25)


def run(facts=None, **rights):
    return scored_run(rights, of=N_DOCUMENTS, **(facts or {}))


def scored(records=None, **rights):
    return scored_run(rights, of=20, records=records)


PLAIN = run(rnn=[3])


def answering(answers):
    return finished_run(answers, labels=[0] * N_DOCUMENTS)


@few
@given(BOTH)
def test_a_run_does_not_differ_from_itself(answers):
    comparison = compare_runs(answering(answers), answering(answers))

    assert comparison.differences == []
    assert comparison.only_in_a == []
    assert comparison.only_in_b == []


@few
@given(BOTH)
def test_a_model_does_not_differ_from_itself(answers):
    comparison = compare_runs(answering(answers), answering(answers))

    for change in comparison.models:
        assert change.difference == 0
        assert change.p == 1
        assert change.p_corrected == 1
        assert change.speed_ratio == 1
        assert not change.is_clear


@few
@given(BOTH)
def test_the_interval_of_no_difference_has_no_width(answers):
    comparison = compare_runs(answering(answers), answering(answers))

    for change in comparison.models:
        assert change.interval.low == 0
        assert change.interval.high == 0


@few
@given(BOTH, BOTH)
def test_a_difference_is_that_of_the_means(answers_a, answers_b):
    a = answering(answers_a)
    b = answering(answers_b)

    comparison = compare_runs(a, b)

    for change in comparison.models:
        expected = change.b.score.mean - change.a.score.mean
        assert change.difference == pytest.approx(expected)
        assert 0 <= change.p <= change.p_corrected <= 1


@few
@given(BOTH, BOTH)
def test_b_compared_with_a_mirrors_a_compared_with_b(answers_a, answers_b):
    a = answering(answers_a)
    b = answering(dict(reversed(answers_b.items())))

    forth = {change.name: change for change in compare_runs(a, b).models}
    back = {change.name: change for change in compare_runs(b, a).models}

    for name, change in forth.items():
        mirrored = back[name]
        interval = [mirrored.interval.low, mirrored.interval.high]
        turned = [-change.interval.high, -change.interval.low]
        assert (mirrored.a, mirrored.b) == (change.b, change.a)
        assert mirrored.difference == -change.difference
        assert interval == pytest.approx(turned, abs=1e-12)
        assert mirrored.p == pytest.approx(change.p, rel=1e-6)
        assert mirrored.p_corrected == pytest.approx(change.p_corrected, rel=0.25)


@pytest.mark.parametrize(
    ("in_a", "in_b"),
    [
        (True, True),
        (True, False),
        (False, True),
    ],
)
def test_runs_are_compared_by_blocks_if_either_says_that_documents_are_in_order_of_time(
    in_a, in_b
):
    a = run({"dataset": {"in_order": in_a}}, rnn=[3])
    b = run({"dataset": {"in_order": in_b}}, rnn=[9])

    (change,) = compare_runs(a, b).models

    assert change.method == BLOCKS


def test_p_values_are_corrected_for_the_models_that_are_compared():
    a = run(rnn=[3], lstm=[5])
    b = run(rnn=[10], lstm=[5])

    both, _ = compare_runs(a, b).models
    (alone,) = compare_runs(a, b, ["rnn"]).models

    assert alone.p == pytest.approx(2 / 2**7)
    assert alone.p_corrected == alone.p
    assert both.p == alone.p
    reason = "a model that stays the same costs nothing"
    assert both.p <= both.p_corrected <= 2 * both.p, reason


def test_the_speed_ratio_says_how_many_times_as_fast_b_is():
    a = run({"records": {"svm": {"ms_per_step": None}}}, rnn=[3], svm=[4])
    b = run({"records": {"rnn": {"ms_per_step": 1.25}}}, rnn=[3], svm=[4])

    ratios = [change.speed_ratio for change in compare_runs(a, b).models]

    assert ratios == [2, None]


def test_a_model_that_takes_no_time_has_no_speed_ratio():
    instant = run({"records": {"rnn": {"ms_per_step": 0.0}}}, rnn=[3])

    (change,) = compare_runs(PLAIN, instant).models

    assert change.speed_ratio is None


@pytest.mark.parametrize(
    ("only", "names", "only_in_a", "only_in_b"),
    [
        pytest.param(
            None,
            ["rnn", "lstm"],
            ["gru"],
            ["svm"],
            id="all models",
        ),
        pytest.param(
            ["gru", "rnn"],
            ["rnn"],
            ["gru"],
            [],
            id="some models",
        ),
    ],
)
def test_models_are_matched_by_name_in_the_order_of_a(
    only, names, only_in_a, only_in_b
):
    a = run(gru=[3], rnn=[3], lstm=[3])
    b = run(lstm=[3], svm=[3], rnn=[3])

    comparison = compare_runs(a, b, only)

    assert [change.name for change in comparison.models] == names
    assert comparison.only_in_a == only_in_a
    assert comparison.only_in_b == only_in_b


@pytest.mark.parametrize(
    ("in_b", "only", "message"),
    [
        ("lstm", ["lstn"], "models: no model 'lstn' .*did you mean 'lstm'"),
        ("lstm", [], "models: names no model"),
        ("lstm", ["rnn"], "none of rnn is in both runs; .*A has rnn, lstm; B has lstm"),
        ("gru", None, r"no model is in both runs; .*\(A has rnn, lstm; B has gru\)"),
    ],
)
def test_a_name_without_a_pair_is_the_users_error(in_b, only, message):
    a = run(rnn=[3], lstm=[3])
    b = run(**{in_b: [3]})

    with pytest.raises(UserError, match=message):
        compare_runs(a, b, only)


def test_accuracies_on_other_documents_are_not_compared():
    dataset = {
        "split_fingerprint": "6" * 64,
        "source": "r52",
        "train_size": 7,
        "timesteps": 9,
    }
    data = {
        "test_split": 0.5,
        "maxlen": 50,
        "padding": "post",
    }
    other = run({"dataset": dataset, "data": data}, rnn=[3])

    with pytest.raises(UserError) as error:
        compare_runs(PLAIN, other)

    first, *why, last = str(error.value).splitlines()
    assert first.endswith(": not the same documents, so they cannot be compared")
    assert why == [
        "  data.maxlen: nothing in A, 50 in B",
        "  source: made-up in A, r52 in B",
        "  split_fingerprint: 555555555555 in A, 666666666666 in B",
        "  train_size: 1395 in A, 7 in B",
    ]
    assert last.startswith("Run one of them again with the data of the other")


def test_accuracies_on_other_topics_are_not_compared():
    answers = [0] * N_DOCUMENTS
    labels = [1] * N_DOCUMENTS
    other_topics = finished_run({"rnn": [answers]}, labels=labels)

    with pytest.raises(UserError, match="the true topics of the test documents differ"):
        compare_runs(PLAIN, other_topics)


def test_every_difference_is_named_in_its_place():
    layers = [
        {"simple_rnn": {"units": 30}},
        {"dropout": {"rate": 0.5}},
        SOFTMAX,
    ]
    facts = {
        "data": {"test_split": 0.5, "num_words": 100},
        "dataset": {"fingerprint": "e" * 64, "timesteps": 9},
        "environment": {"cores": 4, "versions": {"rnnbench": "0.0", "keras": "4.0"}},
        "models": {"rnn": {"layers": layers}},
    }
    training = {
        "epochs": 1,
        "batch_size": 4,
        "seeds": 2,
    }
    a = run({"training": training}, rnn=[3, 4])
    b = run(facts, rnn=[3])

    differences = compare_runs(a, b).differences

    by_key = {}
    for entry in differences:
        by_key[entry.part, entry.key] = (entry.a, entry.b)
    assert by_key == {
        ("config", "data.num_words"): (None, 100),
        ("config", "training.seeds"): ([0, 1], [0]),
        ("config", "models.rnn.layers.0.simple_rnn.units"): (3, 30),
        ("config", "models.rnn.layers.1.dense"): (SOFTMAX["dense"], None),
        ("config", "models.rnn.layers.1.dropout"): (None, {"rate": 0.5}),
        ("config", "models.rnn.layers.2"): (None, SOFTMAX),
        ("data", "fingerprint"): ("d" * 64, "e" * 64),
        ("data", "timesteps"): (49, 9),
        ("environment", "cores"): (2, 4),
        ("environment", "versions.keras"): ("3.0", "4.0"),
    }
    assert len(differences) == len(by_key)


def test_another_kernel_of_blas_is_a_difference_of_environments():
    haswell = {"family": 25, "blas": ["openblas 0.3.30 Haswell"]}
    zen = {"family": 25, "blas": ["openblas 0.3.30 Zen"]}
    a = run({"environment": {"processor": haswell}}, rnn=[3])
    b = run({"environment": {"processor": zen}}, rnn=[3])

    (difference,) = compare_runs(a, b).differences

    assert difference.part == "environment"
    assert difference.key == "processor.blas"
    assert difference.a == haswell["blas"]
    assert difference.b == zen["blas"]
