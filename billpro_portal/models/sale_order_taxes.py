from odoo import api, fields, models
from odoo.fields import Domain

from ..billing.lifecycle import BEFORE_APPROVAL, LIVE
from .own_context import INSIDE


class SaleOrder(models.Model):
    """Orders whose taxes are changed in the books while they are offered or charged.

    An accountant edits the rate of a tax, or the taxes of a product or a fiscal position. Nobody
    has changed the orders: what is to be paid follows, with the price that the company keeps.
    """

    _inherit = 'sale.order'

    billing_tax_change = fields.Selection(
        string="Taxes to Follow",
        selection=[('rate', "Changed taxes"), ('mapping', "Taxes of products and positions")],
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="What of the books' taxes was changed; the charge run lets the order follow.",
    )

    @api.model
    def _search_live_subscriptions(self, domain):
        """Return the live orders whose periods are charged, of all companies.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        types = self.env['billpro.purchase.type']._get_perpetual_types()
        return self._search_billed_later([('purchase_type', 'in', types), *domain])

    @api.model
    def _search_billed_later(self, domain):
        """Return the live orders whose later payments have the taxes of their lines.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        types = self.env['billpro.purchase.type']._get_types_billed_later()
        return self.search(
            Domain('billing_status', 'in', list(LIVE))
            & Domain('purchase_type', 'in', types)
            & Domain(domain)
        )

    @api.model
    def _search_open_quotations(self, domain):
        """Return the orders that customers may still agree to, or pay, of all companies.

        What has expired, or was cancelled, follows when it is offered again.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        return self.search(
            Domain('state', '!=', 'cancel')
            & Domain('purchase_type', '!=', False)
            & Domain('billing_status', 'in', list(BEFORE_APPROVAL))
            & (
                Domain('state', '=', 'sale')
                | Domain('validity_date', '=', False)
                | Domain('validity_date', '>=', fields.Date.context_today(self))
            )
            & Domain(domain)
        )

    def _is_offered(self):
        """Return whether the customer may still agree to the order, or pay it.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.purchase_type and self.state != 'cancel' and self.billing_status in BEFORE_APPROVAL
        )

    def _offer_with_present_taxes(self):
        """Have what is offered again, or for longer, follow the books' taxes."""
        self.filtered(lambda order: order._is_offered())._have_taxes_followed('rate')

    def _have_taxes_followed(self, change):
        """Have the charge run let the orders follow the books' taxes, each alone.

        :param str change: A value of `billing_tax_change`.
        """
        if self:
            # With new taxes the present rates are followed as well.
            orders = self.filtered(lambda order: order.sudo().billing_tax_change != 'mapping')
            orders.sudo().billing_tax_change = change
            self.env.ref('billpro_portal.cron_billing_run').sudo()._trigger()

    def _follow_taxes(self):
        """Let the payments to come have the books' taxes; the caller has the lock.

        What the customer pays now stays as it was announced; later payments follow, and the
        customer is told. The company decides whether the price without or with tax stays.
        """
        self.ensure_one()
        change = self.billing_tax_change
        if self._is_offered() and self._get_payment_in_progress():
            return  # Its result is waited for.
        self.billing_tax_change = False
        if not change:
            return
        is_locked = self.locked
        self.locked = False  # It is locked against people.
        if self._is_offered():
            self._tax_quotation_anew()
        elif self.billing_status in LIVE:
            self._tax_live_order_anew(change)
        self.locked = is_locked

    def _tax_live_order_anew(self, change):
        """Let what is still to be paid have the books' taxes; see `_follow_taxes`.

        :param str change: A value of `billing_tax_change`.
        """
        purchase = self._get_purchase()
        changing = purchase._get_lines_to_tax(self).with_context(billing_lines_changing=INSIDE)
        if change == 'mapping':
            changing._map_taxes_anew()
        purchase._tax_anew(self, changing)
        purchase._follow_lines(self, kept=self._get_announced_events())
        changing._discard_stale_invoices()  # Whatever became of amounts, they have the old taxes.

    def _tax_quotation_anew(self):
        """Let the total that is offered be what will be invoiced; what is billed stays.

        :raise UserError: If a customer is paying what an open page has shown.
        """
        if any(line._is_on_invoice() for line in self.order_line):
            return
        self._check_attempts_given_up()
        total = self.amount_total
        self._get_priced_lines()._keep_prices(self.company_id.billing_tax_change)
        if self.currency_id.compare_amounts(self.amount_total, total):
            self._message_log(
                body=self.env._(
                    "Taxes of the books have changed: the total is %(new)s instead of %(old)s.",
                    new=self.currency_id.format(self.amount_total),
                    old=self.currency_id.format(total),
                )
            )

    def _get_announced_events(self):
        """Return the payments whose amount the customer was told, or that are due.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        until = fields.Datetime.add(fields.Datetime.now(), days=self.company_id.billing_notice_days)
        return self.billing_event_ids.filtered(lambda event: event.due_date <= until)


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _map_taxes_anew(self):
        """Give the lines the taxes that their products have in the order's fiscal position.

        The amounts that they had are known still: what stays of them is for `_keep_prices`.
        """
        with self.env.protecting(self._get_amount_fields(), self):
            self._compute_tax_ids()

    def _keep_prices(self, kind):
        """Compute the amounts of the lines by the books' taxes, and keep their prices.

        :param str kind: `without`: the price without tax stays, `with`: that with tax.
        """
        is_net = kind == 'without'
        name, total = ('price_subtotal', 'excluded') if is_net else ('price_total', 'included')
        for line in self:
            agreed = line[name]
            line._forget_fixed_taxes()
            line._compute_amounts_anew()
            if line.currency_id.compare_amounts(line[name], agreed) and line.product_uom_qty:
                price = line._get_price_for(agreed, f'raw_total_{total}_currency')
                if price is not None:
                    line._change_price(price)
        self._compute_totals_anew()

    def _change_price(self, price):
        """Change the unit price; one that nobody has set remains so.

        :param float price: The new price.
        """
        self.ensure_one()
        is_set = self.currency_id.compare_amounts(self.technical_price_unit, self.price_unit)
        values = {} if is_set else {'technical_price_unit': price}
        self.write({'price_unit': price, **values})

    def _forget_fixed_taxes(self):
        """Let the books' taxes count where they were fixed, as those of a discount are."""
        for line in self.filtered('extra_tax_data'):
            key = line.extra_tax_data.get('computation_key')
            line.extra_tax_data = {'computation_key': key} if key else False

    def _compute_amounts_anew(self):
        for field in self._get_amount_fields():
            self.env.add_to_compute(field, self)

    def _compute_totals_anew(self):
        for name in ('amount_untaxed', 'amount_tax', 'amount_total'):
            self.env.add_to_compute(self.order_id._fields[name], self.order_id)

    @api.model
    def _get_amount_fields(self):
        return [self._fields[name] for name in ('price_subtotal', 'price_tax', 'price_total')]

    def _get_price_for(self, agreed, name):
        """Return the unit price with which the line adds up to an amount.

        :param float agreed: The amount.
        :param str name: Which amount, in the tax details of Odoo's tax engine.
        :return: The price; None if no price does.
        :rtype: float|None
        """
        self.ensure_one()
        AccountTax = self.env['account.tax']

        def get_total(price):
            base_line = self._prepare_base_line_for_taxes_computation(price_unit=price)
            AccountTax._add_tax_details_in_base_line(
                base_line, self.company_id, rounding_method='round_globally'
            )
            return base_line['tax_details'][name]

        # Taxes of a fixed amount don't grow with the price; all others do in proportion.
        fixed = get_total(0.0)
        growth = (get_total(self.price_unit) - fixed) / self.price_unit if self.price_unit else 0.0
        return (agreed - fixed) / growth if growth else None
