"""What Authorize.net says of a declined payment.

It answers everything with HTTP status 200. Odoo keeps the texts of an error, and drops its codes;
the texts are fixed, and listed with the codes. Sources, developer.authorize.net: "Response Codes"
(api/reference/responseCodes.html) and "Error and response codes", "Transaction Details"
(api/reference, getTransactionDetailsRequest).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .declines import HARD, SOFT, DeclineClass, DeclineCodes
from .provider_answers import Decline
from .request_outcomes import DECLINED, NOT_ATTEMPTED, REFUSED, UNKNOWN, AnsweredError, Outcome

# `responseCode`.
APPROVED: Final = '1'
_DECLINED_CODE = '2'
_HELD = '4'

# E00027, what is wrong follows.
_UNSUCCESSFUL = 'the transaction was unsuccessful.'
_SOFT_TEXTS = frozenset(
    {
        'this transaction has been declined.',  # 2, 3, 4, 44, 45, 65 and others.
        # 27 and 127.
        (
            'the transaction has been declined because of an avs mismatch. the address provided'
            ' does not match billing address of cardholder.'
        ),
    }
)
_HARD_TEXTS = frozenset(
    {
        'the credit card number is invalid.',  # 6 and 37.
        'the credit card expiration date is invalid.',  # 7.
        'credit card expiration date is invalid.',  # 316.
        'the credit card has expired.',  # 8 and 317.
        'the merchant does not accept this type of credit card.',  # 17 and 28.
        'the record cannot be found.',  # E00040: the customer's profile is gone.
    }
)
_KEY_TEXTS = frozenset(
    {
        # E00007, and 13.
        'user authentication failed due to invalid authentication values.',
        'the merchant login id or password is invalid or the account is inactive.',
    }
)
_LIMIT_TEXTS = frozenset(
    {
        'the server is currently too busy, please try again later.',  # E00053.
        # E00104.
        (
            'the server is in maintenance, so the requested method is unavailable, please try'
            ' again later.'
        ),
    }
)
_INVALID_TEXTS = frozenset(
    {
        'a valid amount is required.',  # 5.
        'the transaction cannot be found.',  # 16.
        # 54: it isn't settled, or was refunded.
        'the referenced transaction does not meet the criteria for issuing a credit.',
    }
)
# `transactionStatus`, and how Odoo reads the same in an answer to a request.
_STATUSES = {
    'authorizedPendingCapture': {'x_response_code': APPROVED, 'x_type': 'auth_only'},
    'capturedPendingSettlement': {'x_response_code': APPROVED, 'x_type': 'auth_capture'},
    'settledSuccessfully': {'x_response_code': APPROVED, 'x_type': 'auth_capture'},
    'refundPendingSettlement': {'x_response_code': APPROVED, 'x_type': 'refund'},
    'refundSettledSuccessfully': {'x_response_code': APPROVED, 'x_type': 'refund'},
    'voided': {'x_response_code': APPROVED, 'x_type': 'void'},
    'expired': {'x_response_code': APPROVED, 'x_type': 'void'},
    'declined': {'x_response_code': _DECLINED_CODE},
    'FDSPendingReview': {'x_response_code': _HELD},
    'FDSAuthorizedPendingReview': {'x_response_code': _HELD},
    'underReview': {'x_response_code': _HELD},
}


def find_error(answer: Mapping[str, Any]) -> AnsweredError | None:
    """Return the failure that an answer is.

    :param Mapping answer: The answer as Odoo keeps it.
    :return: The failure; None if it tells what became of the payment.
    :rtype: AnsweredError|None
    """
    if not answer or answer.get('x_response_code') in {APPROVED, _DECLINED_CODE, _HELD}:
        return None
    return AnsweredError(answer.get('x_response_reason_text') or '')


def classify_error(error: AnsweredError) -> Outcome:
    """Return what an answer leaves of the payment.

    That the same was sent a moment before (11) is no decline: the first one may have been executed.

    :param AnsweredError error: The failure, as `find_error` has it.
    :rtype: str
    """
    reasons = _get_reasons(error)
    if reasons & (_KEY_TEXTS | _LIMIT_TEXTS):
        return NOT_ATTEMPTED
    if reasons & (_SOFT_TEXTS | _HARD_TEXTS):
        return DECLINED
    return REFUSED if reasons & _INVALID_TEXTS else UNKNOWN


def find_refusal(error: AnsweredError) -> str | None:
    """Return what a refusal is about that no card is to blame for.

    :param AnsweredError error: The failure, as `find_error` has it.
    :return: `invalid`, `key` or `limit`; None if it isn't such a refusal.
    :rtype: str|None
    """
    reasons = _get_reasons(error)
    tables = {'key': _KEY_TEXTS, 'limit': _LIMIT_TEXTS, 'invalid': _INVALID_TEXTS}
    return next((name for name, texts in tables.items() if reasons & texts), None)


def read_error(error: AnsweredError) -> Decline:
    """Return the decline that an answer is.

    :param AnsweredError error: The failure, as `find_error` has it.
    :rtype: Decline
    """
    reasons = _get_reasons(error)
    decline_class: DeclineClass = HARD if reasons & _HARD_TEXTS else SOFT
    return Decline(decline_class, DeclineCodes(decline_code=', '.join(sorted(reasons)) or None))


def read_status(status: str | None) -> dict[str, str] | None:
    """Return what Authorize.net says of a payment that it is asked about, as Odoo reads answers.

    :param str|None status: The `transactionStatus`.
    :return: A part of an answer; None if the status doesn't tell whether money has moved.
    :rtype: dict|None
    """
    found = _STATUSES.get(status or '')
    return dict(found) if found else None


def _get_reasons(error: AnsweredError) -> set[str]:
    """Return the lines of an error, but for the one that only says that there is one."""
    lines = {line.strip().lower() for line in str(error).splitlines()}
    return lines - {_UNSUCCESSFUL, ''}
