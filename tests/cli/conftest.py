import pytest
from typer.testing import CliRunner

from rnnbench.cli.app import app


@pytest.fixture
def cli():
    """Run the command line in this process."""

    def run(*arguments):
        return CliRunner().invoke(app, [str(argument) for argument in arguments])

    return run
