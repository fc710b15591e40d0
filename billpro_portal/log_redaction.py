"""Keeps secrets out of the server's log.

The token of an order link stands in the address of every page of the order, and the HTTP server
logs the address of each request. Stripe's library logs bodies of requests and answers, which hold
client secrets, when debug messages are switched on.
"""

import logging
import re

_TOKEN = re.compile(r'(access_token=)[^&\s"\']+')


class AccessTokenFilter(logging.Filter):
    """Replaces the values of `access_token` in log records."""

    def filter(self, record):
        """Redact the record in place and let it pass.

        :param logging.LogRecord record: The record.
        :return: True.
        :rtype: bool
        """
        message = record.getMessage()
        if 'access_token=' in message:
            record.msg = _TOKEN.sub(r'\1[redacted]', message)
            record.args = ()
        return True


def keep_secrets_out_of_log():
    """Redact what other libraries log. Called once, when the server loads the addon."""
    logging.getLogger('stripe').setLevel(logging.WARNING)
    logger = logging.getLogger('werkzeug')
    if not any(isinstance(filter_, AccessTokenFilter) for filter_ in logger.filters):
        logger.addFilter(AccessTokenFilter())
