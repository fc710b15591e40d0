import functools
import inspect
from http import HTTPStatus

from odoo import http, models
from odoo.exceptions import UserError
from odoo.http import request

from .confirmation import ask_for_code, is_confirmed


def order_route(
    *paths, by_customer=None, deed=None, limited=False, confirms=None, statuses=None, **routing
):
    """Declare a route of the order link: `/order/<id>`, and what lies below it.

    It is the only way in. The method is given the order instead of its id and token, and is called
    for nobody who may not open it: they can't tell such an order from one that doesn't exist.

    An addon that extends a route decorates its method, too, without paths, and hands the order on:
    `super().billpro_order_link(order, **kwargs)`.

    :param str paths: What follows `/order/<id>`; none in a method that extends a route.
    :param bool|None by_customer: Whether it is done by the customer alone: staff who look on are
                                  refused. Must be said of whatever isn't a mere GET.
    :param str|None deed: What the list of the link's uses calls it, a value of its `deed`. Must be
                          said of whatever the customer does.
    :param bool limited: Whether it can be done a number of times within the hour only.
    :param Callable|bool|None confirms: Whether a browser that isn't known to be the customer's asks
                                        for a code first; a function of the order and what the
                                        request says, if it depends.
    :param Collection[str]|None statuses: The statuses of orders that have the page; None for all.
    :param dict routing: As of `odoo.http.route`; unless they say otherwise, routes are public, and
                         those of pages are shown as pages of the website.
    :return: The decorator of the method.
    :rtype: Callable
    :raise TypeError: If nothing is said of who may do what a route does, or of what it is called.
    """
    if not paths:
        route = http.route(**routing)
    else:
        if routing.get('methods') != ['GET'] and by_customer is None:
            raise TypeError("A route that may change something says by whom: by_customer")
        if routing.get('methods') != ['GET'] and by_customer and deed is None:
            raise TypeError("What the customer does is listed: deed")
        if routing.setdefault('type', 'http') == 'http':
            routing.setdefault('website', True)
            if by_customer or confirms:
                routing['csrf'] = False  # `_open_first` checks it, and answers with a page.
        addresses = [f'/order/<int:order_id>{path}' for path in paths]
        route = http.route(addresses, auth='public', **routing)

    first = functools.partial(_stop, by_customer=by_customer, limited=limited, confirms=confirms)
    return lambda method: route(_open_first(method, first, deed, statuses, by_customer or confirms))


def _stop(controller, order, params, *, by_customer, limited, confirms):
    """Return what a request is answered instead of doing what it asks for, if anything.

    :param OrderAccess controller: Who answers.
    :param sale.order order: The order.
    :param dict params: What the request says.
    :param bool|None by_customer: As of `order_route`.
    :param bool limited: As of `order_route`.
    :param Callable|bool|None confirms: As of `order_route`.
    :rtype: odoo.http.Response|None
    :raise UserError: If it is refused.
    """
    if by_customer:
        controller._billpro_check_acts_as_customer(order)
    if (by_customer or confirms) and not comes_from_page():
        return controller._billpro_redirect_to_order(order, 'try_again')
    if limited:
        order._check_billing_number_of_changes()
    if confirms and not controller._billpro_looks_on(order):
        return _ask_to_confirm(controller, order, confirms, params)
    return None


def _note(order, deed, answer):
    """Note what was done, unless it was refused.

    :param sale.order order: The order.
    :param str|None deed: As of `order_route`.
    :param odoo.http.Response|dict answer: What the request is answered.
    """
    if deed and getattr(answer, 'status_code', 200) < HTTPStatus.BAD_REQUEST:
        request.env['billpro.visit'].sudo()._note(order, deed, request.httprequest.remote_addr)


def _open_first(method, first, deed, statuses, answers):
    """Return a method that opens the order which a request names, and only then goes on.

    :param Callable method: Takes the controller, the order, and what else the request says.
    :param Callable first: Takes the same, and returns what is answered instead, if anything is.
    :param str|None deed: As of `order_route`.
    :param Collection[str]|None statuses: As of `order_route`.
    :param bool|None answers: Whether what is refused is answered with the order's page.
    :rtype: Callable
    """

    @functools.wraps(method)
    def open_order(self, order_id, access_token=None, **params):
        params.pop('order', None)  # Only `order_id` says which.
        params.pop('csrf_token', None)
        order = order_id
        if not isinstance(order, models.BaseModel):  # No request can send a record.
            order = self._billpro_get_accessible_order(order_id, access_token)
        if not order or (statuses is not None and order.billing_status not in statuses):
            return self._billpro_answer_not_found()
        try:
            if instead := first(self, order, params):
                return instead
            answer = method(self, order, **params)
            _note(order, deed, answer)
            return answer
        except UserError as error:
            if not answers or request.dispatcher.routing_type != 'http':
                raise
            return self._billpro_render_refused(order, error)

    open_order.__signature__ = _get_signature(method)
    open_order.opens_order = True
    return open_order


def _ask_to_confirm(controller, order, confirms, params):
    """Return the page that asks for a code, unless none is needed.

    :param OrderAccess controller: Who answers.
    :param sale.order order: The order.
    :param Callable|bool confirms: As of `order_route`.
    :param dict params: What the request says.
    :rtype: odoo.http.Response|None
    """
    if callable(confirms) and not confirms(order, params):
        return None
    if is_confirmed(order, controller._billpro_is_customer(order)):
        params.pop('billpro_code', None)
        params.pop('billpro_send', None)
        return None
    suffix = request.httprequest.path.partition(f'/order/{order.id}')[2]
    values = ask_for_code(order, suffix, params)
    return values and controller._billpro_render_private('billpro_portal.confirmation_page', values)


def comes_from_page():
    """Return whether the form that a request sends stood on a page of ours, in this session.

    It doesn't if another site sends it, but also if the customer has logged in or out meanwhile, in
    another tab: nothing is done, and the page that comes back can send it.

    :return: That; also if no form is sent.
    :rtype: bool
    """
    if request.dispatcher.routing_type != 'http' or request.httprequest.method != 'POST':
        return True
    return request.validate_csrf(request.params.get('csrf_token'))


def _get_signature(method):
    """Return what a request is to send: id and token instead of the order.

    Odoo drops what isn't in it.

    :param Callable method: The method that takes the order.
    :rtype: inspect.Signature
    """
    signature = inspect.signature(method)
    myself, _order, *others = signature.parameters.values()
    sent = [
        inspect.Parameter('order_id', inspect.Parameter.POSITIONAL_OR_KEYWORD),
        inspect.Parameter('access_token', inspect.Parameter.KEYWORD_ONLY, default=None),
    ]
    return signature.replace(
        parameters=sorted([myself, *sent, *others], key=lambda parameter: parameter.kind)
    )
