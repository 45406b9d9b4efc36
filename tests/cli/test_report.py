import json

from factories import run_folder

ANSWERS = {"rnn": [(0, 0, 0, 1), (0, 0, 1, 1)]}


def test_a_finished_run_gets_its_report(cli, tmp_path):
    folder = run_folder(tmp_path / "run", ANSWERS)

    done = cli("report", folder)

    assert done.exit_code == 0, done.stderr
    assert done.stdout.strip() == str(folder / "report.html")
    assert (folder / "report.md").is_file()


def test_a_folder_without_a_finished_run_is_named_with_what_to_do(cli, tmp_path):
    done = cli("report", tmp_path)

    assert done.exit_code == 2
    assert f"{tmp_path}: no results.json in it" in done.stderr


def test_a_damaged_run_is_named_and_not_shown(cli, tmp_path):
    folder = run_folder(tmp_path / "run", ANSWERS)
    results = json.loads((folder / "results.json").read_text())
    results["models"][0]["metrics"]["accuracy"]["mean"] = 0.99
    (folder / "results.json").write_text(json.dumps(results))

    done = cli("report", folder)

    assert done.exit_code == 2
    assert "results.json: its content has another checksum" in done.stderr
    assert not (folder / "report.html").exists()
