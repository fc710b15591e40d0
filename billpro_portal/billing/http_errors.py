"""What providers that speak HTTP say in the answer to a request that has failed."""

from __future__ import annotations

from typing import Any, Literal

import requests

from .request_outcomes import REFUSED, Outcome

# Not authenticated, no right to it, too many requests (RFC 9110, 15.5.2 and 15.5.4; RFC 6585, 4).
_KEY_STATUSES = frozenset({401, 403})
_LIMIT_STATUS = 429


def get_status(error: BaseException | None) -> int | None:
    """Return the HTTP status of the answer to a failed request.

    :param BaseException|None error: What the HTTP library raised.
    :return: The status; None if there was no answer.
    :rtype: int|None
    """
    response = getattr(error, 'response', None)
    return None if response is None else response.status_code


def read_body(error: BaseException | None) -> dict[str, Any]:
    """Return the JSON object in the answer to a failed request.

    :param BaseException|None error: What the HTTP library raised.
    :return: The object; empty if there is none. Proxies answer with a page of theirs.
    :rtype: dict
    """
    response = getattr(error, 'response', None)
    if response is None:
        return {}
    try:
        body = response.json()
    except requests.exceptions.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def find_refusal(
    error: BaseException | None, outcome: Outcome
) -> Literal['invalid', 'key', 'limit'] | None:
    """Return what a refusal is about that no card is to blame for.

    :param BaseException|None error: What the HTTP library raised.
    :param str outcome: What it leaves of the payment, see `request_outcomes.py`.
    :return: `invalid`, `key` or `limit`; None if it isn't such a refusal.
    :rtype: str|None
    """
    status = get_status(error)
    if status in _KEY_STATUSES:
        return 'key'
    if status == _LIMIT_STATUS:
        return 'limit'
    return 'invalid' if outcome == REFUSED else None
