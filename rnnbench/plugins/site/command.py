"""The command ``rnnbench site``."""

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.plugin import console, find_quantity, options, quantity_names

EXAMPLES = options.examples(
    "rnnbench site results/*",
    "rnnbench site nightly/* --out public --metric macro_f1 --metric ms_per_step",
    "rnnbench site results/* --words 60 --json",
)
OUT = "The folder of the site: new, empty, or with an earlier site."
WORDS = "Words shown of each misclassified document, if you may publish them."
METRIC = (
    "Metric of leaderboards and histories; repeatable; by default the main metric. "
    f"METRIC: {options.QUANTITIES}."
)
Metrics = Annotated[
    list[str] | None,
    typer.Option(
        metavar="METRIC", help=METRIC, autocompletion=quantity_names, show_default=False
    ),
]


def site(
    runs: options.Runs,
    out: Annotated[Path, options.new_folder(help=OUT)] = Path("site"),
    metric: Metrics = None,
    words: Annotated[int, options.number(help=WORDS, min=0)] = 0,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Make static pages from all RUNs, to publish or to open in a browser.

    FOLDER/index.html lists the runs. From there, links lead to the report of each run,
    to the leaderboards with a critical-difference diagram, and to the history of each
    config that was run more than once on the same documents. The pages load nothing and
    have relative links only. The next site in the same FOLDER replaces this one; a
    folder that holds other things is refused.
    """
    for name in metric or ():
        find_quantity(name, "--metric")
    from rnnbench.plugin import SITE, load_runs, read_record
    from rnnbench.plugins.site.folder import SiteFiles
    from rnnbench.plugins.site.site import site as write_site

    index = write_site(
        load_runs(runs),
        out,
        metrics=metric,
        words=words,
        progress=not quiet,
        command=options.command(),
    )
    if as_json:
        files, _ = read_record(out / SITE, SiteFiles)
        record = {"folder": str(out), **files.model_dump()}
        console.print_record(record, as_json=True)
    else:
        console.out.print(str(index), soft_wrap=True)
