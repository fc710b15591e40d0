from datetime import timedelta
from html import unescape

from freezegun import freeze_time

from odoo import Command, fields
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common.http import BillingHttpCommon


@tagged('post_install', '-at_install')
class TestCheckout(BillingHttpCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_order((cls.desk, 2), (cls.book, 1))
        cls.order._portal_ensure_token()

    def _create_token(self, partner, state='done'):
        return self.env['payment.token'].create(
            {
                'provider_id': self.provider.id,
                'payment_method_id': self.payment_method.id,
                'partner_id': partner.id,
                'provider_ref': 'demo',
                'payment_details': '4242',
                'demo_simulated_state': state,
            }
        )

    def _assert_refused(self, response, message):
        self.assertIn(message, response['error']['data']['message'])

    # === THE WAY === #

    def test_pay(self):
        page = self.url_open(self._link(self.order))
        self.assertEqual(page.status_code, 200)
        self.assertIn("277.33", page.text)
        self.assertIn('https://aurora.example.com/terms', page.text)
        values = self._post_transaction(self.order)['result']
        tx = self.order.billing_transaction_ids
        self.assertEqual(values['reference'], tx.reference)
        self.assertEqual(tx.reference, f'{self.order.name}-P1')
        self.assertRecordValues(
            tx,
            [
                {
                    'amount': 277.33,
                    'currency_id': self.order.currency_id.id,
                    'partner_id': self.customer.id,
                    'state': 'draft',
                    'operation': 'online_direct',
                    'billing_order_id': self.order.id,
                    'sale_order_ids': [],
                }
            ],
        )
        self._simulate(tx.reference, 'done')
        self.url_open('/payment/status/poll', json={'params': {}})
        self.env.invalidate_all()
        self.assertEqual(self.order.billing_status, 'complete')
        self._assert_books_closed(self.order)
        result = self.url_open(tx.landing_route)
        self.assertIn("We received your payment of", result.text)
        self.assertIn("277.33", result.text)

    def test_a_declined_payment_says_why_and_can_be_tried_again(self):
        tx_reference = self._post_transaction(self.order)['result']['reference']
        self._simulate(tx_reference, 'error')
        page = self.url_open(self._link(self.order, '/result'))
        self.assertIn("You selected the following demo payment status: error", page.text)
        self.assertIn('o_payment_form', page.text)
        self.assertRegex(page.text, r'name="billpro_consent"[^>]*checked')
        reference = self._post_transaction(self.order)['result']['reference']
        self.assertEqual(reference, f'{self.order.name}-P2')
        self._simulate(reference, 'done')
        self.url_open('/payment/status/poll', json={'params': {}})
        self.env.invalidate_all()
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(self.order.billing_paid, 277.33)

    # === ONE CHARGE === #

    def test_two_tabs_share_one_payment(self):
        first = self._post_transaction(self.order)['result']['reference']
        second = self._post_transaction(self.order)['result']['reference']
        self.assertEqual(first, second)
        self.assertEqual(len(self.order.billing_transaction_ids), 1)
        self._simulate(first, 'done')
        self._simulate(second, 'done')
        self.url_open('/payment/status/poll', json={'params': {}})
        self.env.invalidate_all()
        self.assertEqual(self.order.billing_paid, 277.33)

    def test_another_choice_replaces_a_begun_payment(self):
        self._post_transaction(self.order)
        self._post_transaction(self.order, tokenization_requested=True)
        newest, oldest = self.order.billing_transaction_ids.sorted('id', reverse=True)
        self.assertEqual((oldest.state, newest.state), ('cancel', 'draft'))
        self.assertTrue(oldest.billing_superseded)
        page = self.url_open(self._link(self.order))
        self.assertNotIn('role="alert"', page.text)

    @mute_logger('odoo.http')
    def test_a_paid_order_takes_no_second_payment(self):
        tab = self.order._billing_get_consent()['version']
        self._create_initial_transaction(self.order, 'done')._post_process()
        self._assert_refused(
            self._post_transaction(self.order, consent_version=tab), "not open for payment"
        )
        page = self.url_open(self._link(self.order))
        self.assertNotIn('o_payment_form', page.text)
        self.assertIn("Billing history", page.text)
        state = self.url_open(
            f'/order/{self.order.id}/state',
            json={'params': {'access_token': self.order.access_token}},
        ).json()['result']
        self.assertEqual(state, {'payable': False, 'pending': False, 'url': self._link(self.order)})
        self.assertEqual(len(self.order.billing_transaction_ids), 1)

    @mute_logger('odoo.http')
    def test_a_pending_payment_shows_itself_and_blocks_others(self):
        tx = self._create_initial_transaction(self.order, 'pending')
        page = self.url_open(self._link(self.order))
        self.assertNotIn('o_payment_form', page.text)
        self.assertIn("277.33", page.text)
        self.assertIn(tx.reference, page.text)
        self._assert_refused(self._post_transaction(self.order), "already being processed")
        self._simulate(tx.reference, 'done')
        with self.enter_registry_test_mode():
            self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
        page = self.url_open(self._link(self.order))
        self.assertIn("Billing history", page.text)

    def test_a_saved_card_is_charged_once(self):
        token = self._create_token(self.customer)
        self._log_in('anna', self.customer)
        page = self.url_open(self._link(self.order))
        self.assertIn('4242', page.text)
        result = self._post_transaction(
            self.order, flow='token', token_id=token.id, payment_method_id=None
        )['result']
        self.assertEqual(result['state'], 'done')
        tx = self.order.billing_transaction_ids
        self.assertEqual((tx.operation, tx.state, tx.token_id), ('online_token', 'done', token))
        self.url_open('/payment/status/poll', json={'params': {}})
        self.env.invalidate_all()
        self.assertEqual(self.order.billing_paid, 277.33)
        self._assert_books_closed(self.order)

    @mute_logger('odoo.http')
    def test_a_saved_card_whose_answer_is_missing_blocks_others(self):
        """A worker died between the commit of the intent and that of the outcome."""
        token = self._create_token(self.customer)
        self._create_initial_transaction(self.order, operation='online_token', token_id=token.id)
        for choice in (
            {},
            {'flow': 'token', 'token_id': token.id, 'payment_method_id': None},
        ):
            self._assert_refused(
                self._post_transaction(self.order, **choice), "already being processed"
            )
        self.assertEqual(len(self.order.billing_transaction_ids), 1)

    def test_a_declined_saved_card_can_be_replaced(self):
        token = self._create_token(self.customer, 'error')
        self._log_in('anna', self.customer)
        result = self._post_transaction(
            self.order, flow='token', token_id=token.id, payment_method_id=None
        )['result']
        self.assertEqual(result['state'], 'error')
        self.assertIn('reference', self._post_transaction(self.order)['result'])

    # === LIMITS === #

    @mute_logger('odoo.http')
    def test_a_few_tries_an_hour(self):
        for number in range(10):
            reference = self._post_transaction(self.order)['result']['reference']
            self._simulate(reference, 'error')
            if number < 5:
                continue
            page = self.url_open(self._link(self.order, '/result'))
            for left, times in ((3, "3 more times"), (2, "2 more times"), (1, "once more")):
                check = self.assertIn if number == 9 - left else self.assertNotIn
                check(f"You can try {times} within the hour.", page.text)
        self.assertIn("Please wait an hour before you try again", page.text)
        # Another address, if the proxy's header said so, is no way round.
        for headers in ({}, {'X-Forwarded-For': '203.0.113.9'}):
            answer = self._post_transaction(self.order, headers=headers)
            self._assert_refused(answer, "This order was tried to be paid many times")
        self.assertEqual(len(self.order.billing_transaction_ids), 10)
        with freeze_time(fields.Datetime.now() + timedelta(minutes=61)):
            self.assertFalse(self.order._billing_get_attempt_limit_reason('127.0.0.1'))

    @mute_logger('odoo.http')
    def test_tries_are_counted_by_address_and_company(self):
        visitor = self.env.ref('base.public_user')
        other = self._create_order((self.desk, 1)).with_user(visitor).sudo()
        for count, state, address, refused in (
            (20, 'error', '192.0.2.1', True),
            (20, 'done', '192.0.2.1', False),
            (19, 'error', '192.0.2.1', False),
            (200, 'error', '192.0.2.2', True),
            (199, 'error', '192.0.2.2', False),
            (200, 'cancel', '192.0.2.2', False),
        ):
            with (
                self.subTest(count=count, state=state, address=address),
                self.env.cr.savepoint() as savepoint,
            ):
                self.env['payment.transaction'].create(
                    [
                        {
                            'provider_id': self.provider.id,
                            'payment_method_id': self.payment_method.id,
                            'amount': 1,
                            'currency_id': self.order.currency_id.id,
                            'partner_id': self.customer.id,
                            'reference': f'tried-{number}',
                            'state': state,
                            'billing_ip_address': '192.0.2.1',
                        }
                        for number in range(count)
                    ]
                )
                reason = other._billing_get_attempt_limit_reason(address)
                self.assertEqual(bool(reason), refused)
                savepoint.rollback()

    def test_addresses_of_visitors_are_forgotten(self):
        self._post_transaction(self.order)
        tx = self.order.billing_transaction_ids
        for days, address in ((29, '127.0.0.1'), (31, False)):
            with freeze_time(fields.Datetime.now() + timedelta(days=days)):
                self.env['payment.transaction']._billing_forget_addresses()
            self.assertEqual(tx.billing_ip_address, address)

    # === CONSENT === #

    def test_consent_is_stored_with_version_time_and_address(self):
        self._post_transaction(self.order)
        self._post_transaction(self.order)
        consent = self.order.billing_consent_ids
        self.assertEqual(len(consent), 1)
        self.assertEqual(
            consent.text,
            "I have checked this order and agree to it and to the terms and conditions"
            " (https://aurora.example.com/terms) and privacy policy"
            " (https://aurora.example.com/privacy).",
        )
        self.assertEqual(consent.version, self.order._billing_get_consent()['version'])
        self.assertEqual(consent.ip_address, '127.0.0.1')
        self.assertEqual(consent.partner_id, self.customer)
        self.assertEqual(consent.company_id, self.company)

    @mute_logger('odoo.http')
    def test_no_consent_no_payment(self):
        self._assert_refused(
            self._post_transaction(self.order, consent_version=None), "Please tick the box"
        )
        version = self.order._billing_get_consent()['version']
        self.company.billing_terms_url = 'https://aurora.example.com/terms-2'
        self._assert_refused(
            self._post_transaction(self.order, consent_version=version), "The terms changed"
        )
        self.assertFalse(self.order.billing_transaction_ids)
        self.assertFalse(self.order.billing_consent_ids)

    # === SHOWN IS CHARGED === #

    @mute_logger('odoo.http')
    def test_an_order_that_changed_meanwhile_is_not_charged(self):
        token = self._create_token(self.customer)
        shown = self.order._billing_get_shown()
        self.order.order_line[0].product_uom_qty = 5
        for choice in ({}, {'flow': 'token', 'token_id': token.id, 'payment_method_id': None}):
            answer = self._post_transaction(self.order, shown=shown, **choice)
            self._assert_refused(answer, "nothing was charged")
            self._assert_refused(answer, "Standing desk: now 5 × $")
            self._assert_refused(answer, "To pay today: now $\xa0640.33 (before: $\xa0277.33)")
        self.assertFalse(self.order.billing_transaction_ids)
        self.assertFalse(self.order.billing_consent_ids)

    def test_the_page_tells_what_changed(self):
        shown = self.order._billing_get_shown()
        page = self.url_open(self._link(self.order))
        self.assertIn(f' data-shown="{shown}"', unescape(page.text))
        self.assertNotIn("This order was changed", page.text)
        self.order.order_line[1].unlink()
        params = {'access_token': self.order.access_token, 'shown': shown}
        route = f'/order/{self.order.id}/state'
        state = self._call_json(route, params)['result']
        self.assertEqual(state, {'payable': False, 'pending': False, 'url': self._link(self.order)})
        page = self.url_open(state['url'])
        self.assertIn("This order was changed", page.text)
        self.assertRegex(page.text, r"<li>Handbook: not any more \(1 × ")
        params['shown'] = self.order._billing_get_shown()
        self.assertTrue(self._call_json(route, params)['result']['payable'])
        self.assertNotIn("This order was changed", self.url_open(state['url']).text)

    @mute_logger('odoo.http')
    def test_what_no_page_sends_is_refused(self):
        for shown in (None, '', 'x', '{}', '[[1, 2]]', '[["a"]]', 5, '[' * 100000, '["ab"]'):
            self._assert_refused(self._post_transaction(self.order, shown=shown), "reload the page")
        self._assert_refused(self._post_transaction(self.order, shown='[]'), "nothing was charged")
        self.assertFalse(self.order.billing_transaction_ids)

    def test_everything_that_is_agreed_to_counts(self):
        def rename(order):
            order.company_id.sudo().name = "Borealis"

        def describe(order):
            order.order_line[0].name += "\nUsed"

        for change in (
            rename,
            describe,
            lambda order: order.order_line[0].write({'discount': 1}),
            lambda order: order.order_line[0].write({'tax_ids': [Command.clear()]}),
            lambda order: order.order_line[0].write({'price_unit': 1}),
        ):
            shown = self.order._billing_get_shown()
            change(self.order)
            self.assertTrue(self.order._billing_get_changes_since(shown))
        shown = self.order._billing_get_shown()
        self.order.order_line[0].sequence = 99
        self.env.invalidate_all()
        self.assertEqual(self.order._billing_get_changes_since(shown), [])

    def test_each_state_of_the_order_is_agreed_to_by_itself(self):
        self._post_transaction(self.order)
        self.order.order_line[0].product_uom_qty = 1
        self.assertNotRegex(
            self.url_open(self._link(self.order)).text, r'name="billpro_consent"[^>]*checked'
        )
        self._post_transaction(self.order)
        after, before = self.order.billing_consent_ids
        self.assertEqual(before.version, after.version)
        self.assertNotEqual(before.fingerprint, after.fingerprint)
        self.assertIn("Total: $\xa0277.33", before.agreement.splitlines())
        self.assertIn("Total: $\xa0156.33", after.agreement.splitlines())
        self.assertIn(f"Seller: {self.company.name}", after.agreement.splitlines())
        self.assertIn("Single payment: You pay once. Nothing", after.agreement)

    def test_whoever_is_logged_in_agrees_to_the_same(self):
        self.env['res.lang']._activate_lang('fr_FR')
        shown = self.order._billing_get_shown()
        reader = self.order.with_context(lang='fr_FR')
        self.assertEqual(reader._billing_get_shown(), shown)
        self.assertEqual(reader._billing_get_changes_since(shown), [])

    def test_without_documents_the_order_itself_is_agreed_to(self):
        self.company.write({'billing_terms_url': False, 'billing_privacy_url': False})
        self.assertEqual(
            self.order._billing_get_consent()['text'], "I have checked this order and agree to it."
        )
        self.company.billing_terms_url = 'https://aurora.example.com/a?b=1&c="2"'
        self.assertIn('&amp;c=&#34;2&#34;', self.order._billing_get_consent()['html'])

    # === WHAT A REQUEST MAY NOT DO === #

    @mute_logger('odoo.http')
    def test_ids_of_a_request_are_not_trusted(self):
        foreign_card = self._create_token(self.other_customer)
        other_order = self._create_order(partner=self.other_customer)
        other_order._portal_ensure_token()
        unavailable = "not available any more"
        for overrides in (
            {'flow': 'token', 'token_id': foreign_card.id, 'payment_method_id': None},
            {'payment_method_id': self.env.ref('payment.payment_method_paypal').id},
            {'provider_id': self.dummy_provider.id},
            {'flow': 'free'},
        ):
            self._assert_refused(self._post_transaction(self.order, **overrides), unavailable)
        for overrides in (
            {'access_token': other_order.access_token},
            {'access_token': 'x'},
            {'access_token': None},
            {'order_id': other_order.id},
            {'order_id': other_order.id + 1000},
        ):
            response = self._post_transaction(self.order, **overrides)
            self.assertEqual(response['error']['code'], 404)
        self.assertFalse((self.order + other_order).billing_transaction_ids)

    @mute_logger('odoo.http')
    def test_amounts_and_routes_of_a_request_are_not_used(self):
        self._post_transaction(
            self.order, amount=0.01, landing_route='https://evil.example.com', is_validation=True
        )
        tx = self.order.billing_transaction_ids
        self.assertEqual(tx.amount, 277.33)
        self.assertEqual(tx.operation, 'online_direct')
        self.assertEqual(tx.landing_route, self._link(self.order, '/result'))
        response = self._post_transaction(self.order, custom_create_values={'amount': 1})
        self.assertIn('error', response)

    def test_the_payer_is_the_orders_customer_whoever_is_logged_in(self):
        self._log_in('bart', self.other_customer)
        self._post_transaction(self.order)
        self.assertEqual(self.order.billing_transaction_ids.partner_id, self.customer)

    @mute_logger('odoo.http')
    def test_staff_look_on(self):
        """Their login is not the customer's, even with the link."""
        self.authenticate('salesperson', 'salesperson')
        page = self.url_open(self._link(self.order))
        self.assertIn("You are logged in as staff", page.text)
        self.assertIn("Standing desk", page.text)
        self.assertNotIn('id="o_payment_form"', page.text)
        self._assert_refused(self._post_transaction(self.order), "not as the customer")
        self.assertFalse(self.order.billing_transaction_ids)
        self.assertFalse(self.order.billing_consent_ids)

    @mute_logger('odoo.http')
    def test_stored_cards_are_for_the_customers_own_login(self):
        card = self._create_token(self.customer)
        payment = {'flow': 'token', 'token_id': card.id, 'payment_method_id': None}
        for login, partner in (
            (None, None),
            ('bart', self.other_customer),
        ):
            if login:
                self._log_in(login, partner)
            with self.subTest(login):
                page = self.url_open(self._link(self.order))
                self.assertIn('id="o_payment_form"', page.text)
                self.assertNotIn('data-payment-option-type="token"', page.text)
                self._assert_refused(
                    self._post_transaction(self.order, **payment), "not available any more"
                )
        self.assertFalse(self.order.billing_transaction_ids)
        colleague = self.customer.create({'name': "Colleague", 'parent_id': self.customer.id})
        self._log_in('colleague', colleague)
        page = self.url_open(self._link(self.order))
        self.assertIn('data-payment-option-type="token"', page.text)
        self._post_transaction(self.order, **payment)
        self.assertEqual(self.order.billing_transaction_ids.token_id, card)

    def _log_in(self, login, partner):
        new_test_user(self.env, login=login, groups='base.group_portal').partner_id = partner
        self.env.flush_all()
        self.authenticate(login, login)

    # === WHAT CAN'T BE PAID === #

    @mute_logger('odoo.http')
    def test_orders_that_cannot_be_paid_say_why(self):
        self.order.validity_date = '2020-01-01'
        self._assert_refused(self._post_transaction(self.order), "This offer has expired")
        self.assertIn("This offer has expired", self.url_open(self._link(self.order)).text)
        self.order.validity_date = False
        free = self._create_order((self.desk, 1, 0.0))
        free._portal_ensure_token()
        self._assert_refused(self._post_transaction(free), "There is nothing to pay")
        self.order._action_cancel()
        self._assert_refused(self._post_transaction(self.order), "not open for payment")
        page = self.url_open(self._link(self.order))
        self.assertIn("This order was cancelled", page.text)
        self.assertNotIn('o_payment_form', page.text)

    def test_no_published_provider(self):
        self.provider.is_published = False
        page = self.url_open(self._link(self.order))
        self.assertEqual(page.status_code, 200)
        self.assertNotIn('id="o_payment_form"', page.text)
        self.authenticate('salesperson', 'salesperson')
        page = self.url_open(self._link(self.order))
        self.assertNotIn('id="o_payment_form"', page.text)

    def test_only_providers_of_the_currency_are_offered(self):
        self.provider.available_currency_ids = [Command.set(self._enable_currency('JPY').ids)]
        self.assertNotIn('id="o_payment_form"', self.url_open(self._link(self.order)).text)
        order = self._create_order((self.desk, 1, 1000), currency='JPY')
        order._portal_ensure_token()
        self.env.flush_all()
        self.assertIn('id="o_payment_form"', self.url_open(self._link(order)).text)
