from odoo import api, models

from odoo.addons.payment import utils as payment_utils

from ...billing import adyen_declines
from ...billing.card_expiry import read_month_and_year
from ...billing.provider_answers import CaptureOrVoid

# To change a payment is received at once and answered later, by a message: odoo sends these without
# a key, and their own number comes back.
_CHANGES = {
    '/payments/{}/captures': 'capture',
    '/payments/{}/cancels': 'void',
    '/payments/{}/refunds': 'refund',
}


class BillproProviderAdyen(models.AbstractModel):
    """Adyen, which knows requests by their keys, and tells how they end by messages alone.

    It can't be asked what became of a payment. A request without an answer is sent again under its
    key; refunds, captures and releases are pending until Adyen's message comes.
    """

    _name = 'billpro.provider.adyen'
    _description = "Adyen in the Billing of Orders"
    _inherit = 'billpro.provider'

    _repeatable_operations = frozenset({'offline', 'online_token', 'refund', 'capture', 'void'})
    # Adyen keeps keys for days (documentation, "API idempotency"): a person is asked before.
    _key_hours = 23
    _children_lend_number = True
    # What a capture leaves is cancelled (API explorer, "Capture an authorised payment").
    _captures_in_part = True
    _token_fields = ('provider_ref', 'adyen_shopper_reference')

    @api.model
    def _prepare_request(self, tx, method, endpoint, request):
        """Override to have refunds, captures and releases executed at most once."""
        if method == 'POST' and endpoint in _CHANGES:
            request['idempotency_key'] = payment_utils.generate_idempotency_key(
                tx, scope=_CHANGES[endpoint]
            )

    @api.model
    def _classify_failure(self, error):
        """Override to know Adyen's errors."""
        return adyen_declines.classify_failure(error)

    @api.model
    def _is_about_first_request(self, outcome, error):
        """Override: an HTTP status is said of the request that is repeated, not of the payment.

        What was declined is answered as it was the first time.
        """
        return False

    @api.model
    def _decline_of(self, error):
        """Override to tell that the stored card is gone."""
        return adyen_declines.read_error(error)

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read refusal and advice codes of charges."""
        is_charge = payment_data.get('eventCode', 'AUTHORISATION') == 'AUTHORISATION'
        is_charge = is_charge and not tx.source_transaction_id
        return adyen_declines.read_decline(payment_data) if is_charge else None

    @api.model
    def _find_without_number(self, payment_data):
        """Override: of a refund without an answer the message brings reference and number."""
        found = super()._find_without_number(payment_data)
        if payment_data.get('eventCode') != 'REFUND':
            return found
        return found.search(
            [
                ('reference', '=', payment_data.get('merchantReference')),
                ('provider_code', '=', 'adyen'),
                ('billing_order_id', '!=', False),
                ('operation', '=', 'refund'),
                ('provider_reference', '=', False),
                (
                    'source_transaction_id.provider_reference',
                    '=',
                    payment_data.get('originalReference'),
                ),
            ]
        )

    @api.model
    def _get_number(self, tx, payment_data):
        """Override: captures and releases have numbers of their own beside the payment's."""
        if payment_data.get('eventCode') in {'CAPTURE', 'CAPTURE_FAILED', 'CANCELLATION'}:
            return None
        return payment_data.get('pspReference')

    @api.model
    def _capture_or_void_of(self, tx, payment_data):
        """Override: a message about all of a payment names the payment itself."""
        result = payment_data.get('resultCode')
        if payment_data.get('eventCode') == 'CAPTURE' and result == 'Authorised':
            return CaptureOrVoid(tx.amount)
        if payment_data.get('eventCode') == 'CANCELLATION' and result == 'Cancelled':
            return CaptureOrVoid()
        return None

    @api.model
    def _prepare_card_values(self, payment_data):
        """Override to read the card's expiry, which Adyen tells if the account is set up for it.

        Documentation, "Additional data settings": `expiryDate`, `cardSummary`, `alias`.
        """
        details = payment_data.get('additionalData') or {}
        values = {
            'card_expiry_date': read_month_and_year(details.get('expiryDate')),
            'card_last_digits': details.get('cardSummary'),
            'card_fingerprint': details.get('alias'),
        }
        return {name: value for name, value in values.items() if value}
