from datetime import date

from dateutil.relativedelta import relativedelta

from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.payment_stripe.const import PAYMENT_METHODS_MAPPING

from ...billing.lifecycle import LIVE
from ...billing.notice_dates import card_expiring_date
from ..rights.own_context import INSIDE, is_inside

# Odoo's Demo provider knows no expiry; its cards get one so that everything can be tried.
DEMO_CARD_YEARS = 3


class PaymentToken(models.Model):
    """A stored card: its brand and expiry, and the orders that are charged to it."""

    _inherit = 'payment.token'

    # Whoever has them and the provider's keys can charge the card.
    provider_ref = fields.Char(groups='base.group_system')
    stripe_payment_method = fields.Char(groups='base.group_system')
    stripe_mandate = fields.Char(groups='base.group_system')
    card_brand = fields.Char(readonly=True, help="As the customer knows it, such as Visa.")
    card_last_digits = fields.Char(string="Last 4 Digits", readonly=True)
    card_expiry_date = fields.Date(
        string="Expires", readonly=True, help="The last day on which the card can be charged."
    )
    card_state = fields.Selection(
        selection=[('valid', "Valid"), ('expiring', "Expires soon"), ('expired', "Expired")],
        compute='_compute_card_state',
    )
    card_fingerprint = fields.Char(
        readonly=True,
        index='btree_not_null',
        groups='base.group_system',
        help="The same for the same card number, as far as the provider tells.",
    )
    card_wallet = fields.Char(
        string="Wallet", readonly=True, help="The wallet that holds the card, such as Apple Pay."
    )
    billing_order_ids = fields.One2many(
        string="Charged Orders",
        comodel_name='sale.order',
        inverse_name='billing_token_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly,'
        'account.group_account_invoice',
    )
    # Stripe's messages name cards by its number.
    _stripe_method_idx = models.Index(
        "(stripe_payment_method) WHERE stripe_payment_method IS NOT NULL"
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
        """Return the card as the customer knows it: "Visa •••• 4242 (Apple Pay)".

        :return: The name; empty without a card, as mails are rendered for orders of any kind.
        :rtype: str
        """
        if not self:
            return ''
        self.ensure_one()
        names = [self.card_brand or self.payment_method_id.name]
        if digits := self.card_last_digits or (self.payment_details or '')[-4:]:
            names.append(f'•••• {digits}')
        if self.card_wallet:
            names.append(f'({self.card_wallet})')
        return ' '.join(names)

    # === STRIPE === #

    @api.model
    def _prepare_stripe_card_values(self, card):
        """Return what is kept of a card.

        :param dict card: Stripe's object (API reference, "The PaymentMethod object", `card`).
        :rtype: dict
        """
        brand = self.env['payment.method']._get_from_code(
            card.get('brand'), mapping=PAYMENT_METHODS_MAPPING
        )
        values = {
            'card_brand': brand.name or (card.get('brand') or '').capitalize(),
            'card_last_digits': card.get('last4'),
            'card_fingerprint': card.get('fingerprint'),
            'card_wallet': ((card.get('wallet') or {}).get('type') or '').replace('_', ' ').title(),
        }
        if card.get('exp_year') and card.get('exp_month'):
            values['card_expiry_date'] = date(card['exp_year'], card['exp_month'], 1) + (
                relativedelta(day=31)
            )
        return values

    def _find_same_card(self):
        """Return the customer's other token of the same card, if there is one.

        A card that was renewed under its number has another expiry: it is another card, which may
        be charged where the old one may not.

        :rtype: payment.token
        """
        self.ensure_one()
        token = self.sudo()
        if not token.card_fingerprint:
            return self.browse()
        return token.search(
            [
                ('id', '!=', token.id),
                ('provider_id', '=', token.provider_id.id),
                (
                    'partner_id.commercial_partner_id',
                    '=',
                    token.partner_id.commercial_partner_id.id,
                ),
                ('card_fingerprint', '=', token.card_fingerprint),
                ('card_expiry_date', '=', token.card_expiry_date),
            ],
            limit=1,
        )

    def _take_in_stripe_method(self, method):
        """Bring cards up to date with what Stripe knows; remove those that it has forgotten.

        :param dict method: Stripe's object (Stripe API reference, "The PaymentMethod object").
        """
        if method.get('customer') and method.get('card'):
            values = self._prepare_stripe_card_values(method['card'])
            self.write({**values, 'payment_details': values['card_last_digits']})
        elif not method.get('customer'):
            orders = self._get_charged_orders()
            self.with_context(billing_archive_used_cards=INSIDE).active = False
            for order in orders:
                card = order.billing_token_id._get_card_name()
                order._ask_staff(
                    f'card-removed-{order.billing_token_id.id}',
                    self.env._("%s was removed at the provider", card),
                    self.env._(
                        "Order %s can't be charged any more: ask the customer for another card.",
                        order.name,
                    ),
                )

    # === USE === #

    def _get_charged_orders(self):
        """Return the live orders whose payments are charged to the cards.

        :rtype: sale.order
        """
        return self.sudo().billing_order_ids.filtered(lambda order: order.billing_status in LIVE)

    def get_linked_records_info(self):
        """Override of `payment` to name the orders that are charged to the card.

        Anybody can call it, with any card's number. The addresses are for who may read the
        orders with a login: the links that open them without one are their customers' secret.

        :raise AccessError: If the user may not read the card.
        """
        self.check_access('read')
        res = super().get_linked_records_info()
        description = self.env['sale.order']._description
        return res + [
            {
                'description': description,
                'id': order.id,
                'name': order.name,
                'url': order.access_url,
            }
            for order in self._get_charged_orders().with_env(self.env)._filtered_access('read')
        ]

    def _handle_archiving(self):
        """Override of `payment` to keep the cards that live orders are charged to.

        :raise UserError: If a card is in use; the message names the orders.
        """
        super()._handle_archiving()
        if is_inside(self.env, 'billing_archive_used_cards'):
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
