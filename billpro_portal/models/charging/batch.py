"""What is done for all documents of a batch at once, as Odoo does it for each of them.

Nothing here decides anything: a run is right without it, and slower. Each has its reason, what to
look for in Odoo before it goes, and a test that compares it field by field with Odoo's own way
(`tests/charging/test_batch.py`). The queries that each saves are of eight payments as in that test,
which cost 323 in all; `./dev bench run` measures what all of it saves.

Documents are dated in a batch, too, by `_billing_set_invoice_date` in the room of the books: final
invoices need their date there, whoever posts them.
"""

from odoo import api, fields, models

from ..rights.own_context import INSIDE, is_inside

# Invoices and payments of a run are made without followers, tracking and "assigned to you" mails.
BATCH_CONTEXT = {
    'tracking_disable': True,
    'mail_create_nolog': True,
    'mail_create_nosubscribe': True,
    'mail_notrack': True,
    # Ours: has what stands in this file done.
    'billing_batch': INSIDE,
}


class AccountMove(models.Model):
    """Documents of a batch: their journals, their numbers, and what is noted when they are paid."""

    _inherit = 'account.move'

    # === JOURNALS === #

    def _search_default_journal(self):
        """Override of `account` to search once for all alike documents of a charge run.

        *Why*: Odoo searches for each document (7 queries). *Until*: it searches once for all that
        are created together.
        """
        self.ensure_one()
        if not is_inside(self.env, 'billing_batch') or self.statement_line_ids:
            return super()._search_default_journal()
        known = self.env.cr.precommit.data.setdefault('billing_default_journals', {})
        has_currency = self.env.cache.contains(self, self._fields['currency_id'])
        key = (
            (self.company_id or self.env.company).id,
            tuple(self._get_valid_journal_types()),
            (self.currency_id.id if has_currency else 0)
            or self.env.context.get('default_currency_id'),
        )
        if key not in known:
            known[key] = super()._search_default_journal().id
        return self.env['account.journal'].browse(known[key])

    # === NUMBERS === #

    def _get_billing_sequence_key(self):
        """Return what decides which sequence numbers a document, in the charge run's memory.

        :rtype: tuple
        """
        self.ensure_one()
        return (
            'billing_last_name',
            self.journal_id.id,
            self.date,
            self.move_type in {'out_refund', 'in_refund'},
            bool(self.origin_payment_id),
            self.partner_id.commercial_partner_id.id if self.journal_id.is_self_billing else False,
        )

    def _set_next_sequence(self):
        """Override of `account` to remember the number for the next document of the batch."""
        super()._set_next_sequence()
        if is_inside(self.env, 'billing_batch'):
            self._get_sequence_cache()[self._get_billing_sequence_key()] = self.name

    def _get_last_sequence(self, relaxed=False, with_prefix=None):
        """Override of `account`: in a batch the last number is the one that was just given.

        Odoo keeps the lock on the sequence and its counter in the same memory, which it empties
        whenever a document is named otherwise and at the end of the transaction.

        *Why*: Odoo looks for the last number before each document, and flushes all for that (42
        queries). *Until*: it numbers documents that are posted together by one look.
        """
        if is_inside(self.env, 'billing_batch') and not relaxed and with_prefix is None:
            last_name = self._get_sequence_cache().get(self._get_billing_sequence_key())
            if last_name:
                return last_name
        return super()._get_last_sequence(relaxed=relaxed, with_prefix=with_prefix)

    # === NOTES === #

    def _invoice_paid_hook(self):
        """Override of `sale` to log what it notes on the orders of a charge run all at once.

        `message_post` of an order collects the notes.

        *Why*: posting looks up, note by note, whom to notify, which is nobody (21 queries).
        *Until*: `sale` logs the notes of all orders together.
        """
        if not is_inside(self.env, 'billing_batch'):
            self._billing_have_run_follow()
            return super()._invoice_paid_hook()
        memory = self.env.cr.precommit.data
        notes = memory['billing_notes'] = []
        try:
            result = super()._invoice_paid_hook()
        finally:
            memory.pop('billing_notes', None)
        self.env['sale.order']._billing_log_notes(notes)
        return result


class AccountPayment(models.Model):
    """Payments of a batch, with their journal entries."""

    _inherit = 'account.payment'

    @api.model
    def _billing_create_of(self, txs):
        """Create and post the payments of approved attempts, as their `_create_payment` does.

        Early payment discounts are left out: no invoice of an order has one.

        *Why*: Odoo creates and posts payment by payment. *Until*: `_create_payment` of
        `account_payment` takes several transactions.

        :param payment.transaction txs: Approved attempts of a company without a payment.
        :return: The payments, in the order of the attempts.
        :rtype: account.payment
        """
        payments = self.create([self._billing_prepare_of(tx) for tx in txs])
        payments.action_post()
        for tx, payment in zip(txs, payments, strict=True):
            tx.payment_id = payment
        return payments

    @api.model
    def _billing_prepare_of(self, tx):
        """Return the values of the payment that records an approved attempt.

        :param payment.transaction tx: The attempt.
        :rtype: dict
        """
        provider = tx.provider_id
        journal = provider.journal_id
        receivable_lines = tx.invoice_ids.line_ids.filtered(
            lambda line: line.display_type == 'payment_term'
        )
        return {
            'amount': tx.amount,
            'payment_type': 'inbound',
            'currency_id': tx.currency_id.id,
            'partner_id': tx.partner_id.commercial_partner_id.id,
            'partner_type': 'customer',
            'journal_id': journal.id,
            'company_id': provider.company_id.id,
            # Odoo makes it when it is first needed, and two if two processes need it at once.
            'payment_method_line_id': journal.inbound_payment_method_line_ids.filtered(
                lambda line: line.payment_provider_id == provider
            )[:1].id,
            'payment_token_id': tx.token_id.id,
            'payment_transaction_id': tx.id,
            'memo': f'{tx.reference} - {tx.provider_reference or ""}',
            'invoice_ids': [fields.Command.set(tx.invoice_ids.ids)],
            **(
                {'destination_account_id': receivable_lines[:1].account_id.id}
                if receivable_lines
                else {}
            ),
        }

    def _billing_reconcile_with_invoices(self):
        """Reconcile payments with the invoices of their attempts, as `_create_payment` does.

        *Why* and *until*: as for creating them.
        """
        self.env['account.move.line']._reconcile_plan(
            [
                (
                    payment.move_id.line_ids + payment.payment_transaction_id.invoice_ids.line_ids
                ).filtered(
                    lambda line, payment=payment: (
                        line.account_id == payment.destination_account_id and not line.reconciled
                    )
                )
                for payment in self
            ]
        )

    def _generate_journal_entry(self, write_off_line_vals=None, force_balance=None, line_ids=None):
        """Override of `account`: link the entries of a charge run to their payments at once.

        *Why*: Odoo writes payment by payment, and each write searches for what depends on it (119
        queries). *Until*: it links the entries of several payments together.
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


class AccountFiscalPosition(models.Model):
    """Fiscal positions of the documents of a batch."""

    _inherit = 'account.fiscal.position'

    @api.model
    def _get_fiscal_position(self, partner, delivery=None):
        """Override of `account` to remember the answer while the charge run makes documents.

        The memory lasts no longer than the transaction, in which neither the positions nor the
        partners change.

        *Why*: Odoo asks document by document, for the same customer as well (3 queries, more where
        positions are told by country or postcode). *Until*: it computes the positions of several
        documents together.
        """
        if not is_inside(self.env, 'billing_batch') or not partner.id:
            return super()._get_fiscal_position(partner, delivery=delivery)
        known = self.env.cr.precommit.data.setdefault('billing_fiscal_positions', {})
        key = (self.env.company.id, partner.id, delivery.id if delivery else False)
        if key not in known:
            known[key] = super()._get_fiscal_position(partner, delivery=delivery).id
        return self.browse(known[key])


class AccountAnalyticDistributionModel(models.Model):
    """Analytic distributions of the lines of a batch."""

    _inherit = 'account.analytic.distribution.model'

    @api.model
    def _get_applicable_models(self, vals):
        """Override of `analytic` to remember the answer while the charge run makes documents.

        The memory lasts no longer than the transaction, in which the models don't change.

        *Why*: Odoo asks line by line, mostly the same (14 queries). *Until*: it remembers the
        answer itself, or asks for several lines together.
        """
        if not is_inside(self.env, 'billing_batch'):
            return super()._get_applicable_models(vals)
        known = self.env.cr.precommit.data.setdefault('billing_distribution_models', {})
        key = tuple(
            (name, tuple(value) if isinstance(value, list) else value)
            for name, value in sorted(vals.items())
        )
        if key not in known:
            known[key] = super()._get_applicable_models(vals).ids
        return self.browse(known[key])
