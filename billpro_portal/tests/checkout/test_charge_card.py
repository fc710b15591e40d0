from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ..common.nightly import some
from ..common.schedule_actions import ScheduleActionCommon


@tagged('post_install', '-at_install')
class TestChargeCard(ScheduleActionCommon):
    """Staff charge a stored card for the initial payment."""

    def _charge(self, order, token, has_consent=True, user=None):
        """Charge a card as the dialog does; return the notification's type."""
        with self._committing_env(user or self.billing_user) as env:
            action = env['sale.order'].browse(order.id).action_open_charge_card()
            wizard = env[action['res_model']].browse(action['res_id'])
            wizard.write({'token_id': token.id, 'has_consent': has_consent})
            kind = wizard.action_charge()['params']['type']
            # Sent twice, as by a double click, it charges once.
            self.assertEqual(wizard.action_charge()['params']['type'], kind)
            return kind

    def test_approved_like_a_payment_of_the_customer(self):
        for sent in (False, True):
            with freeze_time('2027-01-31 10:00:00'):
                order = self._create_order((self.gym, 1), (self.fee, 1), sent=sent)
                token = self._create_token()
                self.assertEqual(self._charge(order, token), 'success')
            self.assertEqual((order.billing_status, order.state), ('active', 'sale'))
            self.assertEqual((order.billing_paid, order.billing_token_id), (36.3, token))
            self.assertEqual(order.billing_event_ids.mapped('amount'), [24.2])
            tx = order.billing_transaction_ids
            self.assertEqual((tx.operation, tx.reference), ('offline', f'{order.name}-P1'))
            self.assertIn('purchase_confirmation', order.billing_notification_ids.mapped('kind'))
            self.assertTrue(
                any(
                    "billing_user" in str(m.body) and "agreed by other means" in str(m.body)
                    for m in order.message_ids
                )
            )
            self._assert_books_closed(order)

    def test_an_order_that_changed_since_is_not_charged(self):
        order = self._create_order((self.gym, 1), (self.fee, 1))
        token = self._create_token()
        with self._committing_env(self.billing_user) as env:
            action = env['sale.order'].browse(order.id).action_open_charge_card()
            wizard = env[action['res_model']].browse(action['res_id'])
            wizard.write({'token_id': token.id, 'has_consent': True})
            wizard.order_id.sudo().order_line[0].price_unit = 30
            with self.assertRaisesRegex(UserError, "Then: now .*36.30 .*before: .*24.20"):
                wizard.action_charge()
        self.assertFalse(order.billing_transaction_ids)

    def test_declined_is_rejected_and_may_be_tried_again(self):
        order = self._create_order((self.desk, 1))
        self.assertEqual(self._charge(order, self._create_token('error')), 'danger')
        self.assertEqual((order.billing_status, order.billing_paid), ('rejected', 0.0))
        self.assertFalse(order.billing_move_ids)
        self.assertFalse(order._billing_get_not_payable_reason())
        self.assertEqual(self._charge(order, self._create_token('error')), 'danger')
        self.assertEqual(order.billing_status, 'rejected')
        self.assertEqual(self._charge(order, self._create_token()), 'success')
        self.assertEqual((order.billing_status, order.billing_paid), ('complete', 121.0))
        self.assertEqual(
            order.billing_transaction_ids.sorted('id').mapped('state'), ['error', 'error', 'done']
        )
        self._assert_books_closed(order)

    def test_a_rejected_order_can_be_cancelled(self):
        order = self._create_order((self.desk, 1))
        self._charge(order, self._create_token('error'))
        order.with_user(self.billing_user)._action_cancel()
        self.assertEqual(order.billing_status, 'cancelled')

    def test_without_a_result_everything_else_waits(self):
        order = self._create_order((self.gym, 1))
        token = self._create_token('pending')
        self.assertEqual(self._charge(order, token), 'warning')
        self.assertEqual(order.billing_status, 'pending')
        with self.assertRaisesRegex(UserError, "is being processed"):
            self._charge(order, token)
        with self.assertRaisesRegex(UserError, "is being processed"):
            order._action_cancel()
        self.assertEqual(
            order._billing_get_not_payable_reason(), "Your payment is already being processed."
        )
        self.assertEqual(len(order.billing_transaction_ids), 1)

    def test_declined_later_is_rejected(self):
        for state in some(('error', 'cancel')):
            with self.subTest(state):
                order = self._create_order((self.gym, 1))
                self.assertEqual(self._charge(order, self._create_token('pending')), 'warning')
                tx = order.billing_transaction_ids
                # Odoo's job has seen it while it was pending.
                with self.enter_registry_test_mode():
                    self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
                self.assertEqual((tx.state, order.billing_status), ('pending', 'pending'))
                planned = self._get_planned_post_processing()
                tx._process('demo', {'reference': tx.reference, 'simulated_state': state})
                self.assertEqual(len(self._get_planned_post_processing() - planned), 1)
                with self.enter_registry_test_mode():
                    self.env.ref('payment.cron_post_process_payment_tx').method_direct_trigger()
                self.assertEqual((tx.state, order.billing_status), (state, 'rejected'))
                self.assertIn("was declined for the initial payment", order.message_ids[0].body)
                self.assertEqual(self._charge(order, self._create_token()), 'success')
                self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
                self._assert_books_closed(order)

    def _get_planned_post_processing(self):
        cron = self.env.ref('payment.cron_post_process_payment_tx')
        return self.env['ir.cron.trigger'].search([('cron_id', '=', cron.id)])

    def test_a_charge_that_was_never_answered_is_found(self):
        """The process died between sending and the answer: nobody may charge beside it."""
        order = self._create_order((self.gym, 1))
        with freeze_time('2027-01-31 10:00:00'):
            tx = self.env['payment.transaction'].create(
                order._prepare_billing_initial_charge(self._create_token(), 1)
            )
        self.assertEqual(order._billing_get_payment_in_progress(), tx)
        order.billing_transaction_ids._billing_supersede()
        self.assertEqual(tx.state, 'draft')

    def test_nothing_to_pay_selects_the_card(self):
        order = self._create_order((self.course, 1))
        token = self._create_token()
        self.assertEqual(self._charge(order, token), 'success')
        self.assertEqual((order.billing_status, order.billing_token_id), ('active', token))
        self.assertEqual(order.billing_paid, 0.0)
        self.assertEqual(order.billing_transaction_ids.mapped('operation'), ['validation'])
        self.assertEqual(len(order.billing_event_ids), 7)

    def test_refused(self):
        order = self._create_order((self.gym, 1))
        with self.assertRaisesRegex(UserError, "has no stored card"):
            self._charge(order, self.env['payment.token'])
        token = self._create_token()
        foreign = self._create_token(partner=self.other_customer)
        with self.assertRaises(AccessError):
            self._charge(order, token, user=self.salesperson)
        with self.assertRaisesRegex(UserError, "Confirm that the customer agreed"):
            self._charge(order, token, has_consent=False)
        with self.assertRaisesRegex(AccessError, "doesn't belong to order"):
            self._charge(order, foreign)
        other_provider = self.provider.copy({'state': 'disabled', 'code': 'none'})
        unfit = token.copy({'provider_id': other_provider.id})
        with self.assertRaisesRegex(UserError, "can't be charged to this card"):
            self._charge(order, unfit)
        order.validity_date = '2026-01-01'
        with self.assertRaisesRegex(UserError, "has expired"):
            self._charge(order, token)
        self.assertFalse(order.billing_transaction_ids)
        order.validity_date = False
        self._charge(order, token)
        with self.assertRaisesRegex(UserError, "billing status is “Active”"):
            self._charge(order, token)
        self.assertEqual(order.billing_paid, 24.2)
