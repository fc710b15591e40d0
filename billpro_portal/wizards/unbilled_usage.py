from collections import defaultdict
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.tools import format_date

from ..billing.metering import midnight


class BillproUnbilledUsage(models.TransientModel):
    """What was used until the end of a day and is billed later: what the books accrue then."""

    _name = 'billpro.unbilled.usage'
    _description = "Unbilled Usage"

    day = fields.Date(
        string="Until",
        required=True,
        default=lambda self: fields.Date.start_of(fields.Date.today(), 'month') - timedelta(days=1),
        help="The last day that counts, in each customer's calendar.",
    )

    def action_list(self):
        """List what the orders that the user may read had used until the day.

        :return: The action that opens the list.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        groups = ('billpro_portal.group_billing_user', 'account.group_account_readonly')
        if not any(self.env.user.has_group(group) for group in groups):
            raise AccessError(self.env._("Only billing users and accountants see unbilled usage."))
        orders = self.env['sale.order'].search(
            [
                ('company_id', 'in', self.env.companies.ids),
                ('order_line.billing_charge_id', '!=', False),
                ('billing_anchor_date', '<=', self.day),
            ]
        )
        lines = self.env['billpro.unbilled.usage.line'].sudo()
        lines.search([('dialog_id', '=', self.id)]).unlink()
        lines.create(self._prepare_lines(orders.sudo()))
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Unbilled Usage on %s", format_date(self.env, self.day)),
            'res_model': 'billpro.unbilled.usage.line',
            'view_mode': 'list,pivot',
            'domain': [('dialog_id', '=', self.id)],
            'help': Markup('<p class="o_view_nocontent_smiling_face">%s</p>')
            % self.env._("All usage until then was billed."),
        }

    def _prepare_lines(self, orders):
        """Return what was used of the periods that hadn't ended with the day, by metered line.

        :param sale.order orders: The orders.
        :return: Create values.
        :rtype: list[dict]
        """
        self.ensure_one()
        asked, starts = {}, {}
        for order in orders:
            end = midnight(self.day + timedelta(days=1), order._get_time_zone())
            period = order._billing_get_usage_period(end - timedelta.resolution)
            for line in order.billing_usage_line_ids if period else ():
                query = line._billing_get_usage_query(end - timedelta.resolution)
                rules = line._billing_get_charge(period.first_day)._get_rules()
                asked[line] = (replace(query, end=min(query.end, end)), rules)
                starts[line] = period.start
        usages = self.env['billpro.usage.record']._measure(list(asked.values()))
        billed = self._get_billed(starts, {line: asked[line][0].end for line in asked})
        values_list = []
        for (line, (query, rules)), usage in zip(asked.items(), usages, strict=True):
            so_far, _estimate = line._billing_rate_usage(rules, query, usage, query.end)
            amount = float(so_far - billed[line])
            if usage.quantity and amount:
                values_list.append(self._prepare_line(line, query, usage.quantity, amount))
        return values_list

    @api.model
    def _get_billed(self, starts, ends):
        """Return what was billed until the day of periods that were still running.

        :param dict starts: The first moment of the period, by metered line.
        :param dict ends: The first moment that isn't counted, by metered line.
        :return: The amounts by line, as prices are.
        :rtype: collections.defaultdict[sale.order.line, decimal.Decimal]
        """
        billed = defaultdict(Decimal)
        bills = self.env['billpro.usage.line'].sudo()
        for bill in bills.search(
            [
                ('order_line_id', 'in', [line.id for line in starts]),
                ('charge_id', '!=', False),
                ('period_id.start_date', 'in', list(starts.values())),
            ]
        ):
            line = bill.order_line_id
            if bill.period_id.start_date == starts[line] and bill.create_date < ends[line]:
                billed[line] += Decimal(repr(bill.amount))
        return billed

    def _prepare_line(self, line, query, quantity, amount):
        """Return what a metered line had used.

        :param sale.order.line line: The line.
        :param UsageQuery query: What was counted.
        :param decimal.Decimal quantity: The quantity.
        :param float amount: What of it isn't billed, as prices are.
        :return: Create values.
        :rtype: dict
        """
        order = line.order_id
        net = line.tax_ids.compute_all(amount, order.currency_id, product=line.product_id)
        net = net['total_excluded']
        company = order.company_id
        return {
            'dialog_id': self.id,
            'order_id': order.id,
            'meter_id': query.meter_id,
            'first_day': order._billing_get_date(query.start),
            'quantity': float(quantity),
            'amount': net,
            'amount_company': order.currency_id._convert(
                net, company.currency_id, company, self.day
            ),
        }


class BillproUnbilledUsageLine(models.TransientModel):
    """What an order had used of a meter on a day, and what that costs."""

    _name = 'billpro.unbilled.usage.line'
    _description = "Line of Unbilled Usage"

    dialog_id = fields.Many2one(
        comodel_name='billpro.unbilled.usage', required=True, readonly=True, ondelete='cascade'
    )
    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    partner_id = fields.Many2one(string="Customer", related='order_id.partner_id', store=True)
    company_id = fields.Many2one(related='order_id.company_id', store=True)
    currency_id = fields.Many2one(related='order_id.currency_id')
    company_currency_id = fields.Many2one(
        string="Company Currency", related='company_id.currency_id'
    )
    meter_id = fields.Many2one(comodel_name='billpro.usage.meter', readonly=True)
    first_day = fields.Date(string="Period From", readonly=True)
    quantity = fields.Float(string="Used", readonly=True, min_display_digits=0)
    amount = fields.Monetary(readonly=True, help="Without taxes.")
    amount_company = fields.Monetary(
        string="Amount in Company Currency",
        currency_field='company_currency_id',
        readonly=True,
        help="Without taxes, at the rate of the day.",
    )
