"""Tables of texts: what they look like, and their rows one by one, piece by piece.

``header, rows = open_table(path, sniff(path, Layout()))``.
"""

from rnnbench.data.sources.tables.folders import read_folder
from rnnbench.data.sources.tables.layout import (
    Layout,
    Row,
    Rows,
    check_unique,
)
from rnnbench.data.sources.tables.lines import MAX_TEXT
from rnnbench.data.sources.tables.opening import READERS, columns_at_once, open_table
from rnnbench.data.sources.tables.separated import DIALECTS, dialect_of
from rnnbench.data.sources.tables.sniffing import short_columns, sniff, with_form

__all__ = [
    "DIALECTS",
    "MAX_TEXT",
    "READERS",
    "Layout",
    "Row",
    "Rows",
    "check_unique",
    "columns_at_once",
    "dialect_of",
    "open_table",
    "read_folder",
    "short_columns",
    "sniff",
    "with_form",
]
