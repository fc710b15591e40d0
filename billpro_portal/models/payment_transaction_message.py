from odoo import models

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe import const

from ..billing.stripe_messages import DECLINE_EVENT_TYPES, REFERENCE_KEY
from .own_context import INSIDE

# That can be tried at a payment that was begun once: the form asks Stripe, not Odoo.
CARDS_PER_ATTEMPT = 5


class PaymentTransaction(models.Model):
    """What becomes of payments and refunds when Stripe reports that something has changed."""

    _inherit = 'payment.transaction'

    # Messages name payments by the provider's number.
    _provider_reference_idx = models.Index(
        "(provider_reference) WHERE provider_reference IS NOT NULL"
    )

    def _take_in_stripe_message(self, event_type, object_id, number):
        """Ask Stripe about what a message names, and record it; the caller holds the lock.

        :param str event_type: The type of the message.
        :param str object_id: What changed at Stripe.
        :param str number: The payment or set-up that it belongs to.
        :return: The transactions to book; None if it belongs to another payment.
        :rtype: payment.transaction|None
        :raise ValidationError: If Stripe doesn't answer.
        """
        self.ensure_one()
        tx = self.with_context(billing_moves_no_money=INSIDE)
        is_known = bool(number) and self.provider_reference == number
        if is_known and self.state == 'done' and event_type.endswith('_intent.succeeded'):
            pass  # Nothing new.
        elif (not is_known or '_intent.' in event_type) and not tx._take_in_stripe_number(number):
            return None
        if event_type.startswith('charge.dispute.'):
            tx._take_in_stripe_dispute(object_id)
        elif event_type.startswith(('charge.refund', 'refund.')):
            return tx._take_in_stripe_refunds()
        elif event_type in DECLINE_EVENT_TYPES and self._count_tries() >= CARDS_PER_ATTEMPT:
            self._give_up()
        return (self | self._get_settlements()).filtered(lambda tx: tx._has_something_to_book())

    def _count_tries(self):
        """Return how many cards were tried, as far as is known: one at each that was begun.

        :rtype: int
        """
        declined = dict(
            self.env['billpro.webhook.event']
            .sudo()
            ._read_group(
                [
                    ('transaction_id', 'in', self.ids),
                    ('event_type', 'in', DECLINE_EVENT_TYPES),
                ],
                ['transaction_id'],
                ['__count'],
            )
        )
        return sum(max(1, declined.get(tx, 0)) for tx in self)

    def _has_something_to_book(self):
        """Return whether the present state of a payment may be news for its order.

        :rtype: bool
        """
        self.ensure_one()
        concerns_order = (
            self.billing_event_id or self.billing_authorized_date or self._is_charge_of_staff()
        )
        is_news = self.state in {'done', 'authorized'} or (
            concerns_order and self.state in {'error', 'cancel'}
        )
        return bool(is_news and not self.is_post_processed)

    def _take_in_stripe_number(self, number):
        """Take in the payment or set-up that a message names, if it is that of the transaction.

        It is common that it isn't where several databases have one account. Staff are asked about
        what claims to be ours, or is nobody's.

        :param str number: Its number.
        :return: Whether it is.
        :rtype: bool
        :raise ValidationError: If Stripe doesn't answer.
        """
        if not self._is_stripe_number(number):
            return False
        stripe_object = self._fetch_stripe_object(number)
        mismatch = self._take_in_stripe_object(stripe_object)
        if mismatch and not self._is_of_another_database(stripe_object):
            self._report_mismatch(mismatch)
        return not mismatch

    # === REFUNDS === #

    def _take_in_stripe_refunds(self):
        """Record all refunds of a payment, whoever made them.

        :return: The refunds to book.
        :rtype: payment.transaction
        """
        self.ensure_one()
        # An authorised payment was collected by its capture, which is what can be paid back.
        captures = self._get_settlements().filtered(lambda tx: tx.state == 'done')
        payment = captures[:1] or self
        changed = self.browse()
        for refund in self._fetch_stripe_refunds():
            refund_tx = payment._find_refund(refund) or payment._create_child_transaction(
                self._to_major_units(refund['amount']),
                is_refund=True,
                provider_reference=refund['id'],
            )
            if refund['status'] in const.STATUS_MAPPING.get(refund_tx.state, ()):
                continue
            refund_tx._process('stripe', {'refund': refund})
            if refund_tx.state == 'error' and refund_tx.payment_id:
                refund_tx._reopen_credit_note()
            changed |= refund_tx
        return changed.filtered(lambda tx: tx._has_something_to_book())

    def _find_refund(self, refund):
        """Return the transaction of a refund that Stripe knows.

        :param dict refund: Stripe's object.
        :rtype: payment.transaction
        """
        self.ensure_one()
        return self.child_transaction_ids.filtered(
            lambda tx: (
                tx.operation == 'refund'
                and (
                    tx.provider_reference == refund['id']
                    or tx.reference == refund['metadata'].get(REFERENCE_KEY)
                )
            )
        )[:1]

    def _to_major_units(self, amount):
        return payment_utils.to_major_currency_units(
            amount,
            self.currency_id,
            arbitrary_decimal_number=const.CURRENCY_DECIMALS.get(self.currency_id.name),
        )

    def _reopen_credit_note(self):
        """Take a booked refund back whose money never arrived: the customer is still owed it.

        The card may be closed by the time the money comes back to it (Stripe documentation,
        "Failed refunds"). The credit note stays, open, to be paid by other means.
        """
        self.ensure_one()
        self._take_refund_back()
        self.payment_id = False
        if self.billing_order_id:
            self.billing_order_id._mark_totals_to_compute()
            self.billing_order_id._ask_staff(
                self.env._("Refund %s failed", self.reference),
                self.env._(
                    "%s did not reach the customer's card and are back on the provider's account."
                    " The credit note is open: pay it by other means.",
                    self.currency_id.format(-self.amount),
                ),
            )

    def _take_refund_back(self):
        """Cancel the payment of a refund; if its entry can't be changed any more, reverse that."""
        payment = self.payment_id
        entry = payment.move_id
        company = self.company_id
        is_open = company._billing_get_open_day(entry.date, entry.journal_id) == entry.date
        if is_open and not entry.inalterable_hash:
            payment.action_draft()
            payment.action_cancel()
            return
        today = max(company._billing_get_today(), entry.date)
        entry._reverse_moves(
            [
                {
                    'date': company._billing_get_open_day(today, entry.journal_id),
                    'ref': self.env._("Failed refund %s", self.reference),
                }
            ],
            cancel=True,
        )

    # === DISPUTES === #

    def _take_in_stripe_dispute(self, dispute_id):
        dispute = self._send_api_request('GET', f'disputes/{dispute_id}')
        if dispute.get('payment_intent') == self.provider_reference:
            self.env['billpro.dispute']._record(self, dispute)
