import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.points import (
    POINT,
    model_of,
    point_name,
    split_keys,
    split_names,
    split_setting,
    values_of,
)

words = st.from_regex(r"[A-Za-z0-9_.+-]{1,6}", fullmatch=True)
models = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,9}", fullmatch=True)


@given(models, st.dictionaries(words, words, max_size=4))
def test_a_name_tells_the_model_and_the_values(model, values):
    name = point_name(model, values)

    assert re.fullmatch(POINT, name)
    assert (model_of(name), values_of(name)) == (model, values)


@pytest.mark.parametrize(
    "name", ["lstm", "always 'earn'", "always 'x[y=1]'", "a[b=1] - c", "[a=1]"]
)
def test_other_names_have_no_values(name):
    assert (model_of(name), values_of(name)) == (name, {})


@settings(max_examples=25)
@given(
    st.lists(
        st.builds(point_name, models, st.dictionaries(words, words, max_size=2)),
        max_size=4,
    )
)
def test_commas_in_names_do_not_divide_a_list(names):
    assert split_names(",".join(names)) == names


@pytest.mark.parametrize(("divide", "mark"), [(split_names, ","), (split_keys, ".")])
def test_a_long_list_is_divided_at_once(divide, mark):
    begun = time.process_time()

    assert len(divide(mark.join("m" * 50_000))) == 50_000
    assert time.process_time() - begun < 3, (
        "quadratic time would be more than ten seconds"
    )


def test_dots_in_names_do_not_divide_a_path():
    assert split_keys("models.rnn[units=2,lr=0.003].training.epochs") == [
        "models",
        "rnn[units=2,lr=0.003]",
        "training",
        "epochs",
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("training.epochs=5", ("training.epochs", "5")),
        (
            "models.a[lr=0.1].training.epochs=5",
            ("models.a[lr=0.1].training.epochs", "5"),
        ),
        ("models.m.arguments.x=[a=1]", ("models.m.arguments.x", "[a=1]")),
        ("training.epochs", ("", "")),
        ("a=b=c", ("a", "b=c")),
    ],
)
def test_a_setting_is_divided_at_the_first_equals_sign_outside_of_a_name(text, parts):
    assert split_setting(text) == parts
