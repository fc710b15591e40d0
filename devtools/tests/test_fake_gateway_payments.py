import pytest
import requests
import stripe

from fake_gateway.cards import BY_NAME, CARDS

INTENT = {'amount': 1000, 'currency': 'eur', 'allowed_payment_method_types': ['card']}
DECLINES = [
    ('pm_card_visa_chargeDeclined', 'card_declined', 'generic_decline'),
    ('pm_card_visa_chargeDeclinedInsufficientFunds', 'card_declined', 'insufficient_funds'),
    ('pm_card_visa_chargeDeclinedLostCard', 'card_declined', 'lost_card'),
    ('pm_card_visa_chargeDeclinedStolenCard', 'card_declined', 'stolen_card'),
    ('pm_card_chargeDeclinedExpiredCard', 'expired_card', None),
    ('pm_card_chargeDeclinedIncorrectCvc', 'incorrect_cvc', None),
    ('pm_card_chargeDeclinedProcessingError', 'processing_error', None),
    (
        'pm_card_visa_chargeDeclinedVelocityLimitExceeded',
        'card_declined',
        'card_velocity_exceeded',
    ),
    ('pm_card_radarBlock', 'card_declined', 'fraudulent'),
]


def authenticate(gateway, intent, outcome='complete'):
    """Do what the customer does on the 3-D Secure page."""
    answer = requests.post(
        f'{gateway.url}/3d_secure/{intent.id}',
        data={'client_secret': intent.client_secret, 'outcome': outcome},
        headers={'Accept': 'application/json'},
        timeout=10,
    )
    assert answer.ok, answer.text


def confirm_in_browser(gateway, intent, **values):
    """Confirm an intent as the customer's browser does, with the publishable key."""
    answer = requests.post(
        f'{gateway.url}/v1/payment_intents/{intent.id}/confirm',
        data={
            'key': gateway.publishable_key,
            'client_secret': intent.client_secret,
            **values,
        },
        timeout=10,
    )
    assert answer.ok, answer.text
    return answer.json()


def test_a_card_is_charged(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT
        | {
            'payment_method': 'pm_card_visa',
            'confirm': True,
            'description': "S00042",
            'metadata': {'order': "S00042"},
            'expand': ['latest_charge', 'payment_method'],
        }
    )

    assert intent.status == 'succeeded'
    assert intent.amount_received == 1000
    assert intent.payment_method.card.last4 == '4242'
    assert intent.latest_charge.captured
    assert intent.latest_charge.payment_method_details.card.brand == 'visa'
    [movement] = gateway.ledger.movements()
    assert (movement.kind, movement.amount, movement.currency) == ('charge', 1000, 'eur')
    assert movement.description == "S00042"
    assert movement.metadata == {'order': "S00042"}
    assert gateway.ledger.net_amount(description="S00042") == 1000
    assert gateway.ledger.net_amounts_by('order') == {("S00042", 'eur'): 1000}


@pytest.mark.parametrize(('payment_method', 'code', 'decline_code'), DECLINES)
def test_a_declined_card(gateway, client, payment_method, code, decline_code):
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(
            INTENT | {'payment_method': payment_method, 'confirm': True}
        )

    error = raised.value.error
    assert raised.value.http_status == 402
    assert error.type == 'card_error'
    assert error.code == code
    assert error.decline_code == decline_code
    assert str(error.advice_code) in {'try_again_later', 'do_not_try_again', 'confirm_card_data'}
    assert error.network_decline_code.isdigit()
    assert error.payment_intent.status == 'requires_payment_method'
    kept = client.v1.payment_intents.retrieve(error.payment_intent.id)
    assert kept.last_payment_error.code == code
    assert kept.payment_method is None
    charge = client.v1.charges.retrieve(error.charge)
    assert (charge.status, charge.failure_code) == ('failed', code)
    assert gateway.ledger.movements() == []


def test_a_declined_intent_can_be_paid_with_another_card(gateway, client):
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(
            INTENT | {'payment_method': 'pm_card_visa_chargeDeclined', 'confirm': True}
        )

    intent = client.v1.payment_intents.confirm(
        raised.value.error.payment_intent.id, {'payment_method': 'pm_card_mastercard'}
    )

    assert intent.status == 'succeeded'
    assert intent.last_payment_error is None
    assert len(gateway.ledger.payments()) == 1


def test_a_card_that_is_saved_but_declined_when_charged(gateway, saved_card, charge):
    customer, method = saved_card('pm_card_chargeCustomerFail')

    with pytest.raises(stripe.CardError) as raised:
        charge(customer, method)

    assert raised.value.error.decline_code == 'generic_decline'
    assert gateway.ledger.movements() == []


def test_a_card_expires(gateway, saved_card, charge):
    customer, method = saved_card()
    assert charge(customer, method).status == 'succeeded'

    gateway.advance(6 * 366 * 24 * 3600)

    with pytest.raises(stripe.CardError) as raised:
        charge(customer, method)
    assert raised.value.code == 'expired_card'
    gateway.renew_card(method.id, exp_year=method.card.exp_year + 10)
    assert charge(customer, method).status == 'succeeded'


def test_off_session_the_customer_has_to_come_back(gateway, client, saved_card, charge):
    customer, method = saved_card('pm_card_authenticationRequired')
    with pytest.raises(stripe.CardError) as raised:
        charge(customer, method)
    error = raised.value.error
    assert (error.code, error.decline_code) == ('authentication_required',) * 2
    assert error.payment_method.id == method.id
    assert error.payment_intent.status == 'requires_payment_method'

    confirmed = confirm_in_browser(gateway, error.payment_intent, payment_method=method.id)
    assert confirmed['status'] == 'requires_action'
    assert gateway.ledger.movements() == []
    authenticate(gateway, error.payment_intent)

    intent = client.v1.payment_intents.retrieve(
        error.payment_intent.id, {'expand': ['latest_charge']}
    )
    assert intent.status == 'succeeded'
    three_d_secure = intent.latest_charge.payment_method_details.card.three_d_secure
    assert three_d_secure.result == 'authenticated'
    [movement] = gateway.ledger.movements()
    assert movement.payment_intent == intent.id


def test_a_failed_authentication(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT | {'payment_method': 'pm_card_threeDSecure2Required', 'confirm': True}
    )
    assert intent.status == 'requires_action'

    authenticate(gateway, intent, 'fail')

    intent = client.v1.payment_intents.retrieve(intent.id)
    assert intent.status == 'requires_payment_method'
    assert intent.last_payment_error.code == 'payment_intent_authentication_failure'
    assert gateway.ledger.movements() == []


def test_the_three_d_secure_page_redirects(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT
        | {
            'payment_method': 'pm_card_authenticationRequired',
            'confirm': True,
            'return_url': 'https://shop.example/return?reference=S1',
        }
    )
    redirect = intent.next_action.redirect_to_url
    assert redirect.return_url == 'https://shop.example/return?reference=S1'

    page = requests.get(redirect.url, timeout=10).text
    answer = requests.post(
        redirect.url.partition('?')[0],
        data={'client_secret': intent.client_secret, 'outcome': 'complete'},
        allow_redirects=False,
        timeout=10,
    )

    assert "Complete" in page
    assert "Fail" in page
    assert answer.status_code == 303
    assert answer.headers['Location'] == (
        f'https://shop.example/return?reference=S1&payment_intent={intent.id}'
        f'&payment_intent_client_secret={intent.client_secret}&redirect_status=succeeded'
    )


@pytest.mark.parametrize(
    ('payment_method', 'off_session', 'outcome'),
    [
        ('pm_card_authenticationRequiredOnSetup', False, 'requires_action'),
        ('pm_card_authenticationRequiredOnSetup', True, 'authentication_required'),
        ('pm_card_authenticationRequired', False, 'requires_action'),
        ('pm_card_authenticationRequired', True, 'authentication_required'),
        ('pm_card_authenticationRequiredSetupForOffSession', False, 'requires_action'),
        ('pm_card_authenticationRequiredSetupForOffSession', True, 'succeeded'),
        (
            'pm_card_authenticationRequiredChargeDeclinedInsufficientFunds',
            False,
            'requires_action',
        ),
        (
            'pm_card_authenticationRequiredChargeDeclinedInsufficientFunds',
            True,
            'card_declined',
        ),
        ('pm_card_threeDSecure2Required', False, 'requires_action'),
        ('pm_card_threeDSecure2Required', True, 'authentication_required'),
        ('pm_card_threeDSecureOptional', False, 'succeeded'),
        ('pm_card_threeDSecureOptional', True, 'succeeded'),
    ],
)
def test_when_authentication_is_needed(
    client, saved_card, charge, payment_method, off_session, outcome
):
    customer, method = saved_card(payment_method)
    if off_session:
        try:
            seen = charge(customer, method).status
        except stripe.CardError as error:
            seen = error.code
    else:
        seen = client.v1.payment_intents.create(
            INTENT | {'customer': customer.id, 'payment_method': method.id, 'confirm': True}
        ).status

    assert seen == outcome


def test_a_decline_after_authentication(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT
        | {
            'payment_method': 'pm_card_authenticationRequiredChargeDeclinedInsufficientFunds',
            'confirm': True,
        }
    )

    authenticate(gateway, intent)

    intent = client.v1.payment_intents.retrieve(intent.id)
    assert intent.status == 'requires_payment_method'
    assert intent.last_payment_error.decline_code == 'insufficient_funds'


def test_authentication_asked_for_by_the_merchant(client):
    intent = client.v1.payment_intents.create(
        INTENT
        | {
            'payment_method': 'pm_card_threeDSecureOptional',
            'confirm': True,
            'payment_method_options': {'card': {'request_three_d_secure': 'any'}},
        }
    )
    assert intent.status == 'requires_action'


def test_no_action_wanted(client):
    with pytest.raises(stripe.CardError) as raised:
        client.v1.payment_intents.create(
            INTENT
            | {
                'payment_method': 'pm_card_authenticationRequired',
                'confirm': True,
                'error_on_requires_action': True,
            }
        )
    assert raised.value.code == 'authentication_required'


def test_a_card_set_up_with_a_payment_can_be_charged_later(gateway, client, charge):
    customer = client.v1.customers.create({})
    intent = client.v1.payment_intents.create(
        INTENT
        | {
            'customer': customer.id,
            'payment_method': 'pm_card_authenticationRequiredOnSetup',
            'setup_future_usage': 'off_session',
            'confirm': True,
        }
    )
    authenticate(gateway, intent)

    method = client.v1.payment_methods.retrieve(intent.payment_method)
    assert method.customer == customer.id
    assert charge(customer, method).status == 'succeeded'


def test_manual_capture_in_part(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT | {'payment_method': 'pm_card_visa', 'confirm': True, 'capture_method': 'manual'}
    )
    assert (intent.status, intent.amount_capturable) == ('requires_capture', 1000)
    assert gateway.ledger.movements() == []

    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.payment_intents.capture(intent.id, {'amount_to_capture': 1001})
    assert raised.value.code == 'amount_too_large'
    intent = client.v1.payment_intents.capture(intent.id, {'amount_to_capture': 400})

    assert (intent.status, intent.amount_received) == ('succeeded', 400)
    [movement] = gateway.ledger.movements()
    assert (movement.kind, movement.amount) == ('capture', 400)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.payment_intents.capture(intent.id)
    assert raised.value.code == 'payment_intent_unexpected_state'


def test_manual_capture_is_released(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT | {'payment_method': 'pm_card_visa', 'confirm': True, 'capture_method': 'manual'}
    )

    intent = client.v1.payment_intents.cancel(
        intent.id, {'cancellation_reason': 'requested_by_customer'}
    )

    assert (intent.status, intent.amount_capturable) == ('canceled', 0)
    assert gateway.ledger.movements() == []


def test_a_held_amount_expires_after_seven_days(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT | {'payment_method': 'pm_card_visa', 'confirm': True, 'capture_method': 'manual'}
    )

    gateway.advance(7 * 24 * 3600 + 1)

    intent = client.v1.payment_intents.retrieve(intent.id)
    assert (intent.status, intent.cancellation_reason) == ('canceled', 'automatic')
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.capture(intent.id)
    assert gateway.ledger.movements() == []


def test_a_payment_is_neither_confirmed_nor_canceled_after_success(gateway, client):
    intent = client.v1.payment_intents.create(
        INTENT | {'payment_method': 'pm_card_visa', 'confirm': True}
    )

    for change in (client.v1.payment_intents.confirm, client.v1.payment_intents.cancel):
        with pytest.raises(stripe.InvalidRequestError) as raised:
            change(intent.id)
        assert raised.value.code == 'payment_intent_unexpected_state'
    assert len(gateway.ledger.payments()) == 1


def test_a_payment_that_is_processing(gateway, client):
    gateway.settings.processing_payments = 2
    intents = [
        client.v1.payment_intents.create(
            INTENT | {'payment_method': 'pm_card_visa', 'confirm': True}
        )
        for _ in range(3)
    ]
    assert [intent.status for intent in intents] == ['processing', 'processing', 'succeeded']

    gateway.settle_payment(intents[0].id)
    gateway.settle_payment(intents[1].id, succeeds=False)

    statuses = [client.v1.payment_intents.retrieve(intent.id).status for intent in intents]
    assert statuses == ['succeeded', 'requires_payment_method', 'succeeded']
    assert len(gateway.ledger.payments()) == 2


def test_an_intent_is_changed_before_it_is_paid(client):
    intent = client.v1.payment_intents.create(INTENT | {'metadata': {'a': '1', 'b': '2'}})

    intent = client.v1.payment_intents.update(
        intent.id, {'amount': 1500, 'metadata': {'a': '', 'c': '3'}, 'description': "New"}
    )

    assert (intent.amount, intent.description) == (1500, "New")
    assert intent.metadata.to_dict() == {'b': '2', 'c': '3'}
    assert intent.payment_method_options.card.request_three_d_secure == 'automatic'
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.payment_intents.update(intent.id, {'amount': ''})
    assert raised.value.code == 'parameter_invalid_empty'
    paid = client.v1.payment_intents.confirm(intent.id, {'payment_method': 'pm_card_visa'})
    assert paid.amount_received == 1500
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.payment_intents.update(intent.id, {'amount': 1})


def test_search_by_metadata(gateway, client):
    def search(query):
        return client.v1.payment_intents.search({'query': query}).data

    made = [
        client.v1.payment_intents.create(INTENT | {'metadata': {'attempt': f'A{number}'}})
        for number in range(3)
    ]
    client.v1.payment_intents.cancel(made[2].id)

    assert [one.id for one in search('metadata["attempt"]:"A1"')] == [made[1].id]
    assert [one.id for one in search("metadata['attempt']:'A1' AND status:'canceled'")] == []
    assert [one.id for one in search('status:"canceled" AND amount>=1000')] == [made[2].id]
    assert len(search('-status:"canceled"')) == 2
    assert len(search('status:"canceled" OR metadata["attempt"]:"A0"')) == 2
    with pytest.raises(stripe.InvalidRequestError):
        search("attempt is A1")

    gateway.settings.search_delay = 60
    assert search('metadata["attempt"]:"A1"') == []
    gateway.advance(61)
    assert len(search('metadata["attempt"]:"A1"')) == 1


def test_lists_are_paginated(client):
    customer = client.v1.customers.create({})
    made = [client.v1.payment_intents.create(INTENT | {'customer': customer.id}) for _ in range(5)]
    client.v1.payment_intents.create(INTENT)

    page = client.v1.payment_intents.list({'customer': customer.id, 'limit': 2})

    assert page.has_more
    found = [one.id for one in page.auto_paging_iter()]
    assert found == [one.id for one in made[::-1]]
    back = client.v1.payment_intents.list({'customer': customer.id, 'ending_before': made[2].id})
    assert [one.id for one in back.data] == [made[4].id, made[3].id]


def test_amounts_that_stripe_refuses(client):
    def refused(amount, currency):
        with pytest.raises(stripe.InvalidRequestError) as raised:
            client.v1.payment_intents.create(INTENT | {'amount': amount, 'currency': currency})
        return raised.value

    assert refused(49, 'usd').code == 'amount_too_small'
    assert refused(49, 'jpy').code == 'amount_too_small'
    assert refused(100_000_000, 'eur').code == 'amount_too_large'
    assert refused(10_001, 'kwd').param == 'amount'
    assert refused(0, 'eur').code == 'parameter_invalid_integer'
    assert refused(1000, 'euro').param == 'currency'


def test_cards_of_other_customers_are_refused(client, saved_card, charge):
    customer, _method = saved_card()
    _other, method_of_other = saved_card()
    with pytest.raises(stripe.InvalidRequestError, match="does not have a payment method"):
        charge(customer, method_of_other)
    with pytest.raises(stripe.InvalidRequestError, match="must provide the customer"):
        client.v1.payment_intents.create(
            INTENT | {'payment_method': method_of_other.id, 'confirm': True}
        )


def test_a_card_used_without_customer_is_used_up(client):
    method = client.v1.payment_methods.create({'type': 'card', 'card': {'token': 'tok_visa'}})
    paying = INTENT | {'payment_method': method.id, 'confirm': True}
    assert client.v1.payment_intents.create(paying).status == 'succeeded'
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        client.v1.payment_intents.create(paying)


def test_card_names_and_numbers_are_unique():
    assert len({card.number for card in CARDS}) == len(CARDS)
    assert len(BY_NAME) == sum(len(card.names) for card in CARDS)
