"""Payments that aren't made by card, as Stripe's documentation has them.

"SEPA Direct Debit payments" (docs.stripe.com/payments/sepa-debit), "Bacs Direct Debit payments in
the UK" (docs.stripe.com/payments/bacs-debit), "ACH Direct Debit"
(docs.stripe.com/payments/ach-direct-debit) and "Network decline codes"
(docs.stripe.com/declines/network-codes). That returns are disputes which are lost at once:
support.stripe.com/questions/sepa-direct-debit-payment-disputes.
"""

import pytest
import stripe

from .test_fake_gateway_payments import authenticate, confirm_in_browser

DAY = 24 * 3600
SEPA = {
    'payment_method_data[type]': 'sepa_debit',
    'payment_method_data[billing_details][name]': "Azure Interior",
    'payment_method_data[billing_details][email]': "azure@example.com",
}
GOOD, EMPTY, RETURNED = 'AT611904300234573201', 'AT981904300002222227', 'AT591904300235473203'


def begin(client, kind='sepa_debit', **values):
    customer = client.v1.customers.create({'name': "Azure Interior"})
    return client.v1.payment_intents.create(
        {
            'amount': 4900,
            'currency': 'eur',
            'allowed_payment_method_types': [kind],
            'customer': customer.id,
            'setup_future_usage': 'off_session',
            **values,
        }
    )


def debit(gateway, client, iban=GOOD):
    """Pay by SEPA debit in the browser."""
    intent = begin(client)
    confirm_in_browser(gateway, intent, **SEPA, **{'payment_method_data[sepa_debit][iban]': iban})
    return client.v1.payment_intents.retrieve(intent.id, {'expand': ['latest_charge']})


def events_of(gateway):
    return [event['type'] for event in gateway.find_all('event')][::-1]


def test_a_debit_is_processing_for_days_and_then_paid(gateway, client):
    intent = debit(gateway, client)
    assert (intent.status, intent.latest_charge.status) == ('processing', 'pending')
    assert gateway.ledger.payments() == []

    gateway.advance(6 * DAY)
    assert client.v1.payment_intents.retrieve(intent.id).status == 'processing'
    gateway.advance(DAY + 1)

    paid = client.v1.payment_intents.retrieve(intent.id, {'expand': ['latest_charge']})
    assert (paid.status, paid.amount_received) == ('succeeded', 4900)
    assert paid.latest_charge.id == intent.latest_charge.id
    details = paid.latest_charge.payment_method_details.sepa_debit
    assert (details.last4, details.country) == ('3201', 'AT')
    mandate = client.v1.mandates.retrieve(details.mandate)
    assert (mandate.status, mandate.payment_method) == ('active', paid.payment_method)
    assert len(mandate.payment_method_details.sepa_debit.reference) == 16
    assert [movement.amount for movement in gateway.ledger.payments()] == [4900]
    assert events_of(gateway) == [
        'customer.created',
        'payment_intent.created',
        'payment_method.attached',
        'charge.pending',
        'payment_intent.processing',
        'charge.succeeded',
        'payment_intent.succeeded',
    ]


def test_a_debit_fails_after_days(gateway, client):
    intent = debit(gateway, client, EMPTY)

    gateway.advance(8 * DAY)

    failed = client.v1.payment_intents.retrieve(intent.id, {'expand': ['latest_charge']})
    assert failed.status == 'requires_payment_method'
    error = failed.last_payment_error
    assert (error.type, error.code, error.decline_code) == ('card_error', '', 'insufficient_funds')
    assert error.network_decline_code == 'AM04'
    assert (failed.latest_charge.status, failed.latest_charge.failure_code) == (
        'failed',
        'insufficient_funds',
    )
    assert gateway.ledger.payments() == []


def test_a_debit_that_is_paid_is_returned(gateway, client):
    intent = debit(gateway, client, RETURNED)

    gateway.advance(8 * DAY)

    assert client.v1.payment_intents.retrieve(intent.id).status == 'succeeded'
    [dispute] = client.v1.disputes.list({'payment_intent': intent.id}).data
    assert (dispute.status, dispute.reason, dispute.amount) == ('lost', 'customer_initiated', 4900)
    assert dispute.evidence_details.due_by is None
    assert events_of(gateway)[-3:] == [
        'charge.dispute.created',
        'charge.dispute.funds_withdrawn',
        'charge.dispute.closed',
    ]


def test_a_stored_account_is_debited_while_its_customer_is_away(gateway, client):
    first = debit(gateway, client)
    gateway.advance(8 * DAY)

    def charge():
        return client.v1.payment_intents.create(
            {
                'amount': 4900,
                'currency': 'eur',
                'allowed_payment_method_types': ['sepa_debit'],
                'customer': first.customer,
                'payment_method': first.payment_method,
                'off_session': True,
                'confirm': True,
            }
        )

    second = charge()
    assert second.status == 'processing'
    gateway.settle_payment(second.id, succeeds=False, reason='AC04')
    error = client.v1.payment_intents.retrieve(second.id).last_payment_error
    assert (error.decline_code, error.network_decline_code) == ('bank_account_closed', 'AC04')

    mandate = first.latest_charge.payment_method_details.sepa_debit.mandate
    assert gateway.end_mandate(mandate)['status'] == 'inactive'
    assert events_of(gateway)[-1] == 'mandate.updated'
    with pytest.raises(stripe.InvalidRequestError) as raised:
        charge()
    assert raised.value.code == 'payment_intent_mandate_invalid'


def test_a_debit_needs_a_mandate(client):
    method = client.v1.payment_methods.create(
        {
            'type': 'sepa_debit',
            'sepa_debit': {'iban': GOOD},
            'billing_details': {'name': "Azure Interior"},
        }
    )
    with pytest.raises(stripe.InvalidRequestError) as raised:
        begin(client, payment_method=method.id, confirm=True)
    assert raised.value.param == 'mandate_data'
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.payment_methods.create(
            {
                'type': 'sepa_debit',
                'sepa_debit': {'iban': 'DE00'},
                'billing_details': {'name': "Azure Interior"},
            }
        )
    assert raised.value.code == 'invalid_bank_account_iban'


@pytest.mark.parametrize(
    ('kind', 'currency', 'details', 'days'),
    [
        ('bacs_debit', 'gbp', {'account_number': '00012345', 'sort_code': '108800'}, 9),
        (
            'us_bank_account',
            'usd',
            {
                'account_number': '000123456789',
                'routing_number': '110000000',
                'account_holder_type': 'individual',
            },
            6,
        ),
    ],
)
def test_other_debits(gateway, client, kind, currency, details, days):
    with pytest.raises(stripe.InvalidRequestError):
        begin(client, kind)
    intent = begin(client, kind, currency=currency)
    confirm_in_browser(
        gateway,
        intent,
        **{'payment_method_data[type]': kind},
        **{f'payment_method_data[{kind}][{name}]': value for name, value in details.items()},
    )
    gateway.advance(days * DAY - 60)
    assert client.v1.payment_intents.retrieve(intent.id).status == 'processing'
    gateway.advance(120)
    assert client.v1.payment_intents.retrieve(intent.id).status == 'succeeded'


@pytest.mark.parametrize('kind', ['ideal', 'bancontact'])
def test_a_bank_account_behind_a_payment_is_kept_as_sepa(gateway, client, kind):
    """docs.stripe.com/payments/ideal/save-during-payment and …/bancontact/save-during-payment."""
    intent = begin(client, kind)
    confirm_in_browser(gateway, intent, **{'payment_method_data[type]': kind})
    authenticate(gateway, intent)

    paid = client.v1.payment_intents.retrieve(intent.id, {'expand': ['latest_charge']})
    assert paid.status == 'succeeded'
    details = paid.latest_charge.payment_method_details[kind]
    kept = client.v1.payment_methods.retrieve(details.generated_sepa_debit)
    assert (kept.type, kept.customer) == ('sepa_debit', intent.customer)
    mandate = client.v1.mandates.retrieve(details.generated_sepa_debit_mandate)
    assert mandate.payment_method == kept.id


@pytest.mark.parametrize('kind', ['paypal', 'amazon_pay', 'link'])
def test_wallets_are_paid_at_once(gateway, client, kind):
    intent = begin(client, kind)
    answer = confirm_in_browser(gateway, intent, **{'payment_method_data[type]': kind})
    if answer['status'] == 'requires_action':
        authenticate(gateway, intent)
    paid = client.v1.payment_intents.retrieve(intent.id)
    assert paid.status == 'succeeded'
    again = begin(
        client,
        kind,
        customer=intent.customer,
        payment_method=paid.payment_method,
        off_session=True,
        confirm=True,
    )
    assert again.status == 'succeeded'


def test_an_account_is_stored_without_a_payment(gateway, client):
    customer = client.v1.customers.create({'name': "Azure Interior"})
    intent = client.v1.setup_intents.create(
        {
            'customer': customer.id,
            'allowed_payment_method_types': ['sepa_debit'],
            'confirm': True,
            'payment_method_data': {
                'type': 'sepa_debit',
                'sepa_debit': {'iban': GOOD},
                'billing_details': {'name': "Azure Interior"},
            },
            'mandate_data': {
                'customer_acceptance': {
                    'type': 'online',
                    'online': {'ip_address': '127.0.0.1', 'user_agent': "Test"},
                }
            },
        }
    )
    assert intent.status == 'succeeded'
    mandate = client.v1.mandates.retrieve(intent.mandate)
    assert (mandate.payment_method, mandate.status) == (intent.payment_method, 'active')
