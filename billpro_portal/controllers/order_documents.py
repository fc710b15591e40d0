import logging
import re

from odoo.exceptions import UserError
from odoo.http import content_disposition, request

from ..billing.lifecycle import FINAL, LIVE
from .order_access import OrderAccess
from .order_route import order_route

_logger = logging.getLogger(__name__)


class OrderDocuments(OrderAccess):
    """The files of an order: PDF documents and pictures of its products."""

    @order_route('/documents', methods=['GET'], statuses=LIVE | FINAL)
    def billpro_order_documents(self, order, kind=None, year=None, **kwargs):
        """List the documents of the order.

        :param sale.order order: The order.
        :param str|None kind: The kind of documents to list; all if not given.
        :param str|None year: Their year; all if not given.
        :rtype: odoo.http.Response
        """
        return self._billpro_render_private(
            'billpro_portal.documents_page',
            order.env['billpro.order.documents']._get_documents_values(order, kind, year),
        )

    @order_route('/document/summary', methods=['GET'])
    def billpro_order_summary(self, order, **kwargs):
        """Serve the order summary as PDF, as of now.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        return self._billpro_respond_with_report(
            order,
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
            order,
            'billpro_portal.action_report_receipt',
            tx,
            'billing_receipt_pdf',
            request.env._("Receipt %s", tx._billing_get_receipt_number()),
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
        try:
            name, content = move._billpro_get_pdf()
        except UserError as error:
            return self._billpro_render_unmade(order, error)
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

    def _billpro_respond_with_report(self, order, report, record, field_name, name):
        """Return a report as PDF, in the customer's language and the company's layout.

        :param sale.order order: The order whose document it is.
        :param str report: The report's external id.
        :param record: The record to print, in superuser mode.
        :param str field_name: The field of the record that keeps the document.
        :param str name: The document's name.
        :rtype: odoo.http.Response
        """
        reports = request.env['ir.actions.report'].sudo().with_company(record.company_id)
        try:
            pdf = reports._billpro_get_kept_pdf(report, record, field_name)
        except UserError as error:
            return self._billpro_render_unmade(order, error)
        filename = re.sub(r'[^-\w]+', '_', name)
        return self._billpro_respond_with_pdf(pdf, f'{filename}.pdf')

    def _billpro_render_unmade(self, order, error):
        """Show the order, and that a document of it can't be made: why is for the log.

        :param sale.order order: The order.
        :param UserError error: What the program says that makes the file.
        :rtype: odoo.http.Response
        """
        _logger.error("A document of order %s could not be made: %s", order.name, error)
        reason = request.env._(
            "This document can't be made at the moment. Please try again later, or write to us."
        )
        return self._billpro_render_refused(order, UserError(reason))

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
