import re
import uuid

from odoo import Command, http
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..common.http import BillingHttpCommon

# A picture of one pixel.
SIGNATURE = (
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg'
    'gg=='
)


@tagged('post_install', '-at_install')
class TestOrderAccess(BillingHttpCommon):
    """Nothing of an order reaches anybody without its link or the customer's login."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_paid_order((cls.desk, 1), (cls.book, 3))
        cls.other_order = cls._create_paid_order(partner=cls.other_customer)
        cls.invoice = cls.order.billing_move_ids
        cls.tx = cls.order.billing_transaction_ids
        cls.suffixes = [
            '',
            '/result',
            f'/payment/{cls.tx.id}',
            '/document/summary',
            f'/document/receipt/{cls.tx.id}',
            f'/document/invoice/{cls.invoice.id}',
            f'/line/{cls.order.order_line[0].id}/image',
        ]
        for order in cls.order + cls.other_order:
            order._portal_ensure_token()

    def _assert_neutral(self, response, wanted=404):
        self.assertEqual(response.status_code, wanted)
        for secret in (self.order.name, "Anna", self.invoice.name, "Standing desk"):
            self.assertNotIn(secret, response.text)

    def test_staff_read_the_link_of_any_order_without_writing(self):
        """Odoo reads forms in a transaction that can't write, and logs what tries to."""
        self.authenticate('salesperson', 'salesperson')
        for sent in (False, True):
            order = self._create_order(sent=sent)
            self.env.flush_all()
            with self.assertNoLogs(level='WARNING'):
                answer = self._call_json(
                    '/web/dataset/call_kw/sale.order/web_read',
                    {
                        'model': 'sale.order',
                        'method': 'web_read',
                        'args': [order.ids, {'order_link': {}, 'billing_status': {}}],
                        'kwargs': {},
                    },
                )
            [values] = answer['result']
            self.assertEqual(values['billing_status'], 'pending' if sent else 'draft')
            self.assertEqual(bool(values['order_link']), sent)
            self.assertEqual(values['order_link'] or False, sent and order.order_link)

    def test_a_wrong_token_is_answered_like_a_missing_order(self):
        missing = self.url_open(f'/order/{self.order.id + 1000}?access_token={uuid.uuid4()}')
        self._assert_neutral(missing)
        for token in ('', 'x', str(uuid.uuid4()), self.other_order.access_token):
            for suffix in self.suffixes:
                response = self.url_open(f'/order/{self.order.id}{suffix}?access_token={token}')
                self._assert_neutral(response)
                if not suffix:
                    self.assertEqual(
                        len(response.content), len(missing.content), "the pages must be alike"
                    )

    def test_a_revoked_link_is_dead(self):
        old_link = self._link(self.order)
        self.assertEqual(self.url_open(old_link).status_code, 200)
        self.order.action_revoke_order_link()
        self.env.flush_all()
        self._assert_neutral(self.url_open(old_link))
        self.assertEqual(self.url_open(self._link(self.order)).status_code, 200)

    def test_the_link_opens_no_other_orders_records(self):
        other_tx = self.other_order.billing_transaction_ids
        other_invoice = self.other_order.billing_move_ids
        other_line = self.other_order.order_line[0]
        for suffix in (
            f'/payment/{other_tx.id}',
            f'/document/receipt/{other_tx.id}',
            f'/document/invoice/{other_invoice.id}',
            f'/line/{other_line.id}/image',
        ):
            self._assert_neutral(self.url_open(self._link(self.order, suffix)))

    def test_logins(self):
        for login, partner in (('anna', self.customer), ('bart', self.other_customer)):
            new_test_user(self.env, login=login, groups='base.group_portal').write(
                {'partner_id': partner.id}
            )
        self.authenticate('bart', 'bart')
        for suffix in self.suffixes:
            self._assert_neutral(self.url_open(f'/order/{self.order.id}{suffix}'))
        self.authenticate('anna', 'anna')
        page = self.url_open(f'/order/{self.order.id}')
        self.assertEqual(page.status_code, 200)
        self.assertIn(self.order.name, page.text)
        orders = self.url_open('/my/orders')
        self.assertIn(f'/order/{self.order.id}?', orders.text)
        self.assertNotIn(self.other_order.name, orders.text)

    def test_sales_own_pages_lead_to_ours(self):
        """Whatever modules there are: their pages of an order lead to the order link."""
        for suffix, target in (
            ('', ''),
            ('?report_type=pdf', '/document/summary'),
            ('/document/1', ''),
            ('/download_edi', ''),
        ):
            path, _mark, query = suffix.partition('?')
            response = self.url_open(
                f'/my/orders/{self.order.id}{path}?access_token={self.order.access_token}&{query}',
                allow_redirects=False,
            )
            if path:
                self.assertEqual(response.status_code, 303)
                response = self.url_open(response.headers['Location'], allow_redirects=False)
            self.assertEqual(response.status_code, 303)
            self.assertTrue(response.headers['Location'].endswith(self._link(self.order, target)))

    def test_sales_own_pages_open_nothing_without_the_link(self):
        draft = self._create_order(sent=False)
        draft._portal_ensure_token()
        self.env.flush_all()
        for order, token in (
            (self.order, 'x'),
            (self.order, self.other_order.access_token),
            (draft, draft.access_token),
        ):
            for suffix in ('', '/document/1', '/download_edi'):
                response = self.url_open(f'/my/orders/{order.id}{suffix}?access_token={token}')
                self.assertNotIn(order.name, response.text)
                self.assertNotIn("Standing desk", response.text)

    def _get_sales_roads(self):
        """Return the rules of all requests for one order that Odoo's modules have."""
        rules = self.env['ir.http'].routing_map().iter_rules()
        return [rule for rule in rules if rule.rule.startswith('/my/orders/<')]

    @mute_logger('odoo.http')
    def test_sales_own_changes_are_closed(self):
        """A draft and a sent order can be read, but not changed, with their token."""
        new_test_user(
            self.env, login='anna', groups='base.group_portal'
        ).partner_id.parent_id = self.customer
        optional = {'product_id': self.book.id, 'product_uom_qty': 0}
        for sent in (False, True):
            order = self._create_order(sent=sent)
            order.write(
                {
                    'require_signature': True,
                    'require_payment': False,
                    'order_line': [
                        Command.create(
                            {'display_type': 'line_section', 'name': "More", 'is_optional': True}
                        ),
                        Command.create(optional),
                    ],
                }
            )
            order._portal_ensure_token()
            self.env.flush_all()
            before = (order.amount_total, order.state, order.billing_status)
            changes = {
                '/accept': {'name': "Anna", 'signature': SIGNATURE},
                '/update_line_dict': {'line_id': order.order_line[-1].id, 'input_quantity': -0.25},
                '/transaction': {
                    'provider_id': self.provider.id,
                    'payment_method_id': self.payment_method.id,
                    'token_id': None,
                    'amount': 1.0,
                    'flow': 'direct',
                    'tokenization_requested': False,
                    'landing_route': '/',
                },
            }
            suffixes = {
                re.sub(r'^/my/orders/<[^>]*>', '', rule.rule)
                for rule in self._get_sales_roads()
                if rule.endpoint.routing['type'] == 'jsonrpc'
            }
            self.assertLessEqual(set(changes), suffixes)
            for login in (None, 'anna'):
                self.authenticate(login, login)
                for suffix in suffixes:
                    with self.subTest(suffix, sent=sent, login=login):
                        answer = self._call_json(
                            f'/my/orders/{order.id}{suffix}',
                            {'access_token': order.access_token, **changes.get(suffix, {})},
                        )
                        self.assertEqual(answer['error']['code'], 404)
                with self.subTest('/decline', sent=sent, login=login):
                    response = self.url_open(
                        f'/my/orders/{order.id}/decline',
                        data={
                            'access_token': order.access_token,
                            'decline_message': "No",
                            'csrf_token': http.Request.csrf_token(self),
                        },
                    )
                    self.assertEqual(response.status_code, 404)
                self.env.invalidate_all()
                self.assertEqual((order.amount_total, order.state, order.billing_status), before)
            self.assertFalse(order.signature)
            self.assertFalse(order.billing_transaction_ids + order.transaction_ids)

    def test_an_ordinary_sale_is_accepted_as_ever(self):
        self.desk.purchase_type = False
        order = self._create_order(sent=False)
        order.write({'state': 'sent', 'require_signature': True, 'require_payment': False})
        order._portal_ensure_token()
        answer = self._call_json(
            f'/my/orders/{order.id}/accept',
            {
                'access_token': order.access_token,
                'name': "Anna",
                'signature': SIGNATURE,
            },
        )
        self.assertTrue(answer['result']['force_refresh'])
        self.assertEqual(order.state, 'sale')

    def test_a_draft_order_is_for_staff_only(self):
        draft = self._create_order(sent=False)
        draft._portal_ensure_token()
        self.env.flush_all()
        self.assertEqual(self.url_open(self._link(draft)).status_code, 404)
        self.authenticate('salesperson', 'salesperson')
        page = self.url_open(f'/order/{draft.id}')
        self.assertEqual(page.status_code, 200)
        self.assertNotIn('o_payment_form', page.text)

    def test_an_ordinary_sale_has_no_order_page(self):
        self.desk.purchase_type = False
        order = self._create_order(sent=False)
        order._portal_ensure_token()
        self.env.flush_all()
        response = self.url_open(f'/order/{order.id}?access_token={order.access_token}')
        self.assertEqual(response.status_code, 404)
        page = self.url_open(f'/my/orders/{order.id}?access_token={order.access_token}')
        self.assertEqual(page.status_code, 200)
        self.assertIn(order.name, page.text)

    @mute_logger('odoo.http')
    def test_customers_write_by_the_page_of_the_order(self):
        params = {
            'thread_model': 'sale.order',
            'thread_id': self.order.id,
            'post_data': {'body': "<b>Hello</b>", 'message_type': 'comment'},
            'token': self.order.access_token,
        }
        new_test_user(self.env, login='anna', groups='base.group_portal').partner_id = self.customer
        before = self.order.message_ids
        for login in (None, 'anna'):
            self.authenticate(login, login)
            answer = self._call_json('/mail/message/post', params)
            self.assertEqual(answer['error']['code'], 404)
        answer = self._call_json(
            '/web/dataset/call_kw/sale.order/message_post',
            {
                'model': 'sale.order',
                'method': 'message_post',
                'args': [self.order.ids],
                'kwargs': {'body': "Hello", 'message_type': 'comment'},
            },
        )
        self.assertEqual(answer['error']['data']['name'], 'odoo.exceptions.AccessError')
        self.assertEqual(self.order.message_ids, before)

    def test_pages_are_private(self):
        response = self.url_open(self._link(self.order))
        self.assertEqual(response.headers['Cache-Control'], 'no-store')
        self.assertEqual(response.headers['Referrer-Policy'], 'same-origin')
        self.assertEqual(response.headers['X-Robots-Tag'], 'noindex, nofollow')
        self.assertEqual(response.headers['X-Frame-Options'], 'SAMEORIGIN')
        self.assertEqual(response.headers['Content-Security-Policy'], "frame-ancestors 'self'")

    def test_only_get_reads(self):
        response = self.url_open(self._link(self.order), data={'a': 'b'})
        self.assertEqual(response.status_code, 405)
