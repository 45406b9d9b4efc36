import io

from rich.console import Console

from rnnbench.prediction.predict import Prediction, TopicProbability
from rnnbench.prediction.table import prediction_table


def shown(prediction, name=""):
    """Return the lines of a prediction in the terminal."""
    console = Console(file=io.StringIO(), width=80, markup=False)
    console.print(prediction_table(prediction, name))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def answer(words, unknown, read=None):
    topics = [TopicProbability(topic="earn", probability=0.9)]
    return Prediction(
        words=words,
        words_read=words if read is None else read,
        unknown_words=[f"word{number}" for number in range(unknown)],
        topics=topics if unknown < words else [],
    )


def test_a_text_with_a_name_has_it_above_its_topics():
    first, second, *_ = shown(answer(5, 0), "newswire.txt")

    assert (first, second[:4]) == ("newswire.txt", "earn")


def test_a_text_of_which_most_words_are_unknown_is_doubted():
    assert shown(answer(4, 3))[-2] == (
        "It does not know 3 of 4 words, so do not rely on its answer."
    )
    assert not any("rely" in line for line in shown(answer(4, 2)))


def test_a_text_without_any_known_word_has_no_probability():
    words, doubt, end = shown(answer(1, 1))

    assert words == "1 word, 1 unknown: word0"
    assert doubt == "The network knows none of the words that it read, so it has no answer."
    assert end == ""


def test_characters_that_would_move_the_cursor_of_a_terminal_are_not_printed():
    prediction = Prediction(words=2, words_read=2, unknown_words=["\x1bc", "né"], topics=[])
    console = Console(file=io.StringIO(), width=80, markup=False)

    console.print(prediction_table(prediction))

    text = console.file.getvalue()
    assert "2 unknown: \ufffdc, né" in text
    assert "\x1b" not in text
