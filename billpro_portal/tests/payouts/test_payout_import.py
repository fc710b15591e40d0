import base64

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..common.billing import BillingCommon


@tagged('post_install', '-at_install')
class TestPayoutImport(BillingCommon):
    """Payouts of a provider that tells of them by a file."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.line = cls.provider.journal_id.inbound_payment_method_line_ids.filtered(
            lambda line: line.payment_provider_id == cls.provider
        )
        cls.bookkeeper = new_test_user(
            cls.env,
            login='bookkeeper',
            groups='account.group_account_invoice',
            company_id=cls.company.id,
        )

    def _import(self, *rows, head='payout,date,type,reference,amount,fee', user=None):
        content = '\n'.join([head, *rows]).encode()
        wizard = (
            self.env['billpro.payout.import']
            .with_user(user or self.bookkeeper)
            .with_context(allowed_company_ids=self.company.ids)
            .create(
                {
                    'payment_method_line_id': self.line.id,
                    'file': base64.b64encode(content),
                    'file_name': "payouts.csv",
                }
            )
        )
        action = wizard.action_import()
        return self.env['billpro.payout'].search(action['domain'], order='id')

    def _get_items(self, payout):
        return sorted((item.account_id.name, item.balance) for item in payout.move_id.line_ids)

    def test_the_entry(self):
        orders = self._create_paid_order(), self._create_paid_order()
        references = [order.billing_transaction_ids.reference for order in orders]
        refund_tx = self._refund(orders[0], 21.0)
        rows = [
            f'P1,2027-01-12,payment,{references[0]},121.00,2.07',
            f'P1,2027-01-12,refund,{refund_tx.reference},-21.00,',
            'P1,2027-01-12,fee,,-5.00,',
            f'P2,2027-01-13,payment,{references[1]},121.00,2.07',
            'P2,2027-01-13,payment,SHOP-7,10.00,1.00',
            'P2,2027-01-14,payout,,127.93,',
        ]
        first, second = self._import(*rows)
        outstanding, transit = self.line.payment_account_id, self.company.transfer_account_id
        fees = self.company.expense_account_id
        self.assertEqual((first.state, first.amount, first.fee_amount), ('booked', 92.93, 7.07))
        self.assertEqual(
            self._get_items(first),
            sorted(
                [
                    (fees.name, 7.07),
                    (transit.name, 92.93),
                    (outstanding.name, -121),
                    (outstanding.name, 21),
                ]
            ),
        )
        self.assertEqual(str(second.arrival_date), '2027-01-14')
        self.assertEqual(second.line_ids.mapped('issue'), [False, 'not_ours'])
        self.assertEqual(second.difference_amount, 9)
        payments = (orders[0] + orders[1]).billing_transaction_ids.payment_id
        items = payments.move_id.line_ids.filtered(lambda item: item.account_id == outstanding)
        self.assertEqual(len(items), 3)
        self.assertTrue(all(items.mapped('reconciled')))
        # The same file again does nothing.
        moves = (first + second).move_id
        self.assertEqual(self._import(*rows).move_id, moves)
        self.assertEqual(self.env['billpro.payout'].search_count([]), 2)

    def test_what_does_not_add_up(self):
        payout = self._import(
            'P1\t2027-01-12\tadjustment\t10.00\tCorrection',
            'P1\t2027-01-12\tpayout\t12.00\t',
            head='Payout\tDate\tType\tAmount\tDescription',
        )
        self.assertEqual((payout.amount, payout.difference_amount), (12, 2))
        self.assertEqual(payout.line_ids.mapped('issue'), [False, 'sum'])

    def test_all_or_nothing(self):
        order = self._create_order()
        tx = self._create_initial_transaction(order)
        with self.assertRaisesRegex(UserError, tx.reference), self.env.cr.savepoint():
            self._import(
                'P1,2027-01-12,fee,,-5.00,', f'P2,2027-01-12,payment,{tx.reference},121.00,'
            )
        self.assertFalse(self.env['billpro.payout'].search([]))

    def test_wrong_files(self):
        for row, message in (
            ('P1,12.01.2027,fee,,-5,', "Row 2: “12.01.2027” is no date"),
            ('P1,0001-01-12,fee,,-5,', "Row 2: “0001-01-12” is no date of this century"),
            ('P1,2999-01-12,fee,,-5,', "Row 2: “2999-01-12” is no date"),
            (f"{'P' * 1001},2027-01-12,fee,,-5,", "Row 2, payout: the text is too long"),
            ('P1,2027-01-12,gift,,-5,', "Row 2 has the type “gift”"),
            ('P1,2027-01-12,fee,,"-5,00",', "Row 2, amount: “-5,00” is no number"),
            ('P1,2027-01-12,fee,,NaN,', "Row 2, amount: “NaN” is no number"),
            ('P1,2027-01-12,fee,,1e308,', "Row 2, amount: “1e308” is no number"),
            ('P1,2027-01-12,fee,,-5,1e12', "Row 2, fee: “1e12” is no number"),
            ('P1\0,2027-01-12,fee,,-5,', "no text"),
            ('P1,2027-01-12,fee,,,', "Row 2 has no amount"),
            ('', "no rows"),
        ):
            with self.subTest(row), self.assertRaisesRegex(UserError, message):
                self._import(row)
        for head, message in (
            ('payout,date,type', "no column “amount”"),
            ('payout,date,type,amount,currency', "There is no currency ZZZ"),
        ):
            with self.subTest(head), self.assertRaisesRegex(UserError, message):
                self._import('P1,2027-01-12,fee,-5,zzz', head=head)

    def test_who_may_import(self):
        for user in (self.billing_manager, self.salesperson):
            with self.assertRaises(AccessError):
                self._import('P1,2027-01-12,fee,,-5,', user=user)
