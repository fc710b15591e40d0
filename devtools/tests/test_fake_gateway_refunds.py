from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from fake_gateway.errors import InvalidRequest


@pytest.fixture
def pay(client):
    """Return a function that takes 10.00 with a test card."""

    def take(payment_method='pm_card_visa', **values):
        return client.v1.payment_intents.create(
            {
                'amount': 1000,
                'currency': 'eur',
                'payment_method': payment_method,
                'allowed_payment_method_types': ['card'],
                'confirm': True,
                **values,
            }
        )

    return take


def test_refunds_in_parts(gateway, client, pay):
    intent = pay(description="S1")
    first = client.v1.refunds.create(
        {'payment_intent': intent.id, 'amount': 300, 'metadata': {'attempt': 'R1'}}
    )
    assert (first.status, first.amount, first.charge) == ('succeeded', 300, intent.latest_charge)
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({'payment_intent': intent.id, 'amount': 701})
    assert raised.value.param == 'amount'
    second = client.v1.refunds.create({'charge': intent.latest_charge})
    assert second.amount == 700
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({'payment_intent': intent.id})
    assert raised.value.code == 'charge_already_refunded'

    charge = client.v1.charges.retrieve(intent.latest_charge, {'expand': ['refunds']})
    assert charge.refunded
    assert [one.id for one in charge.refunds.data] == [second.id, first.id]
    listed = client.v1.refunds.list({'payment_intent': intent.id})
    assert [one.id for one in listed] == [second.id, first.id]
    assert client.v1.refunds.retrieve(first.id).metadata['attempt'] == 'R1'
    amounts = [(one.kind, one.signed_amount) for one in gateway.ledger.movements()]
    assert amounts == [('charge', 1000), ('refund', -300), ('refund', -700)]
    assert gateway.ledger.net_amount(description="S1") == 0


def test_many_at_once_refund_once(gateway, client, pay):
    intent = pay()

    def refund(number):
        try:
            return client.v1.refunds.create(
                {'payment_intent': intent.id}, {'idempotency_key': f'r{number}'}
            ).status
        except stripe.InvalidRequestError as error:
            return error.code

    with ThreadPoolExecutor(20) as pool:
        outcomes = list(pool.map(refund, range(20)))

    assert sorted(outcomes) == [*['charge_already_refunded'] * 19, 'succeeded']
    assert gateway.ledger.net_amount() == 0


def test_what_was_not_paid_cant_be_refunded(client, pay):
    intent = pay(capture_method='manual')
    with pytest.raises(stripe.InvalidRequestError, match="successful charge"):
        client.v1.refunds.create({'payment_intent': intent.id})
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({})
    assert raised.value.code == 'parameter_missing'
    client.v1.payment_intents.capture(intent.id, {'amount_to_capture': 400})
    with pytest.raises(stripe.InvalidRequestError):
        client.v1.refunds.create({'payment_intent': intent.id, 'amount': 401})
    assert client.v1.refunds.create({'payment_intent': intent.id}).amount == 400


def test_a_refund_that_succeeds_later(gateway, client, pay):
    refund = client.v1.refunds.create({'payment_intent': pay('pm_card_pendingRefund').id})
    assert refund.status == 'pending'
    gateway.settle_refund(refund.id)
    assert client.v1.refunds.retrieve(refund.id).status == 'succeeded'
    assert gateway.ledger.net_amount() == 0


def test_a_refund_that_fails_later(gateway, client, pay):
    intent = pay('pm_card_refundFail')
    refund = client.v1.refunds.create({'payment_intent': intent.id})
    assert refund.status == 'succeeded'
    gateway.settle_refund(refund.id)
    refund = client.v1.refunds.retrieve(refund.id)
    assert (refund.status, refund.failure_reason) == ('failed', 'expired_or_canceled_card')
    assert client.v1.charges.retrieve(intent.latest_charge).amount_refunded == 0
    assert gateway.ledger.net_amount() == 1000


def test_a_disputed_payment(gateway, client, pay):
    intent = pay('pm_card_createDispute')
    assert intent.status == 'succeeded'
    charge = client.v1.charges.retrieve(intent.latest_charge, {'expand': ['dispute']})
    assert charge.disputed
    assert (charge.dispute.reason, charge.dispute.amount) == ('fraudulent', 1000)
    assert gateway.ledger.net_amount() == 0
    with pytest.raises(stripe.InvalidRequestError) as raised:
        client.v1.refunds.create({'payment_intent': intent.id})
    assert raised.value.code == 'charge_disputed'

    gateway.close_dispute(charge.dispute.id, won=True)
    assert client.v1.disputes.retrieve(charge.dispute.id).status == 'won'
    assert gateway.ledger.net_amount() == 1000


def test_an_inquiry_holds_nothing_back(gateway, client, pay):
    intent = pay()
    inquiry = gateway.open_dispute(intent.id, status='warning_needs_response')
    assert inquiry['is_charge_refundable']
    assert gateway.ledger.net_amount() == 1000
    gateway.escalate_dispute(inquiry['id'])
    assert client.v1.disputes.retrieve(inquiry['id']).status == 'needs_response'
    assert gateway.ledger.net_amount() == 0


def test_a_refund_ends_an_inquiry(gateway, client, pay):
    intent = pay()
    inquiry = gateway.open_dispute(intent.id, status='warning_needs_response')
    client.v1.refunds.create({'payment_intent': intent.id})
    assert client.v1.disputes.retrieve(inquiry['id']).status == 'charge_refunded'
    assert gateway.ledger.net_amount() == 0


def test_a_dispute_on_demand(gateway, client, pay):
    intent = pay()
    dispute = gateway.open_dispute(intent.id, reason='duplicate', amount=250)
    gateway.close_dispute(dispute['id'], won=False)
    [found] = client.v1.disputes.list({'payment_intent': intent.id})
    assert (found.status, found.reason) == ('lost', 'duplicate')
    assert gateway.ledger.net_amount() == 750


@pytest.mark.parametrize(
    ('outcome', 'net', 'types'),
    [
        ('succeeded', 700, ['refund.updated', 'charge.refund.updated']),
        ('canceled', 1000, ['refund.updated', 'charge.refund.updated']),
        ('failed', 1000, ['refund.updated', 'charge.refund.updated', 'refund.failed']),
    ],
)
def test_refunds_that_need_the_customer(gateway, client, pay, outcome, net, types):
    """Stripe documentation, "The Refund object", `status`."""
    gateway.settings.unsure_refunds = 1
    intent = pay(description="S1")
    refund = client.v1.refunds.create({'payment_intent': intent.id, 'amount': 300})
    assert refund.status == 'requires_action'
    known = len(gateway.find_all('event'))
    assert gateway.settle_refund(refund.id, outcome)['status'] == outcome
    events = gateway.find_all('event')[:-known]
    assert [event['type'] for event in events[::-1]] == types
    assert gateway.ledger.net_amount(description="S1") == net


def test_refunds_that_fail_later(gateway, client, pay):
    """Stripe documentation, "Refund and cancel payments", section "Failed refunds"."""
    intent = pay(description="S1")
    refund = client.v1.refunds.create({'payment_intent': intent.id})
    assert refund.status == 'succeeded'
    failed = gateway.settle_refund(refund.id, 'failed')
    assert (failed['status'], failed['failure_reason']) == ('failed', 'expired_or_canceled_card')
    with pytest.raises(InvalidRequest, match="does not change any more"):
        gateway.settle_refund(refund.id, 'succeeded')
