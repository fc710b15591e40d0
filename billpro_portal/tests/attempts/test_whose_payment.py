from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import mute_logger

from ..common.gateway import DUE
from ..common.whose_payment import OTHER_DATABASE, WhosePaymentCommon


@tagged('post_install', '-at_install')
class TestWhoseReturn(WhosePaymentCommon):
    """What browsers bring back from Stripe: anybody can open the address with any number."""

    def test_the_payment_that_was_begun(self):
        _order, tx = self._begin_single()
        intent = self._confirm(tx)
        self.assertEqual(intent['metadata']['odoo_database'], self.database)
        self._return(tx, payment_intent=intent['id'])
        self.assertEqual(tx.state, 'done')
        self._assert_refused(tx, activities=0)

    def test_the_payment_of_another_order(self):
        _order, paid = self._begin_single()
        intent = self._confirm(paid)
        self._return(paid, payment_intent=intent['id'])
        order, tx = self._begin_single()
        for _time in range(2):
            self._return(tx, payment_intent=intent['id'])
        self.assertEqual((tx.state, order.billing_status), ('draft', 'pending'))
        self.assertNotEqual(tx.provider_reference, intent['id'])
        self._assert_refused(tx)
        self.assertEqual((paid.state, paid.provider_reference), ('done', intent['id']))

    def test_a_declined_period_is_not_recovered_by_another_payment(self):
        self.order.billing_token_id = self._create_token('pm_card_chargeCustomerFail')
        self._run_at()
        tx = self.event.transaction_ids
        self.assertEqual((tx.state, self.event.status), ('error', 'soft_declined'))
        other = self._pay_by_reference("Somebody else's", amount=2420)
        self._return(tx, payment_intent=other['id'])
        self.assertEqual((tx.state, self.event.status), ('error', 'soft_declined'))
        self._assert_refused(tx)

    def test_numbers_that_are_none(self):
        """Nothing is asked of Stripe with them: the secret key would fetch anything."""
        order, tx = self._begin_single()
        intent = self._confirm(tx)
        charge = intent['charges']['data'][0]['id']
        asked = len(self.gateway.requests)
        for number in (
            f'../charges/{charge}',
            f'{intent["id"]}/../../charges/{charge}',
            f'{intent["id"]}?expand[]=customer',
            f'{intent["id"]}%2F..',
            f'{intent["id"]}\n',
            charge,
            'seti_1',
            'pi_é',
            '',
        ):
            self._return(tx, payment_intent=number)
        self._return(tx, setup_intent=intent['id'])
        self._return(tx)
        self.assertEqual(len(self.gateway.requests), asked)
        self.assertEqual((tx.state, order.billing_status), ('draft', 'pending'))

    def test_numbers_that_are_none_for_payments_without_an_order(self):
        intent = self._pay_by_reference('SHOP-9')
        tx = self._create_initial_transaction(
            self.order, reference='SHOP-9', billing_order_id=False
        )
        asked = len(self.gateway.requests)
        self._return(tx, payment_intent=f'../charges/{intent["charges"]["data"][0]["id"]}')
        self.assertEqual((len(self.gateway.requests), tx.state), (asked, 'draft'))

    def test_a_number_without_a_payment(self):
        tx = self.env['payment.transaction'].new({'reference': 'SHOP-404'})
        asked = len(self.gateway.requests)
        self._return(tx, payment_intent=self._pay_by_reference('SHOP-9')['id'])
        self.assertEqual(len(self.gateway.requests), asked + 1)  # The one that pays.

    def test_other_transactions_of_the_order(self):
        """Refunds and captures have no way back from Stripe."""
        self._run_at()
        tx = self.event.transaction_ids
        with freeze_time(DUE), self._committing_env() as env:
            env['payment.transaction'].browse(tx.id)._billing_create_order_refund(10)
        refund = tx.child_transaction_ids
        other = self._pay_by_reference("Somebody else's", amount=1000)
        self._return(refund, payment_intent=other['id'])
        self._return(refund, payment_intent=tx.provider_reference)
        self.assertEqual(refund.state, 'draft')

    def test_a_stranger_cannot_end_the_uncertainty(self):
        tx = self._lose_request()
        unpaid = self._post(
            'payment_intents', amount=2420, currency='usd', **{'payment_method_types[]': 'card'}
        )
        paid = self._pay_by_reference("Somebody else's", amount=2420)
        for intent in (unpaid, paid):
            self._return(tx, payment_intent=intent['id'])
            self._assert_still_unknown(tx)
            self.assertFalse(tx.provider_reference)
        self._assert_refused(tx)
        self._run_at(minutes=6)
        self._assert_charged_once()

    def test_a_small_payment_does_not_settle_a_large_one(self):
        """Not even one that bears all our marks."""
        tx = self._lose_request()
        small = self._forge(tx, self.database, amount=58)
        self._return(tx, payment_intent=small['id'])
        self._assert_still_unknown(tx)
        self._tell('payment_intent.succeeded', small)
        self._assert_still_unknown(tx)
        other_currency = self._forge(tx, self.database, currency='eur')
        self._return(tx, payment_intent=other_currency['id'])
        self._assert_still_unknown(tx)
        self._assert_refused(tx)

    def test_the_card_of_somebody_else(self):
        """The set-up of another customer's card registers nothing."""
        with freeze_time(DUE):
            self.gym.billing_trial_days = 7
            order = self._create_order((self.gym, 1))
            tx = self._begin(order, tokenization_requested=True)
        self.assertEqual(tx.operation, 'validation')
        begun = self.gateway.find('setup_intent', tx.provider_reference)
        self.assertEqual(begun['metadata']['odoo_database'], self.database)
        other = self._post(
            'setup_intents',
            customer=self._post('customers', name="Bert")['id'],
            payment_method='pm_card_visa',
            confirm='true',
            **{
                'payment_method_types[]': 'card',
                'metadata[odoo_reference]': tx.reference,
                'metadata[odoo_database]': self.database,
            },
        )
        self._return(tx, setup_intent=other['id'])
        self.assertEqual((tx.state, order.billing_status), ('draft', 'pending'))
        self.assertFalse(tx.token_id)
        self._assert_refused(tx)
        self._post(
            f'setup_intents/{begun["id"]}/confirm',
            payment_method='pm_card_visa',
            return_url='https://example.com',
        )
        self._return(tx, setup_intent=begun['id'])
        self.assertEqual(tx.state, 'done')
        self.assertTrue(tx.token_id)

    def test_begun_before_databases_were_named(self):
        """The number that Stripe gave us is enough then; a name of another database isn't."""
        _order, tx = self._begin_single()
        tx.billing_database = False
        self._post(f'payment_intents/{tx.provider_reference}', **{'metadata[odoo_database]': ''})
        intent = self._confirm(tx)
        self.assertNotIn('odoo_database', intent['metadata'])
        self._return(tx, payment_intent=intent['id'])
        self.assertEqual(tx.state, 'done')

    def test_odoos_own_link_to_an_order(self):
        """It pays an order of ours, too."""
        with freeze_time(DUE):
            order = self._create_order((self.desk, 1))
        amount = round(order.amount_total * 100)
        tx = self._create_initial_transaction(
            order,
            reference=f'{order.name}-link',
            billing_order_id=False,
            sale_order_ids=order.ids,
        )
        other = self._pay_by_reference("Somebody else's", amount=amount)
        self._return(tx, payment_intent=other['id'])
        self.assertEqual((tx.state, order.billing_other_payments), ('draft', False))
        self._assert_refused(tx, activities=0)
        self.assertEqual(len(order.activity_ids), 1)
        own = self._pay_by_reference(tx.reference, amount=amount)
        self._return(tx, payment_intent=own['id'])
        self.assertEqual(tx.state, 'done')
        self.assertIn(tx.reference, order.billing_other_payments)

    def test_a_payment_that_another_transaction_has(self):
        tx = self._lose_request()
        forged = self._forge(tx, self.database)
        _order, other = self._begin_single()
        other.provider_reference = forged['id']
        self._return(tx, payment_intent=forged['id'])
        self._assert_still_unknown(tx)
        self._assert_refused(tx)


@tagged('post_install', '-at_install')
class TestWhoseMessage(WhosePaymentCommon):
    """Messages about payments of other systems on the same account, with references like ours."""

    def _find_event(self, intent):
        return self._get_events().filtered(lambda event: event.payment_reference == intent['id'])

    def test_the_other_database_was_paid(self):
        order, tx = self._begin_single()
        begun = tx.provider_reference
        other = self._forge(tx, OTHER_DATABASE)
        self._tell('payment_intent.succeeded', other)
        self.assertEqual((tx.state, tx.provider_reference), ('draft', begun))
        self.assertEqual(order.billing_status, 'pending')
        self.assertEqual(self._find_event(other).state, 'ignored')
        # It is no news that there is another database.
        self._assert_refused(tx, activities=0)

    def test_nobody_says_whose_it_is(self):
        order, tx = self._begin_single()
        other = self._forge(tx)
        self._tell('payment_intent.succeeded', other)
        self.assertEqual((tx.state, order.billing_status), ('draft', 'pending'))
        self.assertEqual(self._find_event(other).state, 'ignored')
        self._assert_refused(tx)

    def test_the_other_database_was_declined(self):
        tx = self._lose_request()
        with mute_logger('odoo.addons.payment_stripe'):
            other = self._post(
                'payment_intents',
                amount=2420,
                currency='usd',
                description=tx.reference,
                **{
                    'payment_method_types[]': 'card',
                    'metadata[odoo_reference]': tx.reference,
                    'metadata[odoo_order]': tx.billing_order_id.name,
                    'metadata[odoo_database]': OTHER_DATABASE,
                },
            )
        self._post(f'payment_intents/{other["id"]}/cancel')
        self._tell('payment_intent.canceled', other)
        self._assert_still_unknown(tx)
        self.assertFalse(tx.provider_reference)
        self._run_at(minutes=6)
        self._assert_charged_once()

    def test_a_second_payment_with_all_our_marks(self):
        """It is a person's to find out how it came about; the first one stays what it is."""
        self._run_at()
        tx = self.event.transaction_ids
        begun = tx.provider_reference
        second = self._forge(tx, self.database)
        self._tell('payment_intent.succeeded', second)
        self.assertEqual((tx.state, tx.provider_reference), ('done', begun))
        self._assert_refused(tx)

    def test_the_other_database_is_found_a_day_later(self):
        tx = self._lose_request()
        self._forge(tx, OTHER_DATABASE)
        self.gateway.faults.add('error_before', path='/v1/payment_intents', times=20)
        for hours in (1, 25):
            self._run_at(hours=hours)
        self.assertFalse(tx.provider_reference)
        # Ours was never executed: that is what Stripe says.
        self.assertEqual(tx.state, 'error')
        self.assertEqual(self.order.billing_paid, 24.2)

    def test_ours_is_found_beside_that_of_the_other_database(self):
        intent = self._lose_answer()
        tx = self.event.transaction_ids
        self._forge(tx, OTHER_DATABASE)
        self.gateway.faults.add('error_before', path='/v1/payment_intents', times=20)
        self._run_at(hours=25)
        self.assertEqual(tx.provider_reference, intent['id'])
        self.assertEqual(tx.state, 'done')
        self.assertEqual(self.event.status, 'completed')

    def test_found_a_day_later_but_of_another_amount(self):
        tx = self._lose_request()
        self._forge(tx, self.database, amount=58)
        self.gateway.faults.add('error_before', path='/v1/payment_intents', times=20)
        for hours in (1, 25):
            self._run_at(hours=hours)
        self._assert_still_unknown(tx)

    def test_begun_before_databases_were_named(self):
        """What is found then may be anybody's: a person is asked."""
        tx = self._lose_request()
        tx.billing_database = False
        self._forge(tx)
        self.gateway.faults.add('error_before', path='/v1/payment_intents', times=20)
        for hours in (1, 25):
            self._run_at(hours=hours)
        self._assert_still_unknown(tx)
        self.assertIn(f"Was {tx.reference} executed?", self.order.activity_ids.mapped('summary'))

    def test_refunds_of_another_payment(self):
        """Neither those of a payment with our reference, nor all of the account."""
        tx = self._lose_request()
        other = self._forge(tx, OTHER_DATABASE)
        self._post(
            'refunds', payment_intent=other['id'], **{'metadata[odoo_reference]': tx.reference}
        )
        self._tell('refund.created', other)
        self.assertFalse(tx.child_transaction_ids)
        self._run_at(minutes=6)
        self.assertEqual((tx.state, self.event.status), ('done', 'completed'))
        self.assertNotEqual(tx.provider_reference, other['id'])
        self._tell('charge.refunded', other)
        self.assertFalse(tx.child_transaction_ids)

    def test_a_dispute_of_another_payment(self):
        self._run_at()
        tx = self.event.transaction_ids
        other = self._forge(tx, OTHER_DATABASE)
        dispute = self.gateway.open_dispute(other['id'])
        self._tell('charge.dispute.created', other)
        self.assertFalse(self.env['billpro.dispute'].search([('transaction_id', '=', tx.id)]))
        mine = self.gateway.open_dispute(tx.provider_reference)
        self._tell('charge.dispute.created', {'id': tx.provider_reference})
        disputes = self.env['billpro.dispute'].search([('transaction_id', '=', tx.id)])
        self.assertEqual(disputes.mapped('provider_reference'), [mine['id']])
        self.assertNotEqual(mine['id'], dispute['id'])


@tagged('post_install', '-at_install')
class TestAmountOfOtherProviders(WhosePaymentCommon):
    """Whatever the provider: an amount that differs is booked by nobody."""

    def _report(self, tx, amount):
        data = {'amount': amount, 'currency_code': 'USD'}
        model = self.registry['payment.transaction']
        with patch.object(model, '_extract_amount_data', return_value=data):
            tx._process('demo', {'reference': tx.reference, 'simulated_state': 'done'})

    def test_while_the_outcome_is_unknown(self):
        order = self._create_order((self.desk, 1))
        demo = self.env.ref('payment.payment_provider_demo').copy({'company_id': self.company.id})
        demo.state = 'test'
        tx = self._create_initial_transaction(
            order, provider_id=demo.id, operation='offline', billing_sent_date=DUE
        )
        tx._billing_set_outcome_unknown()
        self._report(tx, 0.58)
        self.assertRecordValues(tx, [{'state': 'pending', 'billing_outcome_unknown': True}])
        self._assert_refused(tx)
        self._report(tx, tx.amount)
        self.assertEqual(tx.state, 'done')
