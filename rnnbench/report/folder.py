"""Writing the files of a run that people read."""

from pathlib import Path

from rnnbench.data.vocabulary import Vocabulary
from rnnbench.report.table import result_tables, to_csv, to_markdown
from rnnbench.results.run import RESULTS, save_results
from rnnbench.results.schema import Results
from rnnbench.results.store import Store
from rnnbench.storage import write_text

PAGES = ("report.html", "report.md")
"""The files that ``rnnbench report`` writes into the folder of a run, besides the plots."""


def write_report(
    folder: Path, results: Results, config: str, vocabulary: Vocabulary | None = None
) -> None:
    """Write ``results.json``, ``table.md``, ``table.csv``, and the resolved ``config.yaml``.

    A vocabulary is stored too, so that the networks that were kept can read texts.

    If the results differ from those in the folder, an old report is removed.
    """
    before = folder / RESULTS
    old = before.read_bytes() if before.is_file() else b""
    tables = "\n".join(map(to_markdown, result_tables(results)))
    files = {"table.md": tables, "table.csv": to_csv(results), "config.yaml": config}
    if vocabulary is not None:
        Store(folder).save_vocabulary(vocabulary)
    for name, text in files.items():
        write_text(folder / name, text)
    save_results(folder, results)
    if before.read_bytes() != old:
        for page in PAGES:
            (folder / page).unlink(missing_ok=True)
