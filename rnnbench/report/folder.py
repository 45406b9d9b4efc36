"""Writing what a reader wants into the folder of a run."""

from pathlib import Path

from rnnbench.errors import UserError
from rnnbench.report.table import accuracy_table, to_csv, to_markdown
from rnnbench.results.schema import Results
from rnnbench.storage import write_text


def write_config(folder: Path, config: str) -> None:
    """Write the resolved config as ``config.yaml``, before anything is trained.

    Raises:
        UserError: the folder cannot be written to.
    """
    try:
        write_text(folder / "config.yaml", config)
    except OSError as error:
        raise UserError(f"{folder}: cannot write there: {error.strerror}") from error


def write_report(folder: Path, results: Results) -> None:
    """Write ``results.json``, ``table.md`` and ``table.csv``."""
    write_text(folder / "table.md", to_markdown(accuracy_table(results)))
    write_text(folder / "table.csv", to_csv(results))
    write_text(folder / "results.json", results.model_dump_json(indent=1) + "\n")
