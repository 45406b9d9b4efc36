"""The command ``rnnbench predict``: the texts that it is given, and the answers in the
terminal.
"""

import re
import sys
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.errors import UserError, shortened
from rnnbench.prediction.predict import NONE, Prediction, find_model
from rnnbench.prediction.table import Target, predict_table, standard_input
from rnnbench.results.run import load_results
from rnnbench.storage import check_new, read_file
from rnnbench.terminal import console, options
from rnnbench.terminal.display import show_download
from rnnbench.text import counted, listed, visible

EXAMPLES = options.examples(
    'rnnbench predict results/all "net profit rose 7 pct"',
    "rnnbench predict results/all lstm --file newswire.txt --top 3",
    'rnnbench predict results/all "net profit rose 7 pct" --explain --unsure-below 0.7',
    "rnnbench predict results/all --in new.csv --out predicted.csv",
    "rnnbench predict results/all lstm --in - --text body < new.csv | head",
    "rnnbench predict results/all lstm - --json < newswire.txt",
)
STREAM, WRITABLE = Path("-"), (".csv", ".tsv", ".jsonl", ".ndjson")
"""Standard input or output, and the endings of tables that can be written."""
MAX_BYTES = 1_000_000  # of a text
BARS = 30  # the width of the bar of a topic with probability 1
UNKNOWN_SHOWN = 10
Answer = Callable[..., Counter[str | None]]  # ``predict_table``, with a model
WORDS = "A model of RUN, by default the best; then texts, or - for standard input."
FILE = "A file with one text; repeatable."
TABLE = "A table with a text in each row, or -."
OUT = "Where the rows of --in go, with answers (.csv, .tsv, .jsonl); by default -."
COLUMN = "The column with the texts of --in."
CSV_SAFE = "Put an apostrophe before texts that spreadsheets would run as formulas."
EXPLAIN = "Show the words that decided the answer."
UNSURE = "Answer 'unsure' if its probability is below P, from 0 to 1."


def predict(
    run: Annotated[
        Path, options.run_folder(help="The folder of a run made with --save-models.")
    ],
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[MODEL] TEXT", help=WORDS)
    ] = None,
    file: Annotated[
        list[Path] | None, typer.Option("--file", metavar="FILE", help=FILE)
    ] = None,
    table: Annotated[
        Path | None, typer.Option("--in", metavar="TABLE", help=TABLE)
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help=OUT)] = None,
    column: Annotated[
        str | None, typer.Option("--text", metavar="COLUMN", help=COLUMN)
    ] = None,
    seed: options.NetworkSeed = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Topics shown.")] = 5,
    explain: Annotated[bool, typer.Option("--explain", help=EXPLAIN)] = False,
    unsure_below: Annotated[
        float | None, typer.Option(metavar="P", help=UNSURE)
    ] = None,
    csv_safe: Annotated[bool, typer.Option("--csv-safe", help=CSV_SAFE)] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Overwrite --out if it exists.")
    ] = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Predict the topics of documents with a model that `rnnbench run --save-models`
    kept.

    Texts are split into words in the same way as the corpus; unknown words are counted.
    A text gets no answer if the model knows none of its words. A table (.csv, .tsv,
    .jsonl, .parquet) is copied, with the answers in new columns.

    If a text may have any number of topics, those of the answer come first, by the rule
    that was chosen in training; the best others follow in brackets. 'unsure' then means
    that a topic of the answer has a probability below P, or, if there is none, that one
    has a probability above 1 - P.

    --explain shows how much the score of the first topic falls without each word.
    """
    if unsure_below is not None and not 0 <= unsure_below <= 1:  # nor is it "nan"
        raise UserError(f"--unsure-below: got {unsure_below} (should be from 0 to 1)")
    results = load_results(run)
    if results.missing:
        console.notice(
            f"{run}: partial: {results.n_missing_in_words()}", style="yellow"
        )
    scores = {model.name: model.score for model in results.models}
    name, texts = _split_words(words or [], scores, has_more=bool(file or table))
    if table:
        _check_table(
            table, out, is_alone=not (texts or file or explain), as_json=as_json
        )
    elif out or column:
        raise UserError(f"{'--out' if out else '--text'}: needs --in TABLE")
    elif csv_safe:
        raise UserError("--csv-safe: needs --in TABLE")
    out = None if out == STREAM else out
    if out:
        check_new(out, "--out", WRITABLE, overwrite=force)
    given = [] if table else read_texts(texts, file or [])
    model = find_model(run, name, seed, results)
    if name is None and not quiet:
        over = scores[model.name]
        of = f", the mean of {over.n} seeds" if over.n > 1 else ""
        score = f"{results.dataset.score_name} {over.mean:.4f}{of}"
        console.notice(
            f"Model: {model.name}, seed {model.seed}, the best that was kept ({score})"
        )
    if table:
        column = column or model.text_column
        target = Target(out, is_safe=csv_safe)
        answer = partial(predict_table, model, column=column, unsure_below=unsure_below)
        console.print_record(
            _answer_table(answer, table, target, quiet=quiet), as_json=as_json
        )
        return
    found = model.answers(given, top, unsure_below=unsure_below, explain=explain)
    if not all(prediction.words for prediction in found):
        raise UserError("a text contains no words")
    short = {text: f'"{shortened(" ".join(text.split()), 40)}"' for text in texts}
    short["-"] = "standard input"
    names = [*(short[text] for text in texts), *map(str, file or [])]
    headings = names if len(names) > 1 else [""]
    predictions = [one.model_dump(mode="json", exclude_none=True) for one in found]
    record = {
        "model": model.name,
        "seed": model.seed,
        "texts": names,
        "predictions": predictions,
    }
    console.print_record(
        record, *map(prediction_table, found, headings), as_json=as_json
    )


def _check_table(
    table: Path, out: Path | None, *, is_alone: bool, as_json: bool
) -> None:
    if not is_alone:
        raise UserError("--in: use it without texts, --file or --explain")
    if table != STREAM and not table.is_file():
        fault = (
            "not a file (use - for standard input)"
            if table.exists()
            else "no such file"
        )
        raise UserError(f"--in {table}: {fault}")
    if as_json and out in (None, STREAM):
        raise UserError("--json: the table goes to standard output (use --out FILE)")
    if out and STREAM not in (out, table) and _is_same_file(out, table):
        raise UserError(f"--out {out}: is the table of --in (name another file)")


def _is_same_file(file: Path, other: Path) -> bool:
    with suppress(OSError):  # one of them does not exist
        return file.samefile(other)
    return False


def _split_words(
    words: Sequence[str], models: Collection[str], *, has_more: bool
) -> tuple[str | None, Sequence[str]]:
    """Return the name of a model, if there is one, and the texts; a word before texts
    is a name.
    """
    has_more = has_more or len(words) > 1
    if words and (
        words[0] in models or (has_more and re.fullmatch(r"[\w.-]*\w", words[0]))
    ):
        return words[0], words[1:]
    return None, words


def _answer_table(
    answer: Answer, table: Path, target: Target, *, quiet: bool
) -> dict[str, Any]:
    """Write a table with answers, showing progress, and say which rows have none."""
    out = target.file
    is_hidden = quiet or (
        out is None and console.out.is_terminal
    )  # the rows would break the bar
    source = standard_input() if table == STREAM else nullcontext(table)
    with source as file, show_download(quiet=is_hidden) as progress:
        counts = answer(file, target, progress=progress)
    n_rows, answered = counts.total(), counts.pop(None)
    if counts:
        reasons = ", ".join(f"{n:,} {problem}" for problem, n in counts.most_common())
        which = f"{n_rows - answered:,} of {counted(n_rows, 'row')}"
        console.notice(f"Without an answer: {which}: {reasons}", style="yellow")
    if out and not quiet:
        console.notice(f"{counted(n_rows, 'row')} written to {out}")
    return {"answered": answered, "problems": dict(counts)}


def read_texts(texts: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Return the given texts: from the command line, standard input (``-``) and
    files.
    """
    given = list(texts)
    for place, text in enumerate(texts):
        if text == "-":
            content = (
                sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin else b""
            )  # may be closed
            if len(content) > MAX_BYTES:
                raise UserError(f"-: cannot be read: longer than {MAX_BYTES:,} bytes")
            given[place] = content.decode(errors="replace")
    for file in files:
        try:
            given.append(read_file(file, MAX_BYTES).decode(errors="replace"))
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if not given or not all(text.strip() for text in given):
        raise UserError(
            "a text is missing (should be TEXT, --file FILE, or - for standard input)"
        )
    return given


def prediction_table(prediction: Prediction, name: str = "") -> RenderableType:
    """Return the topics, others than those of the answer in brackets, and the words."""
    table = Table.grid(padding=(0, 2))
    if prediction.unsure:
        table.add_row(Text("unsure", style="yellow"))
    if prediction.topics and not prediction.answers:
        table.add_row(NONE)
    for topic in prediction.topics:
        bar = (
            "" if topic.probability is None else "█" * round(topic.score * BARS) or "▏"
        )
        own, style = (
            (f"({topic.topic})", "dim") if topic.given is False else (topic.topic, None)
        )
        table.add_row(own, f"{topic.score:.4f}", bar, style=style)
    words, unknown = counted(prediction.words, "word"), prediction.unknown_words
    distinct = listed(list(dict.fromkeys(unknown)), most=UNKNOWN_SHOWN)
    names = f": {visible(distinct)}" if unknown else ""
    cut = f", {prediction.words_read} of them read" * (
        prediction.words_read < prediction.words
    )
    below: list[RenderableType] = [
        Text(f"{words}{cut}, {len(unknown)} unknown{names}", "dim")
    ]
    if not prediction.topics or 2 * len(unknown) > prediction.words:
        doubt = (
            f"It does not know {len(unknown)} of {words}, so do not rely on its answer."
        )
        nothing = "The model knows none of the words that it read, so it has no answer."
        below.append(Text(doubt if prediction.topics else nothing, style="yellow"))
    if deciding := prediction.decided_by:
        longest = max(map(abs, deciding.words.values()), default=1)
        bars = Table.grid(padding=(0, 2))
        for word, weight in deciding.words.items():
            bar = ("█" if weight > 0 else "░") * round(
                abs(weight) / longest * BARS
            ) or "▏"
            bars.add_row(visible(word), f"{weight:+.4f}", bar)
        below += [f"\n{deciding.meaning}:", bars]
    heading = [Text(name, style="bold")] if name else []
    return Group(*heading, *([table] if prediction.topics else []), *below, "")
