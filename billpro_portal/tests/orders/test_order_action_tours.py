from datetime import date, datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.nightly import IS_NIGHTLY, nightly
from ..common.schedule_actions import START, OrderActionCommon
from ..common.tours import SubscriptionTourCommon

NOW = '2027-02-20 10:00:00'


@tagged('post_install', '-at_install')
class TestOrderActionTours(OrderActionCommon, SubscriptionTourCommon):
    """Each role walks through orders in a real browser: what is allowed works, the rest is not
    offered."""

    def _tour(self, tour, login):
        with freeze_time(NOW, tick=True):
            self._start_in_back_office('action-billpro_portal.action_billing_orders', tour, login)

    def test_billing_user(self):
        with freeze_time(START):
            orders = {
                name: self._name(name, self._create_active_order())
                for name in ('PAUSE', 'RESUME', 'LATER', 'UNDO', 'NOW', 'CARD')
            }
            orders['RESUME']._billing_pause()
            orders['UNDO']._billing_cancel_subscription(at_once=False)
            water = self._name('WATER', self._create_active_order((self.water, 1)))
            draft = self._name('DRAFT', self._create_order(sent=False))
            pending = self._name('PENDING', self._create_order())
            link = self._name('LINK', self._create_order(sent=False))
        self._tour('orders_as_billing_user', 'billing_user')
        self.assertEqual(
            {name: order.billing_status for name, order in orders.items()},
            {
                'PAUSE': 'paused',
                'RESUME': 'active',
                'LATER': 'active',
                'UNDO': 'active',
                'NOW': 'complete',
                'CARD': 'active',
            },
        )
        self.assertEqual(
            {name: order.billing_event_ids.mapped('status') for name, order in orders.items()},
            {
                'PAUSE': ['paused'],
                'RESUME': ['scheduled'],
                'LATER': ['cancelled'],
                'UNDO': ['scheduled'],
                'NOW': ['cancelled'],
                'CARD': ['scheduled'],
            },
        )
        self.assertEqual(orders['PAUSE'].billing_pause_until, date(2027, 4, 15))
        self.assertEqual(orders['LATER'].billing_cancel_date, date(2027, 3, 9))
        self.assertEqual(orders['NOW'].billing_cancel_date, date(2027, 2, 19))
        self.assertFalse(orders['UNDO'].billing_cancel_date)
        reason = self.env.ref('billpro_portal.cancel_reason_price')
        self.assertEqual((orders['LATER'] | orders['NOW']).billing_cancel_reason_id, reason)
        for name, kind in (
            ('PAUSE', 'paused'),
            ('RESUME', 'resumed'),
            ('LATER', 'cancelled'),
            ('UNDO', 'cancel_undone'),
            ('NOW', 'cancelled'),
            ('CARD', 'card_update'),
        ):
            self.assertIn(kind, orders[name].billing_notification_ids.mapped('kind'))
        self.assertEqual((water.billing_status, water.billing_paid), ('active', 17.43))
        self.assertEqual(
            [(event.amount, event.status) for event in water.billing_event_ids],
            [(17.43, 'completed')],
        )
        self._assert_books_closed(water)
        self.assertEqual((draft | pending).mapped('billing_status'), ['cancelled'] * 2)
        self.assertEqual((draft | pending).mapped('state'), ['cancel'] * 2)
        self.assertEqual(link.billing_status, 'pending')
        self.assertEqual(
            sorted(link.billing_notification_ids.mapped(lambda n: (n.kind, n.channel))),
            [('order_ready', 'mail'), ('order_ready', 'sms')],
        )
        if IS_NIGHTLY:
            # Without a browser that is looked at for each change.
            self._collect_in_march_and_april(orders)

    def _collect_in_march_and_april(self, orders):
        """Let the clock reach the next payments: what was paused or cancelled is not charged."""
        self._run_on('2027-03-10')
        self.assertEqual(
            {name: order.billing_paid for name, order in orders.items()},
            {
                'PAUSE': 24.2,
                'RESUME': 48.4,
                'LATER': 24.2,
                'UNDO': 48.4,
                'NOW': 24.2,
                'CARD': 48.4,
            },
        )
        self.assertEqual(orders['LATER'].billing_status, 'complete')
        self._run_on('2027-04-15')
        self.assertEqual(orders['PAUSE'].billing_status, 'active')
        self.assertEqual(
            orders['PAUSE'].billing_event_ids.mapped(lambda e: (e.due_date, e.status)),
            [(datetime(2027, 5, 10, 7), 'scheduled')],
        )
        for order in orders.values():
            self._assert_books_closed(order)

    @nightly("Managers refund in a browser, and complete without one, for each change.")
    def test_manager(self):
        orders = self._create_orders()
        self._tour('orders_as_manager', 'billing_manager')
        desk, water = orders['DESK'], orders['WATER']
        self._assert_totals(desk, paid=121.0, refunded=21.0, credited=21.0, balance=0.0)
        self._assert_books_closed(desk)
        self.assertEqual((water.billing_status, water.billing_paid), ('complete', 0.0))

    @nightly("What they may do is asked without a browser for each change.")
    def test_salesperson_and_accountant(self):
        orders = self._create_orders()
        before = {name: order.billing_status for name, order in orders.items()}
        self._tour('orders_as_salesperson', 'salesperson')
        self._tour('orders_as_accountant', 'accountant')
        self.assertEqual({name: o.billing_status for name, o in orders.items()}, before)


@tagged('post_install', '-at_install')
class TestOrderActionsRefused(OrderActionCommon):
    """The server refuses what isn't offered, too."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.orders = cls._create_orders()

    def _assert_refused(self, actions, *users):
        for name, methods in actions.items():
            for method in methods:
                for user in users:
                    with (
                        self.subTest(f'{user.login} {name} {method}'),
                        self.assertRaises(AccessError),
                        self.env.cr.savepoint(),
                    ):
                        getattr(self.orders[name].with_user(user), method)()

    def test_only_billing_users_act_on_payments(self):
        self._create_token()
        self._assert_refused(
            {
                'DRAFT': ['action_open_charge_card'],
                'CARD': ['action_open_pause', 'action_open_cancel_subscription'],
                'PAUSED': ['action_resume'],
                'CANCELLED': ['action_undo_cancellation', 'action_open_cancel_subscription'],
                'WATER': ['action_open_take_payment'],
            },
            self.salesperson,
            self.accountant,
        )

    def test_only_billing_managers_refund_and_complete(self):
        self._assert_refused(
            {'CARD': ['action_mark_complete'], 'DESK': ['action_open_refund']},
            self.salesperson,
            self.accountant,
            self.billing_user,
        )

    def test_accountants_read_only(self):
        """Whoever makes invoices may write to sales orders in Odoo; customers are not theirs."""
        self._assert_refused(
            {
                'DRAFT': [
                    'action_open_order_link',
                    'action_mail_order_links',
                    'action_send_order_link_mail',
                    'action_send_order_link_sms',
                ],
                'PENDING': ['action_send_reminder', 'action_revoke_order_link'],
                'CARD': ['action_request_card_update'],
            },
            self.accountant,
        )
        self.assertEqual(self.orders['DRAFT'].billing_status, 'draft')
        self.assertEqual(
            self.orders['PENDING'].billing_notification_ids
            | self.orders['CARD'].billing_notification_ids.filtered(
                lambda notice: notice.kind == 'card_update'
            ),
            self.env['billpro.notification'],
        )

    def test_what_the_status_forbids(self):
        for name, method, message in (
            ('DESK', 'action_open_pause', "can't be paused"),
            ('PAUSED', 'action_open_pause', "can't be paused"),
            ('CARD', 'action_resume', "is not paused"),
            ('WATER', 'action_open_cancel_subscription', "can't be cancelled"),
            ('CARD', 'action_undo_cancellation', "can't be undone any more"),
            ('CARD', 'action_open_take_payment', "has a schedule"),
            ('DESK', 'action_request_card_update', "has no stored payment method"),
            ('CARD', 'action_send_reminder', "is not waiting for a payment"),
            ('CARD', 'action_cancel', "billing status is “Active”"),
            ('DRAFT', 'action_mark_complete', "billing status is “Draft”"),
            ('DRAFT', 'action_open_refund', "no payment left to refund"),
        ):
            with (
                self.subTest(f'{name} {method}'),
                self.assertRaisesRegex(UserError, message),
                self.env.cr.savepoint(),
            ):
                getattr(self.orders[name].with_user(self.billing_manager), method)()
