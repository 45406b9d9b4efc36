"""``rnnbench site``: static pages about many runs."""

from rnnbench.plugin import RESULTS, Command

SITE = Command(
    "site", f"{__name__}.command:site", "Make web pages from many runs.", RESULTS
)
