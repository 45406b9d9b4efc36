"""The page ``commands.md``, made from the command line itself."""

import re
from collections.abc import Iterator
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

INTRODUCTION = """\
# Commands

This page is made from the command line itself. `rnnbench COMMAND --help` says the same.
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the page to those of the site."""
    files.append(File.generated(config, "commands.md", content=commands_page()))
    return files


def commands_page() -> str:
    """Return the page: a section for each command, those of a group below it."""
    from typer.main import get_command

    from rnnbench.cli.app import COMMANDS, app

    group: Any = get_command(app)
    sections = [
        part
        for name in COMMANDS
        for words, command in _commands(load(group, name), ("rnnbench", name))
        for part in _section(words, command)
    ]
    return "\n\n".join([INTRODUCTION, *sections, ""])


def load(group: Any, name: str) -> Any:
    """Return a command as it is run; the group has only its line in the list."""
    context = group.make_context("rnnbench", [], resilient_parsing=True)
    _, command, _ = group.resolve_command(context, [name])
    return command


def _commands(
    command: Any, words: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield a command and all below it, each with the words that call it."""
    yield words, command
    for name, entry in getattr(command, "commands", {}).items():
        yield from _commands(entry, (*words, name))


def _section(words: tuple[str, ...], command: Any) -> Iterator[str]:
    name = " ".join(words)
    yield f"{'#' * len(words)} `{name}` {{ #{'-'.join(words[1:])} }}"
    yield (command.help or "").strip()
    if not hasattr(command, "commands"):
        context = command.context_class(command, info_name=name)
        pieces = map(_usage, command.collect_usage_pieces(context))
        yield f"```text\n{' '.join([name, *pieces])}\n```"
        for kind in ("argument", "option"):
            found = [entry for entry in command.params if entry.param_type_name == kind]
            yield from _table(kind, [entry.get_help_record(context) for entry in found])
    if examples := re.findall(r"^- `(.+)`$", command.epilog or "", re.MULTILINE):
        yield "\n".join(["```console", *examples, "```"])


def _usage(piece: str) -> str:
    """Return the name of an argument in capitals, without braces."""
    return re.sub(r"\{(\w+)\}", lambda found: found[1].upper(), piece)


def _table(title: str, records: list[tuple[str, str] | None]) -> Iterator[str]:
    """Yield a table of arguments or options with their help, if there are any."""
    rows = [
        f"| {_code(entry[0], title)} | {_cell(entry[1])} |"
        for entry in records
        if entry
    ]
    if rows:
        yield "\n".join([f"| {title} | meaning |", "| --- | --- |", *rows])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _code(names: str, title: str) -> str:
    """Return the names of a parameter as code for the cell of a table."""
    if title == "argument":
        names = re.sub(r" <.*>$", "", names).upper()
    return f"`{names}`"
