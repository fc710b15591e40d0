from datetime import datetime

from freezegun import freeze_time

from odoo import SUPERUSER_ID, Command
from odoo.tests import HttpCase, new_test_user, tagged

from .common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestNewCompany(SubscriptionCommon, HttpCase):
    """A company with a chart of accounts and a provider sells without any other setting."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        company = cls.env['res.company'].create(
            {'name': "Borealis", 'currency_id': cls.env.ref('base.EUR').id}
        )
        cls.env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)
        cls.env = cls.env(context={'allowed_company_ids': company.ids})
        cls.company = company.with_env(cls.env)
        cls.provider = cls._create_demo_provider(cls.company)
        cls.payment_method = cls.provider.payment_method_ids
        cls.salesperson.write({'company_ids': [Command.link(company.id)], 'company_id': company.id})
        taxes = cls._create_vat("VAT 21%", 21)
        cls.desk = cls._create_sold_product("Desk", 100.0, taxes)
        cls.gym = cls._create_sold_product("Gym", 20.0, taxes, 'subscription')

    def _trigger(self, cron):
        with self.enter_registry_test_mode():
            self.env.ref(f'billpro_portal.{cron}').method_direct_trigger()
        self.env.invalidate_all()

    def test_a_single_order_and_a_subscription(self):
        with freeze_time('2027-01-10 10:00:00'):
            single = self._create_order((self.desk, 1), partner=self.other_customer, sent=False)
            subscription = self._create_order(
                (self.gym, 1), partner=self.other_customer, sent=False
            )
            for order, amount in ((single, 121.0), (subscription, 24.2)):
                order.with_user(self.salesperson).action_mail_order_links()
                self.assertEqual(order.billing_status, 'pending')
                self.assertEqual(order._get_purchase()._get_initial_amount(order), amount)
                self.env.flush_all()
                page = self.url_open(order.order_link)
                self.assertEqual(page.status_code, 200)
                self.assertIn('name="o_payment_submit_button"', page.text)
                token = (
                    self._create_token(partner=order.partner_id)
                    if order == subscription
                    else self.env['payment.token']
                )
                self._create_initial_transaction(
                    order, 'done', amount=amount, token_id=token.id
                )._post_process()
            self._trigger('cron_send_notifications')
        self.assertEqual(single.billing_status, 'complete')
        self.assertEqual(subscription.billing_status, 'active')
        with freeze_time('2027-02-03 12:00:00'):
            self._trigger('cron_queue_timed_notifications')
            self._trigger('cron_send_notifications')
        with freeze_time('2027-02-10 12:00:00'):
            self._run()
            self._trigger('cron_send_notifications')
        self.assertEqual(subscription.billing_paid, 48.4)
        self.assertEqual(
            subscription.billing_event_ids.sorted('number').mapped('due_date'),
            [datetime(2027, 2, 10, 9), datetime(2027, 3, 10, 9)],
        )
        for order in (single, subscription):
            self.assertEqual(order.billing_move_ids.company_id, self.company)
            self.assertEqual(order.billing_move_ids.currency_id.name, 'EUR')
            self._assert_books_closed(order)
        self.assertEqual(
            sorted(single.billing_notification_ids.mapped('kind')),
            ['order_ready', 'purchase_confirmation'],
        )
        self.assertEqual(
            sorted(subscription.billing_notification_ids.mapped('kind')),
            ['order_ready', 'payment_received', 'payment_upcoming', 'purchase_confirmation'],
        )
        states = (single | subscription).billing_notification_ids.mapped('state')
        self.assertLessEqual(set(states), {'handed_over', 'sent'})

    def test_the_tax_of_the_chart_of_accounts(self):
        """A product for which nobody chose a tax has that of the company's chart."""
        membership = self.env['product.product'].create(
            {'name': "Membership", 'list_price': 100.0, 'purchase_type': 'subscription'}
        )
        self.assertEqual(self.company.account_sale_tax_id.amount, 15.0)
        # Odoo gives a product of all companies the default tax of each.
        self.assertEqual(
            membership.taxes_id.filtered(lambda tax: tax.company_id == self.company),
            self.company.account_sale_tax_id,
        )
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((membership, 1), partner=self.other_customer)
        self.assertEqual(order.order_line.tax_ids, self.company.account_sale_tax_id)
        self.assertEqual(order._get_purchase()._get_initial_amount(order), 115.0)

    def test_products_of_all_companies(self):
        """The jobs are the superuser's, who works in a company with accounts of its own."""
        root_company = self.env['res.users'].browse(SUPERUSER_ID).company_id
        self.assertNotEqual(root_company, self.company)
        self.env['account.chart.template'].try_loading('generic_coa', root_company)
        course = self._create_sold_product("Course", 100.0, self.gym.taxes_id, 'instalment')
        course.write({'billing_instalment_count': 2, 'billing_deposit': 21.0})
        water = self._create_sold_product("Water", 2.5, self.gym.taxes_id, 'metered')
        (course | water | self.gym | self.desk).company_id = False
        with freeze_time('2027-01-10 10:00:00'):
            instalment = self._create_active_order((course, 1))
            metered = self._create_active_order((water, 1))
            paid_once = self._create_active_order((course, 1))
            subscription = self._create_active_order((self.gym, 1))
            single = self._create_order((self.desk, 1))
            self._create_initial_transaction(single, 'done')  # Nobody's browser comes back.
        subscription.billing_event_ids.write({'amount': 30.0, 'adjustment': 5.8})
        paid_once.billing_event_ids[-1:]._apply_trigger('skip')
        self.env['billpro.billing.event'].create(
            {
                'order_id': metered.id,
                'number': 1,
                'due_date': datetime(2027, 1, 12),
                'amount': 33.02,
            }
        )
        orders = instalment | metered | paid_once | subscription | single
        for moment in ('2027-01-12', '2027-02-11', '2027-03-11'):
            with freeze_time(f'{moment} 12:00:00'):
                self._run()
                with self.enter_registry_test_mode():
                    self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
                self.env.invalidate_all()
        self.assertFalse(self.env['billpro.failure'].search([]).mapped('reason'))
        self.assertEqual(orders.mapped('billing_paid'), [121.0, 33.02, 71.0, 78.4, 121.0])
        for order in orders:
            self.assertEqual(order.billing_move_ids.line_ids.account_id.company_ids, self.company)
            self._assert_books_closed(order)
        with freeze_time('2027-03-12 12:00:00'):
            self._refund(instalment, 10.0)
        self._assert_books_closed(instalment)


@tagged('post_install', '-at_install')
class TestBranch(SubscriptionCommon, HttpCase):
    """A branch sells, and its payments go through the provider of its parent company."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.parent_company = cls.company
        branch = cls.env['res.company'].create(
            {'name': "Aurora Ghent", 'parent_id': cls.company.id}
        )
        cls.env = cls.env(context={'allowed_company_ids': branch.ids})
        cls.company = branch.with_env(cls.env)
        cls.manager = new_test_user(
            cls.env,
            login='branch_manager',
            groups='billpro_portal.group_billing_manager,sales_team.group_sale_salesman_all_leads',
            company_id=branch.id,
        )
        cls.salesperson = cls.manager
        cls.gym, cls.provider = cls.gym.with_env(cls.env), cls.provider.with_env(cls.env)

    def test_everything_is_booked(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.gym, 1), sent=False)
            order.with_user(self.manager).action_mail_order_links()
            self.env.flush_all()
            page = self.url_open(order.order_link)
            self.assertIn('name="o_payment_submit_button"', page.text)
            tx = self._create_initial_transaction(
                order, 'done', amount=24.2, token_id=self._create_token().id
            )
            tx._post_process()
            self.assertEqual(order.billing_status, 'active')
        with freeze_time('2027-02-10 10:00:00'):
            with self._committing_env(self.manager, company=self.company) as env:
                action = env['billpro.billing.event'].browse(order.billing_event_ids.ids)
                action = action.action_execute_now()
            self.assertEqual(action['params']['message'], "1 charged, 0 declined, 0 unknown.")
        self.assertEqual(order.billing_paid, 48.4)
        with freeze_time('2027-03-10 10:00:00'):
            self._run()
        self.assertEqual(order.billing_paid, 72.6)
        with freeze_time('2027-03-11 10:00:00'):
            self._refund(order, 24.2)
        self.assertEqual((order.billing_refunded, order.billing_credited), (24.2, 24.2))
        self.assertEqual(order.billing_move_ids.company_id, self.company)
        self._assert_books_closed(order)
        self.assertFalse(order.activity_ids)
        self.assertFalse(self.env['billpro.failure'].sudo().search([]))

    def test_a_lost_dispute_is_booked(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order()
            tx = order.billing_transaction_ids
            values = tx._prepare_billing_stripe_dispute(
                {
                    'id': 'dp_1',
                    'status': 'lost',
                    'reason': 'fraudulent',
                    'amount': 2420,
                    'currency': 'usd',
                    'created': 1799575200,
                },
            )
            self.env['billpro.dispute']._record(tx, values)
        dispute = self.env['billpro.dispute'].search([('order_id', '=', order.id)])
        dispute = dispute.with_user(self.manager)
        self.assertEqual(dispute.booking_state, 'to_book')
        with freeze_time('2027-01-12 10:00:00'):
            dispute.action_book()
        self.assertEqual(dispute.booking_state, 'booked')
        self.assertEqual(order.billing_lost, 24.2)

    def test_what_cannot_be_booked_is_listed(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.gym, 1))
            self.env['account.move'].search([('state', '=', 'draft')]).unlink()
            self.parent_company.hard_lock_date = '2027-01-31'
            tx = self._create_initial_transaction(
                order, 'done', amount=24.2, token_id=self._create_token().id
            )
        for time in ('11:00', '11:10', '12:30'):
            with freeze_time(f'2027-01-10 {time}:00'):
                self._run()
        self.assertFalse(tx.payment_id)
        rows = self.env['billpro.billing.exception'].with_user(self.manager).search([])
        self.assertEqual((rows.kind, rows.order_id), ('unbooked', order))
        self.assertIn("Hard Lock Date", rows.reason)
        with freeze_time('2027-02-01 10:00:00'):
            self._run()
        self.assertEqual(order.billing_status, 'active')
        self._assert_books_closed(order)
        self.assertFalse(self.env['billpro.billing.exception'].search([]))
