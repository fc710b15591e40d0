from decimal import Decimal

from odoo import fields, models

from ...billing import rating

# Kinds of lines besides those of a rating.
LATE = 'late'  # What came late of a closed period, or was taken back.
BASE = 'base'  # What a period costs whatever is used.


class BillproUsageLine(models.Model):
    """A line of what the usage of a period costs, or of its base fee; frozen when it is made.

    A payment bills it. Without one it waits: what is less than nothing is carried on to the next.
    """

    _name = 'billpro.usage.line'
    _description = "Line of a Usage Bill"

    _order = 'period_id, id'
    _rec_name = 'kind'
    period_id = fields.Many2one(
        comodel_name='billpro.usage.period',
        required=True,
        readonly=True,
        index=True,
        ondelete='restrict',
        help="Whose usage it is; of a base fee the period that it pays.",
    )
    order_id = fields.Many2one(related='period_id.order_id', store=True, index=True)
    company_id = fields.Many2one(related='period_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id')
    order_line_id = fields.Many2one(
        comodel_name='sale.order.line',
        required=True,
        readonly=True,
        index=True,
        ondelete='restrict',
    )
    charge_id = fields.Many2one(
        comodel_name='billpro.usage.charge',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
        help="By what the usage was rated; empty for a base fee.",
    )
    event_id = fields.Many2one(
        string="Billed With",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    kind = fields.Selection(
        selection=[
            (rating.INCLUDED, "Included"),
            (rating.UNITS, "Units"),
            (rating.PACKAGES, "Packages"),
            (rating.FLAT_FEE, "Flat fee"),
            (rating.PERCENTAGE, "Percentage"),
            (rating.EVENT_FEES, "Fees per record"),
            (rating.EVENTS, "Records"),
            (rating.MINIMUM, "Up to the minimum"),
            (rating.MAXIMUM, "Beyond the maximum"),
            (rating.BILLED, "Billed before"),
            (LATE, "Late or taken back"),
            (BASE, "Base fee"),
        ],
        required=True,
        readonly=True,
    )
    tier = fields.Integer(readonly=True, help="The number of the tier, from 1; 0 if none.")
    quantity = fields.Float(min_display_digits=0, readonly=True)
    unit_price = fields.Float(min_display_digits='Product Price', readonly=True)
    amount = fields.Monetary(
        readonly=True, help="As prices are in the books: with or without taxes."
    )

    # === INVOICE === #

    def _get_total(self):
        """Return what lines of one order add up to, taxes included.

        :return: The amount in the currency of the order.
        :rtype: float
        """
        order = self.order_id
        totals = self.env['account.tax']._get_tax_totals_summary(
            base_lines=self._prepare_base_lines(),
            currency=order.currency_id,
            company=order.company_id,
        )
        return order.currency_id.round(totals['total_amount_currency'])

    def _prepare_invoice_lines(self):
        """Return the commands that invoice lines of one order, with taxes that stay as they are.

        :rtype: list
        """
        order = self.order_id
        AccountTax = self.env['account.tax']
        lines = self.sorted(lambda line: (line.period_id.number, line.id))
        base_lines = lines._prepare_base_lines()
        AccountTax._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=base_lines, company=order.company_id
        )
        env = order.with_context(lang=order.partner_invoice_id.lang).env
        return [
            fields.Command.create(
                {
                    **line._prepare_invoice_line(env),
                    'extra_tax_data': AccountTax._export_base_line_extra_tax_data(base_line),
                }
            )
            for line, base_line in zip(lines, base_lines, strict=True)
            # That nothing was used is no line of an invoice.
            if line.quantity
        ]

    def _prepare_base_lines(self):
        """Return lines of one order as Odoo's tax computation takes them, rounded.

        :rtype: list[dict]
        """
        AccountTax, company = self.env['account.tax'], self.order_id.company_id
        base_lines = []
        for line in self:
            quantity, price = line._get_factors()
            base_lines.append(
                line.order_line_id._prepare_base_line_for_taxes_computation(
                    quantity=quantity, price_unit=price, discount=0.0
                )
            )
        AccountTax._add_tax_details_in_base_lines(base_lines, company)
        AccountTax._round_base_lines_tax_details(base_lines, company)
        return base_lines

    def _get_factors(self):
        """Return quantity and unit price on the invoice: their product is the amount, exactly.

        Odoo's invoices have quantities with few decimals. Where these, or the price, would come to
        something else, it is one of the amount, and the text says how it came about.

        :rtype: tuple[float, float]
        """
        digits = self.env['decimal.precision'].precision_get('Product Unit')
        quantity, price, amount = (
            Decimal(repr(number)) for number in (self.quantity, self.unit_price, self.amount)
        )
        if quantity * price == amount and round(quantity, digits) == quantity:
            return self.quantity, self.unit_price
        return 1.0, self.amount

    def _prepare_invoice_line(self, env):
        """Return the values of the invoice line.

        :param odoo.api.Environment env: The environment of the customer's language.
        :rtype: dict
        """
        quantity, price = self._get_factors()
        order_line = self.order_line_id
        values = {
            'product_id': order_line.product_id.id,
            'name': self.with_env(env)._get_text(),
            'quantity': quantity,
            'price_unit': price,
            'tax_ids': [fields.Command.set(order_line.tax_ids.ids)],
        }
        order_line._set_analytic_distribution(values)
        return values

    def _get_text(self):
        """Return what an invoice says of the line, in the language of the environment.

        :rtype: str
        """
        name = self.order_line_id.product_id.display_name
        parts = [f'{name}, {words}' if (words := self._get_kind_words()) else name]
        days = self.period_id._get_days_text(self.env)
        if self.kind == LATE:
            days = (
                self.env._("Late usage of %s", days)
                if self.amount > 0
                else self.env._("Taken back of %s", days)
            )
        parts.append(days)
        if self._get_factors() != (self.quantity, self.unit_price):
            unit = self.charge_id.uom_id or self.order_line_id.product_uom_id
            parts.append(
                self.env._(
                    "%(quantity)s at %(price)s",
                    quantity=f'{self.charge_id._format_number(self.quantity)} {unit.name}',
                    price=self.order_id._billing_format_unit_price(
                        self.unit_price, self.currency_id
                    ),
                )
            )
        return '\n'.join(parts)

    def _get_kind_words(self):
        """Return what of the charge the line is for; nothing where the product says it.

        :rtype: str
        """
        charge = self.charge_id
        tier = charge.tier_ids[self.tier - 1 : self.tier] if self.tier else charge.tier_ids[:0]
        label = charge._get_tier_label(tier) if tier else ''
        match self.kind:
            case rating.UNITS:
                return label
            case rating.PACKAGES:
                size = charge._format_quantity(charge.package_size)
                return self.env._("packages of %s", size)
            case rating.FLAT_FEE:
                return ', '.join(filter(None, [self.env._("flat fee"), label]))
            case rating.PERCENTAGE | rating.EVENTS:
                return charge._get_percentage()
        return {
            rating.INCLUDED: self.env._("included"),
            rating.EVENT_FEES: self.env._("fees"),
            rating.MINIMUM: self.env._("up to the minimum"),
            rating.MAXIMUM: self.env._("beyond the maximum"),
            rating.BILLED: self.env._("billed before"),
        }.get(self.kind, '')
