"""What our own methods tell each other by the context.

A request brings a context, too, and could tell them the same: that no money moves, that lines are
looked at later. So the keys that begin with `billing_` count only with a value that no request can
bring; JSON becomes plain strings, lists and numbers.
"""


class _Inside(str):
    """A string, so that a context can still be sent to the browser with an action."""


INSIDE = _Inside('inside')


class Answers(list):
    """Where the answers of a provider are collected, to be worked through later."""


class FixedTaxes(dict):
    """What keeps the taxes of order lines on an invoice as they are: Odoo's data by line id."""


def is_inside(env, key):
    """Say whether one of our own methods has set a key of the context.

    :param odoo.api.Environment env: The environment.
    :param str key: The key.
    :rtype: bool
    """
    return env.context.get(key) is INSIDE


def get_answers(env):
    """Return where answers are collected, if they are.

    :param odoo.api.Environment env: The environment.
    :return: The answers so far.
    :rtype: Answers | None
    """
    answers = env.context.get('billing_answers')
    return answers if isinstance(answers, Answers) else None
