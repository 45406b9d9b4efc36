"""A source of documents."""

from collections import Counter

from rnnbench.plugin import Source, corpus_of_words


def read(path):
    rows = [line.split(",", 1) for line in path.read_text().splitlines()]
    topics = sorted({topic for topic, _ in rows})
    documents = [text.split() for _, text in rows]
    counts = Counter(word for words in documents for word in words)
    labels = [topics.index(topic) for topic, _ in rows]
    ranking = [word for word, _ in counts.most_common()]
    return corpus_of_words(documents, ranking, labels, topics)


NOTES = Source(
    name="notes",
    help="Notes on several topics.",
    file="a .notes file with a topic, a comma and a text on each line",
    read=read,
    tokenize=str.split,
    patterns=("*.notes",),
)
