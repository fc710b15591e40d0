from odoo.http import Response, content_disposition

from ..billing.lifecycle import LIVE
from .order_access import OrderAccess
from .order_route import order_route


class OrderUsage(OrderAccess):
    """What the customer has used, record by record."""

    @order_route('/usage/<int:number>', methods=['GET'])
    def billpro_order_usage(self, order, number, **kwargs):
        """Serve the usage records of a period as CSV, however many there are.

        :param sale.order order: The order.
        :param int number: The number of the period, counted from the first one.
        :rtype: odoo.http.Response
        """
        period = order._billing_get_begun_usage_period(number)
        if not period:
            return self._billpro_render_order_not_found()
        name = order.env._("Usage %(order)s %(day)s", order=order.name, day=period.first_day)
        response = Response(
            self._billpro_iter_usage_file(order, period),
            headers=[
                ('Content-Type', 'text/csv; charset=utf-8'),
                ('Content-Disposition', content_disposition(f'{name}.csv')),
            ],
        )
        self._billpro_set_private_headers(response)
        return response

    @order_route(
        '/usage-alert',
        methods=['POST'],
        by_customer=True,
        deed='settings',
        limited=True,
        statuses=LIVE,
    )
    def billpro_order_usage_alert(self, order, amount=None, **kwargs):
        """Keep from which amount on the customer wants to be told of usage.

        :param sale.order order: The order.
        :param str amount: The amount; empty for none.
        :rtype: odoo.http.Response
        """
        if not order.billing_usage_line_ids:
            return self._billpro_render_order_not_found()
        order._billing_set_usage_alert(amount)
        return self._billpro_redirect_to_order(
            order, 'usage_alert_on' if order.billing_usage_alert else 'usage_alert_off'
        )

    @staticmethod
    def _billpro_iter_usage_file(order, period):
        """Yield the file while it is sent, when the request's own cursor is closed already.

        :param sale.order order: The order.
        :param billing.metering.Period period: The period.
        :rtype: Iterator[str]
        """
        with order.env.registry.cursor(readonly=True) as cr:
            order = order.with_env(order.env(cr=cr))
            yield from order.env['billpro.order.usage']._iter_file(order, period)
