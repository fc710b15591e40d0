from odoo import api, fields, models

from ..rights.own_context import INSIDE


class PaymentProvider(models.Model):
    """What the billing of orders needs to know of providers."""

    _inherit = 'payment.provider'

    billpro_creditor_identifier = fields.Char(
        string="SEPA Creditor Identifier",
        copy=False,
        help="Yours, or that of the provider if it debits in its own name: notices of debits name"
        " it.",
    )

    def _is_tokenization_required(self, sale_order_id=None, **kwargs):
        """Override of `payment`: recurring orders save the card they will be charged to."""
        order = self.env['sale.order'].sudo().browse(sale_order_id or 0).exists()
        if order.purchase_type and order._get_purchase()._requires_card(order):
            return True
        return super()._is_tokenization_required(sale_order_id=sale_order_id, **kwargs)

    def _billing_can_keep(self, method):
        """Return whether the provider stores a payment method for later payments.

        :param payment.method method: The method.
        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.allow_tokenization
            and (method.support_tokenization or method.code in self._in_billing()._kept_methods)
        )

    def _billing_can_pay_orders(self):
        """Return whether the payment is over with the checkout, or when a transfer arrives.

        Cash on delivery and paying in the store let the order begin unpaid: that is for others.

        :rtype: bool
        """
        self.ensure_one()
        return 'custom_mode' not in self._fields or self.custom_mode in {False, 'wire_transfer'}

    # === CARDS OF A PROVIDER THAT IS SWITCHED OFF === #

    @api.onchange('state')
    def _onchange_state_warn_before_disabling_tokens(self):
        """Override of `payment`: say how many orders can't be charged any more."""
        action = super()._onchange_state_warn_before_disabling_tokens()
        orders = self._origin._billing_get_charged_orders()
        if action and orders:
            action['warning']['message'] += '\n\n' + self.env._(
                "%s orders are charged to them. Nothing more is collected of these until their"
                " customers have stored another card.",
                len(orders),
            )
        return action

    def _archive_linked_tokens(self):
        """Override of `payment`: switching a provider off ends its cards, whoever uses them."""
        orders_by_provider = {provider: provider._billing_get_charged_orders() for provider in self}
        super(
            PaymentProvider, self.with_context(billing_archive_used_cards=INSIDE)
        )._archive_linked_tokens()
        for provider, orders in orders_by_provider.items():
            for company, of_company in orders.grouped('company_id').items():
                provider._billing_announce_archived_cards(company, of_company)

    def _billing_get_charged_orders(self):
        """Return the live orders whose payments are charged to cards of the providers.

        :rtype: sale.order
        """
        tokens = self.env['payment.token'].sudo().search([('provider_id', 'in', self.ids)])
        return tokens._get_charged_orders()

    def _billing_announce_archived_cards(self, company, orders):
        """Tell a person of a company, once for all orders, that their cards were archived.

        :param res.company company: The company.
        :param sale.order orders: Its orders that were charged to cards of the provider.
        """
        self.ensure_one()
        company._billing_ask_staff(
            self.env._(
                "%(provider)s was switched off or changed: %(count)s orders need another card",
                provider=self.name,
                count=len(orders),
            ),
            self.env._(
                "Its stored cards can't be charged any more, and nothing is collected of these"
                " orders of %(company)s. Choose them in the list of billing exceptions and press"
                " “Request card update”: %(orders)s.",
                company=company.name,
                orders=', '.join(orders.mapped('name')),
            ),
        )
