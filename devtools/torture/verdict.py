"""The comparison of Odoo's books with the gateway's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypedDict

from devtools.torture.adversary import is_of_stranger
from fake_gateway.ledger import Ledger

PAID = {'completed', 'recovered'}
IN_FLIGHT = {'processing', 'unknown'}


class Attempt(TypedDict):
    """An attempt to charge an event, and how often it is known to be returned.

    All amounts are in minor units.
    """

    reference: str
    state: str
    amount: int
    is_on_account: bool
    returns: int


class Payment(TypedDict):
    """A payment in accounting."""

    amount: int
    is_reconciled: bool
    state: str


class Invoice(TypedDict):
    """The invoice of an event."""

    state: str
    payment_state: str
    total: int
    residual: int


class EventBooks(TypedDict):
    """What the books say about an event."""

    id: int
    name: str
    type: str
    status: str
    message: str
    amount: int
    attempts: list[Attempt]
    payments: list[Payment]
    by_hand: int
    invoice: Invoice


class OrderInvoice(TypedDict):
    """A posted invoice of an order; the final one bills the products themselves."""

    total: int
    tax: int
    is_final: bool


class OrderBooks(TypedDict):
    """What the books say about an order as a whole; `events` are statuses and amounts."""

    name: str
    type: str
    status: str
    events: list[tuple[str, int]]
    total: int
    tax: int
    paid: int
    balance: int
    invoices: list[OrderInvoice]
    receivable: int
    on_account: int
    owed_again: int


class CheckoutAttempt(TypedDict):
    """An attempt to pay an order at the checkout, or a refund; `booked` is its payment's amount."""

    reference: str
    state: str
    operation: str
    amount: int
    is_on_account: bool
    booked: int


class CheckoutInvoice(TypedDict):
    """A posted invoice or, with negative amounts, a credit note."""

    total: int
    residual: int


class CheckoutBooks(TypedDict):
    """What the books say about an order that was to be paid at the checkout."""

    name: str
    status: str
    attempts: list[CheckoutAttempt]
    by_hand: int
    paid: int
    invoices: list[CheckoutInvoice]
    activities: list[str]


def judge(
    events: list[EventBooks], checkouts: list[CheckoutBooks], ledger: Ledger
) -> tuple[list[str], Counter[str]]:
    """Compare the books with the ledger.

    :param list events: What `books.read_events` says.
    :param list checkouts: What `books.read_checkouts` says.
    :param Ledger ledger: The gateway's ledger.
    :return: What is wrong, and how many events there are of each kind of wrong.
    :rtype: tuple[list[str], Counter[str]]
    """
    movements = [one for one in ledger.movements() if not is_of_stranger(one)]
    charges = Counter(one.description for one in movements if one.kind == 'charge')
    returns = Counter(one.description for one in movements if one.kind == 'dispute')
    # All orders are in the company's currency.
    net: Counter[str | None] = Counter()
    for movement in movements:
        net[movement.description] += movement.signed_amount
    problems: list[str] = []
    counts: Counter[str] = Counter()
    for event in events:
        references = [attempt['reference'] for attempt in event['attempts']]
        charged = [reference for reference in references for _ in range(charges.pop(reference, 0))]
        total = sum(net.get(reference, 0) for reference in references)
        kept = [reference for reference in charged if not returns[reference]]
        found = dict(_problems(event, kept, total)) | dict(
            _return_problems(event, charged, returns)
        )
        counts.update(found.keys())
        problems += [
            f"{event['name']} (id {event['id']}, {event['status']}, {event['message']!r}):"
            f" {problem}; attempts {event['attempts']}, charged {charged}"
            for problem in found.values()
        ]
    for checkout in checkouts:
        charged = [
            attempt['reference']
            for attempt in checkout['attempts']
            for _charge in range(charges.pop(attempt['reference'], 0))
        ]
        total = sum(net.get(attempt['reference'], 0) for attempt in checkout['attempts'])
        found = dict(_checkout_problems(checkout, charged, total))
        counts.update(found.keys())
        problems += [f"{problem}: {checkout}, charged {charged}" for problem in found.values()]
    for description in charges:
        counts['unknown_charge'] += 1
        problems.append(f"Charged for no event: {description}")
    return problems, counts


def _checkout_problems(
    checkout: CheckoutBooks, charged: list[str], total: int
) -> Iterator[tuple[str, str]]:
    """Return what is wrong with an order that was to be paid at the checkout.

    Money that came without need is right where it is on the customer's account and staff know it.

    :param dict checkout: What the books say.
    :param list charged: The reference of each charge of it.
    :param int total: What the gateway has of it, in minor units.
    :return: Pairs of a kind of problem and its description.
    """
    attempts = checkout['attempts']
    if len(set(charged)) != len(charged):
        yield 'double_charge', "an attempt was charged twice"
    approved = [one for one in attempts if one['state'] == 'done' and one['operation'] != 'refund']
    booked = [one['reference'] for one in approved if one['booked'] == one['amount']]
    if set(charged) - set(booked):
        yield 'lost_charge', "charged by the gateway, not booked"
    if set(booked) - set(charged):
        yield 'paid_without_charge', "booked, not charged by the gateway"
    needed = [one for one in approved if not one['is_on_account']]
    paid = sum(one['amount'] for one in needed) + checkout['by_hand']
    if paid > sum(max(invoice['total'], 0) for invoice in checkout['invoices']):
        yield 'double_charge', "paid more than was invoiced, and nobody was told"
    if any(one['state'] in {'pending', 'authorized'} for one in attempts):
        yield 'stuck', "a payment is pending in the end"
    if needed and checkout['status'] not in {'active', 'complete', 'review'}:
        yield 'not_begun', "paid, and nothing came of it"
    if any(one['is_on_account'] for one in approved) and not checkout['activities']:
        yield 'untold', "money is on the customer's account, and nobody was told"
    if total != sum(one['booked'] * (-1 if one['amount'] < 0 else 1) for one in attempts):
        yield 'amount', f"the gateway has {total}, the books have another amount"


def judge_orders(orders: list[OrderBooks]) -> tuple[list[str], Counter[str]]:
    """Check each order's books as a whole.

    :param list orders: What `books.read_orders` says.
    :return: What is wrong, and how many orders there are of each kind of wrong.
    :rtype: tuple[list[str], Counter[str]]
    """
    problems: list[str] = []
    counts: Counter[str] = Counter()
    for order in orders:
        found = dict(_order_problems(order))
        counts.update(found.keys())
        problems += [f"{problem}: {order}" for problem in found.values()]
    return problems, counts


def _order_problems(order: OrderBooks) -> Iterator[tuple[str, str]]:
    """Return what is wrong with an order as a whole.

    :param dict order: What the books say.
    :return: Pairs of a kind of problem and its description.
    """
    paid = sum(amount for status, amount in order['events'] if status in PAID)
    invoiced = sum(invoice['total'] for invoice in order['invoices'])
    on_account = order['on_account']
    # What was paid by hand counts like any other payment.
    collected = invoiced - order['owed_again']
    if not (paid == collected and order['paid'] == collected + on_account):
        yield 'order_sums', f"{paid} are paid, {collected} of {invoiced} invoiced collected"
    if order['receivable'] != order['owed_again'] - on_account:
        yield 'receivable', "the account says that the customer owes something else"
    finals = sum(invoice['is_final'] for invoice in order['invoices'])
    if order['type'] == 'instalment' and finals > 1:
        yield 'final_invoices', f"{finals} final invoices"
    is_collected = all(status in PAID for status, _amount in order['events'])
    if order['type'] == 'instalment' and is_collected:
        tax = sum(invoice['tax'] for invoice in order['invoices'])
        # What came twice waits for staff to pay it back, and the order for their review.
        expected = order['total'], order['tax'], -on_account
        if (invoiced, tax, order['balance']) != expected or finals != 1:
            yield 'instalments', f"{invoiced} with {tax} of taxes are invoiced"
        if order['status'] not in ({'complete', 'review'} if on_account else {'complete'}):
            yield 'not_complete', "all is paid, and the order isn't complete"


def _problems(event: EventBooks, charged: list[str], total: int) -> Iterator[tuple[str, str]]:
    """Return what is wrong with an event.

    :param dict event: What the books say.
    :param list charged: The reference of each charge of it that wasn't returned.
    :param int total: What the gateway has of it, in minor units.
    :return: Pairs of a kind of problem and its description.
    """
    status = event['status']
    if len(charged) > 1:
        yield 'double_charge', f"charged {len(charged)} times"
    if status in IN_FLIGHT:
        yield 'stuck', "neither charged nor declined in the end"
    elif status in PAID:
        yield from _invoice_problems(event)
        if charged:
            yield from _book_problems(event, total)
        elif event['by_hand'] != event['amount']:
            yield 'paid_without_charge', "paid in the books, not charged by the gateway"
    elif charged:
        yield 'lost_charge', "charged by the gateway, not paid in the books"
    if status not in PAID and event['payments']:
        yield 'payment_without_paid_event', f"{len(event['payments'])} payments in the books"


def _invoice_problems(event: EventBooks) -> Iterator[tuple[str, str]]:
    """Return what is wrong with the invoice of a paid event."""
    invoice = event['invoice']
    if (
        invoice['state'] != 'posted'
        or invoice['payment_state'] not in {'paid', 'in_payment'}
        or invoice['residual']
        or invoice['total'] != event['amount']
    ):
        yield 'invoice', f"its invoice is not posted, paid and of its amount: {invoice}"


def _return_problems(
    event: EventBooks, charged: list[str], returns: Counter[str | None]
) -> Iterator[tuple[str, str]]:
    """Return what is wrong with what banks have taken back of an event.

    :param dict event: What the books say.
    :param list charged: The reference of each charge of it.
    :param Counter returns: How often each reference was returned.
    :return: Pairs of a kind of problem and its description.
    """
    if len(set(charged)) != len(charged):
        yield 'double_charge', "an attempt was charged twice"
    for attempt in event['attempts']:
        returned = returns[attempt['reference']]
        if attempt['returns'] != returned or (returned and attempt['state'] != 'error'):
            yield 'return', f"{attempt['reference']} was returned {returned} times"
    invoice, is_returned = event['invoice'], any(returns[reference] for reference in charged)
    owed = 0 if event['status'] in PAID else event['amount'] - event['by_hand']
    if is_returned and (invoice['state'] != 'posted' or invoice['residual'] != owed):
        yield 'not_owed', f"returned, and {owed} isn't owed again: {invoice}"


def _book_problems(event: EventBooks, total: int) -> Iterator[tuple[str, str]]:
    """Return what is wrong with the payment of a charged event."""
    payments = event['payments']
    if len(payments) != 1 or payments[0]['amount'] != event['amount']:
        yield 'payment', f"not one payment of its amount: {payments}"
    on_account = any(attempt['is_on_account'] for attempt in event['attempts'])
    if not on_account and any(not payment['is_reconciled'] for payment in payments):
        yield 'not_reconciled', f"a payment is not reconciled: {payments}"
    if total != event['amount']:
        yield 'amount', f"the gateway has {total}, the event is {event['amount']}"
