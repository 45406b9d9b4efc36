"""Made-up newswires in files of Reuters-21578, of Keras, and in tables."""

import csv
import io
import json

import numpy as np

from rnnbench.data.sources import keras_set, reuters, sgml


def tiny_newswires():
    """Return the 22 files of Reuters-21578, name -> content, with 58 made-up documents.

    Each file has a document on ``earn`` and one on ``acq``. Fourteen files also have
    one on ``rare``, a topic that needs one more document to be kept.
    """
    files = {}
    for number, name in enumerate(reuters.FILE_NAMES):
        profit = f"Net profit rose {number} pct" + " in the quarter" * (number % 5)
        unit = f"It buys unit {number}" + " of the company's" * (number % 4)
        documents = [_document("earn", profit), _document("acq", unit)]
        if number < sgml.MIN_DOCUMENTS - 1:
            documents.append(_document("rare", f"Nothing {number} of note"))
        files[name] = "".join(documents).encode("latin-1")
    return files


def _document(topic, body):
    return (
        f"<REUTERS><TOPICS><D>{topic}</D></TOPICS>\n"
        f"<TEXT><BODY>{body}\n Reuter\n&#3;</BODY></TEXT></REUTERS>\n"
    )


def write_files(folder, files):
    """Write files into a new folder, which is returned."""
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def write_keras_files(folder, corpus):
    """Write a corpus as Keras does; return reuters.npz and its word index."""
    npz = folder / keras_set.NPZ
    word_index = folder / keras_set.WORD_INDEX
    documents = np.empty(len(corpus), dtype=object)
    # All at once, lists of one length would become a matrix.
    for number in range(len(corpus)):
        documents[number] = corpus.ranks(number).tolist()
    np.savez(npz, x=documents, y=corpus.labels.astype(np.int64))
    ranks = {word: rank for rank, word in enumerate(corpus.vocabulary, start=1)}
    # Keras's is not by rank, either.
    word_index.write_text(json.dumps(ranks, sort_keys=True))
    return npz, word_index


def write_table(path, rows, header=("text", "label"), delimiter=",", encoding="utf-8"):
    """Write rows in the format of the name of the file, which is returned."""
    if path.suffix in (".csv", ".tsv"):
        text = io.StringIO()
        dialect = {"delimiter": delimiter}
        if path.suffix == ".tsv":
            dialect = {"delimiter": "\t", "quoting": csv.QUOTE_NONE, "quotechar": None}
        csv.writer(text, **dialect).writerows([header, *rows])
        path.write_bytes(text.getvalue().encode(encoding))
    elif path.suffix == ".parquet":
        import pyarrow  # takes a while
        from pyarrow import parquet

        columns = [list(column) for column in zip(*rows, strict=True)]
        parquet.write_table(pyarrow.table(columns, names=header), path)
    else:
        lines = [json.dumps(dict(zip(header, row, strict=True))) for row in rows]
        path.write_text("\n".join(lines) + "\n")
    return path
