"""Clusters that a verdict was not told of."""

import numpy as np
import pytest

from rnnbench import UserError, verdict


@pytest.mark.parametrize("order", ["as given", "shuffled"])
def test_ids_of_python_name_clusters(order, caplog):
    random = np.random.default_rng(0)
    right = np.repeat(random.random(100) < 0.8, 6).astype(int)
    ids = np.array([f"passage{place // 6}-{place % 6}" for place in range(600)])
    places = np.arange(600) if order == "as given" else random.permutation(600)

    verdict(np.ones(600, int), {"mine": right[places]}, ids=ids[places])

    assert "documents whose 'id' begins alike (100 clusters)" in caplog.text


def test_columns_are_those_of_the_documents_that_count(caplog):
    random = np.random.default_rng(0)
    right = np.repeat(random.random(100) < 0.8, 6).astype(int).tolist()
    passages = [f"p{place // 6}" for place in range(600)]
    right[::7] = [None] * len(right[::7])

    verdict([1] * 600, {"mine": right}, columns={"passage": passages}, missing="drop")

    assert "documents with the same 'passage' (100 clusters)" in caplog.text


def test_a_column_of_another_length_is_refused():
    with pytest.raises(UserError, match="columns: passage: 1 value, but 2 documents"):
        verdict([1, 2], {"mine": [1, 1]}, columns={"passage": ["a"]})
