from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from odoo import api, fields, models
from odoo.tools import SQL, format_date

from ...billing.calendar import nth_date
from ...billing.lifecycle import LIVE
from ...billing.metering import Period, midnight
from ...billing.payment_methods import get_notice_days
from ...billing.rating import UNITS, round_half_up
from ..settings.res_company import DEFAULT_LATE_DAYS
from .usage_line import BASE, LATE
from .usage_record import UsageQuery

ONE_DAY = timedelta(days=1)
LOOK_AGAIN_AFTER = timedelta(hours=1)
# Payments that staff have left out: what they billed was given away, and isn't given back.
WAIVED = frozenset({'skipped', 'cancelled'})


@dataclass(frozen=True)
class Billed:
    """What was billed of the usage of a line in a period.

    :param int charge_id: By what it was rated.
    :param Decimal amount: What it came to.
    :param Decimal waived: What of it was given away.
    """

    charge_id: int | None
    amount: Decimal
    waived: Decimal

    def get_left(self, amount):
        """Return what is left to bill; less than nothing if there is something to give back.

        :param Decimal amount: What the usage costs. What was given away is never given back.
        :rtype: Decimal
        """
        return max(amount, self.waived) - self.amount


NOTHING_BILLED = Billed(None, Decimal(0), Decimal(0))


class BillproUsagePeriod(models.Model):
    """A period of an order that is charged by usage: it closes, and charges, by itself.

    What a row says of its days and moments stays, whatever becomes of the customer's time zone.
    Once it is closed, so does what was billed of it: what comes late, or is taken back, is billed
    by the difference with a later period. No record is marked as billed: a close counts what its
    transaction sees of each period, and freezes that.

    A cancelled order ends with a period without days, which closes when nothing can come late any
    more.
    """

    _name = 'billpro.usage.period'
    _description = "Usage Period"

    _order = 'order_id, number'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='order_id.partner_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id')
    number = fields.Integer(
        required=True, readonly=True, help="The place in the order's calendar, from 0."
    )
    first_day = fields.Date(required=True, readonly=True)
    next_day = fields.Date(required=True, readonly=True, help="The day after its last one.")
    start_date = fields.Datetime(
        string="Begins", required=True, readonly=True, help="Its first moment."
    )
    end_date = fields.Datetime(
        string="Ends", required=True, readonly=True, help="The first moment after it."
    )
    close_date = fields.Datetime(
        string="Closes", required=True, readonly=True, help="When it is rated and billed."
    )
    state = fields.Selection(
        selection=[('open', "Open"), ('closed', "Closed")],
        default='open',
        required=True,
        readonly=True,
    )
    amount = fields.Monetary(
        readonly=True,
        help="What its end has brought to pay, taxes included: its usage, the base fee of the next"
        " one, and what came late of earlier ones. 0 if nothing was due, or what was is carried"
        " on.",
    )
    looked_date = fields.Datetime(
        string="Looked At", readonly=True, help="When its usage was estimated last."
    )
    expected_amount = fields.Monetary(
        string="Expected",
        readonly=True,
        help="What the end of a running one is expected to bring to pay, taxes included, if its"
        " usage goes on as it did until it was looked at.",
    )
    event_id = fields.Many2one(
        string="Payment",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    move_id = fields.Many2one(
        string="Invoice", comodel_name='account.move', compute='_compute_move_id', compute_sudo=True
    )
    line_ids = fields.One2many(
        string="Lines",
        comodel_name='billpro.usage.line',
        inverse_name='period_id',
        readonly=True,
    )
    _order_number_unique = models.UniqueIndex(
        '(order_id, number)', "The order has a period with this number."
    )
    # The run looks for what closes: the few open periods among all that ever were.
    _close_idx = models.Index("(close_date) WHERE state = 'open'")

    @api.depends('order_id', 'number')
    def _compute_display_name(self):
        for period in self:
            period.display_name = f'{period.order_id.name}-U{period.number}'

    @api.depends('event_id.invoice_id', 'event_id.merged_into_id.invoice_id')
    def _compute_move_id(self):
        for period in self:
            period.move_id = period.event_id._get_collecting_event().invoice_id

    def _get_bills(self):
        """Return the payments that bill the period: that of its end, and those before it.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        return self.event_id | self.order_id.billing_event_ids.filtered(
            lambda event: event.usage_line_ids and event.period_start == self.first_day
        )

    # === CALENDAR === #

    @api.model
    def _open_first(self, order):
        """Open the first period of an order that has just begun, if its usage is charged.

        :param sale.order order: The order.
        """
        if order.billing_usage_line_ids:
            self.create(self._prepare(order, 0))

    @api.model
    def _prepare(self, order, number, start_date=None):
        """Return the values of a period of an order.

        :param sale.order order: The order.
        :param int number: The number of the period.
        :param datetime.datetime start_date: Its first moment, that at which the one before ends.
        :rtype: dict
        """
        time_zone = order._get_time_zone()
        first_day, next_day = order._billing_get_usage_days(number)
        end_date = midnight(next_day, time_zone)
        start_date = start_date or midnight(first_day, time_zone)
        return {
            'order_id': order.id,
            'number': number,
            'first_day': first_day,
            'next_day': next_day,
            'start_date': start_date,
            # The customer may have moved to another time zone.
            'end_date': max(start_date, end_date),
            'close_date': self._get_close_date(order, end_date, first_day == next_day),
        }

    @api.model
    def _get_close_date(self, order, end_date, is_empty):
        """Return when a period closes.

        :param sale.order order: Its order.
        :param datetime.datetime end_date: The first moment after it.
        :param bool is_empty: Whether it has no days: the last one of an order that has ended.
        :rtype: datetime.datetime
        """
        company = order.company_id
        if is_empty:
            return end_date + timedelta(days=company.billing_usage_late_days) + ONE_DAY
        return end_date + timedelta(hours=company.billing_usage_grace_hours)

    @api.model
    def _follow_cancellation(self, order):
        """Let the running period of an order end with its last day, or as before if there is none.

        :param sale.order order: The order, locked.
        """
        for period in order.billing_usage_period_ids.filtered(lambda one: one.state == 'open'):
            values = self._prepare(order, period.number, period.start_date)
            if values['next_day'] != period.next_day:
                is_longer = values['next_day'] > period.next_day
                period.write(
                    {name: values[name] for name in ('next_day', 'end_date', 'close_date')}
                )
                if is_longer:
                    period._bill_rest_of_base_fees()

    def _get_period(self):
        """Return the period as it is counted: with the bounds that were noted.

        :rtype: billing.metering.Period
        """
        return Period(
            self.number,
            self.first_day,
            self.next_day,
            self.order_id._get_time_zone(),
            (self.start_date, self.end_date),
        )

    def _get_share(self, order_line=None):
        """Return which part of a whole period it is.

        :param sale.order.line order_line: What is charged, which may have been added to the order
                                           while the period ran; all of the order if not given.
        :rtype: fractions.Fraction
        """
        order, number = self.order_id, self.number
        first_day = self.first_day
        if order_line and (start := order_line.billing_usage_start):
            first_day = max(first_day, order._billing_get_date(start))
        interval = order.billing_interval_count, order.billing_interval_unit
        days = (nth_date(order.billing_anchor_date, *interval, number + n) for n in (0, 1))
        whole = Period(number, *days, time_zone=order._get_time_zone())
        return whole.get_share(first_day, self.next_day)

    # === WHAT IS TO BE BILLED === #

    @api.model
    def _search_to_close(self, waiting):
        """Return of each order the first period that is to be closed now.

        :param list[int] waiting: The ids of orders that aren't tried again yet.
        :rtype: billpro.usage.period
        """
        periods = self.search(
            [
                ('state', '=', 'open'),
                ('close_date', '<=', fields.Datetime.now()),
                ('order_id.billing_status', 'in', list(LIVE)),
                ('order_id', 'not in', waiting),
            ],
            order='close_date, id',
        )
        return self.browse(some[0].id for some in periods.grouped('order_id').values())

    @api.model
    def _search_to_look_at(self, waiting):
        """Return the running periods that weren't looked at within the last hour.

        :param list[int] waiting: The ids of orders that aren't tried again yet.
        :rtype: billpro.usage.period
        """
        now = fields.Datetime.now()
        return self.search(
            [
                ('state', '=', 'open'),
                ('start_date', '<=', now),
                ('close_date', '>', now),
                ('order_id.billing_status', 'in', list(LIVE)),
                ('order_id', 'not in', waiting),
                '|',
                ('looked_date', '=', False),
                ('looked_date', '<=', now - LOOK_AGAIN_AFTER),
            ]
        )

    # === LOOKING === #

    def _look(self):
        """Look at running periods of different orders, which the caller has locked.

        What they are expected to bring is noted, and what costs enough by now is billed.

        :return: The payments of what is due.
        :rtype: billpro.billing.event
        """
        self._estimate()
        thresholds = {
            period: threshold
            for period in self
            if (threshold := period.order_id._billing_get_usage_threshold()) > 0
        }
        drafts = self.browse().concat(*thresholds)._rate(is_final=False)
        over = {
            period: values_list
            for period, values_list in drafts.items()
            if period.currency_id.compare_amounts(
                sum(values['amount'] for values in values_list), thresholds[period]
            )
            >= 0
        }
        return self.browse().concat(*over)._bill(over)

    def _estimate(self):
        """Note what the ends of running periods are expected to bring."""
        order_lines = self.order_id.billing_usage_line_ids
        # What was counted before is out of date.
        order_lines.invalidate_recordset(['billing_usage_estimate'])
        order_lines.mapped('billing_usage_estimate')  # All of them in one pass.
        carried = self.order_id._billing_get_carried_lines().grouped('order_id')
        for period in self.filtered(lambda one: one.first_day < one.next_day):
            order = period.order_id
            amount = sum(
                line._billing_with_taxes(line.billing_usage_estimate)
                for line in order.billing_usage_line_ids
            )
            if billed := period.line_ids.filtered('charge_id'):
                amount -= billed._get_total()
            if order in carried:
                amount += carried[order]._get_total()
            if not order.billing_cancel_date:
                amount += order._get_purchase()._get_base_fee(order, period.next_day)
            period.expected_amount = max(amount, 0)
        self.looked_date = fields.Datetime.now()

    # === CLOSING === #

    def _close(self):
        """Close periods of different orders, which the caller has locked: rate, freeze, bill.

        :return: The payments of what is due.
        :rtype: billpro.billing.event
        """
        drafts = self._rate(is_final=True)
        self._rate_late(drafts)
        following = self._open_following()
        self._add_base_fees(drafts, following)
        self.write({'state': 'closed', 'expected_amount': 0})
        return self._bill(drafts)

    def _bill_so_far(self):
        """Bill what was used so far of running periods of different orders; the caller has locked.

        :return: The payments of what is due.
        :rtype: billpro.billing.event
        """
        return self._bill(self._rate(is_final=False))

    def _open_following(self):
        """Open the periods that follow, and let new prices begin with them.

        :return: The new periods; none after the last one of an order that has ended.
        :rtype: billpro.usage.period
        """
        going_on = self.filtered(lambda period: period.first_day < period.next_day)
        following = self.create(
            [
                self._prepare(period.order_id, period.number + 1, period.end_date)
                for period in going_on
            ]
        )
        for period in following:
            period.order_id.billing_usage_line_ids._billing_take_up_charge(period.first_day)
        return following

    # === RATING === #

    def _rate(self, is_final):
        """Return what the usage of periods costs, less what was billed of them before.

        :param bool is_final: Whether they are over: a minimum is charged then.
        :return: By period the values of its lines.
        :rtype: dict[billpro.usage.period, list[dict]]
        """
        asked = [
            (period, line, line._billing_get_charge(period.first_day))
            for period in self
            if period.first_day < period.next_day
            for line in period.order_id.billing_usage_line_ids
            if line._billing_get_usage_start(period.start_date, period.end_date) < period.end_date
        ]
        billed = self._get_billed()
        drafts = defaultdict(list)
        for (period, line, charge), rating in self._rate_all(asked, is_final).items():
            before = billed.get((period.id, line.id), NOTHING_BILLED)
            # Without usage the line says so. A part that costs nothing needs no line.
            left = rating.less(rating.amount - before.get_left(rating.amount))
            if is_final or left.amount:
                drafts[period] += period._prepare_lines(line, charge, left)
        return drafts

    def _rate_late(self, drafts):
        """Add what has changed in periods that were closed before: what came late, or was void.

        :param dict drafts: By period the values of its lines; changed.
        """
        current = {period.order_id: period for period in self}
        earlier = self._search_changeable()
        billed = earlier._get_billed()
        Charge, Line = self.env['billpro.usage.charge'], self.env['sale.order.line']
        by_id = earlier.grouped('id')
        asked = [
            (by_id[period_id], Line.browse(line_id), Charge.browse(before.charge_id))
            for (period_id, line_id), before in billed.items()
        ]
        for (period, line, charge), rating in self._rate_all(asked, is_final=True).items():
            if difference := billed[period.id, line.id].get_left(rating.amount):
                drafts[current[period.order_id]].append(
                    period._prepare_line(line, charge, LATE, 1, difference, difference)
                )

    def _search_changeable(self):
        """Return the closed periods of the orders in which something may have changed since.

        What was received before the last close is in it. What came since lies at most as many days
        before its arrival as usage may be late; one more for transactions that took long.

        :rtype: billpro.usage.period
        """
        starts = {
            # The company may have allowed more when it came.
            period.order_id: period.start_date
            - timedelta(days=max(period.company_id.billing_usage_late_days, DEFAULT_LATE_DAYS))
            - ONE_DAY
            for period in self
        }
        if not starts:
            return self.browse()
        closed = self.search(
            [
                ('order_id', 'in', self.order_id.ids),
                ('state', '=', 'closed'),
                ('end_date', '>', min(starts.values())),
            ]
        )
        return closed.filtered(lambda period: period.end_date > starts[period.order_id])

    @api.model
    def _rate_all(self, asked, is_final):
        """Return what usage costs, counted in one pass over all that is asked for.

        :param list asked: Triples of a period, an order line and a charge.
        :param bool is_final: Whether the periods are over.
        :rtype: dict[tuple, billing.rating.Rating]
        """
        rules = {charge: charge._get_rules() for _period, _line, charge in asked}
        usages = self.env['billpro.usage.record']._measure(
            [(period._get_query(line, charge), rules[charge]) for period, line, charge in asked]
        )
        ratings = {}
        for (period, line, charge), usage in zip(asked, usages, strict=True):
            coin = Decimal(repr(period.currency_id.rounding))
            share = period._get_share(line)
            ratings[period, line, charge] = rules[charge].rate(
                usage, coin, share=share, is_final=is_final
            )
        return ratings

    def _get_query(self, order_line, charge):
        """Return what is counted of the period for a charge.

        :param sale.order.line order_line: What is charged.
        :param billpro.usage.charge charge: The charge.
        :rtype: UsageQuery
        """
        meter = charge.meter_id
        return UsageQuery(
            self.order_id.id,
            meter.id,
            order_line._billing_get_usage_start(self.start_date, self.end_date),
            self.end_date,
            meter._get_definition(self.start_date),
        )

    def _get_billed(self):
        """Return what was billed of the usage of periods, by whatever payment.

        :return: What it was, by the ids of period and order line.
        :rtype: dict[tuple[int, int], Billed]
        """
        self.env['billpro.usage.line'].flush_model()
        rows = self.env.execute_query(
            SQL(
                """
                SELECT period_id, order_line_id, charge_id, event_id, SUM(amount)::text
                  FROM billpro_usage_line
                 WHERE period_id = ANY(%s) AND charge_id IS NOT NULL
              GROUP BY period_id, order_line_id, charge_id, event_id
                """,
                self.ids,
            )
        )
        events = self.env['billpro.billing.event'].browse(filter(None, {row[3] for row in rows}))
        waived = {event.id for event in events if event._get_collecting_event().status in WAIVED}
        billed = {}
        for period_id, line_id, charge_id, event_id, amount in rows:
            before = billed.get((period_id, line_id), NOTHING_BILLED)
            billed[period_id, line_id] = Billed(
                charge_id,
                before.amount + Decimal(amount),
                before.waived + (Decimal(amount) if event_id in waived else 0),
            )
        return billed

    # === FREEZING === #

    def _prepare_lines(self, order_line, charge, rating):
        """Return the values of the lines of a rating; without any, of one that says so.

        :param sale.order.line order_line: What is charged.
        :param billpro.usage.charge charge: By which it was rated.
        :param billing.rating.Rating rating: What it costs.
        :rtype: list[dict]
        """
        return [
            self._prepare_line(
                *(order_line, charge, line.kind, line.quantity, line.unit_price, line.amount),
                tier=line.tier,
            )
            for line in rating.lines
        ] or [self._prepare_line(order_line, charge, UNITS, 0, 0, 0)]

    def _prepare_line(self, order_line, charge, kind, quantity, unit_price, amount, tier=0):
        """Return the values of a line.

        :param sale.order.line order_line: What is charged.
        :param billpro.usage.charge charge: By which it was rated; none for a base fee.
        :param str kind: What it is for.
        :param quantity: How much of it.
        :param unit_price: What one costs.
        :param amount: What that is, rounded.
        :param int tier: The number of the tier.
        :rtype: dict
        """
        return {
            'period_id': self.id,
            'order_line_id': order_line.id,
            'charge_id': charge.id,
            'kind': kind,
            'tier': tier,
            'quantity': float(quantity),
            'unit_price': float(unit_price),
            'amount': float(amount),
        }

    def _add_base_fees(self, drafts, following):
        """Add the base fees of the periods that follow, which are paid in advance.

        A period that is known to be short pays its part.

        :param dict drafts: By period the values of its lines; changed.
        :param billpro.usage.period following: The periods that follow.
        """
        current = {period.order_id: period for period in self}
        no_charge = self.env['billpro.usage.charge']
        for period in following.filtered(lambda one: one.first_day < one.next_day):
            for line in period.order_id._billing_get_base_lines():
                drafts[current[period.order_id]].append(
                    period._prepare_line(line, no_charge, BASE, *period._get_base_fee(line))
                )

    def _get_base_fee(self, order_line):
        """Return what a line costs in the period whatever is used.

        :param sale.order.line order_line: The line.
        :return: Quantity, price and amount.
        :rtype: tuple[decimal.Decimal, decimal.Decimal, decimal.Decimal]
        """
        share = self._get_share()
        quantity, price, discount = (
            Decimal(repr(order_line[name]))
            for name in ('product_uom_qty', 'price_unit', 'discount')
        )
        price *= (100 - discount) / 100
        coin = Decimal(repr(self.currency_id.rounding))
        amount = round_half_up(Fraction(quantity * price) * share, coin)
        return (quantity, price, amount) if share == 1 else (Decimal(1), amount, amount)

    def _bill_rest_of_base_fees(self):
        """Bill what is missing of the base fees of a period that was to be a short one."""
        no_charge = self.env['billpro.usage.charge']
        paid = self.line_ids.filtered(lambda line: line.kind == BASE)
        values_list = []
        for order_line, lines in paid.grouped('order_line_id').items():
            _quantity, _price, amount = self._get_base_fee(order_line)
            amount -= sum(Decimal(repr(line.amount)) for line in lines)
            if amount > 0:
                values_list.append(
                    self._prepare_line(order_line, no_charge, BASE, 1, amount, amount)
                )
        if values_list:
            self.with_company(self.company_id)._bill({self: values_list})

    # === BILLING === #

    def _bill(self, drafts):
        """Freeze lines, and make the payments that bill them with what is carried on.

        :param dict drafts: By period the values of its lines.
        :return: The payments.
        :rtype: billpro.billing.event
        """
        carried = self.order_id._billing_get_carried_lines()
        new = carried.create([values for values_list in drafts.values() for values in values_list])
        lines = (carried | new).grouped('order_id')
        totals = {
            period: lines[period.order_id]._get_total() if period.order_id in lines else 0
            for period in self
        }
        due = self.filtered(lambda period: period._is_enough_to_charge(totals[period]))
        events = self.env['billpro.billing.event'].create(
            [period._prepare_event(totals[period]) for period in due]
        )
        events._take_up_added_lines()
        for period, event in zip(due, events, strict=True):
            lines[period.order_id].event_id = event
            if period.state == 'closed':
                period.write({'event_id': event.id, 'amount': event.amount})
        for same_type in events.grouped(lambda event: event.order_id.purchase_type).values():
            same_type[0].order_id._get_purchase()._create_event_invoices(same_type)
        events._ask_above_cap()
        (self - due)._say_nothing_is_due(totals)
        return events

    def _is_enough_to_charge(self, total):
        """Return whether an amount can be charged, instead of being carried on.

        :param float total: The amount, taxes included.
        :rtype: bool
        """
        order, currency = self.order_id, self.currency_id
        smallest = order._get_purchase()._get_smallest_payment(order)
        return (
            currency.compare_amounts(total, 0) > 0
            and currency.compare_amounts(total, smallest) >= 0
        )

    def _prepare_event(self, total):
        """Return the values of the payment that bills a period.

        :param float total: What is due, taxes included.
        :rtype: dict
        """
        order = self.order_id
        notice_days = get_notice_days(
            order.billing_token_id.payment_method_id.code,
            order.company_id.billing_debit_notice_days,
        )
        env = order.with_context(lang=order._get_payment_contact().lang).env
        values = {
            'period_start': self.first_day,
            'period_end': self.next_day - ONE_DAY,
        }
        if self.first_day == self.next_day:
            values = {'note': env._("Late usage")}
        return {
            'order_id': order.id,
            'number': max(order.billing_event_ids.mapped('number'), default=0) + 1,
            'due_date': fields.Datetime.now() + timedelta(days=notice_days),
            'amount': total,
            **values,
        }

    def _say_nothing_is_due(self, totals):
        """Log of periods that closed without a payment, and ask who looks after what is left.

        :param dict totals: What is left of each, taxes included: nothing, a credit, or less than
                            can be charged.
        """
        notes = []
        for period in self.filtered(lambda one: one.state == 'closed'):
            total = totals[period]
            values = {
                'days': period._get_days_text(self.env),
                'amount': period.currency_id.format(abs(total)),
            }
            if period.currency_id.is_zero(total):
                note = self.env._("Usage of %(days)s: nothing is due.", **values)
            elif total > 0:
                note = self.env._(
                    "Usage of %(days)s: %(amount)s are less than can be charged, and carried on.",
                    **values,
                )
            else:
                note = self.env._(
                    "Usage of %(days)s: nothing is due. A credit of %(amount)s is carried on.",
                    **values,
                )
            notes.append((period.order_id, note))
            if period.first_day == period.next_day:
                period._ask_about_rest(total)
        self.env['sale.order']._billing_log_notes(notes)

    def _ask_about_rest(self, total):
        """Ask who looks after the order what becomes of what no payment follows for.

        :param float total: What is left, taxes included.
        """
        order, amount = self.order_id, self.currency_id.format(abs(total))
        if self.currency_id.is_zero(total):
            return
        if total > 0:
            title = self.env._("Order %s ended with an amount too small to charge", order.name)
            text = self.env._(
                "Usage for %s is less than can be charged, and no payment follows: have it paid in"
                " another way, or leave it.",
                amount,
            )
        else:
            title = self.env._("Order %s ended with a credit", order.name)
            text = self.env._(
                "Usage for %s was taken back, and no payment follows with which it could be set"
                " off: pay it back.",
                amount,
            )
        order._billing_ask_staff('usage-credit', title, text)

    def _get_days_text(self, env):
        """Return the days of the period in words.

        :param odoo.api.Environment env: The environment of the language.
        :rtype: str
        """
        if self.first_day == self.next_day:
            return env._("the days before %s", format_date(env, self.next_day))
        return env._(
            "%(start)s to %(end)s",
            start=format_date(env, self.first_day),
            end=format_date(env, self.next_day - ONE_DAY),
        )
