from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged

from odoo.addons.billpro_portal.models.attempts.payment_transaction import PaymentTransaction
from odoo.addons.billpro_portal.tests.common.gateway import DUE
from odoo.addons.billpro_portal.tests.common.nightly import nightly

from . import common


class LostAnswers:
    """Whatever is lost, a card is charged once; what can't be found out a person is asked."""

    allow_inherited_tests_method = True
    # Whether a charge whose answer was lost is found out.
    finds_charges = True
    # Whether a charge that was lost itself is made by the next request.
    repeats = False

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.order = cls._create_active_order()
        cls.event = cls.order.billing_event_ids

    def _assert_held(self):
        self._run_at(hours=25)
        tx = self.event.transaction_ids
        self.assertEqual(len(tx), 1)
        self.assertEqual((tx.state, tx.billing_outcome_unknown), ('pending', True))
        self.assertEqual((self.event.status, self.order.billing_paid), ('unknown', 24.2))
        self.assertEqual(
            self.order.activity_ids.mapped('summary'), [f"Was {tx.reference} executed?"]
        )

    def _assert_charged(self):
        tx = self.event.transaction_ids
        self.assertEqual((len(tx), tx.state, len(self.api.charges)), (1, 'done', 1))
        self.assertEqual((self.event.status, self.order.billing_paid), ('completed', 48.4))
        self._assert_books_closed(self.order)

    def test_the_answer_is_lost(self):
        self.api.fault = 'drop_after'
        self._run_at()
        self.assertEqual((self.event.status, len(self.api.charges)), ('unknown', 1))
        self._run_at(minutes=6)
        if self.finds_charges:
            self._assert_charged()
        else:
            self._assert_held()
            self.assertEqual(len(self.api.charges), 1)

    @nightly("An answer that is lost asks each provider the same for each change.")
    def test_the_request_is_lost(self):
        self.api.fault = 'drop_before'
        self._run_at()
        self.assertEqual((self.event.status, len(self.api.charges)), ('unknown', 0))
        self._run_at(minutes=6)
        if self.repeats:
            self._assert_charged()
        else:
            self._assert_held()
            self.assertFalse(self.api.charges)

    def _die(self, sends):
        """Leave what a worker leaves that has died around its request."""
        run = self.env['billpro.billing.run']
        with freeze_time(DUE):
            tx = run._open(run._get_due_domain())
            tx.billing_sent_date = DUE
            if sends:
                with patch.object(PaymentTransaction, '_process', lambda *_args: None):
                    tx._send_payment_request()
        self.assertEqual((self.event.status, tx.state), ('processing', 'draft'))
        self.assertEqual(len(self.api.charges), sends)
        for minutes in (5, 11):
            self._run_at(minutes=minutes)

    @nightly("Workers die in the crash matrix, and what is lost is found out, for each change.")
    def test_a_worker_died_before_the_request(self):
        self._die(sends=False)
        if self.repeats:
            self._assert_charged()
        else:
            self._assert_held()
            self.assertFalse(self.api.charges)

    @nightly("Workers die in the crash matrix, and what is lost is found out, for each change.")
    def test_a_worker_died_during_the_request(self):
        self._die(sends=True)
        if self.finds_charges:
            self._assert_charged()
        else:
            self._assert_held()
            self.assertEqual(len(self.api.charges), 1)

    @nightly("Each one's answer is read without a database, Stripe's with one, for each change.")
    def test_a_key_that_is_refused_is_no_decline(self):
        self.api.fault = 401
        self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((tx.state, tx.billing_refusal), ('draft', 'key'))
        self.assertFalse(tx.billing_decline_class)
        self._run_at(hours=1)
        self._assert_charged()


@tagged('post_install', '-at_install')
class TestAdyenLostAnswers(LostAnswers, common.AdyenCommon):
    repeats = True


@tagged('post_install', '-at_install')
class TestAuthorizeNetLostAnswers(LostAnswers, common.AuthorizeNetCommon):
    """It lists what it has not settled."""


@tagged('post_install', '-at_install')
class TestRazorpayLostAnswers(LostAnswers, common.RazorpayCommon):
    """It lists payments."""


@tagged('post_install', '-at_install')
class TestFlutterwaveLostAnswers(LostAnswers, common.FlutterwaveCommon):
    """It finds payments by their reference."""


@tagged('post_install', '-at_install')
class TestWorldlineLostAnswers(LostAnswers, common.WorldlineCommon):
    repeats = True


@tagged('post_install', '-at_install')
class TestXenditLostAnswers(LostAnswers, common.XenditCommon):
    finds_charges = False


@tagged('post_install', '-at_install')
class TestMercadoPagoLostAnswers(LostAnswers, common.MercadoPagoCommon):
    """It finds payments by their reference."""
