from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import SQL

from ..common.gateway import DUE
from ..common.whose_payment import WhosePaymentCommon


@tagged('post_install', '-at_install')
class TestNobodyCameBack(WhosePaymentCommon):
    """Paid at Stripe with the browser closed before it came back, and no message."""

    def setUp(self):
        super().setUp()
        self.order, self.tx = self._begin_single()

    def _open(self, suffix=''):
        self.env.flush_all()
        page = self.url_open(self._link(self.order, suffix))
        self.env.invalidate_all()
        return page

    def test_the_link_shows_it_paid(self):
        self._confirm(self.tx)
        page = self._open()
        self.assertNotIn('id="o_payment_form"', page.text)
        self.assertEqual((self.tx.state, self.order.billing_status), ('done', 'complete'))
        self.assertEqual(self.order.billing_paid, 121.0)
        self._assert_books_closed(self.order)

    def test_what_is_still_being_decided_is_shown_so(self):
        self.gateway.settings.processing_payments = 1
        intent = self._confirm(self.tx)
        self.assertEqual(intent['status'], 'processing')
        page = self._open()
        self.assertIn("Your payment is being processed", page.text)
        self.assertEqual(self.tx.state, 'pending')
        self.gateway.settle_payment(intent['id'])
        self.assertIn("We received your payment of", self._open('/result').text)
        self.assertEqual((self.tx.state, self.order.billing_status), ('done', 'complete'))

    def test_without_an_answer_the_checkout_is_shown(self):
        self._confirm(self.tx)
        self.gateway.faults.add('error_before', path='/v1/payment_intents/*')
        self.assertIn('id="o_payment_form"', self._open().text)
        self.assertEqual((self.tx.state, self.order.billing_status), ('draft', 'pending'))

    def test_staff_who_look_on_change_nothing(self):
        self._confirm(self.tx)
        self.authenticate('salesperson', 'salesperson')
        self._open()
        self.assertEqual((self.tx.state, self.order.billing_status), ('draft', 'pending'))

    def test_a_final_payment_that_is_begun_again_is_taken_in(self):
        """Between the question whether it is open and the form it was paid in another tab."""
        self._confirm(self.tx)
        values = self.tx._get_processing_values()
        self.assertFalse(values['client_secret'])
        self.assertEqual(self.tx.state, 'done')


@tagged('post_install', '-at_install')
class TestRefundsThatTakeDays(WhosePaymentCommon):
    """Refunds whose end the provider's lost message was to tell.

    Stripe documentation, "The Refund object", `status`; "Refund and cancel payments".
    """

    def setUp(self):
        super().setUp()
        self._run_at()
        self.tx = self.event.transaction_ids

    def _refund(self, course):
        if course == 'pending':
            self.order.billing_token_id = self._create_token('pm_card_pendingRefund')
            self._run_at(days=28)
            self.tx = self.order.billing_event_ids.sorted('number')[1].transaction_ids
        else:
            self.gateway.settings.unsure_refunds = 1
        with freeze_time(DUE), self._committing_env() as env:
            env['payment.transaction'].browse(self.tx.id)._billing_create_order_refund(
                10
            )._billing_send_order_refund()
        refund = self.tx.child_transaction_ids.sorted('id')[-1]
        self.assertEqual((refund.state, refund.billing_outcome_unknown), ('pending', False))
        self.assertEqual(self._get_status(refund), course)
        return refund

    def _get_status(self, refund):
        return self.gateway.find('refund', refund.provider_reference)['status']

    def _ask(self, **delay):
        requests = len(self.gateway.requests)
        with freeze_time(DUE + timedelta(**delay)), self._committing_env() as env:
            env['billpro.billing.run']._refresh_processing()
        return len(self.gateway.requests) - requests

    def _check(self, course, outcome, state):
        refund = self._refund(course)
        # Not at once, and at growing distance.
        asked = [
            self._ask(**delay)
            for delay in (
                {'minutes': 5},
                {'minutes': 16},
                {'minutes': 18},
                {'minutes': 22},
                {'minutes': 60},
                {'minutes': 90},
                {'hours': 12},
                {'hours': 26},
            )
        ]
        self.assertEqual(asked, [0, 1, 0, 1, 0, 1, 0, 1])
        self.assertEqual((refund.state, refund.billing_outcome_unknown), ('pending', False))
        self.gateway.settle_refund(refund.provider_reference, outcome)
        self.assertEqual(self._ask(days=3), 1)
        self.assertEqual(refund.state, state)
        self.assertEqual(self._ask(days=9), 0)
        return refund

    def test_pending_until_it_succeeds(self):
        self._check('pending', 'succeeded', 'done')
        self.assertEqual((self.order.billing_refunded, self.order.billing_credited), (10.0, 10.0))
        self._assert_books_closed(self.order)

    def test_waiting_for_the_customer_until_it_succeeds(self):
        self._check('requires_action', 'succeeded', 'done')
        self.assertEqual((self.order.billing_refunded, self.order.billing_credited), (10.0, 10.0))

    def test_nothing_was_paid_back(self):
        for outcome, state in (('failed', 'error'), ('canceled', 'cancel')):
            with self.subTest(outcome):
                refund = self._check('requires_action', outcome, state)
                self.assertEqual(
                    (self.order.billing_refunded, self.order.billing_credited), (0.0, 0.0)
                )
                self.assertEqual(self.tx._billing_get_refundable_amount(), 24.2)
                summaries = self.order.activity_ids.mapped('summary')
                self.assertIn(f"Refund {refund.reference} failed", summaries)

    def test_nobody_asks_whether_it_was_executed(self):
        """It has a number, and is known to wait for the customer."""
        refund = self._refund('requires_action')
        for delay in ({'minutes': 20}, {'hours': 30}, {'days': 3}):
            self._run_at(**delay)
        self.assertEqual((refund.state, refund.billing_outcome_unknown), ('pending', False))
        self.assertFalse(self.order.activity_ids)


@tagged('post_install', '-at_install')
class TestSearchForWhatTakesDays(WhosePaymentCommon):
    def test_it_reads_what_is_pending_only(self):
        """It runs every five minutes, over all payments that ever were."""
        tx = self._begin_single()[1]
        self.env.flush_all()
        columns = SQL(', ').join(
            SQL.identifier(name)
            for name, field in tx._fields.items()
            if field.store and field.column_type and name not in {'id', 'reference', 'state'}
        )
        self.env.cr.execute(
            SQL(
                "INSERT INTO payment_transaction (reference, state, %(columns)s)"
                " SELECT 'S-' || number, 'done', %(columns)s"
                " FROM payment_transaction, generate_series(1, 20000) AS number WHERE id = %(id)s",
                columns=columns,
                id=tx.id,
            )
        )
        self.env.cr.execute('ANALYZE payment_transaction')
        domain = tx._get_billing_processing_domain()
        query = tx._search(domain, limit=100)
        self.env.cr.execute(SQL('EXPLAIN ANALYZE %s', query.select()))
        plan = '\n'.join(row[0] for row in self.env.cr.fetchall())
        # Odoo's own index of states is enough: few of them are pending.
        self.assertIn('Index Scan using payment_transaction__state_index', plan)
        self.assertNotIn('Seq Scan on payment_transaction', plan)
