from odoo import models
from odoo.exceptions import UserError


class BillproBillingEvent(models.Model):
    """What the charge run asks of a payment before it charges it."""

    _inherit = 'billpro.billing.event'

    def _get_refusal_to_charge(self):
        """Return why a payment can't be charged to the order's card.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        if self.currency_id.is_zero(self.amount):  # Credit pays it: no card is charged.
            return self._get_refusal_by_invoice()
        if refusal := self._get_refusal_of_card():
            return refusal
        if self.is_above_cap:
            return self.env._(
                "It is more than the %s that the customer agreed to: they are asked first.",
                self.currency_id.format(self.order_id.billing_usage_cap),
            )
        return self._get_refusal_by_invoice() or self._get_refusal_to_attempt()

    def _get_refusal_of_card(self):
        """Return why what the order stores can't be charged.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        token = self.order_id.billing_token_id
        if not token:
            return self.env._("The order has no stored payment method.")
        if not token.active:
            return self.env._(
                "%s can't be charged any more: it was removed, or its provider was switched off or"
                " changed between test and live. Ask the customer for another payment method.",
                token._get_card_name(),
            )
        if token.provider_id.state == 'disabled':
            return self.env._("The payment provider is switched off.")
        if not self.order_id._billing_is_card_of_customer(token):
            return self.env._(
                "%(card)s belongs to %(owner)s, who is not the customer of order %(order)s.",
                card=token._get_card_name(),
                owner=token.partner_id.display_name,
                order=self.order_id.name,
            )
        return False

    def _has_wrong_invoice(self):
        """Return whether its invoice isn't one over what is charged.

        :rtype: bool
        """
        self.ensure_one()
        return self.invoice_id.move_type != 'out_invoice' or bool(
            self.currency_id.compare_amounts(self._get_amount_of_invoice(), self.amount)
        )

    def _take_collected_amount(self, amount):
        """Correct the amount of a payment that was collected as it was before it was changed.

        The customer's bank, or a late message of the provider, may approve an attempt at any time.

        :param float amount: What was collected, in the currency of the order.
        """
        self.ensure_one()
        self._discard_affected_invoices()
        try:
            amounts = self._get_amounts_after_change(amount)
        except UserError:  # Nothing is left to balance it: the order is reviewed by a person.
            amounts = {self: amount}
        for event, new_amount in amounts.items():
            event._set_amount(new_amount)
        self._log_change(
            self.env._(
                "Payment %(event)s was collected with %(amount)s, as it was before it was changed.",
                event=self.display_name,
                amount=self.currency_id.format(amount),
            ),
            False,
        )
