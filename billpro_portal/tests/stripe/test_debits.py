import re
from datetime import date, timedelta

import requests
from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.payment_stripe.const import PAYMENT_METHODS_MAPPING

from ..common.debits import BOUGHT, EMPTY, DebitCommon
from ..common.gateway import DUE
from ..common.nightly import nightly, some


@tagged('post_install', '-at_install')
class TestDebits(DebitCommon):
    """SEPA debits: processing for days, paid, refused, and taken back weeks later."""

    def test_a_subscription_is_bought_when_the_money_is_there(self):
        order = self._buy()
        tx = order.billing_transaction_ids
        self.assertEqual((tx.state, tx.payment_method_code), ('done', 'sepa_direct_debit'))
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
        token = order.billing_token_id
        self.assertEqual(token._get_card_name(), "SEPA Direct Debit •••• 3201")
        self.assertEqual((token.card_state, token.card_expiry_date), ('valid', False))
        [mandate] = self.gateway.find_all('mandate')
        self.assertEqual(token.stripe_mandate, mandate['id'])
        self.assertEqual(token.stripe_payment_method, mandate['payment_method'])
        self._assert_books_closed(order)

    def test_it_is_processing_until_then(self):
        order, tx = self._begin_to_buy()
        self.assertEqual((tx.state, order.billing_status), ('pending', 'pending'))
        self.assertFalse(order.billing_move_ids)
        self.assertEqual(order._billing_get_payment_in_progress(), tx)
        self.assertEqual(tx._billing_get_expected_date(), date(2027, 1, 8))
        values = order.env['billpro.checkout.page']._get_pending_values(order)
        self.assertEqual(
            values['message'],
            "Your bank is asked for the payment by SEPA Direct Debit. That takes some days: we"
            " expect the money by January 8, 2027, and your order goes on then. You will find the"
            " result here; nothing is charged twice.",
        )
        self._run_until(BOUGHT + timedelta(days=3))
        self.assertEqual((tx.state, order.billing_status), ('pending', 'pending'))

    def test_the_first_debit_is_refused(self):
        order, tx = self._begin_to_buy(EMPTY)
        self._let_days_pass(BOUGHT + timedelta(days=8))
        self.assertEqual((tx.state, order.billing_status), ('error', 'pending'))
        self.assertFalse(order.billing_move_ids)
        self.assertFalse(order._billing_get_not_payable_reason())
        self.assertEqual(
            order.env['billpro.checkout.page']._get_declined_reason(order),
            "The customer's account has insufficient funds.",
        )

    def test_a_scheduled_debit_is_processing_and_then_paid(self):
        order = self._buy()
        event = order.billing_event_ids
        self._run_until(DUE)
        tx = event.transaction_ids
        self.assertEqual((event.status, tx.state), ('processing', 'pending'))
        self.assertEqual(
            event.next_step, "The bank is asked for the money; it is expected by Feb 17, 2027."
        )
        [row] = order.env['billpro.order.payments']._get_upcoming_rows(order)
        self.assertEqual(
            (row['status'], row['explanation']),
            (
                "In progress",
                "Your bank is asked for it; we expect the money by February\xa017,\xa02027.",
            ),
        )
        [attention] = order.env['billpro.order.attention']._get_attention(order)
        self.assertEqual(
            attention['text'],
            "Your bank is asked for a payment by SEPA Direct Debit. That takes some days: we expect"
            " the money by February\xa017,\xa02027. Nothing is charged twice.",
        )
        self.assertFalse(event.invoice_id.filtered(lambda move: move.state == 'posted'))
        self._let_days_pass(DUE + timedelta(days=8))
        self.assertEqual((event.status, tx.state), ('completed', 'done'))
        self.assertEqual(order.billing_paid, 48.4)
        self._assert_books_closed(order)
        self.assertEqual(order.billing_event_ids.mapped('status'), ['completed', 'scheduled'])

    def test_a_scheduled_debit_is_refused(self):
        reasons = (
            ('AM04', 'insufficient_funds', 'soft_declined', 'failed'),
            ('AC04', 'bank_account_closed', 'hard_declined', 'suspended'),
            ('MS02', 'debit_not_authorized', 'hard_declined', 'suspended'),
            ('MS03', 'generic_decline', 'soft_declined', 'failed'),
        )
        for reason, code, status, order_status in some(reasons, 2):
            with self.subTest(reason), self.gateway.rolled_back(), self.env.cr.savepoint() as undo:
                order = self._buy()
                event = order.billing_event_ids
                self._run_until(DUE)
                tx = event.transaction_ids
                self.gateway.settle_payment(tx.provider_reference, succeeds=False, reason=reason)
                self._run_until(DUE + timedelta(hours=1))
                self.assertEqual((event.status, tx.state), (status, 'error'))
                self.assertEqual(tx.billing_decline_code, code)
                self.assertEqual(tx.billing_network_code, reason)
                self.assertEqual(order.billing_status, order_status)
                self.assertEqual(order.billing_outstanding, 24.2)
                undo.rollback()

    def test_a_lost_answer_is_found_to_be_processing(self):
        """It is known then: nobody is asked, who might find nothing that was collected yet."""
        for by_message in some((False, True)):
            with self.subTest(by_message=by_message), self.gateway.rolled_back():
                order = self._buy()
                event = order.billing_event_ids
                # The answers of all that is due then: another order has a card.
                self.gateway.faults.add('drop_after', times=9, path='/v1/payment_intents')
                self._run_until(DUE)
                self.gateway.faults.clear()
                tx = event.transaction_ids
                self.assertEqual((event.status, tx.billing_outcome_unknown), ('unknown', True))
                if by_message:
                    with freeze_time(DUE):
                        self._deliver_all(
                            [
                                one
                                for one in self._find_messages('payment_intent.processing')
                                if one['data']['object']['description'] == tx.reference
                            ]
                        )
                        self._process()
                else:
                    self._run_until(DUE + timedelta(minutes=10))
                self.assertEqual((event.status, tx.state), ('processing', 'pending'))
                self.assertFalse(tx.billing_outcome_unknown)
                self._run_until(DUE + timedelta(days=3))
                self.assertEqual(event.transaction_ids, tx)
                self.assertFalse(
                    [text for text in order.activity_ids.mapped('summary') if tx.reference in text]
                )
                self._let_days_pass(DUE + timedelta(days=8))
                self.assertEqual((event.status, order.billing_paid), ('completed', 48.4))

    def _begin_to_buy(self, *iban):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
            tx = self._begin(order)
            self._enter(tx, *iban)
        return order, tx


@tagged('post_install', '-at_install')
class TestReturnedDebits(DebitCommon):
    """Debits that were paid, and that the bank takes back weeks later."""

    def setUp(self):
        super().setUp()
        self.order = self._buy()
        self.event = self.order.billing_event_ids
        self._run_until(DUE)
        self._let_days_pass(DUE + timedelta(days=8))
        self.tx = self.event.transaction_ids
        self.assertEqual((self.event.status, self.tx.state), ('completed', 'done'))
        self.invoice = self.event.invoice_id

    def _assert_owed_again(self, status, order_status):
        self.assertEqual((self.event.status, self.tx.state), (status, 'error'))
        self.assertEqual(self.order.billing_status, order_status)
        self.assertEqual(self.order.billing_paid, 24.2)
        self.assertEqual(self.order.billing_outstanding, 24.2)
        self.assertEqual(self.order.billing_lost, 0)
        self.assertEqual(self.invoice.payment_state, 'not_paid')
        self.assertEqual(self.invoice.amount_residual, 24.2)
        dispute = self.order.billing_dispute_ids
        self.assertRecordValues(
            dispute,
            [{'state': 'lost', 'is_return': True, 'booking_state': 'booked', 'amount': 24.2}],
        )
        # What was paid stands against what was taken back.
        items = (self.tx.payment_id.move_id | dispute.loss_move_id).line_ids.filtered(
            lambda item: item.account_type == 'asset_receivable'
        )
        self.assertEqual(items.mapped('reconciled'), [True, True])
        self.assertEqual(self.tx._billing_get_refundable_amount(), 0)

    @nightly("How dear it is, not what is right.")
    def test_rows_of_refused_payments_cost_the_same_each(self):
        self._return_at(DUE + timedelta(days=20), self.tx, 'MD06')
        # Of a card it has to be asked what else could be stored.
        self.order.billing_token_id.payment_method_id = self.payment_method

        def count_queries():
            self.env.flush_all()
            self.env.invalidate_all()
            before = self.env.cr.sql_log_count
            rows = self.order.env['billpro.order.payments']._get_upcoming_rows(self.order)
            refused = [row for row in rows if "enter another way to pay" in row['explanation']]
            return self.env.cr.sql_log_count - before, len(refused)

        count_queries()  # Fills the caches that all requests share.
        queries, refused = count_queries()
        self.assertEqual(refused, 1)
        for number in (11, 12, 13):
            self.event.copy({'number': number, 'status': 'hard_declined'})
        self.assertEqual(count_queries(), (queries, 4))

    def test_without_money_it_is_tried_again(self):
        self._return_at(DUE + timedelta(days=20), self.tx, 'AM04')
        self._assert_owed_again('soft_declined', 'failed')
        self.assertEqual(
            (self.tx.billing_decline_code, self.tx.billing_decline_class),
            ('insufficient_funds', 'soft'),
        )
        self.assertEqual(self.event.retry_date, DUE + timedelta(days=21))
        self.assertIn('payment_declined', self.order.billing_notification_ids.mapped('kind'))
        # The message that it was paid comes once more, or late.
        [paid] = self._find_messages('payment_intent.succeeded', payment=self.tx.provider_reference)
        self.env['billpro.webhook.event'].search([('event_id', '=', paid['id'])]).unlink()
        self._deliver_all([paid])
        self._process()
        self._assert_owed_again('soft_declined', 'failed')
        self._run_until(DUE + timedelta(days=21))
        second = self.event.transaction_ids - self.tx
        self.assertEqual((self.event.status, second.state), ('processing', 'pending'))
        self._let_days_pass(DUE + timedelta(days=30))
        self.assertEqual((self.event.status, second.state), ('recovered', 'done'))
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('active', 48.4))
        self.assertEqual(self.invoice.payment_state, 'paid')
        self._assert_books_closed(self.order)

    def test_a_return_that_no_message_told_of_is_asked_for(self):
        with freeze_time(DUE + timedelta(days=20)):
            self.gateway.return_debit(self.tx.provider_reference, reason='AM04')
        self._ask_for_disputes(DUE + timedelta(days=21))
        self._assert_owed_again('soft_declined', 'failed')
        messages = self.env['billpro.webhook.event'].search([])
        self.assertEqual(messages[0].event_type, 'charge.dispute.updated')
        # Asked again nothing is new, and the messages say nothing new when they come after all.
        self._ask_for_disputes(DUE + timedelta(days=22))
        self.assertEqual(self.env['billpro.webhook.event'].search([]), messages)
        with freeze_time(DUE + timedelta(days=22)):
            self._deliver_all(self._find_messages('charge.dispute.closed'))
            self._process()
        self._assert_owed_again('soft_declined', 'failed')
        self.assertEqual(
            self.order.billing_notification_ids.mapped('kind').count('payment_declined'), 1
        )

    def test_without_an_answer_disputes_are_asked_for_again(self):
        self.gateway.faults.add('error_before', times=9, path='/v1/disputes', method='GET')
        self._ask_for_disputes(DUE + timedelta(days=21))
        failure = self.env['billpro.failure'].search([('task', '=', 'ask_disputes')])
        self.assertEqual((failure.res_id, failure.company_id), (self.provider.id, self.company))
        self.gateway.faults.clear()
        self._ask_for_disputes(DUE + timedelta(days=22))
        self.assertFalse(failure.exists())

    def test_an_entry_that_was_reset_is_posted_again(self):
        self._return_at(DUE + timedelta(days=20), self.tx, 'AM04')
        dispute = self.order.billing_dispute_ids
        entry = dispute.loss_move_id
        entry.button_draft()
        self.assertEqual(dispute.booking_state, 'to_book')
        dispute.action_book()
        self.assertEqual((dispute.loss_move_id, entry.state), (entry, 'posted'))
        self._assert_owed_again('soft_declined', 'failed')

    def test_after_a_refusal_the_customer_is_asked(self):
        self._return_at(DUE + timedelta(days=20), self.tx, 'MD06')
        self._assert_owed_again('hard_declined', 'suspended')
        self.assertEqual(self.tx.billing_decline_class, 'hard')
        self.assertIn('payment_failed', self.order.billing_notification_ids.mapped('kind'))
        self._run_until(DUE + timedelta(days=28))
        self.assertEqual(self.event.transaction_ids, self.tx)
        [row] = [
            row
            for row in self.order.env['billpro.order.payments']._get_history_rows(self.order, 1)
            if row['css'] != 'success'
        ]
        self.assertEqual((row['status'], row['amount']), ("Returned by your bank", "24.20\xa0€"))

    def test_after_a_refusal_the_backup_is_charged(self):
        card = self._create_token()
        self.order._billing_choose_backup(card)
        self._return_at(DUE + timedelta(days=20), self.tx, 'MD06')
        self.assertEqual((self.event.status, self.order.billing_status), ('scheduled', 'active'))
        self.assertEqual(self.invoice.amount_residual, 24.2)
        self.assertEqual(self.order.billing_token_id, card)
        self._run_until(DUE + timedelta(days=20, minutes=5))
        self.assertEqual((self.event.status, self.order.billing_status), ('recovered', 'active'))
        self.assertEqual((self.order.billing_paid, self.invoice.payment_state), (48.4, 'paid'))
        self._assert_books_closed(self.order)

    def test_the_initial_payment_is_owed_again(self):
        initial = self.order.billing_transaction_ids.sorted('id')[0]
        self._return_at(DUE + timedelta(days=20), initial, 'AM04')
        again = self.order.billing_event_ids.filtered(lambda event: not event.number)
        self.assertRecordValues(
            again, [{'status': 'soft_declined', 'amount': 24.2, 'attempt_count': 1}]
        )
        self.assertEqual(again.invoice_id.payment_state, 'not_paid')
        self.assertEqual(
            (self.order.billing_status, self.order.billing_outstanding), ('failed', 24.2)
        )
        self._run_until(DUE + timedelta(days=21))
        self._let_days_pass(DUE + timedelta(days=30))
        self.assertEqual(again.status, 'recovered')
        self.assertEqual((self.order.billing_status, self.order.billing_paid), ('active', 48.4))
        self._assert_books_closed(self.order)

    def test_two_messages_are_one_return(self):
        self._return_at(DUE + timedelta(days=20), self.tx, 'AM04')
        messages = self._find_messages(
            'charge.dispute.created',
            'charge.dispute.closed',
            'charge.dispute.funds_withdrawn',
            payment=self.tx.provider_reference,
        )
        self.assertEqual(len(messages), 3)
        self.env['billpro.webhook.event'].search(
            [('event_id', 'in', [one['id'] for one in messages])]
        ).unlink()
        self._deliver_all(messages)
        self._process()
        self._assert_owed_again('soft_declined', 'failed')


@tagged('post_install', '-at_install')
class TestWordsOfDebits(DebitCommon):
    """Nobody calls a bank account a card, on pages, in mails and for staff."""

    def setUp(self):
        super().setUp()
        self.order = self._buy()
        self.event = self.order.billing_event_ids

    def _assert_no_card(self, text):
        words = re.sub(r'<[^>]+>', ' ', str(text))  # What stands in tags is read by nobody.
        self.assertNotRegex(words, r'(?i)\bcards?\b')

    def test_pages(self):
        page = self.order.env['billpro.order.page']
        with freeze_time(DUE - timedelta(days=1)):
            html = self.url_open(self.order._billing_get_order_link()).text
            main = re.search(r'<main.*?</main>', html, re.S)[0]
            self.assertIn("SEPA Direct Debit •••• 3201", main)
            self.assertIn("Add a payment method", main)
            self.assertIn("fa-university", main)
            # The customer has a card as well, for another order.
            rows = re.findall(r'<li[^>]*o_billpro_payment_card.*?</li>', main, re.S)
            [card] = [row for row in rows if "Card •••• 4242" in row]
            self._assert_no_card(main.replace(card, ''))
            self.assertEqual(
                page._get_notice(self.order, 'card_added'),
                {'level': 'success', 'text': "It is saved and charged from now on."},
            )
            cards = self.order.env['billpro.order.cards']
            values = cards._get_card_page_values(self.order, False)
            self.assertEqual(
                (values['title'], values['submit_label']), ("Add a payment method", "Save")
            )

    def test_checkout(self):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
            html = self.url_open(order._billing_get_order_link()).text
        main = re.search(r'<main.*?</main>', html, re.S)[0]
        self.assertIn("SEPA Direct Debit", main)
        self.assertIn("What you pay with is saved and charged every month.", main)
        form = re.search(r'<form[^>]*o_payment_form.*?</form>', main, re.S)[0]
        self._assert_no_card(main.replace(form, ''))  # Where cards are offered as well.

    def test_mails(self):
        self._run_until(DUE)
        tx = self.event.transaction_ids
        self.gateway.settle_payment(tx.provider_reference, succeeds=False, reason='AC04')
        self._run_until(DUE + timedelta(hours=1))
        for name, record in (
            ('payment_declined', tx),
            ('payment_failed', tx),
            ('payment_received', tx),
            ('payment_upcoming', self.event),
            ('trial_ending', self.event),
            ('card_update', self.order),
        ):
            with self.subTest(name):
                template = self.env.ref(f'billpro_portal.mail_template_{name}')
                rendered = template._generate_template(record.ids, ('body_html', 'subject'))
                body = rendered[record.id]['body_html']
                self.assertIn("SEPA Direct Debit •••• 3201", body)
                self._assert_no_card(body)

    def test_staff(self):
        self._run_until(DUE)
        self.gateway.settle_payment(
            self.event.transaction_ids.provider_reference, succeeds=False, reason='AC04'
        )
        self._run_until(DUE + timedelta(hours=1))
        self.assertEqual(
            self.event.next_step,
            "Not tried again: the decline is final for SEPA Direct Debit •••• 3201. Waits for"
            " another payment method.",
        )


@tagged('post_install', '-at_install')
class TestNoticesOfDebits(DebitCommon):
    """Each debit is announced, with its mandate; a mandate that has ended asks for another way."""

    def setUp(self):
        super().setUp()
        self.provider.billpro_creditor_identifier = 'BE68ZZZ0477472701'
        self.order = self._buy()
        self.event = self.order.billing_event_ids
        self.token = self.order.billing_token_id
        [self.mandate] = self.gateway.find_all('mandate')

    def _announce_at(self, **before):
        with freeze_time(DUE - timedelta(**before)), self._committing_env() as env:
            env['billpro.notification']._queue_announcements()
        return self.order.billing_notification_ids.filtered(
            lambda notice: notice.kind == 'payment_upcoming'
        )

    def test_a_debit_is_announced_in_time(self):
        self.assertFalse(self._announce_at(days=15))
        notice = self._announce_at(days=14)
        self.assertEqual((notice.channel, notice.event_id), ('mail', self.event))
        rows = {row['label']: row['value'] for row in self.event._get_notice_rows()}
        reference = self.mandate['payment_method_details']['sepa_debit']['reference']
        self.assertEqual(
            rows,
            {
                'Order': self.order.name,
                'For': rows['For'],
                'Charged on': 'February 10, 2027',
                'Payment method': "SEPA Direct Debit •••• 3201",
                'Mandate reference': reference,
                'Creditor identifier': 'BE68ZZZ0477472701',
                'Amount': '24.20\xa0€',
            },
        )

    def test_terms_may_agree_on_fewer_days(self):
        self.company.billing_debit_notice_days = 2
        self.company.billing_notice_days = 0
        self.assertFalse(self._announce_at(days=3))
        self.assertEqual(len(self._announce_at(days=2)), 1)

    def test_it_cannot_be_switched_off(self):
        self.company.billing_notice_days = 0
        kind = self.env['billpro.notification.kind']._get('payment_upcoming')
        kind.mail_on = False
        self.assertEqual(self._announce_at(days=14).channel, 'mail')
        # A card may be charged without.
        cards = self.env['billpro.notification'].search(
            [('order_id', '=', type(self).order.id), ('kind', '=', 'payment_upcoming')]
        )
        self.assertFalse(cards)

    def test_a_mandate_that_has_ended(self):
        with freeze_time(DUE - timedelta(days=3)):
            known = {event['id'] for event in self.gateway.find_all('event')}
            self.gateway.end_mandate(self.mandate['id'])
            self._tell_since(known)
        self.assertFalse(self.token.active)
        self.assertEqual(self.order.billing_notification_ids.mapped('kind').count('card_update'), 1)
        self.assertIn(
            "SEPA Direct Debit •••• 3201 was removed at the provider",
            self.order.activity_ids.mapped('summary'),
        )
        [attention] = self.order.env['billpro.order.attention']._get_attention(self.order)
        self.assertEqual(
            (attention['title'], [action['label'] for action in attention['actions']]),
            ("SEPA Direct Debit •••• 3201 can't be charged any more", ["Update payment method"]),
        )
        self._run_until(DUE)
        self.assertEqual((self.event.status, self.event.attempt_count), ('scheduled', 0))

    def test_a_mandate_that_is_changed_goes_on(self):
        self.env['payment.token'].browse(self.token.id)._billing_process_stripe_mandate()
        self.assertTrue(self.token.active)


@tagged('post_install', '-at_install')
class TestOtherMethods(DebitCommon):
    """What Stripe keeps besides: iDEAL and Bancontact as SEPA debits, PayPal, Bacs and ACH."""

    def _authenticate(self, tx):
        kind = 'setup_intent' if tx.operation == 'validation' else 'payment_intent'
        intent = self.gateway.find(kind, tx.provider_reference)
        requests.post(
            f'{self.gateway.url}/3d_secure/{intent["id"]}',
            data={'client_secret': intent['client_secret'], 'outcome': 'complete'},
            headers={'Accept': 'application/json'},
            timeout=10,
        ).raise_for_status()

    def _buy_by(self, code, currency='EUR', **details):
        """Buy a subscription at its checkout; return the order."""
        method = self._activate(code)
        kind = PAYMENT_METHODS_MAPPING.get(code, code)
        with freeze_time(BOUGHT + timedelta(days=8)):
            order = self._create_order((self.gym, 1), currency=currency)
            order._portal_ensure_token()
            page = self.url_open(order._billing_get_order_link()).text
            option = re.search(rf'data-payment-method-code="{code}".*?</li>', page, re.S)[0]
            self.assertIn("is_tokenization_required&#34;: true", option)
            answer = self._post_transaction(
                order, provider_id=self.provider.id, payment_method_id=method.id
            )
            self.assertIn('result', answer, answer)
            tx = order.billing_transaction_ids
            self.assertTrue(tx.tokenize)
            self._confirm_in_browser(
                tx,
                **{'payment_method_data[type]': kind},
                **{f'payment_method_data[{kind}][{key}]': text for key, text in details.items()},
            )
            if self.gateway.find('payment_intent', tx.provider_reference)['next_action']:
                self._authenticate(tx)
            tx._billing_process_stripe_return(tx.provider_reference)
            if tx.state == 'done':
                tx._post_process()
        return order

    def test_a_bank_account_behind_a_payment_is_kept_as_sepa(self):
        for code, country, name in some(
            (('ideal', 'base.nl', "iDEAL"), ('bancontact', 'base.be', "Bancontact"))
        ):
            with self.subTest(code):
                self.customer.country_id = self.env.ref(country)
                order = self._buy_by(code)
                self.assertEqual(order.billing_status, 'active')
                self.assertEqual(order.billing_transaction_ids._get_card_name(), name)
                token = order.billing_token_id
                self.assertEqual(token._get_card_name(), "SEPA Direct Debit •••• 3000")
                self.assertEqual(token.payment_method_id.code, 'sepa_direct_debit')
                kept = self.gateway.find('payment_method', token.stripe_payment_method)
                self.assertEqual(kept['type'], 'sepa_debit')
                mandate = self.gateway.find('mandate', token.stripe_mandate)
                self.assertEqual(mandate['payment_method'], kept['id'])
                self.assertEqual(
                    token.billing_mandate_reference,
                    mandate['payment_method_details']['sepa_debit']['reference'],
                )
                self._run_until(DUE)
                event = order.billing_event_ids
                self.assertEqual(event.status, 'processing')
                self._let_days_pass(DUE + timedelta(days=8))
                self.assertEqual((event.status, order.billing_paid), ('completed', 48.4))

    def _register_by(self, code):
        """Register what is charged later; return the registration."""
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
            tx = self._begin(
                order, operation='validation', amount=0, payment_method_id=self._activate(code).id
            )
            self._confirm_in_browser(tx, **{'payment_method_data[type]': code})
            self._authenticate(tx)
            tx._billing_process_stripe_return(tx.provider_reference)
        self.assertEqual(tx.state, 'done')
        return tx

    def test_a_bank_account_behind_a_registration_is_kept_as_sepa(self):
        for code in ('ideal', 'bancontact'):
            with self.subTest(code):
                tx = self._register_by(code)
                token = tx.token_id
                self.assertEqual(token.payment_method_id.code, 'sepa_direct_debit')
                [attempt] = [
                    one
                    for one in self.gateway.find_all('setup_attempt')
                    if one['setup_intent'] == tx.provider_reference
                ]
                made = attempt['payment_method_details'][code]
                self.assertEqual(token.stripe_payment_method, made['generated_sepa_debit'])
                self.assertEqual(token.stripe_mandate, made['generated_sepa_debit_mandate'])

    def _assert_not_stored(self, tx):
        self.assertFalse(tx.token_id)
        self.assertIn(
            f"What {tx.reference} was paid with could not be stored",
            tx.billing_order_id.activity_ids.mapped('summary'),
        )

    def test_what_can_not_be_stored_is_paid_all_the_same(self):
        self.customer.country_id = self.env.ref('base.nl')
        self.gateway.faults.add('error_before', path='/v1/payment_methods/*', method='GET')
        order = self._buy_by('ideal')
        self.assertEqual((order.billing_transaction_ids.state, order.billing_paid), ('done', 24.2))
        self.assertFalse(order.billing_token_id)
        self._assert_not_stored(order.billing_transaction_ids)

    def test_without_an_answer_nothing_is_registered(self):
        self.gateway.faults.add('error_before', path='/v1/payment_methods/*', method='GET')
        self._assert_not_stored(self._register_by('ideal'))

    def test_paypal(self):
        order = self._buy_by('paypal')
        self.assertEqual(order.billing_status, 'active')
        self.assertEqual(order.billing_token_id._get_card_name(), "Paypal")
        self._run_until(DUE)
        self.assertEqual(order.billing_event_ids[0].status, 'completed')
        self.assertEqual(order.billing_paid, 48.4)

    @nightly("SEPA debits are paid, returned and told of for each change.")
    def test_debits_in_other_countries(self):
        for code, currency, country, name, details in (
            (
                'bacs_direct_debit',
                'GBP',
                'base.uk',
                "BACS Direct Debit •••• 2345",
                {'account_number': '00012345', 'sort_code': '108800'},
            ),
            (
                'ach_direct_debit',
                'USD',
                'base.us',
                "ACH Direct Debit •••• 6789",
                {'account_number': '000123456789', 'routing_number': '110000000'},
            ),
        ):
            with self.subTest(code):
                self.customer.country_id = self.env.ref(country)
                order = self._buy_by(code, currency, **details)
                self.assertEqual(
                    (order.billing_status, order.billing_transaction_ids.state),
                    ('pending', 'pending'),
                )
                self._let_days_pass(BOUGHT + timedelta(days=18))
                self.assertEqual(order.billing_status, 'active')
                self.assertEqual(order.billing_token_id._get_card_name(), name)
