from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.fields import Command
from odoo.http import Request
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.base.models.ir_mail_server import IrMail_Server

from ...billing.agreement import agreement_text
from ..common.http import BillingHttpCommon
from ..common.usage import UsageCommon

BOUGHT = '2027-01-10 10:00:00'
SOON = '2027-01-15 10:00:00'


@tagged('post_install', '-at_install')
class TestDeclarations(UsageCommon, BillingHttpCommon):
    """What customers declare by law, on their order's page and without its link."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        (cls.gym | cls.api).type = 'service'
        with freeze_time(BOUGHT):
            cls.order = cls._create_agreed_order()

    @classmethod
    def _create_agreed_order(cls, wants_start=True, product=None):
        """Return a live subscription whose customer was told of the right of withdrawal."""
        order = cls._create_order((product or cls.gym, 1))
        cls._agree(order, wants_start)
        values = {'token_id': cls._create_token().id}
        if product == cls.api:
            values.update(amount=0, operation='validation')
        cls._create_initial_transaction(order, 'done', **values)._post_process()
        order._portal_ensure_token()
        return order

    @classmethod
    def _agree(cls, order, wants_start):
        order._billing_record_consent(
            order._billing_get_consent()['version'],
            order._billing_get_shown(),
            '192.0.2.1',
            wants_start,
        )

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)

    def _send(self, path, **values):
        self.env.flush_all()
        response = self.url_open(path, data=values)
        self.env.invalidate_all()
        return response

    def _declare(self, page, status=200, **values):
        """Send a form without an order's link; return the answer."""
        response = self._send(
            f'/contract/{page}?company={self.company.id}',
            **{
                'name': "Anna Peeters",
                'reference': self.order.name,
                'email': ' Anna.Peeters@customer.example.com',
                **values,
            },
        )
        self.assertEqual(response.status_code, status)
        return response

    def _withdraw_on_page(self, order, email='anna.peeters@customer.example.com'):
        """Send the form of the order's page, as it is filled in there."""
        return self._send(
            self._link(order, '/withdraw'),
            csrf_token=self._csrf(),
            name="Anna Peeters",
            email=email,
        )

    def _csrf(self):
        return Request.csrf_token(self)

    def _carry_out(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_declarations').method_direct_trigger()
        self.env.invalidate_all()

    def _get_last(self):
        return self.env['billpro.declaration'].search([], limit=1)

    def _get_mails(self):
        declaration = self._get_last()
        return self.env['mail.mail'].search(
            [('model', '=', declaration._name), ('res_id', '=', declaration.id)]
        )

    def test_a_receipt_that_no_mail_server_takes(self):
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
        declaration, mail = self._get_last(), self._get_mails()
        questions = [('summary', '=', f"The receipt for {self.order.name} was not sent")]
        refused = patch.object(IrMail_Server, '_connect__', side_effect=OSError("No server"))
        for moment, state in (
            ('2027-01-15 10:01:00', 'exception'),
            ('2027-01-16 10:00:00', 'exception'),
            ('2027-01-16 10:00:01', 'cancel'),
        ):
            with freeze_time(moment):
                self._carry_out()
                self.assertEqual(mail.state, 'outgoing')
                with refused, patch.object(IrMail_Server, '_disable_send', lambda _server: False):
                    mail.send()
            self.assertEqual(mail.state, state)
            self.assertEqual(self.env['mail.activity'].search_count(questions), state == 'cancel')
        self.assertIn(
            declaration.receipt.split()[0], self.env['mail.activity'].search(questions).note
        )
        with freeze_time('2027-01-16 12:00:00'):
            self._carry_out()
        self.assertEqual(mail.state, 'cancel')

    # === WITHDRAWAL === #

    def test_it_is_received_whatever_fails(self):
        order_class = self.registry['sale.order']
        with (
            freeze_time(SOON),
            patch.object(order_class, '_billing_end_by_withdrawal', side_effect=ValueError("Odd")),
            mute_logger('odoo.addons.billpro_portal.models.each_alone.own_transaction'),
        ):
            self.assertEqual(self._withdraw_on_page(self.order).status_code, 200)
        declaration = self._get_last()
        self.assertEqual((declaration.order_id, declaration.state), (self.order, 'new'))
        self.assertEqual(len(self._get_mails()), 1)
        with freeze_time(SOON):
            self._carry_out()
        self.assertRecordValues(declaration, [{'state': 'open', 'is_withdrawn': True}])

    def test_on_the_order_page_while_the_period_lasts(self):
        self.customer.lang = 'en_US'
        with freeze_time(SOON):
            page = self._get_page(self.order)
            self.assertIn("Withdraw from contract here", page)
            # Fourteen days end on a Sunday.
            self.assertIn("until January 25, 2027, without giving a reason", page)
        with freeze_time('2027-01-25 22:30:00'):
            self.assertTrue(self.order._billing_can_be_withdrawn())
        with freeze_time('2027-01-25 23:30:00'):
            self.assertFalse(self.order._billing_can_be_withdrawn())
            page = self._get_page(self.order)
            self.assertNotIn("without giving a reason", page)
            self.assertIn("/contract/withdraw", page)  # At the foot, always.

    def _get_page(self, order, suffix=''):
        self.env.flush_all()
        response = self.url_open(self._link(order, suffix))
        self.env.invalidate_all()
        self.assertEqual(response.status_code, 200)
        return response.text

    def test_in_two_steps(self):
        with freeze_time(SOON):
            page = self._get_page(self.order, '/withdraw')
            self.assertIn('value="Anna Peeters"', page)
            self.assertIn(f'value="{self.order.name}"', page)
            self.assertRegex(page, r'<button type="submit"[^>]*>Confirm withdrawal</button>')
            answer = self._withdraw_on_page(self.order)
            self.assertIn("We have received your withdrawal.", answer.text)
            self.assertRegex(
                answer.text, r"Received: January 15, 2027, 11:00:00.AM \+0100 \(Europe/Brussels\)"
            )
            declaration = self._get_last()
            self.assertEqual(
                (declaration.order_id, declaration.is_withdrawn, declaration.state),
                (self.order, True, 'open'),
            )
            self.assertEqual(self.order.billing_status, 'complete')
            self.assertEqual(
                [(e.number, e.status) for e in self.order.billing_event_ids], [(2, 'cancelled')]
            )
            # Six of the 31 days of the first period are used: 6 / 31 of 24.20.
            self.assertEqual(declaration.used_amount, 4.68)
            self.assertEqual(declaration.refund_amount, 19.52)
            self.assertEqual(declaration.refund_due_date, date(2027, 1, 29))
            self.assertEqual(self.order.activity_ids.date_deadline, date(2027, 1, 29))
            mail = self._get_mails()
            self.assertEqual(mail.email_to, 'anna.peeters@customer.example.com')
            self.assertIn(f"Contract: {self.order.name}", declaration.receipt)
            self.assertIn("(Europe/Brussels)", mail.body_html)
            page = self._get_page(self.order)
            self.assertIn("We pay back $ 19.52 until January 29, 2027", page.replace('\xa0', ' '))
            # Again, by a double click: it is the same.
            self.assertEqual(self._withdraw_on_page(self.order).status_code, 200)
            self.assertEqual(len(self.order.billing_declaration_ids), 1)

    def test_refund_by_one_click(self):
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
            declaration = self._get_last()
            clerk = new_test_user(
                self.env, login='clerk', groups='billpro_portal.group_billing_user'
            )
            with self.assertRaises(AccessError):
                declaration.with_user(clerk).action_refund()
            with self._committing_env(self.billing_manager) as env:
                env['billpro.declaration'].browse(declaration.id).action_refund()
            self.assertEqual(self.order.billing_refunded, 19.52)
            self.assertEqual(self.order.billing_credited, 19.52)
            self.assertEqual((declaration.state, declaration.refund_amount), ('done', 0))
            self.assertFalse(self.order.activity_ids.filtered('billpro_subject'))
            with (
                self.assertRaisesRegex(UserError, "nothing left"),
                self.env.cr.savepoint(),
            ):
                declaration.with_user(self.billing_manager).action_refund()
        self._assert_books_closed(self.order)

    def test_refund_of_several_payments(self):
        self.order.billing_consent_ids.withdrawal_information = False  # The period lasts longer.
        self._run_at('2027-02-10 10:00:00')
        with freeze_time('2027-02-15 10:00:00'):
            self._withdraw_on_page(self.order)
        declaration = self._get_last()
        # 37 of 59 days were used: of 48.40, 30.35 are kept.
        self.assertEqual(declaration.refund_amount, 18.05)
        self.payment_method.support_refund = 'full_only'
        with self.assertRaisesRegex(UserError, "by other means"), self.env.cr.savepoint():
            declaration.with_user(self.billing_manager).action_refund()
        self.payment_method.support_refund = 'partial'
        tx_class = self.registry['payment.transaction']
        send = tx_class._send_refund_request
        answers = [lambda tx: tx._set_error("No such card."), send]

        def refuse_first(tx):
            return answers.pop(0)(tx)

        with (
            patch.object(tx_class, '_send_refund_request', refuse_first),
            self._committing_env(self.billing_manager) as env,
        ):
            result = env['billpro.declaration'].browse(declaration.id).action_refund()
        self.assertEqual(result['params']['type'], 'danger')
        self.assertIn("No such card.", result['params']['message'])
        refunds = self.order.billing_transaction_ids.filtered(lambda tx: tx.operation == 'refund')
        self.assertEqual(
            refunds.sorted('id').mapped(lambda tx: (tx.state, tx.amount)),
            [('error', -18.05), ('done', -18.05)],
        )
        self.assertEqual((declaration.state, self.order.billing_refunded), ('done', 18.05))

    def test_nothing_more_is_refunded_while_a_refund_is_under_way(self):
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
            declaration = self._get_last()
            tx = self.order.billing_transaction_ids
            tx._billing_create_order_refund(19.52)  # What came of it isn't known.
            with (
                self.assertRaisesRegex(UserError, "under way"),
                self.env.cr.savepoint(),
            ):
                declaration.with_user(self.billing_manager).action_refund()
        self.assertEqual(tx.child_transaction_ids.mapped('amount'), [-19.52])
        self.assertEqual((declaration.state, declaration.refund_amount), ('open', 19.52))

    def test_it_stays_open_while_a_payment_is_on_its_way(self):
        event = self.order.billing_event_ids
        event._apply_trigger('open')
        event._apply_trigger('lose')
        warnings = [('summary', '=', f"Refund after withdrawal: {self.order.name}")]
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
            declaration = self._get_last()
            with self._committing_env(self.billing_manager) as env:
                env['billpro.declaration'].browse(declaration.id).action_refund()
        with freeze_time('2027-01-27 10:00:00'):
            self._carry_out()
            self.assertEqual((declaration.state, declaration.refund_amount), ('open', 0))
            self.assertFalse(self.env['mail.activity'].search_count(warnings))
            event._apply_trigger('refuse')
            self._carry_out()
        self.assertEqual(declaration.state, 'done')

    def test_the_last_wish_counts(self):
        with freeze_time(BOUGHT):
            order = self._create_agreed_order()
        for wants_start, wishes in (
            (False, [False, True]),
            (False, [False, True]),
            (True, [True, False, True]),
        ):
            self._agree(order, wants_start)
            self.assertEqual(order._billing_wants_start(), wants_start)
            self.env.invalidate_all()
            self.assertEqual(order.billing_consent_ids.mapped('wants_start'), wishes)
            self.assertEqual(order._billing_wants_start(), wants_start)

    def test_without_the_wish_all_is_paid_back(self):
        with freeze_time(BOUGHT):
            order = self._create_agreed_order(wants_start=False)
        with freeze_time(SOON):
            self._withdraw_on_page(order)
            self.assertEqual(self._get_last().refund_amount, 24.2)

    def test_a_free_trial_is_not_paid_for(self):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1))
            order.billing_trial_days = 3
            self._agree(order, wants_start=True)
            self._register_card(order)
        self._run_at('2027-01-13 10:00:00')
        self.assertEqual(order.billing_paid, 24.2)
        with freeze_time(SOON):
            self._withdraw_on_page(order)
        # Three of the 31 days that were paid for.
        self.assertRecordValues(self._get_last(), [{'used_amount': 2.34, 'refund_amount': 21.86}])

    def test_nothing_is_used_after_the_end(self):
        with freeze_time('2027-01-11 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        self.assertEqual(self.order.billing_status, 'complete')
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
        # The one day before it was cancelled.
        self.assertEqual(self._get_last().used_amount, 0.78)

    def test_usage_that_was_paid_before_is_not_paid_back(self):
        order = self._create_used_order(wants_start=True)
        with freeze_time(SOON):
            order.billing_usage_period_ids._bill_so_far()
        self._run_at('2027-01-16 10:00:00')
        self.assertEqual(order.billing_paid, 8.48)
        with freeze_time('2027-01-17 10:00:00'):
            self._withdraw_on_page(order)
        self.assertRecordValues(self._get_last(), [{'used_amount': 8.48, 'refund_amount': 0}])

    def test_instalments_in_another_currency_from_two_tabs(self):
        course = self._create_sold_product("Course", 100.0, self.tax_21, 'instalment')
        course.write({'billing_instalment_count': 3, 'billing_deposit': 21, 'type': 'service'})
        with freeze_time(BOUGHT):
            order = self._create_order((course, 1), currency='EUR')
            self._agree(order, wants_start=True)
            token_id = self._create_token().id
            self._create_initial_transaction(
                order, 'done', amount=21, token_id=token_id
            )._post_process()
        self.assertEqual(order.billing_paid, 21)
        with freeze_time(SOON):
            first, second = (
                self._withdraw_on_page(order, email) and self._get_last()
                for email in ('anna.peeters@customer.example.com', 'anna@x.test')
            )
            self.assertEqual(
                [(one.state, one.is_withdrawn, one.refund_amount) for one in (first, second)],
                [('open', True, 21), ('done', False, 0)],
            )
            self.assertEqual(set(order.billing_event_ids.mapped('status')), {'cancelled'})
            with self._committing_env(self.billing_manager) as env:
                env['billpro.declaration'].browse(first.id).action_refund()
        self.assertEqual((order.billing_refunded, first.state), (21, 'done'))
        self.assertEqual(order.billing_status, 'complete')
        self._run_at('2027-02-11 10:00:00')
        self.assertEqual(order.billing_paid, 21)

    def test_what_is_entered_has_one_line(self):
        with freeze_time(SOON):
            self._declare('cancel', kind='ordinary', reference='X1\r\nBcc: b@x.test', name='A\n\nB')
        self.assertRecordValues(
            self._get_last(), [{'reference': 'X1 Bcc: b@x.test', 'name': 'A B'}]
        )

    def test_one_of_several_addresses(self):
        self.customer.email = 'office@x.test, anna.peeters@customer.example.com'
        with freeze_time(SOON):
            page = self._get_page(self.order, '/withdraw')
            self.assertIn('value="office@x.test"', page)
            self._declare('withdraw')
            self._carry_out()
        self.assertEqual(self._get_last().order_id, self.order)

    def _create_used_order(self, wants_start):
        """Return an order whose usage has cost 8.48, taxes included, when it is withdrawn from."""
        with freeze_time(BOUGHT):
            order = self._create_agreed_order(wants_start, self.api)
        with freeze_time(SOON):
            self.Record.ingest([self._make_record('used', 500, SOON, order=order.name)])
        return order

    def _run_at(self, moment):
        with freeze_time(moment):
            self._run()

    def test_usage_that_was_wished_is_not_paid_back(self):
        order = self._create_used_order(wants_start=True)
        with freeze_time(SOON):
            self._withdraw_on_page(order)
        self._run_at('2027-01-16 10:00:00')
        self.assertEqual(order.billing_paid, 8.48)
        declaration = self._get_last()
        self.assertEqual((declaration.refund_amount, declaration.can_refund), (0, False))

    def test_usage_without_the_wish_is_billed_no_more(self):
        order = self._create_used_order(wants_start=False)
        with freeze_time(SOON):
            event = order.billing_usage_period_ids._bill_so_far()
            event._apply_trigger('open')
            event._apply_trigger('lose')
            self.Record.ingest([self._make_record('more', 500, SOON, order=order.name)])
            self._withdraw_on_page(order)
        self.assertEqual((order.billing_status, self._get_last().state), ('active', 'open'))
        self.assertFalse(order.billing_usage_period_ids.can_close_now)
        self._run_at('2027-01-16 10:00:00')
        self.assertEqual(order.billing_event_ids, event)
        event._apply_trigger('decline_soft')
        self._run_at('2027-01-17 10:00:00')
        self.assertEqual((event.status, order.billing_status), ('cancelled', 'complete'))
        self.assertEqual(order.billing_paid, 0)

    def test_staff_are_warned_before_the_fourteenth_day(self):
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
        warnings = [('summary', '=', f"Refund after withdrawal: {self.order.name}")]
        for moment, count in (
            ('2027-01-25 10:00:00', 0),
            ('2027-01-26 10:00:00', 1),
            ('2027-01-27 10:00:00', 1),
        ):
            with freeze_time(moment):
                self._carry_out()
            self.assertEqual(self.env['mail.activity'].search_count(warnings), count)
        warning = self.env['mail.activity'].search(warnings)
        self.assertEqual(warning.user_id, self.company._billing_get_person_to_ask())
        self._get_last().with_user(self.billing_manager).action_done()
        self.assertFalse(warning.exists())

    def test_each_deadline_is_watched_alone(self):
        with freeze_time(BOUGHT):
            other = self._create_agreed_order()
        with freeze_time(SOON):
            self._withdraw_on_page(self.order)
            odd = self._get_last()
            self._withdraw_on_page(other)
        odd.refund_due_date = False
        with (
            freeze_time('2027-01-26 10:00:00'),
            mute_logger('odoo.addons.billpro_portal.models.each_alone.own_transaction'),
        ):
            self._carry_out()
        self.assertEqual((odd.is_warned, self._get_last().is_warned), (False, True))

    def test_businesses_have_none(self):
        self.order.billing_buyer = 'business'
        with freeze_time(SOON):
            self.assertFalse(self.order._billing_can_be_withdrawn())
            page = self._get_page(self.order)
            self.assertNotIn("/contract/withdraw", page)
            self.assertNotIn("/contract/cancel", page)

    def test_what_the_law_excepts(self):
        """None if all that is bought is excepted: of the rest they may withdraw."""
        product = self._create_sold_product("Suit", 300.0, self.tax_21)
        product.billing_withdrawal_exception = 'customised'
        with freeze_time(BOUGHT):
            orders = [self._create_order((product, 1)), self._create_order((product, 1))]
            orders[1].order_line = [Command.create({'product_id': self.gym.id})]
            for order, is_told in zip(orders, (False, True), strict=True):
                order._portal_ensure_token()
                check = self.assertIn if is_told else self.assertNotIn
                check("right to withdraw from this contract", self._get_page(order))

    def test_a_trial_gives_no_second_right(self):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1))
            order.billing_trial_days = 30
            order._portal_ensure_token()
            self.assertIn("$\xa024.20 every month", self._get_page(order))  # Also after the trial.
            self._agree(order, False)
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id, amount=0, operation='validation'
            )._post_process()
        for moment, is_possible in (('2027-01-25 22:30:00', True), ('2027-02-09 12:00:00', False)):
            with freeze_time(moment):
                self.assertEqual(order._billing_can_be_withdrawn(), is_possible, moment)

    def test_whoever_was_told_nothing_has_a_year_more(self):
        with freeze_time(BOUGHT):
            order = self._create_active_order()
        with freeze_time('2028-01-20 10:00:00'):
            self.assertTrue(order._billing_can_be_withdrawn())
            self.assertFalse(self.order._billing_can_be_withdrawn())

    # === BEFORE THE ORDER === #

    def test_what_a_consumer_is_told_and_agrees_to(self):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1))
            order._portal_ensure_token()
            page = self._get_page(order)
            self.assertIn("Order with obligation to pay", page)
            self.assertNotIn("Pay $", page)
            self.assertIn("You have the right to withdraw from this contract within 14 days", page)
            self.assertIn("Model withdrawal form", page)
            self.assertNotIn('checked', page.partition('billpro_wants_start')[2][:400])
            # Also where nothing is paid today.
            order.billing_trial_days = 14
            self.assertIn("Order with obligation to pay", self._get_page(order))
            order.billing_buyer = 'business'
            page = self._get_page(order)
            self.assertNotIn("Order with obligation to pay", page)
            self.assertNotIn("Model withdrawal form", page)
        consent = self.order.billing_consent_ids
        self.assertTrue(consent.wants_start)
        self.assertIn("I want the service to begin", consent.agreement)
        self.assertIn("Model withdrawal form", consent.withdrawal_information)
        self.assertEqual(self.order.billing_buyer, 'consumer')

    def test_the_confirmation_brings_it_on_a_durable_medium(self):
        notices = self.order.billing_notification_ids
        notice = notices.filtered(lambda one: one.kind == 'purchase_confirmation')
        with freeze_time(BOUGHT):
            notice._send()
        self.assertEqual(notice.state, 'handed_over')
        consent = notice.message_id.attachment_ids.filtered(
            lambda one: one.name.startswith(f"Consent {self.order.name}")
        )
        text = consent.raw.decode()
        for part in ("I want the service to begin", "Model withdrawal form", "Seller: Aurora"):
            self.assertIn(part, text)
        self.assertIn("Withdraw from contract here", notice.message_id.body)

    # === WITHOUT A LINK === #

    def test_a_stranger_learns_nothing(self):
        with freeze_time(SOON):
            known = self._declare('withdraw')
            self.assertFalse(self._get_last().order_id)
            unknown = self._declare('withdraw', email='bart@example.com')
            for answer in (known, unknown):
                self.assertIn("We have received your withdrawal.", answer.text)
            self.assertEqual(
                known.text.replace('anna.peeters@customer.example.com', 'bart@example.com'),
                unknown.text,
            )
            self.assertEqual(self.order.billing_status, 'active')
            self._carry_out()
            found = self.env['billpro.declaration'].search([], limit=2)
            self.assertEqual(found.mapped('state'), ['open', 'open'])
            self.assertFalse(found[0].order_id)
            self.assertEqual(found[1].order_id, self.order)
            self.assertEqual(self.order.billing_status, 'complete')

    def test_what_was_credited_is_paid_for_no_day(self):
        order, Change = self.order, self.env['billpro.change']
        terms = order.order_line, order.order_line.product_id, 0.5, 'now'
        with freeze_time(SOON):
            rows = Change.new(Change._propose(order, *terms))._get_rows()
            order._billing_change(*terms, agreement_text(rows))
        # 26/31: -16.77 + 8.39, 10.14 with taxes. Of the 14.06 that are left, 6 / 31.
        self.assertEqual(order._billing_get_used_amount(date(2027, 1, 15)), 2.72)

    def test_what_was_used_counts_until_the_day_of_the_declaration(self):
        with freeze_time(SOON):
            self._declare('withdraw')
        with freeze_time('2027-01-20 10:00:00'):
            self._carry_out()
        self.assertRecordValues(
            self._get_last(), [{'used_amount': 4.68, 'refund_due_date': date(2027, 1, 29)}]
        )

    def test_too_late_is_for_staff(self):
        with freeze_time('2027-02-01 10:00:00'):
            self._declare('withdraw')
            self._carry_out()
        declaration = self._get_last()
        self.assertEqual(declaration.order_id, self.order)
        self.assertFalse(declaration.is_withdrawn)
        self.assertEqual(self.order.billing_status, 'active')
        self.assertIn("its period was over", self.order.activity_ids.note)

    def test_cancellation(self):
        with freeze_time(SOON):
            page = self.url_open(f'/contract/cancel?company={self.company.id}').text
            self.assertRegex(page, r'<button type="submit"[^>]*>Cancel now</button>')
            # Nothing else, whatever the company offers to who thinks of leaving.
            reasons = self.env['billpro.cancel.reason'].search([('offer', '!=', False)])
            for unwanted in ('/offer/', '/pause', '/change', *reasons.mapped('name')):
                self.assertNotIn(unwanted, page)
            answer = self._declare('cancel', kind='ordinary')
            self.assertIn("Wanted end: as early as possible", answer.text)
            self._carry_out()
        self.assertEqual(self._get_last().state, 'done')
        self.assertEqual(self.order.billing_status, 'active')
        self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 9))
        self.assertIn('cancelled', self.order.billing_notification_ids.mapped('kind'))

    def test_taken_back_it_stays_on_record_and_may_be_declared_again(self):
        with freeze_time(SOON):
            self._declare('cancel', kind='ordinary')
            self._carry_out()
            first = self._get_last()
            receipt = first.receipt
            answer = self._send(self._link(self.order, '/cancel/undo'), csrf_token=self._csrf())
            self.assertIn("Your subscription continues.", answer.text)
            self.assertFalse(self.order.billing_cancel_date)
            self.assertEqual((first.state, first.receipt), ('done', receipt))
            self._declare('cancel', kind='ordinary')
            self._carry_out()
        self.assertEqual(len(self.order.billing_declaration_ids), 2)
        self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 9))

    def test_cancellation_for_cause_is_decided_by_staff(self):
        with freeze_time(SOON):
            self._declare('cancel', 422, kind='cause')
            self._declare('cancel', kind='cause', reason="The pool is closed.")
            self._carry_out()
        declaration = self._get_last()
        self.assertEqual(declaration.state, 'open')
        self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 9))
        self.assertIn("The pool is closed.", declaration.receipt)
        declaration.with_user(self.billing_manager).action_done()
        self.assertEqual(declaration.state, 'done')

    def test_a_later_end_is_for_staff(self):
        with freeze_time(SOON):
            self._declare('cancel', kind='ordinary', end_date='2027-06-30')
            self._carry_out()
        self.assertEqual(self._get_last().state, 'open')
        self.assertFalse(self.order.billing_cancel_date)

    def test_a_later_end_within_the_paid_period(self):
        self.company.billing_cancel_mode = 'now'
        with freeze_time(SOON):
            self._declare('cancel', kind='ordinary', end_date='2027-01-31')
            self._carry_out()
        self.assertEqual(self._get_last().state, 'done')
        self.assertEqual(self.order.billing_cancel_date, date(2027, 2, 9))

    def test_only_the_same_is_the_same(self):
        with freeze_time(SOON):
            for values, count in (
                ({'kind': 'cause', 'reason': "The pool is closed."}, 1),
                ({'kind': 'cause', 'reason': "The sauna is closed."}, 2),
                ({'kind': 'ordinary', 'end_date': '2027-06-30'}, 3),
                ({'kind': 'ordinary', 'end_date': '2027-6-30'}, 3),
                ({'kind': 'ordinary'}, 4),
                ({'kind': 'ordinary'}, 4),
            ):
                self._declare('cancel', **values)
                self.assertEqual(self.env['billpro.declaration'].search_count([]), count)

    def test_what_is_missing_or_wrong(self):
        for values in (
            {'name': ' '},
            {'email': 'nobody'},
            {'kind': 'other'},
            {'end_date': 'soon'},
        ):
            with self.subTest(values):
                self._declare('cancel', 422, **{'kind': 'ordinary', **values})
        self.assertFalse(self.order.billing_declaration_ids)

    def test_limits(self):
        with freeze_time(SOON):
            for number in range(5):
                self._declare('cancel', kind='ordinary', reference=f'X{number}')
                self._declare('cancel', kind='ordinary', reference=f'X{number}', email='b@x.test')
            self.assertIn("Too much was sent", self._declare('cancel', 429, kind='ordinary').text)
            # On an order's page, too: each sends a mail.
            answer = self._withdraw_on_page(self.order, email='b@x.test')
            self.assertEqual(answer.status_code, 429)
            self.assertIn("Too much was sent", answer.text)
            self.assertFalse(self.order.billing_declaration_ids)
            # But nobody can use up what customers may do with their own orders.
            self.assertEqual(self._withdraw_on_page(self.order).status_code, 200)
            self.assertTrue(self.order.billing_declaration_ids.is_withdrawn)
        with freeze_time('2027-01-15 11:00:01'):
            self._declare('cancel', kind='ordinary')
        with freeze_time('2027-02-15 11:00:01'):
            self._carry_out()
        self.assertFalse(self.env['billpro.declaration'].search([]).filtered('ip_address'))

    def test_in_the_words_of_the_law(self):
        for code, withdraw, confirm in (
            ('de_DE', "Vertrag widerrufen", "Widerruf bestätigen"),
            ('fr_FR', "Renoncer au contrat ici", "Confirmer la rétractation"),
        ):
            self.env['res.lang']._activate_lang(code)
            with freeze_time(SOON), self.subTest(code):
                link = f'&lang={code}'
                page = self.url_open(self._link(self.order) + link).text
                self.assertIn(withdraw, page)
                self.assertIn(
                    confirm, self.url_open(self._link(self.order, '/withdraw') + link).text
                )
        # In French what was entered is shown once more.
        answer = self._declare('cancel', kind='ordinary', lang='fr_FR')
        self.assertIn("Notification de la résiliation", answer.text)
        self.assertFalse(self._get_last())
        self._declare('cancel', kind='ordinary', lang='fr_FR', is_summary='1')
        self.assertTrue(self._get_last())
