from odoo import api, models

from ...billing import mercado_pago_declines
from ...billing.card_expiry import get_last_day

_PAYMENTS = '/v1/payments'


class BillproProviderMercadoPago(models.AbstractModel):
    """Mercado Pago, which finds payments by their reference; Odoo neither refunds nor captures.

    Odoo sends a key, but each request has another token of the card: it isn't the same request.
    """

    _name = 'billpro.provider.mercado_pago'
    _description = "Mercado Pago in the Billing of Orders"
    _inherit = 'billpro.provider'

    _tells_outcomes = True
    _finds_requests = True
    # A token is made of the stored card before it is charged.
    _preparing_endpoints = frozenset({'/v1/card_tokens'})
    _token_fields = ('provider_ref', 'mercado_pago_customer_id')

    @api.model
    def _prepare_request(self, tx, method, endpoint, request):
        """Override to have charges found again, which Odoo sends without their reference."""
        if method == 'POST' and endpoint == _PAYMENTS:
            request['json'] |= tx._mercado_pago_prepare_base_request_payload()

    @api.model
    def _classify_failure(self, error):
        """Override to know Mercado Pago's errors."""
        return mercado_pago_declines.classify_failure(error)

    @api.model
    def _decline_of(self, error):
        """Override to tell that the stored card is gone."""
        return mercado_pago_declines.read_error(error)

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read the details of the status."""
        return mercado_pago_declines.read_decline(payment_data)

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the payment's number."""
        number = payment_data.get('id')
        return str(number) if number else None

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask for the payment."""
        if not tx.provider_reference:
            return False
        answer = self._ask(tx, f'{_PAYMENTS}/{tx.provider_reference}')
        if not answer or not answer.get('status'):
            return False
        tx._process(tx.provider_code, answer)
        return True

    @api.model
    def _look_up(self, tx):
        """Override to search by the reference; that it isn't found proves nothing."""
        if tx.provider_reference:
            return self._fetch_outcome(tx) or None
        answer = self._ask(tx, f'{_PAYMENTS}/search', params={'external_reference': tx.reference})
        found = (answer or {}).get('results') or []
        if len(found) != 1:
            return None
        tx._process(tx.provider_code, found[0])
        return True

    @api.model
    def _prepare_card_values(self, payment_data):
        """Override to read the card's expiry."""
        card = payment_data.get('card') or {}
        expiry = get_last_day(card.get('expiration_year'), card.get('expiration_month'))
        return {'card_expiry_date': expiry} if expiry else {}
