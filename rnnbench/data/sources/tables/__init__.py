"""Tables of texts: what they look like, and their rows one by one, piece by piece.

``header, rows = open_table(path, sniff(path, Layout()))``.
"""

from rnnbench.data.sources.tables.folders import read_folder
from rnnbench.data.sources.tables.layout import (
    INDICATORS,
    Layout,
    Names,
    Row,
    Rows,
    check_unique,
    columns_called,
    names_of,
)
from rnnbench.data.sources.tables.lines import LONE_SURROGATES, MAX_TEXT
from rnnbench.data.sources.tables.opening import READERS, columns_at_once, open_table
from rnnbench.data.sources.tables.separated import DIALECTS, dialect_of
from rnnbench.data.sources.tables.sniffing import (
    label_candidates,
    short_columns,
    sniff,
    with_form,
)

__all__ = [
    "DIALECTS",
    "INDICATORS",
    "LONE_SURROGATES",
    "MAX_TEXT",
    "READERS",
    "Layout",
    "Names",
    "Row",
    "Rows",
    "check_unique",
    "columns_at_once",
    "columns_called",
    "dialect_of",
    "label_candidates",
    "names_of",
    "open_table",
    "read_folder",
    "short_columns",
    "sniff",
    "with_form",
]
