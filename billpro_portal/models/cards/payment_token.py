from odoo import api, fields, models
from odoo.exceptions import UserError

from ...billing.lifecycle import LIVE
from ...billing.notice_dates import card_expiring_date
from ...billing.payment_methods import get_facts, is_card
from ..rights.own_context import is_inside

CARD_STATES = [('valid', "Valid"), ('expiring', "Expires soon"), ('expired', "Expired")]


class PaymentToken(models.Model):
    """A stored card: its brand and expiry, and the orders that are charged to it."""

    _inherit = 'payment.token'

    # Whoever has it and the provider's keys can charge the card.
    provider_ref = fields.Char(groups='base.group_system')
    card_brand = fields.Char(readonly=True, help="As the customer knows it, such as Visa.")
    card_last_digits = fields.Char(string="Last 4 Digits", readonly=True)
    card_expiry_date = fields.Date(
        string="Expires", readonly=True, help="The last day on which the card can be charged."
    )
    card_state = fields.Selection(
        selection=CARD_STATES,
        compute='_compute_billing_card_state',
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
    billing_mandate_reference = fields.Char(
        string="Mandate", readonly=True, help="Under which the customer lets us debit the account."
    )
    billing_mandate_creditor = fields.Char(
        string="Creditor", readonly=True, help="Who debits it, as the customer's bank knows us."
    )
    billing_order_ids = fields.One2many(
        string="Charged Orders",
        comodel_name='sale.order',
        inverse_name='billing_token_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly,'
        'account.group_account_invoice',
    )

    @api.depends('card_expiry_date')
    def _compute_billing_card_state(self):
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
        """Override of `payment` to keep what is known of the card from the first."""
        provider = self.env['billpro.provider']._of(provider_code)
        return {
            **provider._prepare_token_values(values),
            **super()._get_specific_create_values(provider_code, values),
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

    def _billing_get_expiry_text(self):
        """Return until when the card is valid, as it is printed on it.

        :return: The text, or False if that isn't known.
        :rtype: str|bool
        """
        self.ensure_one()
        expiry = self.card_expiry_date
        return expiry and self.env._("Expires %s", expiry.strftime('%m/%Y'))

    def _billing_is_card(self):
        """Return whether it is a card, as it is called then; not a bank account, for instance.

        :return: That; also without any, as most are cards.
        :rtype: bool
        """
        return not self or is_card(self.payment_method_id.code)

    # === MANDATES === #

    def _billing_fetch_mandates(self):
        """Ask the provider under which references accounts are debited, where they aren't known."""
        for token in self.sudo():
            facts = get_facts(token.payment_method_id.code)
            if facts.has_mandate and not token.billing_mandate_reference:
                token.write(token.provider_id._in_billing()._fetch_mandate(token))

    def _billing_get_creditor(self):
        """Return who debits the account, as the customer's bank knows us.

        :return: That; empty if it isn't known.
        :rtype: str
        """
        self.ensure_one()
        token = self.sudo()
        return token.billing_mandate_creditor or token.provider_id.billpro_creditor_identifier or ''

    # === WHICH CARD IT IS === #

    def _billing_find_same_card(self):
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
