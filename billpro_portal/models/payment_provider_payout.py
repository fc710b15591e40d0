from odoo import fields, models
from odoo.exceptions import UserError

# As many as Stripe gives at once (API reference, "Pagination").
PAGE_SIZE = 100


class PaymentProvider(models.Model):
    """Where payouts of a provider are booked."""

    _inherit = 'payment.provider'

    billpro_payouts_since = fields.Date(
        string="Book Payouts From",
        copy=False,
        help="Payouts that arrive from this day on are booked. Empty: none.",
    )
    billpro_fee_account_id = fields.Many2one(
        string="Account of Fees",
        comodel_name='account.account',
        check_company=True,
        copy=False,
        help="Empty: the company's account of expenses.",
    )
    billpro_dispute_account_id = fields.Many2one(
        string="Account of Disputes",
        comodel_name='account.account',
        check_company=True,
        copy=False,
        help="What customers take back through their bank, and what is won back. Empty: the"
        " account of fees.",
    )
    billpro_adjustment_account_id = fields.Many2one(
        string="Account of Adjustments",
        comodel_name='account.account',
        check_company=True,
        copy=False,
        help="What the provider corrects. Empty: the account of fees.",
    )

    def _billpro_get_payout_account(self, kind):
        """Return the account of a kind of the parts of a payout.

        :param str kind: `fee`, `dispute` or `adjustment`.
        :rtype: account.account
        :raise UserError: If there is none.
        """
        self.ensure_one()
        account = (
            self[f'billpro_{kind}_account_id']
            or self.billpro_fee_account_id
            or self.company_id.expense_account_id
        )
        if not account:
            raise UserError(
                self.env._(
                    "Set the account of fees on the payment provider “%s”, tab “Payouts”.",
                    self.name,
                )
            )
        return account

    def _billpro_list_at_stripe(self, endpoint, params):
        """Return all pages of one of Stripe's lists, newest first.

        :param str endpoint: The path of the list, below the version of the API.
        :param dict params: What is listed.
        :rtype: list[dict]
        :raise ValidationError: If Stripe doesn't answer.
        """
        self.ensure_one()
        records, page_params = [], {**params, 'limit': PAGE_SIZE}
        while True:
            page = self._billpro_ask_stripe('GET', endpoint, params=page_params)
            records += page['data']
            if not page['has_more']:
                return records
            page_params['starting_after'] = records[-1]['id']
