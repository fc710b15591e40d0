"""CSV files as spreadsheets of any country save them."""

from __future__ import annotations

import io


class WrongFile(ValueError):
    """A file can't be read as what it should be."""

    def __init__(self, problem: str, row: int = 0, **values: str) -> None:
        """Say what is wrong.

        :param str problem: What, for whoever reads the file to put in words.
        :param int row: The number of the row; 0 if it is none.
        :param values: What the problem is about: `column` and `value`.
        """
        super().__init__(problem)
        self.problem = problem
        self.row = row
        self.values = values


def open_text(content: bytes) -> tuple[io.StringIO, str]:
    """Return a file to read from, and what separates its columns: a comma, semicolon or tab.

    :param bytes content: The file, in UTF-8, with or without a byte order mark.
    :rtype: tuple[io.StringIO, str]
    :raise WrongFile: `no_text` if it is something else.
    """
    try:
        text = content.decode('utf-8-sig')
    except UnicodeDecodeError:
        raise WrongFile('no_text') from None
    if '\0' in text:  # No database takes it.
        raise WrongFile('no_text')
    head = text.partition('\n')[0]
    return io.StringIO(text), max(',;\t', key=head.count)
