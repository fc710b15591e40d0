"""Whether a browser is known to be the customer's, and how it becomes so.

A link can be forwarded. What would do harm to the customer, and is neither paying nor cancelling,
needs a code in a browser that isn't known: `order_route(…, confirms=…)` says what that is.
"""

import binascii
import time

from odoo.exceptions import UserError
from odoo.http import request
from odoo.tools import hash_sign, verify_hash_signed

KNOWN_COOKIE = 'billpro_known'
KNOWN_HOURS = 24 * 365
MOST_CUSTOMERS = 20  # Of one browser: a cookie has its limits.
# Where each change is confirmed: entering a card takes its time.
CONFIRMED_SECONDS = 30 * 60
_SCOPE = 'billpro_portal.known_browser'
_CODE, _CONFIRMED = 'billpro_code', 'billpro_confirmed'


def sign_known(env, partner_ids, hours=KNOWN_HOURS):
    """Return the cookie of a browser that is known to be that of customers.

    :param odoo.api.Environment env: Any environment.
    :param list[int] partner_ids: The contacts of their orders.
    :param int|None hours: For how long; None for ever.
    :rtype: str
    """
    return hash_sign(env(su=True), _SCOPE, partner_ids, expiration_hours=hours)


def remember_browser(order, *, by_code=False):
    """Keep that the browser is the customer's.

    :param sale.order order: An order of the customer.
    :param bool by_code: Whether a code has shown it, which counts where each change needs one.
    """
    customer = order.partner_id.id
    if by_code:
        request.session[_CONFIRMED] = {str(customer): time.time()}
    known = [*(one for one in _read_known() if one != customer), customer][-MOST_CUSTOMERS:]
    request.future_response.set_cookie(
        KNOWN_COOKIE,
        sign_known(request.env, known),
        secure=request.httprequest.scheme == 'https',
        httponly=True,
        samesite='Lax',
    )


def is_confirmed(order, is_customer):
    """Return whether a change needs no code: by the company's choice, and what is known.

    :param sale.order order: The order.
    :param bool is_customer: Whether the visitor's login is one of the order's customer.
    :rtype: bool
    """
    when = order.company_id.billing_confirm_changes
    if when == 'never':
        return True
    customer = order.partner_id.id
    confirmed = request.session.get(_CONFIRMED, {}).get(str(customer), 0)
    if time.time() - confirmed < CONFIRMED_SECONDS:
        return True
    return when == 'new' and (is_customer or customer in _read_known())


def _read_known():
    try:
        known = verify_hash_signed(
            request.env(su=True), _SCOPE, request.cookies.get(KNOWN_COOKIE, '')
        )
    except (ValueError, binascii.Error):  # Not ours, or cut off.
        return []
    return known or []


def ask_for_code(order, suffix, sent):
    """Take the code that a request brings, or say what page asks for it.

    Without a code, a form that changes something has one sent at once. A mere page doesn't:
    programs open the links of mails, too.

    :param sale.order order: The order.
    :param str suffix: Where what is confirmed is, after the order's own path.
    :param dict sent: What the request brings; what is for this page alone is taken out of it.
    :return: The values of the page; None if the browser is confirmed now.
    :rtype: dict|None
    :raise UserError: If a script has asked, whose page can't be left.
    """
    entered, channel = sent.pop('billpro_code', None), sent.pop('billpro_send', None)
    if request.dispatcher.routing_type != 'http':
        raise UserError(
            request.env._(
                "This browser is new: please reload the page, to confirm that it is you. Paying and"
                " cancelling never need it."
            )
        )
    page = order.env['billpro.order.confirmation']
    codes = order.env['billpro.confirmation.code'].sudo()
    code, error = codes.browse(request.session.get(_CODE, [])), False
    if request.httprequest.method == 'POST':
        channels = codes._get_code_channels(order)
        if entered and not channel:
            if code._take(order, entered):
                request.session.pop(_CODE)
                remember_browser(order, by_code=True)
                return None
            error = page._get_text_of_refusal(order, code)
        elif channel in channels or (channels and not code._is_open(order)):
            channel = channel if channel in channels else next(iter(channels))
            code = codes._send(order, channel, request.httprequest.remote_addr)
            request.session[_CODE] = code.id
            error = False if code else page._get_text_of_limit()
    return page._get_values(order, suffix=suffix, fields=sent, code=code, error=error)
