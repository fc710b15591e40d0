"""Usage in files: written for spreadsheets, which must not take a text for a formula."""

from __future__ import annotations

# What spreadsheets take for the beginning of a formula, or skip before one.
FORMULA_BEGINNINGS = ('=', '+', '-', '@', '\t', '\r', '\n')


def defuse(cell: str) -> str:
    """Return a cell that a spreadsheet shows as the text that it is.

    :param str cell: The text.
    :return: The same, behind an apostrophe if it could be taken for a formula.
    :rtype: str
    """
    return f"'{cell}" if cell.startswith(FORMULA_BEGINNINGS) else cell
