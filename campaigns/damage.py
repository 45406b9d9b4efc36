"""Damages stored results, or forges them with valid checksums.

``flips`` damages a file: it is refused, or read as if nothing had happened.
``forgeries`` changes values and puts the checksums right: the run is refused, or shown
without harm.
"""

import io
import json
import os
import re
import shutil
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from campaigns.campaign import Campaign, at_most, replace_value, spell, warnings_heard
from rnnbench import compare, leaderboard, load_run
from rnnbench.analysis.errors import texts_of_test_documents
from rnnbench.cli.app import app
from rnnbench.data.config import Data
from rnnbench.data.load import load_corpus
from rnnbench.errors import RnnbenchError, UserError
from rnnbench.storage import sha256_file, write_document

TEXT = "net profit rose"
LONGEST = 60
"""Seconds that a reader may take; drawing plots takes a few."""


# Damage without a valid checksum.

KINDS = {
    "results": "results.json",
    "config": "config.yaml",
    "environment": "environment.json",
    "record": "trials/*.json",
    "predictions": "predictions/*.npz",
    "model": "models/rnn-*.npz",
    "vocabulary": "models/vocabulary.json",
    "corpus": "",
}
"""The files of each kind in the folder of a run; a corpus is in the cache."""


def copy_and_read(bench, folder):
    """Copy the undisturbed run and its corpus, and read both.

    Return, by kind, the files, and the readers of these with what they return before
    any damage.
    """
    run, corpora = bench.copy_run(folder), Path(os.environ["RNNBENCH_CACHE"], "corpora")
    shutil.copytree(bench.cache / "corpora", corpora)
    for file in corpora.rglob(
        "altered-*"
    ):  # under its own name it is found without a path
        file.rename(file.with_name(file.name.removeprefix("altered-")))
    files = {
        kind: sorted(run.glob(pattern)) for kind, pattern in KINDS.items() if pattern
    }
    files["corpus"] = sorted(corpora.rglob("sgml-*.npz"))
    with warnings_heard():
        whole = load_run(bench.run)
        readers = {kind: [partial(_facts, run, whole)] for kind in KINDS}
        readers["model"] = readers["vocabulary"] = [
            lambda: [
                answer.model_dump()
                for answer in load_run(run).model("rnn").answers(TEXT)
            ]
        ]
        readers["corpus"] = [
            partial(texts_of_test_documents, whole),
            lambda: load_corpus(Data(source="sgml"), offline=True).fingerprint,
        ]
        return {
            kind: (files[kind], [(read, read()) for read in of_kind])
            for kind, of_kind in readers.items()
        }


def _facts(folder, whole):
    """Return everything that is read from a run, and what comparisons say of it."""
    run = load_run(folder)
    trials = [
        (trial.record.model_dump_json(), trial.labels.tobytes(), trial.scores.tobytes())
        for of_model in run.trials.values()
        for trial in of_model
    ]
    shown = repr(compare(whole, run)), repr(leaderboard([run]))
    return run.results.model_dump_json(), run.config, run.environment, trials, shown


def flip(_number, random, copies, _folder):
    """Yield what is wrong when a random file is damaged and read."""
    kind = random.choice(list(KINDS))
    files, readers = copies[kind]
    file = random.choice(files)
    content = file.read_bytes()
    how, damaged = damage(random, content)
    file.write_bytes(damaged)
    try:
        for reader in readers:
            for what in _misread(kind, *reader):
                yield f"{kind} {file.name[:40]}, {how}: {what}"
    finally:
        file.write_bytes(content)


def _misread(kind, read, expected):
    with warnings_heard() as heard:
        try:
            with at_most(LONGEST):
                found = read()
        except UserError as error:
            if kind == "corpus" and not any("damaged cache" in line for line in heard):
                yield f"no warning of damage: {spell(error)}"
        except Exception as error:
            yield spell(error)
        else:
            is_left_out = kind == "corpus" and found is None
            if found != expected and not is_left_out:
                yield f"another value, without an error, warnings: {heard}"


def damage(random, content):
    """Return ``content`` damaged at random, and how."""
    place = random.randrange(len(content))
    damaged = bytearray(content)
    how = random.choice(("flip", "flip", "cut", "overwrite", "empty"))
    if how == "flip":
        bit = random.randrange(8)
        damaged[place] ^= 1 << bit
        return f"bit {bit} of byte {place} flipped", bytes(damaged)
    if how == "cut":
        return f"cut after {place} bytes", content[:place]
    if how == "overwrite":
        length = min(random.randint(1, 64), len(content) - place)
        damaged[place : place + length] = random.randbytes(length)
        if damaged != content:
            return f"{length} bytes from {place} overwritten", bytes(damaged)
    return "emptied", b""


# Forgeries with valid checksums.

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
    ),
    *(
        "<img src=x onerror=forged()>",
        "<script>forged()</script>",
        "a|b",
        "`x`",
        "[x](forged:)",
    ),
    *(
        "{{ 7 * 7 }}",
        "$x^2$",
        "$\\frac$",
        "\udcff",
        "earn",
        "others",
        "$",
        "\\frac",
        "\t",
    ),
    *(
        "\u202eforged",
        "é\U0001d4b3",
        "a" * 5_000,
        "rnn",
        "nan",
        "0",
        "log_probabilities",
    ),
    *("margins", "native", "svg\0", "[bold]x[/bold]", "[/]", ":smile:", "%s{0}"),
]
NUMBERS = [
    0,
    1,
    2,
    3,
    -1,
    7,
    1.5,
    -0.5,
    1e-300,
    1e308,
    -1e308,
    10**6,
    2**31,
    2**63,
    10**30,
]
OTHERS = [None, True, False, [], {}, [[]], [None], {"x": 1}, [1, "x"], {"": {}}]
LIVE = re.compile(r"<(?:img|script)\b[^>]*>?[^<]*forged", re.IGNORECASE)
CODE = re.compile(r"^```.*?^```|`[^`\n]*`|\\<", re.DOTALL | re.MULTILINE)
"""The parts of Markdown in which HTML is not alive."""
PAGES = re.compile(
    r"results/tiny/(?:report\.(?:html|md)|plots(?:/[\w-]+\.(?:svg|png))?|\.lock)"
)
"""The files that a report writes."""


def forge(_number, random, bench, folder):
    """Yield what is wrong when a copy of a run is forged and read in every way."""
    forged = bench.copy_run(folder)
    target = random.choice(TARGETS)
    done = FORGERS[target](random, forged)
    before = _files_in(folder)
    with warnings_heard():
        shown = _shown(forged, bench.run), _on_the_command_line(forged, bench.run)
        for what in chain(*shown, _written(forged)):
            yield f"{target}, {done}: {what}"
    for name in sorted(_files_in(folder) - before):
        if not PAGES.fullmatch(name):
            yield f"{target}, {done}: {name} was written"


def _files_in(folder):
    return {str(file.relative_to(folder)) for file in folder.rglob("*")}


def _shown(forged, clean):
    """Yield what is wrong with what a program reads and writes."""
    runs = []
    yield from _harm("load_run", lambda: runs.append(load_run(forged)))
    if not runs:
        return
    run, whole = runs[0], load_run(clean)
    for model in run.results.models:
        right = np.mean([trial.score for trial in run.trials[model.name]])
        if abs(model.score.mean - right) > 1e-6:
            yield f"{model.name} has an accuracy of {model.score.mean}, but {right} is right"
    readers = {
        "repr": lambda: repr(run),
        "HTML": run._repr_html_,
        "to_dicts": lambda: run.to_dicts() and None,
        "compare": lambda: repr(compare(whole, run)),
        "compare the other way": lambda: repr(compare(run, whole)),
        "leaderboard": lambda: repr(leaderboard([run, whole])),
        "predict": lambda: run.model("rnn").answers(TEXT) and None,
    }
    for name, read in readers.items():
        yield from _harm(name, read)


def _written(forged):
    """Yield what is wrong with the files of the report that the command has written."""
    for file in (*forged.glob("report.*"), *forged.glob("plots/*.svg")):
        yield from (
            f"{file.name}: {what}"
            for what in harmful(file.name, file.read_text("utf-8"))
        )


def _harm(name, read):
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


def harmful(name, text):
    """Yield what in a text could do harm: to a terminal, or to the reader of a page."""
    if "\x1b" in text or "\x9b" in text:
        yield "a terminal escape code"
    if name.endswith((".html", ".svg", ".md", "HTML")):
        found = LIVE.search(CODE.sub("", text) if name.endswith(".md") else text)
        if found:
            yield f"live HTML: {found.group()[:60]!r}"


def _on_the_command_line(forged, clean):
    """Yield what is wrong with the commands that show runs."""
    for command in (
        ("leaderboard", forged),
        ("compare", clean, forged),
        ("report", forged),
    ):
        words = ["--words", "0"] if command[0] == "report" else []
        with at_most(LONGEST):
            ended = CliRunner().invoke(app, [*map(str, command), *words])
        name = f"rnnbench {command[0]}"
        if ended.exception and not isinstance(ended.exception, SystemExit):
            yield f"{name}: {spell(ended.exception)}"
        if ended.exit_code not in (0, 1, 2, 3):
            yield f"{name}: exit status {ended.exit_code}"
        yield from (f"{name}: {what}" for what in harmful(name, ended.output))


def _forge_document(pattern, random, run):
    """Change values in a JSON document and give it a valid checksum; return what was
    done.
    """
    file = random.choice(sorted(run.glob(pattern)))
    facts = json.loads(file.read_bytes())
    del facts["checksum"]
    done = []
    for _ in range(random.choice((1, 1, 2, 3))):
        path, new = replace_value(random, facts, partial(_other, random), TEXTS)
        done.append(f"{path[:80]} = {str(new)[:60]!r}")
    write_document(file, facts)
    return ", ".join(done)


def _other(random, value):
    """Return another value, mostly of the same type."""
    choices = [*TEXTS, *NUMBERS, *OTHERS]
    if random.random() < 0.2 or value is None or isinstance(value, bool):
        return random.choice(choices)
    if isinstance(value, int):
        choices = [number for number in NUMBERS if isinstance(number, int)]
    elif isinstance(value, float):
        choices = [*map(float, NUMBERS)]
    elif isinstance(value, str):
        choices = [*TEXTS, value[::-1], value.upper(), value[:-1], value * 2]
    elif isinstance(value, list):
        choices = [[], value * 2, value[::-1], value[:-1], value[:1] * 1_000]
    else:
        items = list(value.items())
        choices = [{}, dict(items[1:]), value | {"x": 1}, dict(reversed(items))]
    return random.choice(choices)


def _forge_config(random, run):
    """Change a line of ``config.yaml`` and store its new checksum."""
    file = run / "config.yaml"
    lines = file.read_text("utf-8").splitlines()
    place = random.randrange(len(lines))
    old = lines[place]
    key, colon, _ = old.partition(":")
    value = json.dumps(random.choice([*TEXTS, *NUMBERS, *OTHERS]))
    lines[place] = random.choice(
        [f"{key}{colon} {value}", "", f"{old}\n{old}", f"{old}x"]
    )
    file.write_text("\n".join([*lines, ""]), "utf-8")
    _put_right(run / "results.json", config_sha256=sha256_file(file))
    return f"{old.strip()} becomes {lines[place].strip()[:60]!r}"


def _forge_predictions(random, run):
    """Change the arrays of a trial and store their new checksum."""
    file = random.choice(sorted((run / "predictions").glob("*.npz")))
    with np.load(file) as stored:
        labels, scores = stored["labels"], stored["scores"]
    name = random.choice(list(ARRAYS))
    content = io.BytesIO()
    np.savez(content, **ARRAYS[name](labels, scores))
    file.write_bytes(content.getvalue())
    _put_right(
        run / "trials" / f"{file.stem}.json", predictions_sha256=sha256_file(file)
    )
    return f"{file.name[:20]}: {name}"


def _with(labels=lambda labels: labels, scores=lambda scores: scores):
    return lambda old, of_old: {"labels": labels(old), "scores": scores(of_old)}


ARRAYS = {
    "no labels": lambda _labels, scores: {"scores": scores},
    "no scores": lambda labels, _scores: {"labels": labels},
    "nothing": _with(lambda labels: labels[:0], lambda scores: scores[:0]),
    "no topics": _with(scores=lambda scores: scores[:, :0]),
    "one topic": _with(lambda labels: labels * 0, lambda scores: scores[:, :1]),
    "one document less": _with(lambda labels: labels[1:], lambda scores: scores[1:]),
    "other labels": _with(lambda labels: labels[::-1]),
    "labels too large": _with(lambda labels: labels + 9),
    "labels below 0": _with(lambda labels: labels - 5),
    **{
        f"labels {kind}": _with(lambda labels, kind=kind: labels.astype(kind))
        for kind in ("i8", "i1", "u1")
    },
    **{
        f"scores {kind}": _with(scores=lambda scores, kind=kind: scores.astype(kind))
        for kind in ("f8", "f2", ">f4", "U", "c8")
    },
    "NaN": _with(scores=lambda scores: scores * np.float32("nan")),
    "infinite": _with(scores=lambda scores: np.full_like(scores, np.inf)),
    "negative": _with(scores=lambda scores: -scores),
    "huge": _with(scores=lambda scores: scores * np.float32(1e38)),
    "zeros": _with(scores=lambda scores: scores * 0),
    "transposed": _with(scores=lambda scores: scores.T),
    "cubes": _with(scores=lambda scores: scores[..., None]),
    "one number": _with(lambda _: np.int32(1), lambda _: np.float32(1)),
}


def _put_right(file, **changes):
    facts = json.loads(file.read_bytes())
    del facts["checksum"]
    write_document(file, facts | changes)


FORGERS = {
    "results": partial(_forge_document, "results.json"),
    "record": partial(_forge_document, "trials/*.json"),
    "environment": partial(_forge_document, "environment.json"),
    "vocabulary": partial(_forge_document, "models/vocabulary.json"),
    "config": _forge_config,
    "predictions": _forge_predictions,
}
TARGETS = ["results", "results", "record", *FORGERS]

FLIPS = Campaign(long=2_000, short=20, prepare=copy_and_read, attempt=flip)
FORGERIES = Campaign(long=300, short=1, attempt=forge)
