import re

from odoo.http import content_disposition, request

from .order_access import OrderAccess
from .order_route import order_route


class OrderDocuments(OrderAccess):
    """The files of an order: PDF documents and pictures of its products."""

    @order_route('/document/summary', methods=['GET'])
    def billpro_order_summary(self, order, **kwargs):
        """Serve the order summary as PDF, as of now.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        return self._billpro_respond_with_report(
            'billpro_portal.action_report_order_summary',
            order,
            'billing_summary_pdf',
            request.env._("Order summary %s", order.name),
        )

    @order_route('/document/receipt/<int:transaction_id>', methods=['GET'])
    def billpro_order_receipt(self, order, transaction_id, **kwargs):
        """Serve the receipt of an approved payment as PDF.

        :param sale.order order: The order.
        :param int transaction_id: The payment.
        :rtype: odoo.http.Response
        """
        tx = (
            order.env['billpro.order.payments']
            ._get_history(order)
            .filtered(
                lambda tx: (
                    tx.id == transaction_id and tx.state == 'done' and tx.operation != 'refund'
                )
            )
        )
        if not tx:
            return self._billpro_render_order_not_found()
        return self._billpro_respond_with_report(
            'billpro_portal.action_report_receipt',
            tx,
            'billing_receipt_pdf',
            request.env._("Receipt %s", tx.reference),
        )

    @order_route('/document/invoice/<int:move_id>', methods=['GET'])
    def billpro_order_invoice(self, order, move_id, **kwargs):
        """Serve the PDF of an invoice or credit note of the order, the legal one if there is one.

        :param sale.order order: The order.
        :param int move_id: The invoice or credit note.
        :rtype: odoo.http.Response
        """
        move = order.billing_move_ids.filtered(
            lambda move: move.id == move_id and move.state == 'posted'
        )
        if not move:
            return self._billpro_render_order_not_found()
        name, content = move._billpro_get_pdf()
        return self._billpro_respond_with_pdf(content, name)

    @order_route('/line/<int:line_id>/image', methods=['GET'])
    def billpro_order_line_image(self, order, line_id, **kwargs):
        """Serve the picture of a product on the order.

        :param sale.order order: The order.
        :param int line_id: The order line.
        :rtype: odoo.http.Response
        """
        line = order.order_line.filtered(lambda line: line.id == line_id)
        if not line:
            return self._billpro_render_order_not_found()
        return (
            request.env['ir.binary']
            ._get_image_stream_from(line.product_id, 'image_128')
            .get_response()
        )

    def _billpro_respond_with_report(self, report, record, field_name, name):
        """Return a report as PDF, in the customer's language and the company's layout.

        :param str report: The report's external id.
        :param record: The record to print, in superuser mode.
        :param str field_name: The field of the record that keeps the document.
        :param str name: The document's name.
        :rtype: odoo.http.Response
        """
        pdf = (
            request.env['ir.actions.report']
            .sudo()
            .with_company(record.company_id)
            ._billpro_get_kept_pdf(report, record, field_name)
        )
        filename = re.sub(r'[^-\w]+', '_', name)
        return self._billpro_respond_with_pdf(pdf, f'{filename}.pdf')

    def _billpro_respond_with_pdf(self, pdf, filename):
        response = request.make_response(
            pdf,
            headers=[
                ('Content-Type', 'application/pdf'),
                ('Content-Length', len(pdf)),
                ('Content-Disposition', content_disposition(filename)),
            ],
        )
        self._billpro_set_private_headers(response)
        return response
