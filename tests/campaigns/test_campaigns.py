"""The short form of the campaigns finds nothing; and a campaign does report what there is."""

import subprocess
import sys
from pathlib import Path

import pytest
from campaigns.bench import Bench
from campaigns.campaign import Campaign, Skip, as_text, carry_out


def test_the_short_form_finds_nothing():
    # In a process of its own: a child's peak memory counts what its parent had.
    command = [sys.executable, Path(__file__).parent, "--short"]

    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)

    assert done.returncode == 0, done.stdout + done.stderr


def _attempt(number, random, context, folder):
    assert context == "shared"
    assert not list(folder.iterdir())
    if number == 1:
        raise Skip("not here")
    if number == 2:
        raise ValueError("oh")
    yield f"drew {random.randrange(10**9)}"


@pytest.fixture
def made_up():
    return Campaign(3, 3, _attempt, prepare=lambda _bench, _folder: "shared")


def test_findings_come_with_the_command_that_repeats_them(made_up, tmp_path):
    outcome = carry_out("made-up", made_up, 7, range(3), Bench(tmp_path))

    (_, drew), (_, failed) = outcome.findings
    assert outcome.cases == 2
    assert "ValueError: 'oh'" in failed
    text = as_text([outcome], seed=7)
    assert "| made-up | 2 | 2 | " in text
    assert f"--only made-up --seed 7 --case 0`\n  {drew}" in text
    assert "- skipped: made-up 1: not here" in text


def test_a_case_draws_the_same_alone(made_up, tmp_path):
    def found(seed, numbers):
        return carry_out("made-up", made_up, seed, numbers, Bench(tmp_path)).findings

    assert found(7, [3, 5])[1:] == found(7, [5]) != found(8, [5])


def test_the_cases_of_a_list_are_spread_over_it(made_up):
    listed = Campaign(10, 3, made_up.attempt, is_list=True)

    assert list(listed.numbers(3)) == [0, 4, 8]
    assert list(listed.numbers(10)) == list(range(10))
    assert list(made_up.numbers(2)) == [0, 1]
