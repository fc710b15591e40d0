"""Keeps secrets out of the server's log.

The token of an order link stands in the address of every page of the order, and Stripe sends the
customer's browser back with the client secret of the payment. The HTTP server logs the address of
each request, and so does whatever else names it. Stripe's library logs bodies of requests and
answers, which hold client secrets, when debug messages are switched on.
"""

import logging
import re

# An address may stand within another one, as in the redirection of a login, and that in a third.
_SECRET = re.compile(
    r'((?:access_token|(?:payment|setup)_intent_client_secret)(?:=|%(?:25)*3D))[^&\s"\']+',
    re.IGNORECASE,
)
_MARKS = ('access_token', '_intent_client_secret')


class AddressFilter(logging.Filter):
    """Replaces the secrets of addresses in log records."""

    def filter(self, record):
        """Redact the record in place and let it pass.

        :param logging.LogRecord record: The record.
        :return: True.
        :rtype: bool
        """
        message = record.getMessage()
        if any(mark in message for mark in _MARKS):
            record.msg = _SECRET.sub(r'\1[redacted]', message)
            record.args = ()
        return True


def keep_secrets_out_of_log():
    """Redact what other libraries log. Called once, when the server loads the addon.

    The filter is on what writes the log: that of a logger sees nothing of its children's records.
    """
    logging.getLogger('stripe').setLevel(logging.WARNING)
    for handler in logging.getLogger().handlers:
        if not any(isinstance(filter_, AddressFilter) for filter_ in handler.filters):
            handler.addFilter(AddressFilter())
