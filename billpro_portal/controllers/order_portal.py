from odoo import http
from odoo.http import request

from odoo.addons.sale.controllers.portal import CustomerPortal

from ..billing.lifecycle import BEFORE_APPROVAL
from .checkout import Checkout
from .order_access import OrderAccess
from .order_route import order_route


class OrderPortal(Checkout):
    """The order link: the checkout before approval, the order portal afterwards."""

    @order_route('', '/page/<int:page>', methods=['GET'])
    def billpro_order_link(self, order, page=1, past=None, notice=None, **kwargs):
        """Show the page that the order's status calls for.

        :param sale.order order: The order.
        :param str|int page: The page of the billing history.
        :param str past: The number of the period of usage before which past ones are listed.
        :param str notice: What the last action did, a key of `_get_notice`.
        :rtype: odoo.http.Response
        """
        if self._billpro_is_opened_by_customer():
            order._billing_note_link_opened(request.httprequest.remote_addr)
        self._billpro_process_finished_payments(order)
        if order.billing_status not in BEFORE_APPROVAL | {'cancelled'}:
            return self._billpro_render_portal(
                order,
                page=self._cast_as_int(page) or 1,
                past=self._cast_as_int(past),
                notice=order.env['billpro.order.page']._get_notice(order, notice),
            )
        # Who waits for a transfer may have been paid in another way meanwhile.
        is_held = order.billing_awaits_transfer and order._billing_get_other_payments_hold()
        if order.billing_awaits_transfer and not is_held:
            return self._billpro_render_private(
                'billpro_portal.transfer_page',
                order.env['billpro.checkout.page']._get_transfer_values(order),
            )
        if order._billing_get_payment_in_progress() and not is_held:
            return self._billpro_render_private(
                'billpro_portal.pending_page',
                order.env['billpro.checkout.page']._get_pending_values(order),
            )
        if closed := order.env['billpro.checkout.page']._get_closed_values(order):
            return self._billpro_render_private('billpro_portal.order_closed_page', closed)
        return self._billpro_render_checkout(order)

    @staticmethod
    def _billpro_is_opened_by_customer():
        """Return whether somebody looks at the page who isn't staff.

        A program that shows a preview of the link, or asks whether it still works, is nobody.

        :rtype: bool
        """
        return (
            request.httprequest.method == 'GET'
            and not request.env['ir.http'].is_a_bot()
            and not request.env.user._is_internal()
        )

    @order_route('/payment/<int:transaction_id>', methods=['GET'])
    def billpro_order_payment(self, order, transaction_id, **kwargs):
        """Show the details of one payment or refund of the order.

        :param sale.order order: The order.
        :param int transaction_id: The payment or refund.
        :rtype: odoo.http.Response
        """
        tx = (
            order.env['billpro.order.payments']
            ._get_history(order)
            .filtered(lambda tx: tx.id == transaction_id)
        )
        if not tx:
            return self._billpro_render_order_not_found()
        return self._billpro_render_private(
            'billpro_portal.payment_page',
            order.env['billpro.order.payments']._get_payment_values(order, tx),
        )


class SaleCustomerPortal(CustomerPortal):
    """Sale's own order page: orders with a purchase type have only one page, ours.

    What lies below it is closed for them by `ir.http._pre_dispatch`.
    """

    @http.route()
    def portal_order_page(self, order_id, report_type=None, access_token=None, **kwargs):
        """Override of `sale` to go to the order link or, for a report, to the order summary."""
        if not request.env['sale.order'].sudo().browse(order_id).exists().purchase_type:
            return super().portal_order_page(
                order_id, report_type=report_type, access_token=access_token, **kwargs
            )
        order = OrderAccess()._billpro_get_accessible_order(order_id, access_token)
        if not order:
            return request.redirect('/my')
        return request.redirect(
            order._billing_get_order_link('/document/summary' if report_type else '')
        )
