from pathlib import Path

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def test_the_table_is_that_of_the_reference_run():
    assert (ROOT / "results/reference/all/table.md").read_text().strip() in README


def test_the_speed_table_is_that_of_the_reference_run():
    tables = (ROOT / "results/reference/speed/speed.md").read_text()

    assert tables.partition("\n| contender")[0].strip() in README


def test_ci_runs_the_readmes_test_command():
    (command,) = [line for line in README.splitlines() if line.endswith(".venv/bin/pytest")]

    assert command in (ROOT / ".ci/run").read_text().splitlines()
