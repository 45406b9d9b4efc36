"""Values that tests draw."""

from hypothesis import strategies as st

from rnnbench.data.config import Data

texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda below: (
        st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3)
    ),
    max_leaves=6,
)
"""Values that YAML and JSON can hold."""
sides = st.sampled_from(["pre", "post"])


def settings_of_data(**others):
    """Draw how documents are left out, cut and padded."""
    return st.builds(
        Data,
        num_words=st.none() | st.integers(4, 15),
        maxlen=st.none() | st.integers(3, 10),
        pad_length=st.none() | st.integers(1, 10),
        padding=sides,
        truncating=sides,
        **others,
    )
