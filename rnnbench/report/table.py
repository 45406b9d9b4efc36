"""A table for a terminal, a notebook or Markdown, and the numbers in it as text."""

import io
import re
import textwrap
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

from rnnbench.analysis.intervals import N_BLOCKS
from rnnbench.data.audit import DatasetSummary
from rnnbench.metrics import Metric, Quantity, all_usable_metrics
from rnnbench.points import model_of, values_of
from rnnbench.results.schema import TOO_FEW_SEEDS, Difference, ModelSummary, Statistic
from rnnbench.text import counted, for_markdown, visible

if TYPE_CHECKING:
    from jinja2 import Template
    from rich.console import Console, RenderableType
    from rich.table import Table as RichTable
    from rich.text import Text

T = TypeVar("T")
Columns = dict[str, Callable[[T], str]]
"""The cell of an item, by the header of its column."""

MISSING = "-"
"""Stands for a value that there is not."""
SECOND = "macro_f1"
"""The metric that is shown with its spread, as the main one is."""
FAILED = "failed"
"""How the cell of a model that failed begins."""
HEADER_WIDTHS, CELL_WIDTHS = (60, 30, 20, 12, 0), (34, 20)
"""The widths of headers and of words in cells that are tried, in columns."""
NO_BREAK, INDENT = "\N{NO-BREAK SPACE}", "    "


@dataclass(frozen=True)
class Table:
    """A table as text."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str
    """The facts that a reader needs beside the numbers."""
    is_last_apart: bool = False
    """Whether a line stands above the last row, such as that of the majority baseline."""
    text_columns: int = 1
    """How many of the first columns are text; all others are numbers."""
    keys: int = 1
    """How many of the first columns tell the rows apart."""
    models: Sequence[Sequence[str]] = ()
    """Those that each row is about, where rows are about models."""
    links: Mapping[str, str] = field(default_factory=dict)
    """The addresses that cells of one column lead to on a page, by the text of the cell."""
    linked: int = 0
    """The position of that column."""


def table_of(items: Sequence[T], columns: Columns[T], caption: str, **facts: Any) -> Table:
    """Return a table with a row for each item; ``columns`` gives the cell under each header."""
    rows = [[cell(item) for cell in columns.values()] for item in items]
    return Table(list(columns), rows, caption, **facts)


def with_points(table: Table, position: int = 0) -> Table:
    """Return ``table`` with a column for each parameter of grids; ``position`` has the names."""
    names, end = [row[position] for row in table.rows], position + 1
    parameters = list(dict.fromkeys(key for name in names for key in values_of(name)))
    rows = []
    for row, name in zip(table.rows, names, strict=True):
        values = [values_of(name).get(key, MISSING) for key in parameters]
        rows.append([*row[:position], model_of(name), *values, *row[end:]])
    return replace(
        table,
        headers=[*table.headers[:end], *parameters, *table.headers[end:]],
        rows=rows,
        text_columns=table.text_columns + len(parameters) * (end < table.text_columns),
        keys=max(table.keys, end) + len(parameters),
        models=[[name] for name in names],
    )


def pick_columns(table: Table, places: Sequence[int], n_text: int) -> Table:
    """Return ``table`` with the columns at these places, the first ``n_text`` of which are text."""
    headers, *rows = [[cells[place] for place in places] for cells in (table.headers, *table.rows)]
    return replace(table, headers=headers, rows=rows, text_columns=n_text)


def number_first(table: Table) -> Table:
    """Return ``table`` with its first number beside its first column: a phone shows two columns."""
    n = max(table.text_columns, table.keys)
    order = [0, n, *range(1, n), *range(n + 1, len(table.headers))]
    return replace(pick_columns(table, order, 1), keys=1)


def to_rich(table: Table, console: "Console") -> "RenderableType":
    """Return the table for a terminal, in the most readable layout that fits its width.

    On a narrow terminal, headers and long cells have several lines, or groups of columns stand
    below each other. On a very narrow one, each cell has a line of its own. No number is broken.
    """
    from rich.console import Group
    from rich.text import Text

    headers = [*map(visible, table.headers)]
    shown = replace(table, headers=headers, rows=[[*map(visible, row)] for row in table.rows])
    folded = [
        replace(shown, rows=[[_fold(cell, width) for cell in row] for row in shown.rows])
        for width in CELL_WIDTHS
    ]
    layouts = (
        lay_out(candidate, console)
        for lay_out in (_in_one, _in_groups)
        for candidate in (shown, *folded)
    )
    lines = [Text(_in_lines(shown, console.width))]
    body: Sequence[RenderableType] = next(filter(None, layouts), lines)
    caption = _fill(visible(table.caption), min(console.width, 100))
    return Group(*body, *[Text(caption)] * bool(caption))


def _fold(cell: str, width: int) -> str:
    """Return a cell in lines; words are broken after punctuation, numbers never."""
    if re.match(r"[-+]?\d", cell):
        return re.sub(r" (\(\d+ of )", r"\n\1", cell)
    lines = [""]
    for part in re.split(r"(?<=[ /])|(?<=[a-z]\.)(?=\w)", cell):
        if lines[-1] and len(lines[-1] + part.rstrip()) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(map(str.rstrip, lines))


def _in_one(table: Table, console: "Console") -> "list[RichTable]":
    """Return the table as a grid with the widest headers that fit; ``[]`` without room."""
    from rich import box
    from rich.table import Table as RichTable

    unlimited = console.options.update(width=10_000)
    for width in HEADER_WIDTHS:
        grid = RichTable(box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        for index, header in enumerate(table.headers):
            lines = [line for row in table.rows for line in row[index].split("\n")]
            narrowest = max(map(len, [*lines, *_fill(header, 1).split("\n")]), default=1)
            grid.add_column(
                _fill(header, max(narrowest, width)),
                justify="left" if index < table.text_columns else "right",
                vertical="bottom",
                no_wrap=True,
            )
        for place, row in enumerate(table.rows, start=2):
            grid.add_row(*row, end_section=table.is_last_apart and place == len(table.rows))
        if console.measure(grid, options=unlimited).maximum <= console.width:
            return [grid]
    return []


def _in_groups(table: Table, console: "Console") -> "list[RichTable]":
    """Return groups of columns, each with the keys, as grids; ``[]`` if a column has no room."""
    grids: list[RichTable] = []
    keys, rest = [*range(table.keys)], [*range(table.keys, len(table.headers))]
    while rest:
        for n in range(len(rest), 0, -1):
            places = [*keys, *rest[:n]]
            n_text = sum(place < table.text_columns for place in places)
            if grid := _in_one(pick_columns(table, places, n_text), console):
                grids, rest = [*grids, *grid], rest[n:]
                break
        else:
            return []
    return grids


def _in_lines(table: Table, width: int) -> str:
    """Return the table as text with a line for each cell, and a blank line before each row."""
    lines = []
    for first, *cells in table.rows:
        lines += ["", _fill(first, width)]
        for header, cell in zip(table.headers[1:], cells, strict=True):
            together = cell.replace(" ", NO_BREAK) if len(cell) <= width - len(INDENT) else cell
            text = f"{header}: {together}" if header else together
            if cell:
                lines.append(_fill(text, width, initial_indent="  ", subsequent_indent=INDENT))
    return "\n".join([*lines, ""])


def _fill(text: str, width: int, **options: Any) -> str:
    """Return a text in lines of up to ``width``; words and percentages are not broken."""
    text = text.replace(" %", f"{NO_BREAK}%")
    return textwrap.fill(text, width, break_long_words=False, **options).replace(NO_BREAK, " ")


def to_markdown(table: Table) -> str:
    """Return the table in GitHub's Markdown, its caption below."""
    n_text = table.text_columns
    alignment = ["---"] * n_text + ["---:"] * (len(table.headers) - n_text)
    rows = (map(for_markdown, row) for row in (table.headers, *table.rows))
    lines = [f"| {' | '.join(row)} |" for row in rows]
    lines.insert(1, f"| {' | '.join(alignment)} |")
    return "\n".join([*lines, "", for_markdown(table.caption), ""])


def grid(rows: "Iterable[Sequence[str | Text]]", styles: Sequence[str] = ()) -> "RichTable":
    """Return rows as a table without lines for a terminal; columns may have ``styles``."""
    from rich.table import Column
    from rich.table import Table as RichTable
    from rich.text import Text

    columns = (Column(style=style, overflow="fold") for style in styles)
    table = RichTable.grid(*columns, padding=(0, 2))
    for row in rows:
        table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in row))
    return table


class Shown(ABC):
    """A result whose ``repr`` is its tables, as text or, in a notebook, as HTML."""

    @abstractmethod
    def tables(self) -> Sequence[Table]:
        """Return the tables that show the result."""

    def __repr__(self) -> str:
        return as_text(*self.tables()).rstrip("\n")

    __str__ = __repr__

    def _repr_html_(self) -> str:
        return "".join(map(to_html, self.tables()))


def as_text(*views: "Table | RenderableType", width: int | None = None) -> str:
    """Return what a console prints, as plain text even in a notebook, where Rich writes HTML."""
    from rich.console import Console

    text = io.StringIO()
    plain: dict[str, Any] = {"force_terminal": False, "force_jupyter": False}
    plain |= {"markup": False, "highlight": False, "emoji": False}
    console = Console(file=text, width=width, **plain)
    for view in views:
        console.print(to_rich(view, console) if isinstance(view, Table) else view, crop=False)
    return text.getvalue()


def to_html(table: Table) -> str:
    """Return a table as HTML, with its caption below; all text is escaped."""
    return visible(find_template("rnnbench.report", "table.html.j2").render(table=table))


def find_template(package: str, name: str, **options: Any) -> "Template":
    """Return a template of a package, which escapes all text unless it is for Python."""
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    environment = Environment(
        loader=PackageLoader(package),
        autoescape=select_autoescape([], ["py.j2"], default=True),
        finalize=options.pop("finalize", None),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= options
    return environment.get_template(name)


# Numbers


def metrics_of(models: Iterable[ModelSummary]) -> list[Metric]:
    """Return the metrics, other than the main one, that any of ``models`` has."""
    present = {name for model in models for name in model.metrics if name != model.main}
    return [metric for metric in all_usable_metrics() if metric.name in present]


def in_blocks(n: int) -> str:
    """Return how intervals and p-values treat ``n`` documents in order of time."""
    return f"in order of time, in {counted(min(n, N_BLOCKS), 'block')} that count as independent"


def remarks_on_tests(dataset: DatasetSummary) -> str:
    """Return remarks on the test documents, to be put behind their number; empty if none."""
    n = dataset.n_left_out
    remarks = [f"without the {n:,} that are in the training set, too"] if n else []
    if dataset.clusters:
        clusters = counted(max(dataset.clusters) + 1, "cluster")
        remarks.append(f"in {clusters} that count as independent")
    elif dataset.in_order:
        remarks.append(in_blocks(dataset.test_size))
    return f" ({'; '.join(remarks)})" if remarks else ""


def documents_in_words(dataset: DatasetSummary, held_out: str = "") -> str:
    """Return how many documents there are to train on, less any ``held_out``, and to test on."""
    remarks = remarks_on_tests(dataset)
    if not dataset.train_size:
        return f"{counted(dataset.n_tests, 'document')} to test on{remarks}"
    train = f"{dataset.train_size:,} documents to train on{held_out}"
    return f"{train}, {dataset.n_tests:,} to test on{remarks}"


def scope(n_seeds: int) -> str:
    """Return what the interval of a score is over, for a model with ``n_seeds`` seeds."""
    return "over documents and seeds" if n_seeds > 1 else "over documents"


def scope_of(differences: Iterable[Difference]) -> str:
    """Return what the intervals of differences are over."""
    return scope(max((pair.n_seeds or 1) + pair.has_too_few_seeds for pair in differences))


def mean_text(quantity: Quantity, model: ModelSummary) -> str:
    """Return the mean of a metric or cost over the seeds of a model."""
    mean = model.mean_of(quantity.name)
    return MISSING if mean is None else format(mean, quantity.format)


def size_text(model: ModelSummary) -> str:
    """Return the number of parameters of a model."""
    return MISSING if model.params is None else f"{model.params:,}"


def mean_and_interval(statistic: Statistic | None, form: str = ".4f") -> str:
    """Return a mean and half the width of its 95 % interval over seeds; one seed has none."""
    if statistic is None:
        return MISSING
    mean, over_seeds = format(statistic.mean, form), statistic.over_seeds
    return f"{mean} ± {over_seeds.high - statistic.mean:{form}}" if over_seeds else mean


def worse_in_words(against_best: Difference | None, of_best: str = MISSING) -> str:
    """Return in words whether a model is clearly worse than the best; the best has ``of_best``."""
    verdict = against_best.verdict if against_best else of_best
    return {"clear": "yes", "not clear": "no"}.get(verdict, verdict)


def short_p(p: float) -> str:
    """Return a p-value in at most six characters: two digits, or one digit and a power of ten."""
    return f"{p:.2g}" if p >= 0.001 else f"{p:.0e}"


def condition(differences: Iterable[Difference]) -> str:
    """Return what few seeds mean for ``differences``; nothing if all have enough."""
    found, sentences = list(differences), []
    if any(pair.n_seeds == 1 and not pair.has_too_few_seeds for pair in found):
        sentences.append(
            "With one seed, intervals are over documents alone, and p-values are about these "
            "trainings, not about the models."
        )
    if any(pair.has_too_few_seeds for pair in found):
        sentences.append(
            f"{TOO_FEW_SEEDS.capitalize()}: with 1 or 2, p-values cannot be relied on; use 3 or "
            "more, preferably 5."
        )
    return " ".join(sentences)
