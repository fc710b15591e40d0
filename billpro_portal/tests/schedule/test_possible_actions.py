from freezegun import freeze_time

from odoo import fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from ...billing.actions import EventAction, OrderAction
from ..common.schedule_actions import START, ScheduleActionCommon

EVENT_FIELDS = [f'can_{action.value}' for action in EventAction]
ORDER_FIELDS = [f'billing_can_{action.value}' for action in OrderAction]


@tagged('post_install', '-at_install')
class TestPossibleActions(ScheduleActionCommon):
    """What buttons show is what their methods take."""

    def _possible(self, record, names):
        record.invalidate_recordset(names, flush=False)
        return {name for name in names if record[name]}

    def test_the_method_refuses_what_the_button_hides(self):
        order = self._create_instalments()
        first, second, _last = order.billing_event_ids
        second._apply_trigger('pause')
        with freeze_time(START):
            for event, possible in (
                (first, {'can_execute', 'can_reschedule', 'can_merge', 'can_skip'}),
                (second, {'can_skip'}),
            ):
                self.assertEqual(self._possible(event, EVENT_FIELDS), possible)
            with self.assertRaisesRegex(UserError, "it is “Paused”"):
                second.with_user(self.billing_user).action_open_reschedule()
            order.billing_collection_date = fields.Datetime.now()
            self.assertEqual(self._possible(first, EVENT_FIELDS), set())
            for method in ('action_open_skip', 'action_open_reschedule', 'action_execute_now'):
                with self.assertRaisesRegex(UserError, "has just asked to pay"):
                    getattr(first.with_user(self.billing_user), method)()

    def test_a_cancelled_subscription_is_not_resumed_by_hand(self):
        with freeze_time(START):
            order = self._create_active_order()
            order._billing_pause()
            self.assertIn('billing_can_resume', self._possible(order, ORDER_FIELDS))
            order._billing_cancel_subscription(at_once=False)
            self.assertNotIn('billing_can_resume', self._possible(order, ORDER_FIELDS))
            with self.assertRaisesRegex(UserError, "undo the cancellation first"):
                order.with_user(self.billing_user).action_resume()
            order._billing_undo_cancellation()
            order.with_user(self.billing_user).action_resume()
        self.assertEqual(order.billing_status, 'active')

    def _count_queries(self, events):
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        events.read(EVENT_FIELDS)
        return self.env.cr.sql_log_count - before

    def test_a_long_schedule_costs_no_more_queries(self):
        few = self._create_instalments().billing_event_ids
        many = self._create_instalments(count=36).billing_event_ids
        self._count_queries(few)  # What is looked up once and then known.
        self.assertEqual(self._count_queries(many), self._count_queries(few))
        self.assertEqual(set(many.mapped('can_skip')), {True})
