"""Files that say what a provider has paid out: one row for each change of its balance."""

import csv
import datetime
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .csv_text import WrongFile, open_text

REQUIRED = ('payout', 'date', 'type', 'amount')
OPTIONAL = ('reference', 'fee', 'currency', 'description', 'paid_amount', 'paid_currency')
# What no amount reaches; see the bounds of billing events.
LIMIT = 10**12
# What is further away is a slip of the keyboard; a longer text is in the wrong column.
YEARS = range(2000, 2101)
LONGEST_TEXT = 1000
TYPES = ('payment', 'refund', 'dispute', 'fee', 'adjustment', 'payout')


@dataclass(frozen=True)
class Row:
    """A change of the provider's balance. Amounts are negative if it went down, fees positive."""

    payout: str
    date: datetime.date
    kind: str
    amount: Decimal
    fee: Decimal
    reference: str
    currency: str
    description: str
    paid_amount: Decimal | None
    paid_currency: str


def read(content: bytes) -> dict[str, list[Row]]:
    """Return the rows of a file by payout, in their order.

    Columns are separated by commas, semicolons or tabs; amounts have a decimal point; dates are
    written as 2027-03-31.

    :param bytes content: The file, in UTF-8.
    :rtype: dict[str, list[Row]]
    :raise WrongFile: `no_text`, `no_column`, `no_rows`, `type`, `date`, `number`, `missing` or
                      `too_long`; with the `column` and `value` that it is about.
    """
    file, delimiter = open_text(content)
    reader = csv.DictReader(file, delimiter=delimiter)
    names = [name.strip().lower() for name in reader.fieldnames or ()]
    for column in REQUIRED:
        if column not in names:
            raise WrongFile('no_column', column=column)
    reader.fieldnames = names
    payouts: dict[str, list[Row]] = {}
    for cells in reader:
        values = {name: (cells.get(name) or '').strip() for name in (*REQUIRED, *OPTIONAL)}
        if any(values.values()):
            row = _read_row(values, reader.line_num)
            payouts.setdefault(row.payout, []).append(row)
    if not payouts:
        raise WrongFile('no_rows')
    return payouts


def _read_row(values: dict[str, str], number: int) -> Row:
    """Return a row as it is meant."""
    for column in REQUIRED:
        if not values[column]:
            raise WrongFile('missing', number, column=column)
    for column, value in values.items():
        if len(value) > LONGEST_TEXT:
            raise WrongFile('too_long', number, column=column)
    if values['type'].lower() not in TYPES:
        raise WrongFile('type', number, column='type', value=values['type'])
    try:
        day = datetime.date.fromisoformat(values['date'])
    except ValueError:
        raise WrongFile('date', number, column='date', value=values['date']) from None
    if day.year not in YEARS:
        raise WrongFile('date', number, column='date', value=values['date'])
    return Row(
        payout=values['payout'],
        date=day,
        kind=values['type'].lower(),
        amount=_read_number(values, 'amount', number) or Decimal(0),
        fee=_read_number(values, 'fee', number) or Decimal(0),
        reference=values['reference'],
        currency=values['currency'].upper(),
        description=values['description'],
        paid_amount=_read_number(values, 'paid_amount', number),
        paid_currency=values['paid_currency'].upper(),
    )


def _read_number(values: dict[str, str], column: str, number: int) -> Decimal | None:
    """Return a number with a decimal point, None if there is none."""
    text = values[column]
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise WrongFile('number', number, column=column, value=text) from None
    if not amount.is_finite() or abs(amount) >= LIMIT:
        raise WrongFile('number', number, column=column, value=text)
    return amount
