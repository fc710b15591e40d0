from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

from ...billing.actions import OrderAction
from ...billing.lifecycle import FINAL, IN_FLIGHT, LIVE
from ...billing.payment_methods import can_be_backup


class SaleOrder(models.Model):
    """The stored cards of an order: which there are, which one is charged, who may change it."""

    _inherit = 'sale.order'

    billing_card_state = fields.Selection(
        string="Card State", related='billing_token_id.card_state'
    )

    billing_backup_token_id = fields.Many2one(
        string="Backup",
        comodel_name='payment.token',
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The customer has agreed that it is charged once the saved payment method is declined"
        " for good: for that payment, and from then on.",
    )

    # === WHICH CARDS === #

    def _billing_get_available_cards(self):
        """Return the cards that the order's payments may be charged to, newest first.

        They belong to the customer, to whom the invoices go, or to the company of either.

        :return: The cards in superuser mode.
        :rtype: payment.token
        """
        self.ensure_one()
        owners = self._billing_get_card_owners()
        return (
            self.env['payment.token']
            .sudo()
            .search(
                [
                    ('partner_id', 'in', owners.ids),
                    ('company_id', '=', self.company_id.id),
                    ('provider_id.state', '!=', 'disabled'),
                ],
                order='id desc',
            )
            .filtered(self._billing_is_card_usable)
        )

    def _billing_get_card_owners(self):
        partners = self.partner_id | self.partner_invoice_id
        return partners | partners.commercial_partner_id

    def _billing_is_card_of_customer(self, token):
        """Return whether a card belongs to the order's customer, or to who gets the invoices.

        :param payment.token token: The card.
        :rtype: bool
        """
        owners = self._billing_get_card_owners().commercial_partner_id
        return token.partner_id.commercial_partner_id in owners

    @api.constrains(
        'billing_token_id', 'billing_backup_token_id', 'partner_id', 'partner_invoice_id'
    )
    def _check_billing_card_is_of_customer(self):
        for order in self:
            for card in order.billing_token_id | order.billing_backup_token_id:
                if not order._billing_is_card_of_customer(card):
                    raise ValidationError(
                        self.env._(
                            "%(card)s belongs to %(owner)s, who is not the customer of order"
                            " %(order)s.",
                            card=card._get_card_name(),
                            owner=card.partner_id.display_name,
                            order=order.name,
                        )
                    )

    def _billing_is_card_usable(self, token):
        """Return whether the provider of a card can be paid in the order's currency.

        :param payment.token token: The card.
        :rtype: bool
        """
        currencies = token.provider_id.available_currency_ids
        return not currencies or self.currency_id in currencies

    def _billing_get_card(self, token_id):
        """Return one of the order's cards.

        :param int token_id: The card's id, from a request: not to be trusted.
        :rtype: payment.token
        :raise UserError: If it isn't one of them.
        """
        card = self._billing_get_available_cards().filtered(lambda token: token.id == token_id)
        if not card:
            raise UserError(
                self.env._("This card is not available any more. Please reload the page.")
            )
        return card

    def _billing_can_change_cards(self):
        """Return whether the customer may add, select and remove cards.

        :rtype: bool
        """
        return not self._get_billing_refusal_of(OrderAction.CHANGE_CARD)

    def _check_billing_card_can_be_removed(self, token):
        """Check that the customer may remove a card; that of an order which is over they may.

        :param payment.token token: A card of `_billing_get_available_cards`.
        :raise UserError: If not.
        """
        if self.billing_status not in FINAL or token != self.billing_token_id:
            self._check_billing_cards_can_be_changed()

    def _check_billing_cards_can_be_changed(self):
        """Lock the order and check that its customer may change cards.

        :raise UserError: If not.
        """
        self._lock_billing()
        if not self._billing_can_change_cards():
            raise UserError(self.env._("The cards of this order can't be changed any more."))

    def _billing_get_other_orders_with_cards(self):
        """Return the customer's other live orders that a card of this order could be used for.

        :rtype: sale.order
        """
        self.ensure_one()
        return self.sudo().search(
            [
                ('id', '!=', self.id),
                ('partner_id.commercial_partner_id', '=', self.partner_id.commercial_partner_id.id),
                ('company_id', '=', self.company_id.id),
                ('billing_status', 'in', list(LIVE - {'paused'})),
                ('billing_token_id', '!=', False),
                ('billing_cancel_date', '=', False),
            ]
        )

    # === CUSTOMERS THAT CHANGE === #

    def _billing_take_off_cards(self):
        """Take the cards off orders that may get another customer, while nothing is under way.

        :return: The cards by order, in superuser mode, for `_billing_put_back_cards`.
        :rtype: dict
        :raise UserError: If the outcome of a payment isn't known yet.
        """
        self._check_billing_no_payment_in_progress()
        orders = self.sudo().filtered('billing_token_id')
        if in_flight := orders.billing_event_ids.filtered(lambda event: event.status in IN_FLIGHT):
            raise UserError(
                self.env._(
                    "The outcome of payment %s isn't known yet. Please wait for it.",
                    in_flight[0].display_name,
                )
            )
        cards = {order: order.billing_token_id for order in orders}
        orders.billing_token_id = False
        # Agreed to by somebody else.
        self.sudo().filtered('billing_backup_token_id').billing_backup_token_id = False
        return cards

    @api.model
    def _billing_put_back_cards(self, cards):
        """Put cards back on the orders whose customers they belong to, and tell of the others.

        :param dict cards: The cards by order.
        """
        for order, card in cards.items():
            if order._billing_is_card_of_customer(card):
                order.billing_token_id = card
                continue
            note = self.env._(
                "%(card)s belongs to %(owner)s and is not charged for this order any more. Ask"
                " %(customer)s for another card.",
                card=card._get_card_name(),
                owner=card.partner_id.display_name,
                customer=order.partner_id.display_name,
            )
            order._message_log(body=note)
            if order.billing_status in LIVE:
                order._billing_ask_staff(
                    'other-customer', self.env._("Order %s has another customer", order.name), note
                )

    # === CHANGING THEM === #

    def _billing_select_card(self, token, for_all_orders=False):
        """Charge the order's payments to another of its cards from now on, and confirm it.

        :param payment.token token: A card of `_billing_get_available_cards`.
        :param bool for_all_orders: Whether to use it for the customer's other orders, too.
        """
        self.ensure_one()
        orders = self
        if for_all_orders:
            others = self._billing_get_other_orders_with_cards().filtered(
                lambda order: token in order._billing_get_available_cards()
            )
            orders |= others
        orders._lock_billing()
        changed = orders.filtered(lambda order: order.billing_token_id != token)
        for order in changed:
            order.billing_token_id = token
            if order.billing_backup_token_id == token:
                order.billing_backup_token_id = False
            order._message_log(
                body=self.env._("%s is charged from now on.", token._get_card_name())
            )
        if changed:
            env = self.with_context(lang=self.partner_id.lang).env
            self._billing_announce_card(
                token,
                env._(
                    "%(card)s is charged for %(orders)s from now on.",
                    card=token.with_env(env)._get_card_name(),
                    orders=', '.join(changed.mapped('name')),
                ),
            )

    # === THE BACKUP === #

    def _billing_get_backup(self):
        """Return the card that is charged if the selected one is declined for good.

        :return: The card; empty if there is none, or if it can't be charged any more.
        :rtype: payment.token
        """
        self.ensure_one()
        backup = self.billing_backup_token_id
        if not backup or backup not in self._billing_get_available_cards():
            return backup.browse()
        return backup.filtered(self._billing_can_be_backup)

    def _billing_can_be_backup(self, token):
        """Return whether one of the order's cards could be its backup.

        :param payment.token token: The card.
        :rtype: bool
        """
        return (
            token != self.billing_token_id
            and token.card_state != 'expired'
            and can_be_backup(token.payment_method_id.code)
        )

    def _billing_choose_backup(self, token):
        """Note that the customer agrees to a backup, or to none any more, and confirm it.

        :param payment.token token: A card of `_billing_get_available_cards`; empty for none.
        :raise UserError: If it can't be one.
        """
        self.ensure_one()
        if token and not self._billing_can_be_backup(token):
            raise UserError(self.env._("%s can't be the backup.", token._get_card_name()))
        former = self.billing_backup_token_id
        if token == former:
            return
        self.billing_backup_token_id = token
        self._billing_tell_of_backup(
            token or former,
            lambda env: (
                env._(
                    "If the payment method of order %(order)s is declined for good, %(card)s is"
                    " charged instead: for that payment, and from then on.",
                    order=self.name,
                    card=token.with_env(env)._get_card_name(),
                )
                if token
                else env._(
                    "%(card)s is no backup of order %(order)s any more.",
                    card=former.with_env(env)._get_card_name(),
                    order=self.name,
                )
            ),
        )

    def _billing_take_backup(self):
        """Charge the order to its backup from now on, as agreed, and tell the customer."""
        self.ensure_one()
        declined, backup = self.billing_token_id, self.billing_backup_token_id
        self.write({'billing_token_id': backup.id, 'billing_backup_token_id': False})
        self._billing_tell_of_backup(
            backup,
            lambda env: env._(
                "%(declined)s was declined for good. As agreed, %(backup)s is charged for order"
                " %(order)s from now on.",
                declined=declined.with_env(env)._get_card_name(),
                backup=backup.with_env(env)._get_card_name(),
                order=self.name,
            ),
        )

    def _billing_tell_of_backup(self, card, describe):
        """Log what becomes of a backup, and tell the customer.

        :param payment.token card: The backup.
        :param describe: Returns what becomes of it, for an environment with the reader's language.
        """
        self._message_log(body=describe(self.env))
        customers_env = self.with_context(lang=self.partner_id.lang).env
        self._billing_announce_card(card, describe(customers_env))

    def _billing_announce_card(self, token, text):
        """Tell the customer that somebody has changed something about a card.

        :param payment.token token: The card.
        :param str text: What was changed, in the customer's language.
        """
        self.env['billpro.notification']._queue(
            'card_changed',
            self,
            # Within a second a customer agrees to a backup and ends it: both are told.
            f'card-{token.id}-{self.id}-{fields.Datetime.now()}-{text}',
            token_id=token.id,
            text=text,
        )

    def _billing_remove_card(self, token):
        """Remove one of the order's cards.

        :param payment.token token: A card of `_billing_get_available_cards`.
        :raise UserError: If live orders are charged to it; the message names them.
        """
        self.ensure_one()
        token.active = False
        self._message_log(body=self.env._("%s was removed.", token._get_card_name()))
        env = self.with_context(lang=self.partner_id.lang).env
        self._billing_announce_card(
            token, env._("%s was removed.", token.with_env(env)._get_card_name())
        )
