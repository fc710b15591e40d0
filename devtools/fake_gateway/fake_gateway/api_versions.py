"""What differs between the versions of Stripe's API that a request can name.

Rules: Stripe documentation, "API changelog": 2020-08-27 (an event is renamed), 2022-11-15 (intents
lose `charges`, charges lose `refunds`), 2023-08-16 (payment methods are automatic by default),
2026-07-29.dahlia (intents get `allowed_payment_method_types`), 2026-09-30.endive (intents lose
`payment_method_types`).
"""

from __future__ import annotations

import re

from fake_gateway.errors import NotExecuted

OLDEST = '2019-02-11'
ACCOUNT_DEFAULT = '2019-05-16'
RENAMES_EVENTS = '2020-08-27'
WITHOUT_LISTS = '2022-11-15'
AUTOMATIC_PAYMENT_METHODS = '2023-08-16'
ALLOWED_PAYMENT_METHOD_TYPES = '2026-07-29'
WITHOUT_PAYMENT_METHOD_TYPES = '2026-09-30'


def check(version: str) -> str:
    """Check the version that a request names.

    :param str version: For example `2019-05-16` or `2026-10-28.endive`.
    :return: The version.
    :rtype: str
    :raise NotExecuted: If there is no such version.
    """
    if not re.fullmatch(r"\d{4}-\d\d-\d\d(\.\w+)?", version) or version < OLDEST:
        raise NotExecuted(400, 'invalid_request_error', f"Invalid Stripe API version: {version}")
    return version


def name_event(event_type: str, version: str) -> str:
    """Return what an event is called in a version.

    :param str event_type: What it is called today.
    :param str version: The version.
    :rtype: str
    """
    if version < RENAMES_EVENTS and event_type == 'payment_method.automatically_updated':
        return 'payment_method.card_automatically_updated'
    return event_type
