"""A prediction in the terminal."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.prediction.predict import Prediction
from rnnbench.text import counted

BAR_WIDTH = 30
UNKNOWN_SHOWN = 10


def prediction_table(prediction: Prediction, name: str = "") -> RenderableType:
    """Return the topics with bars, and below them the number of words read and the unknown ones.

    If the text has a name, it stands above. Where words are unknown, the numbers are doubted.
    """
    table = Table.grid(padding=(0, 2))
    for each in prediction.topics:
        bar = "█" * round(each.probability * BAR_WIDTH) or "▏"
        table.add_row(each.topic, f"{each.probability:.4f}", bar)
    heading = [Text(name, style="bold")] if name else []
    doubt = [Text(_doubt(prediction), style="yellow")] if prediction.is_doubtful else []
    bars = [table] if prediction.topics else []
    return Group(*heading, *bars, Text(_words(prediction), style="dim"), *doubt, "")


def _doubt(prediction: Prediction) -> str:
    if not prediction.topics:
        return "The network knows none of the words that it read, so it has no answer."
    n, n_unknown = prediction.words, len(prediction.unknown_words)
    return f"It does not know {n_unknown} of {counted(n, 'word')}, so do not rely on its answer."


def _words(prediction: Prediction) -> str:
    n, read, unknown = prediction.words, prediction.words_read, prediction.unknown_words
    distinct = list(dict.fromkeys(unknown))
    shown = ", ".join(map(_printable, distinct[:UNKNOWN_SHOWN]))
    more = ", …" if len(distinct) > UNKNOWN_SHOWN else ""
    listed = f": {shown}{more}" if unknown else ""
    cut = "" if read == n else f", {read} of them read"
    return f"{counted(n, 'word')}{cut}, {len(unknown)} unknown{listed}"


def _printable(word: str) -> str:
    """Return a word without characters that would, for example, move the terminal's cursor."""
    return "".join(letter if letter.isprintable() else "�" for letter in word)
