"""Seeds that depend on nothing but the trial's seed and their place in the network."""

from hypothesis import given
from hypothesis import strategies as st

from rnnbench.models.layers.base import derive_seed

places = st.tuples(
    st.integers(0, 2**70), st.integers(0, 99), st.sampled_from(["kernel", "dropout", "x", "xx", ""])
)


@given(one=places, other=places)
def test_each_place_has_a_seed_of_its_own_that_keras_and_tensorflow_take(one, other):
    assert 0 <= derive_seed(*one) < 2**31
    assert (derive_seed(*one) == derive_seed(*other)) == (one == other)


def test_seeds_never_change_for_that_would_change_all_results():
    assert [derive_seed(0, 0, "kernel"), derive_seed(7, 2, "forward dropout")] == [
        1284679834,
        1293499687,
    ]
