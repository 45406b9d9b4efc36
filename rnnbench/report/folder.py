"""Writing the files of a run that people read."""

import tempfile
from pathlib import Path

from rnnbench.errors import UserError
from rnnbench.report.speed import to_speed_markdown
from rnnbench.report.table import result_tables, to_csv, to_markdown
from rnnbench.results.run import RESULTS, save_results
from rnnbench.results.schema import Results
from rnnbench.results.speed import SpeedResults
from rnnbench.storage import write_text

PAGES = ("report.html", "report.md")
"""The files that ``rnnbench report`` writes into the folder of a run, besides the plots."""


def check_folder(folder: Path) -> None:
    """Make the folder of a run, before anything is trained.

    Raises:
        UserError: it cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"{folder}: cannot write there: {error.strerror}") from error


def write_report(folder: Path, results: Results, config: str) -> None:
    """Write ``results.json``, ``table.md``, ``table.csv``, and the resolved ``config.yaml``.

    If the results differ from those in the folder, an old report is removed.
    """
    before = folder / RESULTS
    old = before.read_bytes() if before.is_file() else b""
    write_text(folder / "config.yaml", config)
    write_text(folder / "table.md", "\n".join(map(to_markdown, result_tables(results))))
    write_text(folder / "table.csv", to_csv(results))
    save_results(folder, results)
    if before.read_bytes() != old:
        for page in PAGES:
            (folder / page).unlink(missing_ok=True)


def write_speed(folder: Path, results: SpeedResults, config: str) -> None:
    """Write ``speed.json``, ``speed.md``, and the resolved ``speed-config.yaml``."""
    write_text(folder / "speed-config.yaml", config)
    write_text(folder / "speed.json", results.model_dump_json(indent=1) + "\n")
    write_text(folder / "speed.md", to_speed_markdown(results))
