from datetime import timedelta

from freezegun import freeze_time

from odoo.tests import tagged

from ..common.debits import BOUGHT, GOOD, DebitCommon
from ..common.gateway import DUE
from ..common.page import PAY_BUTTON
from ..common.self_service import SelfServiceCommon

STATUS = '.o_billpro_overview_status .o_billpro_badge'
# Buttons of the page that stands for PayPal's, and for banks'.
PAID_THERE, CANCELLED_THERE = '#test-source-authorize-3ds', '#test-source-fail-3ds'
PAYPAL = 'input[data-payment-method-code="paypal"]'
LEAD = '.o_billpro_lead'
THANKS = "We received your payment of 24.20 €. A confirmation is on its way to your mailbox."
ATTENTION = '.o_billpro_attention .o_billpro_answer_text'


@tagged('post_install', '-at_install')
class TestDebitPages(SelfServiceCommon, DebitCommon):
    """Subscriptions in the browser: SEPA debit from purchase to recovery, PayPal, iDEAL."""

    def test_from_the_checkout_to_recovery(self):
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
        with self._visit(order, BOUGHT) as page:
            self._buy_on(page)
        tx = order.billing_transaction_ids
        self.assertEqual((tx.state, order.billing_status), ('pending', 'pending'))
        self._let_days_pass(BOUGHT + timedelta(days=8))
        with self._visit(order, BOUGHT + timedelta(days=9)) as page:
            page.wait_for(STATUS, "Active")
            page.check_layout()
        self._run_until(DUE)
        with self._visit(order, DUE + timedelta(hours=1)) as page:
            page.wait_for(
                ATTENTION,
                "Your bank is asked for a payment by SEPA Direct Debit. That takes some days: we"
                " expect the money by February 17. Nothing is charged twice.",
            )
        self._let_days_pass(DUE + timedelta(days=8))
        event = order.billing_event_ids[0]
        self.assertEqual(event.status, 'completed')
        self._return_at(DUE + timedelta(days=12), event.transaction_ids, 'AM04')
        with self._visit(order, DUE + timedelta(days=12, hours=1)) as page:
            page.wait_for(STATUS, "Payment declined")
            pay = '.o_billpro_attention .btn-primary'
            page.wait_for(pay, "Pay 24.20 € with SEPA Direct Debit •••• 3201")
            page.check_layout()
            page.tap(pay)
            page.wait_for('.o_billpro_progress h1', "We are collecting your payment")
            page.evaluate('document.cookie = "billpro_progress_seen=1; path=/"')
            page.wait_for(
                '.o_billpro_page_notice:focus',
                "Your bank is asked for the payment. You will find the result here.",
            )
        self.assertEqual(event.status, 'processing')
        self._let_days_pass(DUE + timedelta(days=21))
        self.assertEqual((event.status, order.billing_status), ('recovered', 'active'))
        with self._visit(order, DUE + timedelta(days=22)) as page:
            page.wait_for(STATUS, "Active")

    def _go_to_pay(self, page):
        page.wait_for(f'{PAY_BUTTON}:enabled', "Order with obligation to pay")
        page.tap(PAY_BUTTON)
        page.wait_elsewhere(PAID_THERE)

    def test_paypal(self):
        self._activate('paypal')
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
        with self._visit(order, BOUGHT) as page:
            page.wait_until_started()
            page.tap(PAYPAL)
            page.tap('#billpro_consent')
            page.check_layout()
            self._go_to_pay(page)
            # The browser keeps what was chosen.
            page.evaluate('history.back()')
            self._go_to_pay(page)
            page.tap(CANCELLED_THERE)
            page.wait_for('.o_billpro_declined h2', "The payment did not go through")
            page.check_layout()
            page.tap(PAYPAL)
            self._go_to_pay(page)
            page.tap(PAID_THERE)
            page.wait_for(LEAD, THANKS)
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 24.2))
        self.assertEqual(order.billing_token_id._get_card_name(), "Paypal")
        self.assertEqual(self._movements(), [('charge', 2420)])
        self._assert_books_closed(order)

    def test_ideal_is_kept_as_sepa(self):
        self._activate('ideal')
        self.customer.country_id = self.env.ref('base.nl')
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
        with self._visit(order, BOUGHT) as page:
            page.wait_until_started()
            page.tap('input[data-payment-method-code="ideal"]')
            page.tap('#billpro_consent')
            self._go_to_pay(page)
            page.tap(PAID_THERE)
            page.wait_for(LEAD, THANKS)
        self._run_until(DUE)
        with self._visit(order, DUE + timedelta(hours=1)) as page:
            page.wait_for(
                ATTENTION,
                "Your bank is asked for a payment by SEPA Direct Debit. That takes some days: we"
                " expect the money by February 17. Nothing is charged twice.",
            )
        event = order.billing_event_ids
        self._let_days_pass(DUE + timedelta(days=8))
        self.assertEqual((event.status, order.billing_paid), ('completed', 48.4))

    def _buy_on(self, page):
        sepa = 'input[data-payment-method-code="sepa_direct_debit"]'
        page.wait_until_started()
        page.tap(sepa)
        page.wait_for('.fake-gateway-card-form label', "IBAN", "Full name")
        page.check_layout()
        page.tap('#billpro_consent')
        page.wait_for(f'{PAY_BUTTON}:enabled', "Order with obligation to pay")
        for name, text in (('iban', GOOD), ('name', "Anna Peeters")):
            page.tap(f'.fake-gateway-card-form input[name="{name}"]')
            page.type(text)
        page.tap(PAY_BUTTON)
        page.wait_for('.o_billpro_pending h1', "Your payment is being processed")
        page.wait_for(
            '.o_billpro_pending .o_billpro_lead',
            "Your bank is asked for the payment by SEPA Direct Debit. That takes some days: we"
            " expect the money by January 8, 2027, and your order goes on then. You will find the"
            " result here; nothing is charged twice.",
        )
        page.check_layout()
