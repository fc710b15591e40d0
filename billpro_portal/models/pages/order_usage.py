from datetime import timedelta
from decimal import Decimal

from babel.dates import format_skeleton

from odoo import fields, models
from odoo.tools import format_time

from ...billing.metering import local_moment
from ...billing.usage_file import defuse, write_row
from ..usage.usage_period import WAIVED

# What less than three days make of a period is no estimate.
DAYS_TO_ESTIMATE = 3
# So many past periods are listed at once.
PAST_PERIODS = 12
# The chart, in units of its own: it is drawn as wide as there is room.
DAY_WIDTH, CHART_HEIGHT, GAP = 10, 100, 2


class BillproOrderUsage(models.AbstractModel):
    """What customers see of their usage before it is charged, and afterwards."""

    _name = 'billpro.order.usage'
    _description = "Usage on the Page of an Order"

    # === THE RUNNING PERIOD === #

    def _get_usage_values(self, order, before=None):
        """Return the usage of the running period and of past ones, or False if there is none.

        :param sale.order order: The order.
        :param int before: The number of the period before which past ones are listed; the latest
                           are if not given.
        :rtype: dict|bool
        """
        past, earlier_url = self._get_past_rows(order, before)
        running = self._get_running_values(order)
        return bool(past or running) and {
            'title': self.env._("Usage"),
            'meters': [],
            **running,
            'past': past,
            'is_earlier': before is not None,
            'earlier_url': earlier_url,
        }

    def _get_running_values(self, order):
        """Return the usage of the running period.

        :param sale.order order: The order.
        :return: Its values; none if no period runs.
        :rtype: dict
        """
        lines = order.billing_usage_line_ids
        now = fields.Datetime.now()
        period = bool(lines) and order._billing_get_usage_period(now)
        if not period:
            return {}
        queries = [line._billing_get_usage_query(now) for line in lines]
        days = self.env['billpro.usage.record']._count_days(queries, period.time_zone)
        return {
            'title': self.env._("Usage of %s", self._get_period_text(period)),
            'counted': self.env._(
                "Counted until today, %s",
                format_time(self.env, now, tz=period.time_zone, time_format='short'),
            ),
            'meters': [
                self._get_meter_values(line, period, line_days)
                for line, line_days in zip(lines, days, strict=True)
            ],
            'rows': self._get_amount_rows(order, lines),
            'estimate': self._get_estimate(order, lines, period, now),
            'alert': self._get_alert_values(order),
            'csv_url': order._billing_get_order_link(f'/usage/{period.number}'),
        }

    def _get_meter_values(self, line, period, days):
        """Return what a meter has counted in a period against what is included.

        :param sale.order.line line: The metered line.
        :param billing.metering.Period period: The period.
        :param dict days: The quantities by day.
        :rtype: dict
        """
        charge = line._billing_get_charge(period.first_day)
        used, included = (
            Decimal(repr(number)) for number in (line.billing_usage_quantity, charge.allowance)
        )
        extra = max(used - included, Decimal(0))
        amount = line.currency_id.format(line._billing_with_taxes(line.billing_usage_amount))
        values = {
            'name': charge.meter_id.name,
            'used': charge._format_quantity(used),
            'detail': '',
            'bar': False,
            'left': '',
            'amount': self.env._("So far %s", amount),
            'chart': self._get_chart(charge, period, days),
        }
        if not included:
            return values
        numbers = {
            'used': charge._format_number(used),
            'included': charge._format_quantity(included),
            'extra': charge._format_number(extra),
        }
        within = round(100 * min(used / included, included / max(used, included)))
        values['bar'] = {'within': within, 'over': 100 - within if extra else 0}
        if extra:
            values['detail'] = self.env._("– %(included)s included, %(extra)s extra", **numbers)
            values['left'] = self.env._("What is included is used up")
            values['amount'] = self.env._("%(extra)s extra: %(amount)s", amount=amount, **numbers)
        else:
            values['detail'] = self.env._("of %(included)s included", **numbers)
            values['left'] = self.env._("%s left", charge._format_quantity(included - used))
            if not line.billing_usage_amount:
                values['amount'] = self.env._("Nothing extra")
        return values

    def _get_amount_rows(self, order, lines):
        """Return what the usage so far costs, as rows.

        :param sale.order order: The order.
        :param sale.order.line lines: The metered lines.
        :rtype: list[dict]
        """
        amounts = [
            (line.product_id.display_name, line._billing_with_taxes(line.billing_usage_amount))
            for line in lines
        ]
        total = (self.env._("So far"), sum(amount for _label, amount in amounts))
        return [
            {'label': label, 'value': order.currency_id.format(amount), 'strong': label == total[0]}
            for label, amount in [*(amounts if len(amounts) > 1 else ()), total]
        ]

    def _get_estimate(self, order, lines, period, now):
        """Return what the period will cost if it goes on like this, in words.

        :param sale.order order: The order.
        :param sale.order.line lines: The metered lines.
        :param billing.metering.Period period: The period.
        :param datetime.datetime now: The present moment.
        :return: The text, or False as long as too little of the period has passed.
        :rtype: str|bool
        """
        if now - period.start < timedelta(days=DAYS_TO_ESTIMATE):
            return False
        amount = sum(line._billing_with_taxes(line.billing_usage_estimate) for line in lines)
        return self.env._(
            "About %(amount)s by %(date)s if it goes on like this.",
            amount=order.currency_id.format(amount),
            date=self.env['billpro.page.words']._get_day(
                order, period.next_day - timedelta(days=1)
            ),
        )

    def _get_alert_values(self, order):
        """Return from which amount on the customer is told, and how to change it.

        :param sale.order order: The order.
        :rtype: dict
        """
        alert = order.billing_usage_alert
        currency = order.currency_id
        return {
            'text': self.env._(
                "We tell you when the usage of a period reaches %s.", currency.format(alert)
            )
            if alert
            else self.env._("We can tell you when the usage of a period reaches an amount."),
            'label': self.env._("Amount in %s, taxes included", currency.name),
            'amount': f'{alert:.{currency.decimal_places}f}' if alert else '',
            'step': currency.rounding,
            'url': order._billing_get_order_link('/usage-alert'),
        }

    # === PAST PERIODS === #

    def _get_past_rows(self, order, before=None):
        """Return the periods that were billed, the latest first, as rows.

        :param sale.order order: The order.
        :param int before: The number of the period before which they are; the latest if not given.
        :return: The rows, and where those are that were before them, or False.
        :rtype: tuple[list[dict], str|bool]
        """
        Period = self.env['billpro.usage.period'].sudo()
        found = Period.search(
            [
                ('order_id', '=', order.id),
                ('state', '=', 'closed'),
                *([('number', '<', before)] if before is not None else ()),
            ],
            order='number desc',
            limit=PAST_PERIODS + 1,
        )
        periods = found[:PAST_PERIODS]
        rows = [
            self._get_past_row(order, period)
            for period in periods
            # The last one of an order that has ended has no days: what came late is in it.
            if period.first_day < period.next_day or period.amount
        ]
        is_all = len(found) == len(periods)
        url = not is_all and order.get_portal_url(query_string=f'&past={periods[-1].number}')
        return rows, url

    def _get_past_row(self, order, period):
        """Return a period that was billed, at its end or before, as a row.

        :param sale.order order: The order.
        :param billpro.usage.period period: The period.
        :rtype: dict
        """
        bills = period._get_bills()
        charged = bills.filtered(lambda bill: bill._get_collecting_event().status not in WAIVED)
        amount = sum((charged - period.event_id).mapped('amount'))
        if charged >= period.event_id:
            amount += period.amount
        moves = bills.sorted('number').mapped(lambda bill: bill._get_collecting_event().invoice_id)
        return {
            'period': self._get_period_text(period)
            if period.first_day < period.next_day
            else self.env._("Late usage"),
            'amount': order.currency_id.format(amount)
            if amount
            else self.env._("nothing was charged"),
            'documents': [
                self.env['billpro.order.payments']._get_invoice_link(order, move)
                for move in moves.filtered(lambda move: move.state == 'posted')
            ],
            'csv_url': order._billing_get_order_link(f'/usage/{period.number}'),
        }

    # === DAY BY DAY === #

    def _get_chart(self, charge, period, days):
        """Return what a meter has counted day by day, as bars and as the table behind them.

        :param billpro.usage.charge charge: Whose meter it is.
        :param billing.metering.Period period: The period.
        :param dict days: The quantities by day; days without usage have no bar and no row.
        :return: False if there was no usage.
        :rtype: dict|bool
        """
        highest = max(days.values(), default=0)
        if not highest:
            return False
        most = next(day for day, quantity in days.items() if quantity == highest)
        bars = []
        for day, quantity in days.items():
            height = max(round(CHART_HEIGHT * quantity / highest), 1)
            x = DAY_WIDTH * (day - period.first_day).days
            bars.append({'x': x, 'y': CHART_HEIGHT - height, 'height': height})
        return {
            'title': self.env._("%s day by day", charge.meter_id.name),
            'most': self.env._(
                "most: %(quantity)s, on %(day)s",
                quantity=charge._format_number(highest),
                day=self._get_day_text(most),
            ),
            'width': DAY_WIDTH * (period.next_day - period.first_day).days,
            'height': CHART_HEIGHT,
            'bar_width': DAY_WIDTH - GAP,
            'bars': bars,
            'first_day': self._get_day_text(period.first_day),
            'last_day': self._get_day_text(period.next_day - timedelta(days=1)),
            'rows': [
                {'day': self._get_day_text(day), 'quantity': charge._format_quantity(quantity)}
                for day, quantity in days.items()
            ],
        }

    # === WORDS === #

    def _get_period_text(self, period):
        """Return a period with its last day, in words.

        :param billing.metering.Period|billpro.usage.period period: The period.
        :rtype: str
        """
        return self.env['billpro.page.words']._get_period(
            period.first_day, period.next_day - timedelta(days=1)
        )

    def _get_day_text(self, day):
        """Return a day without its year.

        :param datetime.date day: The day.
        :rtype: str
        """
        locale = self.env['billpro.page.words']._get_locale()
        return format_skeleton('MMMd', day, locale=locale)

    # === AS A FILE === #

    def _iter_file(self, order, period):
        """Yield the records of a period as the lines of a CSV file, however many there are.

        :param sale.order order: The order.
        :param billing.metering.Period period: The period.
        :rtype: Iterator[str]
        """
        yield write_row(
            [
                self.env._("Moment (%s)", period.time_zone),
                self.env._("Meter"),
                self.env._("Quantity"),
                self.env._("Unit"),
                self.env._("ID"),
                self.env._("Properties"),
                self.env._("Taken Back"),
            ]
        )
        # Charges may have changed, and with them what is counted.
        billed = order.billing_usage_period_ids.line_ids.charge_id.meter_id
        for meter in order.billing_usage_line_ids.billing_meter_id | billed:
            rows = self.env['billpro.usage.record']._iter_rows(
                order.id, meter.id, period.start, period.end
            )
            for moment, _id, quantity, sender_id, properties, is_void in rows:
                cells = (
                    local_moment(moment, period.time_zone).isoformat(sep=' '),
                    meter.name,
                    quantity,
                    meter.uom_id.name,
                    sender_id,
                    '; '.join(
                        f'{name}: {value}' for name, value in sorted((properties or {}).items())
                    ),
                    self.env._("Yes") if is_void else '',
                )
                yield write_row([defuse(cell) for cell in cells])
