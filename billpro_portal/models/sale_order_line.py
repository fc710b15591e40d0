from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools.sql import column_exists, create_column

from .own_context import FixedTaxes


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    billing_each_period = fields.Boolean(
        string="Each Period",
        compute='_compute_billing_each_period',
        store=True,
        readonly=False,
        help="Whether each period of a subscription charges the line, or its first payment alone.",
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
        if not column_exists(self.env.cr, self._table, 'billing_each_period'):
            create_column(self.env.cr, self._table, 'billing_each_period', 'boolean')
        return super()._auto_init()

    @api.depends('product_id', 'linked_line_id', 'combo_item_id')
    def _compute_billing_each_period(self):
        """Charge the line of a subscription's product each period, its parts, and what ships it.

        Staff may choose otherwise for what the product doesn't decide.
        """
        for line in self:
            line.billing_each_period = line._billing_is_each_period_by_default()

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
                (lines & order._get_period_lines()).qty_to_invoice = 0

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `sale`: an order being paid gets no new lines; a live one costs more.

        :raise UserError: If a payment of the order awaits its result.
        """
        order_ids = {vals['order_id'] for vals in vals_list if vals.get('order_id')}
        self.env['sale.order'].browse(order_ids)._check_no_payment_in_progress()
        lines = super().create(vals_list)
        if not self.env.su and (
            any('invoice_lines' in vals for vals in vals_list)
            or 'default_invoice_lines' in self.env.context
        ):
            lines._check_field_access(self._fields['invoice_lines'], 'write')
        lines._discard_stale_invoices()
        lines._mark_as_added()
        lines.order_id._follow_changed_lines()
        return lines

    def write(self, vals):
        """Override of `sale`: the amount of an order being paid stays as it is.

        :raise UserError: If a payment of an order awaits its result.
        """
        if not self._billing_amount_fields().intersection(vals):
            return super().write(vals)
        orders = self.order_id
        orders._check_no_payment_in_progress()
        result = super().write(vals)
        (self.order_id - orders)._check_no_payment_in_progress()  # They were moved there.
        self._discard_stale_invoices()
        (orders | self.order_id)._follow_changed_lines()
        return result

    def unlink(self):
        """Override of `sale`: a live order is not charged for lines that are gone."""
        orders = self.order_id
        self._discard_stale_invoices()
        result = super().unlink()
        orders._follow_changed_lines()
        return result

    @api.ondelete(at_uninstall=False)
    def _unlink_except_payment_in_progress(self):
        self.order_id._check_no_payment_in_progress()

    def _prepare_invoice_line(self, **optional_values):
        """Override of `sale`: the last invoice has the taxes that the order has, not its own."""
        fixed_taxes = self.env.context.get('billing_fixed_taxes')
        if isinstance(fixed_taxes, FixedTaxes) and self.id in fixed_taxes:
            optional_values['extra_tax_data'] = fixed_taxes[self.id]
        values = super()._prepare_invoice_line(**optional_values)
        if self._is_draft_down_payment() and 'name' not in optional_values:
            # Odoo says "(Draft)" of it, which it won't be when the invoice is read.
            values['name'] = self.invoice_lines[0].name
        return values

    def _is_draft_down_payment(self):
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
    def _check_quantity_lowers_no_locked_price(self):
        """Keep staff from lowering a locked price by a negative quantity."""
        if self.env.uid != SUPERUSER_ID:
            checked = self.filtered(lambda line: not line.order_id._is_being_confirmed())
            checked._check_no_discount_on_locked_pricing()

    @api.constrains('price_unit', 'discount', 'product_id', 'is_downpayment')
    def _check_pricing_not_locked(self):
        """Keep staff from changing the price of a product that locks it."""
        if self.env.uid == SUPERUSER_ID:
            return
        checked = self.filtered(lambda line: not line.order_id._is_being_confirmed())
        checked._check_no_discount_on_locked_pricing()
        for line in checked.filtered(
            lambda line: line.product_id.billing_lock_pricing and not line._is_invoiced_ahead()
        ):
            expected_price, expected_discount = line._get_locked_pricing()
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

    def _check_no_discount_on_locked_pricing(self):
        """Keep staff from lowering a locked price by a line of its own, as global discounts are.

        :raise ValidationError: If a line with a locked price stands beside a discount.
        """
        for order in self.order_id:
            lines = order.order_line.filtered(lambda line: not line._is_invoiced_ahead())
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

    def _is_invoiced_ahead(self):
        """Return whether the line only stands for a down payment: it adds nothing to the order.

        :rtype: bool
        """
        self.ensure_one()
        return self.is_downpayment and not self.product_uom_qty

    def _get_locked_pricing(self):
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
