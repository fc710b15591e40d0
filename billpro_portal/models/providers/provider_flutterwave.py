from odoo import api, models

from ...billing import flutterwave_declines
from ...billing.card_expiry import read_month_and_year


class BillproProviderFlutterwave(models.AbstractModel):
    """Flutterwave, which finds payments by their reference; it neither refunds nor captures."""

    _name = 'billpro.provider.flutterwave'
    _description = "Flutterwave in the Billing of Orders"
    _inherit = 'billpro.provider'

    _tells_outcomes = True
    _finds_requests = True
    _token_fields = ('provider_ref', 'flutterwave_customer_email')

    @api.model
    def _classify_failure(self, error):
        """Override to know Flutterwave's errors."""
        return flutterwave_declines.classify_failure(error)

    @api.model
    def _decline_of(self, error):
        """Override to read the text."""
        return flutterwave_declines.read_error(error)

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read the bank's text."""
        return flutterwave_declines.read_decline(payment_data)

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the payment's number."""
        number = payment_data.get('id')
        return str(number) if number else None

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask by the reference: while the bank is asked, the number is an address."""
        answer = self._ask(tx, 'transactions/verify_by_reference', params={'tx_ref': tx.reference})
        if not isinstance(answer, dict) or answer.get('tx_ref') != tx.reference:
            return False
        tx._process(tx.provider_code, answer)
        return True

    @api.model
    def _look_up(self, tx):
        """Override to ask by the reference; that it isn't found proves nothing."""
        return self._fetch_outcome(tx) or None

    @api.model
    def _prepare_card_values(self, payment_data):
        """Override to read the card's expiry."""
        card = payment_data.get('card') or {}
        expiry = read_month_and_year(card.get('expiry'))
        return {'card_expiry_date': expiry} if expiry else {}
