from odoo import models
from odoo.exceptions import ValidationError

from odoo.addons.billpro_portal.billing.lifecycle import BEFORE_APPROVAL

# How many rows of the terms of payment stand in a cart; the checkout shows all.
CART_TERMS = 6


class SaleOrder(models.Model):
    """Carts with a purchase type: what may be in one, and how it is paid.

    They are paid at their order link, as all orders with a purchase type are; the shop leads
    there.
    """

    _inherit = 'sale.order'

    def _billpro_is_cart(self):
        """Return whether it is a cart, which its customer may still change.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.website_id and self.state == 'draft')

    def _billpro_is_being_paid(self):
        """Return whether a payment of the cart, if there is one, is under way.

        At the page of a provider that may be paid there at any time, for example. Nothing of the
        cart can be changed then.

        :rtype: bool
        """
        return bool(self and self.purchase_type and self.sudo()._billing_get_payment_in_progress())

    # === WHAT IS IN A CART === #

    def _verify_updated_quantity(self, order_line, product_id, new_qty, uom_id, **kwargs):
        """Override of `website_sale`: refuse what can't be paid together with the others."""
        quantity, warning = super()._verify_updated_quantity(
            order_line, product_id, new_qty, uom_id, **kwargs
        )
        if self._billpro_is_being_paid():
            return order_line.product_uom_qty, self.env._(
                "This order is being paid. Its page tells when it can be changed again."
            )
        if not order_line and quantity > 0:
            product = self.env['product.product'].browse(product_id)
            if refusal := self._billpro_get_refusal_of(product):
                return 0, refusal
        return quantity, warning

    def _billpro_get_refusal_of(self, products):
        """Return why products can't be put into the cart.

        :param product.product products: The products.
        :return: The reason in the shopper's words; empty if they can.
        :rtype: str
        """
        self.ensure_one()
        sold_lines = self.order_line.filtered(
            lambda line: (
                line.product_id
                and not line.is_delivery
                and (line.product_id.purchase_type or line.price_total > 0)
            )
        )
        types = self.env['billpro.purchase.type']
        for product in products:
            for other in sold_lines.product_id - product:
                if not types._can_share_cart(product, other):
                    return self.env._(
                        "“%(product)s” and “%(other)s” are paid in different ways, so they can't"
                        " be in one order. Finish this order first, or remove “%(other)s” from"
                        " your cart.",
                        product=product.with_context(display_default_code=False).display_name,
                        other=other.with_context(display_default_code=False).display_name,
                    )
        return ''

    def _verify_cart_after_update(self):
        """Override of `website_sale`: a cart without such products is an ordinary one again.

        Unless its payment is under way. Shipping recurs with the goods that are in the cart now.
        """
        super()._verify_cart_after_update()
        for line in self.order_line.filtered('is_delivery'):
            recurs = line._billing_is_each_period_by_default()
            if line.billing_each_period != recurs:
                line.billing_each_period = recurs
        for cart in self.filtered(
            lambda order: (
                order.purchase_type
                and order._billpro_is_cart()
                and not any(order.order_line.product_id.mapped('purchase_type'))
            )
        ):
            cart._lock_billing()
            if not cart.sudo()._billing_give_up_attempts():
                cart.purchase_type = False

    def _compute_is_expired(self):
        """Override of `sale`: carts don't expire, and are priced anew before they are paid.

        Ordinary ones are Odoo's.
        """
        super()._compute_is_expired()
        carts = self.filtered(lambda order: order.purchase_type and order._billpro_is_cart())
        carts.is_expired = False

    # === WHAT THE SHOP SHOWS === #

    def _billpro_get_cart_terms(self):
        """Return what is paid today and later, as rows for the totals of the cart.

        Of a long schedule only the beginning and the balance: the checkout shows all.

        :return: Rows of ``label``, ``value`` (both texts) and ``strong`` (bool).
        :rtype: list[dict]
        """
        self.ensure_one()
        if not self.purchase_type:
            return []
        rows = self._get_purchase()._get_terms(self)
        return rows if len(rows) <= CART_TERMS else [*rows[:3], rows[-1]]

    def _billpro_get_order_label(self):
        """Return what the button of Odoo's own checkout says by law, or False.

        :rtype: str|bool
        """
        return self._billing_get_law().has_order_words and self._billing_get_words().order

    # === PAYING === #

    def _billpro_begin_checkout(self):
        """Open the order link to the customer, who has gone through the steps of the shop."""
        self.ensure_one()
        if self.billing_status == 'draft':
            # The link itself was sent to nobody: no reminders beside those of the shop.
            self._apply_billing_trigger(
                'send_link', self.env._("The customer went to the payment in the shop.")
            )

    def _billpro_get_unfit_reason(self):
        """Return why what is in the cart can't be paid together.

        :return: The reason in the shopper's words, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        purchase = self._get_purchase()
        is_reduced = any(line.price_total < 0 for line in self.order_line)
        reason = False
        try:
            purchase._check_order(self)
        except ValidationError:  # Its words are for staff.
            reason = self.env._("This can't be paid online as it is. Please contact us.")
        if is_reduced and (reason or not purchase._charges_other_lines):
            reason = self.env._(
                "Your discounts and gift cards can't be used for what is due today. Please remove"
                " them from your cart: they stay valid for another order."
            )
        return reason

    def _billpro_get_unready_reason(self):
        """Return which step of the shop is missing, such as the choice of a delivery.

        :return: The reason in the words of the shop, or False if none is missing.
        :rtype: str|bool
        """
        try:
            self._check_cart_is_ready_to_be_paid()
        except ValidationError as error:
            return str(error)
        return False

    def _billing_get_not_payable_reason(self):
        """Override of `billpro_portal`: a cart is paid when it has gone through the shop."""
        reason = super()._billing_get_not_payable_reason()
        if not reason and self._billpro_is_cart():
            reason = self._billpro_get_unfit_reason() or self._billpro_get_unready_reason()
        return reason

    def _prepare_billing_successor(self, partner):
        """Override of `billpro_portal`: staff make it, and it is nobody's cart."""
        return {**super()._prepare_billing_successor(partner), 'website_id': False}

    def get_portal_last_transaction(self):
        """Override of `sale`: the payment of the order link, too, ends the time of the cart."""
        if self.purchase_type and (tx := self.sudo()._billing_get_payment_in_progress()):
            return tx
        return super().get_portal_last_transaction()

    def _validate_order(self):
        """Override of `sale`: what discounts and gift cards pay in full is complete."""
        super()._validate_order()
        for order in self.filtered(
            lambda order: (
                order.purchase_type
                and order.billing_status in BEFORE_APPROVAL
                and not order._billing_is_anything_to_pay()
            )
        ):
            order._apply_billing_trigger(
                order._get_purchase()._get_approval_trigger(order),
                self.env._("There was nothing to pay."),
            )
            # What gift cards have paid is invoiced; what costs nothing isn't.
            if not all(order.currency_id.is_zero(line.price_total) for line in order.order_line):
                order.sudo()._billing_create_initial_invoices().action_post()
