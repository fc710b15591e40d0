"""How attempts are called: in Odoo, at the provider, and as the key under which they are repeated.

They begin with the name of the order, by which people find them. That is unique in a company only:
a scheduled payment has its own number, and where a name is taken Odoo puts a number behind it.
"""


def initial_payment(order: str, number: int) -> str:
    """Return how an attempt to pay the initial payment is called, such as `S00042-P1`.

    :param str order: The name of the order.
    :param int number: The number of the attempt.
    :rtype: str
    """
    return f'{order}-P{number}'


def card_registration(order: str, number: int) -> str:
    """Return how the registration of another card is called, such as `S00042-C2`.

    :param str order: The name of the order.
    :param int number: A number that no other transaction of the order has.
    :rtype: str
    """
    return f'{order}-C{number}'


def scheduled_payment(order: str, event_id: int, attempt: int) -> str:
    """Return how an attempt to collect a scheduled payment is called, such as `S00042-E7-A1`.

    :param str order: The name of the order.
    :param int event_id: The id of the payment.
    :param int attempt: The number of the attempt.
    :rtype: str
    """
    return f'{order}-E{event_id}-A{attempt}'
