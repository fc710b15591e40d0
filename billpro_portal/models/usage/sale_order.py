from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing import metering
from ...billing.calendar import nth_date
from ...billing.lifecycle import LIVE, PAID
from ...billing.metering import midnight

HIGHEST_ALERT = Decimal(10) ** 12
# What of an order says whose usage is whose.
ASKED_FOR_USAGE = (
    'name',
    'billing_subscriber_key',
    'company_id',
    'partner_id',
    'purchase_type',
    'billing_status',
    'billing_anchor_date',
    'billing_ended_date',
    'billing_cancel_date',
    'billing_interval_count',
    'billing_interval_unit',
)


class SaleOrder(models.Model):
    """Whose usage is whose: an order has that of the time in which it was live."""

    _inherit = 'sale.order'

    billing_subscriber_key = fields.Char(
        string="Subscriber Key",
        copy=False,
        index='btree_not_null',
        help="What systems that send usage call the customer, if not by the order's number. A key"
        " can be that of several orders, one after the other.",
    )

    billing_usage_alert = fields.Monetary(
        string="Spending Alert",
        readonly=True,
        copy=False,
        help="The customer is told when the usage of a period costs as much, taxes included.",
    )

    billing_usage_cap = fields.Monetary(
        string="Largest Amount Agreed To",
        copy=False,
        help="The customer is asked before a payment of usage that is more; 0 if nothing was agreed"
        " on.",
    )
    billing_usage_threshold = fields.Monetary(
        string="Bill Usage From",
        help="Usage of the running period is billed as soon as it costs so much; 0 for the amount"
        " in the company's settings.",
    )
    billing_usage_period_ids = fields.One2many(
        string="Usage Periods",
        comodel_name='billpro.usage.period',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_usage_waived = fields.Boolean(
        string="Usage Isn't Billed",
        readonly=True,
        copy=False,
        help="Nothing that was used is owed: the customer has withdrawn from the contract.",
    )
    billing_usage_line_ids = fields.Many2many(
        string="Usage",
        comodel_name='sale.order.line',
        compute='_compute_billing_usage_line_ids',
        compute_sudo=True,
    )
    billing_usage_by_hand = fields.Boolean(
        compute='_compute_billing_usage_by_hand',
        compute_sudo=True,
        help="Whether staff bill what is used: the order was live before periods were billed.",
    )
    billing_usage_first_day = fields.Date(
        string="Period From", compute='_compute_billing_usage_period', compute_sudo=True
    )
    billing_usage_last_day = fields.Date(
        string="Period To", compute='_compute_billing_usage_period', compute_sudo=True
    )

    @api.depends('order_line.billing_charge_id')
    def _compute_billing_usage_line_ids(self):
        for order in self:
            order.billing_usage_line_ids = order.order_line.filtered('billing_charge_id')

    @api.depends('billing_status', 'billing_usage_line_ids', 'billing_usage_period_ids')
    def _compute_billing_usage_by_hand(self):
        for order in self:
            order.billing_usage_by_hand = (
                order.billing_status in LIVE
                and bool(order.billing_usage_line_ids)
                and not order._billing_bills_usage()
            )

    @api.depends('billing_anchor_date', 'billing_status')
    def _compute_billing_usage_period(self):
        now = fields.Datetime.now()
        for order in self:
            period = order._billing_get_usage_period(now)
            order.billing_usage_first_day = period and period.first_day
            order.billing_usage_last_day = period and period.next_day - timedelta(days=1)

    def _billing_get_usage_period(self, moment):
        """Return the period of a live order in which a moment lies.

        :param datetime.datetime moment: The moment.
        :rtype: billing.metering.Period|None
        """
        self.ensure_one()
        window = self.purchase_type and self._billing_get_usage_window()
        if not window or moment < window[0] or (window[1] and moment >= window[1]):
            return None
        time_zone = self._get_time_zone()
        for known in self.billing_usage_period_ids:
            if known.start_date <= moment < known.end_date:
                return known._get_period()
        interval = self.billing_interval_count, self.billing_interval_unit
        period = metering.get_period(self.billing_anchor_date, *interval, time_zone, moment)
        first_day, next_day = self._billing_get_usage_days(period.number)
        return metering.Period(period.number, first_day, next_day, time_zone)

    @api.model
    def _billing_search_with_usage(self, domain):
        """Return orders with what is asked to tell whose usage is whose.

        It is asked for each batch: the many other columns of these tables would take longer than
        all that is done with the records.

        :param list domain: Which orders.
        :rtype: sale.order
        """
        types = self.env['billpro.purchase.type']._get_types_by_usage()
        orders = self.search_fetch([*domain, ('purchase_type', 'in', types)], ASKED_FOR_USAGE)
        companies = orders.company_id
        companies.fetch(['partner_id', 'billing_usage_late_days'])
        (orders.partner_id | companies.partner_id).fetch(['tz'])
        orders.order_line.fetch(['billing_charge_id', 'billing_usage_start'])
        return orders

    def _billing_get_charged_times(self, moment):
        """Return which meters' usage is charged in the period in which a moment lies.

        Of one that is closed it is what was billed: by that is billed what comes late.

        :param datetime.datetime moment: The moment, at which the order was live.
        :return: The first moment of the period, the first one after it, and by the id of a meter
                 from when on what it counts is charged.
        :rtype: tuple[datetime.datetime, datetime.datetime, dict[int, datetime.datetime]]
        """
        self.ensure_one()
        period = self._billing_get_usage_period(moment)
        noted = self.billing_usage_period_ids.filtered(lambda one: one.number == period.number)
        if noted.state == 'closed':
            billed = noted.line_ids.filtered('charge_id')
            charges = [(line.order_line_id, line.charge_id) for line in billed]
        else:
            charges = [
                (line, line._billing_get_charge(period.first_day))
                for line in self.billing_usage_line_ids
            ]
        times = {}
        for line, charge in charges:
            start = line._billing_get_usage_start(period.start, period.end)
            meter_id = charge.meter_id.id
            times[meter_id] = min(start, times.get(meter_id, start))
        return period.start, period.end, times

    def _billing_get_usage_days(self, number):
        """Return the first day of a period and the day after its last one.

        What lies behind the end of a cancelled order has no days.

        :param int number: The number of the period.
        :rtype: tuple[datetime.date, datetime.date]
        """
        interval = self.billing_interval_count, self.billing_interval_unit
        days = tuple(nth_date(self.billing_anchor_date, *interval, number + n) for n in (0, 1))
        if not self.billing_cancel_date:
            return days
        end = self.billing_cancel_date + timedelta(days=1)
        return min(days[0], end), min(days[1], end)

    def _billing_bills_usage(self):
        """Return whether the order is live, and its periods of usage are billed.

        Those that were live before periods were billed have none: staff bill what is used.

        :rtype: bool
        """
        self.ensure_one()
        return self.billing_status in LIVE and bool(self.sudo().billing_usage_period_ids)

    def _billing_get_first_usage_day(self, day):
        """Return the first day of the first period that begins on a day or later.

        :param datetime.date day: The day, in the customer's calendar.
        :rtype: datetime.date
        """
        self.ensure_one()
        time_zone = self._get_time_zone()
        interval = self.billing_interval_count, self.billing_interval_unit
        moment = midnight(day, time_zone)
        period = metering.get_period(self.billing_anchor_date, *interval, time_zone, moment)
        return day if period.first_day == day else period.next_day

    def _billing_get_usage_threshold(self):
        """Return from which amount on usage is billed before its period ends.

        :return: The amount in the currency of the order, at which there is something to bill.
        :rtype: float
        """
        self.ensure_one()
        company = self.company_id
        return self.billing_usage_threshold or company.currency_id._convert(
            company.billing_usage_threshold, self.currency_id, company, fields.Date.today()
        )

    def _billing_get_base_lines(self):
        """Return the lines that each period charges whatever is used, in advance.

        They are the metered ones without a charge, where another one has a charge. Where none has,
        staff enter what is charged.

        :rtype: sale.order.line
        """
        self.ensure_one()
        lines = self._get_recurring_lines()
        charged = lines.filtered('billing_charge_id')
        return (lines - charged).filtered('product_uom_qty') if charged else charged

    def _billing_announce_base_fee(self, old, new):
        """Tell the customer what a period costs from the next one on, whatever is used.

        :param float old: What it cost until now, taxes included.
        :param float new: What it costs then.
        """
        self.ensure_one()
        running = self.billing_usage_period_ids.filtered(lambda period: period.state == 'open')
        if self.billing_cancel_date or not running:
            return  # None is charged any more.
        order = self.with_context(lang=self.partner_id.lang)
        env, currency = order.env, order.currency_id
        text = env._(
            "The base fee of your order is from %(day)s on: %(new)s %(interval)s, taxes included."
            " Until then: %(old)s.",
            day=format_date(env, running[-1].next_day, date_format='long'),
            new=currency.format(new),
            interval=order._get_purchase()._get_interval_text(order),
            old=currency.format(old),
        )
        # It may become what it was before: each change is told.
        fact = f'base-fee-{fields.Datetime.now()}-{old}-{new}'
        self.env['billpro.notification']._queue('usage_price', order, fact, text=text)

    def _billing_get_carried_lines(self):
        """Return what of usage waits for a payment that bills it.

        :rtype: billpro.usage.line
        """
        return self.env['billpro.usage.line'].search(
            [('order_id', 'in', self.ids), ('event_id', '=', False), ('amount', '!=', 0)]
        )

    def _billing_waive_usage(self):
        """Bill no usage of the order any more; the caller holds the lock."""
        self.ensure_one()
        self.billing_usage_waived = True
        periods = self.billing_usage_period_ids.filtered(lambda period: period.state == 'open')
        periods.write({'state': 'closed', 'expected_amount': 0})

    def _billing_get_usage_collected(self, since):
        """Return what was collected for usage, base fees left out.

        :param datetime.datetime since: From when on.
        :return: The amount, taxes included.
        :rtype: float
        """
        self.ensure_one()
        by_payment = self.billing_usage_period_ids.line_ids.filtered('charge_id').grouped(
            lambda line: line.event_id._get_collecting_event()
        )
        return sum(
            min(lines._get_total(), event.amount)  # Staff may have changed it.
            for event, lines in by_payment.items()
            if event.status in PAID and event.completed_date >= since
        )

    def _billing_get_begun_usage_period(self, number):
        """Return a period of the order that has begun, whether or not it is over.

        :param int number: The number of the period, counted from the anchor.
        :return: The period; None if there is none such yet.
        :rtype: billing.metering.Period|None
        """
        self.ensure_one()
        known = self.billing_usage_period_ids.filtered(lambda period: period.number == number)
        if known:
            return known._get_period() if known.start_date <= fields.Datetime.now() else None
        # The last one may be over, and not closed yet.
        running = self._billing_get_usage_period(fields.Datetime.now())
        return running if running and running.number == number else None

    def _billing_set_usage_alert(self, text):
        """Keep from which amount on the customer wants to be told of the usage of a period.

        :param str text: The amount, as a form sends it; empty for none.
        :raise UserError: If it is no amount.
        """
        self.ensure_one()
        try:
            alert = Decimal(text or '0')
            is_amount = 0 <= alert < HIGHEST_ALERT  # What is no number can't be compared.
        except (InvalidOperation, TypeError):  # Such as a file.
            is_amount = False
        if not is_amount:
            raise UserError(self.env._("Please enter the amount as a number, such as 50."))
        self.billing_usage_alert = self.currency_id.round(float(alert))
        self._message_log(
            body=self.env._(
                "The customer wants to be told when a period's usage reaches %s.",
                self.currency_id.format(self.billing_usage_alert),
            )
            if self.billing_usage_alert
            else self.env._("The customer wants no spending alert any more.")
        )

    def action_open_usage(self):
        """Open the usage records of the order.

        :return: The action.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'billpro_portal.action_billpro_usage_record'
            ),
            'domain': [('order_id', '=', self.id)],
        }

    def action_open_change_charge(self):
        """Open the dialog that changes how usage is charged.

        :return: The action.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        self._check_billing_user()
        tomorrow = self._billing_get_today() + timedelta(days=1)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Change a Usage Charge"),
            'res_model': 'billpro.change.charge',
            'view_mode': 'form',
            'target': 'new',
            'context': {
                'default_order_id': self.id,
                'default_line_id': self.billing_usage_line_ids[:1].id,
                'default_day': self._billing_get_first_usage_day(tomorrow),
            },
        }

    def _billing_get_usage_window(self):
        """Return in which time usage is the order's.

        :return: The first moment and the first one after it, which is None for a live order; None
                 if the order never was live, or isn't charged by usage.
        :rtype: tuple[datetime.datetime, datetime.datetime|None]|None
        """
        self.ensure_one()
        if not (self.billing_anchor_date and self._get_purchase()._bills_usage):
            return None
        # Read for all orders at once, which the first and the last one alone wouldn't be.
        bounds = [
            (period.start_date, period.end_date, period.next_day)
            for period in self.billing_usage_period_ids
        ]
        time_zone = self._get_time_zone()
        start = bounds[0][0] if bounds else midnight(self.billing_anchor_date, time_zone)
        end = None
        if self.billing_cancel_date:
            next_day = self.billing_cancel_date + timedelta(days=1)
            is_noted = bounds and bounds[-1][2] == next_day
            end = bounds[-1][1] if is_noted else midnight(next_day, time_zone)
        if self.billing_status in LIVE:
            return start, end
        if not self.billing_ended_date:
            return None  # Of orders that ended before that was noted, nobody knows when.
        return start, min(filter(None, [end, self.billing_ended_date]))

    def _billing_get_usage_accepted_from(self):
        """Return the first moment whose usage is still billed if it comes now.

        :return: The moment; None if all of the order's usage is.
        :rtype: datetime.datetime|None
        """
        self.ensure_one()
        if self.billing_status not in LIVE:
            return datetime.max  # Nothing more is billed.
        closed = self.billing_usage_period_ids.filtered(lambda period: period.state == 'closed')
        if not closed:
            return None
        days = timedelta(days=self.company_id.billing_usage_late_days)
        return min(closed[-1].end_date, fields.Datetime.now() - days)
