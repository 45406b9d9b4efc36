"""A folder with a folder of .txt files for each label, as a table.

``read_folder(Path("newsgroups"), Layout()).header`` is ``["text", "label"]``.
"""

from pathlib import Path

from rnnbench.data.sources.tables.layout import Layout, Row, Rows, TextTable
from rnnbench.data.sources.tables.lines import LONE_SURROGATES, MAX_TEXT, codec_of
from rnnbench.storage import read_file


def read_folder(path: Path, layout: Layout) -> TextTable:
    """Return the texts in a folder, each with the name of the folder that it is in."""
    return TextTable(["text", "label"], _rows(path, layout))


def _rows(path: Path, layout: Layout) -> Rows:
    for folder in sorted(path.iterdir()):
        is_hidden = folder.name.startswith(".")
        if is_hidden or folder.is_symlink() or not folder.is_dir():
            continue
        for file in sorted(folder.rglob("*.[tT][xX][tT]")):
            content = read_file(file, MAX_TEXT)
            text = content.decode(codec_of(layout), LONE_SURROGATES)
            yield Row(str(file), (text, folder.name))
