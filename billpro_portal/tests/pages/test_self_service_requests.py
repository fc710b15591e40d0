from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.nightly import some
from ..common.self_service_http import SelfServiceHttpCommon

BAD_AMOUNTS = ('nan', 'inf', '-inf', '-1', '-24.2', '1e9', '24.21', '0', '', 'x', '24,20', None)
BAD_IDS = ('x', '', '-1', '0', '1e3', '9' * 30, '１', None)
LONG = 100_000


@tagged('post_install', '-at_install')
class TestSelfServiceRequests(SelfServiceHttpCommon):
    """What the customer sends: once or twice, sensible or not."""

    # === AGAIN === #

    def test_paying_twice(self):
        self.card.demo_simulated_state = 'done'
        first = self._post_form(self.order, '/pay', amount='24.2')
        self.assertEqual(first.status_code, 303)
        self.assertIn('/progress?', first.headers['Location'])
        self.assertEqual(self.order.billing_collection_amount, 24.2)
        before = self._snapshot()
        self._assert_refused(
            self._post_form(self.order, '/pay', amount='24.2'), "is being processed"
        )
        self.assertEqual(self._snapshot(), before)
        page = self._get(self.order, '/progress')
        self.assertEqual(page.status_code, 200)
        self._assert_private(page)
        for _poll in range(3):
            answer = self._call(self.order, '/progress/state', access_token=self.order.access_token)
            self.assertTrue(answer['result']['done'])
            self.assertIn('notice=paid', answer['result']['url'])
        self.assertEqual(len(self.order.billing_event_ids[0].transaction_ids), 2)
        self.assertEqual(self.order.billing_paid, 48.4)
        before = self._snapshot()
        self._assert_refused(
            self._post_form(self.order, '/pay', amount='24.2'), "Nothing is outstanding"
        )
        self.assertEqual(self._snapshot(), before)
        self._assert_books_closed(self.order)

    def test_polling_collects_nothing_by_itself(self):
        self.card.demo_simulated_state = 'done'
        before = self._snapshot()
        for _poll in range(3):
            self._call(self.order, '/progress/state', access_token=self.order.access_token)
        self.assertEqual(self._snapshot(), before)

    def test_selecting_and_removing_twice(self):
        messages = len(self.order.message_ids)
        for _time in range(2):
            self._assert_done(
                self._post_form(self.order, '/card/select', token_id=self.spare.id),
                'card_selected',
            )
        self.assertEqual(len(self.order.message_ids), messages + 1)
        self._assert_done(
            self._post_form(self.order, '/card/remove', token_id=self.card.id), 'card_removed'
        )
        before = self._snapshot()
        self._assert_refused(
            self._post_form(self.order, '/card/remove', token_id=self.card.id),
            "not available any more",
        )
        self._assert_refused(
            self._post_form(self.order, '/card/select', token_id=self.card.id),
            "not available any more",
        )
        self.assertEqual(self._snapshot(), before)

    def test_cancelling_and_undoing_twice(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        self._assert_refused(self._post_form(order, '/cancel/undo'), "can&#39;t be undone")
        self._assert_done(self._post_form(order, '/cancel', note="Bye"), 'cancelled')
        self.assertEqual(order.billing_cancel_note, "Bye")
        before = self._snapshot()
        self._assert_refused(
            self._post_form(order, '/cancel', note="Again"), "can&#39;t be cancelled any more"
        )
        self.assertEqual(self._get(order, '/cancel', allow_redirects=False).status_code, 303)
        self.assertEqual(self._snapshot(), before)
        self._assert_done(self._post_form(order, '/cancel/undo'), 'cancel_undone')
        self.assertEqual(order.billing_event_ids.mapped('status'), ['scheduled'])
        before = self._snapshot()
        self._assert_refused(self._post_form(order, '/cancel/undo'), "can&#39;t be undone")
        self.assertEqual(self._snapshot(), before)

    def test_what_is_handed_over_begins_when_what_is_paid_is_over(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_active_order()
            heir = self.env['res.partner'].create({'name': "Bart", 'email': 'bart@b.example.com'})
            new = order._billing_offer_successor(partner=heir)
            new.validity_date = False
            shown = new._billing_get_shown()
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
        with freeze_time('2027-02-10 11:00:00'):
            answer = self._post_transaction(new, shown=shown)
            message = answer['error']['data']['message'].replace('\xa0', ' ')
            self.assertIn("First payment: now March 10, 2027 (before: February 10, 2027)", message)
            page = self._get(new, '')
            self.assertIn("March 9, 2027", page.text)
            self.assertNotIn(order.name, page.text)
            self.assertNotIn(order.partner_id.name, page.text)
            tabs = [self._post_transaction(new)['result']['reference'] for _tab in range(2)]
            self._simulate(tabs[0], 'done')
            self.assertIn('error', self._post_transaction(new))
            self.assertIn("March 10, 2027", self._get(new, '/result').text)
        self.assertEqual(new.billing_transaction_ids.mapped('reference'), tabs[:1])
        self.assertEqual((order.billing_status, new.billing_status), ('complete', 'active'))
        self.assertEqual((order.billing_paid, new.billing_paid), (48.4, 0))
        self.assertEqual(new.billing_consent_ids.partner_id, heir)

    def test_many_changes_are_refused_but_never_a_cancellation(self):
        order = self._create_active_order()
        order._portal_ensure_token()
        rounds = 0
        while True:
            self._assert_done(self._post_form(order, '/cancel'), 'cancelled')
            answer = self._post_form(order, '/cancel/undo')
            if answer.status_code == 409:
                break
            rounds += 1
        self._assert_refused(answer, "changed many times")
        self.assertEqual(rounds, 4)
        self.assertTrue(order.billing_cancel_date)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=61)):
            order._check_billing_number_of_changes()

    def test_text_messages_are_switched_off_and_on(self):
        self.assertNotIn("Text messages", self._get(self.order, '').text)
        kind = self.env['billpro.notification.kind']._get('payment_declined')
        kind.with_company(self.company).sms_on = True
        page = self._get(self.order, '').text
        self.assertIn("We send text messages to the number that ends with 456.", page)
        numbers = self.env['phone.blacklist'].search([('number', '=', '+32470123456')])
        self.assertFalse(numbers)
        for _time in range(2):
            self._assert_done(self._post_form(self.order, '/text-messages'), 'text_messages_off')
            self.assertTrue(self.order._billing_is_opted_out_of_sms())
        self.assertIn("You get no text messages from us.", self._get(self.order, '').text)
        for _time in range(2):
            self._assert_done(
                self._post_form(self.order, '/text-messages', wanted='1'), 'text_messages_on'
            )
            self.assertFalse(self.order._billing_is_opted_out_of_sms())
        self.customer.phone = '12'
        self.assertNotIn("Text messages", self._get(self.order, '').text)
        self._assert_refused(self._post_form(self.order, '/text-messages'), "is not valid")

    def test_text_messages_are_switched_off_before_the_payment(self):
        kind = self.env['billpro.notification.kind']._get('order_reminder')
        kind.with_company(self.company).sms_on = True
        order = self._create_order((self.gym, 1))
        order._portal_ensure_token()
        self.assertIn("Stop text messages", self._get(order, '').text)
        self._post_form(order, '/text-messages')
        self.assertTrue(order._billing_is_opted_out_of_sms())
        self.assertIn("You get no text messages from us.", self._get(order, '').text)

    def test_answers_to_text_messages(self):
        url = self.env['res.config.settings'].create({}).billing_text_message_url
        path = url.removeprefix(self.company.get_base_url())
        number = self.order._billing_get_sms_number()
        for text, is_opted_out in (
            ("Where is it?", False),
            (" Stop. ", True),
            ("Thanks", True),
            ("START", False),
            ("Opt-out!", True),
        ):
            answer = self.url_open(path, data={'From': number, 'Body': text})
            self.assertEqual((answer.status_code, answer.text), (200, '<Response/>'))
            self.env.invalidate_all()
            self.assertEqual(self.order._billing_is_opted_out_of_sms(), is_opted_out)
        with mute_logger('odoo.http'):
            foreign = self.url_open(path[:-1], data={'From': number, 'Body': "START"})
        self.assertEqual(foreign.status_code, 404)
        self.assertTrue(self.order._billing_is_opted_out_of_sms())

    def test_writing_twice(self):
        before = self._messages()
        for _time in range(2):
            self._assert_done(
                self._post_form(self.order, '/contact', message="Where is it?"), 'message_sent'
            )
        self.assertEqual(len(self._messages() - before), 1)
        self.assertEqual(len(self.order.activity_ids), 1)

    def _messages(self):
        self.env.invalidate_all()
        return self.order.message_ids.filtered(lambda m: m.author_id == self.customer)

    # === WHAT IS SENT === #

    def test_amounts(self):
        before = self._snapshot()
        for amount in BAD_AMOUNTS:
            with self.subTest(amount=amount):
                self._assert_refused(
                    self._post_form(self.order, '/pay', amount=amount),
                    "24.20 are outstanding now",
                )
        self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_amounts_with_a_new_card(self):
        before = self._snapshot()
        for amount in (
            float('nan'),
            float('inf'),
            -1,
            -24.2,
            1e9,
            24.21,
            0,
            None,
            '',
            'x',
            '24.2',
            [24.2],
            {},
            True,
            False,
        ):
            with self.subTest(amount=amount):
                answer = self._register(self.order, collect_amount=amount)
                self.assertIn("are outstanding now", answer['error']['data']['message'])
        self.assertEqual(self._snapshot(), before)

    def test_ids(self):
        before = self._snapshot()
        for suffix in ('/card/select', '/card/remove'):
            for token_id in BAD_IDS:
                with self.subTest(suffix=suffix, token_id=token_id):
                    if token_id == '１' and self.env['payment.token'].browse(1).exists():
                        continue
                    self._assert_refused(
                        self._post_form(self.order, suffix, token_id=token_id),
                        "not available any more",
                    )
        self.assertEqual(self._snapshot(), before)

    def test_reasons(self):
        other_company = self.env['res.company'].create({'name': "Borealis"})
        Reason = self.env['billpro.cancel.reason']
        foreign = Reason.create({'name': "Of others", 'company_id': other_company.id})
        archived = Reason.create({'name': "Of before", 'active': False})
        own = Reason.create({'name': "Moving", 'company_id': self.company.id})
        reasons = (
            (foreign.id, Reason),
            (archived.id, Reason),
            (own.id, own),
            ('9' * 30, Reason),
            ('9' * 10, Reason),
            ('x', Reason),
            ('-1', Reason),
            (None, Reason),
        )
        for reason_id, wanted in some(reasons, 4):
            with self.subTest(reason_id=reason_id):
                order = self._create_active_order()
                order._portal_ensure_token()
                page = self._get(order, '/cancel')
                self.assertNotIn("Of others", page.text)
                self.assertNotIn("Of before", page.text)
                self._assert_private(page)
                response = self._post_form(order, '/cancel', reason_id=reason_id)
                self._assert_done(response, 'cancelled')
                self.assertEqual(order.billing_cancel_reason_id, wanted)

    def test_long_texts_are_cut(self):
        self._assert_done(
            self._post_form(self.order, '/contact', message='m' * LONG), 'message_sent'
        )
        (message,) = self._messages()
        self.assertEqual(message.body.count('m'), 2000)
        self._assert_done(self._post_form(self.order, '/cancel', note='n' * LONG), 'cancelled')
        self.assertEqual(self.order.billing_cancel_note, 'n' * 1000)

    def test_texts_are_no_markup(self):
        text = '<b>Hi</b> <a href="https://evil.example.com">click</a> <img src=x onerror=y()>'
        self._assert_done(self._post_form(self.order, '/contact', message=text), 'message_sent')
        (message,) = self._messages()
        self._assert_escaped(message.body)
        activity = self.order.activity_ids
        self._assert_escaped(activity.note)
        activity.unlink()
        order = self._create_active_order()
        order._portal_ensure_token()
        self._assert_done(self._post_form(order, '/cancel', note=text), 'cancelled')
        self.assertEqual(order.billing_cancel_note, text)
        self._assert_escaped(order.activity_ids.note)
        for body in order.message_ids.mapped('body'):
            for tag in ('<b>', '>click</a>', '<img'):
                self.assertNotIn(tag, body)

    def _assert_escaped(self, body):
        # What looks like an address may lead there, under its own name.
        for tag in ('<b>', '>click</a>', '<img'):
            self.assertNotIn(tag, body)
        self.assertIn("&lt;b&gt;Hi", body)

    def test_texts_that_no_database_takes(self):
        before = self._messages()
        for message in ("a\0b", "\0c"):
            self._assert_done(
                self._post_form(self.order, '/contact', message=message), 'message_sent'
            )
        self.assertEqual(len(self._messages() - before), 2)
        self._assert_done(self._post_form(self.order, '/cancel', note="a\0b"), 'cancelled')

    def test_too_many_messages(self):
        for number in range(5):
            self._assert_done(
                self._post_form(self.order, '/contact', message=f"Question {number}"),
                'message_sent',
            )
        before = self._snapshot()
        text = '<script>alert(1)</script>'
        page = self._post_form(self.order, '/contact', message=text)
        self._assert_refused(page, "You have sent several messages today", 422)
        self.assertNotIn(text, page.text)
        self._assert_refused(
            self._post_form(self.order, '/contact', message="  "), "write a message", 422
        )
        self._assert_refused(self._post_form(self.order, '/contact'), "write a message", 422)
        self.assertEqual(self._snapshot(), before)
