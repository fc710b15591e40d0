"""Payment methods that aren't cards, their published test accounts, and what becomes of debits.

Rules: Stripe documentation, "SEPA Direct Debit payments", "Bacs Direct Debit payments in the UK"
and "ACH Direct Debit" (how many days until a payment is final), each with its page of test
accounts; "Network decline codes" (the decline codes of debits); "Save details during an iDEAL
payment" and "Save Bancontact details" (the SEPA debit that is made of them).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from fake_gateway.cards import Decline
from fake_gateway.errors import InvalidRequest
from fake_gateway.parameters import Choice, Fields, Hash, Text
from fake_gateway.records import Record, Values


@dataclass(frozen=True)
class Kind:
    """What is particular about a type of payment methods.

    :param days: How long a payment is processing; 0 if it is paid at once.
    :param new_days: The same for the first payment by a new mandate.
    :param has_mandate: Whether the customer gives a mandate.
    :param currency: The only currency that it takes.
    :param redirects: Whether the customer is sent to another page.
    :param kept_as: The type of the payment method that is stored, if it is another one.
    """

    days: int = 0
    new_days: int = 0
    has_mandate: bool = False
    currency: str | None = None
    redirects: bool = False
    kept_as: str | None = None


# Calendar days: five business days, four, or seven for a new mandate.
KINDS = {
    'sepa_debit': Kind(days=7, new_days=7, has_mandate=True, currency='eur'),
    'bacs_debit': Kind(days=6, new_days=9, has_mandate=True, currency='gbp'),
    'us_bank_account': Kind(days=6, new_days=6, has_mandate=True, currency='usd'),
    'ideal': Kind(currency='eur', redirects=True, kept_as='sepa_debit'),
    'bancontact': Kind(currency='eur', redirects=True, kept_as='sepa_debit'),
    'paypal': Kind(has_mandate=True, redirects=True),
    'amazon_pay': Kind(has_mandate=True, redirects=True),
    'link': Kind(has_mandate=True),
}
TYPES = ('card', *KINDS)
DATA_FIELDS: Fields = {
    'sepa_debit': Hash(fields={'iban': Text(required=True)}),
    'bacs_debit': Hash(fields={'account_number': Text(), 'sort_code': Text()}),
    'us_bank_account': Hash(
        fields={
            'account_holder_type': Choice(choices=('company', 'individual')),
            'account_number': Text(),
            'account_type': Choice(choices=('checking', 'savings')),
            'routing_number': Text(),
        }
    ),
    'ideal': Hash(fields={'bank': Text()}),
    'bancontact': Hash(),
    'paypal': Hash(),
    'amazon_pay': Hash(),
    'link': Hash(),
}


def _failure(code: str, message: str, network_code: str) -> Decline:
    return Decline(code, message, code, network_decline_code=network_code)


# "Network decline codes": what the bank's reason is called.
INSUFFICIENT_FUNDS = _failure(
    'insufficient_funds', "The customer's account has insufficient funds.", 'AM04'
)
CLOSED = _failure('bank_account_closed', "The customer's bank account has been closed.", 'AC04')
INVALID_DETAILS = _failure(
    'bank_account_invalid_details', "The customer's bank account could not be located.", 'AC01'
)
RESTRICTED = _failure(
    'bank_account_restricted', "The customer's bank account can't be debited.", 'AC06'
)
NOT_AUTHORIZED = _failure(
    'debit_not_authorized',
    "The customer has notified their bank that it wasn't authorized.",
    'MD01',
)
REFUSED = _failure('debit_not_authorized', "The customer has refused the debit.", 'MS02')
GENERIC = _failure('generic_decline', "The debit failed.", 'MS03')
FAILURES = {
    decline.network_decline_code: decline
    for decline in (
        INSUFFICIENT_FUNDS,
        CLOSED,
        INVALID_DETAILS,
        RESTRICTED,
        NOT_AUTHORIZED,
        REFUSED,
        GENERIC,
    )
}
# Of the bank's own reasons for a return, what the dispute says ("API reference: Disputes").
RETURN_REASONS = {
    'AM04': 'insufficient_funds',
    'AC01': 'incorrect_account_details',
    'AC04': 'bank_cannot_process',
    'AC06': 'bank_cannot_process',
    'MD01': 'debit_not_authorized',
    'MD06': 'customer_initiated',
    'MS02': 'customer_initiated',
    'MS03': 'general',
}


@dataclass(frozen=True)
class Account:
    """A published test account: how a debit ends, and whether it is returned afterwards."""

    number: str
    failure: Decline | None = None
    returned: str | None = None


ACCOUNTS = (
    Account('AT611904300234573201'),
    Account('DE89370400440532013000'),
    Account('FR1420041010050500013M02606'),
    Account('AT861904300235473202', GENERIC),
    Account('DE62370400440532013001', GENERIC),
    Account('AT591904300235473203', returned='MD06'),
    Account('DE35370400440532013002', returned='MD06'),
    Account('AT981904300002222227', INSUFFICIENT_FUNDS),
    Account('DE65370400440002222227', INSUFFICIENT_FUNDS),
    # Bacs, with the sort code 108800.
    Account('00012345'),
    Account('22222227', INSUFFICIENT_FUNDS),
    Account('55555559', returned='MD01'),
    # ACH, with the routing number 110000000.
    Account('000123456789'),
    Account('000111111113', CLOSED),
    Account('000111111116', INVALID_DETAILS),
    Account('000222222227', INSUFFICIENT_FUNDS),
    Account('000333333335', NOT_AUTHORIZED),
    Account('000555555559', returned='MD01'),
)
BY_NUMBER = {account.number: account for account in ACCOUNTS}
DEFAULT_IBAN = 'DE89370400440532013000'


def check_currency(types: list[str], currency: str) -> None:
    """Check that payment methods take a currency.

    :param list types: Their types.
    :param str currency: The currency.
    :raise InvalidRequest: If one doesn't.
    """
    wrong = [one for one in types if one in KINDS and KINDS[one].currency not in {None, currency}]
    if wrong:
        raise InvalidRequest(
            f"The currency provided ({currency}) is invalid for one or more payment method types"
            f" ({', '.join(wrong)}) on this PaymentIntent.",
            param='payment_method_types',
        )


def account_of(method: Record) -> Account:
    """Return the test account of a payment method.

    :param dict method: The payment method.
    :rtype: Account
    """
    return BY_NUMBER.get(method['_number'], BY_NUMBER[DEFAULT_IBAN])


def describe(kind: str, values: Values) -> tuple[str, Record]:
    """Return the number of an account, and what is shown of it.

    :param str kind: The type of the payment method.
    :param dict values: The details that the customer has entered.
    :return: The number and the details.
    :rtype: tuple[str, dict]
    :raise InvalidRequest: If it is no test account.
    """
    number = re.sub(r"[ -]", "", values.get('iban') or values.get('account_number') or '').upper()
    if kind in {'sepa_debit', 'bacs_debit', 'us_bank_account'} and number not in BY_NUMBER:
        code, name = (
            ('invalid_bank_account_iban', 'iban')
            if kind == 'sepa_debit'
            else ('account_number_invalid', 'account_number')
        )
        raise InvalidRequest(
            "The bank account number you provided is invalid.", code=code, param=f'{kind}[{name}]'
        )
    shared = {
        'fingerprint': hashlib.sha256(number.encode()).hexdigest()[:16],
        'last4': number[-4:],
    }
    details: dict[str, Record] = {
        'sepa_debit': {
            **shared,
            'bank_code': number[4:12],
            'branch_code': '',
            'country': number[:2],
            'generated_from': {'charge': None, 'setup_attempt': None},
        },
        'bacs_debit': {**shared, 'sort_code': values.get('sort_code')},
        'us_bank_account': {
            **shared,
            'account_holder_type': values.get('account_holder_type') or 'individual',
            'account_type': values.get('account_type') or 'checking',
            'bank_name': "STRIPE TEST BANK",
            'financial_connections_account': None,
            'networks': {'preferred': 'ach', 'supported': ['ach']},
            'routing_number': values.get('routing_number'),
            'status_details': {},
        },
        'ideal': {'bank': values.get('bank') or 'rabobank', 'bic': 'RABONL2U'},
        'paypal': {'country': 'DE', 'payer_email': 'payer@example.com', 'payer_id': 'PAYER'},
        'link': {'email': 'payer@example.com'},
    }
    return number, details.get(kind, {})
