"""Which tests a change waits for, and which only the nightly run executes."""

import os

# Needs no Hypothesis: some courses are random without it.
PROFILE = os.environ.get('HYPOTHESIS_PROFILE', 'ci')
IS_NIGHTLY = PROFILE == 'nightly'


def nightly(why):
    """Leave a test to the nightly run when all tests are run for a change.

    That is for what takes many seconds and varies what another test of each change proves: one more
    currency, role, type or screen. Named on the command line it is always executed, and Odoo's own
    runner executes all.

    :param str why: Which test proves it for each change, or what this one adds to it.
    :return: The decorator, which marks a test method.
    :rtype: Callable
    """

    def mark(method):
        method.billpro_nightly = why
        return method

    return mark


def some(variants, count=1):
    """Return all variants of what is tested in the nightly run, else the first ones.

    :param Sequence variants: The variants, the one that shows most first.
    :param int count: How many a change waits for.
    :rtype: Sequence
    """
    return variants if IS_NIGHTLY else variants[:count]
