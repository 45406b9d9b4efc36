"""Texts of a program, stored beside the results of a run."""

import pytest

from rnnbench.errors import UserError
from rnnbench.results.overwriting import stored_texts

PARTS = {"train": "{}", "validation": "{}", "test": "{}"}


def test_a_part_of_an_earlier_run_is_not_read_with_those_of_another(tmp_path):
    with stored_texts(PARTS, tmp_path / "texts"):
        (tmp_path / "config.yaml").touch()
    without_validation = {"train": PARTS["train"], "test": PARTS["test"]}
    storing = stored_texts(without_validation, tmp_path / "texts")

    with pytest.raises(UserError, match=r"validation\.jsonl: holds other texts"):
        storing.__enter__()
