from odoo import api, fields, models


class BillproPurchaseType(models.AbstractModel):
    """What the shop asks a purchase type."""

    _inherit = 'billpro.purchase.type'

    # An order has one of each: products that differ in one of them can't be in one cart.
    _cart_terms = ()
    # Whether what else is in the cart is paid for with the initial payment.
    _charges_other_lines = True

    @api.model
    def _get_shop_unit(self, product):
        """Return what the price of a product is for, such as "/ month".

        :param product.template product: The product.
        :return: What stands behind the price; empty if that is the whole price.
        :rtype: str
        """
        return ''

    @api.model
    def _get_shop_text(self, product, currency):
        """Return how a product is paid for.

        :param product.template product: The product.
        :param res.currency currency: The currency of the shop.
        :return: A sentence or two for shoppers; empty if there is nothing to say.
        :rtype: str
        """
        return ''

    @api.model
    def _format_shop_amount(self, product, amount, currency):
        """Return an amount of a product's terms as the shop shows it.

        :param product.template product: The product.
        :param float amount: The amount, in the currency of the product.
        :param res.currency currency: The currency of the shop.
        :rtype: str
        """
        return currency.format(
            product.currency_id._convert(
                amount, currency, product.company_id or self.env.company, fields.Date.today()
            )
        )

    @api.model
    def _can_share_cart(self, product, other):
        """Return whether two products can be in one order of the shop.

        :param product.product product: One of them.
        :param product.product other: The other.
        :rtype: bool
        """
        types = self._get_types()
        purchases = [types[p.purchase_type] for p in (product, other) if p.purchase_type]
        if len(purchases) < 2:
            return all(purchase._charges_other_lines for purchase in purchases)
        if product.purchase_type != other.purchase_type:
            return bool(self._get_type_of_products(product | other))
        return all(product[term] == other[term] for term in purchases[0]._cart_terms)
