from odoo import Command

from .webhook import MessageCommon

DISPUTE_MESSAGES = ('charge.dispute.created', 'charge.dispute.closed')


class PayoutCommon(MessageCommon):
    """Orders that were paid at the gateway, and its payouts."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.currency = cls.company.currency_id
        cls.fees = cls._create_account("Fees of payments", '659100')
        cls.disputes = cls._create_account("Disputes", '659200')
        cls.losses = cls._create_account("Lost disputes", '659400')
        cls.adjustments = cls._create_account("Adjustments", '659300')
        cls.provider.write(
            {
                'billpro_payouts_since': '2020-01-01',
                'billpro_fee_account_id': cls.fees.id,
                'billpro_dispute_account_id': cls.disputes.id,
                'billpro_loss_account_id': cls.losses.id,
                'billpro_adjustment_account_id': cls.adjustments.id,
            }
        )
        cls.journal = cls.provider.journal_id
        cls.outstanding = cls.journal.inbound_payment_method_line_ids.filtered(
            lambda line: line.payment_provider_id == cls.provider
        ).payment_account_id
        assert cls.outstanding
        cls.suspense = cls.journal.suspense_account_id
        cls.transit = cls.company.transfer_account_id

    def setUp(self):
        super().setUp()
        self.gateway.faults.clear()
        for kind in ('balance_transaction', 'payout'):  # Of the tests before.
            self.gateway.store.objects[kind].clear()

    @classmethod
    def _create_account(cls, name, code):
        return cls.env['account.account'].create(
            {
                'name': name,
                'code': code,
                'account_type': 'expense',
                'company_ids': [Command.set(cls.company.ids)],
            }
        )

    def _charge(self, *lines, card='pm_card_visa', book=True, **kwargs):
        """Return an order of 121.00 that was paid at the gateway, with a fee of 2.07."""
        order = self._create_order(*lines, **kwargs)
        tx = self._create_initial_transaction(order)
        intent = self._pay_by_reference(
            tx.reference,
            amount=round(order.amount_total * 100),
            currency=order.currency_id.name.lower(),
            payment_method=card,
        )
        tx.provider_reference = intent['id']
        if book:
            self._book_charge(order)
        return order

    def _book_charge(self, order):
        tx = order.billing_transaction_ids
        tx._set_done()
        tx._post_process()

    def _dispute(self, order, **options):
        """Let the bank take a payment back, and tell of it; return the dispute."""
        tx = order.billing_transaction_ids
        told = self.gateway.open_dispute(tx.provider_reference, **options)
        self._announce_dispute(told['id'])
        return self.env['billpro.dispute'].search([('provider_reference', '=', told['id'])])

    def _decide(self, dispute, won):
        """Let the bank decide a dispute, and tell of it."""
        self.gateway.close_dispute(dispute.provider_reference, won=won)
        self._announce_dispute(dispute.provider_reference)

    def _change_mind(self, dispute, won=True):
        """Let the bank decide otherwise what was decided, and tell of it."""
        with self.gateway.store.session(None) as session:
            record = session.get('dispute', dispute.provider_reference)
            session.save(record | {'status': 'needs_response'})
        self._decide(dispute, won=won)

    def _announce_dispute(self, number):
        self._deliver_all(self._find_messages(*DISPUTE_MESSAGES, payment=number)[-1:])
        self._process()

    def _pay_out(self, **options):
        """Pay out at the gateway what it has; return its payout."""
        return self.gateway.pay_out(options.pop('currency', self.currency.name.lower()), **options)

    def _book(self):
        """Let the scheduled action find and book payouts; return them, oldest first."""
        with self._committing_env() as env:
            env['billpro.payout']._cron_book()
        return self.env['billpro.payout'].search(
            [('provider_id', '=', self.provider.id)], order='id'
        )

    def _try_again(self):
        """Let the scheduled action try what it would try later."""
        self.env['billpro.failure'].search([])._try_again()
        return self._book()

    def _get_items(self, move):
        """Return the account, amount and partner of an entry's items, sorted."""
        return sorted((item.account_id.name, item.balance) for item in move.line_ids)

    def _assert_items(self, move, *expected):
        """Check an entry's items: pairs of account and balance."""
        self.assertEqual(move.state, 'posted')
        self.assertEqual(
            self._get_items(move),
            sorted((account.name, balance) for account, balance in expected),
        )

    def _get_balance(self, account, in_currency=False):
        """Return the balance of an account in the trial balance."""
        field = 'amount_currency' if in_currency else 'balance'
        items = self.env['account.move.line'].search(
            [('account_id', '=', account.id), ('parent_state', '=', 'posted')]
        )
        return self.currency.round(sum(items.mapped(field)))

    def _assert_nothing_held(self):
        """Check that the provider holds nothing, and nothing waits to be reconciled."""
        self.assertEqual(self._get_balance(self.outstanding), 0)
        items = self.env['account.move.line'].search(
            [('account_id', '=', self.outstanding.id), ('parent_state', '=', 'posted')]
        )
        self.assertTrue(items)
        self.assertTrue(all(items.mapped('reconciled')))

    def _create_bank_line(self, amount, reference="STRIPE", **values):
        """Return a line of a bank statement."""
        return self.env['account.bank.statement.line'].create(
            {
                'journal_id': self.journal.id,
                'amount': amount,
                'payment_ref': reference,
                **values,
            }
        )
