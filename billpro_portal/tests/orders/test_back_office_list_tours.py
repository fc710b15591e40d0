from odoo import fields
from odoo.tests import tagged

from ..common.http import BillingHttpCommon
from ..common.nightly import nightly
from ..common.rights import RightsCommon


@tagged('post_install', '-at_install')
class TestBackOfficeListTours(RightsCommon, BillingHttpCommon):
    """The lists and reports in a real browser, for each role."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.soft = cls._create_active_order(state='error')
        cls.hard = cls._create_active_order(state='cancel')
        cls.expiring = cls._create_active_order()
        cls.expiring.billing_token_id.card_expiry_date = fields.Date.end_of(
            fields.Date.today(), 'month'
        )
        cls.pending = cls._create_order(partner=cls.other_customer)
        cls.env.flush_all()
        for order in (cls.soft, cls.hard):
            with cls.registry.cursor() as cr:  # As a request's, it may commit.
                events = order.with_env(cls.env(cr=cr)).billing_event_ids
                events.env['billpro.billing.run']._run_events(events)
            cls.env.invalidate_all()
            cls.env['account.move']._get_sequence_cache().clear()
        cls.soft.billing_token_id.demo_simulated_state = 'done'

    def _start(self, role):
        self.start_tour(
            '/odoo/action-billpro_portal.action_billing_orders',
            f'billpro_portal.lists_as_{role}',
            login=self.roles[role].login,
        )

    def test_billing_user(self):
        self._start('billing_user')
        self.assertEqual(self.soft.billing_paid, 48.4)
        self.assertEqual(self.hard.billing_paid, 24.2)
        self.assertEqual(self.hard.billing_event_ids.mapped('attempt_count'), [1, 0])
        self._assert_books_closed(self.soft)

    @nightly("The billing user presses the same buttons for each change, but for reminders.")
    def test_manager(self):
        self._start('manager')
        self.assertEqual(self.pending.billing_notification_ids.mapped('kind'), ['order_reminder'])
        self.assertEqual(
            self.expiring.billing_notification_ids.filtered(
                lambda notice: notice.kind == 'card_update'
            ).mapped('channel'),
            ['mail'],
        )

    @nightly("What accountants may do is asked without a browser for each change.")
    def test_accountant(self):
        self._start('accountant')
        self.assertFalse(self.pending.billing_notification_ids)
        self.assertEqual(self.soft.billing_paid, 24.2)
