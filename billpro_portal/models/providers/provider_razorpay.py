from odoo import api, fields, models

from ...billing import razorpay_declines
from ...billing.provider_answers import CaptureOrVoid

# The most that is listed at once (API reference, "Fetch All Payments").
_LIST_LIMIT = 100
# Around the time at which a charge was sent, in seconds.
_BEFORE, _AFTER = 120, 3600


class BillproProviderRazorpay(models.AbstractModel):
    """Razorpay, which keeps no keys for charges, but lists payments and their refunds.

    An authorised payment can't be released there: it ends after the time that Odoo sets.
    """

    _name = 'billpro.provider.razorpay'
    _description = "Razorpay in the Billing of Orders"
    _inherit = 'billpro.provider'

    _tells_outcomes = True
    _finds_requests = True
    _children_lend_number = True
    _releases = False
    # Odoo's `manual_expiry_period` of 7,200 minutes.
    _authorization_days = 5
    # An order is made before it is paid.
    _preparing_endpoints = frozenset({'customers', 'orders'})

    @api.model
    def _classify_failure(self, error):
        """Override to know Razorpay's errors."""
        return razorpay_declines.classify_failure(error)

    @api.model
    def _decline_of(self, error):
        """Override to read the reason."""
        return razorpay_declines.read_error(error)

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read the reason of the payment's failure."""
        return razorpay_declines.read_decline(payment_data)

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the number of the payment or refund."""
        return payment_data.get('id') or payment_data.get('razorpay_payment_id')

    @api.model
    def _correct_report(self, tx, payment_data):
        """Override to ask for the payment itself where only its number is told.

        Odoo would ask for it too late for its reason to be read. Without an answer it asks again.
        """
        number = payment_data.get('razorpay_payment_id')
        if 'id' in payment_data or not number:
            return payment_data
        return self._ask(tx, f'payments/{number}') or payment_data

    @api.model
    def _capture_or_void_of(self, tx, payment_data):
        """Override: the payment is captured under its number."""
        if tx.billing_authorized_date and payment_data.get('status') == 'captured':
            return CaptureOrVoid(tx.amount)
        return None

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask for the payment or refund."""
        number = tx.provider_reference
        if not number:
            return False
        is_refund = tx.operation == 'refund'
        answer = self._ask(tx, f'refunds/{number}' if is_refund else f'payments/{number}')
        if not answer or not answer.get('status'):
            return False
        tx._process(tx.provider_code, answer)
        return True

    @api.model
    def _look_up(self, tx):
        """Override to look in Razorpay's lists; that it isn't found proves nothing."""
        if tx._billing_is_capture_or_void():
            source = tx.source_transaction_id
            is_settled = self._fetch_outcome(source) and source.state != 'authorized'
            return is_settled or None
        if tx.provider_reference:
            return self._fetch_outcome(tx) or None
        found = self._list_refunds(tx) if tx.operation == 'refund' else self._list_payments(tx)
        if len(found) != 1:
            return None
        tx._process(tx.provider_code, found[0])
        return True

    @api.model
    def _list_payments(self, tx):
        """Return what Razorpay has of a charge.

        :param payment.transaction tx: The charge.
        :rtype: list[dict]
        """
        sent = int(fields.Datetime.to_datetime(tx.billing_sent_date or tx.create_date).timestamp())
        answer = self._ask(
            tx,
            'payments',
            params={'from': sent - _BEFORE, 'to': sent + _AFTER, 'count': _LIST_LIMIT},
        )
        listed = (answer or {}).get('items') or []
        return [payment for payment in listed if payment.get('description') == tx.reference]

    @api.model
    def _list_refunds(self, tx):
        """Return what Razorpay has of a refund, among those of its payment.

        :param payment.transaction tx: The refund.
        :rtype: list[dict]
        """
        source = tx.source_transaction_id.provider_reference
        answer = self._ask(tx, f'payments/{source}/refunds', params={'count': _LIST_LIMIT})
        listed = (answer or {}).get('items') or []
        return [
            {**refund, 'entity_type': 'refund'}
            for refund in listed
            # Without notes Razorpay has an empty list there.
            if isinstance(refund.get('notes'), dict)
            and refund['notes'].get('reference') == tx.reference
        ]
