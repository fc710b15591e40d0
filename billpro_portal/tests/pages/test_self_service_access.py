import uuid
from unittest.mock import patch

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common.self_service_http import SelfServiceHttpCommon

POSTS = (
    '/card/select',
    '/card/backup',
    '/card/remove',
    '/pay',
    '/cancel',
    '/cancel/undo',
    '/contact',
    '/details',
    '/details/language',
    '/details/mail-address',
    '/text-messages',
    '/orders/pay',
)
ONLY_LIVE = (
    '/contact',
    '/details',
    '/details/language',
    '/details/mail-address',
    '/text-messages',
)
CALLS = ('/card/transaction', '/progress/state', '/orders/progress/state')


@tagged('post_install', '-at_install')
class TestSelfServiceAccess(SelfServiceHttpCommon):
    """Nobody acts on an order without its link, nor on what isn't the order's."""

    # === THE LINK === #

    def _assert_neutral(self, response):
        self.assertEqual(response.status_code, 404)
        for secret in (self.order.name, "Anna", "24.20", "Gym membership"):
            self.assertNotIn(secret, response.text)
        self._assert_private(response)

    def _try_everything(self, order, token):
        """Send each request with a token that isn't the order's."""
        query = '' if token is None else f'?access_token={token}'
        self.env.flush_all()
        pages = [
            self.url_open(f'/order/{order.id}{suffix}{query}') for suffix in self._gets(self.order)
        ]
        values = {
            'token_id': self.spare.id,
            'amount': '24.2',
            'message': "Hello",
            'note': "Bye",
        }
        for suffix in POSTS:
            pages.append(self._post_form(order, suffix, token=token or '', **values))
        for page in pages:
            self._assert_neutral(page)
        self.assertEqual(len({len(page.content) for page in pages}), 1, "the pages must be alike")
        for suffix in CALLS:
            params = self._prepare_new_card(tokenization_requested=True, collect_amount=24.2)
            answer = self._call(
                order,
                suffix,
                access_token=token,
                **(params if suffix == '/card/transaction' else {}),
            )
            self.assertEqual(answer['error']['code'], 404, (suffix, token))

    @mute_logger('odoo.http')
    def test_without_the_orders_link(self):
        before = self._snapshot()
        for token in (
            None,
            '',
            'x',
            'é',
            str(uuid.uuid4()),
            self.other_order.access_token,
            self.order.access_token[:-1],
        ):
            with self.subTest(token=token):
                self._try_everything(self.order, token)
        self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_with_a_revoked_link(self):
        token = self.order.access_token
        self.order.action_revoke_order_link()
        before = self._snapshot()
        self._try_everything(self.order, token)
        self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_an_order_that_is_none_of_ours_or_missing(self):
        draft = self._create_order((self.gym, 1), sent=False)
        self.desk.purchase_type = False
        ordinary = self._create_order((self.desk, 1), sent=False)
        for order in draft + ordinary:
            order._portal_ensure_token()
            before = self._snapshot()
            self._try_everything(order, order.access_token)
            self.assertEqual(self._snapshot(), before)
        missing = self.env['sale.order'].browse(self.order.id + 1000)
        self._try_everything(missing, str(uuid.uuid4()))

    @mute_logger('odoo.http')
    def test_another_customers_login(self):
        new_test_user(self.env, login='bart', groups='base.group_portal').write(
            {'partner_id': self.other_customer.id}
        )
        self.authenticate('bart', 'bart')
        before = self._snapshot()
        self._try_everything(self.order, None)
        self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_staff_look_on(self):
        """The back office's login is not the customer's, with the link and without."""
        new_test_user(self.env, login='accountant', groups='account.group_account_readonly')
        self.env.flush_all()
        refusal = "not as the customer"
        for login in ('accountant', 'salesperson'):
            for token in (self.order.access_token, ''):
                self.authenticate(login, login)
                before = self._snapshot()
                with self.subTest(login, token=bool(token)):
                    page = self.url_open(f'/order/{self.order.id}?access_token={token}')
                    self.assertEqual(page.status_code, 200)
                    self.assertIn("Gym membership", page.text)
                    for suffix in POSTS:
                        answer = self._post_form(
                            self.order,
                            suffix,
                            token=token,
                            token_id=self.spare.id,
                            amount='24.2',
                            message="Hello",
                        )
                        self.assertIn(answer.status_code, {409, 422}, suffix)
                        self.assertIn(refusal, answer.text, suffix)
                    answer = self._call(
                        self.order,
                        '/card/transaction',
                        **self._prepare_new_card(
                            access_token=token, tokenization_requested=True, collect_amount=24.2
                        ),
                    )
                    self.assertIn(refusal, answer['error']['data']['message'])
                    self._call(self.order, '/progress/state', access_token=token)
                    self.assertEqual(self._snapshot(), before)

    def test_staff_who_are_customers_themselves_act(self):
        user = new_test_user(self.env, login='buyer', groups='base.group_user')
        user.partner_id.parent_id = self.customer
        self.authenticate('buyer', 'buyer')
        response = self._post_form(self.order, '/card/select', token_id=self.spare.id)
        self._assert_done(response, 'card_selected')
        self.assertEqual(self.order.billing_token_id, self.spare)

    # === WHAT ISN'T THE ORDER'S === #

    def test_other_peoples_cards(self):
        before = self._snapshot()
        for suffix in ('/card/select', '/card/backup', '/card/remove'):
            for card in (self.other_card, self._create_token(partner=self.other_customer)):
                before = self._snapshot()
                response = self._post_form(self.order, suffix, token_id=card.id)
                self._assert_refused(response, "not available any more")
                self.assertEqual(self._snapshot(), before)

    def test_no_other_customers_order_gets_the_card(self):
        self._assert_done(
            self._post_form(self.order, '/card/select', token_id=self.spare.id, all_orders='1'),
            'card_selected',
        )
        self.assertEqual(self.order.billing_token_id, self.spare)
        self.assertEqual(self.other_order.billing_token_id, self.other_card)

    def test_a_card_that_is_used_is_not_removed(self):
        before = self._snapshot()
        response = self._post_form(self.order, '/card/remove', token_id=self.card.id)
        self._assert_refused(response, "can&#39;t be removed")
        self.assertEqual(self._snapshot(), before)

    def test_other_peoples_authentication(self):
        for order in self.order + self.other_order:
            order.billing_event_ids.transaction_ids.write(
                {'state': 'pending', 'billing_action_required': True}
            )
        own = self.order.billing_event_ids.transaction_ids
        foreign = self.other_order.billing_event_ids.transaction_ids
        Transaction = self.env.registry['payment.transaction']
        asked = []

        def values(tx):
            asked.append(tx.id)
            return {
                'publishable_key': 'pk_test',
                'client_secret': 'pi_secret_of_the_payment',
                'payment_method': 'pm_1',
                'script_url': '/x.js',
            }

        with patch.object(Transaction, '_billing_get_authentication_values', values):
            for tx_id in (foreign.id, own.id + 1000, self.order.billing_transaction_ids[:1].id):
                page = self._get(self.order, f'/authenticate/{tx_id}', allow_redirects=False)
                if tx_id == own.id:
                    continue
                self.assertEqual(page.status_code, 303)
                self.assertTrue(page.headers['Location'].endswith(self._link(self.order)))
            self.assertNotIn(foreign.id, asked)
            page = self._get(self.order, f'/authenticate/{own.id}')
            self.assertEqual(page.status_code, 200)
            self.assertIn('pi_secret_of_the_payment', page.text)
            self._assert_private(page)
            self.order._billing_pause()
            asked.clear()
            page = self._get(self.order, f'/authenticate/{own.id}', allow_redirects=False)
            self.assertEqual((page.status_code, asked), (303, []))

    @mute_logger('odoo.http')
    def test_only_what_the_card_page_offers(self):
        other_company = self.env['res.company'].create({'name': "Borealis"})
        hidden = self.provider.copy()
        hidden.write({'state': 'test', 'is_published': False})
        other_method = self.payment_method.copy({'code': 'other', 'provider_ids': False})
        own = self._create_token()
        for overrides in (
            {'provider_id': self.provider.id + 1000},
            {'provider_id': hidden.id},
            {'provider_id': self._create_foreign_provider(other_company).id},
            {'provider_id': str(self.provider.id)},
            {'provider_id': None},
            {'payment_method_id': other_method.id},
            {'payment_method_id': None},
            {'flow': 'token', 'token_id': self.other_card.id},
            {'flow': 'token', 'token_id': own.id},
            {'flow': 'token', 'token_id': own.id, 'payment_method_id': None},
            {'flow': ''},
            {'flow': 'refund'},
        ):
            with self.subTest(**overrides):
                before = self._snapshot()
                answer = self._register(self.order, **overrides)
                self.assertIn("not available any more", answer['error']['data']['message'])
                self.assertEqual(self._snapshot(), before)
        self.assertFalse(self._registrations())

    def _create_foreign_provider(self, company):
        provider = self.env.ref('payment.payment_provider_demo').copy({'company_id': company.id})
        provider.write({'state': 'test', 'is_published': True, 'allow_tokenization': True})
        return provider

    @mute_logger('odoo.http')
    def test_what_the_form_may_not_say(self):
        before = self._snapshot()
        for overrides in (
            {'partner_id': self.other_customer.id},
            {'currency_id': 1},
            {'reference_prefix': 'X'},
            {'custom_create_values': {'amount': 1}},
            {'billing_order_id': self.other_order.id},
            {'sale_order_id': self.other_order.id},
        ):
            with self.subTest(**overrides):
                self.assertIn('error', self._register(self.order, **overrides))
        self.assertEqual(self._snapshot(), before)

    def test_what_the_form_says_in_vain(self):
        answer = self._register(
            self.order,
            token_id=self.other_card.id,
            landing_route='https://evil.example.com/',
            is_validation=False,
            amount=1e9,
            tokenization_requested=False,
        )
        self.assertIn('result', answer)
        tx = self._registrations()
        self.assertEqual((tx.operation, tx.amount, tx.tokenize), ('validation', 0.0, True))
        self.assertFalse(tx.token_id)
        self.assertEqual(tx.partner_id, self.customer)
        self.assertTrue(tx.landing_route.startswith(f'/order/{self.order.id}/card/result?'))

    def test_odoos_own_card_pages(self):
        new_test_user(self.env, login='anna', groups='base.group_portal').write(
            {'partner_id': self.customer.id}
        )
        new_test_user(self.env, login='bart', groups='base.group_portal').write(
            {'partner_id': self.other_customer.id}
        )
        before = self._snapshot()
        self.authenticate('bart', 'bart')
        self.assertNotIn('error', self._archive(self.spare))
        self.assertEqual(self._snapshot(), before)
        self.authenticate('anna', 'anna')
        with mute_logger('odoo.http'):
            answer = self._archive(self.card)
        self.assertIn(f"charged for {self.order.name}", answer['error']['data']['message'])
        self.assertEqual(self._snapshot(), before)
        page = self.url_open('/my/payment_method')
        self.assertEqual(page.status_code, 200)
        self.assertIn('o_payment_form', page.text)
        self.assertNotIn('error', self._archive(self.spare))
        self.assertFalse(self.spare.active)

    def _archive(self, card):
        return self._call_json('/payment/archive_token', {'token_id': card.id})

    # === WHEN === #

    def _create_orders_in_other_statuses(self):
        """Return orders that the customer's self-service is over for, or hasn't begun."""
        bought = self._create_paid_order()
        pending = self._create_order((self.gym, 1))
        cancelled = self._create_order((self.gym, 1))
        cancelled._action_cancel()
        ended = self._create_active_order()
        ended._billing_cancel_subscription(at_once=True)
        statuses = ['complete', 'pending', 'cancelled', 'complete']
        orders = [bought, pending, cancelled, ended]
        self.assertEqual([order.billing_status for order in orders], statuses)
        for order in orders:
            order._portal_ensure_token()
        return orders

    @mute_logger('odoo.http')
    def test_orders_that_are_over_or_have_not_begun(self):
        for order in self._create_orders_in_other_statuses():
            before = self._snapshot()
            for suffix in self._gets(order):
                response = self._get(order, suffix, allow_redirects=False)
                wanted = {
                    '/contact': 404,
                    '/details': 404,
                    '/orders': 200,
                    '/orders/documents': 200,
                }.get(suffix, 303)
                self.assertEqual(response.status_code, wanted, (order.billing_status, suffix))
            for suffix in POSTS:
                response = self._post_form(
                    order,
                    suffix,
                    token_id=self.spare.id,
                    amount='24.2',
                    message="Hello",
                )
                # Reminders of what is unpaid are text messages, too.
                stops = suffix == '/text-messages' and order.billing_status == 'pending'
                if suffix in ONLY_LIVE and not stops:
                    wanted = 404
                else:
                    is_refused = order.billing_status == 'complete' and suffix != '/orders/pay'
                    wanted = 409 if is_refused else 303
                self.assertEqual(response.status_code, wanted, (order.billing_status, suffix))
                self.assertEqual('notice=' in response.headers.get('Location', ''), stops)
                if stops:  # That is noted, and nothing else changes.
                    before['messages'] = self._snapshot()['messages']
            answer = self._register(order, collect_amount=0)
            self.assertIn("can't be changed any more", answer['error']['data']['message'])
            answer = self._call(order, '/progress/state', access_token=order.access_token)
            self.assertTrue(answer['result']['done'])
            self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_a_paused_order(self):
        self.order._billing_pause()
        before = self._snapshot()
        for suffix in ('/card', '/progress'):
            page = self._get(self.order, suffix, allow_redirects=False)
            self.assertEqual(page.status_code, 303, suffix)
        for suffix in ('/card/select', '/card/backup', '/card/remove', '/pay', '/cancel/undo'):
            response = self._post_form(self.order, suffix, token_id=self.spare.id, amount='24.2')
            self.assertEqual(response.status_code, 409, suffix)
        answer = self._register(self.order)
        self.assertIn("can't be changed any more", answer['error']['data']['message'])
        self._call(self.order, '/progress/state', access_token=self.order.access_token)
        self.assertEqual(self._snapshot(), before)
        # But the customer may leave.
        self._assert_done(self._post_form(self.order, '/cancel'), 'cancelled')

    # === HOW === #

    @mute_logger('odoo.http')
    def test_the_wrong_method(self):
        before = self._snapshot()
        link = self.order.access_token
        values = f'token_id={self.spare.id}&amount=24.2&message=Hello'
        for suffix in set(POSTS) - {'/cancel', '/contact', '/details'}:
            for method in ('GET', 'PUT', 'DELETE'):
                response = self.url_open(
                    f'{self._link(self.order, suffix)}&{values}&csrf_token={self._csrf()}',
                    method=method,
                )
                self.assertEqual(response.status_code, 405, (suffix, method))
        for suffix in POSTS:
            # Odoo lets it pass, as it does what only reads.
            response = self.url_open(f'{self._link(self.order, suffix)}&{values}', method='OPTIONS')
            self.assertEqual(response.status_code, 405, suffix)
        self.assertEqual(self._post_form(self.order, '/card').status_code, 200)  # Takes a code.
        for suffix in set(self._gets(self.order)) - {'/card', '/cancel', '/contact', '/details'}:
            response = self._post_form(self.order, suffix)
            self.assertEqual(response.status_code, 405, suffix)
        for suffix in ('/cancel', '/contact'):
            # What reads does nothing else, whatever the address says.
            page = self.url_open(f'{self._link(self.order, suffix)}&{values}&note=Bye')
            self.assertEqual(page.status_code, 200)
        for suffix in CALLS:
            for response in (
                self.url_open(f'/order/{self.order.id}{suffix}?access_token={link}'),
                self._post_form(self.order, suffix),
            ):
                self.assertIn(response.status_code, {400, 404, 405, 415}, suffix)
        self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_forms_of_other_sites(self):
        self._post_form(self.other_order, '/cancel')  # The session is one that works.
        self.assertTrue(self.other_order.billing_cancel_date)
        leaving = self._create_active_order()
        leaving._billing_cancel_subscription(at_once=False)
        leaving._portal_ensure_token()
        values = {'token_id': self.spare.id, 'amount': '24.2', 'message': "Hello"}
        before = self._snapshot()
        for order in (self.order, leaving):
            for suffix in POSTS:
                for token in (None, '', 'x', f'{"0" * 40}o{2**31}'):
                    response = self.url_open(
                        self._link(order, suffix),
                        data={**values, **({} if token is None else {'csrf_token': token})},
                        allow_redirects=False,
                    )
                    self.assertEqual(response.status_code, 303, (suffix, token))
                    self.assertIn('notice=try_again', response.headers['Location'])
        self.assertEqual(self._snapshot(), before)

    def test_pages_are_private(self):
        for suffix in ('/card', '/card?collect=1', '/cancel', '/contact'):
            path, _sep, query = suffix.partition('?')
            response = self.url_open(f'{self._link(self.order, path)}&{query}')
            self.assertEqual(response.status_code, 200, suffix)
            self._assert_private(response)
