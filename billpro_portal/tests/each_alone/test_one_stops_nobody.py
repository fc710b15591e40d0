from datetime import timedelta
from unittest.mock import patch

import requests
from freezegun import freeze_time

from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.payment import utils as payment_utils
from odoo.addons.payment_stripe.models.payment_transaction import (
    PaymentTransaction as StripeTransaction,
)

from ..common.each_alone import LOGGER, EachAloneCommon, forget_key
from ..common.gateway import DUE, GatewayCommon
from ..common.nightly import some
from ..common.whose_payment import WhosePaymentCommon


def time_out(_env):
    raise requests.Timeout


@tagged('post_install', '-at_install')
class TestTakenReferences(WhosePaymentCommon):
    """References can be foreseen, and Odoo's own payment page gives everybody the one they want."""

    def setUp(self):
        super().setUp()
        self.portal_user = new_test_user(self.env, 'portal.anna', groups='base.group_portal')

    def _take(self, *references):
        """Take references through Odoo's own payment page."""
        partner = self.portal_user.partner_id
        self.authenticate('portal.anna', 'portal.anna')
        for reference in references:
            currency = self.company.currency_id
            answer = self._call_json(
                '/payment/transaction',
                self._prepare_new_card(
                    amount=1.0,
                    currency_id=currency.id,
                    partner_id=partner.id,
                    access_token=payment_utils.generate_access_token(
                        partner.id, 1.0, currency.id, env=self.env
                    ),
                    tokenization_requested=False,
                    landing_route='/',
                    reference_prefix=reference,
                ),
            )
            self.assertEqual(answer['result']['reference'], reference)
        self.authenticate(None, None)

    def _get_strangers(self):
        return self.env['payment.transaction'].search(
            [('partner_id', '=', self.portal_user.partner_id.id)]
        )

    def test_of_scheduled_payments(self):
        others = self._create_active_order(), self._create_active_order()
        orders = self.order.union(*others)
        events = orders.billing_event_ids
        self._take(*(f'{event.order_id.name}-E{event.id}-A1' for event in events))
        with freeze_time(DUE - timedelta(days=1)):
            with self._committing_env(self.billing_manager) as env:
                env['billpro.billing.event'].browse(events[0].id).action_execute_now()
            self.assertEqual(events.mapped('status'), ['completed', 'scheduled', 'scheduled'])
        with freeze_time(DUE), self._committing_env(self.billing_manager) as env:
            env['billpro.billing.run'].action_run_now()
        self.assertEqual(set(events.mapped('status')), {'completed'})
        for event in events:
            tx = event.transaction_ids
            self.assertEqual(tx.reference, f'{event.order_id.name}-E{event.id}-A1-1')
            charges = self.gateway.ledger.movements(kind='charge', description=tx.reference)
            self.assertEqual(len(charges), 1)
        self.assertEqual(set(self._get_strangers().mapped('state')), {'draft'})

    def test_a_lost_answer_under_another_reference(self):
        """The reference is kept before anything is sent, and so is the key."""
        self._take(f'{self.order.name}-E{self.event.id}-A1')
        self._lose_answer()
        self._take(f'{self.order.name}-E{self.event.id}-A1-2')
        self._run_at(minutes=6)
        self._assert_charged_once()

    def test_of_everything_else(self):
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
        self._take(f'{order.name}-P1', f'{self.order.name}-C2')
        tx = self._begin(order)
        self.assertEqual(tx.reference, f'{order.name}-P1-1')
        self._confirm(tx)
        self._return(tx, payment_intent=tx.provider_reference)
        self.assertEqual(tx.state, 'done')
        tx._post_process()
        self._take(f'R-{tx.reference}')
        self.assertEqual(self._refund(order, 1).state, 'done')
        self.order._portal_ensure_token()
        answer = self._call_json(
            f'/order/{self.order.id}/card/transaction',
            self._prepare_new_card(
                access_token=self.order.access_token, tokenization_requested=True
            ),
        )
        self.assertEqual(answer['result']['reference'], f'{self.order.name}-C2-1')
        charge = self._create_order((self.desk, 1))
        self._take(f'{charge.name}-P1')
        self.assertEqual(
            charge._billing_create_initial_charge(self._create_token(), has_consent=True).reference,
            f'{charge.name}-P1-1',
        )


@tagged('post_install', '-at_install')
class TestOneMessageStopsNobody(WhosePaymentCommon, EachAloneCommon):
    """What a message tells that can't be taken in is set aside; those behind it are processed."""

    def _tell_of_two(self, bad, good):
        """Deliver two messages of which the first can't be taken in, and try all its tries."""
        with freeze_time(DUE):
            self._deliver_all([bad, good])
        moment = DUE
        for minutes in (0, 1, 5, 30, 120, 720, 1440):
            moment += timedelta(minutes=minutes)
            with freeze_time(moment), mute_logger(LOGGER, 'odoo.sql_db'):
                self._process()
        events = {event.event_id: event for event in self._get_events()}
        self.assertEqual(events[good['id']].state, 'processed')
        return events[bad['id']]

    def _get_message_of_another_order(self):
        order = self._create_active_order()
        self.gateway.faults.add('drop_after', path='/v1/payment_intents')
        self._run_at()
        intent = self._find_intent(order.billing_event_ids.transaction_ids)
        return self._find_messages('payment_intent.succeeded', payment=intent['id'])[0]

    def _dispute(self):
        self._run_at()
        tx = self.event.transaction_ids
        self.gateway.open_dispute(tx.provider_reference)
        return self._find_messages('charge.dispute.created', payment=tx.provider_reference)[0]

    def test_a_dispute_in_an_inactive_currency(self):
        message = self._dispute()
        good = self._get_message_of_another_order()
        dollar = self.order.currency_id
        self.env.cr.execute('UPDATE res_currency SET active = false WHERE id = %s', [dollar.id])
        dollar.invalidate_recordset()
        self.env.registry.clear_cache()
        event = self._tell_of_two(message, good)
        self.assertEqual(event.state, 'processed')
        dispute = self.env['billpro.dispute'].search([('order_id', '=', self.order.id)])
        self.assertEqual(dispute.currency_id, dollar)

    def test_an_initial_payment_without_charges(self):
        """The card that it was paid with can't be told."""
        with freeze_time(DUE):
            order = self._create_order((self.gym, 1))
            tx = self._begin(order, tokenization_requested=True)
            self._confirm(tx)
        message = self._find_messages('payment_intent.succeeded', payment=tx.provider_reference)[0]
        good = self._get_message_of_another_order()
        with patch('fake_gateway.rendering._charges', return_value={'data': []}):
            event = self._tell_of_two(message, good)
        self.assertEqual((event.state, event.tries), ('failed', 6))
        self.assertEqual(len(order.activity_ids), 1)
        self.assertEqual(tx.state, 'draft')
        with freeze_time(DUE + timedelta(days=3)):
            event.with_user(self.billing_manager).action_process_again()
            self._process()
        self.assertEqual((tx.state, order.billing_status), ('done', 'active'))


@tagged('post_install', '-at_install')
class TestOneAttemptStopsNobody(EachAloneCommon, GatewayCommon):
    """One worker charges one after the other; what one of them raises ends with it."""

    def test_attempts(self):
        for raises in some((time_out, forget_key)):
            orders = self._create_due_orders()
            bad = orders[0]
            with self._broken_for(
                StripeTransaction,
                '_send_payment_request',
                {bad: raises},
                lambda txs: txs.billing_order_id,
            ):
                self._run_at()
            self.assertEqual(orders.mapped('billing_paid'), [24.2, 48.4, 48.4])
            self.assertEqual(bad.billing_event_ids.status, 'unknown')
            self._run_at(minutes=6)
            self.assertEqual(bad.billing_paid, 48.4)
            reference = bad.billing_event_ids[:1].transaction_ids.reference
            charges = self.gateway.ledger.movements(kind='charge', description=reference)
            self.assertEqual(len(charges), 1)
