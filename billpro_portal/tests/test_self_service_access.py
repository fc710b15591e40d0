import json
import uuid
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo import fields
from odoo.http import Request
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from .common import BillingHttpCommon
from .gateway_common import GatewayCommon
from .test_subscription import SubscriptionCommon

HEADERS = {
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'same-origin',
    'X-Robots-Tag': 'noindex, nofollow',
}
POSTS = (
    '/card/select',
    '/card/remove',
    '/pay',
    '/cancel',
    '/cancel/undo',
    '/contact',
    '/text-messages',
)
CALLS = ('/card/transaction', '/progress/state')
BAD_AMOUNTS = ('nan', 'inf', '-inf', '-1', '-24.2', '1e9', '24.21', '0', '', 'x', '24,20', None)
BAD_IDS = ('x', '', '-1', '0', '1e3', '9' * 30, '１', None)
LONG = 100_000


class SelfServiceHttpCommon(BillingHttpCommon, SubscriptionCommon):
    """A subscription with a declined payment, a spare card, and somebody else's beside it."""

    def setUp(self):
        super().setUp()
        self.order, self.other_order = self._create_declined_orders()
        self.card = self.order.billing_token_id
        self.other_card = self.other_order.billing_token_id
        self.spare = self._create_token()
        self.authenticate(None, None)

    def _create_declined_orders(self):
        """Return an order of the customer and one of another, both with a declined payment."""
        with freeze_time(fields.Datetime.now() - timedelta(days=33)):
            order = self._create_active_order()
            other_order = self._create_order((self.gym, 1), partner=self.other_customer)
            self._create_initial_transaction(
                other_order, 'done', token_id=self._create_token(partner=self.other_customer).id
            )._post_process()
        orders = order + other_order
        orders.billing_token_id.demo_simulated_state = 'error'
        self._collect_due(orders)
        self.assertEqual(set(orders.mapped('billing_status')), {'failed'})
        for each in orders:
            each._portal_ensure_token()
        return order, other_order

    def _collect_due(self, orders):
        """Let a run collect what is due for orders."""
        with self._committing_env() as env, mute_logger('odoo.addons.payment'):
            events = env['sale.order'].browse(orders.ids).billing_event_ids
            env['billpro.billing.run']._run_events(
                events.filtered(lambda event: event.status == 'scheduled')
            )

    def _snapshot(self):
        """Return all that a request could change."""
        self.env.invalidate_all()
        orders = self.env['sale.order'].search([('purchase_type', '!=', False)], order='id')
        moves = orders.billing_move_ids.sorted('id')
        return {
            'orders': orders.read(
                [
                    'billing_status',
                    'billing_token_id',
                    'billing_cancel_date',
                    'billing_cancel_note',
                    'billing_cancel_reason_id',
                    'billing_collection_date',
                    'billing_collection_amount',
                    'billing_paid',
                    'billing_outstanding',
                ]
            ),
            'events': orders.billing_event_ids.sorted('id').read(
                ['status', 'amount', 'attempt_count', 'requested_date', 'due_date']
            ),
            'transactions': orders.billing_transaction_ids.sorted('id').read(
                ['state', 'amount', 'token_id', 'billing_action_required']
            ),
            'cards': self.env['payment.token']
            .with_context(active_test=False)
            .search([], order='id')
            .read(['active', 'partner_id']),
            'moves': moves.read(['state', 'amount_residual']),
            'messages': orders.message_ids.ids,
            'activities': orders.activity_ids.ids,
            'notices': orders.billing_notification_ids.ids,
        }

    def _csrf(self):
        return Request.csrf_token(self)

    def _gets(self, order):
        tx = order.billing_event_ids.transaction_ids[:1]
        return (
            '/card',
            '/card/result',
            '/progress',
            f'/authenticate/{tx.id or 1}',
            '/cancel',
            '/contact',
        )

    def _get(self, order, suffix, **kwargs):
        self.env.flush_all()
        response = self.url_open(self._link(order, suffix), **kwargs)
        self.env.invalidate_all()
        return response

    def _post_form(self, order, suffix, token=None, **values):
        """Send a form of the order's pages; return the answer, redirections not followed."""
        self.env.flush_all()
        url = self._link(order, suffix) if token is None else f'/order/{order.id}{suffix}'
        response = self.url_open(
            url,
            data={
                'csrf_token': self._csrf(),
                **({} if token is None else {'access_token': token}),
                **{name: value for name, value in values.items() if value is not None},
            },
            allow_redirects=False,
        )
        self.env.invalidate_all()
        return response

    def _call(self, order, suffix, **params):
        """Call a JSON-RPC route as the pages' scripts do; return the answer."""
        self.env.flush_all()
        response = self.url_open(
            f'/order/{order.id}{suffix}',
            # Python's own JSON writes NaN and Infinity, as an attacker can.
            data=json.dumps({'jsonrpc': '2.0', 'params': params}),
            headers={'Content-Type': 'application/json'},
        ).json()
        self.env.invalidate_all()
        return response

    def _register(self, order, **overrides):
        """Send what the payment form of the card page sends; return the answer."""
        params = {
            'access_token': order.access_token,
            'provider_id': self.provider.id,
            'payment_method_id': self.payment_method.id,
            'token_id': None,
            'flow': 'direct',
            'tokenization_requested': True,
            'landing_route': '/',
            'is_validation': True,
            'amount': None,
            'collect_amount': order.billing_outstanding,
            **overrides,
        }
        return self._call(order, '/card/transaction', **params)

    def _registrations(self):
        self.env.invalidate_all()
        return self.env['payment.transaction'].search([('billing_is_card_update', '=', True)])

    def _assert_refused(self, response, text, status=409):
        self.assertEqual(response.status_code, status)
        self.assertIn(text, response.text)
        self._assert_private(response)

    def _assert_private(self, response):
        for name, value in HEADERS.items():
            self.assertEqual(response.headers[name], value)

    def _assert_done(self, response, notice):
        self.assertEqual(response.status_code, 303)
        self.assertIn(f'notice={notice}', response.headers['Location'])


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
            params = {
                'provider_id': self.provider.id,
                'payment_method_id': self.payment_method.id,
                'token_id': None,
                'flow': 'direct',
                'tokenization_requested': True,
                'collect_amount': 24.2,
            }
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

    # === WHAT ISN'T THE ORDER'S === #

    def test_other_peoples_cards(self):
        before = self._snapshot()
        for suffix in ('/card/select', '/card/remove'):
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

        with patch.object(Transaction, '_get_authentication_values', values):
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
            self.order._pause()
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
        self.env.flush_all()
        answer = self.url_open(
            '/payment/archive_token', json={'jsonrpc': '2.0', 'params': {'token_id': card.id}}
        ).json()
        self.env.invalidate_all()
        return answer

    # === WHEN === #

    def _create_orders_in_other_statuses(self):
        """Return orders that the customer's self-service is over for, or hasn't begun."""
        bought = self._create_paid_order()
        pending = self._create_order((self.gym, 1))
        cancelled = self._create_order((self.gym, 1))
        cancelled._action_cancel()
        ended = self._create_active_order()
        ended._cancel_subscription(at_once=True)
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
                wanted = 404 if suffix == '/contact' else 303
                self.assertEqual(response.status_code, wanted, (order.billing_status, suffix))
            for suffix in POSTS:
                response = self._post_form(
                    order,
                    suffix,
                    token_id=self.spare.id,
                    amount='24.2',
                    message="Hello",
                )
                if suffix in ('/contact', '/text-messages'):
                    wanted = 404
                else:
                    wanted = 409 if order.billing_status == 'complete' else 303
                self.assertEqual(response.status_code, wanted, (order.billing_status, suffix))
                self.assertNotIn('notice=', response.headers.get('Location', ''))
            answer = self._register(order, collect_amount=0)
            self.assertIn("can't be changed any more", answer['error']['data']['message'])
            answer = self._call(order, '/progress/state', access_token=order.access_token)
            self.assertTrue(answer['result']['done'])
            self.assertEqual(self._snapshot(), before)

    @mute_logger('odoo.http')
    def test_a_paused_order(self):
        self.order._pause()
        before = self._snapshot()
        for suffix in ('/card', '/progress'):
            page = self._get(self.order, suffix, allow_redirects=False)
            self.assertEqual(page.status_code, 303, suffix)
        for suffix in ('/card/select', '/card/remove', '/pay', '/cancel/undo'):
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
        for suffix in set(POSTS) - {'/cancel', '/contact'}:
            for method in ('GET', 'PUT', 'DELETE'):
                response = self.url_open(
                    f'{self._link(self.order, suffix)}&{values}&csrf_token={self._csrf()}',
                    method=method,
                )
                self.assertEqual(response.status_code, 405, (suffix, method))
        for suffix in set(self._gets(self.order)) - {'/cancel', '/contact'}:
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
        leaving._cancel_subscription(at_once=False)
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
                    self.assertEqual(response.status_code, 400, (suffix, token))
        self.assertEqual(self._snapshot(), before)

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
            self.assertTrue(self.order._is_opted_out_of_sms())
        self.assertIn("You get no text messages from us.", self._get(self.order, '').text)
        for _time in range(2):
            self._assert_done(
                self._post_form(self.order, '/text-messages', wanted='1'), 'text_messages_on'
            )
            self.assertFalse(self.order._is_opted_out_of_sms())
        self.customer.phone = '12'
        self.assertNotIn("Text messages", self._get(self.order, '').text)
        self._assert_refused(self._post_form(self.order, '/text-messages'), "is not valid")

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
        for reason_id, wanted in (
            (foreign.id, Reason),
            (archived.id, Reason),
            ('x', Reason),
            ('-1', Reason),
            ('9' * 10, Reason),
            ('9' * 30, Reason),
            (None, Reason),
            (own.id, own),
        ):
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
        self._assert_done(self._post_form(self.order, '/contact', message="a\0b"), 'message_sent')
        self.assertEqual(len(self._messages() - before), 1)
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

    def test_pages_are_private(self):
        for suffix in ('/card', '/card?collect=1', '/cancel', '/contact'):
            path, _sep, query = suffix.partition('?')
            response = self.url_open(f'{self._link(self.order, path)}&{query}')
            self.assertEqual(response.status_code, 200, suffix)
            self._assert_private(response)


@tagged('post_install', '-at_install')
class TestCardLimits(BillingHttpCommon, GatewayCommon):
    """Whoever tests stolen cards gets a few tries, and the gateway hears of no more."""

    def setUp(self):
        super().setUp()
        self.gateway.requests.clear()
        with freeze_time(fields.Datetime.now() - timedelta(days=5)):
            self.orders = [self._create_order((self.gym, 1)) for _number in range(3)]
            for order in self.orders:
                tx = self._create_initial_transaction(order, token_id=self._create_token().id)
                tx._set_done()
                tx._post_process()
                order._portal_ensure_token()

    def _register(self, order, **kwargs):
        self.env.flush_all()
        answer = self.url_open(
            f'/order/{order.id}/card/transaction',
            json={
                'jsonrpc': '2.0',
                'params': {
                    'access_token': order.access_token,
                    'provider_id': self.provider.id,
                    'payment_method_id': self.payment_method.id,
                    'token_id': None,
                    'flow': 'direct',
                    'tokenization_requested': True,
                    'collect_amount': 0,
                },
            },
            **kwargs,
        ).json()
        self.env.invalidate_all()
        return answer

    def _count_setups(self):
        return sum(entry['path'] == '/v1/setup_intents' for entry in self.gateway.requests)

    def _assert_limited(self, answer):
        self.assertIn("Too many cards were tried", answer['error']['data']['message'])

    @mute_logger('odoo.http')
    def test_by_order_and_by_address(self):
        first, second, third = self.orders
        for number in range(5):
            answer = self._register(first)
            self.assertTrue(answer['result']['client_secret'], number)
        self.assertEqual(self._count_setups(), 5)
        requests = len(self.gateway.requests)
        # Another address, if the proxy's header said so, is no way round either.
        for headers in ({}, {'X-Forwarded-For': '203.0.113.9'}):
            self._assert_limited(self._register(first, headers=headers))
        page = self.url_open(self._link(first, '/card'))
        self.assertIn("Too many cards were tried", page.text)
        self.assertNotIn('o_payment_form', page.text)
        for number in range(5):
            self.assertIn('result', self._register(second), number)
        requests += len(self.gateway.requests) - requests
        for order in (second, third):
            self._assert_limited(self._register(order, headers={'X-Forwarded-For': '203.0.113.9'}))
        self.assertEqual(len(self.gateway.requests), requests)
        self.assertEqual(self._count_setups(), 10)
        txs = self.env['payment.transaction'].search([('billing_is_card_update', '=', True)])
        self.assertEqual(set(txs.billing_order_id), {first, second})
        self.assertEqual(len(txs), 10)
        # An hour later there may be more.
        self.env.cr.execute(
            "UPDATE payment_transaction SET create_date = create_date - interval '61 minutes'"
        )
        self.env.invalidate_all()
        self.assertIn('result', self._register(first))
