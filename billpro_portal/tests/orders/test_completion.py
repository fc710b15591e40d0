from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.instalment import InstalmentCommon


@tagged('post_install', '-at_install')
class TestCompletion(InstalmentCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-31 10:00:00'):
            cls.order = cls._create_active_order(
                (cls.course, 1), billing_deposit=21.0, billing_instalment_count=3
            )

    def _complete(self, user=None):
        self.order.with_user(user or self.billing_manager).action_mark_complete()

    def test_nothing_more_is_collected_and_refunds_stay_possible(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        with freeze_time('2027-02-28 10:00:00'):
            self._run()
            self.assertEqual(self.order.billing_status, 'failed')
            self._complete()
        self.assertEqual(self.order.billing_status, 'complete')
        self.assertEqual(
            self.order.billing_event_ids.mapped('status'), ['cancelled', 'cancelled', 'cancelled']
        )
        self.assertFalse(self.order.billing_move_ids.filtered(lambda move: move.state == 'draft'))
        self.assertTrue(any("completed the order." in str(m.body) for m in self.order.message_ids))
        for moment in ('2027-03-01 10:00:00', '2027-03-31 10:00:00', '2027-04-30 10:00:00'):
            with freeze_time(moment):
                self._assert_nothing_due(self.order)
        self.assertEqual(self.order.billing_paid, 21)
        self.assertEqual(self.order.billing_balance, 0)
        self._refund(self.order, 21)
        self.assertEqual(self.order.billing_refunded, 21)
        self.assertEqual(self.order.billing_balance, 0)

    def test_what_was_collected_after_all_counts(self):
        self.order.billing_token_id.demo_simulated_state = 'error'
        with freeze_time('2027-02-28 10:00:00'):
            self._run()
            tx = self.order.billing_event_ids[0].transaction_ids
            self._complete()
            tx._set_done(extra_allowed_states=('error',))
            tx._post_process()
        self.assertEqual(self.order.billing_balance, 0)

    def test_refused(self):
        with self.assertRaises(AccessError):
            self._complete(self.salesperson)
        event = self.order.billing_event_ids[0]
        event._apply_trigger('open')
        with self.assertRaisesRegex(UserError, "The outcome of payment .*-E1 isn't known yet"):
            self._complete()
        event._apply_trigger('refuse')
        self._complete()
        with self.assertRaisesRegex(UserError, "its billing status is “Complete”"):
            self._complete()
