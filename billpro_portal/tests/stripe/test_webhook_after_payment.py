from datetime import timedelta

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from ...billing.stripe_messages import EVENT_TYPES
from ..common.gateway import DUE
from ..common.webhook import WebhookCommon


@tagged('post_install', '-at_install')
class TestWebhookRefund(WebhookCommon):
    """Refunds that Stripe reports."""

    REFUND_TYPES = ('charge.refunded', 'refund.created', 'refund.updated', 'refund.failed')

    def setUp(self):
        super().setUp()
        self._run_at()
        self.tx = self.event.transaction_ids
        self.assertEqual(self.tx.state, 'done')

    def _deliver_refunds(self):
        with freeze_time(DUE):
            self._deliver_all(
                self._find_messages(*self.REFUND_TYPES, payment=self.tx.provider_reference)
            )
            self._process()

    def _assert_refunded(self, amount):
        refunds = self.tx.child_transaction_ids
        self.assertEqual(refunds.mapped('state'), ['done'])
        self.assertEqual(
            (self.order.billing_refunded, self.order.billing_credited), (amount, amount)
        )
        self._assert_books_closed(self.order)

    def test_made_at_the_provider(self):
        self._post('refunds', payment_intent=self.tx.provider_reference, amount=1000)
        self._deliver_refunds()
        self._assert_refunded(10.0)
        self.assertIn("was made at the provider", self.order.activity_ids.summary)
        self._deliver_refunds()
        self._assert_refunded(10.0)

    def test_made_in_odoo(self):
        """Neither the answer nor the messages make a second credit note."""
        with freeze_time(DUE), self._committing_env() as env:
            env['payment.transaction'].browse(self.tx.id)._billing_create_order_refund(
                10
            )._billing_send_order_refund()
        self._deliver_refunds()
        self._assert_refunded(10.0)
        self.assertFalse(self.order.activity_ids)

    def test_whose_answer_was_lost(self):
        self.gateway.faults.add('drop_after', path='/v1/refunds', method='POST')
        with freeze_time(DUE), self._committing_env() as env:
            env['payment.transaction'].browse(self.tx.id)._billing_create_order_refund(
                10
            )._billing_send_order_refund()
        self.assertTrue(self.tx.child_transaction_ids.billing_outcome_unknown)
        self._deliver_refunds()
        self._assert_refunded(10.0)
        self._run_at(minutes=6)
        self._assert_refunded(10.0)
        self.assertEqual(
            len(self.gateway.ledger.movements(kind='refund', description=self.tx.reference)), 1
        )

    def test_that_fails_later(self):
        """The money comes back: the customer is still owed it, and the credit note is open."""
        self.order.billing_token_id = self._create_token('pm_card_refundFail')
        self._run_at(days=28)
        self.tx = self.order.billing_event_ids.sorted('number')[1].transaction_ids
        self.assertEqual(self.tx.state, 'done')
        with freeze_time(DUE), self._committing_env() as env:
            env['payment.transaction'].browse(self.tx.id)._billing_create_order_refund(
                10
            )._billing_send_order_refund()
        self._assert_refunded(10.0)
        self.gateway.settle_refund(self.tx.child_transaction_ids.provider_reference)
        self._deliver_refunds()
        self.assertEqual(self.tx.child_transaction_ids.state, 'error')
        self.assertEqual((self.order.billing_refunded, self.order.billing_credited), (0, 10))
        credit_note = self.order.billing_move_ids.filtered(
            lambda move: move.move_type == 'out_refund'
        )
        self.assertEqual((credit_note.state, credit_note.amount_residual), ('posted', 10.0))
        self.assertIn("failed", self.order.activity_ids.summary)

    def test_that_fails_before_it_is_booked(self):
        self.order.billing_token_id = self._create_token('pm_card_refundFail')
        self._run_at(days=28)
        self.tx = self.order.billing_event_ids.sorted('number')[1].transaction_ids
        told = self._post('refunds', payment_intent=self.tx.provider_reference, amount=1000)
        refund = self.tx._create_child_transaction(
            10, is_refund=True, provider_reference=told['id']
        )
        refund._set_done()
        self.gateway.settle_refund(told['id'])
        self.tx._billing_process_stripe_refunds()
        self.assertEqual((refund.state, bool(refund.payment_id)), ('error', False))
        self.assertEqual(self.order.activity_ids.summary, f"Refund {refund.reference} failed")
        self.assertIn("no credit note was made", self.order.activity_ids.note)


@tagged('post_install', '-at_install')
class TestWebhookDispute(WebhookCommon):
    """Disputes that Stripe reports."""

    TYPES = tuple(name for name in EVENT_TYPES if name.startswith('charge.dispute.'))

    def setUp(self):
        super().setUp()
        self._run_at()
        self.tx = self.event.transaction_ids
        self.dispute = self.gateway.open_dispute(self.tx.provider_reference)
        self._deliver_disputes()

    def _deliver_disputes(self):
        with freeze_time(DUE):
            self._deliver_all(self._find_messages(*self.TYPES, payment=self.tx.provider_reference))
            self._process()

    def test_evidence_is_sent_once(self):
        self._create_consent()
        dispute = self.order.billing_dispute_ids
        with freeze_time(DUE):
            self.assertTrue(dispute.can_send_evidence)
            text = str(dispute._get_evidence())
            for part in (self.tx.reference, self.order.name, self.tx.invoice_ids.name):
                self.assertIn(part, text)
            dispute.with_user(self.billing_manager).action_send_evidence()
            at_gateway = self.gateway.find('dispute', self.dispute['id'])
            self.assertEqual(at_gateway['status'], 'under_review')
            self.assertEqual(at_gateway['evidence']['customer_purchase_ip'], '192.0.2.1')
            self.assertTrue(at_gateway['evidence']['uncategorized_file'].startswith('file_'))
            self.assertFalse(dispute.can_send_evidence)
            with self.assertRaisesRegex(UserError, "No evidence"), self.env.cr.savepoint():
                dispute.with_user(self.billing_manager).action_send_evidence()
        self.assertIn(
            f'evidence-{dispute.provider_reference}.pdf',
            self.order.message_ids.attachment_ids.mapped('name'),
        )

    def _create_consent(self):
        self.env['billpro.consent'].create(
            {
                'order_id': self.order.id,
                'partner_id': self.order.partner_id.id,
                'text': "I agree.",
                'version': 'v1',
                'agreement': "Seller: Aurora Studio",
                'fingerprint': 'f1',
                'ip_address': '192.0.2.1',
            }
        )

    def test_opened(self):
        self.assertRecordValues(
            self.order.billing_dispute_ids,
            [
                {
                    'provider_reference': self.dispute['id'],
                    'transaction_id': self.tx.id,
                    'amount': 24.2,
                    'reason': 'fraudulent',
                    'state': 'open',
                }
            ],
        )
        self.assertTrue(self.order.billing_is_disputed)
        self.assertEqual(
            self.order.activity_ids.summary, f"Payment {self.tx.reference} is disputed"
        )
        notes = self.tx.invoice_ids.message_ids.mapped('body')
        self.assertEqual(sum("The customer disputes $" in note for note in notes), 1)
        self._deliver_disputes()
        self.assertEqual(len(self.order.billing_dispute_ids), 1)
        self.assertEqual(len(self.order.activity_ids), 1)

    def test_fraud_stops_the_charges_until_staff_decide(self):
        self.assertTrue(self.order.billing_is_stopped)
        due = self.order.billing_next_event_id.due_date
        for decided in (False, True):
            with freeze_time(due):
                self._run()
            event = self.order.billing_event_ids.filtered(lambda e: e.due_date == due)
            self.assertEqual(event.status, 'completed' if decided else 'scheduled')
            if decided:
                break
            with freeze_time(due + timedelta(hours=2)):
                exception = self.env['billpro.billing.exception'].search(
                    [('event_id', '=', event.id)]
                )
                self.assertIn("is disputed as fraud", exception.reason)
                with self.assertRaisesRegex(UserError, "Resume its charges first"):
                    event.with_user(self.billing_manager).action_execute_now()
                with self.assertRaises(AccessError):
                    self.order.with_user(self.salesperson).action_resume_charges()
                self.order.with_user(self.billing_manager).action_resume_charges()
            self.assertFalse(self.order.billing_is_stopped)
        # It is decided once more when the dispute is lost.
        self.gateway.close_dispute(self.dispute['id'], won=False)
        self._deliver_disputes()
        self.assertTrue(self.order.billing_is_stopped)

    def test_a_dispute_about_something_else_stops_nothing(self):
        self.order.billing_dispute_ids.state = 'closed'
        values = self.tx._prepare_billing_stripe_dispute(
            {**self.dispute, 'reason': 'product_not_received'}
        )
        self.env['billpro.dispute']._record(self.tx, values)
        self.assertFalse(self.order.billing_is_stopped)

    def test_won(self):
        self.gateway.close_dispute(self.dispute['id'], won=True)
        self._deliver_disputes()
        self.assertEqual(self.order.billing_dispute_ids.state, 'won')
        self.assertFalse(self.order.billing_is_disputed)
        self.assertEqual(len(self.order.activity_ids), 1)

    def test_lost(self):
        self.gateway.close_dispute(self.dispute['id'], won=False)
        self._deliver_disputes()
        self.assertEqual(self.order.billing_dispute_ids.state, 'lost')
        self.assertFalse(self.order.billing_is_disputed)
        self.assertIn(
            f"The dispute of payment {self.tx.reference} was lost",
            self.order.activity_ids.mapped('summary'),
        )


@tagged('post_install', '-at_install')
class TestWebhookInquiry(WebhookCommon):
    """Questions of banks, which may become disputes (Stripe documentation, "How disputes work")."""

    TYPES = TestWebhookDispute.TYPES

    def setUp(self):
        super().setUp()
        self._run_at()
        self.tx = self.event.transaction_ids

    def _ask(self, **options):
        self.dispute = self.gateway.open_dispute(
            self.tx.provider_reference,
            **{'reason': 'product_not_received', 'status': 'warning_needs_response', **options},
        )
        self._deliver_news()

    def _deliver_news(self):
        with freeze_time(DUE):
            self._deliver_all(
                self._find_messages(
                    *self.TYPES,
                    'charge.refunded',
                    'refund.created',
                    payment=self.tx.provider_reference,
                )
            )
            self._process()

    def _get_summaries(self):
        return self.order.activity_ids.sorted('id').mapped('summary')

    def _get_last_note(self):
        return self.tx.invoice_ids[:1].message_ids.sorted('id')[-1].body

    def test_nothing_is_held_back(self):
        self._ask()
        self.assertEqual(self.order.billing_dispute_ids.state, 'inquiry')
        self.assertTrue(self.order.billing_is_disputed)
        self.assertFalse(self.order.billing_is_stopped)
        self.assertEqual(
            self._get_summaries(), [f"The bank asks about payment {self.tx.reference}"]
        )
        self.assertIn("No money is held back.", self._get_last_note())
        self.assertEqual([one.kind for one in self.gateway.ledger.movements()][-1], 'charge')

    def test_a_question_about_fraud_stops_the_charges(self):
        self._ask(reason='fraudulent')
        self.assertTrue(self.order.billing_is_stopped)

    def test_escalated_months_later_without_a_message(self):
        self._ask()
        with freeze_time(DUE + timedelta(days=70)):
            self.gateway.escalate_dispute(self.dispute['id'])
        self._ask_for_disputes(DUE + timedelta(days=71))
        dispute = self.order.billing_dispute_ids
        self.assertEqual((dispute.state, dispute.provider_status), ('open', 'needs_response'))
        self.assertEqual(self._get_summaries(), [f"Payment {self.tx.reference} is disputed"])
        # A message told that it was answered, and no one that it needs an answer again.
        dispute.provider_status = 'under_review'
        self._ask_for_disputes(DUE + timedelta(days=72))
        self.assertEqual(dispute.provider_status, 'needs_response')

    def test_escalated(self):
        self._ask(reason='fraudulent')
        self.order.with_user(self.billing_manager).action_resume_charges()
        self.gateway.escalate_dispute(self.dispute['id'])
        self._deliver_news()
        self.assertEqual(self.order.billing_dispute_ids.state, 'open')
        self.assertEqual(self._get_summaries(), [f"Payment {self.tx.reference} is disputed"])
        self.assertIn("The provider holds the money back.", self._get_last_note())
        # Whoever has resumed the charges knew of a question only.
        self.assertTrue(self.order.billing_is_stopped)

    def test_dropped(self):
        self._ask()
        self.gateway.close_dispute(self.dispute['id'], won=True)
        self._deliver_news()
        self.assertEqual(self.order.billing_dispute_ids.state, 'closed')
        self.assertEqual(self._get_summaries(), [])
        self.assertIn("was closed. No money moved.", self._get_last_note())

    def test_refunded(self):
        self._ask()
        self._post('refunds', payment_intent=self.tx.provider_reference)
        self._deliver_news()
        self.assertRecordValues(
            self.order.billing_dispute_ids,
            [{'state': 'closed', 'provider_status': 'charge_refunded'}],
        )
        self.assertFalse(self.order.billing_is_disputed)
        self.assertEqual(self.order.billing_refunded, 24.2)
        self.assertNotIn(f"The bank asks about payment {self.tx.reference}", self._get_summaries())

    def test_prevented(self):
        self._ask(status='prevented')
        self.assertEqual(self.order.billing_dispute_ids.state, 'closed')
        self.assertFalse(self.order.billing_is_disputed)
        self.assertEqual(self._get_summaries(), [])
        self.assertIn("was settled by a refund.", self._get_last_note())


@tagged('post_install', '-at_install')
class TestWebhookCard(WebhookCommon):
    """Cards that Stripe reports."""

    def _deliver_cards(self, token):
        self._deliver_all(
            self._find_messages(
                'payment_method.automatically_updated',
                'payment_method.card_automatically_updated',
                'payment_method.detached',
                payment=token.stripe_payment_method,
            )
        )
        self._process()

    def test_both_names_of_the_message_are_taken_in(self):
        """Stripe documentation, "API changelog", 2020-08-27: the message is renamed."""
        token = self.order.billing_token_id
        self.gateway.renew_card(token.stripe_payment_method, exp_year=2031, last4='1881')
        (message,) = self._find_messages(
            'payment_method.card_automatically_updated', payment=token.stripe_payment_method
        )
        later = {**message, 'id': 'evt_renamed', 'type': 'payment_method.automatically_updated'}
        self._deliver_all([message, later])
        self._process()
        self.assertEqual(
            self._get_events().mapped('event_type'),
            ['payment_method.automatically_updated'] * 2,
        )
        self.assertEqual(self._get_events().mapped('state'), ['processed', 'processed'])
        self.assertEqual(token.card_last_digits, '1881')

    def test_renewed_by_the_bank(self):
        token = self.order.billing_token_id
        self.gateway.renew_card(
            token.stripe_payment_method, exp_month=2, exp_year=2031, last4='1881'
        )
        self._deliver_cards(token)
        self.assertEqual(str(token.card_expiry_date), '2031-02-28')
        self.assertEqual(token._get_card_name(), "VISA •••• 1881")
        self.assertEqual(token.payment_details, '1881')

    def test_removed_at_the_provider(self):
        token = self.order.billing_token_id
        self._post(f'payment_methods/{token.stripe_payment_method}/detach')
        self._deliver_cards(token)
        self.assertFalse(token.active)
        self.assertIn("was removed at the provider", self.order.activity_ids.summary)
        self._run_at()
        self.assertEqual(self.event.status, 'scheduled')
        self.assertIn("can't be charged any more", self.event.status_message)
