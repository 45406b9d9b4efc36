"""The user's own texts, in tables and folders."""

import logging
from array import array
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rnnbench.data.corpus import Corpus, corpus_of_numbers
from rnnbench.data.source import Source
from rnnbench.data.texts import READERS, Columns, Text, read_texts
from rnnbench.data.tokenizers import TOKENIZERS, words
from rnnbench.errors import UserError, shortened
from rnnbench.text import counted

log = logging.getLogger(__name__)

MAX_LABELS, LONGEST_LABEL = 1_000, 100
TOKENIZER = "words"


def read(
    path: Path,
    *,
    test: Path | None = None,
    text_column: str = Columns.text,
    label_column: str = Columns.label,
    tokenizer: str = TOKENIZER,
) -> Corpus:
    """Return the corpus of the texts in a table or a folder; labels are sorted.

    Args:
        path: all texts, or those to train on.
        test: the texts to test on; with them, the corpus has a split of its own.
        text_column: the name of the column of a table that holds the texts.
        label_column: the name of the column that holds the labels.
        tokenizer: splits texts into words; a name in ``TOKENIZERS``.

    Raises:
        UserError: something in a file is wrong; the message names the line.
    """
    columns, files = Columns(text_column, label_column), [path, *([test] if test else [])]
    tokens, ends, labels, is_test = array("i"), array("q", [0]), array("i"), bytearray()
    word_ids: dict[str, int] = {}
    firsts: dict[str, Text] = {}
    label_ids: dict[str, int] = {}
    for number, file in enumerate(files):
        for text in read_texts(file, columns):
            in_words = _tokens(text, TOKENIZERS[tokenizer])
            tokens.extend([word_ids.setdefault(word, len(word_ids)) for word in in_words])
            ends.append(len(tokens))
            labels.append(label_ids.setdefault(text.label, len(label_ids)))
            if len(firsts) <= MAX_LABELS:  # more are refused, and need not be kept
                firsts.setdefault(text.label, text)
            is_test.append(number)
    _check_labels(list(firsts.values()), np.bincount(labels, minlength=1).tolist(), path)
    sorted_positions = np.argsort(np.argsort(np.array(list(label_ids), object)))
    return corpus_of_numbers(
        np.frombuffer(tokens, np.int32),
        np.frombuffer(ends, np.int64),
        list(word_ids),
        labels=sorted_positions[np.frombuffer(labels, np.int32)],
        topics=sorted(label_ids),
        is_test=np.frombuffer(is_test, bool) if test else None,
        provenance={"from": " and ".join(file.name for file in files), "tokenizer": tokenizer},
    )


def _tokens(text: Text, tokenize: Callable[[str], list[str]]) -> list[str]:
    if len(text.label) > LONGEST_LABEL:
        label = shortened(text.label, 40)
        raise UserError(f"{text.place}: a label of {len(text.label):,} characters: {label}")
    found = tokenize(text.text)
    if not found:
        start = shortened(" ".join(text.text.split()), 40)
        raise UserError(f"{text.place}: no words in the text: {start}")
    return found


def _check_labels(firsts: list[Text], counts: list[int], path: Path) -> None:
    """Make sure that there are labels to tell apart, and warn of those that occur once.

    Args:
        firsts: the first text of each label.
        counts: the number of texts of each label.
        path: the file, for messages.
    """
    if not firsts:
        kind = "no folder with .txt files" if path.is_dir() else "no row with a text"
        raise UserError(f"{path}: {kind} in it")
    if not 2 <= len(counts) <= MAX_LABELS:
        number = counted(len(counts), "different label")
        raise UserError(f"{path}: {number} (allowed: 2 to {MAX_LABELS:,}); see data.label_column")
    once = [text for text, count in zip(firsts, counts, strict=True) if count == 1]
    for text in once[:3]:
        log.warning("%s: the label '%s' occurs once", text.place, text.label)
    if once[3:]:
        log.warning("%s: %s more labels occur once", path, len(once) - 3)


FILES = Source(
    name="files",
    help="Your own texts, each with a label.",
    file=f"a table ({', '.join(READERS)}), or a folder with a folder of .txt files for each label",
    read=read,
    tokenize=words,
    patterns=tuple(f"*{ending}" for ending in READERS),
    folder_patterns=("*/**/*.txt",),
    split=None,
    options=("test", "text_column", "label_column", "tokenizer"),
    ranks_words_of="training",
)
