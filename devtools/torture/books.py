"""What Odoo's books say about the events: read inside Odoo."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from odoo import fields
from odoo.api import Environment
from odoo.fields import Domain

from devtools.torture.verdict import PAID, CheckoutBooks, EventBooks, OrderBooks

IN_FLIGHT = ['processing', 'unknown']
# What is read at once, so that tens of thousands of events don't fill the memory.
READ_BATCH = 1000


def is_anything_left(env: Environment) -> bool:
    """Return whether a run that begins now would find something to do.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: bool
    """
    due = env['billpro.billing.run']._get_due_domain()
    processing = Domain('status', '=', 'processing')
    now = fields.Datetime.now()
    inquiry = Domain('status', '=', 'unknown') & Domain(
        'transaction_ids',
        'any',
        [('billing_outcome_unknown', '=', True), ('billing_next_inquiry', '<=', now)],
    )
    message = Domain('state', '=', 'received') & Domain('next_try', '<=', now)
    return bool(
        env['billpro.billing.event'].search_count(due | processing | inquiry, limit=1)
        or env['billpro.webhook.event'].search_count(message, limit=1)
    )


def count_events(env: Environment, now: datetime) -> dict[str, int]:
    """Return how many events there are in each status, and how many are due now or later.

    :param odoo.api.Environment env: The superuser's environment.
    :param datetime.datetime now: The time of the workers.
    :rtype: dict[str, int]
    """
    Event = env['billpro.billing.event']
    counts = dict(Event._read_group([], ['status'], ['__count']))
    chargeable = Domain('status', '=', 'scheduled') & Domain(
        'order_id.billing_status', 'in', ['active', 'failed']
    )
    return {
        **counts,
        'due': Event.search_count(chargeable & Domain('due_date', '<=', now)),
        'later': Event.search_count(chargeable & Domain('due_date', '>', now)),
    }


def count_openable_orders(env: Environment) -> int:
    """Return of how many orders a run that begins now could open a payment.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: int
    """
    due = env['billpro.billing.run']._get_due_domain()
    ((count,),) = env['billpro.billing.event']._read_group(due, [], ['order_id:count_distinct'])
    return int(count)


def read_events(env: Environment) -> list[EventBooks]:
    """Return what the books say about each event.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: list[dict]
    """
    events = env['billpro.billing.event'].search([], order='id')
    return [
        values
        for start in range(0, len(events), READ_BATCH)
        for values in _read_event_batch(events[start : start + READ_BATCH])
    ]


def read_orders(env: Environment) -> list[OrderBooks]:
    """Return what the books say about each order as a whole.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: list[dict]
    """
    orders = env['sale.order'].search([('billing_event_ids', '!=', False)], order='id')
    return [
        values
        for start in range(0, len(orders), READ_BATCH)
        for values in _read_order_batch(orders[start : start + READ_BATCH])
    ]


def read_checkouts(env: Environment) -> list[CheckoutBooks]:
    """Return what the books say about each order that was to be paid at the checkout.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: list[dict]
    """
    orders = env['sale.order'].search(
        [('billing_event_ids', '=', False), ('purchase_type', '!=', False)], order='id'
    )
    return [
        values
        for start in range(0, len(orders), READ_BATCH)
        for values in _read_checkout_batch(orders[start : start + READ_BATCH])
    ]


def _read_checkout_batch(orders: Any) -> list[CheckoutBooks]:
    """Return what the books say about some orders, and forget what was read."""
    answer: list[CheckoutBooks] = [
        {
            'name': order.name,
            'status': order.billing_status,
            'attempts': [
                {
                    'reference': tx.reference,
                    'state': tx.state,
                    'operation': tx.operation,
                    'amount': _minor_units(tx.amount),
                    'is_on_account': _is_on_account(tx),
                    'booked': _minor_units(
                        tx.payment_id.amount if tx.payment_id.state in {'in_process', 'paid'} else 0
                    ),
                }
                for tx in order.billing_transaction_ids
            ],
            'by_hand': _minor_units(_get_paid_by_hand(order)),
            'paid': _minor_units(order.billing_paid),
            'invoices': [
                {
                    'total': _minor_units(invoice.amount_total_signed),
                    'residual': _minor_units(invoice.amount_residual_signed),
                }
                for invoice in order.billing_move_ids | order.invoice_ids
                if invoice.state == 'posted'
            ],
            'activities': order.activity_ids.mapped('summary'),
        }
        for order in orders
    ]
    orders.env.invalidate_all()
    return answer


def _get_paid_by_hand(order: Any) -> float:
    """Return what was registered by hand as paid for the invoices of an order."""
    paid: float = sum(_get_by_hand(order).mapped('amount'))
    return paid


def _get_by_hand(order: Any) -> Any:
    """Return the payments that were registered by hand for the invoices of an order."""
    return _get_payments_by_hand(order.billing_move_ids | order.invoice_ids)


def _get_payments_by_hand(invoices: Any) -> Any:
    """Return the payments that were registered by hand for some invoices."""
    return invoices.matched_payment_ids.filtered(
        lambda payment: (
            not payment.payment_transaction_id and payment.state in {'in_process', 'paid'}
        )
    )


def _read_order_batch(orders: Any) -> list[OrderBooks]:
    """Return what the books say about some orders, and forget what was read."""
    answer: list[OrderBooks] = [
        {
            'name': order.name,
            'type': order.purchase_type,
            'status': order.billing_status,
            'events': [(event.status, _minor_units(event.amount)) for event in _events(order)],
            'total': _minor_units(order.amount_total),
            'tax': _minor_units(order.amount_tax),
            'paid': _minor_units(order.billing_paid),
            'balance': _minor_units(order.billing_balance),
            'invoices': [
                {
                    'total': _minor_units(invoice.amount_total),
                    'tax': _minor_units(invoice.amount_tax),
                    'is_final': _bills_products(invoice),
                }
                for invoice in order.billing_move_ids
                if invoice.state == 'posted'
            ],
            'receivable': _minor_units(_get_receivable(order)),
            'on_account': _minor_units(_get_on_account(order)),
            'owed_again': _minor_units(_get_owed_again(order)),
        }
        for order in orders
    ]
    orders.env.invalidate_all()
    return answer


def _is_on_account(tx: Any) -> bool:
    """Return whether staff know that nobody needs a payment, or a part of it."""
    told = any(tx.reference in name for name in tx.billing_order_id.activity_ids.mapped('summary'))
    return tx.billing_on_account or (
        told and bool(tx.payment_id) and not tx.payment_id.is_reconciled
    )


def _get_on_account(order: Any) -> float:
    """Return what of the order's payments no invoice has taken, where staff know it."""
    payments = order.billing_transaction_ids.filtered(_is_on_account).payment_id
    lines = payments.move_id.line_ids.filtered(
        lambda line: line.account_id.account_type == 'asset_receivable' and not line.reconciled
    )
    left: float = -sum(lines.mapped('amount_residual_currency'))
    return left


def _get_owed_again(order: Any) -> float:
    """Return what of the order's invoices was paid, returned, and isn't paid again."""
    returned = order.billing_event_ids.filtered(
        lambda event: (
            event.status not in PAID and any(event.transaction_ids.mapped('billing_return_date'))
        )
    )
    owed: float = sum(returned.invoice_id.mapped('amount_residual'))
    return owed


def _events(order: Any) -> Any:
    return order.billing_event_ids.sorted('number')


def _bills_products(invoice: Any) -> bool:
    """Return whether an invoice bills the order's products and not a part of their price."""
    return any(
        not line.is_downpayment and not line.display_type
        for line in invoice.invoice_line_ids.sale_line_ids
    )


def _get_receivable(order: Any) -> float:
    """Return what the accounts say that the customer owes for an order, posted entries only."""
    invoices = order.billing_move_ids
    moves = invoices | (order.billing_transaction_ids.payment_id | _get_by_hand(order)).move_id
    moves |= order.billing_dispute_ids.filtered('is_return').loss_move_id
    lines = moves.filtered(lambda move: move.state == 'posted').line_ids
    owed: float = sum(
        lines.filtered(lambda line: line.account_type == 'asset_receivable').mapped('balance')
    )
    return owed


def _read_event_batch(events: Any) -> list[EventBooks]:
    """Return what the books say about some events, and forget what was read."""
    events.transaction_ids.payment_id.move_id.line_ids.mapped('reconciled')
    payments = events.env['account.payment'].search(
        [('payment_transaction_id', 'in', events.transaction_ids.ids)]
    )
    by_transaction = payments.grouped('payment_transaction_id')
    returns = events.env['billpro.dispute'].search(
        [('transaction_id', 'in', events.transaction_ids.ids), ('is_return', '=', True)]
    )
    returns_by_transaction = returns.grouped('transaction_id')
    answer: list[EventBooks] = [
        {
            'id': event.id,
            'name': event.display_name,
            'type': event.order_id.purchase_type,
            'status': event.status,
            'message': event.status_message or '',
            'amount': _minor_units(event.amount),
            'attempts': [
                {
                    'reference': tx.reference,
                    'state': tx.state,
                    'amount': _minor_units(tx.amount),
                    'is_on_account': _is_on_account(tx),
                    'returns': len(returns_by_transaction.get(tx, [])),
                }
                for tx in event.transaction_ids
            ],
            'payments': [
                {
                    'amount': _minor_units(payment.amount),
                    'is_reconciled': payment.is_reconciled,
                    'state': payment.state,
                }
                for tx in event.transaction_ids
                for payment in by_transaction.get(tx, [])
                if not tx.billing_return_date
            ],
            'by_hand': _minor_units(sum(_get_payments_by_hand(event.invoice_id).mapped('amount'))),
            'invoice': {
                'state': event.invoice_id.state,
                'payment_state': event.invoice_id.payment_state,
                'total': _minor_units(event.invoice_id.amount_total),
                'residual': _minor_units(event.invoice_id.amount_residual),
            },
        }
        for event in events
    ]
    events.env.invalidate_all()
    return answer


def _minor_units(amount: float) -> int:
    """Return an amount as the gateway counts it; all orders are in the company's currency."""
    return round(amount * 100)
