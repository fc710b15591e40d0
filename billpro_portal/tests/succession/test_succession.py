from datetime import date

from freezegun import freeze_time

from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestSuccession(SubscriptionCommon):
    """Orders that go on with a subscription, for its customer or for another one."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order()
        cls.other = cls.env['res.partner'].create(
            {'name': "Bart Claes", 'email': 'bart@customer.example.com', 'tz': 'Europe/Brussels'}
        )
        cls.clerk = new_test_user(
            cls.env,
            'succession_clerk',
            'billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
            company_id=cls.company.id,
        )

    def _run_at(self, moment):
        with freeze_time(moment):
            self._run()

    def _offer(self, order, partner=None, **values):
        """Fill in the dialog as staff do, and return the new order."""
        order = order.with_user(self.clerk)
        action = order.action_open_hand_over() if partner else order.action_open_continue()
        wizard = self.env['billpro.succession'].with_user(self.clerk).browse(action['res_id'])
        wizard.write({'partner_id': partner and partner.id, **values})
        return self.env['sale.order'].browse(wizard.action_offer()['res_id'])

    def _agree(self, order, **values):
        """Let the customer of an order agree to it, and give a card."""
        order._billing_follow_predecessor()
        amount = order._get_purchase()._get_initial_amount(order)
        values = {
            'token_id': self._create_token(partner=order.partner_id).id,
            'amount': amount,
            **({} if amount else {'operation': 'validation'}),
            **values,
        }
        tx = self._create_initial_transaction(order, 'done', **values)
        tx._post_process()
        return tx

    def _cancel(self, at_once=True):
        self.order._billing_cancel_subscription(at_once=at_once)

    def _get_terms(self, order):
        rows = order._get_purchase()._get_terms(order)
        return {row['label']: row['value'].replace('\xa0', ' ') for row in rows}

    # === RENEWED, REACTIVATED === #

    def test_reactivated(self):
        with freeze_time('2027-01-20 10:00:00'):
            self._cancel()
            new = self._offer(self.order)
        self.assertEqual(new.billing_status, 'pending')
        self.assertEqual(new.partner_id, self.customer)
        self.assertFalse(new.billing_token_id)
        self.assertEqual(new.billing_predecessor_id, self.order)
        self.assertEqual(new.billing_notification_ids.mapped('kind'), ['order_ready'])
        self.assertFalse(new.billing_can_charge_card)
        with self.assertRaisesRegex(UserError, "has to agree on its page"):
            new.action_open_charge_card()
        self._run_at('2027-04-02 10:00:00')
        self.assertEqual((self.order.billing_paid, new.billing_paid), (24.2, 0))
        with freeze_time('2027-04-05 10:00:00'):
            self.assertEqual(self._get_terms(new)['Next payment'], "May 5, 2027")
            self._agree(new)
        self.assertEqual((new.billing_status, new.billing_paid), ('active', 24.2))
        self.assertEqual(new.billing_anchor_date, date(2027, 4, 5))
        self.assertEqual(self.order.billing_status, 'complete')
        self._run_at('2027-05-05 10:00:00')
        self.assertEqual((self.order.billing_paid, new.billing_paid), (24.2, 48.4))
        notes = self.order.message_ids.mapped('body')
        self.assertTrue(any(new.name in note and "from now on" in note for note in notes))
        self.assertIn('purchase_confirmation', new.billing_notification_ids.mapped('kind'))

    def test_what_goes_on_by_itself(self):
        with self.assertRaisesRegex(UserError, "goes on by itself"):
            self.order.action_open_continue()
        with freeze_time('2027-01-20 10:00:00'):
            self._cancel(at_once=False)
            self.assertFalse(self.order.billing_can_continue)
            with self.assertRaisesRegex(UserError, "goes on by itself"):
                self.order.action_open_continue()

    def test_only_one_at_a_time(self):
        with freeze_time('2027-01-20 10:00:00'):
            self._cancel()
            new = self._offer(self.order)
            with self.assertRaisesRegex(UserError, f"order {new.name} goes on with it"):
                self.order.action_open_continue()
            new.action_cancel_unpaid()
            self.assertEqual(self.order.billing_status, 'complete')
            second = self._offer(self.order, sends_link=False)
            self.assertEqual(second.billing_status, 'draft')
            second._billing_mark_link_sent("Sent.")
            # The first one is opened again, and agreed to.
            new.action_draft()
            new._billing_mark_link_sent("Sent.")
            self._agree(second)
            self.assertIn("not open for payment", new._billing_get_not_payable_reason())
            tx = self._agree(new)
        self.assertEqual((second.billing_status, new.billing_status), ('active', 'pending'))
        self.assertTrue(tx.billing_on_account)

    def test_arrears_stay_owed(self):
        self.company.billing_cancel_arrears = 'owed'
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-11 10:00:00'):
            self._cancel()
            self.assertEqual(self.order.billing_outstanding, 24.2)
        with freeze_time('2027-03-20 10:00:00'):
            self.assertTrue(self.order.billing_can_continue)
            wizard = self.env['billpro.succession'].create({'order_id': self.order.id})
            self.assertIn("24.20, still owed", wizard.owed.replace('\xa0', ' '))
            new = self._offer(self.order, runs='periods', periods=3)
            self._agree(new)
        self.assertEqual((new.billing_cycles, new.billing_paid), (3, 24.2))
        self.assertEqual(self.order.billing_outstanding, 24.2)
        for month in (4, 5, 6, 7):
            self._run_at(f'2027-0{month}-20 10:00:00')
        self.assertEqual((new.billing_paid, new.billing_status), (72.6, 'complete'))

    def test_renewed_in_its_last_period(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(billing_cycles=1)
        with freeze_time('2027-01-20 10:00:00'):
            self.assertFalse(order.billing_can_hand_over)
            new = self._offer(order, runs='day', last_day=date(2027, 3, 31))
            terms = self._get_terms(new)
            self.assertEqual(terms['Free until'], "February 9, 2027")
            self.assertEqual(terms['First payment'], "February 10, 2027")
            self.assertEqual(terms['Runs'], "until March 31, 2027")
        with freeze_time('2027-01-25 10:00:00'):
            self.assertEqual(self._get_terms(new)['First payment'], "February 10, 2027")
            self._agree(new)
            self.assertEqual((new.billing_status, new.billing_paid), ('active', 0))
            self.assertEqual(new.billing_trial_days, 16)
            self.assertEqual(order.billing_status, 'active')
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual((order.billing_status, new.billing_paid), ('complete', 24.2))
        self.assertNotIn('trial_ending', new.billing_notification_ids.mapped('kind'))
        self._run_at('2027-03-10 10:00:00')
        self._run_at('2027-04-10 10:00:00')
        self.assertEqual((new.billing_status, new.billing_paid), ('complete', 48.4))

    # === HANDED OVER === #

    def test_handed_over(self):
        with freeze_time('2027-01-20 10:00:00'):
            new = self._offer(self.order, self.other)
            self.assertEqual(self.order.billing_status, 'active')
            self.assertEqual(
                new.partner_id | new.partner_invoice_id | new.partner_shipping_id, self.other
            )
            self.assertEqual(self._get_terms(new)['First payment'], "February 10, 2027")
            home = self.env['billpro.order.home']
            self.assertEqual(home._get_orders(new), new)
            self.assertNotIn(new, home._get_orders(self.order))
        # Until they agree it is the old customer who has it and pays.
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_paid, 48.4)
        with freeze_time('2027-02-15 10:00:00'):
            self._agree(new)
            self.assertEqual((new.billing_status, new.billing_paid), ('active', 0))
            self.assertEqual(new.billing_anchor_date, date(2027, 3, 10))
            self.assertEqual(self.order.billing_status, 'complete')
            self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 14))
            self.assertEqual(self.order.billing_refunded, 0)
            self.assertFalse(self.order._can_cancellation_be_undone())
        self._run_at('2027-03-10 10:00:00')
        self.assertEqual((self.order.billing_paid, new.billing_paid), (48.4, 24.2))
        self.assertEqual(new.billing_token_id.partner_id, self.other)
        self.assertIn('cancelled', self.order.billing_notification_ids.mapped('kind'))
        self.assertEqual(
            self.order.billing_event_ids.sorted('number').mapped('status'),
            ['completed', 'cancelled'],
        )

    def test_handed_over_for_the_rest(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order((self.gym, 2, 15), billing_cycles=3)
        self.order.order_line.price_unit = 99  # Another order's price is nothing to it.
        with freeze_time('2027-01-20 10:00:00'):
            new = self._offer(order, self.other)
            self._agree(new)
        for month in range(2, 7):
            self._run_at(f'2027-0{month}-10 10:00:00')
        self.assertEqual(order.billing_paid, 36.3)
        self.assertEqual((new.billing_paid, new.billing_status), (72.6, 'complete'))

    def test_who_never_agrees_changes_nothing(self):
        with freeze_time('2027-01-20 10:00:00'):
            new = self._offer(self.order, self.other)
            tx = self._create_initial_transaction(
                new, 'error', operation='validation', amount=0, token_id=False
            )
            tx._post_process()
            self.assertEqual((self.order.billing_status, new.billing_status), ('active', 'pending'))
            new.action_cancel_unpaid()
            self.assertEqual(self.order.billing_status, 'active')
            self.assertTrue(self.order.billing_can_hand_over)
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual((self.order.billing_paid, new.billing_paid), (48.4, 0))

    def test_handed_over_with_arrears(self):
        for policy, status in (('waived', 'complete'), ('owed', 'failed')):
            with self.subTest(policy):
                self.company.billing_cancel_arrears = policy
                with freeze_time('2027-01-10 10:00:00'):
                    order = self._create_active_order()
                order.billing_token_id.demo_simulated_state = 'error'
                self._run_at('2027-02-10 10:00:00')
                with freeze_time('2027-02-11 10:00:00'):
                    new = self._offer(order, self.other)
                    self._agree(new)
                self.assertEqual((new.billing_status, new.billing_paid), ('active', 24.2))
                self.assertEqual(order.billing_status, status)
                self.assertEqual(order.billing_outstanding, 24.2 if policy == 'owed' else 0)
                self.assertFalse(order.billing_can_hand_over)

    def test_cancelled_meanwhile(self):
        with freeze_time('2027-01-20 10:00:00'):
            new = self._offer(self.order, self.other)
            self._cancel(at_once=False)
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_status, 'complete')
        with freeze_time('2027-02-15 10:00:00'):
            self._agree(new)
        self.assertEqual((new.billing_status, new.billing_paid), ('active', 24.2))
        self.assertEqual(new.billing_anchor_date, date(2027, 2, 15))

    def test_a_payment_on_its_way(self):
        with freeze_time('2027-01-20 10:00:00'):
            new = self._offer(self.order, self.other)
            self.order.billing_event_ids._apply_trigger('open')
            self.assertIn("try again later", new._billing_get_not_payable_reason())
            # It was begun just before.
            self._agree(new)
            self.assertEqual((self.order.billing_status, new.billing_status), ('active', 'active'))
            self.assertIn("Handed over while", ''.join(self.order.activity_ids.mapped('summary')))
            self.order.billing_event_ids._apply_trigger('decline_soft')
            self.order._billing_follow_payments()
            self.assertEqual(self.order.billing_status, 'complete')

    def test_what_is_asked_for(self):
        with self.assertRaisesRegex(UserError, "is its customer already"):
            self._offer(self.order, self.customer)
        with self.assertRaisesRegex(UserError, "Choose the new customer"):
            action = self.order.with_user(self.clerk).action_open_hand_over()
            self.env['billpro.succession'].browse(action['res_id']).action_offer()
