from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import format_date

from ...billing.lifecycle import LIVE
from ...billing.metering import midnight, project
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
    billing_usage_start = fields.Datetime(
        string="Usage From",
        compute='_compute_billing_charge_id',
        store=True,
        precompute=True,
        copy=False,
        help="The first moment whose usage is charged, of what was added to a live order.",
    )
    billing_charge_change_ids = fields.One2many(
        string="Changes of the Charge",
        comodel_name='billpro.usage.charge.change',
        inverse_name='order_line_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
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
        """Take the charge of the product while nobody has agreed to the order.

        What is added to an order whose usage is billed is charged from the day on that it is added.
        """
        for line in self:
            order = line.order_id
            is_added = not line._origin and order._billing_bills_usage()
            if order.state in {'draft', 'sent'} or is_added:
                line.billing_charge_id = line._billing_get_charge_of_product()
                line.billing_usage_start = (
                    is_added
                    and line.billing_charge_id
                    and midnight(order._billing_get_today(), order._get_time_zone())
                )
            else:
                line.billing_charge_id = line.billing_charge_id
                line.billing_usage_start = line.billing_usage_start

    def _billing_get_charge_of_product(self):
        """Return how the product's usage is charged now.

        :rtype: billpro.usage.charge
        """
        self.ensure_one()
        product = self.product_id.with_company(self.order_id.company_id)
        charge = product.billing_charge_id
        usage_types = self.env['billpro.purchase.type']._get_types_by_usage()
        return charge if product.purchase_type in usage_types else charge.browse()

    @api.constrains('product_id', 'order_id')
    def _check_billing_usage_is_billed(self):
        """Check that the usage of what is added to a live order is billed."""
        for line in self.sudo():
            order = line.order_id
            if (
                order.billing_status in LIVE
                and not line.billing_charge_id
                and line._billing_get_charge_of_product()
                and line in order._get_recurring_lines()
            ):
                raise ValidationError(
                    self.env._(
                        "Order %(order)s bills no usage: make another order for “%(product)s”.",
                        order=order.name,
                        product=line.product_id.display_name,
                    )
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
        start = self._billing_get_usage_start(period.start, period.end)
        definition = meter._get_definition(period.start)
        return UsageQuery(self.order_id._origin.id, meter.id, start, period.end, definition)

    def _billing_get_usage_start(self, start, end):
        """Return from when on usage of a period is charged: it was added while the period ran.

        :param datetime.datetime start: The first moment of the period.
        :param datetime.datetime end: The first moment after it.
        :rtype: datetime.datetime
        """
        self.ensure_one()
        return min(max(start, self.billing_usage_start or start), end)

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
        begun = self.sudo().billing_charge_change_ids.filtered(
            lambda change: change.day <= first_day
        )
        return begun[-1:].charge_id or self.billing_charge_id

    def _billing_change_charge(self, charge, day):
        """Let usage be charged otherwise from the first period on that begins on a day or later.

        What was planned for that day or a later one isn't done any more; what was planned for an
        earlier one is.

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
        self.billing_charge_change_ids.filtered(lambda change: change.day >= day).unlink()
        old = self._billing_get_charge(day)
        change = self.billing_charge_change_ids.create(
            {'order_line_id': self.id, 'charge_id': charge.id, 'day': day}
        )
        self._billing_announce_price(f'change-{change.id}', charge, day, old)
        order._message_log(
            body=self.env._(
                "“%(line)s” is charged by “%(charge)s” from the first period on that begins on"
                " %(day)s or later, and until then by “%(old)s”.",
                line=self.product_id.display_name,
                charge=charge.name,
                day=format_date(self.env, day),
                old=old.name,
            )
        )

    def _billing_announce_price(self, fact, charge, day, old=None):
        """Tell the customer what usage costs from a day on, once.

        :param str fact: What it is that is told.
        :param billpro.usage.charge charge: How it is charged then.
        :param datetime.date day: The day; the first period that begins then or later if it is
                                  another charge than before.
        :param billpro.usage.charge old: How it is charged until then; nothing if it was added.
        """
        order = self.order_id.with_context(lang=self.order_id.partner_id.lang)
        env = order.env
        values = {
            'product': self.with_env(env).product_id.display_name,
            'new': charge.with_env(env)._describe_prices(order),
        }
        if old:
            values['old'] = old.with_env(env)._describe_prices(order)
            values['day'] = format_date(
                env, order._billing_get_first_usage_day(day), date_format='long'
            )
            text = env._(
                "%(product)s costs from %(day)s on: %(new)s. Until then: %(old)s.", **values
            )
        else:
            values['day'] = format_date(env, day, date_format='long')
            text = env._(
                "%(product)s was added to your order. What you use from %(day)s on costs: %(new)s.",
                **values,
            )
        self.env['billpro.notification']._queue('usage_price', order, fact, text=text)

    def _billing_announce_added_usage(self):
        """Tell customers of what was added to their live orders and is charged by usage."""
        for line in self.filtered('billing_usage_start'):
            day = line.order_id._billing_get_date(line.billing_usage_start)
            line._billing_announce_price(f'added-{line.id}', line.billing_charge_id, day)

    def _billing_take_up_charge(self, first_day):
        """Let new charges be those of the lines, from a period on.

        :param datetime.date first_day: The first day of the period.
        """
        for line in self:
            charge = line._billing_get_charge(first_day)
            if charge != line.billing_charge_id:
                line.billing_charge_id = charge
