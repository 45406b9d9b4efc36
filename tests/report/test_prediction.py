"""What a prediction looks like in a terminal."""

import io

from rich.console import Console

from rnnbench.prediction.predict import Prediction
from rnnbench.report.prediction import prediction_text


def test_what_would_move_the_cursor_of_a_terminal_is_not_printed():
    prediction = Prediction(words=2, read=2, unknown=["\x1bc", "né"], topics=[("earn", 1.0)])
    console = Console(file=io.StringIO(), width=80, markup=False)

    console.print(prediction_text(prediction, 1))

    text = console.file.getvalue()
    assert "2 unknown: \ufffdc, né" in text
    assert "\x1b" not in text
