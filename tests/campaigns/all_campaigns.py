"""Try to break rnnbench with random and listed cases, and print a table of the findings.

It works in a temporary folder, on made-up newswires, and needs Linux::

    python tests/campaigns --short
    python tests/campaigns --only kills,flips --kills 20 --seed 7
    python tests/campaigns --only kills --seed 7 --case 12

The last command repeats one case. The exit status is 1 if there are findings.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from campaigns import configs, flips, forgeries, hostile, kills, mixing, owned, resources, workers
from campaigns.bench import make_bench
from campaigns.campaign import Campaign, Outcome, carry_out

from rnnbench.report.table import Table, to_markdown

CAMPAIGNS: dict[str, Campaign] = {
    "kills": kills.CAMPAIGN,
    "workers": workers.CAMPAIGN,
    "flips": flips.CAMPAIGN,
    "configs": configs.CAMPAIGN,
    "resources": resources.CAMPAIGN,
    "mixing": mixing.CAMPAIGN,
    "hostile": hostile.CAMPAIGN,
    "forgeries": forgeries.CAMPAIGN,
    "owned": owned.CAMPAIGN,
}


def main(arguments: Sequence[str]) -> int:
    """Carry out campaigns and print what they found; return the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    given = _parser().parse_args(arguments)
    names = given.only.split(",") if given.only else list(CAMPAIGNS)
    numbers = {
        name: _numbers(CAMPAIGNS[name], getattr(given, name), given.case, short=given.short)
        for name in names
    }
    outcomes = carry_out_all(numbers, given.seed)
    sys.stdout.write(as_text(outcomes, given.seed))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


def carry_out_all(numbers: Mapping[str, Sequence[int]], seed: int) -> list[Outcome]:
    """Carry out campaigns, by name, with the numbers of their cases."""
    outcomes = []
    with TemporaryDirectory(prefix="campaigns-") as folder:
        bench = make_bench(Path(folder, "bench"))
        for name, cases in numbers.items():
            outcomes.append(carry_out(name, CAMPAIGNS[name], seed, cases, bench))
            found = len(outcomes[-1].findings)
            print(f"{name}: {len(cases)} cases, {found} findings", file=sys.stderr)  # noqa: T201
    return outcomes


def as_text(outcomes: Sequence[Outcome], seed: int) -> str:
    """Return a table of the campaigns, all findings, and the reasons why cases were skipped."""
    rows = [
        [each.name, *(f"{n:,}" for n in (each.cases, len(each.findings), round(each.seconds)))]
        for each in outcomes
    ]
    caption = f"Seed {seed}. Findings are listed below, each with the command that repeats it."
    table = Table(["campaign", "cases", "findings", "seconds"], rows, caption)
    lines = []
    for finding in (finding for each in outcomes for finding in each.findings):
        command = f"--only {finding.campaign} --seed {seed} --case {finding.case}"
        what = finding.what.encode("unicode_escape").decode()
        lines += [f"- `python tests/campaigns {command}`", f"  {what}"]
    skipped = [f"- skipped: {reason}" for each in outcomes for reason in each.skipped]
    return "\n".join([to_markdown(table), *lines, *skipped, ""])


def _numbers(
    campaign: Campaign, count: int | None, case: int | None, *, short: bool
) -> Sequence[int]:
    """Return the numbers of the cases that the options ask for."""
    if case is not None:
        return [case]
    if count is None:
        count = campaign.short if short else campaign.long
    return campaign.numbers(count)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python tests/campaigns", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--seed", type=int, default=0, help="the seed of all random choices (0)")
    parser.add_argument("--short", action="store_true", help="fewer cases, in a minute or two")
    parser.add_argument("--only", metavar="NAME,NAME", type=_names, help=", ".join(CAMPAIGNS))
    parser.add_argument("--case", type=int, metavar="K", help="only this case of each campaign")
    for name, campaign in CAMPAIGNS.items():
        what = f"cases of {name} ({campaign.long:,})"
        parser.add_argument(f"--{name}", type=int, metavar="N", help=what)
    return parser


def _names(text: str) -> str:
    unknown = set(text.split(",")) - set(CAMPAIGNS)
    if unknown:
        raise argparse.ArgumentTypeError(f"no campaign {', '.join(sorted(unknown))}")
    return text
