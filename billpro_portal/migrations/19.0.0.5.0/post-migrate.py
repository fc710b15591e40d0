"""Carry the data of 19.0.0.4.0 over to 19.0.0.5.0."""

from odoo import SUPERUSER_ID, api

# By the status at the provider: all were shown as open.
DISPUTE_STATES = {
    'inquiry': ['warning_needs_response', 'warning_under_review'],
    'closed': ['charge_refunded'],
}


def migrate(cr, version):
    """Show disputes as what they are, and let invoices have the references of awaited transfers.

    Disputes are a question of the bank, or settled by a refund. Customers who have yet to transfer
    the money were told the reference of the payment.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    for state, statuses in DISPUTE_STATES.items():
        env['billpro.dispute'].search(
            [('state', '=', 'open'), ('provider_status', 'in', statuses)]
        ).state = state
    pending = env['payment.transaction'].search(
        [('billing_order_id', '!=', False), ('state', '=', 'pending')]
    )
    for tx in pending.filtered('billing_awaits_transfer'):
        order = tx.billing_order_id
        order.reference = order.reference or tx.reference
