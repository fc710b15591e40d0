from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing.lifecycle import LIVE
from ...billing.metering import project
from ...billing.rating import Usage
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
    billing_next_charge_id = fields.Many2one(
        string="Next Usage Charge",
        comodel_name='billpro.usage.charge',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="How usage is charged from the first period on that begins on the day or later.",
    )
    billing_next_charge_date = fields.Date(string="Next Charge From", readonly=True, copy=False)
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
        asked = {}
        for line in self:
            if query := line._billing_get_usage_query(now):
                period = line.order_id._billing_get_usage_period(now)
                asked[line] = (query, line._billing_get_charge(period.first_day)._get_rules())
        usages = self.env['billpro.usage.record']._measure(list(asked.values()))
        counted = dict(zip(asked, usages, strict=True))
        for line in self:
            line.billing_usage_quantity = float(counted[line].quantity) if line in counted else 0
            line.billing_usage_amount = 0
            line.billing_usage_estimate = 0
            if line in asked:
                query, rules = asked[line]
                so_far, estimate = line._billing_rate_usage(rules, query, counted[line], now)
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
        meter = self._billing_get_charge(period.first_day).meter_id
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

    def _billing_rate_usage(self, rules, query, usage, now):
        """Return what usage costs so far, and what the whole period would cost.

        :param billing.rating.Charge rules: By which it is rated.
        :param UsageQuery query: The period.
        :param billing.rating.Usage usage: What was counted.
        :param datetime.datetime now: The present moment.
        :rtype: tuple[decimal.Decimal, decimal.Decimal]
        """
        coin = Decimal(repr(self.currency_id.rounding))
        so_far = rules.rate(usage, coin, is_final=False).amount
        quantity = usage.quantity
        # The largest and the last quantity, and who used it, don't grow with time; and which single
        # records are still to come can't be foreseen.
        if query.definition.aggregation in {'count', 'sum'} and not usage.events:
            quantity = project(quantity, query.start, query.end, now)
        return so_far, rules.rate(Usage(quantity, usage.events), coin).amount

    # === ANOTHER PRICE === #

    def _billing_get_charge(self, first_day):
        """Return by which charge a period is rated: a new one begins with a period.

        :param datetime.date first_day: The first day of the period.
        :rtype: billpro.usage.charge
        """
        self.ensure_one()
        is_due = self.billing_next_charge_date and self.billing_next_charge_date <= first_day
        return self.billing_next_charge_id if is_due else self.billing_charge_id

    def _billing_change_charge(self, charge, day):
        """Let usage be charged otherwise from the first period on that begins on a day or later.

        :param billpro.usage.charge charge: How.
        :param datetime.date day: The day, in the customer's calendar.
        :raise UserError: If the line can't be charged so, or the day has passed.
        """
        self.ensure_one()
        order = self.order_id
        order._lock_billing()
        if (
            order.billing_status not in LIVE
            or not self.billing_charge_id
            or charge.company_id != order.company_id
            or charge.currency_id != order.currency_id
        ):
            raise UserError(
                self.env._("Usage of order %s can't be charged by that charge.", order.name)
            )
        if not day or day <= order._billing_get_today():
            raise UserError(self.env._("Choose a day in the future."))
        self.write({'billing_next_charge_id': charge.id, 'billing_next_charge_date': day})
        order._message_log(
            body=self.env._(
                "“%(line)s” is charged by “%(charge)s” from the first period on that begins on"
                " %(day)s or later, and until then by “%(old)s”.",
                line=self.product_id.display_name,
                charge=charge.name,
                day=format_date(self.env, day),
                old=self.billing_charge_id.name,
            )
        )

    def _billing_take_up_charge(self, first_day):
        """Let new charges be those of the lines, from a period on.

        :param datetime.date first_day: The first day of the period.
        """
        for line in self:
            charge = line._billing_get_charge(first_day)
            if charge != line.billing_charge_id:
                line.write(
                    {
                        'billing_charge_id': charge.id,
                        'billing_next_charge_id': False,
                        'billing_next_charge_date': False,
                    }
                )
