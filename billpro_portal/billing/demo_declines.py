"""What the states mean that Odoo's Demo provider simulates."""

from .declines import HARD, SOFT, DeclineClass


def classify_simulated_state(state: str) -> DeclineClass:
    """Return what a decline of Odoo's Demo provider means for the saved card.

    The provider knows no codes, only the states that its token simulates: `error` stands for a
    soft decline and `cancel` for a hard one.

    :param str state: The simulated state, or the state of the transaction: they are the same.
    :return: ``SOFT`` or ``HARD``.
    :rtype: str
    """
    return HARD if state == 'cancel' else SOFT
