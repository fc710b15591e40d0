import hashlib

from odoo import api, models


class IrActionsReport(models.Model):
    """Documents that are made when somebody looks at them, kept until they would look different."""

    _inherit = 'ir.actions.report'

    @api.model
    def _billpro_get_kept_pdf(self, report, record, field_name):
        """Return a document, printed only if it isn't what it was when it was printed last.

        A page that anybody with the link may ask for, again and again, must cost little: to lay a
        document out as PDF takes a hundred times as long as to write it as HTML.

        :param str report: The report's external id.
        :param record: The record to print.
        :param str field_name: The field of the record whose attachment is the document. It is not
                               written through the record: nobody who reads locks an order.
        :return: The content of the file.
        :rtype: bytes
        """
        html = self._render_qweb_html(report, record.ids)[0]
        name = f'{hashlib.sha256(html).hexdigest()}.pdf'
        Attachment = self.env['ir.attachment'].sudo()
        kept = Attachment.search(
            [
                ('res_model', '=', record._name),
                ('res_id', '=', record.id),
                ('res_field', '=', field_name),
            ]
        )
        if current := kept.filtered(lambda attachment: attachment.name == name)[:1]:
            return current.raw
        content = self._render_qweb_pdf(report, record.ids)[0]
        kept.unlink()
        Attachment.create(
            {
                'name': name,
                'raw': content,
                'mimetype': 'application/pdf',
                'res_model': record._name,
                'res_id': record.id,
                'res_field': field_name,
            }
        )
        return content
