from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools.sql import column_exists, create_column

from ...billing.calendar import is_same_interval
from ...billing.lifecycle import LIVE
from ..rights.own_context import FixedTaxes, is_inside


class SaleOrderLine(models.Model):
    """What a line of an order charges: once, or each period."""

    _inherit = 'sale.order.line'

    billing_each_period = fields.Boolean(
        string="Each Period",
        compute='_compute_billing_each_period',
        store=True,
        readonly=False,
        help="Whether each period of a subscription charges the line, or its first payment alone.",
    )
    billing_every_periods = fields.Integer(
        string="Every … Periods",
        compute='_compute_billing_every_periods',
        store=True,
        help="Of a product with a longer interval than its order: in every how many periods it is"
        " charged. 0: in each of them.",
    )
    billing_is_added = fields.Boolean(
        string="Added Later",
        readonly=True,
        copy=False,
        help="Added to an order that is charged: a later payment is the first to charge it.",
    )
    billing_event_id = fields.Many2one(
        string="Charged With",
        comodel_name='billpro.billing.event',
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The payment that charges what was added and is charged once.",
    )
    billing_product_type = fields.Selection(
        string="Purchase Type of the Product", related='product_id.purchase_type'
    )

    def _auto_init(self):
        """Override of `base`: the lines that there are stay as they are, and as they are charged.

        Nobody has chosen anything for them, and Odoo would compute it for each.
        """
        for name in (
            'billing_each_period',
            'billing_every_periods',
            'billing_charge_id',
            'billing_usage_start',
        ):
            if not column_exists(self.env.cr, self._table, name):
                column_type = self._fields[name].column_type[1]
                create_column(self.env.cr, self._table, name, column_type)
        return super()._auto_init()

    @api.depends('product_id', 'linked_line_id', 'combo_item_id')
    def _compute_billing_each_period(self):
        """Charge the line of a subscription's product each period, its parts, and what ships it.

        Staff may choose otherwise for what the product doesn't decide.
        """
        for line in self:
            line.billing_each_period = line._billing_is_each_period_by_default()

    @api.depends(
        'product_id',
        'linked_line_id',
        'combo_item_id',
        'order_id.purchase_type',
        'order_id.order_line.product_id',
    )
    def _compute_billing_every_periods(self):
        """Compare the interval of each product with the shortest one of its order.

        What is sold stays as it was agreed to, whatever becomes of the products.
        """
        for order, lines in self.grouped('order_id').items():
            if order.state not in {'draft', 'sent'}:
                for line in lines:
                    line.billing_every_periods = line.billing_every_periods
                continue
            times = order._billing_count_periods_of_lines()
            for line in lines:
                # The price of a combo is that of its parts.
                combo = line.combo_item_id and line.linked_line_id
                line.billing_every_periods = times.get(combo or line, 0)

    def _billing_is_each_period_by_default(self):
        """Return whether each period charges the line unless staff choose otherwise.

        :rtype: bool
        """
        self.ensure_one()
        order = self.order_id
        types = self.env['billpro.purchase.type']._get_perpetual_types()
        # A line that is paid once may stand there before one makes the order a subscription.
        if self.display_type or order.purchase_type not in types:
            return False
        recurring_lines = order._get_recurring_lines()
        if self.combo_item_id and self.linked_line_id:  # The combo's price is that of its parts.
            return self.linked_line_id in recurring_lines
        return self in recurring_lines or bool(
            self._is_delivery()
            and recurring_lines.filtered(lambda line: line.product_id.type == 'consu')
        )

    def _compute_qty_to_invoice(self):
        """Override of `sale`: what a period has charged is no credit to give.

        The schedule invoices the periods to come, whatever was delivered of the first one. Of what
        is paid once, what was delivered beyond it is still to be invoiced.
        """
        super()._compute_qty_to_invoice()
        types = self.env['billpro.purchase.type']._get_perpetual_types()
        charged = self.filtered(lambda line: line.qty_to_invoice and line.qty_invoiced)
        for order, lines in charged.grouped('order_id').items():
            if order.purchase_type in types:
                (lines & order._billing_get_period_lines()).qty_to_invoice = 0

    def _prepare_invoice_line(self, **optional_values):
        """Override of `sale`: the last invoice has the taxes that the order has, not its own."""
        fixed_taxes = self.env.context.get('billing_fixed_taxes')
        if isinstance(fixed_taxes, FixedTaxes) and self.id in fixed_taxes:
            optional_values['extra_tax_data'] = fixed_taxes[self.id]
        values = super()._prepare_invoice_line(**optional_values)
        if self._billing_is_draft_down_payment() and 'name' not in optional_values:
            # Odoo says "(Draft)" of it, which it won't be when the invoice is read.
            values['name'] = self.invoice_lines[0].name
        return values

    def _billing_is_draft_down_payment(self):
        """Return whether the line stands for a down payment whose invoice isn't posted yet.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.is_downpayment
            and not self.display_type
            and self.order_id.purchase_type
            and self.invoice_lines
            and self._get_downpayment_state() == 'draft'
        )

    def _billing_is_reward(self):
        """Return whether the line is a reward of a promotion, which is given once.

        :rtype: bool
        """
        self.ensure_one()
        return 'reward_id' in self._fields and bool(self.reward_id)

    @api.model
    def _billing_amount_fields(self):
        """Return the names of the fields that change what the customer pays.

        :rtype: set[str]
        """
        return {
            'billing_each_period',
            'order_id',
            'is_downpayment',
            'extra_tax_data',
            'product_id',
            'product_uom_qty',
            'product_uom_id',
            'price_unit',
            'discount',
            'tax_ids',
        }

    @api.constrains('product_uom_qty')
    def _check_billing_quantity_lowers_no_locked_price(self):
        """Keep staff from lowering a locked price by a negative quantity."""
        if self.env.uid != SUPERUSER_ID:
            checked = self.filtered(lambda line: not line.order_id._billing_is_being_confirmed())
            checked._check_billing_no_discount_on_locked_pricing()

    @api.constrains('price_unit', 'discount', 'product_id', 'is_downpayment')
    def _check_billing_pricing_not_locked(self):
        """Keep staff from changing the price of a product that locks it."""
        if self.env.uid == SUPERUSER_ID:
            return
        checked = self.filtered(lambda line: not line.order_id._billing_is_being_confirmed())
        checked._check_billing_no_discount_on_locked_pricing()
        for line in checked.filtered(
            lambda line: (
                line.product_id.billing_lock_pricing and not line._billing_is_invoiced_ahead()
            )
        ):
            expected_price, expected_discount = line._billing_get_locked_pricing()
            if line.currency_id.compare_amounts(line.price_unit, expected_price) or round(
                line.discount - expected_discount, 2
            ):
                raise ValidationError(
                    self.env._(
                        "The price of “%(product)s” is locked: %(price)s, discount"
                        " %(discount)s %%.",
                        product=line.product_id.display_name,
                        price=line.currency_id.format(expected_price),
                        discount=expected_discount,
                    )
                )

    def _check_billing_no_discount_on_locked_pricing(self):
        """Keep staff from lowering a locked price by a line of its own, as global discounts are.

        :raise ValidationError: If a line with a locked price stands beside a discount.
        """
        for order in self.order_id:
            lines = order.order_line.filtered(lambda line: not line._billing_is_invoiced_ahead())
            locked_lines = lines.filtered('product_id.billing_lock_pricing')
            discounts = lines.filtered(lambda line: line.product_uom_qty < 0)
            discounts |= (lines - locked_lines).filtered(lambda line: line.price_unit < 0)
            if locked_lines and discounts:
                raise ValidationError(
                    self.env._(
                        "The price of “%(product)s” is locked: order %(order)s can't have the"
                        " discount “%(discount)s”.",
                        product=locked_lines[0].product_id.display_name,
                        order=order.name,
                        discount=discounts[0].name,
                    )
                )

    def _billing_is_invoiced_ahead(self):
        """Return whether the line only stands for a down payment: it adds nothing to the order.

        :rtype: bool
        """
        self.ensure_one()
        return self.is_downpayment and not self.product_uom_qty

    def _billing_get_locked_pricing(self):
        """Return the unit price and the discount in percent that the pricelist gives the line.

        :rtype: tuple[float, float]
        """
        self.ensure_one()
        line = self.with_company(self.company_id)
        price = line.product_id._get_tax_included_unit_price_from_price(
            line._get_display_price(),
            product_taxes=line.product_id.taxes_id._filter_taxes_by_company(line.company_id),
            fiscal_position=line.order_id.fiscal_position_id,
        )
        discount = 0.0
        base_price = line._get_pricelist_price_before_discount()
        if line.pricelist_item_id._show_discount() and base_price:
            discount = max(0.0, (1 - line._get_pricelist_price() / base_price) * 100)
        return price, discount

    # === ADDED LINES === #

    def _billing_mark_as_added(self):
        """Remember which lines were added to orders while they are charged."""
        types = self.env['billpro.purchase.type']._get_types()
        self.filtered(
            lambda line: (
                line.order_id.billing_status in LIVE
                and line.order_id.purchase_type
                and types[line.order_id.purchase_type]._charges_added_lines
            )
        ).sudo().billing_is_added = True

    def _billing_is_on_invoice(self):
        """Return whether the line is on an invoice already, whoever has made it.

        :rtype: bool
        """
        self.ensure_one()
        return any(line.parent_state != 'cancel' for line in self.invoice_lines)

    # === CHANGED LINES === #

    def _billing_discard_stale_invoices(self):
        """Delete the draft invoices of payments of live orders: they are made anew when due.

        Called when what they are made of was changed: products, prices, taxes, the customer. What
        was declined is owed as it was.
        """
        lines = self.filtered(lambda line: not line.display_type and not line.is_downpayment)
        orders = lines.order_id.sudo().filtered(
            lambda order: order.purchase_type and order.billing_status in LIVE
        )
        events = orders.billing_event_ids.filtered(
            lambda event: (
                event.status in {'scheduled', 'paused'}
                and not event.first_declined_date
                and event.invoice_id.state == 'draft'
            )
        )
        if events:
            events.order_id._lock_billing()
            events._discard_draft_invoices()

    # === INTERVALS === #

    @api.constrains('product_id', 'order_id')
    def _check_billing_interval_is_of_order(self):
        """Check the lines that are added one by one, and those of orders that are charged."""
        are_changing = is_inside(self.env, 'billing_lines_changing')
        for order in self.order_id.filtered(
            lambda order: order.purchase_type and not order._billing_is_being_confirmed()
        ):
            if order.state not in {'draft', 'sent'} and order._get_purchase()._is_perpetual:
                (self & order._billing_get_lines_with_interval())._check_billing_interval_of_sale()
            elif order.state in {'draft', 'sent'} and not are_changing:
                order._check_billing_one_interval()

    def _check_billing_interval_of_sale(self):
        """Check that lines added to an order recur as it does, or as all of its products do.

        :raise ValidationError: If not.
        """
        for line in self:
            order, product = line.order_id, line.product_id
            purchase = order._get_purchase()
            interval = purchase._get_interval_of_line(line)
            if is_same_interval(interval, purchase._get_interval(product)):
                continue
            others = (order._billing_get_lines_with_interval() - self).product_id
            intervals = [purchase._get_interval(other) for other in others | product]
            if others and all(is_same_interval(intervals[0], other) for other in intervals):
                continue
            refusal = purchase._get_refusal_of_intervals(others | product)
            if not refusal or purchase._bills_longer_lines:
                refusal = self.env._(
                    "Order %(order)s is charged %(order_interval)s, “%(product)s” %(interval)s."
                    " Make another order for it.",
                    order=order.name,
                    order_interval=purchase._get_interval_text(order),
                    product=product.display_name,
                    interval=purchase._get_interval_text(product),
                )
            raise ValidationError(refusal)

    # === TAXES === #

    def _billing_keep_prices(self, kind):
        """Compute the amounts of the lines by the books' taxes, and keep their prices.

        :param str kind: `without`: the price without tax stays, `with`: that with tax.
        """
        is_net = kind == 'without'
        name, total = ('price_subtotal', 'excluded') if is_net else ('price_total', 'included')
        for line in self:
            agreed = line[name]
            line._billing_forget_fixed_taxes()
            line._compute_billing_amounts_anew()
            if line.currency_id.compare_amounts(line[name], agreed) and line.product_uom_qty:
                price = line._billing_get_price_for(agreed, f'raw_total_{total}_currency')
                if price is not None:
                    line._billing_change_price(price)
        self._compute_billing_totals_anew()

    def _billing_change_price(self, price):
        """Change the unit price; one that nobody has set remains so.

        :param float price: The new price.
        """
        self.ensure_one()
        is_set = self.currency_id.compare_amounts(self.technical_price_unit, self.price_unit)
        values = {} if is_set else {'technical_price_unit': price}
        self.write({'price_unit': price, **values})

    def _billing_forget_fixed_taxes(self):
        """Let the books' taxes count where they were fixed, as those of a discount are."""
        for line in self.filtered('extra_tax_data'):
            key = line.extra_tax_data.get('computation_key')
            line.extra_tax_data = {'computation_key': key} if key else False

    def _compute_billing_amounts_anew(self):
        for field in self._billing_get_amount_fields():
            self.env.add_to_compute(field, self)

    def _compute_billing_totals_anew(self):
        for name in ('amount_untaxed', 'amount_tax', 'amount_total'):
            self.env.add_to_compute(self.order_id._fields[name], self.order_id)

    @api.model
    def _billing_get_amount_fields(self):
        return [self._fields[name] for name in ('price_subtotal', 'price_tax', 'price_total')]

    def _billing_get_price_for(self, agreed, name):
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
