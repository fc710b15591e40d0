from odoo import api, models


class BillproProvider(models.AbstractModel):
    """What is asked about the payouts of a provider; those of others come from a file."""

    _inherit = 'billpro.provider'

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
