"""Values that tests draw."""

from hypothesis import strategies as st

texts = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=8)
plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda below: st.lists(below, max_size=3) | st.dictionaries(texts, below, max_size=3),
    max_leaves=6,
)
"""Values that YAML and JSON can hold."""
