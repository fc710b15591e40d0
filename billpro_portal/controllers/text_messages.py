from odoo import http
from odoo.http import request
from odoo.tools import consteq


class TextMessages(http.Controller):
    """What customers answer to text messages, where the gateway passes it on."""

    @http.route(
        '/text-messages/answer/<string:token>',
        type='http',
        auth='public',
        methods=['POST'],
        csrf=False,
        save_session=False,
    )
    def billpro_take_text_message(self, token, **message):
        """Take an answer, in the form in which Twilio passes it on.

        :param str token: Tells the gateway from others: it is part of the address in the settings.
        :param dict message: The number as ``From``, and the text as ``Body``.
        :return: That nothing is answered.
        :rtype: odoo.http.Response
        """
        company = request.env.company.sudo()
        if not consteq(company._billing_get_text_message_token(), token):
            raise request.not_found()
        request.env['billpro.notification'].sudo()._take_answer(
            message.get('From', ''), message.get('Body', '')
        )
        return request.make_response('<Response/>', [('Content-Type', 'text/xml')])
