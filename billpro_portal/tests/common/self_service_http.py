from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.http import Request
from odoo.tools import mute_logger

from .http import BillingHttpCommon
from .subscription import SubscriptionCommon

HEADERS = {
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'same-origin',
    'X-Robots-Tag': 'noindex, nofollow',
}


class SelfServiceHttpCommon(BillingHttpCommon, SubscriptionCommon):
    """A subscription with a declined payment, a spare card, and somebody else's beside it."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order, cls.other_order = cls._create_declined_orders()
        cls.card = cls.order.billing_token_id
        cls.other_card = cls.other_order.billing_token_id
        cls.spare = cls._create_token()

    def setUp(self):
        super().setUp()
        self.authenticate(None, None)

    @classmethod
    def _create_declined_orders(cls):
        """Return an order of the customer and one of another, both with a declined payment."""
        with freeze_time(fields.Datetime.now() - timedelta(days=33)):
            order = cls._create_active_order()
            other_order = cls._create_order((cls.gym, 1), partner=cls.other_customer)
            cls._create_initial_transaction(
                other_order, 'done', token_id=cls._create_token(partner=cls.other_customer).id
            )._post_process()
        orders = order + other_order
        orders.billing_token_id.demo_simulated_state = 'error'
        cls._collect_due(orders)
        assert set(orders.mapped('billing_status')) == {'failed'}
        for each in orders:
            each._portal_ensure_token()
        return order, other_order

    @classmethod
    def _collect_due(cls, orders):
        """Let a run collect what is due for orders."""
        with cls._committing_env() as env, mute_logger('odoo.addons.payment'):
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
                    'billing_backup_token_id',
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
            '/details',
            '/orders',
            '/orders/documents',
            '/orders/progress',
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
        """Call a JSON-RPC route of an order; return the answer."""
        return self._call_json(f'/order/{order.id}{suffix}', params)

    def _register(self, order, **overrides):
        """Send what the payment form of the card page sends; return the answer."""
        params = {
            **self._prepare_new_card(
                access_token=order.access_token,
                tokenization_requested=True,
                landing_route='/',
                is_validation=True,
                amount=None,
                collect_amount=order.billing_outstanding,
            ),
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
