"""Keeps the tokens of order links out of the server's log.

The token of an order link stands in the address of every page of the order, and the HTTP server
logs the address of each request.
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


def redact_access_tokens():
    """Redact the log of the HTTP server. Called once, when the server loads the addon."""
    logger = logging.getLogger('werkzeug')
    if not any(isinstance(filter_, AccessTokenFilter) for filter_ in logger.filters):
        logger.addFilter(AccessTokenFilter())
