import pytest
from factories import run_folder


@pytest.fixture
def folder(tmp_path):
    return run_folder(tmp_path / "run", {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)]})


def test_a_finished_run_gets_its_report(cli, folder):
    done = cli("report", folder)

    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == str(folder / "report.html")
    assert (folder / "report.md").is_file()


def test_a_folder_that_cannot_be_written_to_is_named(cli, folder):
    (folder / "plots").touch()

    done = cli("report", folder)

    assert done.exit_code == 2
    assert f"{folder / 'plots'}: cannot be written: " in done.stderr
