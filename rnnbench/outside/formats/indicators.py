"""Columns of 0 and 1, one for each label, such as ``true_a,true_b,pred_a,pred_b``."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from rnnbench.outside.columns import Column

GOLD = ("true", "y_true", "gold", "label", "actual", "target", "y_test")
PREDICTED = ("pred", "y_pred", "predicted", "prediction")
FORMS = ("{0}_{1}", "{1}_{0}")  # of a word and a label
ONES = {"0": False, "0.0": False, "False": False, "1": True, "1.0": True, "True": True}


def pairs_of_columns(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the columns with the truth about each label and with the answers.

    >>> pairs_of_columns(["true_a", "true_b", "pred_a", "pred_b"])["b"]
    ('true_b', 'pred_b')
    """
    in_header = set(header)
    for gold, predicted, form in product(GOLD, PREDICTED, FORMS):
        start, end = form.format(gold, "\n").split("\n")
        pairs = {}
        for name in header:
            label = name.removeprefix(start).removesuffix(end)
            column = form.format(predicted, label)
            if name == form.format(gold, label) and column in in_header:
                pairs[label] = (name, column)
        if len(pairs) > 1:
            return pairs
    return {}


def labels_of(columns: Mapping[str, Column]) -> Column | None:
    """Return the labels of each row, as lists, from columns of 0 and 1.

    Other columns are ignored; without two columns, it is ``None``.
    """
    names = []
    indicators = []
    for name, column in columns.items():
        values = list(map(str, column.values))
        if ONES.keys() >= set(values):
            are_true = np.array(list(map(ONES.get, values)), bool)
            names.append(name)
            indicators.append(are_true[column.codes])
    if len(names) < 2:
        return None
    labels = np.array(names, object)
    lists = map(np.ndarray.tolist, map(labels.__getitem__, np.stack(indicators, 1)))
    return Column.of(lists)
