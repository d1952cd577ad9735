"""Tables on a terminal; 100 columns are enough."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.table import Table
from rich.text import Text

WHOLE, FOLDED = True, False


def terminal_table(**columns: bool) -> Table:
    """Columns that are `WHOLE` keep their lines: an id that is cut cannot be copied."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column, no_wrap in columns.items():
        table.add_column(column.replace("_", " "), overflow="fold", no_wrap=no_wrap)
    return table


def add_row(table: Table, *cells: object) -> None:
    """Cells are shown as they are, not read as markup."""
    table.add_row(*(Text(str(cell)) for cell in cells))


def add_rows(table: Table, rows: Iterable[Iterable[object]]) -> Table:
    for cells in rows:
        add_row(table, *cells)
    return table
