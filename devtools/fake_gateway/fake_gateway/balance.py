"""What enters and leaves the account's balance, and the fees that are kept back.

Rules: Stripe documentation, "Balance transaction types", "Reporting categories", "Currency
conversions" and "How disputes work" (dispute fees).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fake_gateway.records import Record

if TYPE_CHECKING:
    from fake_gateway.store import Session

# In thousandths of a payment, and in minor units besides; as for European cards in the euro area.
FEE_PER_MILLE = 15
FIXED_FEE = 25
DISPUTE_FEE = 2000
# Types and reporting categories by the kind of a movement.
TYPES = {
    'charge': ('charge', 'charge'),
    'capture': ('charge', 'charge'),
    'refund': ('refund', 'refund'),
    'refund_reversal': ('refund_failure', 'refund_failure'),
    'dispute': ('adjustment', 'dispute'),
    'dispute_reversal': ('adjustment', 'dispute_reversal'),
}


def follow(session: Session, kind: str, charge: Record, amount: int, refund: Record | None) -> None:
    """Enter a movement of money into the balance, in the currency that the account settles in.

    :param Session session: What is known.
    :param str kind: See `Movement`.
    :param dict charge: The charge, which changes.
    :param int amount: The amount in minor units, negative if the money leaves the account.
    :param dict refund: The refund, which changes, if it is one.
    """
    settings = session.store.settings
    currency = settings.settlement_currency or charge['currency']
    rate = None
    if currency != charge['currency']:
        rate = settings.exchange_rate
        amount = round(amount * rate)
    entry_type, category = TYPES[kind]
    source: Record = refund or charge
    transaction = enter(
        session,
        entry_type,
        amount,
        currency,
        fee=_fee(kind, amount),
        reporting_category=category,
        source=charge['dispute'] if category.startswith('dispute') else source['id'],
        exchange_rate=rate,
        description=charge['description'],
    )
    if not category.startswith('dispute'):
        failed = entry_type == 'refund_failure'
        name = 'failure_balance_transaction' if failed else 'balance_transaction'
        source[name] = transaction['id']
        session.save(source)


def _fee(kind: str, amount: int) -> int:
    """Return what is kept back of a movement."""
    if kind in {'charge', 'capture'}:
        return (amount * FEE_PER_MILLE + 500) // 1000 + FIXED_FEE
    return DISPUTE_FEE if kind == 'dispute' else 0


def enter(
    session: Session,
    entry_type: str,
    amount: int,
    currency: str,
    *,
    fee: int = 0,
    **values: Any,
) -> Record:
    """Create a balance transaction.

    :param Session session: What is known.
    :param str entry_type: Its type.
    :param int amount: The amount in minor units, negative if it leaves the account.
    :param str currency: The currency of the balance.
    :param int fee: What is kept back besides.
    :param values: `source`, `description`, `exchange_rate`, `reporting_category` and `_payout`.
    :return: The balance transaction.
    :rtype: dict
    """
    details = {
        'amount': fee,
        'application': None,
        'currency': currency,
        'description': "Stripe processing fees",
        'type': 'stripe_fee',
    }
    transaction = session.create(
        'balance_transaction',
        {
            'amount': amount,
            'available_on': session.now,
            'balance_type': 'payments',
            'currency': currency,
            'description': None,
            'exchange_rate': None,
            'fee': fee,
            'fee_details': [details] if fee else [],
            'net': amount - fee,
            'reporting_category': entry_type,
            'source': None,
            'status': 'available',
            'type': entry_type,
            '_payout': None,
            **values,
        },
    )
    del transaction['livemode']  # It has none.
    return transaction
