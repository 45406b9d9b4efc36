"""Problems in a config, as they are printed."""

from rnnbench.config.problems import ConfigError, Problem, key_path
from rnnbench.errors import UserError


def test_a_config_error_is_the_users_and_lists_its_problems():
    problems = (Problem("a.yaml:1", "name", "missing key"), Problem("b.yaml", "", "no such file"))
    error = ConfigError(problems)
    assert isinstance(error, UserError)
    assert error.problems == problems
    assert str(error) == "a.yaml:1: name: missing key\nb.yaml: no such file"


def test_problems_are_sorted_by_file_then_line_then_key():
    in_order = [
        Problem("--epochs", "training.epochs", "got 0"),
        Problem("a.yaml", "", "no such file"),
        Problem("b.yaml:2", "data", "got 1"),
        Problem("b.yaml:2", "name", "got 1"),
        Problem("b.yaml:10", "data", "got 1"),
    ]
    shuffled = [in_order[index] for index in (3, 1, 4, 0, 2)]
    assert sorted(shuffled, key=lambda problem: problem.reading_order) == in_order


def test_a_key_that_would_not_show_is_quoted():
    assert key_path(["models", "a b", 0, "", "c\n"]) == r"models.a b.0.''.'c\n'"
