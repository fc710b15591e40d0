"""What Odoo's books say about the events: read inside Odoo."""

from odoo import fields
from odoo.fields import Domain

IN_FLIGHT = ['processing', 'unknown']


def is_anything_left(env):
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
    return bool(env['billpro.billing.event'].search_count(due | processing | inquiry, limit=1))


def count_events(env):
    """Return how many events there are in each status, and how many are due.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: dict[str, int]
    """
    Event = env['billpro.billing.event']
    counts = dict(Event._read_group([], ['status'], ['__count']))
    return {**counts, 'due': Event.search_count(env['billpro.billing.run']._get_due_domain())}


def read(env):
    """Return what the books say about each event.

    :param odoo.api.Environment env: The superuser's environment.
    :rtype: list[dict]
    """
    events = env['billpro.billing.event'].search([])
    events.transaction_ids.payment_id.move_id.line_ids.mapped('reconciled')
    return [
        {
            'id': event.id,
            'name': event.display_name,
            'status': event.status,
            'message': event.status_message or '',
            'amount': _minor_units(event.amount),
            'attempts': [
                {'reference': tx.reference, 'state': tx.state, 'amount': _minor_units(tx.amount)}
                for tx in event.transaction_ids
            ],
            'payments': [
                {
                    'amount': _minor_units(payment.amount),
                    'is_reconciled': payment.is_reconciled,
                    'state': payment.state,
                }
                for payment in env['account.payment'].search(
                    [('payment_transaction_id', 'in', event.transaction_ids.ids)]
                )
            ],
            'invoice': {
                'state': event.invoice_id.state,
                'payment_state': event.invoice_id.payment_state,
                'total': _minor_units(event.invoice_id.amount_total),
                'residual': _minor_units(event.invoice_id.amount_residual),
            },
        }
        for event in events
    ]


def _minor_units(amount):
    """Return an amount as the gateway counts it; all orders are in the company's currency."""
    return round(amount * 100)
