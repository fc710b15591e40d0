import functools
import inspect

from odoo import http, models
from odoo.exceptions import UserError
from odoo.http import request


def order_route(*paths, by_customer=None, limited=False, statuses=None, **routing):
    """Declare a route of the order link: `/order/<id>`, and what lies below it.

    It is the only way in. The method is given the order instead of its id and token, and is called
    for nobody who may not open it: they can't tell such an order from one that doesn't exist.

    An addon that extends a route decorates its method, too, without paths, and hands the order on:
    `super().billpro_order_link(order, **kwargs)`.

    :param str paths: What follows `/order/<id>`; none in a method that extends a route.
    :param bool|None by_customer: Whether it is done by the customer alone: staff who look on are
                                  refused. Must be said of whatever isn't a mere GET.
    :param bool limited: Whether it can be done a number of times within the hour only.
    :param Collection[str]|None statuses: The statuses of orders that have the page; None for all.
    :param dict routing: As of `odoo.http.route`; unless they say otherwise, routes are public, and
                         those of pages are shown as pages of the website.
    :return: The decorator of the method.
    :rtype: Callable
    :raise TypeError: If nothing is said of who may do what a route does.
    """
    if not paths:
        route = http.route(**routing)
    else:
        if routing.get('methods') != ['GET'] and by_customer is None:
            raise TypeError("A route that may change something says by whom: by_customer")
        if routing.setdefault('type', 'http') == 'http':
            routing.setdefault('website', True)
            if by_customer:
                routing['csrf'] = False  # `_open_first` checks it, and answers with a page.
        addresses = [f'/order/<int:order_id>{path}' for path in paths]
        route = http.route(addresses, auth='public', **routing)

    return lambda method: route(_open_first(method, by_customer, limited, statuses))


def _open_first(method, by_customer, limited, statuses):
    """Return a method that opens the order which a request names, and only then goes on.

    :param Callable method: Takes the controller, the order, and what else the request says.
    :param bool|None by_customer: As of `order_route`.
    :param bool limited: As of `order_route`.
    :param Collection[str]|None statuses: As of `order_route`.
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
            if by_customer:
                self._billpro_check_acts_as_customer(order)
                if not comes_from_page():
                    return self._billpro_redirect_to_order(order, 'try_again')
            if limited:
                order._check_billing_number_of_changes()
            return method(self, order, **params)
        except UserError as error:
            if not by_customer or request.dispatcher.routing_type != 'http':
                raise
            return self._billpro_render_refused(order, error)

    open_order.__signature__ = _get_signature(method)
    open_order.opens_order = True
    return open_order


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
