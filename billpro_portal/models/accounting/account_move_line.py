from odoo import fields, models


class AccountMoveLine(models.Model):
    """Invoice lines that tell for which days they bill something."""

    _inherit = 'account.move.line'

    billing_period_start = fields.Date(
        readonly=True,
        copy=False,
        help="On invoices of orders whose lines have several intervals: the first day that the"
        " line bills.",
    )
    billing_period_end = fields.Date(
        readonly=True, copy=False, index='btree_not_null', help="The last day that it bills."
    )
