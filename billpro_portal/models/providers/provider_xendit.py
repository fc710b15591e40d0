from odoo import api, models

from ...billing import xendit_declines


class BillproProviderXendit(models.AbstractModel):
    """Xendit, which can be asked by the number alone; it neither refunds nor captures.

    It takes a reference once, and doesn't tell what became of it: a request without an answer is a
    person's question.
    """

    _name = 'billpro.provider.xendit'
    _description = "Xendit in the Billing of Orders"
    _inherit = 'billpro.provider'

    _tells_outcomes = True

    @api.model
    def _classify_failure(self, error):
        """Override to know Xendit's errors."""
        return xendit_declines.classify_failure(error)

    @api.model
    def _decline_of(self, error):
        """Override to read the code of the error."""
        return xendit_declines.read_error(error)

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Override to read the reason of the failure."""
        return xendit_declines.read_decline(payment_data)

    @api.model
    def _get_number(self, tx, payment_data):
        """Override to return the charge's number."""
        return payment_data.get('id')

    @api.model
    def _fetch_outcome(self, tx):
        """Override to ask for the charge."""
        if not tx.provider_reference:
            return False
        answer = self._ask(tx, f'credit_card_charges/{tx.provider_reference}')
        if not answer or answer.get('external_id') != tx.reference:
            return False
        tx._process(tx.provider_code, answer)
        return True

    @api.model
    def _look_up(self, tx):
        """Override: only the number finds a charge."""
        return self._fetch_outcome(tx) or None
