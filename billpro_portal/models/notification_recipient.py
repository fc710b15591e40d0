from odoo import api, fields, models
from odoo.tools import email_normalize

from .notification import MAIL

PAYMENT_KINDS = frozenset(
    {
        'payment_received',
        'payment_declined',
        'payment_failed',
        'payment_authentication',
        'payment_upcoming',
        'payment_changed',
        'refund',
    }
)


class BillproNotification(models.Model):
    """Whom a notice is for: whoever pays, or the contact of the order.

    The templates say the same, as previews and mails that staff write need it too.
    """

    _inherit = 'billpro.notification'

    partner_id = fields.Many2one(comodel_name='res.partner', compute='_compute_partner_id')

    @api.depends(
        'kind', 'channel', 'order_id.partner_id.email', 'order_id.partner_invoice_id.email'
    )
    def _compute_partner_id(self):
        """Mails about payments are for the invoice address; text messages reach one number only."""
        for notice in self:
            order = notice.order_id
            notice.partner_id = (
                order._get_payment_contact()
                if notice.kind in PAYMENT_KINDS and notice.channel == MAIL
                else order.partner_id
            )


class SaleOrder(models.Model):
    """Who is told about the payments of an order."""

    _inherit = 'sale.order'

    def _get_payment_contact(self):
        """Return whom mails about payments are for.

        :return: The invoice address if mail reaches it, else the order's contact; empty without an
                 order, as templates are rendered for payments of any kind.
        :rtype: res.partner
        """
        payer = self.partner_invoice_id
        return payer if email_normalize(payer.email) else self.partner_id
