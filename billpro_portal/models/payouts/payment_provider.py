from odoo import Command, fields, models
from odoo.exceptions import UserError


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
    billpro_loss_account_id = fields.Many2one(
        string="Account of Lost Disputes",
        comodel_name='account.account',
        check_company=True,
        copy=False,
        help="Where the loss of a dispute is moved to. Empty: the account of fees.",
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

        :param str kind: `fee`, `dispute`, `loss` or `adjustment`.
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

    def _billpro_books_payouts(self):
        """Return whether payouts of the provider are in the books, or will be.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.billpro_payouts_since
            or self.env['billpro.payout'].search_count([('provider_id', '=', self.id)], limit=1)
        )

    def _billpro_get_payout_journal(self):
        """Return the journal of the entries of payouts.

        :rtype: account.journal
        :raise UserError: If there is none.
        """
        self.ensure_one()
        if not self.journal_id:
            raise UserError(
                self.env._("Set the payment journal of the payment provider “%s”.", self.name)
            )
        return self.journal_id

    def _billpro_post_entry(self, values_list, day, reference):
        """Make a journal entry of the provider's money and post it, on the first open day.

        :param list[dict] values_list: Its items.
        :param datetime.date day: Its day, unless that is in a closed period.
        :param str reference: What it is about.
        :return: The entry.
        :rtype: account.move
        :raise UserError: If there is no journal.
        """
        journal = self._billpro_get_payout_journal()
        move = self.env['account.move'].create(
            {
                'move_type': 'entry',
                'journal_id': journal.id,
                'date': self.company_id._billing_get_open_day(day, journal),
                'ref': reference,
                'line_ids': [Command.create(values) for values in values_list],
            }
        )
        move._post(soft=False)
        return move
