from odoo import models

from ...billing.lifecycle import BEFORE_APPROVAL


class PaymentTransaction(models.Model):
    """Initial payments that staff charge to a stored card, without the customer's browser."""

    _inherit = 'payment.transaction'

    def _billing_charge_by_staff(self):
        """Charge a stored card for the initial payment, and book what comes of it.

        Declined, the order is rejected; approved, it begins as if the customer had paid. What the
        bank wants the customer to confirm waits for them, who are sent the order's link. A card is
        only selected where nothing is to be paid.
        """
        self.ensure_one()
        if self.operation == 'validation':
            self._set_done()
        else:
            self._billing_charge_initial_payment()
        if self.state in {'done', 'error', 'cancel'}:
            self._billing_book_alone()
        elif self._billing_waits_for_customer():
            self.env['billpro.notification']._queue(
                'payment_authentication',
                self.billing_order_id,
                f'payment-{self.id}',
                transaction_id=self.id,
            )

    def _billing_book_declined_charges_of_staff(self):
        """Reject the orders whose stored card was declined for the initial payment."""
        for tx in self.filtered(
            lambda tx: (
                tx._billing_is_charge_of_staff()
                and tx._billing_is_declined_but_not_booked()
                and not tx.billing_superseded
                and tx.billing_order_id.billing_status in BEFORE_APPROVAL
            )
        ):
            tx.billing_order_id._lock_billing()
            tx.billing_order_id._apply_billing_trigger(
                'reject',
                self.env._(
                    "%(card)s was declined for the initial payment (%(reference)s): %(reason)s",
                    card=tx._get_card_name(),
                    reference=tx.reference,
                    reason=tx.state_message or self.env._("no reason was given."),
                ),
            )
            tx.is_post_processed = True

    def _billing_get_initial_charge_notification(self):
        """Return the message that tells staff how the charge of a stored card ended.

        :return: A client action.
        :rtype: dict
        """
        self.ensure_one()
        waiting = (
            'warning',
            self.env._(
                "The result isn't known yet. Nothing else is charged for this order until it is."
            ),
        )
        if self._billing_waits_for_customer():
            waiting = (
                'warning',
                self.env._(
                    "The customer's bank wants the customer to confirm it. The order's link, where"
                    " they do that, is sent to them; you can also copy it."
                ),
            )
        kind, message = {
            'done': ('success', self.env._("The initial payment is approved.")),
            'error': (
                'danger',
                self.env._("The card was declined: %s", self.state_message or ''),
            ),
            'cancel': ('danger', self.env._("The card was declined.")),
        }.get(self.state, waiting)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': kind,
                'message': message,
                'sticky': kind != 'success',
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }
