"""The command ``rnnbench predict``: its texts, and its answers in the terminal."""

import re
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.data.cached import cached_documents
from rnnbench.data.sources.tables import columns_called
from rnnbench.data.vocabulary import encode
from rnnbench.errors import UserError, shortened
from rnnbench.prediction.changes import FEWEST, compare_texts
from rnnbench.prediction.predict import (
    NONE,
    KeptModel,
    Prediction,
    TopicScore,
    find_model,
)
from rnnbench.prediction.promise import OPTION, UNSURE, AnswerRule
from rnnbench.prediction.table import (
    Question,
    Target,
    predict_table,
    standard_input,
)
from rnnbench.prediction.writers import WRITABLE
from rnnbench.results.run import load_benchmark, load_results
from rnnbench.results.schema import Results
from rnnbench.storage import check_new, names_file, read_file
from rnnbench.terminal import console, options
from rnnbench.terminal.display import show_download
from rnnbench.text import counted, listed, visible

EXAMPLES = options.examples(
    'rnnbench predict results/all "net profit rose 7 pct"',
    "rnnbench predict results/all lstm --file newswire.txt --top 3",
    'rnnbench predict results/all "net profit rose 7 pct" --explain --unsure-below 0.7',
    "rnnbench predict results/all --in new.csv --out predicted.csv",
    "rnnbench predict results/r52 --in new.csv --answer-where 'error <= 2%'",
    "rnnbench predict results/all lstm --in - --text body < new.csv | head",
    "rnnbench predict results/all --in new.csv --out predicted.parquet --explain",
    "rnnbench predict results/all lstm - --json < newswire.txt",
)
STREAM = Path("-")  # standard input or output
MAX_BYTES = 1_000_000  # of a text
BARS = 30  # the width of the bar of a topic with probability 1
LEAST = "▏"  # the bar of the smallest
UNKNOWN_SHOWN = 10
WORDS = "A model of RUN, by default the best; then texts, or - for standard input."
FILE = "A file with one text; repeatable."
TABLE = "A table with a text in each row, a folder of texts, or -."
OUT = "The rows of --in with answers (.csv, .tsv, .jsonl, .parquet); by default -."
CSV_SAFE = "Put an apostrophe before texts that spreadsheets would run as formulas."
EXPLAIN = "Show the words that decided the answer; with --in, in a column."
BELOW = "Answer 'unsure' if its probability is below P, from 0 to 1."
WHERE = """Answer 'unsure' where that is needed to keep a promise about all other
answers, such as 'error <= 2%'."""
_writing = partial(typer.Option, rich_help_panel="How a table is written")


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
    column: options.TextColumn = None,
    seed: options.NetworkSeed = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Topics shown.")] = 5,
    explain: Annotated[bool, typer.Option("--explain", help=EXPLAIN)] = False,
    unsure_below: Annotated[float | None, typer.Option(metavar="P", help=BELOW)] = None,
    answer_where: Annotated[
        str | None, typer.Option(metavar="PROMISE", help=WHERE)
    ] = None,
    csv_safe: Annotated[bool, _writing("--csv-safe", help=CSV_SAFE)] = False,
    force: Annotated[
        bool, _writing("--force", help="Overwrite --out if it exists.")
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
    _check_unsure(unsure_below, answer_where)
    results = load_results(run)
    if results.missing:
        missing = results.n_missing_in_words()
        console.notice(f"{run}: partial: {missing}", style="yellow")
    files = file or []
    has_more = bool(files or table)
    name, texts = _split_words(words or [], results.by_name, has_more=has_more)
    if table:
        is_alone = not (texts or files)
        _check_table(table, out, is_alone=is_alone, as_json=as_json)
    for_tables = {"--out": out, "--text": column, "--csv-safe": csv_safe}
    for option, value in for_tables.items():
        if value and not table:
            raise UserError(f"{option}: needs --in TABLE")
    if out == STREAM:
        out = None
    if out:
        check_new(out, "--out", WRITABLE, overwrite=force)
    documents = [] if table else read_texts(texts, files)
    for text in filter(names_file, texts):
        hint = "--in answers the rows of a table, and --file a text"
        notice = f"'{text}' is read as a text, not as a file ({hint})"
        console.notice(notice, style="yellow")
    benchmark = load_benchmark(run, results.by_name)
    model = find_model(run, name, seed, results, benchmark)
    if name is None and not quiet:
        _notice_best(model, results)
    if unsure_below is not None:
        model.check_gives_probabilities()
    promise = _promise(model, answer_where)
    if not quiet and not as_json:
        _notice_rule(model, unsure_below, promise)
    if promise is not None:
        unsure_below = promise.unsure_below
    if table:
        cached = cached_documents(results.dataset, benchmark.data)
        question = Question(model, unsure_below, explain, cached)
        target = Target(out, is_safe=csv_safe)
        record = _answer_table(question, table, target, column, quiet=quiet)
        record["promise"] = promise and promise.model_dump()
        console.print_record(record, as_json=as_json)
        return
    names = [*map(_name_of, texts), *map(str, files)]
    encoded = encode(documents, model.vocabulary)
    predictions = model.answers_to(
        encoded, top, unsure_below=unsure_below, explain=explain
    )
    _print_predictions(model, names, predictions, promise, as_json=as_json)


def _check_unsure(unsure_below: float | None, answer_where: str | None) -> None:
    if unsure_below is None:
        return
    if not 0 <= unsure_below <= 1:  # nor is it "nan"
        raise UserError(f"--unsure-below: got {unsure_below} (should be from 0 to 1)")
    if answer_where is not None:
        raise UserError(f"{OPTION}: use it without --unsure-below")


def _promise(model: KeptModel, answer_where: str | None) -> AnswerRule | None:
    """Return the rule that a model answers by, if it must keep a promise."""
    if answer_where is None:
        return None
    return model.promise(answer_where)


def _print_predictions(
    model: KeptModel,
    names: Sequence[str],
    predictions: Sequence[Prediction],
    promise: AnswerRule | None,
    *,
    as_json: bool,
) -> None:
    """Print the predictions of texts, or raise ``UserError`` if one has no words."""
    if not all(prediction.words for prediction in predictions):
        raise UserError("a text contains no words")
    record = {
        "model": model.name,
        "seed": model.seed,
        "threshold": model.threshold,
        "promise": promise and promise.model_dump(),
        "texts": names,
        "predictions": [
            prediction.model_dump(mode="json", exclude_none=True)
            for prediction in predictions
        ],
    }
    headings = names if len(names) > 1 else [""]
    views = map(prediction_table, predictions, headings)
    console.print_record(record, *views, as_json=as_json)


def _notice_best(model: KeptModel, results: Results) -> None:
    """Say which model answers, if none was named."""
    mean = results.by_name[model.name].score
    score = f"{results.dataset.score_name} {mean.mean:.4f}"
    if mean.n > 1:
        score += f", the mean of {mean.n} seeds"
    best = f"{model.name}, seed {model.seed}, the best that was kept"
    console.notice(f"Model: {best} ({score})")


def _notice_rule(
    model: KeptModel, unsure_below: float | None, promise: AnswerRule | None
) -> None:
    """Say what makes an answer, where thresholds do."""
    rule = model.rule()
    if promise is not None:
        rule = promise.in_words()
    if unsure_below is not None:
        rule += f"; '{UNSURE}' below {unsure_below:g}"
    if rule:
        console.notice(f"Answers: {rule.removeprefix('; ')}")


def _name_of(text: str) -> str:
    """Return a short name of a text of the command line."""
    if text == "-":
        return "standard input"
    one_line = " ".join(text.split())
    return f'"{shortened(one_line, 40)}"'


def _check_table(
    table: Path, out: Path | None, *, is_alone: bool, as_json: bool
) -> None:
    if not is_alone:
        raise UserError("--in: use it without texts and --file")
    if table != STREAM and not (table.is_file() or table.is_dir()):
        if table.exists():
            raise UserError(f"--in {table}: not a file (use - for standard input)")
        raise UserError(f"--in {table}: no such file or folder")
    if out in (None, STREAM):
        if as_json:
            hint = "use --out FILE"
            raise UserError(f"--json: the table goes to standard output ({hint})")
    elif table.is_dir() and table.resolve() in out.resolve().parents:
        raise UserError(f"--out {out}: is in the folder of --in (name another file)")
    elif table != STREAM and out.exists() and out.samefile(table):
        raise UserError(f"--out {out}: is the table of --in (name another file)")


def _split_words(
    words: Sequence[str], models: Collection[str], *, has_more: bool
) -> tuple[str | None, Sequence[str]]:
    """Return the name of a model, if there is one, and the texts.

    A word before texts is a name.
    """
    if not words:
        return None, words
    first, *others = words
    is_before_texts = has_more or bool(others)
    is_name = first in models
    if is_before_texts and re.fullmatch(r"[\w.-]*\w", first):
        is_name = True
    if is_name:
        return first, others
    return None, words


def _answer_table(
    question: Question,
    table: Path,
    target: Target,
    columns: Sequence[str] | None,
    *,
    quiet: bool,
) -> dict[str, object]:
    """Write a table with answers, showing progress, and say which rows have none."""
    out = target.file
    # or the rows would break the bar
    is_hidden = quiet or (out is None and console.out.is_terminal)
    column = columns_called(columns) or question.model.text_column
    source = standard_input() if table == STREAM else nullcontext(table)
    with source as file, show_download(quiet=is_hidden) as progress:
        tally = predict_table(question, file, target, column, progress)
    change = None
    if question.cached:
        change = compare_texts(tally.drawn, *question.cached)
        if change is None and not quiet:
            hint = "texts without words, and copies, do not count"
            few = f"Fewer than {FEWEST} texts can be compared with the training texts"
            console.notice(f"{few} ({hint})")
    elif not quiet:
        console.notice(
            "The training texts are not in the cache, so no text is compared with them"
        )
    if change and not quiet:
        console.notice(change.in_words())
    counts = tally.problems
    rows = counted(counts.total(), "row")
    if tally.trained_on:
        which = f"{tally.trained_on:,} of {rows}"
        meaning = "their answers do not show how good the model is on new texts"
        console.notice(f"In the training set: {which}; {meaning}", style="yellow")
    answered = counts.pop(None, 0)
    if counts:
        reasons = [f"{n:,} {problem}" for problem, n in counts.most_common()]
        which = f"{counts.total():,} of {rows}: {', '.join(reasons)}"
        console.notice(f"Without an answer: {which}", style="yellow")
    if out and not quiet:
        console.notice(f"{rows} written to {out}")
    return {
        "answered": answered,
        "problems": dict(counts),
        "trained_on": tally.trained_on,
        "change": change and change.model_dump(),
        "threshold": question.model.threshold,
    }


def read_texts(texts: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Return texts of the command line, of standard input (``-``) and of files."""
    read = [_standard_input() if text == "-" else text for text in texts]
    for file in files:
        try:
            read.append(read_file(file, MAX_BYTES).decode(errors="replace"))
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if not read or not all(text.strip() for text in read):
        allowed = "should be TEXT, --file FILE, or - for standard input"
        raise UserError(f"a text is missing ({allowed})")
    return read


def _standard_input() -> str:
    content = b""
    if sys.stdin:  # it may be closed
        content = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise UserError(f"-: cannot be read: longer than {MAX_BYTES:,} bytes")
    return content.decode(errors="replace")


def prediction_table(prediction: Prediction, name: str = "") -> RenderableType:
    """Return the topics, others than those of the answer in brackets, and the words."""
    parts: list[RenderableType] = []
    if name:
        parts.append(Text(name, style="bold"))
    if prediction.topics:
        parts.append(_topics(prediction))
    parts.append(Text(_words(prediction), "dim"))
    doubt = _doubt(prediction)
    if doubt:
        parts.append(Text(doubt, style="yellow"))
    if prediction.decided_by:
        parts.append(f"\n{prediction.decided_by.meaning}:")
        parts.append(_weights(prediction.decided_by.words))
    return Group(*parts, "")


def _topics(prediction: Prediction) -> Table:
    table = Table.grid(padding=(0, 2))
    if prediction.unsure:
        table.add_row(Text("unsure", style="yellow"))
    if not prediction.answers:
        table.add_row(NONE)
    for topic in prediction.topics:
        score = f"{topic.score:.4f}"
        if topic.given is False:
            table.add_row(f"({topic.topic})", score, _bar_of(topic), style="dim")
        else:
            table.add_row(topic.topic, score, _bar_of(topic))
    return table


def _bar_of(topic: TopicScore) -> str:
    if topic.probability is None:
        return ""
    return "█" * round(topic.probability * BARS) or LEAST


def _words(prediction: Prediction) -> str:
    """Return how many words a text has, and which of them are not known."""
    unknown = prediction.unknown_words
    sentence = counted(prediction.words, "word")
    if prediction.words_read < prediction.words:
        sentence += f", {prediction.words_read} of them read"
    sentence += f", {len(unknown)} unknown"
    if unknown:
        distinct = listed(list(dict.fromkeys(unknown)), most=UNKNOWN_SHOWN)
        sentence += f": {visible(distinct)}"
    return sentence


def _doubt(prediction: Prediction) -> str:
    """Return why not to rely on an answer; empty if nothing speaks against it."""
    if not prediction.topics:
        return "The model knows none of the words that it read, so it has no answer."
    n_unknown = len(prediction.unknown_words)
    if 2 * n_unknown <= prediction.words:
        return ""
    words = counted(prediction.words, "word")
    return f"It does not know {n_unknown} of {words}, so do not rely on its answer."


def _weights(words: Mapping[str, float]) -> Table:
    """Return the weights of words, with bars."""
    longest = max(map(abs, words.values()), default=1)
    table = Table.grid(padding=(0, 2))
    for word, weight in words.items():
        block = "█" if weight > 0 else "░"
        bar = block * round(abs(weight) / longest * BARS) or LEAST
        table.add_row(visible(word), f"{weight:+.4f}", bar)
    return table
