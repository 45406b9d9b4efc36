"""Try to break rnnbench with random and listed cases, and print a table of the
findings.

It works in a temporary folder, on made-up newswires, and needs Linux::

    python campaigns --short
    python campaigns --only kills,flips --kills 20 --seed 7
    python campaigns --only kills --seed 7 --case 12

The last command repeats one case. The exit status is 1 if there are findings.
"""

import argparse
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
# In place of this folder, whose modules would hide others.
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]

from campaigns import (  # noqa: E402
    arm64,
    configs,
    damage,
    hostile,
    kills,
    leftovers,
    outputs,
    owned,
    resources,
    tables,
    undeclared,
    workers,
)
from campaigns.bench import make_bench  # noqa: E402
from campaigns.campaign import as_text, carry_out  # noqa: E402

CAMPAIGNS = {
    "kills": kills.CAMPAIGN,
    "workers": workers.CAMPAIGN,
    "flips": damage.FLIPS,
    "configs": configs.CAMPAIGN,
    "resources": resources.CAMPAIGN,
    "hostile": hostile.CAMPAIGN,
    "forgeries": damage.FORGERIES,
    "owned": owned.CAMPAIGN,
    "undeclared": undeclared.CAMPAIGN,
    "tables": tables.CAMPAIGN,
    "leftovers": leftovers.CAMPAIGN,
    "outputs": outputs.CAMPAIGN,
    "arm64": arm64.CAMPAIGN,
}


def main(arguments):
    """Carry out campaigns and print what they found; return the exit status."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    description = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python campaigns", description=description)
    parser.add_argument(
        "--seed", type=int, default=0, help="the seed of all random choices (0)"
    )
    parser.add_argument(
        "--short", action="store_true", help="fewer cases, in half a minute"
    )
    parser.add_argument("--only", metavar="NAME,NAME", help=", ".join(CAMPAIGNS))
    parser.add_argument(
        "--case", type=int, metavar="K", help="only this case of each campaign"
    )
    for name, campaign in CAMPAIGNS.items():
        what = f"cases of {name} ({campaign.long:,})"
        parser.add_argument(f"--{name}", type=int, metavar="N", help=what)
    given, outcomes = parser.parse_args(arguments), []
    names = given.only.split(",") if given.only else list(CAMPAIGNS)
    if unknown := sorted({*names} - {*CAMPAIGNS}):
        parser.error(f"argument --only: no campaign {', '.join(unknown)}")
    with TemporaryDirectory(prefix="campaigns-") as folder:
        bench = make_bench(Path(folder, "bench"))
        for name in names:
            campaign, count = CAMPAIGNS[name], getattr(given, name)
            if count is None:
                count = campaign.short if given.short else campaign.long
            numbers = campaign.numbers(count) if given.case is None else [given.case]
            if numbers:
                outcomes.append(carry_out(name, campaign, given.seed, numbers, bench))
    sys.stdout.write(as_text(outcomes, given.seed))
    return 1 if any(outcome.findings for outcome in outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
