"""The command ``rnnbench predict``: the texts that it is given, and the answers in the terminal."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.errors import UserError, shortened
from rnnbench.storage import read_file
from rnnbench.terminal import options
from rnnbench.text import counted

if TYPE_CHECKING:
    from rnnbench.prediction.predict import Prediction

EXAMPLES = options.examples(
    'rnnbench predict results/all lstm "net profit rose 7 pct"',
    "rnnbench predict results/all lstm --file newswire.txt --top 3",
    "rnnbench predict results/all lstm - --json < newswire.txt",
)

MAX_BYTES = 1_000_000
"""The largest text in bytes."""
BARS = 30
"""The width of the bar of a topic with probability 1."""
UNKNOWN_SHOWN = 10


def predict(
    run: Annotated[Path, options.run_folder("The folder of a run made with --save-models.")],
    model: options.NetworkName,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="Texts, or - for one from standard input."),
    ] = None,
    file: Annotated[
        list[Path] | None,
        typer.Option("--file", metavar="FILE", help="A file with one text; repeatable."),
    ] = None,
    seed: options.NetworkSeed = None,
    top: Annotated[int, typer.Option(min=1, metavar="N", help="Topics shown.")] = 5,
    as_json: options.Json = False,
) -> None:
    """Predict the topics of documents with a network that `rnnbench run --save-models` kept.

    Texts are split into words in the same way as the corpus; unknown words are counted. There is no
    answer to a text of which the network knows no word.
    """
    from rnnbench.prediction.predict import predict_texts
    from rnnbench.terminal.console import print_record

    given = read_texts(texts or [], file or [])
    typed = [
        "standard input" if text == "-" else f'"{shortened(" ".join(text.split()), 40)}"'
        for text in texts or []
    ]
    names = [*typed, *map(str, file or [])]
    found = predict_texts(run, model, seed, given, top)
    headings = names if len(names) > 1 else [""]
    record = {"texts": names, "predictions": [one.model_dump(mode="json") for one in found]}
    print_record(record, *map(prediction_table, found, headings), as_json=as_json)


def read_texts(texts: Sequence[str], files: Sequence[Path]) -> list[str]:
    """Return the given texts: from the command line, standard input (``-``) and files.

    Raises:
        UserError: there are none, one is blank or too long, or a file cannot be read.
    """
    given = list(texts)
    for place, text in enumerate(texts):
        if text == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1) if sys.stdin else b""  # may be closed
            if len(content) > MAX_BYTES:
                raise UserError(f"-: cannot be read: longer than {MAX_BYTES:,} bytes")
            given[place] = content.decode(errors="replace")
    for file in files:
        try:
            given.append(read_file(file, MAX_BYTES).decode(errors="replace"))
        except OSError as error:
            raise UserError(f"{file}: cannot be read: {error.strerror}") from error
    if not given or not all(text.strip() for text in given):
        raise UserError("a text is missing (should be TEXT, --file FILE, or - for standard input)")
    return given


def prediction_table(prediction: "Prediction", name: str = "") -> RenderableType:
    """Return the topics with bars, and below them the number of words read and the unknown ones.

    If the text has a name, it stands above. Where words are unknown, the numbers are doubted.
    """
    table = Table.grid(padding=(0, 2))
    for topic in prediction.topics:
        bar = "█" * round(topic.probability * BARS) or "▏"
        table.add_row(topic.topic, f"{topic.probability:.4f}", bar)
    words, unknown = counted(prediction.words, "word"), prediction.unknown_words
    distinct = list(dict.fromkeys(unknown))
    more = ", …" if len(distinct) > UNKNOWN_SHOWN else ""
    # Characters that nobody sees, such as marks of direction, would disturb the line.
    shown = "".join(
        char if char.isprintable() else "�" for char in ", ".join(distinct[:UNKNOWN_SHOWN])
    )
    listed = f": {shown}{more}" if unknown else ""
    is_cut = prediction.words_read < prediction.words
    cut = f", {prediction.words_read} of them read" if is_cut else ""
    below = [Text(f"{words}{cut}, {len(unknown)} unknown{listed}", style="dim")]
    if prediction.is_doubtful:
        doubt = f"It does not know {len(unknown)} of {words}, so do not rely on its answer."
        nothing = "The network knows none of the words that it read, so it has no answer."
        below.append(Text(doubt if prediction.topics else nothing, style="yellow"))
    heading = [Text(name, style="bold")] if name else []
    return Group(*heading, *([table] if prediction.topics else []), *below, "")
