from datetime import timedelta

from odoo import api, fields, models
from odoo.tools import email_normalize

from ...billing.lifecycle import FINAL, LIVE
from ...billing.retention import LINK_REQUEST_DAYS

# Whoever looks for addresses needs many tries, a customer one or two.
REQUESTS_PER_HOUR_AND_VISITOR = 10
MAILS_PER_HOUR_AND_CUSTOMER = 3


class BillproLinkRequest(models.Model):
    """Somebody has lost the link to an order, and entered a mail address.

    What is entered is not kept, and nobody is told whether it is known: the links go to the address
    that the customer of the orders has. The visitor's own address is kept for a day, as their
    requests are counted.
    """

    _name = 'billpro.link.request'
    _description = "Request of Order Links"

    ip_address = fields.Char(string="IP Address", required=True, readonly=True, index=True)

    @api.model
    def _take(self, email, ip_address):
        """Mail customers the links to all their orders, if the mail address is one of theirs.

        :param str email: What was entered.
        :param str ip_address: The address of the visitor.
        """
        since = fields.Datetime.now() - timedelta(hours=1)
        limits = {('ip_address', ip_address): REQUESTS_PER_HOUR_AND_VISITOR}
        if self.env['billpro.own.transaction']._is_limit_reached(self._name, since, limits):
            return
        request = self.create({'ip_address': ip_address})
        for order in self._find_orders(email):
            told = self.env['billpro.notification'].search_count(
                [
                    ('kind', '=', 'order_links'),
                    ('order_id.partner_id', '=', order.partner_id.id),
                    ('order_id.company_id', '=', order.company_id.id),
                    ('create_date', '>', since),
                ],
                limit=MAILS_PER_HOUR_AND_CUSTOMER,
            )
            if told < MAILS_PER_HOUR_AND_CUSTOMER:
                fact = f'request-{request.id}-order-{order.id}'
                self.env['billpro.notification']._queue('order_links', order, fact)

    @api.model
    def _find_orders(self, email):
        """Return the newest order of each customer with a mail address, for each company.

        :param str email: What was entered.
        :return: The orders; their mails name all others.
        :rtype: list[sale.order]
        """
        address = email_normalize(email)
        if not address:
            return []
        orders = (
            self.env['sale.order']
            .search(
                [
                    ('partner_id.email_normalized', '=', address),
                    ('purchase_type', '!=', False),
                    (
                        'billing_status',
                        'in',
                        ['pending', 'rejected', *LIVE, *FINAL - {'cancelled'}],
                    ),
                ],
                order='id desc',
            )
            .filtered(lambda order: not order._billing_is_link_over())
        )
        groups = orders.grouped(lambda order: (order.partner_id, order.company_id))
        return [of_customer[0] for of_customer in groups.values()]

    @api.autovacuum
    def _gc_link_requests(self):
        """Forget the addresses of visitors."""
        since = fields.Datetime.now() - timedelta(days=LINK_REQUEST_DAYS)
        self.search([('create_date', '<', since)]).unlink()
