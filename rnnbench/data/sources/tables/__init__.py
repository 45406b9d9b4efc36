"""Tables of texts: what they look like, and their rows one by one, piece by piece.

``header, rows = open_table(path, sniff(path, Layout()))``.
"""

from rnnbench.data.sources.tables.contents import without_packing
from rnnbench.data.sources.tables.folders import (
    TEST,
    VALIDATION,
    DataPart,
    is_folder_of_texts,
    parts_of,
    read_folder,
    row_of_file,
    text_files_in,
)
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
from rnnbench.data.sources.tables.lines import MAX_TEXT
from rnnbench.data.sources.tables.opening import (
    READERS,
    TABLE_ENDINGS,
    columns_at_once,
    has_table_name,
    is_table,
    open_table,
)
from rnnbench.data.sources.tables.separated import DIALECTS, dialect_of
from rnnbench.data.sources.tables.sniffing import (
    label_candidates,
    short_columns,
    sniff,
    split_columns,
    with_form,
)

__all__ = [
    "DIALECTS",
    "INDICATORS",
    "MAX_TEXT",
    "READERS",
    "TABLE_ENDINGS",
    "TEST",
    "VALIDATION",
    "DataPart",
    "Layout",
    "Names",
    "Row",
    "Rows",
    "check_unique",
    "columns_at_once",
    "columns_called",
    "dialect_of",
    "has_table_name",
    "is_folder_of_texts",
    "is_table",
    "label_candidates",
    "names_of",
    "open_table",
    "parts_of",
    "read_folder",
    "row_of_file",
    "short_columns",
    "sniff",
    "split_columns",
    "text_files_in",
    "with_form",
    "without_packing",
]
