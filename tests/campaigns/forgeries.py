"""Forges results with valid checksums: they are refused, or shown without harm."""

import io
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from campaigns.bench import Bench
from campaigns.campaign import Campaign, at_most, spell, warnings_heard
from typer.testing import CliRunner

from rnnbench import Run, compare, leaderboard, load_run, predict
from rnnbench.cli.app import app
from rnnbench.errors import RnnbenchError
from rnnbench.storage import sha256_file, write_document

LONGEST = 60
"""Seconds that a reader may take; drawing plots takes a few."""
TEXTS = [
    *(
        "",
        "x",
        "../../x",
        "/x",
        "\x1b[31mforged\x1b[0m",
        "\x9b31m",
        "\x07\x08",
        "a\nb",
        "a\r",
        "\t",
    ),
    *("<img src=x onerror=forged()>", "<script>forged()</script>", "a|b", "`x`", "[x](forged:)"),
    *(
        "{{ 7 * 7 }}",
        "$x^2$",
        "$\\frac$",
        "\udcff",
        "earn",
        "others",
        "$",
        "\\frac",
        "\u202eforged",
        "é\U0001d4b3",
        "a" * 5_000,
        "rnn",
        "nan",
        "0",
    ),
    *(
        "log_probabilities",
        "margins",
        "compiled",
        "svg\0",
        "[bold]x[/bold]",
        "[/]",
        ":smile:",
        "%s{0}",
    ),
]
NUMBERS = [0, 1, 2, 3, -1, 7, 1.5, -0.5, 1e-300, 1e308, -1e308, 10**6, 2**31, 2**63, 10**30]
OTHERS = [None, True, False, [], {}, [[]], [None], {"x": 1}, [1, "x"], {"": {}}]
TARGETS = [
    *("results", "results", "results", "record", "record"),
    *("environment", "config", "predictions", "vocabulary"),
]
LIVE = re.compile(r"<(?:img|script)\b[^>]*>?[^<]*forged", re.IGNORECASE)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`|\\<", re.DOTALL | re.MULTILINE)
"""The parts of Markdown in which HTML is not alive."""
PAGES = re.compile(r"results/tiny/(?:report\.(?:html|md)|plots(?:/[\w-]+\.(?:svg|png))?|\.lock)")
"""The files that a report writes."""


def attempt(_number: int, random: Random, bench: Bench, folder: Path) -> Iterator[str]:
    """Yield what is wrong when a copy of a run is forged and read in every way."""
    forged = bench.copy_run(folder)
    target = random.choice(TARGETS)
    done = FORGERS[target](random, forged)
    before = _files_in(folder)
    with warnings_heard():
        for what in (*_misread(forged, bench.run), *_on_the_command_line(forged, bench.run)):
            yield f"{target}, {done}: {what}"
        if target == "vocabulary":
            yield from (f"{target}, {done}: {what}" for what in _predicted(forged))
    for name in sorted(_files_in(folder) - before):
        if not PAGES.fullmatch(name):
            yield f"{target}, {done}: {name} was written"


def _files_in(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


def _misread(forged: Path, clean: Path) -> Iterator[str]:
    """Yield what is wrong with what a program reads and writes."""
    runs: list[Run] = []
    yield from _harm("load_run", lambda: runs.append(load_run(forged)))
    if not runs:
        return
    run, whole = runs[0], load_run(clean)
    for model in run.results.models:
        right = np.mean([trial.accuracy for trial in run.trials[model.name]])
        if abs(model.accuracy.mean - right) > 1e-6:
            yield f"{model.name} has an accuracy of {model.accuracy.mean}, but {right} is right"
    yield from _harm("repr", lambda: repr(run))
    yield from _harm("HTML", run._repr_html_)
    yield from _harm("to_dicts", lambda: run.to_dicts() and None)
    yield from _harm("compare", lambda: repr(compare(whole, run)))
    yield from _harm("compare the other way", lambda: repr(compare(run, whole)))
    yield from _harm("leaderboard", lambda: repr(leaderboard([run, whole])))
    yield from _harm("write_report", lambda: run.write_report(words=0) and None)
    for file in (*forged.glob("report.*"), *forged.glob("plots/*.svg")):
        text = file.read_text("utf-8")
        yield from _harm(file.name, lambda text=text: text)


def _harm(name: str, read: Callable[[], str | None]) -> Iterator[str]:
    """Yield what is wrong with a reader: an exception, or harmful text."""
    try:
        with at_most(LONGEST):
            text = read() or ""
    except RnnbenchError:
        return
    except Exception as error:
        yield f"{name}: {spell(error)}"
        return
    yield from (f"{name}: {what}" for what in harmful(name, text))


def harmful(name: str, text: str) -> Iterator[str]:
    """Yield what in a text could do harm: to a terminal, or to the reader of a page."""
    if "\x1b" in text or "\x9b" in text:
        yield "a terminal escape code"
    is_markdown = name.endswith(".md")
    if name.endswith((".html", ".svg", ".md", "HTML")):
        found = LIVE.search(CODE.sub("", text) if is_markdown else text)
        if found:
            yield f"live HTML: {found.group()[:60]!r}"


def _on_the_command_line(forged: Path, clean: Path) -> Iterator[str]:
    """Yield what is wrong with the commands that show runs."""
    for command in (("leaderboard", forged), ("compare", clean, forged), ("report", forged)):
        words = ["--words", "0"] if command[0] == "report" else []
        with at_most(LONGEST):
            ended = CliRunner().invoke(app, [*map(str, command), *words])
        name = f"rnnbench {command[0]}"
        if ended.exception and not isinstance(ended.exception, SystemExit):
            yield f"{name}: {spell(ended.exception)}"
        if ended.exit_code not in (0, 1, 2, 3):
            yield f"{name}: exit status {ended.exit_code}"
        yield from (f"{name}: {what}" for what in harmful(name, ended.output))


def _predicted(forged: Path) -> Iterator[str]:
    try:
        run = load_run(forged)
        with at_most(LONGEST):
            predict(run, "rnn", "net profit rose")
    except RnnbenchError:
        return
    except Exception as error:
        yield f"predict: {spell(error)}"


def _forge_document(pattern: str) -> Callable[[Random, Path], str]:
    """Return a function that forges a JSON document and gives it a valid checksum."""

    def forge(random: Random, run: Path) -> str:
        file = random.choice(sorted(run.glob(pattern)))
        facts = json.loads(file.read_bytes())
        del facts["checksum"]
        done = [_mutate(random, facts) for _ in range(random.choice((1, 1, 2, 3)))]
        write_document(file, facts)
        return ", ".join(done)

    return forge


def _mutate(random: Random, tree: Any) -> str:
    """Change a random value in a tree; return what was done."""
    keys = []
    while True:
        key = random.choice(list(tree) if isinstance(tree, dict) else range(len(tree)))
        keys.append(str(key)[:40])
        below = tree[key]
        if not isinstance(below, dict | list) or not below or random.random() < 0.15:
            break
        tree = below
    tree[key] = _other(random, below)
    if isinstance(tree, dict) and random.random() < 0.2:
        if random.random() < 0.5:
            del tree[key]
            return f"{'.'.join(keys)} removed"
        tree[random.choice(TEXTS)] = tree.pop(key)
        return f"{'.'.join(keys)} renamed"
    return f"{'.'.join(keys)} = {str(tree[key])[:60]!r}"


def _other(random: Random, value: Any) -> Any:
    """Return another value, mostly of the same type."""
    choices: list[Any] = [*TEXTS, *NUMBERS, *OTHERS]
    if random.random() < 0.2 or value is None or isinstance(value, bool):
        return random.choice(choices)
    if isinstance(value, int):
        choices = [each for each in NUMBERS if isinstance(each, int)]
    elif isinstance(value, float):
        choices = [float(each) for each in NUMBERS]
    elif isinstance(value, str):
        choices = [*TEXTS, value[::-1], value.upper(), value[:-1], value * 2]
    elif isinstance(value, list):
        choices = [[], value * 2, value[::-1], value[:-1], value[:1] * 1_000]
    else:
        items = list(value.items())
        choices = [{}, dict(items[1:]), value | {"x": 1}, dict(reversed(items))]
    return random.choice(choices)


def _forge_config(random: Random, run: Path) -> str:
    """Change a line of ``config.yaml`` and store its new checksum."""
    file = run / "config.yaml"
    lines = file.read_text("utf-8").splitlines()
    place = random.randrange(len(lines))
    old = lines[place]
    key, colon, _ = old.partition(":")
    value = json.dumps(random.choice([*TEXTS, *NUMBERS, *OTHERS]))
    lines[place] = random.choice([f"{key}{colon} {value}", "", f"{old}\n{old}", f"{old}x"])
    file.write_text("\n".join([*lines, ""]), "utf-8")
    _put_right(run / "results.json", config_sha256=sha256_file(file))
    return f"{old.strip()} becomes {lines[place].strip()[:60]!r}"


def _forge_predictions(random: Random, run: Path) -> str:
    """Change the arrays of a trial and store their new checksum."""
    file = random.choice(sorted((run / "predictions").glob("*.npz")))
    with np.load(file) as stored:
        labels, scores = stored["labels"], stored["scores"]
    name = random.choice(list(ARRAYS))
    changed = ARRAYS[name](labels, scores)
    content = io.BytesIO()
    np.savez(content, **changed)
    file.write_bytes(content.getvalue())
    record = run / "trials" / f"{file.stem}.json"
    _put_right(record, predictions_sha256=sha256_file(file))
    return f"{file.name[:20]}: {name}"


Arrays = dict[str, np.ndarray]
ARRAYS: dict[str, Callable[[np.ndarray, np.ndarray], Arrays]] = {
    "no labels": lambda _labels, scores: {"scores": scores},
    "no scores": lambda labels, _scores: {"labels": labels},
    "nothing": lambda labels, scores: {"labels": labels[:0], "scores": scores[:0]},
    "no topics": lambda labels, scores: {"labels": labels, "scores": scores[:, :0]},
    "one topic": lambda labels, scores: {"labels": labels * 0, "scores": scores[:, :1]},
    "one document less": lambda labels, scores: {"labels": labels[1:], "scores": scores[1:]},
    "other labels": lambda labels, scores: {"labels": labels[::-1], "scores": scores},
    "labels too large": lambda labels, scores: {"labels": labels + 9, "scores": scores},
    "labels below 0": lambda labels, scores: {"labels": labels - 5, "scores": scores},
    "int64": lambda labels, scores: {"labels": labels.astype("i8"), "scores": scores},
    "int8": lambda labels, scores: {"labels": labels.astype("i1"), "scores": scores},
    "unsigned": lambda labels, scores: {"labels": labels.astype("u1"), "scores": scores},
    "float64": lambda labels, scores: {"labels": labels, "scores": scores.astype("f8")},
    "float16": lambda labels, scores: {"labels": labels, "scores": scores.astype("f2")},
    "big-endian": lambda labels, scores: {"labels": labels, "scores": scores.astype(">f4")},
    "text": lambda labels, scores: {"labels": labels, "scores": scores.astype("U")},
    "complex": lambda labels, scores: {"labels": labels, "scores": scores.astype("c8")},
    "NaN": lambda labels, scores: {"labels": labels, "scores": scores * np.float32("nan")},
    "infinite": lambda labels, scores: {"labels": labels, "scores": scores / np.float32(0)},
    "negative": lambda labels, scores: {"labels": labels, "scores": -scores},
    "huge": lambda labels, scores: {"labels": labels, "scores": scores * np.float32(1e38)},
    "zeros": lambda labels, scores: {"labels": labels, "scores": scores * 0},
    "transposed": lambda labels, scores: {"labels": labels, "scores": scores.T},
    "cubes": lambda labels, scores: {"labels": labels, "scores": scores[..., None]},
    "one number": lambda _labels, _scores: {"labels": np.int32(1), "scores": np.float32(1)},
}


def _put_right(file: Path, **changes: str) -> None:
    facts = json.loads(file.read_bytes())
    del facts["checksum"]
    write_document(file, facts | changes)


FORGERS: dict[str, Callable[[Random, Path], str]] = {
    "results": _forge_document("results.json"),
    "record": _forge_document("trials/*.json"),
    "environment": _forge_document("environment.json"),
    "vocabulary": _forge_document("models/vocabulary.json"),
    "config": _forge_config,
    "predictions": _forge_predictions,
}

CAMPAIGN = Campaign(long=300, short=4, prepare=lambda bench, _folder: bench, attempt=attempt)
