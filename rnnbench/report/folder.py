"""Writing what a reader wants into the folder of a run."""

import json
from pathlib import Path
from typing import Any

from rnnbench.report.table import accuracy_table, to_csv, to_markdown
from rnnbench.results.schema import Results
from rnnbench.storage import write_text


def write_report(
    folder: Path, results: Results, config: str, environment: dict[str, Any] | None
) -> None:
    """Write ``results.json``, ``table.md``, ``table.csv``, ``config.yaml``, ``environment.json``.

    Args:
        folder: of the run.
        results: the summary of all trials.
        config: the resolved config as YAML.
        environment: on what it was trained; ``None`` where nothing was trained now, and what
            was written then stays true.
    """
    table = accuracy_table(results)
    write_text(folder / "config.yaml", config)
    if environment is not None:
        write_text(folder / "environment.json", json.dumps(environment, indent=1) + "\n")
    write_text(folder / "table.md", to_markdown(table))
    write_text(folder / "table.csv", to_csv(results))
    write_text(folder / "results.json", results.model_dump_json(indent=1) + "\n")
