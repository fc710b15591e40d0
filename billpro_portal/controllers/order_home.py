from urllib.parse import urlencode

from odoo.exceptions import UserError
from odoo.http import request

from .order_recovery import OrderRecovery
from .order_route import order_route


class OrderHome(OrderRecovery):
    """All orders of a customer, by the link of one of them: what is owed is paid in one go."""

    def _billpro_get_home_orders(self, order):
        """Return the orders that may be shown to whoever has opened one of them.

        :param sale.order order: The order that was opened.
        :rtype: sale.order
        """
        user = request.env.user if self._billpro_is_customer(order) else None
        return order.env['billpro.order.home']._get_orders(order, user)

    @order_route('/orders', methods=['GET'])
    def billpro_orders(self, order, notice=None, paying=None, **kwargs):
        """Show all orders of the customer.

        :param sale.order order: The order.
        :param str notice: What the last action did, a key of `_get_notice`.
        :param str|None paying: The orders that were paid in one go, as of `_billpro_pick`.
        :rtype: odoo.http.Response
        """
        return self._billpro_render_home(
            order, order.env['billpro.order.page']._get_notice(order, notice), paying=paying
        )

    def _billpro_pick(self, orders, paying):
        """Return the orders that a request names as paid in one go.

        :param sale.order orders: The orders that may be shown.
        :param str|None paying: The ids, with hyphens between them.
        :rtype: sale.order
        """
        ids = (paying or '').split('-')
        return orders.filtered(lambda one: str(one.id) in ids)

    def _billpro_get_home_url(self, order, suffix, paid, **params):
        """Return the address of a page that tells of orders paid in one go.

        :param sale.order order: The order whose link has opened the page.
        :param str suffix: The path below the order.
        :param sale.order paid: The orders that are told of.
        :param str params: What else the address says.
        :rtype: str
        """
        if paid:
            params['paying'] = '-'.join(map(str, paid.ids))
        query = urlencode(params)
        return order.get_portal_url(suffix=suffix, query_string=query and f'&{query}')

    def _billpro_render_home(self, order, notice=False, status=200, paying=None):
        """Return the page of all orders.

        :param sale.order order: The order whose link has opened it.
        :param dict|bool notice: What the last action did: its ``level`` and ``text``.
        :param int status: The HTTP status.
        :param str|None paying: The orders that were paid in one go, as of `_billpro_pick`.
        :rtype: odoo.http.Response
        """
        orders = self._billpro_get_home_orders(order)
        paid = self._billpro_pick(orders, paying)
        return self._billpro_render_private(
            'billpro_portal.home_page',
            {
                **order.env['billpro.order.home']._get_home_values(order, orders),
                'outcomes': order.env['billpro.order.home']._get_outcome_rows(paid),
                'notice': notice,
            },
            status=status,
        )

    @order_route('/orders/documents', methods=['GET'])
    def billpro_orders_documents(self, order, kind=None, year=None, number=None, **kwargs):
        """List the documents of all orders of the customer.

        :param sale.order order: The order.
        :param str|None kind: The kind of documents to list; all if not given.
        :param str|None year: Their year; all if not given.
        :param str|None number: The number of their order; all if not given.
        :rtype: odoo.http.Response
        """
        orders = self._billpro_get_home_orders(order)
        return self._billpro_render_private(
            'billpro_portal.documents_page',
            order.env['billpro.order.documents']._get_all_documents_values(
                order, orders, kind, year, number
            ),
        )

    @order_route('/orders/pay', methods=['POST'], by_customer=True, deed='pay')
    def billpro_orders_pay(self, order, **amounts):
        """Ask to collect what is outstanding on several orders, on all that are named or on none.

        :param sale.order order: The order.
        :param str amounts: Of each order the amount that the page showed, as ``amount_<id>``. Only
                            orders that the page shows are looked for.
        :rtype: odoo.http.Response
        """
        shown = {
            one: self._cast_as_float(amounts[f'amount_{one.id}']) or 0.0
            for one in self._billpro_get_home_orders(order)
            if f'amount_{one.id}' in amounts
        }
        orders = order.union(*shown)
        orders._lock_billing()
        try:
            for one, amount in shown.items():
                one._billing_request_collection(amount)
        except UserError as error:
            request.env.cr.rollback()  # Nothing is collected of the others either.
            orders.invalidate_recordset()
            return self._billpro_render_home(
                order, {'level': 'danger', 'text': f'{one.name}: {error}'}, status=409
            )
        suffix = '/orders/progress' if shown else '/orders'
        paid = order.browse([one.id for one in shown])
        return request.redirect(self._billpro_get_home_url(order, suffix, paid))

    @order_route('/orders/progress', methods=['GET'])
    def billpro_orders_progress(self, order, paying=None, **kwargs):
        """Show the page on which the customer waits for several payments.

        :param sale.order order: The order.
        :param str|None paying: The orders that were paid in one go, as of `_billpro_pick`.
        :rtype: odoo.http.Response
        """
        home = order.env['billpro.order.home']
        orders = self._billpro_get_home_orders(order)
        paid = self._billpro_pick(orders, paying)
        awaited = home._get_under_way(orders) or home._get_to_confirm(paid)
        if not awaited:
            return request.redirect(self._billpro_get_home_url(order, '/orders', paid))
        return self._billpro_render_private(
            'billpro_portal.progress_page',
            {
                **home._get_progress_values(order, awaited),
                'paying': '-'.join(map(str, paid.ids)) or None,
            },
        )

    @order_route('/orders/progress/state', type='jsonrpc', by_customer=False)
    def billpro_orders_progress_state(self, order, paying=None):
        """Go on with the payments that the customer waits for, and tell whether they are through.

        :param sale.order order: The order.
        :param str|None paying: The orders that were paid in one go, as of `_billpro_pick`.
        :return: ``done`` (bool) and the ``url`` to go to then.
        :rtype: dict
        """
        home = order.env['billpro.order.home']
        orders = self._billpro_get_home_orders(order)
        paid = self._billpro_pick(orders, paying)
        if not self._billpro_looks_on(order):
            # Those, too, whose bank the customer may have answered by now.
            for one in home._get_under_way(orders) | home._get_to_confirm(paid):
                request.env['billpro.billing.run'].sudo()._continue_collection(one)
            orders.invalidate_recordset()
        waiting = home._get_under_way(orders)
        if any(not one._billing_waits_for_debit() for one in waiting):
            return {'done': False}
        notice = 'processing' if waiting else 'paid'
        if not waiting and any(orders.mapped('billing_outstanding')):
            notice = 'not_all_paid'
        return {
            'done': True,
            'url': self._billpro_get_home_url(order, '/orders', paid, notice=notice),
        }
