import ipaddress
from datetime import timedelta

from odoo import api, fields, models

SAME_VISIT_MINUTES = 10  # Each action comes back to the page: that isn't opened anew.


class BillproVisit(models.Model):
    """What somebody did by an order link: that they opened it, and what they changed."""

    _name = 'billpro.visit'
    _description = "Use of an Order Link"

    _order = 'id desc'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, index=True, readonly=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    date = fields.Datetime(required=True, readonly=True, index=True, default=fields.Datetime.now)
    deed = fields.Selection(
        string="What Was Done",
        selection=[
            ('open', "Page opened"),
            ('pay', "Paying"),
            ('card', "Cards changed"),
            ('plan', "Plan changed"),
            ('schedule', "Pause or next payment changed"),
            ('cancel', "Cancelled, or taken back"),
            ('withdraw', "Withdrawal sent"),
            ('details', "Details changed"),
            ('settings', "Messages and alerts changed"),
            ('message', "Message written"),
        ],
        required=True,
        readonly=True,
    )
    ip_address = fields.Char(
        string="Network", readonly=True, help="The visitor's address, shortened."
    )

    @api.depends('order_id', 'deed')
    def _compute_display_name(self):
        deeds = dict(self._fields['deed']._description_selection(self.env))
        for visit in self:
            visit.display_name = f'{visit.order_id.name} – {deeds[visit.deed]}'

    @api.model
    def _note(self, order, deed, ip_address):
        """Note what was done by the link of an order.

        :param sale.order order: The order, in superuser mode.
        :param str deed: A value of `deed`.
        :param str ip_address: The address of the visitor.
        """
        network = self._shorten(ip_address)
        if deed == 'open' and self.search_count(
            [
                ('order_id', '=', order.id),
                ('ip_address', '=', network),
                ('date', '>', fields.Datetime.now() - timedelta(minutes=SAME_VISIT_MINUTES)),
            ],
            limit=1,
        ):
            return
        self.create({'order_id': order.id, 'deed': deed, 'ip_address': network})

    @staticmethod
    def _shorten(ip_address):
        """Return an address by which somebody knows their own line, and that names nobody.

        :param str ip_address: The address.
        :return: The network of 256 addresses that it is in, or of a site with IPv6.
        :rtype: str
        """
        try:
            address = ipaddress.ip_address(ip_address)
        except ValueError:  # A proxy in front of Odoo has sent something else.
            return ''
        length = 24 if address.version == 4 else 48
        return str(ipaddress.ip_network(f'{address}/{length}', strict=False))
