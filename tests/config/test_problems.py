"""What is wrong with a config, as it is printed."""

from rnnbench.config.problems import ConfigError, Problem
from rnnbench.errors import UserError


def test_a_config_error_is_the_users_and_lists_its_problems():
    problems = (Problem("a.yaml:1", "name", "missing key"), Problem("b.yaml", "", "no such file"))
    error = ConfigError(problems)
    assert isinstance(error, UserError)
    assert error.problems == problems
    assert str(error) == "a.yaml:1: name: missing key\nb.yaml: no such file"


def test_problems_are_read_by_file_then_line_then_key():
    in_order = [
        Problem("--epochs", "training.epochs", "got 0"),
        Problem("a.yaml", "", "no such file"),
        Problem("b.yaml:2", "data", "got 1"),
        Problem("b.yaml:2", "name", "got 1"),
        Problem("b.yaml:10", "data", "got 1"),
    ]
    shuffled = [in_order[index] for index in (3, 1, 4, 0, 2)]
    assert sorted(shuffled, key=lambda problem: problem.reading_order) == in_order
