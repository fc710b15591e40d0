import requests

from odoo import api, models
from odoo.exceptions import ValidationError

from ...billing import authorize_net_declines
from ...billing.authorize_net_declines import APPROVED
from ...billing.card_expiry import get_last_day
from ...billing.provider_answers import CaptureOrVoid
from ...billing.request_outcomes import AnsweredError, NotSent

# What an invoice number takes of a reference (API reference, "Charge a Credit Card").
_INVOICE_NUMBER_LENGTH = 20
# The statuses in which a payment is voided instead of refunded.
_UNSETTLED = frozenset({'authorizedPendingCapture', 'capturedPendingSettlement'})
# The most that is listed at once (API reference, "Get Unsettled Transaction List").
_LIST_LIMIT = 1000


class BillproProviderAuthorizeNet(models.AbstractModel):
    """Authorize.net, which keeps no keys, but lists what it has not settled yet.

    What isn't settled can't be refunded: Odoo voids it instead, and money goes back all the same.
    """

    # Odoo's code of the provider.
    _name = 'billpro.provider.authorize'
    _description = "Authorize.net in the Billing of Orders"
    _inherit = 'billpro.provider'

    _tells_outcomes = True
    _finds_requests = True
    _children_lend_number = True
    # Support center, "Transaction types": what isn't captured within 30 days expires.
    _authorization_days = 30
    _token_fields = ('provider_ref', 'authorize_profile')

    @api.model
    def _find_error(self, tx, payment_data):
        """Override: Authorize.net answers failed requests as it does others."""
        return authorize_net_declines.find_error(payment_data.get('response') or {})

    @api.model
    def _classify_failure(self, error):
        """Override to read what was answered."""
        if isinstance(error, AnsweredError):
            return authorize_net_declines.classify_error(error)
        return super()._classify_failure(error)

    @api.model
    def _find_refusal(self, error):
        """Override to read what was answered."""
        if isinstance(error, AnsweredError):
            return authorize_net_declines.find_refusal(error)
        return super()._find_refusal(error)

    @api.model
    def _decline_of(self, error):
        """Override to read what was answered."""
        return (
            authorize_net_declines.read_error(error) if isinstance(error, AnsweredError) else None
        )

    @api.model
    def _send_refund(self, tx):
        """Override: what isn't settled is voided, and paid back all the same.

        Odoo takes that for a refund that was cancelled, though the money goes back; and what is
        settled it refunds under no number, by a negative amount, which is refused.
        """
        number = tx.source_transaction_id.provider_reference
        details = self._ask_details(tx.provider_id, number)
        status = details.get('transactionStatus')
        if status in _UNSETTLED | {'voided'} and tx.currency_id.compare_amounts(
            -tx.amount, tx.source_transaction_id.amount
        ):
            reason = self.env._(
                "Before the payment is settled, about a day after it was made, only all of it can"
                " be paid back. Nothing was refunded: try again then."
            )
            raise ValidationError(reason) from NotSent(reason)
        if status == 'voided':
            tx._set_done(state_message=self.env._("It was voided at the provider before."))
            return True
        gateway = self._get_gateway(tx.provider_id)
        if status in _UNSETTLED:
            response = gateway.void(number)
        elif status == 'settledSuccessfully':
            amount = tx.currency_id.round(-tx.amount)
            response = gateway.refund(number, amount, {'transaction': details})
        else:
            reason = self.env._("The payment provider didn't answer.")
            if status:
                reason = self.env._("The payment can't be refunded while it is “%s”.", status)
            raise ValidationError(reason) from NotSent(reason)
        if response.get('x_response_code') == APPROVED:
            response = {**response, 'x_type': 'refund'}
        tx._process(tx.provider_code, {'response': response})
        return True

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the transaction's number."""
        return (payment_data.get('response') or {}).get('x_trans_id')

    @api.model
    def _capture_or_void_of(self, tx, payment_data):
        """Override: the number stays that of the payment when it is captured or voided."""
        response = payment_data.get('response') or {}
        if not tx.billing_authorized_date or response.get('x_response_code') != APPROVED:
            return None
        if response.get('x_type') in {'auth_capture', 'prior_auth_capture'}:
            return CaptureOrVoid(tx.amount)
        return CaptureOrVoid() if response.get('x_type') == 'void' else None

    # === ASKING === #

    @api.model
    def _get_gateway(self, provider):
        """Return what sends requests to Authorize.net.

        :param payment.provider provider: The provider, whose module is installed.
        :rtype: AuthorizeAPI
        """
        from odoo.addons.payment_authorize.models.authorize_request import AuthorizeAPI

        return AuthorizeAPI(provider)

    @api.model
    def _ask_api(self, provider, request, values):
        """Send a request that moves no money.

        :param payment.provider provider: The provider.
        :param str request: The name of the request.
        :param dict values: What it asks for.
        :return: The answer; empty if there is none.
        :rtype: dict
        """
        try:
            answer = self._get_gateway(provider)._make_request(request, values)
        except (requests.exceptions.RequestException, ValueError):
            return {}
        return {} if 'err_code' in answer else answer

    @api.model
    def _ask_details(self, provider, number):
        """Return what Authorize.net knows of a transaction; empty if it doesn't tell."""
        if not number:
            return {}
        answer = self._ask_api(provider, 'getTransactionDetailsRequest', {'transId': number})
        return answer.get('transaction') or {}

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask for the transaction."""
        details = self._ask_details(tx.provider_id, tx.provider_reference)
        response = authorize_net_declines.read_status(details.get('transactionStatus'))
        if not response:
            return False
        if tx.state == 'done' and response.get('x_type') != 'refund':
            return True  # What becomes of it later isn't this payment.
        tx._process(
            tx.provider_code, {'response': {**response, 'x_trans_id': tx.provider_reference}}
        )
        return True

    @api.model
    def _look_up(self, tx):
        """Override to look among what isn't settled, for a day or so."""
        if tx._billing_is_capture_or_void():
            source = tx.source_transaction_id
            if not self._fetch_outcome(source) or source.state == 'authorized':
                return None
            return True
        if tx.operation == 'refund':
            # A void has the number of the payment, which doesn't tell what was paid back.
            has_number = tx.provider_reference not in {
                False,
                tx.source_transaction_id.provider_reference,
            }
            return (has_number and self._fetch_outcome(tx)) or None
        if not tx.provider_reference and not (found := self._find_unsettled(tx)):
            return None
        tx.provider_reference = tx.provider_reference or found
        return self._fetch_outcome(tx) or None

    @api.model
    def _find_unsettled(self, tx):
        """Return the number of what was sent for a transaction; None if it isn't found for sure."""
        answer = self._ask_api(
            tx.provider_id,
            'getUnsettledTransactionListRequest',
            {
                'sorting': {'orderBy': 'submitTimeUTC', 'orderDescending': True},
                'paging': {'limit': _LIST_LIMIT, 'offset': 1},
            },
        )
        listed = [
            each['transId']
            for each in answer.get('transactions') or []
            if each.get('invoiceNumber') == tx.reference[:_INVOICE_NUMBER_LENGTH]
        ]
        numbers = [
            number
            for number in listed
            for details in [self._ask_details(tx.provider_id, number)]
            if (details.get('order') or {}).get('description') == tx.reference
        ]
        return numbers[0] if len(numbers) == 1 else None

    # === CARDS === #

    @api.model
    def _prepare_token_values(self, values):
        """Override to ask for the card's expiry, which no answer to a payment tells."""
        if not values.get('authorize_profile'):
            return {}
        answer = self._ask_api(
            self.env['payment.provider'].browse(values['provider_id']),
            'getCustomerPaymentProfileRequest',
            {
                'customerProfileId': values['authorize_profile'],
                'customerPaymentProfileId': values['provider_ref'],
                'unmaskExpirationDate': 'true',
            },
        )
        payment = (answer.get('paymentProfile') or {}).get('payment') or {}
        year, _dash, month = (
            (payment.get('creditCard') or {}).get('expirationDate') or ''
        ).partition('-')
        if not (year.isdecimal() and month.isdecimal()):
            return {}
        return {'card_expiry_date': get_last_day(int(year), int(month))}
