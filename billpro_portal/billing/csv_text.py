"""CSV files as spreadsheets of any country save them."""

from __future__ import annotations

import io


def open_text(content: bytes) -> tuple[io.StringIO, str]:
    """Return a file to read from, and what separates its columns: a comma, semicolon or tab.

    :param bytes content: The file, in UTF-8, with or without a byte order mark.
    :rtype: tuple[io.StringIO, str]
    :raise UnicodeDecodeError: If it is something else.
    """
    text = content.decode('utf-8-sig')
    head = text.partition('\n')[0]
    return io.StringIO(text), max(',;\t', key=head.count)
