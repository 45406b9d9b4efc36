"""Labels that a user has corrected: ``corrected(corpus, Path("suspects.csv"))``.

The table is that of ``rnnbench data suspects --out``.
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from rnnbench.data.corpus import Corpus, rows_of_labels
from rnnbench.data.sources.labels import ONE_LABEL
from rnnbench.data.sources.tables import Layout, Row, open_table, with_form
from rnnbench.data.sources.texts import Text, read_texts
from rnnbench.errors import UserError, did_you_mean, shortened
from rnnbench.labels import form_of, keys_of, topics_of

COLUMNS = ("document", "label", "given")
"""Those that are read; ``given`` is the label before the correction."""
SEPARATORS = (";", "|", "/", ",", "\t")


def separator_of(topics: Collection[str]) -> str:
    """Return what stands between the labels of a document: no label contains it."""
    written = "".join(topics)
    for separator in SEPARATORS:
        if separator not in written:
            return separator
    return SEPARATORS[-1]


def joined_topics(corpus: Corpus, document: int) -> str:
    """Return the labels of a document as the table has them."""
    (key,) = keys_of(corpus.labels[[document]])
    names = map(corpus.topics.__getitem__, topics_of(key))
    return separator_of(corpus.topics).join(names)


def corrected(corpus: Corpus, file: Path) -> Corpus:
    """Return a corpus with the labels in a table, or raise ``UserError``.

    Each row names its document by number, and the label that it had.
    """
    if not file.is_file():
        raise UserError(f"{file}: no such file (data.corrections)")
    if not file.stat().st_size:  # JSON lines without a suspect
        return corpus
    has_one = form_of(corpus.labels).has_one_label
    separator = ONE_LABEL
    if not has_one:
        separator = separator_of(corpus.topics)
    layout = Layout(
        text="given", label="label", group="document", label_separator=separator
    )
    header, _ = open_table(file, with_form(file, layout))
    for column in COLUMNS:
        if column not in header:
            hint = "should be a table of `rnnbench data suspects --out`"
            raise UserError(f"{file}: no column '{column}' ({hint})")
    bad_rows: list[Row] = []
    labels = corpus.labels.copy()
    seen = set[int]()
    for row in read_texts(file, layout, bad_rows):
        document = _document(corpus, row)
        if document in seen:
            raise UserError(f"{row.place}: document {document} appears twice")
        seen.add(document)
        for topic in row.labels:
            if topic not in corpus.topics:
                hint = did_you_mean(topic, corpus.topics)
                raise UserError(f"{row.place}: no label '{topic}' ({hint})")
        (indicators,) = rows_of_labels([row.labels], corpus.topics)
        if has_one:
            labels[document] = indicators.argmax()
        else:
            labels[document] = indicators
    for bad in bad_rows:
        raise UserError(f"{bad.place}: {bad.fault}")
    provenance = corpus.provenance | {"from": f"{corpus.provenance['from']}, corrected"}
    return replace(corpus, labels=labels, provenance=provenance, file=None)


def _document(corpus: Corpus, row: Text) -> int:
    """Return the document of a row, which must be one of this corpus."""
    most = len(corpus) - 1
    number = row.group
    if not number.isdecimal() or len(number) > 9 or int(number) > most:
        allowed = f"allowed: 0 to {most:,}"
        raise UserError(f"{row.place}: no document {number} ({allowed})")
    document = int(number)
    label = joined_topics(corpus, document) or "none"
    if row.text != label:
        got = shortened(row.text, 40)
        fault = f"document {document} is '{label}', not '{got}'"
        raise UserError(f"{row.place}: {fault} (this is a table of other documents)")
    return document
