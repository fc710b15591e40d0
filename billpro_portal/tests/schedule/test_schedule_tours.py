from freezegun import freeze_time

from odoo.tests import new_test_user, tagged

from ..common.nightly import nightly
from ..common.schedule_actions import ScheduleActionCommon
from ..common.tours import SubscriptionTourCommon


@tagged('post_install', '-at_install')
class TestScheduleTours(ScheduleActionCommon, SubscriptionTourCommon):
    """Billing users, billing managers and accountants act on orders in a real browser."""

    def _tour(self, order, tour, login, moment='2027-02-10 11:00:00'):
        with freeze_time(moment, tick=True):
            self._start_in_back_office(
                f'action-billpro_portal.action_billing_orders/{order.id}', tour, login
            )

    def test_billing_users_change_the_schedule(self):
        order = self._create_instalments(state='error')
        self._run_on('2027-02-10')
        self._tour(order, 'schedule_actions', 'billing_user')
        self.assertEqual(
            [(event.status, event.amount) for event in order.billing_event_ids.sorted('id')],
            [('skipped', 33.33), ('merged', 43.33), ('merged', 23.34), ('scheduled', 66.67)],
        )
        order.billing_token_id.demo_simulated_state = 'done'
        self._run_on('2027-02-11')
        self._assert_totals(order, skipped=33.33, paid=87.67, balance=0.0)
        self.assertEqual(order.billing_status, 'complete')
        self._assert_books_closed(order)

    @nightly("The button is pressed without a browser for each change.")
    def test_billing_users_retry_and_open_the_attempt(self):
        order = self._create_instalments(state='error')
        self._run_on('2027-02-10')
        order.billing_token_id.demo_simulated_state = 'done'
        self._tour(order, 'schedule_retry', 'billing_user')
        self.assertEqual((order.billing_paid, order.billing_status), (54.33, 'active'))
        self._assert_books_closed(order)

    @nightly("The dialog is walked through for one payment for each change.")
    def test_billing_users_change_all_later_payments(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order()
        self._tour(order, 'schedule_later_ones', 'billing_user', '2027-01-20 10:00:00')
        self._run_on('2027-02-10')
        self.assertEqual(order.billing_event_ids.mapped('amount'), [30.0, 30.0])
        self.assertEqual(order.billing_paid, 54.2)
        self._assert_books_closed(order)

    @nightly("The button is pressed without a browser for each change.")
    def test_managers_complete_an_order(self):
        order = self._create_instalments()
        self._run_on('2027-02-10')
        self._tour(order, 'schedule_manager', 'billing_manager')
        self.assertEqual(order.billing_status, 'complete')

    @nightly("What accountants may do is asked without a browser for each change.")
    def test_accountants_read_only(self):
        new_test_user(
            self.env,
            login='accountant',
            groups='account.group_account_readonly,account.group_account_invoice',
            company_id=self.company.id,
        )
        order = self._create_instalments()
        self._run_on('2027-02-10')
        self._tour(order, 'schedule_accountant', 'accountant')
        self.assertEqual(order.billing_status, 'active')

    @nightly("The dialog is used without a browser for each change.")
    def test_billing_users_charge_a_stored_card(self):
        with freeze_time('2027-02-10 10:00:00'):
            order = self._create_order((self.gym, 1))
            self._create_token()
        self._tour(order, 'charge_card', 'billing_user')
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
        self._assert_books_closed(order)
