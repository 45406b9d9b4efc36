"""The answers to the configs in ``wrong_configs.yaml``, kept in ``wrong_configs.txt``.

After a deliberate change of a message, ``python tests/config/test_messages.py`` writes
the answers again, and ``git diff`` shows the new messages.
"""

import re
from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import yaml

from rnnbench.config.load import Override, load
from rnnbench.config.nodes import ConfigError
from rnnbench.points import split_setting

CONFIGS = Path(__file__).with_name("wrong_configs.yaml")
ANSWERS = Path(__file__).with_name("wrong_configs.txt")


def read_cases():
    """Return the files, by name, and the flags of each ``group: case``."""
    groups = yaml.safe_load(CONFIGS.read_text(encoding="utf-8"))
    small = groups["values"]["small"]
    all_cases = {}
    for group, parts in groups.items():
        around = parts.get("in", "$case")
        cases = parts.get("cases", {})
        if isinstance(cases, list):
            cases = dict(zip(cases, cases, strict=True))
        for name, case in cases.items():
            all_cases[f"{group}: {name}"] = (_files(case, around, small), [])
        for flag in parts.get("flags", ()):
            files = _files(around, "$case", small)
            all_cases[f"{group}: {flag}"] = (files, [override(flag)])
    return all_cases


def _files(case, around, small):
    if isinstance(case, dict):
        return {file: text.replace("$small\n", small) for file, text in case.items()}

    def with_case(line):
        indent, start = line.groups()
        return indent + start + case.rstrip("\n").replace("\n", f"\n{indent}")

    text = re.sub(r"^( *)(.*)\$case$", with_case, around, flags=re.MULTILINE)
    return {"bad.yaml": f"{text}\n".replace("$small\n", small)}


def override(text: str) -> Override:
    """Return the value that ``--flag key=value`` sets."""
    flag, setting = text.split(" ", 1)
    if flag == "--set":
        flag = text
    return Override(flag, *split_setting(setting))


def answer(files, flags):
    """Return the answer to a wrong config, the file ``bad.yaml`` of ``files``."""
    with TemporaryDirectory() as folder, chdir(folder):
        for name, text in files.items():
            file = Path(name)
            file.parent.mkdir(exist_ok=True)
            file.write_text(text, encoding="utf-8", newline="")
        try:
            return f"accepted: {load(Path('bad.yaml'), flags)}"
        except ConfigError as error:
            return str(error)


CASES = read_cases()
RECORDED = {}
for block in ANSWERS.read_text(encoding="utf-8").split("\n\n"):
    title, *lines = block.splitlines()
    RECORDED[title.removeprefix("# ")] = lines


@pytest.mark.parametrize("case", CASES)
def test_a_wrong_config_is_answered_as_recorded(case):
    hint = "to accept the new message, see the top of this file"
    assert answer(*CASES[case]).splitlines() == RECORDED.get(case), hint


def test_no_answer_is_left_from_a_case_that_is_gone():
    assert set(RECORDED) == set(CASES)


if __name__ == "__main__":
    blocks = [f"# {name}\n{answer(*case)}" for name, case in CASES.items()]
    ANSWERS.write_text("\n\n".join(blocks), encoding="utf-8")
