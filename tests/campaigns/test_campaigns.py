"""A campaign reports what there is."""

from campaigns.bench import Bench
from campaigns.campaign import Campaign, Skip, as_text, carry_out


def attempt(number, random, context, folder):
    assert context == "shared"
    assert not list(folder.iterdir())
    if number == 1:
        raise Skip("not here")
    if number == 2:
        raise ValueError("oh")
    yield f"drew {random.randrange(10**9)}"


def test_findings_come_with_the_command_that_repeats_them_alone(tmp_path):
    made_up = Campaign(3, 3, attempt, prepare=lambda _bench, _folder: "shared")

    outcome, *alone = (
        carry_out("made-up", made_up, seed, numbers, Bench(tmp_path))
        for seed, numbers in [(7, range(4)), (7, [3]), (8, [3])]
    )

    (_, drew), (_, failed), last = outcome.findings
    assert [last] == alone[0].findings != alone[1].findings
    assert "ValueError: 'oh'" in failed
    text = as_text([outcome], seed=7)
    assert "| made-up | 3 | 3 | " in text
    assert f"--only made-up --seed 7 --case 0`\n  {drew}" in text
    assert "- skipped: made-up 1: not here" in text


def test_the_cases_of_a_list_are_spread_over_it():
    listed = Campaign(10, 3, attempt, is_list=True)

    assert [list(listed.numbers(count)) for count in (3, 10)] == [
        [0, 4, 8],
        list(range(10)),
    ]
