from decimal import Decimal

from odoo import api, fields, models

from ...billing.metering import project
from ...billing.rating import Percentage, Usage
from .usage_record import UsageQuery


class SaleOrderLine(models.Model):
    """How the usage of a line becomes money, and what the running period costs so far."""

    _inherit = 'sale.order.line'

    billing_charge_id = fields.Many2one(
        string="Usage Charge",
        comodel_name='billpro.usage.charge',
        compute='_compute_billing_charge_id',
        store=True,
        readonly=False,  # Its value is kept when the order is confirmed; nobody writes it.
        precompute=True,
        copy=False,  # A new order has what the product has now.
        index='btree_not_null',
        ondelete='restrict',
    )
    billing_meter_id = fields.Many2one(related='billing_charge_id.meter_id', string="Meter")
    billing_usage_quantity = fields.Float(
        string="Used", compute='_compute_billing_usage', compute_sudo=True, min_display_digits=0
    )
    billing_usage_included = fields.Float(
        string="Included", related='billing_charge_id.allowance', min_display_digits=0
    )
    billing_usage_amount = fields.Monetary(
        string="Amount so Far",
        compute='_compute_billing_usage',
        compute_sudo=True,
        help="What the usage so far costs, at the prices of the charge; without the minimum of the"
        " period, which isn't over.",
    )
    billing_usage_estimate = fields.Monetary(
        string="Estimate",
        compute='_compute_billing_usage',
        compute_sudo=True,
        help="What the whole period will cost if it goes on as it did so far.",
    )

    @api.depends('product_id')
    def _compute_billing_charge_id(self):
        """Take the charge of the product while nobody has agreed to the order."""
        usage_types = self.env['billpro.purchase.type']._get_types_by_usage()
        for line in self:
            order, product = line.order_id, line.product_id
            if order.state not in {'draft', 'sent'}:
                line.billing_charge_id = line.billing_charge_id
                continue
            line.billing_charge_id = (
                product.purchase_type in usage_types
                and product.with_company(order.company_id).billing_charge_id
            )

    @api.depends_context('uid')
    def _compute_billing_usage(self):
        """Rate what the running periods count so far, all of them in one pass."""
        now = fields.Datetime.now()
        queries = {
            line: query
            for line in self
            for query in [line._billing_get_usage_query(now)]
            if query is not None
        }
        counted = self.env['billpro.usage.record']._count(list(queries.values()))
        quantities = dict(zip(queries, counted, strict=True))
        for line in self:
            line.billing_usage_quantity = float(quantities.get(line, 0))
            line.billing_usage_amount = 0
            line.billing_usage_estimate = 0
            if query := queries.get(line):
                so_far, estimate = line._billing_rate_usage(query, quantities[line], now)
                line.billing_usage_amount = float(so_far)
                line.billing_usage_estimate = float(estimate)

    def _billing_get_usage_query(self, moment):
        """Return what a period of the line is asked for.

        :param datetime.datetime moment: A moment of the period.
        :rtype: UsageQuery|None
        """
        self.ensure_one()
        period = self.billing_charge_id and self.order_id._billing_get_usage_period(moment)
        if not period:
            return None
        meter = self.billing_charge_id.meter_id
        return UsageQuery(
            self.order_id._origin.id,
            meter.id,
            period.start,
            period.end,
            meter._get_definition(period.start),
        )

    def _billing_with_taxes(self, amount):
        """Return what usage costs the customer, taxes included.

        :param float amount: What the prices of the charge make of it.
        :rtype: float
        """
        self.ensure_one()
        return self.tax_ids.compute_all(
            amount,
            self.currency_id,
            product=self.product_id,
            partner=self.order_id.partner_shipping_id,
        )['total_included']

    def _billing_rate_usage(self, query, quantity, now):
        """Return what usage costs so far, and what the whole period would cost.

        :param UsageQuery query: The period.
        :param decimal.Decimal quantity: What was counted.
        :param datetime.datetime now: The present moment.
        :rtype: tuple[decimal.Decimal, decimal.Decimal]
        """
        rules = self.billing_charge_id._get_rules()
        coin = Decimal(repr(self.currency_id.rounding))
        events = ()
        if isinstance(rules, Percentage) and rules.needs_events:
            events = self.env['billpro.usage.record']._list_quantities(query)
        so_far = rules.rate(Usage(quantity, events), coin, is_final=False).amount
        # The largest and the last quantity, and who used it, don't grow with time; and which single
        # records are still to come can't be foreseen.
        if query.definition.aggregation in {'count', 'sum'} and not events:
            quantity = project(quantity, query.start, query.end, now)
        return so_far, rules.rate(Usage(quantity, events), coin).amount
