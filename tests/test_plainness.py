"""How plain the code of the package is: what is counted here may fall, but not rise.

A failure prints the places with the most of it. Lower a ceiling when the code allows it.
Ruff counts the rest: long lines, long and branching functions, ambiguous names.
"""

import ast
import io
import tokenize
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

import pytest

import rnnbench

PACKAGE = Path(rnnbench.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
TREES = {file: ast.parse(file.read_text(encoding="utf-8")) for file in FILES}
NAMES = {
    ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(
        ".__init__"
    ): file
    for file in FILES
}
VAGUE = {
    *("own", "of", "one", "found", "it", "facts", "given"),
    *("several", "whole", "what", "each", "known", "named"),
}
"""Names of variables that say nothing of their value."""
COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
LAYOUT = {
    tokenize.COMMENT,
    tokenize.NL,
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENDMARKER,
}
CEILINGS = {
    "comprehensions": 833,
    "ternaries": 157,
    "pairs of assignments": 2,
    "assignments in expressions": 3,
    "splats": 35,
    "calls of isinstance": 116,
    "Any": 74,
    "vague names": 8,
}
TOKENS_A_LINE = 8.5
FLOORS = (
    *(
        "plugins",
        "cli",
        "suspects",
        "choice",
        "outside",
        "runs",
        "api",
        "finished",
        "classifier",
        "prediction",
        "job",
        "request",
    ),
    *(
        "terminal",
        "runner",
        "shown",
        "report",
        "analysis",
        "results",
        "config",
        "tracking",
    ),
    *("training", "models", "data", "scoring", "metrics", "tasks", "labels"),
    *("points", "environment", "storage", "section", "registry", "leftovers"),
    *("stats", "errors", "text"),
)
"""The rooms of the house, from the top down, as CONTRIBUTING.md draws them."""
FACES = {"__init__", "__main__", "command", "json_schema", "plugin"}
"""Modules that stand for others, or that only the command line imports."""


def kinds_of(node):
    """Yield what a node is counted as."""
    if isinstance(node, COMPREHENSIONS):
        yield "comprehensions"
    elif isinstance(node, ast.IfExp):
        yield "ternaries"
    elif isinstance(node, ast.NamedExpr):
        yield "assignments in expressions"
    elif isinstance(node, ast.keyword) and node.arg is None:
        yield "splats"
    elif isinstance(node, ast.Assign):
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            yield "pairs of assignments"
    elif isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            yield "calls of isinstance"
    elif isinstance(node, ast.arg) and node.arg in VAGUE:
        yield "vague names"
    elif isinstance(node, ast.Name):
        if node.id == "Any":
            yield "Any"
        if node.id in VAGUE and isinstance(node.ctx, ast.Store):
            yield "vague names"


def docstring_lines(tree):
    for node in ast.walk(tree):
        is_statement = isinstance(node, ast.Expr)
        value = node.value if is_statement else None
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield from range(node.lineno, node.end_lineno + 1)


def tokens_and_lines(file, tree):
    """Return the tokens of a file and its lines, without docstrings and comments."""
    silent = set(docstring_lines(tree))
    n_tokens = 0
    lines = set()
    text = file.read_text(encoding="utf-8")
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in LAYOUT and token.start[0] not in silent:
            n_tokens += 1
            lines.update(range(token.start[0], token.end[0] + 1))
    return n_tokens, len(lines)


@cache
def counts():
    """Return how often each kind occurs in each file, ``{kind: Counter}``."""
    places = defaultdict(Counter)
    for file, tree in TREES.items():
        name = file.relative_to(PACKAGE).as_posix()
        for node in ast.walk(tree):
            for kind in kinds_of(node):
                places[kind][name] += 1
    return places


@pytest.mark.parametrize("kind", CEILINGS)
def test_the_code_is_as_plain_as_it_was(kind):
    places = counts()[kind]

    assert places.total() <= CEILINGS[kind], places.most_common(10)


def test_a_line_carries_no_more_than_it_did():
    n_tokens = 0
    n_lines = 0
    densities = Counter()
    for file, tree in TREES.items():
        tokens, lines = tokens_and_lines(file, tree)
        n_tokens += tokens
        n_lines += lines
        densities[file.relative_to(PACKAGE).as_posix()] = tokens / max(lines, 1)

    assert n_tokens / n_lines <= TOKENS_A_LINE, densities.most_common(10)


def imported(name, file):
    """Yield the modules of the package that a module imports, wherever it does so."""
    package = name if file.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(TREES[file]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            around = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*around, *([node.module] if node.module else [])])
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                yield whole if whole in NAMES else base


def test_no_imports_go_in_a_circle():
    """Those inside functions and for types count, too."""
    arrows = {
        name: {other for other in imported(name, file) if other in NAMES} - {name}
        for name, file in NAMES.items()
    }
    circles = []
    for name in NAMES:
        reached = set()
        waiting = [*arrows[name]]
        while waiting:
            other = waiting.pop()
            if other not in reached:
                reached.add(other)
                waiting += arrows[other]
        if name in reached:
            circles.append(name)

    assert circles == []


def room_of(name):
    """Return the room of a module of the package."""
    return f"{name}.__init__".split(".")[1]


def test_every_room_has_a_floor():
    assert {*map(room_of, NAMES)} == {*FLOORS} | FACES


def test_no_import_goes_up():
    upward = []
    for name, file in NAMES.items():
        for other in imported(name, file):
            floors = [room_of(name), room_of(other)]
            if other in NAMES and FACES.isdisjoint(floors):
                start, end = map(FLOORS.index, floors)
                if end < start:
                    upward.append(f"{name} imports {other}")

    assert upward == []


def each_test():
    """Yield each test of the package."""
    for file in sorted(Path(__file__).parent.rglob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node


def test_a_test_is_about_one_thing():
    names = [test.name for test in each_test() if "_and_" in test.name]

    assert len(names) <= 49, names


def test_a_test_has_few_asserts():
    names = []
    for test in each_test():
        if sum(isinstance(node, ast.Assert) for node in ast.walk(test)) > 5:
            names.append(test.name)

    assert len(names) <= 26, names
