"""Columns of 0 and 1, one for each label, such as ``true_a,true_b,pred_a,pred_b``."""

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np

from rnnbench.data.sources.tables import INDICATORS
from rnnbench.errors import UserError
from rnnbench.outside.columns import Column, classes_from

GOLD = ("true", "y_true", "gold", "label", "actual", "target", "y_test", "")
PREDICTED = ("predicted", "pred", "y_pred", "prediction")
FORMS = ("{0}_{1}", "{1}_{0}")  # of a word and a label


def pairs_of_columns(header: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return the columns with the truth about each label and with the answers.

    >>> pairs_of_columns(["true_a", "true_b", "pred_a", "pred_b"])["b"]
    ('true_b', 'pred_b')
    >>> pairs_of_columns(["a", "b", "predicted_a", "predicted_b"])["b"]
    ('b', 'predicted_b')
    """
    in_header = set(header)
    for gold, predicted, form in product(GOLD, PREDICTED, FORMS):
        start, end = form.format(predicted, "\n").split("\n")
        pairs = {}
        for name in header:
            label = name.removeprefix(start).removesuffix(end)
            truth = label
            if gold:
                truth = form.format(gold, label)
            if name == form.format(predicted, label) and truth in in_header:
                pairs[label] = (truth, name)
        if len(pairs) > 1:
            return pairs
    return {}


def labels_of(columns: Mapping[str, Column], option: str | None) -> Column | None:
    """Return the labels of each row, as lists, from columns of 0 and 1.

    Other columns are ignored, or refused if an ``option`` names all; without two
    columns, it is ``None``.
    """
    names = []
    indicators = []
    for name, column in columns.items():
        are_true = [INDICATORS.get(str(value).lower()) for value in column.values]
        if None not in are_true:
            names.append(name)
            indicators.append(np.array(are_true, bool)[column.codes])
        elif option:
            raise UserError(f"{option}: '{name}' should have 0 or 1 in each row")
    if len(names) < 2:
        return None
    return Column.of(classes_from(1, np.stack(indicators, 1), names, "labels"))
