from odoo import models

from ..rights.own_context import is_inside


class AccountPayment(models.Model):
    """Payments of the charge run get their journal entries in one go."""

    _inherit = 'account.payment'

    def _generate_journal_entry(self, write_off_line_vals=None, force_balance=None, line_ids=None):
        """Override of `account`: link the entries of a charge run to their payments at once.

        Odoo writes payment by payment, and each write searches for what depends on it.
        """
        if (
            not is_inside(self.env, 'billing_batch')
            or write_off_line_vals
            or force_balance
            or line_ids
        ):
            super()._generate_journal_entry(
                write_off_line_vals=write_off_line_vals,
                force_balance=force_balance,
                line_ids=line_ids,
            )
            return
        payments = self.filtered(lambda pay: not pay.move_id and pay.outstanding_account_id)
        moves = self.env['account.move'].create([pay._generate_move_vals() for pay in payments])
        payments._billing_link_journal_entries(moves)

    def _billing_link_journal_entries(self, moves):
        """Do what `write({'move_id': …, 'state': 'in_process'})` does, for all at once.

        It can't be one `write`, as each payment has an entry of its own. Protected fields take
        values without waking what depends on them, which is woken once for all here.

        :param account.move moves: The draft entries, in the order of the payments.
        """
        names = ['move_id', 'state']
        with self.env.protecting([self._fields[name] for name in names], self):
            self.modified(['move_id'], before=True)
            for payment, move in zip(self, moves, strict=True):
                payment.move_id = move
            self.state = 'in_process'
            self.modified(names)
        self._validate_fields(names)
        self._check_company(names)
