"""The balance of the account: what enters it, what is kept back, what is paid out."""

import pytest
import requests
import stripe

from fake_gateway.errors import InvalidRequest


@pytest.fixture
def pay(client):
    """Return a function that takes 100.00 with a test card."""

    def take(payment_method='pm_card_visa', **values):
        return client.v1.payment_intents.create(
            {
                'amount': 10000,
                'currency': 'eur',
                'payment_method': payment_method,
                'allowed_payment_method_types': ['card'],
                'confirm': True,
                **values,
            }
        )

    return take


def entries(client, payout, **values):
    """Return what a payout is made of, oldest first: type, amount, fee, id of the source."""
    listed = client.v1.balance_transactions.list({'payout': payout['id'], **values})
    return [(one.type, one.amount, one.fee, one.source) for one in listed.auto_paging_iter()][::-1]


def test_a_payout_has_what_moved_since_the_last_one(gateway, client, pay):
    first, second = pay(), pay()
    refund = client.v1.refunds.create({'payment_intent': first.id, 'amount': 3000})
    gateway.enter_balance('stripe_fee', -150, 'eur', description="Radar")

    payout = gateway.pay_out('eur')

    assert payout['amount'] == 2 * (10000 - 175) - 3000 - 150
    assert (payout['status'], payout['reconciliation_status']) == ('paid', 'completed')
    # Stripe's pages have ten entries, or as many as are asked for.
    expected = [
        ('charge', 10000, 175, first.latest_charge),
        ('charge', 10000, 175, second.latest_charge),
        ('refund', -3000, 0, refund.id),
        ('stripe_fee', -150, 0, None),
        ('payout', -payout['amount'], 0, payout['id']),
    ]
    assert entries(client, payout) == expected
    assert entries(client, payout, limit=2) == expected
    with pytest.raises(InvalidRequest, match="nothing to pay out"):
        gateway.pay_out('eur')


def test_sources_are_expanded(gateway, client, pay):
    intent = pay('pm_card_createDispute')
    payout_entries = client.v1.balance_transactions.list({'expand': ['data.source']})
    dispute, charge = (one.source for one in payout_entries.data)
    assert (charge.object, charge.payment_intent) == ('charge', intent.id)
    assert (dispute.object, dispute.payment_intent) == ('dispute', intent.id)
    assert (
        client.v1.charges.retrieve(
            charge.id, {'expand': ['balance_transaction']}
        ).balance_transaction.fee
        == 175
    )


def test_disputes_and_failed_refunds(gateway, client, pay):
    disputed, refunded = pay('pm_card_createDispute'), pay('pm_card_refundFail')
    refund = client.v1.refunds.create({'payment_intent': refunded.id})
    gateway.settle_refund(refund.id)
    charge = client.v1.charges.retrieve(disputed.latest_charge)
    gateway.close_dispute(charge.dispute, won=True)
    payout = gateway.pay_out('eur')
    assert [one[:3] for one in entries(client, payout)[1:-1]] == [
        ('adjustment', -10000, 2000),
        ('charge', 10000, 175),
        ('refund', -10000, 0),
        ('refund_failure', 10000, 0),
        ('adjustment', 10000, 0),
    ]
    assert payout['amount'] == 20000 - 350 - 2000


def test_other_currencies_are_converted(gateway, client, pay):
    gateway.settings.settlement_currency = 'eur'
    gateway.settings.exchange_rate = 0.9
    intent = pay(currency='usd')
    [entry] = client.v1.balance_transactions.list().data
    assert (entry.amount, entry.currency, entry.exchange_rate) == (9000, 'eur', 0.9)
    assert entry.source == intent.latest_charge
    assert gateway.pay_out('eur')['amount'] == 9000 - 160


def test_a_failed_payout_is_in_the_next_one(gateway, client, pay):
    pay()
    payout = gateway.pay_out('eur')
    failed = gateway.fail_payout(payout['id'])
    assert (failed['status'], failed['failure_code']) == ('failed', 'account_closed')
    again = gateway.pay_out('eur')
    assert again['amount'] == payout['amount']
    assert [one[0] for one in entries(client, again)] == ['payout_failure', 'payout']
    assert [one.id for one in client.v1.payouts.list({'status': 'failed'})] == [payout['id']]
    later = {'arrival_date': {'gt': payout['arrival_date']}}
    assert client.v1.payouts.list(later).data == []


def test_of_requested_payouts_nobody_tells_what_they_are_made_of(gateway, client, pay):
    pay()
    payout = gateway.pay_out('eur', automatic=False, fee=100)
    assert (payout['amount'], payout['method']) == (10000 - 175 - 100, 'instant')
    with pytest.raises(stripe.InvalidRequestError, match="not manual"):
        entries(client, payout)
    shown = client.v1.payouts.retrieve(payout['id'], {'expand': ['balance_transaction']})
    assert (shown.balance_transaction.fee, shown.reconciliation_status) == (100, 'not_applicable')


def test_messages(gateway, client, pay):
    pay()
    payout = gateway.pay_out('eur', is_reconciled=False)
    assert client.v1.payouts.retrieve(payout['id']).reconciliation_status == 'in_progress'
    gateway.reconcile_payout(payout['id'])
    gateway.fail_payout(payout['id'])
    told = [one.type for one in client.v1.events.list({'limit': 4})]
    assert told[::-1] == [
        'payout.created',
        'payout.paid',
        'payout.reconciliation_completed',
        'payout.failed',
    ]


def test_control(gateway, client, pay):
    def control(path, **values):
        answer = requests.post(f'{gateway.url}/_control/{path}', json=values, timeout=10)
        answer.raise_for_status()
        return answer.json()

    pay()
    control('balance_transactions', entry_type='stripe_fee', amount=-25, currency='eur')
    payout = control('payouts', currency='eur', is_reconciled=False)
    assert payout['amount'] == 10000 - 175 - 25
    assert control(f'payouts/{payout["id"]}/reconcile')['reconciliation_status'] == 'completed'
    assert control(f'payouts/{payout["id"]}/fail')['status'] == 'failed'


@pytest.mark.parametrize(
    ('kind', 'of_stripe'),
    [('balance_transaction', stripe.BalanceTransaction), ('payout', stripe.Payout)],
)
def test_fields_are_those_of_stripes_library(gateway, pay, kind, of_stripe):
    pay()
    gateway.pay_out('eur')
    for record in gateway.find_all(kind):
        assert record.keys() <= of_stripe.__annotations__.keys()
        missing = of_stripe.__annotations__.keys() - record.keys()
        # Of transfers to financial accounts, and what banks tell later.
        assert missing <= {'OBJECT_NAME', 'payout_method', 'trace_id'}
