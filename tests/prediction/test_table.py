import io

from rich.console import Console

from rnnbench.prediction.predict import Prediction
from rnnbench.prediction.table import prediction_table


def test_characters_that_would_move_the_cursor_of_a_terminal_are_not_printed():
    prediction = Prediction(words=2, words_read=2, unknown_words=["\x1bc", "né"], topics=[])
    console = Console(file=io.StringIO(), width=80, markup=False)

    console.print(prediction_table(prediction))

    text = console.file.getvalue()
    assert "2 unknown: \ufffdc, né" in text
    assert "\x1b" not in text
