"""Carry the data of 19.0.0.5.0 over to 19.0.0.6.0."""

from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Let invoices have the references of awaited transfers.

    Customers who have yet to transfer the money were told the reference of the payment.

    :param odoo.sql_db.Cursor cr: The cursor of the update.
    :param str version: The version that was installed.
    """
    env = api.Environment(cr, SUPERUSER_ID, {})
    pending = env['payment.transaction'].search(
        [('billing_order_id', '!=', False), ('state', '=', 'pending')]
    )
    for tx in pending.filtered('billing_awaits_transfer'):
        order = tx.billing_order_id
        order.reference = order.reference or tx.reference
