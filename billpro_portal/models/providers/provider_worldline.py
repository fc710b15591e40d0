from odoo import api, models

from ...billing import worldline_declines
from ...billing.card_expiry import read_month_and_year


class BillproProviderWorldline(models.AbstractModel):
    """Worldline, which knows charges by their keys; Odoo neither refunds nor captures there."""

    _name = 'billpro.provider.worldline'
    _description = "Worldline in the Billing of Orders"
    _inherit = 'billpro.provider'

    _repeatable_operations = frozenset({'offline', 'online_token'})
    # At least 24 hours (documentation, "Send idempotent requests"), less an hour for the way.
    _key_hours = 23
    _tells_outcomes = True

    @api.model
    def _classify_failure(self, error):
        """Override to know Worldline's errors."""
        return worldline_declines.classify_failure(error)

    @api.model
    def _is_about_first_request(self, outcome, error):
        """Override: under the key the same payment is answered, and nothing else tells of it."""
        return worldline_declines.is_about_payment(error)

    @api.model
    def _decline_of(self, error):
        """Override to read the payment that was rejected."""
        return worldline_declines.read_error(error)

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read the status and its code; a customer may confirm at the checkout."""
        is_open = tx.operation not in {'online_token', 'offline'}
        decline = worldline_declines.read_decline(payment_data)
        return None if decline and is_open and tx.state == 'draft' else decline

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the number as Odoo keeps it: without the step of the payment."""
        number = worldline_declines.get_payment(payment_data).get('id')
        return number.rsplit('_', 1)[0] if number else None

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask for the payment."""
        if not tx.provider_reference:
            return False
        answer = self._ask(tx, f'payments/{tx.provider_reference}_0')
        if not answer or 'status' not in answer:
            return False
        tx._process(tx.provider_code, {'payment': answer})
        return True

    @api.model
    def _look_up(self, tx):
        """Override: only the number finds a payment."""
        return self._fetch_outcome(tx) or None

    @api.model
    def _prepare_card_values(self, payment_data):
        """Override to read the card's expiry."""
        output = worldline_declines.get_payment(payment_data).get('paymentOutput') or {}
        card = (output.get('cardPaymentMethodSpecificOutput') or {}).get('card') or {}
        expiry = read_month_and_year(card.get('expiryDate'))
        return {'card_expiry_date': expiry} if expiry else {}
