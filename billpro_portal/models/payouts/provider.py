from odoo import api, models


class BillproProvider(models.AbstractModel):
    """What is asked about payouts and disputes of a provider; payouts of others come by file."""

    _inherit = 'billpro.provider'

    _takes_evidence = False  # Whether evidence about disputes can be sent.

    @api.model
    def _send_evidence(self, dispute, document, facts):
        """Send the evidence about a dispute.

        :param billpro.dispute dispute: The dispute.
        :param bytes document: The evidence, as PDF.
        :param dict facts: What banks want to read at once: `customer_name`,
                           `customer_email_address`, `customer_purchase_ip` and
                           `product_description`, each of which may be empty.
        :raise ValidationError: If the provider refuses it or doesn't answer.
        """

    @api.model
    def _tells_payouts(self, provider):
        """Return whether a provider can be asked for its payouts.

        :param payment.provider provider: The provider.
        :rtype: bool
        """
        return False

    @api.model
    def _ask_about_payouts(self, provider):
        """Ask for the payouts since the last one that is known, and record them.

        :param payment.provider provider: The provider.
        :raise UserError: If the provider doesn't answer.
        """

    @api.model
    def _list_payout_parts(self, payout):
        """Ask what a payout is made of.

        :param billpro.payout payout: The payout.
        :return: The values of its lines.
        :rtype: list[dict]
        :raise UserError: If the provider can't tell yet, or doesn't answer.
        """
        return []
