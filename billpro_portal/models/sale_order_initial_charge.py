from odoo import models
from odoo.exceptions import UserError

from ..billing.lifecycle import BEFORE_APPROVAL


class SaleOrder(models.Model):
    """The initial payment of an order charged by staff to a card that the customer has stored."""

    _inherit = 'sale.order'

    def _get_cards_for_initial_payment(self):
        """Return the stored cards that staff may charge for the initial payment, newest first.

        :return: The cards in superuser mode.
        :rtype: payment.token
        """
        self.ensure_one()
        purchase = self._get_purchase()
        providers = (
            self.env['payment.provider']
            .sudo()
            ._get_compatible_providers(
                self.company_id.id,
                self.partner_invoice_id.id,
                self._get_amount_asked(),
                currency_id=self.currency_id.id,
                force_tokenization=purchase._requires_card(self),
                sale_order_id=self.id,
            )
        )
        return self._get_available_cards().filtered(
            lambda card: card.provider_id in providers and card.card_state != 'expired'
        )

    def _get_refusal_to_charge_initially(self):
        """Return why staff can't charge a card for the initial payment.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        reason = False
        if not self.purchase_type:
            reason = self.env._("Order %s has no purchase type: choose one first.", self.name)
        elif self.billing_status not in BEFORE_APPROVAL:
            reason = self.env._(
                "The initial payment of order %(order)s can't be charged any more: its billing"
                " status is “%(status)s”.",
                order=self.name,
                status=self._get_billing_status_label(),
            )
        elif self._get_payment_in_progress():
            reason = self.env._(
                "A payment for order %s is being processed. Please wait for its result.", self.name
            )
        elif self._get_other_payments_hold():
            reason = self.env._(
                "Order %(order)s was paid in another way, or is being paid: %(others)s.",
                order=self.name,
                others=self._get_other_payments(),
            )
        elif self.is_expired:
            reason = self.env._("The offer of order %s has expired. Prolong it first.", self.name)
        elif not self._is_anything_to_pay():
            reason = self.env._("There is nothing to pay on order %s.", self.name)
        return reason

    def _create_initial_charge(self, token, has_consent):
        """Create the transaction that charges a stored card for the initial payment.

        :param payment.token token: The card.
        :param bool has_consent: Whether the customer agreed, by other means than the checkout.
        :return: The transaction, not sent to the provider yet.
        :rtype: payment.transaction
        :raise UserError: If the order can't be paid now, or not with this card.
        """
        self.ensure_one()
        self._lock_billing()
        self._check_initial_charge(token, has_consent)
        self._check_attempts_given_up()
        number = len(self._get_initial_attempts()) + 1
        tx = self.env['payment.transaction'].create(self._prepare_initial_charge(token, number))
        self._message_log(
            body=self.env._(
                "%(user)s charges %(card)s for the initial payment (%(reference)s). The customer"
                " agreed by other means.",
                user=self.env.user.name,
                card=token._get_card_name(),
                reference=tx.reference,
            )
        )
        return tx

    def _check_initial_charge(self, token, has_consent):
        """Check that a card may be charged for the initial payment now; the caller has the lock.

        :param payment.token token: The card.
        :param bool has_consent: Whether the customer agreed.
        :raise UserError: If not; the message says why.
        """
        if refusal := self._get_refusal_to_charge_initially():
            raise UserError(refusal)
        self._get_purchase()._check_order(self)
        if not has_consent:
            raise UserError(
                self.env._("Confirm that the customer agreed to the order and to this charge.")
            )
        if not token or token not in self._get_cards_for_initial_payment():
            raise UserError(self.env._("Order %s can't be charged to this card.", self.name))
        if refusal := self.env['billpro.books']._get_refusal_of_order(self, token.provider_id):
            raise UserError(
                self.env._("It is not charged, as it can't be booked: %s", refusal),
            )

    def _prepare_initial_charge(self, token, number):
        """Return the values of the transaction that charges the initial payment.

        :param payment.token token: The card.
        :param int number: The number of the attempt.
        :rtype: dict
        """
        amount = self._get_amount_asked()
        return {
            'provider_id': token.provider_id.id,
            'payment_method_id': token.payment_method_id.id,
            'token_id': token.id,
            'operation': 'validation' if self.currency_id.is_zero(amount) else 'offline',
            'reference': self.env['payment.transaction']._compute_reference(
                token.provider_id.code, prefix=f'{self.name}-P{number}'
            ),
            'amount': amount,
            'currency_id': self.currency_id.id,
            'partner_id': self.partner_invoice_id.id,
            'billing_order_id': self.id,
        }

    def action_open_charge_card(self):
        """Open the dialog that charges a stored card for the initial payment.

        :raise AccessError: If the user may not.
        :raise UserError: If the order can't be charged, or the customer has no card.
        """
        self.ensure_one()
        self._check_billing_user()
        order_sudo = self.sudo()
        if refusal := order_sudo._get_refusal_to_charge_initially():
            raise UserError(refusal)
        order_sudo._get_purchase()._check_order(order_sudo)
        cards = order_sudo._get_cards_for_initial_payment()
        if not cards:
            raise UserError(
                self.env._(
                    "%s has no stored card that can be charged for this order. Send the order"
                    " link instead.",
                    self.partner_id.display_name,
                )
            )
        wizard = self.env['billpro.charge.card'].create(
            {'order_id': self.id, 'token_id': cards[0].id}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Charge a Stored Card"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }
