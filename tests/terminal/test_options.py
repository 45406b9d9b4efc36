import sys
from pathlib import Path

from rnnbench.terminal.options import line


def test_the_program_is_called_by_its_path_where_the_shell_does_not_find_it(monkeypatch, tmp_path):
    here, other = tmp_path / "here" / "rnnbench", tmp_path / "other" / "rnnbench"
    for program in (here, other):
        program.parent.mkdir()
        program.touch(mode=0o755)
    monkeypatch.setattr(sys, "argv", [str(here), "run", "all"])

    monkeypatch.setenv("PATH", str(other.parent))
    assert line("report", Path("my results")) == f"{here} report 'my results'"
    monkeypatch.setenv("PATH", str(here.parent))
    assert line("report", Path("results")) == "rnnbench report results"
    monkeypatch.setattr(sys, "argv", ["rnnbench/__main__.py", "run", "all"])
    assert line("report") == "rnnbench report"
