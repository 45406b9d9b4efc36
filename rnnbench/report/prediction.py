"""What a network says of a text, for people and for machines."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rnnbench.prediction.predict import Prediction

BAR_WIDTH = 30
UNKNOWN_SHOWN = 10


def prediction_json(prediction: Prediction, top: int) -> dict[str, Any]:
    """Return what ``--json`` prints of a text."""
    return {
        "words": prediction.words,
        "words_read": prediction.read,
        "unknown_words": prediction.unknown,
        "topics": [
            {"topic": topic, "probability": probability}
            for topic, probability in prediction.topics[:top]
        ],
    }


def prediction_text(prediction: Prediction, top: int) -> RenderableType:
    """Return the ``top`` most probable topics with bars, and what was read of the text."""
    table = Table.grid(padding=(0, 2))
    for topic, probability in prediction.topics[:top]:
        bar = "█" * round(probability * BAR_WIDTH) or "▏"
        table.add_row(topic, f"{probability:.4f}", bar)
    return Group(table, Text(_what_was_read(prediction), style="dim"), "")


def _what_was_read(prediction: Prediction) -> str:
    unknown = dict.fromkeys(prediction.unknown)
    shown = ", ".join(map(_printable, list(unknown)[:UNKNOWN_SHOWN]))
    more = ", …" if len(unknown) > UNKNOWN_SHOWN else ""
    listed = f": {shown}{more}" if unknown else ""
    cut = "" if prediction.read == prediction.words else f", {prediction.read} of them read"
    return f"{prediction.words} words{cut}, {len(prediction.unknown)} unknown{listed}"


def _printable(word: str) -> str:
    """Return a word without what would move the cursor of a terminal, or worse."""
    return "".join(letter if letter.isprintable() else "�" for letter in word)
