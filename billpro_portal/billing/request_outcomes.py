"""What a failed request to a payment provider says about the money."""

from typing import Final, Literal

import requests
import urllib3

DECLINED: Final = 'declined'
NOT_ATTEMPTED: Final = 'not_attempted'
UNKNOWN: Final = 'unknown'
REFUSED: Final = 'refused'
Outcome = Literal['declined', 'not_attempted', 'unknown', 'refused']

# Refused before anything was executed, for a reason that is not the customer's card: bad keys,
# missing rights, too many requests (RFC 9110, 15.5.2 and 15.5.4; RFC 6585, 4).
_REFUSED_STATUSES = frozenset({401, 403, 429})
# The same request is under way at this moment (RFC 9110, 15.5.10), it took too long for a server on
# the way (15.5.9), may be replayed (RFC 8470, 5.2), or the connection was given up (nginx, 499):
# what becomes of it isn't known.
_OPEN_STATUSES = frozenset({408, 409, 425, 499})


class NotSent(Exception):
    """A request that was given up before anything of it was sent."""


class AskedInVain(Exception):
    """A question that has failed about what became of a request: nothing is known of that."""


class AnsweredError(Exception):
    """A failure that stands in an ordinary answer: what the provider says of it."""


def classify_failed_request(error: BaseException | None) -> Outcome:
    """Return what a failed request leaves of the payment.

    What nobody can classify leaves the outcome open: a decline needs proof.

    :param BaseException|None error: What the HTTP library raised, or `NotSent`; None if nobody
                                     knows why the request failed.
    :return: ``DECLINED``: no money moved; ``NOT_ATTEMPTED``: the provider never tried;
             ``REFUSED``: it can't be had, whoever's card it is, and no money moved;
             ``UNKNOWN``: money may have moved.
    :rtype: str
    """
    if isinstance(error, requests.exceptions.HTTPError):
        return classify_status(None if error.response is None else error.response.status_code)
    if isinstance(error, (NotSent, requests.exceptions.ConnectTimeout)):
        return NOT_ATTEMPTED
    if isinstance(error, requests.exceptions.ConnectionError):
        reason = getattr(error.args[0], 'reason', None) if error.args else None
        is_unconnected = isinstance(reason, urllib3.exceptions.NewConnectionError)
        return NOT_ATTEMPTED if is_unconnected else UNKNOWN
    return UNKNOWN


def classify_status(status: int | None) -> Outcome:
    """Return what the status of an answer leaves of the payment.

    :param int|None status: The HTTP status; None if there is none.
    :return: ``DECLINED``, ``NOT_ATTEMPTED`` or ``UNKNOWN``.
    :rtype: str
    """
    if status in _REFUSED_STATUSES:
        return NOT_ATTEMPTED
    is_refusal = status and 400 <= status < 500 and status not in _OPEN_STATUSES
    return DECLINED if is_refusal else UNKNOWN
