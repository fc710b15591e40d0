from datetime import timedelta

from freezegun import freeze_time

from odoo import fields
from odoo.tests import tagged

from ..common.self_service_http import SelfServiceHttpCommon


@tagged('post_install', '-at_install')
class TestBackup(SelfServiceHttpCommon):
    """A second card, which the customer agrees to, is charged after a hard decline."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.event = cls.order.billing_event_ids.filtered(lambda e: e.status == 'soft_declined')
        cls.text = (
            f"If {cls.card._get_card_name()} is declined for good, this is charged instead: for"
            " that payment, and from then on."
        )

    def _agree(self):
        response = self._post_form(self.order, '/card/backup', token_id=self.spare.id)
        self._assert_done(response, 'backup_set')
        self.assertEqual(self.order.billing_backup_token_id, self.spare)

    def _retry(self, **states):
        """Let the run try the payment again, with these states of the cards."""
        self.card.demo_simulated_state = states.get('card', 'cancel')
        self.spare.demo_simulated_state = states.get('spare', 'done')
        with freeze_time(fields.Datetime.now() + timedelta(days=2)):
            self._run()

    def _get_charged(self):
        return self.event.transaction_ids.sorted('id').mapped('token_id')

    def _get_kinds(self):
        return self.order.billing_notification_ids.sorted('id').mapped('kind')

    def test_all_of_one_second_is_told(self):
        before = self._get_kinds()
        with freeze_time(fields.Datetime.now()):
            self.order._billing_choose_backup(self.spare)
            self.order._billing_choose_backup(self.spare.browse())
        self.assertEqual(self._get_kinds()[len(before) :], ['card_changed'] * 2)

    def test_the_customer_agrees_and_ends_it(self):
        self.assertIn(self.text, self._get(self.order, '').text)
        before = self._get_kinds()
        for _twice in range(2):
            self._agree()
        page = self._get(self.order, '').text
        self.assertIn("Backup.", page)
        self.assertIn("No backup any more", page)
        self.assertIn(
            f"is declined for good, {self.spare._get_card_name()} is charged instead",
            ' '.join(self.order.message_ids.mapped('body')),
        )
        self._assert_done(self._post_form(self.order, '/card/backup'), 'backup_ended')
        self.assertFalse(self.order.billing_backup_token_id)
        self.assertEqual(self._get_kinds()[len(before) :], ['card_changed'] * 2)

    def test_a_hard_decline_is_charged_to_it_at_once(self):
        self._agree()
        before = self._get_kinds()
        self._retry()
        self.assertEqual(self._get_charged(), self.card + self.card + self.spare)
        self.assertEqual((self.event.status, self.order.billing_status), ('recovered', 'active'))
        self.assertEqual(self.order.billing_token_id, self.spare)
        self.assertFalse(self.order.billing_backup_token_id)
        self.assertEqual(self._get_kinds()[len(before) :], ['card_changed', 'payment_received'])
        notice = self.order.billing_notification_ids.sorted('id')[-2]
        self.assertEqual(
            notice.text,
            f"{self.card._get_card_name()} was declined for good. As agreed,"
            f" {self.spare._get_card_name()} is charged for order {self.order.name} from now on.",
        )
        self._assert_books_closed(self.order)

    def test_it_is_tried_once(self):
        self._agree()
        self._retry(spare='cancel')
        self.assertEqual(self._get_charged(), self.card + self.card + self.spare)
        self.assertEqual(
            (self.event.status, self.order.billing_status), ('hard_declined', 'suspended')
        )
        self.assertEqual(self._get_kinds()[-1], 'payment_failed')

    def test_a_soft_decline_waits(self):
        self._agree()
        self._retry(card='error')
        self.assertEqual(self._get_charged(), self.card + self.card)
        self.assertEqual(self.event.status, 'soft_declined')
        self.assertEqual(self.order.billing_backup_token_id, self.spare)

    def test_what_was_not_agreed_to_is_not_charged(self):
        self._retry()
        self.assertEqual(self._get_charged(), self.card + self.card)
        self.assertEqual(self.event.status, 'hard_declined')

    def test_what_can_not_be_charged_is_no_backup(self):
        self._agree()
        self.spare.card_expiry_date = '2020-01-31'
        self._retry()
        self.assertEqual(self._get_charged(), self.card + self.card)
        self.spare.card_expiry_date = False
        self.spare.payment_method_id = self.env.ref('payment.payment_method_sepa_direct_debit')
        for card in (self.card, self.spare):
            response = self._post_form(self.order, '/card/backup', token_id=card.id)
            self._assert_refused(response, "be the backup")

    def test_a_card_that_is_chosen_is_no_backup_any_more(self):
        self._agree()
        self._assert_done(
            self._post_form(self.order, '/card/select', token_id=self.spare.id), 'card_selected'
        )
        self.assertFalse(self.order.billing_backup_token_id)
