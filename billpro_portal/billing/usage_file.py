"""Usage in files: read as a spreadsheet saves it, and written for one."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from .csv_text import WrongFile, open_text
from .usage_batch import KEYS

# A file of refused rows says why each was: put right, it is read again.
REASON = 'reason'
NEEDED = ('id', 'meter', 'timestamp')
# What follows is the name of a property; a record has no other properties in a file.
PROPERTY = 'properties.'
COLUMNS = KEYS - {'properties'}
# What spreadsheets take for the beginning of a formula, or skip before one.
FORMULA_BEGINNINGS = ('=', '+', '-', '@', '\t', '\r', '\n')


def read(content: bytes) -> tuple[list[str], Iterator[tuple[list[str], dict[str, object] | None]]]:
    """Return the columns of a file, and its rows as other systems send records.

    Columns are separated by commas, semicolons or tabs, and are named as the keys of a record;
    those of properties are `properties.` and the name.

    :param bytes content: The file, in UTF-8.
    :return: The names of the columns, and each row with the record that it says: None if it has
             more cells than columns. Empty cells and empty rows are left out.
    :rtype: tuple
    :raise WrongFile: `no_text`, `no_column` or `unknown_column`, with the `column`.
    """
    file, delimiter = open_text(content)
    reader = csv.reader(file, delimiter=delimiter)
    try:
        names = [name.strip() for name in next(reader, [])]
    except csv.Error:
        raise WrongFile('no_text') from None
    for column in NEEDED:
        if column not in names:
            raise WrongFile('no_column', column=column)
    if not {'order', 'subscriber'} & set(names):
        raise WrongFile('no_column', column='order')
    for name in names:
        if name not in COLUMNS and name != REASON and not name.startswith(PROPERTY):
            raise WrongFile('unknown_column', column=name)
    return names, _read_rows(reader, names)


def _read_rows(
    reader: Iterator[list[str]], names: list[str]
) -> Iterator[tuple[list[str], dict[str, object] | None]]:
    """Yield each row, and the record that it says."""
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield row, _make_record(names, cells) if len(cells) <= len(names) else None
    except csv.Error:  # Such as a text that has no end.
        raise WrongFile('no_text') from None


def _make_record(names: list[str], cells: list[str]) -> dict[str, object]:
    """Return a record as other systems send it."""
    record: dict[str, object] = {}
    properties = {}
    for name, cell in zip(names, cells, strict=False):
        if cell and name in COLUMNS:
            record[name] = cell
        elif cell and name != REASON:
            properties[name.removeprefix(PROPERTY)] = cell
    return {**record, 'properties': properties} if properties else record


def write_row(cells: list[str]) -> str:
    """Return a row of a file.

    :param list[str] cells: Its cells.
    :rtype: str
    """
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def defuse(cell: str) -> str:
    """Return a cell that a spreadsheet shows as the text that it is.

    :param str cell: The text.
    :return: The same, behind an apostrophe if it could be taken for a formula.
    :rtype: str
    """
    return f"'{cell}" if cell.startswith(FORMULA_BEGINNINGS) else cell
