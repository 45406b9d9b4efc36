from hypothesis import given
from hypothesis import strategies as st

from rnnbench.data.tokenizers import TOKENIZERS


def test_tokenizers_split_as_their_names_say():
    text = "The U.S. bank's profit: 7%"

    found = {name: tokenize(text) for name, tokenize in TOKENIZERS.items()}

    assert found == {
        "words": ["the", "u", "s", "bank's", "profit", "7"],
        "keras_reuters": ["the", "u", "s", "bank's", "profit", "7"],
        "characters": list(text),
    }


def test_words_are_of_any_alphabet():
    assert TOKENIZERS["words"]("Žluťoučký kůň, 東京") == ["žluťoučký", "kůň", "東京"]
    assert TOKENIZERS["words"]("हिन्दी भाषा") == ["हिन्दी", "भाषा"]
    assert TOKENIZERS["words"]("cafe\u0301 ok") == ["café", "ok"]


@given(st.text())
def test_no_tokenizer_gives_an_empty_word(text):
    assert all("" not in tokenize(text) for tokenize in TOKENIZERS.values())
