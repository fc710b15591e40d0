from markupsafe import Markup

from odoo import models


class BillproOrderConfirmation(models.AbstractModel):
    """What the page shows that asks the customer for a code, as the browser is new."""

    _name = 'billpro.order.confirmation'
    _description = "Confirming a Change of an Order"

    def _get_values(self, order, *, suffix, fields, code, error=False):
        """Return the values of the page.

        :param sale.order order: The order.
        :param str suffix: Where what is confirmed is, after the order's own path.
        :param dict fields: What the customer has entered there: sent once more with the code.
        :param billpro.confirmation.code code: The code that was sent, if one was.
        :param str|bool error: What is wrong with what was entered.
        :rtype: dict
        """
        channels = self.env['billpro.confirmation.code'].sudo()._get_code_channels(order)
        asks = code._is_open(order)
        return {
            **self.env['billpro.order.page']._get_page_values(order),
            'back_url': order._billing_get_order_link(),
            'action_url': order._billing_get_order_link(suffix),
            'fields': fields,
            'asks': asks
            and self.env._(
                "Enter the code that we sent to %s", self._mask(channels.get(code.channel, ''))
            ),
            'error': error,
            'ways': [
                {'channel': channel, 'label': self._get_label(asks, self._mask(address))}
                for channel, address in channels.items()
            ],
            'reason': self._get_reason(order),
        }

    def _get_label(self, asks, address):
        if asks:
            return self.env._("Send another code to %s", address)
        return self.env._("Send a code to %s", address)

    def _get_reason(self, order):
        if order.company_id.billing_confirm_changes == 'always':
            return self.env._(
                "We ask before each such change. Paying and cancelling never need it."
            )
        return self.env._("This browser is new. Paying and cancelling never need it.")

    def _get_text_of_refusal(self, order, code):
        """Return why what was entered didn't help.

        :param sale.order order: The order.
        :param billpro.confirmation.code code: The code that was sent.
        :rtype: str
        """
        if code._is_open(order):
            return self.env._("This is not the code that we sent. Please try again.")
        return self.env._("This code isn't valid any more. Have another one sent to you.")

    def _get_text_of_limit(self):
        """Return what is said to who has had too many codes sent.

        :rtype: str
        """
        return self.env._(
            "Several codes were sent within the hour. Please wait an hour, or contact us."
        )

    def _mask(self, address):
        """Return an address or number by which its owner knows it, and nobody else learns it.

        :param str address: The address, or several.
        :rtype: Markup
        """
        if '@' not in address:
            return Markup('<bdi>•••%s</bdi>') % address[-3:]
        masked = []
        for one in address.split(', '):
            name, _at, domain = one.rpartition('@')
            masked.append(f'{name[:1]}•••@{domain}')
        breakable = self.env['billpro.page.words']._get_breakable(', '.join(masked))
        return Markup('<bdi>%s</bdi>') % breakable
