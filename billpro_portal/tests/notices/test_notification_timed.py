from datetime import date, datetime, timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.nightly import IS_NIGHTLY, some
from ..common.notification import TimedCommon

# What customers are told of each order, the day, and how.
TOLD = {
    'single': [
        ('2027-01-11', 'order_reminder', 'mail'),
        ('2027-01-11', 'order_reminder', 'sms'),
        ('2027-01-13', 'order_reminder', 'mail'),
        ('2027-01-13', 'order_reminder', 'sms'),
        ('2027-01-17', 'order_reminder', 'mail'),
        ('2027-01-17', 'order_reminder', 'sms'),
        ('2027-01-20', 'purchase_confirmation', 'mail'),
    ],
    'metered': [
        ('2027-01-10', 'purchase_confirmation', 'mail'),
        ('2027-02-01', 'payment_received', 'mail'),
        ('2027-03-01', 'payment_upcoming', 'mail'),
        ('2027-03-04', 'payment_received', 'mail'),
        ('2027-04-23', 'payment_upcoming', 'mail'),
        ('2027-04-30', 'payment_received', 'mail'),
    ],
    'instalment': [
        ('2027-01-31', 'purchase_confirmation', 'mail'),
        ('2027-02-21', 'payment_upcoming', 'mail'),
        ('2027-02-28', 'payment_received', 'mail'),
        ('2027-03-24', 'payment_upcoming', 'mail'),
        ('2027-03-31', 'payment_received', 'mail'),
        ('2027-04-23', 'payment_upcoming', 'mail'),
        ('2027-04-30', 'payment_received', 'mail'),
    ],
    'subscription': [
        ('2027-01-15', 'purchase_confirmation', 'mail'),
        ('2027-01-22', 'trial_ending', 'mail'),
        ('2027-01-29', 'payment_received', 'mail'),
        ('2027-02-21', 'payment_upcoming', 'mail'),
        ('2027-02-28', 'payment_received', 'mail'),
        ('2027-03-22', 'payment_upcoming', 'mail'),
        ('2027-03-29', 'payment_received', 'mail'),
        ('2027-04-22', 'payment_upcoming', 'mail'),
        ('2027-04-29', 'payment_declined', 'mail'),
        ('2027-04-29', 'payment_declined', 'sms'),
        ('2027-04-30', 'payment_received', 'mail'),
        ('2027-05-22', 'payment_upcoming', 'mail'),
        ('2027-05-29', 'payment_received', 'mail'),
        ('2027-06-22', 'payment_upcoming', 'mail'),
        ('2027-06-29', 'payment_received', 'mail'),
        ('2027-07-05', 'paused', 'mail'),
        ('2027-08-03', 'resumed', 'mail'),
        ('2027-08-15', 'card_expiring', 'mail'),
        ('2027-08-15', 'card_expiring', 'sms'),
        ('2027-08-22', 'payment_upcoming', 'mail'),
        ('2027-08-29', 'payment_received', 'mail'),
        ('2027-09-22', 'payment_upcoming', 'mail'),
        ('2027-09-29', 'payment_received', 'mail'),
        ('2027-10-01', 'card_expired', 'mail'),
        ('2027-10-01', 'card_expired', 'sms'),
        ('2027-10-03', 'card_changed', 'mail'),
        ('2027-10-22', 'payment_upcoming', 'mail'),
        ('2027-10-29', 'payment_received', 'mail'),
        ('2027-11-22', 'payment_upcoming', 'mail'),
        ('2027-11-29', 'payment_received', 'mail'),
        ('2027-12-01', 'cancelled', 'mail'),
    ],
}
# The day of the renewal of what was ordered on 15 January 2027 for a year.
RENEWED = date(2028, 1, 15)
BOUNCE = """From: MAILER-DAEMON@mail.example.com
To: hello@aurora.example.com
Subject: Undelivered Mail Returned to Sender
Message-Id: <returned@mail.example.com>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="part"

--part
Content-Type: text/plain

No such mailbox
--part
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.com

Final-Recipient: rfc822; fr@customer.example.com
Action: failed
Status: 5.1.1

--part
Content-Type: text/rfc822-headers

Message-Id: {message_id}
--part--
"""
# What can't be switched off.
DEMANDED = ('trial_ending', 'contract_reminder')
# What customers in three countries are told of a yearly and two quarterly subscriptions, by mail.
TWO_YEARS = {
    'de': [
        ('2027-01-10', 'purchase_confirmation'),
        ('2028-01-03', 'payment_upcoming'),
        ('2028-01-10', 'payment_received'),
        ('2029-01-03', 'payment_upcoming'),
        ('2029-01-10', 'payment_received'),
    ],
    'us': [
        ('2027-01-10', 'purchase_confirmation'),
        ('2027-01-17', 'trial_ending'),
        ('2027-01-24', 'payment_received'),
        ('2027-04-17', 'payment_upcoming'),
        ('2027-04-24', 'payment_received'),
        ('2027-07-17', 'payment_upcoming'),
        ('2027-07-24', 'payment_received'),
        ('2027-10-17', 'payment_upcoming'),
        ('2027-10-24', 'payment_received'),
        ('2028-01-10', 'contract_reminder'),
        ('2028-01-17', 'payment_upcoming'),
        ('2028-01-24', 'payment_received'),
        ('2028-04-17', 'payment_upcoming'),
        ('2028-04-24', 'payment_received'),
        ('2028-07-17', 'payment_upcoming'),
        ('2028-07-24', 'payment_received'),
        ('2028-10-17', 'payment_upcoming'),
        ('2028-10-24', 'payment_received'),
        ('2029-01-10', 'contract_reminder'),
    ],
    'uk': [
        ('2027-01-10', 'purchase_confirmation'),
        ('2027-04-03', 'payment_upcoming'),
        ('2027-04-10', 'payment_received'),
        ('2027-07-03', 'payment_upcoming'),
        ('2027-07-10', 'contract_reminder'),
        ('2027-07-10', 'payment_received'),
        ('2027-10-03', 'payment_upcoming'),
        ('2027-10-10', 'payment_received'),
        ('2028-01-03', 'payment_upcoming'),
        ('2028-01-10', 'contract_reminder'),
        ('2028-01-10', 'payment_received'),
        ('2028-04-03', 'payment_upcoming'),
        ('2028-04-10', 'payment_received'),
        ('2028-07-03', 'payment_upcoming'),
        ('2028-07-10', 'contract_reminder'),
        ('2028-07-10', 'payment_received'),
        ('2028-10-03', 'payment_upcoming'),
        ('2028-10-10', 'payment_received'),
        ('2029-01-03', 'payment_upcoming'),
        ('2029-01-10', 'contract_reminder'),
        ('2029-01-10', 'payment_received'),
    ],
}
# Customers of the first two are told all there is to tell.
TYPES = some(('single', 'subscription', 'instalment', 'metered'), 2)


@tagged('post_install', '-at_install')
class TestYearOfNotices(TimedCommon):
    """A year passes, day by day, and the list of notices is compared with the expected one."""

    def setUp(self):
        super().setUp()
        self._switch_sms_on('order_reminder', 'payment_declined', 'card_expiring', 'card_expired')
        self.orders = {}

    # === WHAT HAPPENS IN THE YEAR === #

    def _buy_subscription(self):
        """With a trial of two weeks, and a card that expires in autumn."""
        order = self._create_active_order(billing_trial_days=14)
        order.billing_token_id.card_expiry_date = date(2027, 9, 30)
        self.orders['subscription'] = order

    def _answer(self, state):
        self.orders['subscription'].billing_token_id.demo_simulated_state = state

    def _pause(self):
        self.orders['subscription']._billing_pause(date(2027, 8, 3))

    def _replace_card(self):
        self.orders['subscription']._billing_select_card(self._create_token())

    def _cancel(self):
        self.orders['subscription']._billing_cancel_subscription(at_once=False)

    def _buy_instalments(self):
        self.orders['instalment'] = self._create_active_order(
            (self.course, 1), billing_deposit=21.0, billing_instalment_count=3
        )

    def _buy_metered(self):
        self.orders['metered'] = self._create_active_order((self.water, 1))

    def _take(self, number, due):
        """Schedule a payment, as staff do."""
        self.env['billpro.billing.event'].create(
            {
                'order_id': self.orders['metered'].id,
                'number': number,
                'due_date': due,
                'amount': 17.43,
                'note': f"Usage {number}",
            }
        )

    def _offer_single(self):
        self.orders['single'] = self._create_order()

    def _pay_single(self):
        self._create_initial_transaction(self.orders['single'], 'done')._post_process()

    def _get_acts(self):
        acts = {
            date(2027, 1, 10): (self._offer_single,),
            date(2027, 1, 15): (self._buy_subscription,),
            date(2027, 1, 20): (self._pay_single,),
            date(2027, 4, 20): (lambda: self._answer('error'),),
            date(2027, 4, 30): (lambda: self._answer('done'),),
            date(2027, 7, 5): (self._pause,),
            date(2027, 10, 3): (self._replace_card,),
            date(2027, 12, 1): (self._cancel,),
        }
        if IS_NIGHTLY:
            acts |= {
                date(2027, 1, 10): (self._offer_single, self._buy_metered),
                date(2027, 1, 31): (self._buy_instalments,),
                date(2027, 2, 1): (lambda: self._take(1, datetime(2027, 2, 1, 10)),),
                date(2027, 3, 1): (lambda: self._take(2, datetime(2027, 3, 4, 10)),),
                date(2027, 4, 1): (lambda: self._take(3, datetime(2027, 4, 30, 10)),),
            }
        return acts

    def _get_days(self, start, acts):
        """Return the days on which the jobs run, counted from the start.

        Each one nightly; else those on which something happens or is told, the days before them,
        on which it must not be told yet, and some of the others.
        """
        if IS_NIGHTLY:
            return range(366)
        days = {date.fromisoformat(day) for name in TYPES for day, _kind, _channel in TOLD[name]}
        numbers = {(day - start.date()).days for day in {*days, *acts}}
        before = {number - 1 for number in numbers if number}
        return sorted(numbers | before | set(range(0, 366, 28)))

    # === THE LIST === #

    def test_each_type(self):
        told, seen = {}, self.env['billpro.notification']
        acts = self._get_acts()
        start = datetime(2027, 1, 10, 15)
        # One clock that is moved: freezing anew each day would take a quarter of the time.
        with freeze_time(start) as clock:
            for number in self._get_days(start, acts):
                clock.move_to(start + timedelta(days=number))
                for act in acts.get(date.today(), ()):
                    act()
                self._run_jobs()
                for name, order in self.orders.items():
                    new = order.billing_notification_ids.sorted('id') - seen
                    seen |= new
                    told.setdefault(name, []).extend(
                        (f'{date.today()}', notice.kind, notice.channel) for notice in new
                    )
            for _time in range(10):
                self._run_jobs()
                with self.enter_registry_test_mode():
                    self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
        self.assertEqual(told, {name: TOLD[name] for name in TYPES})
        orders = self.env['sale.order'].union(*self.orders.values())
        self.assertEqual(orders.billing_notification_ids, seen)
        self.assertEqual(
            {(notice.channel, notice.recipient, notice.lang, notice.state) for notice in seen},
            {
                ('mail', 'anna.peeters@customer.example.com', 'fr_FR', 'handed_over'),
                ('sms', '+32470123456', 'fr_FR', 'handed_over'),
            },
        )

    def test_after_a_standstill_only_what_is_still_true_is_sent(self):
        with freeze_time('2027-01-10 10:00:00'):
            self._offer_single()
            self._buy_metered()
        with freeze_time('2027-01-15 10:00:00'):
            self._buy_subscription()
            self._answer('error')
        for moment in ('2027-02-05 15:00:00', '2027-02-05 16:00:00'):
            with freeze_time(moment):
                self._run_jobs()
        told = {
            name: [
                (notice.kind, notice.channel, notice.state)
                for notice in order.billing_notification_ids.sorted('id')
            ]
            for name, order in self.orders.items()
        }
        self.assertEqual(
            told,
            {
                'metered': [('purchase_confirmation', 'mail', 'handed_over')],
                'single': [
                    ('order_reminder', 'mail', 'handed_over'),
                    ('order_reminder', 'sms', 'handed_over'),
                ],
                'subscription': [
                    ('purchase_confirmation', 'mail', 'handed_over'),
                    ('payment_declined', 'mail', 'handed_over'),
                    ('payment_declined', 'sms', 'handed_over'),
                ],
            },
        )

    def test_a_yearly_term_is_announced_as_the_law_of_the_country_wants(self):
        orders = {}
        with freeze_time('2027-01-15 10:00:00'):
            for code in ('fr', 'it', 'es', 'de', 'us', ''):
                country = code and self.env.ref(f'base.{code}').id
                partner = self.other_customer.copy({'country_id': country})
                if code == 'us':
                    partner.state_id = self.env.ref('base.state_us_5')
                order = self._create_order((self.gym, 1), partner=partner)
                order.billing_interval_unit = 'year'
                self._create_initial_transaction(
                    order, 'done', token_id=self._create_token(partner=partner).id
                )._post_process()
                orders[code] = order
        self.company.country_id = self.env.ref('base.fr')  # Of whom no country is known.
        told = {}
        self._switch_off('renewal')  # In vain.
        for day in ('11', '12', '16', '17', '31'):
            with freeze_time(f'2027-12-{day} 12:00:00'):
                self._run_timed()
            for code, order in orders.items():
                if order.billing_notification_ids.filtered(lambda one: one.kind == 'renewal'):
                    told.setdefault(code, day)
        # The 15th of January less 35, 30, 15 and 30 days.
        self.assertEqual(told, {'fr': '11', '': '11', 'it': '16', 'es': '31', 'us': '16'})

    def test_two_years_of_three_subscriptions(self):
        self.company.billing_british_reminders = True
        self._switch_off(*DEMANDED)  # In vain.
        terms = {
            'de': {'billing_interval_unit': 'year'},
            'us': {'billing_interval_count': 3, 'billing_trial_days': 14},
            'uk': {'billing_interval_count': 3},
        }
        start = datetime(2027, 1, 10, 18)
        days = {date.fromisoformat(day) for told in TWO_YEARS.values() for day, _kind in told}
        # The day before what the law wants it must not be told yet; nightly, of all the others.
        days |= {
            date.fromisoformat(day) - timedelta(days=1)
            for told in TWO_YEARS.values()
            for day, kind in told
            if kind in DEMANDED or (IS_NIGHTLY and day > f'{start.date()}')
        }
        told, seen = {code: [] for code in terms}, self.env['billpro.notification']
        with freeze_time(start) as clock:
            orders = {code: self._create_order_of(code, **terms[code]) for code in terms}
            for day in sorted(days):
                clock.move_to(datetime(day.year, day.month, day.day, 18))
                self._run_jobs()
                for code, order in orders.items():
                    new = order.billing_notification_ids - seen
                    seen |= new
                    told[code] += [(f'{day}', one.kind) for one in new.sorted('id')]
        self.assertEqual(told, TWO_YEARS)
        for code, order in orders.items():
            notices = order.billing_notification_ids
            self.assertEqual(set(notices.mapped('recipient')), {f'{code}@customer.example.com'})
            self.assertEqual(set(notices.mapped('state')), {'handed_over'})

    def test_text_messages_wait_for_the_morning(self):
        self._switch_sms_on('payment_declined')
        order = self._create_active_order()
        values = {'order_id': order.id}
        for moment, date_sent in (
            ('2027-03-01 07:59:59', datetime(2027, 3, 1, 8)),
            ('2027-03-01 08:00:00', datetime(2027, 3, 1, 8)),
            ('2027-03-01 18:59:59', datetime(2027, 3, 1, 18, 59, 59)),
            ('2027-03-01 19:00:00', datetime(2027, 3, 2, 8)),
        ):
            with freeze_time(moment), self.subTest(moment):
                self.env['billpro.notification']._queue_all(
                    'payment_declined', [{**values, 'fact': moment}]
                )
                mail, text = order.billing_notification_ids.filtered(
                    lambda one, fact=moment: one.fact == fact
                ).sorted('channel')
                self.assertEqual(f'{mail.send_date}', moment)
                self.assertEqual(text.send_date, date_sent)

    def test_a_price_that_rises(self):
        self.company.billing_notice_days = 0
        with freeze_time('2027-01-10 10:00:00'):
            orders = [self._create_order_of('us') for _time in range(2)]
        with freeze_time('2027-02-10 18:00:00'):
            self._run_jobs()
        in_time, late = (order.billing_event_ids.sorted('number')[-1] for order in orders)
        in_time.amount = 36.3
        told = {}
        for day in ('02', '03', '05'):
            with freeze_time(f'2027-03-{day} 18:00:00'):
                if day == '05':
                    late.amount = 36.3
                self._run_timed()
            told[day] = [
                event.order_id.billing_notification_ids.filtered('event_id').mapped('kind')
                for event in (in_time, late)
            ]
        self.assertEqual(told['02'], [['payment_received'], ['payment_received']])
        self.assertEqual(told['03'][0], ['payment_upcoming', 'payment_received'])
        self.assertEqual(told['03'][1], ['payment_received'])
        self.assertEqual(told['05'][1], ['payment_upcoming', 'payment_received'])
        rows = {row['label']: row['value'] for row in in_time._get_notice_rows()}
        self.assertEqual(rows["Amount until now"], "$\xa024.20")
        for event, count in ((in_time, 0), (late, 1)):
            questions = event.order_id.activity_ids.filtered(
                lambda one: one.billpro_subject == 'price'
            )
            self.assertEqual(len(questions), count)

    def test_a_renewal_that_is_announced_too_late(self):
        with freeze_time('2027-01-15 10:00:00'):
            order = self._create_order_of('fr', billing_interval_unit='year')
        with freeze_time('2027-12-16 10:00:00'):  # One day later than a month before.
            self._run_timed()
            self._run_timed()
        questions = order.activity_ids.filtered(lambda one: one.billpro_subject == 'renewal')
        self.assertEqual(questions.mapped('summary'), [f"Renewal announced too late: {order.name}"])
        self.assertEqual(
            order.billing_notification_ids.sorted('id').mapped('kind')[-1:], ['renewal']
        )
        self.assertEqual(order.billing_free_exit_date, RENEWED)
        with freeze_time('2028-01-15 10:00:00'):
            self._run_jobs()
        for moment, is_free in (
            ('2028-01-14 10:00:00', False),
            ('2028-01-15 10:00:00', True),
            ('2029-01-14 10:00:00', True),
            ('2029-01-15 10:00:00', False),
        ):
            with freeze_time(moment):
                self.assertEqual(order._billing_cancels_at_once(), is_free)
        with freeze_time('2028-02-01 10:00:00'):
            sentences = self.env['billpro.order.page']._get_cancel_sentences(order)
            self.assertIn("We pay back what you have paid for the time after that.", sentences)
            order._billing_cancel_subscription(at_once=order._billing_cancels_at_once())
        self.assertEqual(order.billing_status, 'complete')
        # 18 of 366 days of the term that was paid by 24.20.
        asked = order.activity_ids.filtered(lambda one: one.billpro_subject == 'cancelled')
        self.assertIn("pay back $&nbsp;23.01", asked.note)

    def test_a_renewal_that_reaches_nobody(self):
        with freeze_time('2027-01-15 10:00:00'):
            order = self._create_order_of('fr', billing_interval_unit='year')
        order.partner_id.email = 'nobody'
        with freeze_time('2027-12-11 10:00:00'):
            self._run_jobs()
        notice = order.billing_notification_ids.filtered(lambda one: one.kind == 'renewal')
        self.assertEqual((notice.state, order.billing_free_exit_date), ('failed', RENEWED))
        order.partner_id.email = 'fr@customer.example.com'
        for moment, is_free, question_count in (
            ('2027-12-15 10:00:00', False, 0),  # A month before, and so in time.
            ('2027-12-16 10:00:00', True, 1),
        ):
            with freeze_time(moment):
                notice._queue_again()
                self._run_jobs()
                notice.message_id.mail_ids._postprocess_sent_message([], [])
            self.assertEqual((notice.state, bool(order.billing_free_exit_date)), ('sent', is_free))
            questions = order.activity_ids.filtered(lambda one: one.billpro_subject == 'renewal')
            self.assertEqual(len(questions), question_count)

    def test_a_renewal_that_comes_back(self):
        with freeze_time('2027-01-15 10:00:00'):
            order = self._create_order_of('fr', billing_interval_unit='year')
        with freeze_time('2027-12-11 10:00:00'):
            self._run_jobs()
            notice = order.billing_notification_ids.filtered(lambda one: one.kind == 'renewal')
            notice.message_id.mail_ids._postprocess_sent_message([], [])
            bounce = BOUNCE.format(message_id=notice.mail_reference)
            for report in (
                bounce.replace('Action: failed', 'Action: delayed').replace('5.1.1', '4.4.1'),
                bounce.replace('Action: failed', 'Action: delivered').replace('5.1.1', '2.0.0'),
                bounce.replace('MAILER-DAEMON', 'fr')
                .replace('delivery-status', 'disposition-notification')
                .replace('Action: failed', 'Disposition: manual-action/sent; displayed'),
            ):
                self.env['mail.thread'].message_process(False, report)
                self.assertEqual((notice.state, order.billing_free_exit_date), ('sent', False))
            self.env['mail.thread'].message_process(False, bounce)
        self.assertEqual((notice.state, order.billing_free_exit_date), ('failed', RENEWED))
        self.assertIn("No such mailbox", notice.failure_reason)
        questions = order.activity_ids.filtered(lambda one: one.billpro_subject == 'not-told')
        self.assertEqual(len(questions), 1)

    def _create_order_of(self, code, **terms):
        """Return a subscription of a customer in a country, whose mail address begins with it."""
        partner = self.other_customer.copy(
            {
                'country_id': self.env.ref(f'base.{code}').id,
                'state_id': code == 'us' and self.env.ref('base.state_us_5').id,
                'email': f'{code}@customer.example.com',
                'tz': 'UTC',
            }
        )
        order = self._create_order((self.gym, 1), partner=partner)
        order.write(terms)
        values = {'token_id': self._create_token(partner=partner).id}
        if order.billing_trial_days:
            values.update(amount=0, operation='validation')
        self._create_initial_transaction(order, 'done', **values)._post_process()
        return order

    def _run_timed(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_queue_timed_notifications').method_direct_trigger()
        self.env.invalidate_all()
