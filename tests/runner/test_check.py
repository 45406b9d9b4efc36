"""What is refused before anything is trained, with the smallest change that helps."""

import re

import pytest
from factories import benchmark
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.load import prepare
from rnnbench.errors import UserError
from rnnbench.results.store import bytes_of_predictions
from rnnbench.runner import check as checks
from rnnbench.runner.check import check, size_fault
from rnnbench.runner.plan import plan_benchmark

MODELS = {"a": {"baseline": "most_frequent"}}


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    """Makes a benchmark on 1,000 texts with four labels, of which a share is tested."""
    file = tmp_path_factory.mktemp("texts") / "texts.csv"
    rows = [f"word{n % 50} more,topic{n % 4},author{n // 5}\n" for n in range(1000)]
    file.write_text("text,label,author\n" + "".join(rows))

    def made(test_split=0.5, **options):
        data = {"source": "files", "path": str(file), "test_split": test_split}
        data |= options
        return benchmark(models=MODELS, data=data)

    return made


def test_results_that_fit_are_fine(make):
    assert not check(make()).faults


def test_the_size_of_results_is_known_before(make):
    of_trial = bytes_of_predictions(prepare(make().data).dataset.y_test, 4)

    assert of_trial == 500 * (4 + 4 * 4)
    assert check(make()).stored_gigabytes == pytest.approx(of_trial / 1e9)


def test_a_plan_whose_results_would_be_too_large_is_refused(make, monkeypatch):
    monkeypatch.setattr(checks, "MAX_HASHED", 5000)
    config = make()

    with pytest.raises(UserError, match=r"^data: 500 test documents with a score for "):
        plan_benchmark(config, prepare(config.data), threads=1)


def test_a_check_finds_results_that_would_be_too_large(make, monkeypatch):
    monkeypatch.setattr(checks, "MAX_HASHED", 5000)

    assert (
        "test on at most 250: --set data.test_split=0.25)"
        in (check(make()).faults["data"])
    )


@given(
    st.integers(200, 9_000),
    st.sampled_from([{}, {"split": "stratified"}, {"group": "author"}]),
)
def test_the_share_that_is_advised_fits(make, most, options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checks, "MAX_HASHED", most)
        prepared = prepare(make(**options).data)
        fault = size_fault(prepared.dataset, prepared)
        (share,) = re.findall(r"data\.test_split=(\S+)\)$", fault)

        smaller = prepare(make(float(share), **options).data)
        assert not size_fault(smaller.dataset, smaller)
