from datetime import date

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.modules.migration import exec_script
from odoo.tests import new_test_user, tagged
from odoo.tools import file_path

from ...models.rights.own_context import INSIDE
from ..common.subscription import SubscriptionCommon


@tagged('post_install', '-at_install')
class TestCancellation(SubscriptionCommon):
    """Cancelling a subscription, by the calendar."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order()

    def _run_at(self, moment):
        with freeze_time(moment):
            self._run()

    def _statuses(self, order=None):
        return [(e.number, e.status) for e in (order or self.order).billing_event_ids]

    def test_at_period_end_and_undone(self):
        reason = self.env['billpro.cancel.reason'].create({'name': "Moving house"})
        with freeze_time('2027-01-20 10:00:00'):
            self.assertEqual(self.order._billing_get_cancel_date(at_once=False), date(2027, 2, 9))
            self.order._billing_cancel_subscription(at_once=False, reason=reason, note="Bye")
            self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 9))
            self.assertEqual(self.order.billing_status, 'active')
            self.assertEqual(
                self.order.env['billpro.order.page']._get_billing_status_text(self.order),
                "Cancelled – access until February\xa09",
            )
            self.assertFalse(self.order.env['billpro.order.payments']._get_next_payment(self.order))
            self.assertFalse(self.order._billing_can_change_cards())
            with self.assertRaisesRegex(UserError, "can't be cancelled any more"):
                self.order._billing_cancel_subscription(at_once=False)
        self.assertEqual(self._statuses(), [(2, 'cancelled')])
        self.assertEqual(
            self.order.activity_ids.mapped('summary'),
            [f"Subscription cancelled: {self.order.name}"],
        )
        with freeze_time('2027-02-09 20:00:00'):
            self.order._billing_undo_cancellation()
            self.assertFalse(self.order.billing_cancel_date)
            self.assertFalse(self.order.billing_cancel_reason_id)
        self.assertEqual(self._statuses(), [(2, 'scheduled')])
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_paid, 48.4)
        self.assertEqual(
            self.order.billing_notification_ids.sorted('id').mapped('kind')[-3:],
            ['cancelled', 'cancel_undone', 'payment_received'],
        )

    def test_it_ends_when_its_last_day_has_passed(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
        self._run_at('2027-02-09 22:30:00')  # Half past eleven in Brussels.
        self.assertEqual(self.order.billing_status, 'active')
        self._run_at('2027-02-09 23:30:00')
        self.assertEqual(self.order.billing_status, 'complete')
        with freeze_time('2027-02-10 10:00:00'):
            self.assertEqual(
                self.order.env['billpro.order.page']._get_billing_status_text(self.order),
                "Cancelled",
            )
            with self.assertRaisesRegex(UserError, "can't be undone any more"):
                self.order._billing_undo_cancellation()
        self._run_at('2027-06-01 10:00:00')
        self.assertEqual(self.order.billing_paid, 24.2)
        self.assertEqual(self._statuses(), [(2, 'cancelled')])

    def test_at_once(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
            self.assertEqual(self.order.billing_status, 'complete')
            self.assertEqual(
                self.order.env['billpro.order.page']._get_billing_status_text(self.order),
                "Cancelled",
            )
        self.assertEqual(self._statuses(), [(2, 'cancelled')])

    def test_at_once_after_period_end(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
            self.order._billing_undo_cancellation()
            self.order._billing_cancel_subscription(at_once=False)
            self.order._billing_cancel_subscription(at_once=True)
            self.assertEqual(self.order.billing_status, 'complete')

    def test_with_a_declined_payment_nothing_is_paid_ahead(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_status, 'failed')
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(self._statuses(), [(2, 'cancelled'), (3, 'cancelled')])
        self._run_at('2027-02-20 10:00:00')
        self.assertEqual(self.order.billing_event_ids[0].attempt_count, 1)

    def _get_cancel_sentences(self):
        """Return what the page says of the end, and of what is charged."""
        sentences = self.env['billpro.order.page']._get_cancel_sentences(self.order)
        return [sentence.replace('\xa0', ' ') for sentence in sentences[:3]]

    def test_arrears_are_waived_or_owed(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-11 10:00:00'):
            self.assertEqual(
                self._get_cancel_sentences(),
                [
                    "Your subscription ends at once.",
                    "Nothing more is charged to your card.",
                    "$ 24.20 are outstanding. You need not pay that any more.",
                ],
            )
            self.company.billing_cancel_arrears = 'owed'
            self.assertEqual(
                self._get_cancel_sentences(),
                [
                    "You keep access until March 9, 2027.",
                    "$ 24.20 are outstanding, and still to be paid.",
                    "Nothing else is charged.",
                ],
            )
            dialog = self.env['billpro.cancel.subscription'].create({'order_id': self.order.id})
            self.assertEqual(
                dialog.charges.replace('\xa0', ' '),
                "$ 24.20 are outstanding and still owed: they are collected as before. Nothing else"
                " is charged from now on.",
            )
            dialog.with_user(self.billing_manager).action_cancel()
            self.assertEqual(self.order.billing_cancel_date, date(2027, 3, 9))
            self.assertEqual(self._statuses(), [(2, 'soft_declined'), (3, 'cancelled')])
            self.assertEqual(self.order.billing_status, 'failed')
            self.assertIn(
                "What is outstanding is still to be paid.",
                self.env.ref('billpro_portal.mail_template_cancelled')._render_field(
                    'body_html', self.order.ids
                )[self.order.id],
            )
            self.order._billing_select_card(self._create_token())
            self.order._billing_request_collection(24.2)
            self._run()
            self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(self._statuses(), [(2, 'recovered'), (3, 'cancelled')])
        self._run_at('2027-03-09 10:00:00')
        self.assertEqual(self.order.billing_status, 'active')
        self._run_at('2027-03-10 10:00:00')
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('complete', 48.4))
        self._assert_books_closed(self.order)

    def test_arrears_that_are_owed_are_tried_again_and_undone(self):
        self.company.billing_cancel_arrears = 'owed'
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-11 10:00:00'):
            self.order._billing_pause(date(2027, 4, 1))
            self.order._billing_cancel_subscription(at_once=False)
            self.assertEqual(self.order.billing_status, 'failed')
            self.assertEqual(self._statuses(), [(2, 'soft_declined'), (3, 'cancelled')])
            self.order._billing_undo_cancellation()
            self.assertEqual(self._statuses(), [(2, 'soft_declined'), (3, 'scheduled')])
            self.assertFalse(self.order.billing_owes_arrears)
            self.order._billing_cancel_subscription(at_once=True)
            self.assertEqual(self.order.billing_status, 'failed')
        self._run_at('2027-02-12 10:00:00')
        self.assertEqual(self._statuses(), [(2, 'soft_declined'), (3, 'cancelled')])
        with freeze_time('2027-02-12 11:00:00'):
            self.env.flush_all()
            cash = self.env['billpro.cash.report'].search([('order_id', '=', self.order.id)])
            self.assertEqual([(row.kind, row.amount) for row in cash], [('retry', 24.2)])
        self.order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time(self.order.billing_event_ids[0].retry_date):
            self._run()
        self.assertEqual(self._statuses(), [(2, 'recovered'), (3, 'cancelled')])
        # Who pays a period has it.
        self.assertEqual(self.order.billing_cancel_date, date(2027, 3, 9))
        self._run_at('2027-03-10 10:00:00')
        self.assertEqual(self.order.billing_status, 'complete')

    def test_arrears_that_nobody_pays_are_dropped_in_the_end(self):
        self.company.write({'billing_cancel_arrears': 'owed', 'billing_cancel_after_days': 30})
        with freeze_time('2027-01-10 10:00:00'):
            other = self._create_active_order()
        for order in (self.order, other):
            order.billing_token_id.demo_simulated_state = 'cancel'  # Declined for good.
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-11 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        self.assertEqual((self.order | other).mapped('billing_status'), ['suspended'] * 2)
        self._run_at('2027-03-13 10:00:00')
        self.assertEqual((self.order | other).mapped('billing_status'), ['complete'] * 2)
        self.assertEqual(self._statuses(), [(2, 'cancelled'), (3, 'cancelled')])
        self.assertEqual(set(other.billing_event_ids.mapped('status')), {'cancelled'})

    def test_who_leaves_freely_owes_no_arrears(self):
        self.company.billing_cancel_arrears = 'owed'
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-11 10:00:00'):
            self.order.billing_free_exit_date = date(2027, 2, 10)
            self.order._billing_cancel_subscription(at_once=True)
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(self._statuses(), [(2, 'cancelled'), (3, 'cancelled')])

    def test_an_update_lets_mails_say_what_is_owed(self):
        template = self.env.ref('billpro_portal.mail_template_cancelled')
        shipped = template.body_html
        asked = ' t-out="object._get_charges_after_end()"'
        template.body_html = shipped.replace(asked, '')
        self.assertNotIn(asked, template.body_html)
        self.env.flush_all()
        script = file_path('billpro_portal/migrations/19.0.0.10.0/post-migrate.py')
        exec_script(self.env.cr, '19.0.0.9.0', script, 'billpro_portal', 'post')
        self.env.invalidate_all()
        self.assertEqual(template.body_html, shipped)

    def test_an_update_lets_mails_leave_out_what_was_dropped(self):
        template = self.env.ref('billpro_portal.mail_template_cancelled')
        shipped = template.body_html
        template.body_html = shipped.replace(".filtered('product_uom_qty')", '')
        self.assertNotEqual(template.body_html, shipped)
        self.env.flush_all()
        script = file_path('billpro_portal/migrations/19.0.0.11.0/post-mails.py')
        exec_script(self.env.cr, '19.0.0.10.0', script, 'billpro_portal', 'post')
        self.env.invalidate_all()
        self.assertEqual(template.body_html, shipped)

    def _end_now(self, order, user=None):
        """End an order as staff do, and have paid back what isn't used; return what was shown."""
        with self._committing_env(user or self.billing_manager) as env:
            own = env['sale.order'].browse(order.id)
            dialog = env['billpro.cancel.subscription'].browse(
                own.action_open_cancel_subscription()['res_id']
            )
            self.assertFalse(dialog.unused_amount)
            dialog.write({'when': 'now', 'pays_back': True})
            shown = dialog.unused_amount, dialog.unused_days, dialog.last_day
            dialog.action_cancel()
        return shown

    def test_what_is_not_used_is_paid_back(self):
        """19.95 from 23 April, cancelled on 15 May: P32 of the examples of proration."""
        plan = self._create_sold_product("Plan", 19.95, self.env['account.tax'], 'subscription')
        fee = self._create_sold_product("Fee", 50, self.tax_21)
        with freeze_time('2027-04-23 10:00:00'):
            order = self._create_active_order((plan, 1), (fee, 1))
        with freeze_time('2027-05-15 10:00:00'):
            shown = self._end_now(order)
        self.assertEqual(
            shown,
            (
                5.32,
                "8 of the 30 days of the period that ends on 05/22/2027 are left",
                "The subscription ends at once, and this can't be undone.",
            ),
        )
        self.assertEqual(order.billing_status, 'complete')
        self.assertEqual((order.billing_paid, order.billing_refunded), (80.45, 5.32))
        credit_note = order.billing_move_ids.filtered(lambda move: move.move_type == 'out_refund')
        self.assertEqual((credit_note.amount_total, credit_note.state), (5.32, 'posted'))
        self._assert_books_closed(order)

    def test_who_may_pay_back_and_how_much(self):
        with freeze_time('2027-01-26 10:00:00'):
            # 15 of 31 days of 24.20 are 11.71, of which 4.20 are left.
            self._refund(self.order, 20)
            self.assertEqual(self.order._billing_get_unused()[2], 4.2)
            billing_user = new_test_user(
                self.env,
                login='no_refunds',
                groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
                company_id=self.company.id,
            )
            with self.assertRaisesRegex(AccessError, "Only billing managers can refund"):
                self._end_now(self.order, billing_user)
        self.assertEqual(self.order.billing_status, 'active')
        with freeze_time('2027-01-26 10:00:00'):
            dialog = (
                self.env['billpro.cancel.subscription']
                .with_user(self.billing_manager)
                .create({'order_id': self.order.id, 'when': 'now', 'pays_back': True})
            )
            self.assertEqual(dialog.unused_amount, 4.2)
            self._refund(self.order, 1)
            with self.assertRaisesRegex(UserError, "Another amount would be paid back"):
                dialog.action_cancel()

    def test_what_was_opened_but_not_sent_is_taken_back(self):
        with freeze_time('2027-02-10 10:00:00'):
            run = self.env['billpro.billing.run']
            tx = run._open(run._get_due_domain())
            self.assertEqual(self._statuses(), [(2, 'processing')])
            self.order._billing_cancel_subscription(at_once=True)
        self.assertEqual((tx.state, self._statuses()), ('cancel', [(2, 'cancelled')]))
        self.assertEqual(self.order.billing_status, 'complete')
        self._run_at('2027-02-10 10:05:00')
        self.assertEqual(self.order.billing_paid, 24.2)

    def test_an_attempt_that_was_taken_back_says_nothing_about_the_next_one(self):
        run = self.env['billpro.billing.run']
        with freeze_time('2027-02-10 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order()
        with freeze_time('2027-02-10 08:00:00'):
            first = run._open(run._get_due_domain())
            order._billing_pause()
            order._billing_resume()
            self.assertEqual(order.billing_event_ids.status, 'scheduled')
            second = run._open(run._get_due_domain())
            self.assertEqual(second.billing_attempt, 2)
            run._book(first | second)
            self.assertEqual(order.billing_event_ids.status, 'processing')
            self.assertNotIn(first, run._get_attempts_to_book())
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(order.billing_event_ids[0].status, 'completed')
        self.assertEqual(order.billing_paid, 48.4)

    def test_undone_after_an_early_final_decline(self):
        self.order.billing_token_id.demo_simulated_state = 'cancel'
        with (
            freeze_time('2027-01-15 10:00:00'),
            self._committing_env(self.billing_manager) as env,
        ):
            env['billpro.billing.event'].browse(
                self.order.billing_event_ids.id
            ).action_execute_now()
        self.assertEqual(self.order.billing_status, 'suspended')
        with freeze_time('2027-01-16 10:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
            self.order._billing_undo_cancellation()
            self.assertEqual(self.order.billing_status, 'active')
            self.order.billing_token_id = self._create_token()
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_paid, 48.4)

    def test_what_customers_write_is_no_markup(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_cancel_subscription(
                at_once=False, note='<a href="https://x.example">y</a>'
            )
            self.assertIn("&lt;a href=", self.order.activity_ids.note)
            self.order._billing_undo_cancellation()
        self.assertFalse(self.order.activity_ids)

    def test_what_is_on_its_way_is_awaited(self):
        self.order.billing_token_id.demo_simulated_state = 'pending'
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self._statuses(), [(2, 'processing')])
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_cancel_subscription(at_once=False)
            self.assertEqual(self.order.billing_status, 'active')
            tx = self.order.billing_event_ids.transaction_ids
            tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
            tx._post_process()
        self.assertEqual(self._statuses(), [(2, 'completed')])
        self.assertEqual(self.order.billing_cancel_date, date(2027, 3, 9))
        self.assertEqual(self.order.billing_status, 'active')
        with freeze_time('2027-02-11 11:00:00'):
            self.order._billing_undo_cancellation()
        self.assertEqual(self._statuses(), [(2, 'completed'), (3, 'scheduled')])

    def test_what_is_on_its_way_is_declined(self):
        self.order.billing_token_id.demo_simulated_state = 'pending'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
            tx = self.order.billing_event_ids.transaction_ids
            tx._process('demo', {'reference': tx.reference, 'simulated_state': 'error'})
            tx._post_process()
        self.assertEqual(self._statuses(), [(2, 'cancelled')])
        self.assertEqual(self.order.billing_status, 'complete')

    def test_a_trial_lasts_until_its_end(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(billing_trial_days=14)
            order._billing_cancel_subscription(at_once=False)
            self.assertEqual(order.billing_cancel_date, date(2027, 1, 23))
        self._run_at('2027-01-25 10:00:00')
        self.assertEqual((order.billing_status, order.billing_paid), ('complete', 0))

    def test_staff(self):
        clerk = new_test_user(
            self.env, login='clerk', groups='sales_team.group_sale_salesman_all_leads'
        )
        with freeze_time('2027-01-20 10:00:00'):
            order = self.order.with_user(self.billing_manager)
            wizard = (
                self.env['billpro.cancel.subscription']
                .with_user(self.billing_manager)
                .browse(order.action_open_cancel_subscription()['res_id'])
            )
            self.assertEqual(wizard.when, 'period_end')
            wizard.action_cancel()
            self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 9))
            with self.assertRaises(AccessError):
                self.order.with_user(clerk).action_undo_cancellation()
            order.action_undo_cancellation()
            self.assertFalse(self.order.billing_cancel_date)

    def test_other_types_are_not_cancelled_by_customers(self):
        bike = self._create_sold_product("Bike", 300.0, self.tax_21, 'instalment')
        bike.write({'billing_instalment_count': 3, 'billing_deposit': 63})
        order = self._create_order((bike, 1))
        self._create_initial_transaction(
            order, 'done', token_id=self._create_token().id, amount=63
        )._post_process()
        self.assertFalse(order._can_be_cancelled())
        with self.assertRaisesRegex(UserError, "can't be cancelled"):
            order._billing_cancel_subscription(at_once=True)
        self.assertEqual(
            [item['label'] for item in order._get_menu()],
            [
                "Pay the next payment now",
                "Pay everything that is left",
                "Contact us about this order",
            ],
        )

    def test_messages_of_customers(self):
        for number in range(5):
            self.order._billing_receive_customer_message(f"<b>Question</b> {number}", 5)
        with self.assertRaisesRegex(UserError, "several messages"):
            self.order._billing_receive_customer_message("One more", 5)
        with self.assertRaisesRegex(UserError, "write a message"):
            self.order._billing_receive_customer_message("", 5)
        messages = self.order.message_ids.filtered(lambda m: m.author_id == self.customer)
        self.assertEqual(len(messages), 5)
        self.assertIn("&lt;b&gt;Question&lt;/b&gt; 4", messages[0].body)
        self.assertEqual(
            self.order.activity_ids.mapped('summary'), [f"Answer the customer of {self.order.name}"]
        )


@tagged('post_install', '-at_install')
class TestPause(SubscriptionCommon):
    """Pausing and resuming a subscription, by the calendar."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_active_order()

    def _run_at(self, moment):
        with freeze_time(moment):
            self._run()

    def _schedule(self):
        return [(e.number, e.status, e.period_start) for e in self.order.billing_event_ids]

    def test_payments_wait_and_periods_of_the_pause_are_not_charged(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_pause()
        self.assertEqual(self.order.billing_status, 'paused')
        self.assertEqual(self._schedule(), [(2, 'paused', date(2027, 2, 10))])
        self._run_at('2027-03-20 10:00:00')
        self.assertEqual(self.order.billing_paid, 24.2)
        with freeze_time('2027-03-20 11:00:00'):
            self.order._billing_resume()
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(self._schedule(), [(4, 'scheduled', date(2027, 4, 10))])
        self._run_at('2027-03-20 12:00:00')
        self.assertEqual(self.order.billing_paid, 24.2)
        self._run_at('2027-04-10 10:00:00')
        self.assertEqual(self.order.billing_paid, 48.4)
        self._assert_books_closed(self.order)

    def test_resumed_before_anything_was_due(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-01-25 10:00:00'):
            self.order._billing_resume()
        self.assertEqual(self._schedule(), [(2, 'scheduled', date(2027, 2, 10))])

    def test_until_a_date_in_the_customers_calendar(self):
        with freeze_time('2027-01-20 10:00:00'):
            with self.assertRaisesRegex(UserError, "day in the future"):
                self.order._billing_pause(date(2027, 1, 20))
            self.order._billing_pause(date(2027, 2, 10))
        self._run_at('2027-02-09 22:30:00')
        self.assertEqual(self.order.billing_status, 'paused')
        self._run_at('2027-02-09 23:30:00')  # Half past midnight in Brussels.
        self.assertEqual(self.order.billing_status, 'active')
        self.assertFalse(self.order.billing_pause_until)
        self.assertEqual(self._schedule(), [(2, 'scheduled', date(2027, 2, 10))])
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_paid, 48.4)

    def test_a_failed_order_is_failed_again(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_pause()
            [paused] = self.order.env['billpro.order.attention']._get_attention(self.order)
            self.assertEqual((paused['title'], paused['actions']), ("Your order is paused", []))
            self.assertFalse(self.order._billing_can_change_cards())
        self._run_at('2027-02-11 11:00:00')
        self.assertEqual(self.order.billing_event_ids[0].attempt_count, 1)
        with freeze_time('2027-02-12 11:00:00'):
            self.order._billing_resume()
        self.assertEqual(self.order.billing_status, 'failed')

    def test_a_suspended_order_is_suspended_again(self):
        self.order.billing_token_id.demo_simulated_state = 'cancel'
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_status, 'suspended')
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_pause()
            self.order._billing_resume()
        self.assertEqual(self.order.billing_status, 'suspended')

    def test_what_was_owed_before_the_pause_is_owed_after_it(self):
        self.order.billing_token_id.demo_simulated_state = 'cancel'
        self._run_at('2027-02-10 10:00:00')
        self._run_at('2027-03-11 10:00:00')
        with freeze_time('2027-03-12 10:00:00'):
            self.assertEqual(self.order.billing_outstanding, 48.4)
            self.order._billing_pause(date(2027, 5, 1))
        self.assertEqual(
            self._schedule(),
            [
                (2, 'hard_declined', date(2027, 2, 10)),
                (3, 'scheduled', date(2027, 3, 10)),
                (4, 'paused', date(2027, 4, 10)),
            ],
        )
        self._run_at('2027-05-01 10:00:00')
        self.assertEqual(
            self._schedule(),
            [
                (2, 'hard_declined', date(2027, 2, 10)),
                (3, 'scheduled', date(2027, 3, 10)),
                (5, 'scheduled', date(2027, 5, 10)),
            ],
        )
        self.assertEqual(self.order.billing_status, 'suspended')

    def test_periods_of_the_pause_are_not_charged_after_a_decline_before_it(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-05-15 10:00:00'):
            self.order._billing_resume()
        self.order.billing_token_id.demo_simulated_state = 'done'
        self._run_at('2027-05-15 11:00:00')
        self._run_at('2027-05-15 12:00:00')
        self.assertEqual(
            self._schedule(),
            [(2, 'recovered', date(2027, 2, 10)), (6, 'scheduled', date(2027, 6, 10))],
        )
        self.assertEqual(self.order.billing_paid, 48.4)
        self._assert_books_closed(self.order)

    def test_periods_of_the_pause_are_not_charged_after_what_was_under_way_before_it(self):
        self.order.billing_token_id.demo_simulated_state = 'pending'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-10 11:00:00'):
            self.order._billing_pause()
        with freeze_time('2027-05-10 11:00:00'):
            self.order._billing_resume()
            tx = self.order.billing_event_ids.transaction_ids
            tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})
        self.order.billing_token_id.demo_simulated_state = 'done'
        self._run_at('2027-05-10 12:00:00')
        self.assertEqual(
            self._schedule(),
            [
                (2, 'completed', date(2027, 2, 10)),
                (5, 'completed', date(2027, 5, 10)),
                (6, 'scheduled', date(2027, 6, 10)),
            ],
        )
        self._assert_books_closed(self.order)

    def test_periods_of_the_pause_are_not_charged_after_what_was_due_before_it(self):
        self.order.billing_token_id.demo_simulated_state = 'cancel'
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-03-10 10:00:00'):
            self.order._billing_pause(date(2027, 5, 15))
        self._run_at('2027-05-15 10:00:00')
        with freeze_time('2027-05-16 10:00:00'):
            self.order._billing_select_card(self._create_token())
            self.order._billing_request_collection(48.4)
            self._run()
            self._run()
        self.assertEqual(self.order.billing_paid, 72.6)
        self.assertEqual(self._schedule()[-1:], [(6, 'scheduled', date(2027, 6, 10))])
        self._assert_books_closed(self.order)

    def test_a_period_of_the_pause_is_not_charged_because_it_was_moved_behind_it(self):
        with freeze_time('2027-02-01 10:00:00'):
            self.order.billing_event_ids._reschedule(date(2027, 5, 20))
            self.order._billing_pause()
        with freeze_time('2027-04-15 10:00:00'):
            self.order._billing_resume()
        self.assertEqual(
            self._schedule(),
            [(5, 'scheduled', date(2027, 5, 10)), (3, 'cancelled', date(2027, 3, 10))],
        )

    def test_of_a_merged_payment_what_was_paused_is_not_charged(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        self._run_at('2027-02-10 10:00:00')
        self.order.billing_token_id.demo_simulated_state = 'done'
        with freeze_time('2027-02-12 10:00:00'):
            merged = self.order.billing_event_ids._merge_by_staff(date(2027, 3, 20))
            self.order._billing_pause()
        with freeze_time('2027-05-15 10:00:00'):
            self.order._billing_resume()
            self.assertEqual(merged.amount, 24.2)
            self._run()
        self.assertEqual(merged.status, 'recovered')
        self.assertEqual(self.order.billing_paid, 48.4)
        self.assertEqual(self.order.billing_next_event_id.period_start, date(2027, 6, 10))
        self._assert_books_closed(self.order)

    def test_what_is_overdue_is_a_balance(self):
        self.order.billing_token_id.with_context(billing_archive_used_cards=INSIDE).active = False
        self._run_at('2027-02-10 10:00:00')
        self.assertEqual(self.order.billing_event_ids.status, 'scheduled')
        self._run_at('2027-02-10 12:00:00')
        with freeze_time('2027-02-10 12:00:00'):
            self.assertEqual(self.order.billing_outstanding, 24.2)
            self.assertEqual(self.order.billing_balance, 24.2)

    def test_the_end_comes_during_the_pause(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order(billing_cycles=2)
            order._billing_pause()
        with freeze_time('2027-04-20 10:00:00'):
            order._billing_resume()
        self.assertEqual(order.billing_event_ids.mapped('status'), ['cancelled'])
        self.assertEqual(order.billing_status, 'complete')

    def test_a_paused_subscription_can_be_cancelled(self):
        with freeze_time('2027-01-20 10:00:00'):
            self.order._billing_pause()
            self.order._billing_cancel_subscription(at_once=False)
            self.assertEqual(self.order.billing_event_ids.status, 'cancelled')
            self.order._billing_undo_cancellation()
            self.assertEqual(self.order.billing_event_ids.status, 'paused')
        self.assertEqual(self.order.billing_status, 'paused')

    def test_staff(self):
        clerk = new_test_user(
            self.env, login='clerk', groups='sales_team.group_sale_salesman_all_leads'
        )
        with freeze_time('2027-01-20 10:00:00'):
            order = self.order.with_user(self.billing_manager)
            wizard = (
                self.env['billpro.pause']
                .with_user(self.billing_manager)
                .browse(order.action_open_pause()['res_id'])
            )
            wizard.until = date(2027, 3, 1)
            wizard.action_pause()
            self.assertEqual(self.order.billing_pause_until, date(2027, 3, 1))
            with self.assertRaises(AccessError):
                self.order.with_user(clerk).action_resume()
            order.action_resume()
        self.assertEqual(self.order.billing_status, 'active')
