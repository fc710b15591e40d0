from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..billing.lifecycle import LIVE
from ..billing.notice_dates import card_expiring_date

# Odoo's Demo provider knows no expiry; its cards get one so that everything can be tried.
DEMO_CARD_YEARS = 3


class PaymentToken(models.Model):
    """A stored card: its brand and expiry, and the orders that are charged to it."""

    _inherit = 'payment.token'

    card_brand = fields.Char(readonly=True, help="As the customer knows it, such as Visa.")
    card_last_digits = fields.Char(string="Last 4 Digits", readonly=True)
    card_expiry_date = fields.Date(
        string="Expires", readonly=True, help="The last day on which the card can be charged."
    )
    card_state = fields.Selection(
        selection=[('valid', "Valid"), ('expiring', "Expires soon"), ('expired', "Expired")],
        compute='_compute_card_state',
    )
    billing_order_ids = fields.One2many(
        string="Charged Orders",
        comodel_name='sale.order',
        inverse_name='billing_token_id',
        readonly=True,
    )

    @api.depends('card_expiry_date')
    def _compute_card_state(self):
        """Compare the expiry with today, in the time zone of the card's owner."""
        for token in self:
            expiry = token.card_expiry_date
            today = fields.Date.context_today(token.with_context(tz=token.partner_id.tz or 'UTC'))
            if not expiry:
                token.card_state = 'valid'
            elif expiry < today:
                token.card_state = 'expired'
            else:
                is_expiring = today >= card_expiring_date(expiry)
                token.card_state = 'expiring' if is_expiring else 'valid'

    @api.model
    def _get_specific_create_values(self, provider_code, values):
        """Override of `payment` to give Demo cards a brand, digits and an expiry."""
        res = super()._get_specific_create_values(provider_code, values)
        if provider_code != 'demo':
            return res
        method = self.env['payment.method'].browse(values.get('payment_method_id'))
        last_day = fields.Date.today() + relativedelta(years=DEMO_CARD_YEARS, day=31)
        return {
            'card_brand': method.name,
            'card_last_digits': (values.get('payment_details') or '')[-4:],
            'card_expiry_date': values.get('card_expiry_date', last_day),
            **res,
        }

    def _get_card_name(self):
        """Return the card as the customer knows it: "Visa •••• 4242".

        :rtype: str
        """
        self.ensure_one()
        names = [self.card_brand or self.payment_method_id.name]
        if digits := self.card_last_digits or (self.payment_details or '')[-4:]:
            names.append(f'•••• {digits}')
        return ' '.join(names)

    # === USE === #

    def _get_charged_orders(self):
        """Return the live orders whose payments are charged to the cards.

        :rtype: sale.order
        """
        return self.sudo().billing_order_ids.filtered(lambda order: order.billing_status in LIVE)

    def get_linked_records_info(self):
        """Override of `payment` to name the orders that are charged to the card."""
        res = super().get_linked_records_info()
        description = self.env['sale.order']._description
        return res + [
            {
                'description': description,
                'id': order.id,
                'name': order.name,
                'url': order._get_order_link(),
            }
            for order in self._get_charged_orders()
        ]

    def _handle_archiving(self):
        """Override of `payment` to keep the cards that live orders are charged to.

        :raise UserError: If a card is in use; the message names the orders.
        """
        super()._handle_archiving()
        if self.env.context.get('billing_archive_used_cards'):
            return
        for token in self:
            if orders := token._get_charged_orders():
                raise UserError(
                    self.env._(
                        "%(card)s can't be removed: it is charged for %(orders)s. Choose another"
                        " card there first.",
                        card=token._get_card_name(),
                        orders=', '.join(orders.mapped('name')),
                    )
                )
