from odoo import models


class ProductTemplate(models.Model):
    _inherit = 'product.template'

    def _billpro_get_shop_terms(self, currency):
        """Return how the product is paid for, in a shopper's words.

        :param res.currency currency: The currency of the prices that stand beside it.
        :return: The ``unit`` that stands behind the price and a ``text``; both may be empty.
        :rtype: dict
        """
        self.ensure_one()
        purchase = self.env['billpro.purchase.type']._get_types().get(self.purchase_type)
        if purchase is None:
            return {'unit': '', 'text': ''}
        return {
            'unit': purchase._get_shop_unit(self),
            'text': purchase._get_shop_text(self, currency),
        }
