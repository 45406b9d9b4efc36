from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rnnbench.cli.app import app


@pytest.fixture
def cli():
    """Run a command line in this process."""

    def run(*arguments, stdin=None):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], input=stdin)

    return run


@pytest.fixture(scope="session")
def run_apart(tiny_sgml: dict[str, bytes]) -> Callable[..., Any]:
    """Run a config in a folder of its own, on made-up documents, with one worker."""

    def run(folder: Path, config: str, *arguments: str) -> Any:
        (folder / "sgml").mkdir()
        for name, content in tiny_sgml.items():
            (folder / "sgml" / name).write_bytes(content)
        (folder / "tiny.yaml").write_text(config)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            patch.setenv("RNNBENCH_CACHE", str(folder / "cache"))
            done = CliRunner().invoke(app, ["run", "tiny.yaml", "--jobs", "1", *arguments])
        assert done.exit_code == 0, done.output
        return done

    return run
