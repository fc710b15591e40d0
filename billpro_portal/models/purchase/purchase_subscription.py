from datetime import timedelta
from fractions import Fraction

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_date, format_list

from ...billing.calendar import (
    count_intervals,
    due_datetime,
    find_shortest_interval,
    first_number_after,
    nth_date,
)
from ...billing.law import find_renewal_rule
from ...billing.lifecycle import OPEN, PAID
from ...billing.notice_dates import TRIAL_NOTICE_DAYS
from ..lifecycle.plurals import choose_plural
from ..rights.own_context import INSIDE


class BillproPurchaseSubscription(models.AbstractModel):
    """Subscription: some lines are charged each period, others once at the checkout.

    The order's anchor is the first day of the first paid period, after the trial if there is one.
    Period n, counted from 0, begins n intervals after it. When staff change the lines of a live
    subscription, its payments to come follow.

    The interval of the order is the shortest one of its products. What has a longer one, such as a
    year beside months, is charged with the first period, and again so many periods after the one
    that charged it last: `_billing_get_longer_lines_due` decides in which.
    """

    _name = 'billpro.purchase.subscription'
    _description = "Subscription"
    _inherit = 'billpro.purchase.type'

    _purchase_type = 'subscription'
    _purchase_sequence = 30
    _has_schedule = True
    _has_interval = True
    _one_off_types = frozenset({'single'})
    _is_perpetual = True
    _bills_lines_later = True
    _charges_added_lines = True
    _bills_longer_lines = True

    # === WORDS === #

    @api.model
    def _get_label(self):
        return self.env._("Subscription")

    @api.model
    def _get_description(self):
        return self.env._(
            "Customers pay the first period at the checkout, or register a card for a free"
            " trial. Each following period is charged to the same card."
        )

    @api.model
    def _get_explanation(self, order):
        if not order._billing_offers_only_cards():
            return self.env._(
                "What you pay with is saved and charged %(interval)s. You can cancel at any time"
                " from your order's page.",
                interval=self._get_interval_text(order),
            )
        return self.env._(
            "Your card is saved and charged %(interval)s. You can cancel at any time from your"
            " order's page.",
            interval=self._get_interval_text(order),
        )

    @api.model
    def _get_later_terms(self, order):
        currency = order.currency_id
        anchor = order.billing_anchor_date or self._get_anchor(order)
        has_trial = order.billing_trial_days and not order.billing_anchor_number
        number = 0 if has_trial else max(1, order.billing_anchor_number)
        try:
            first_charge = self._get_period(order, anchor, number)[0]
        except ValueError:
            return []  # A draft that lacks its interval: nothing can be agreed to yet.
        then = self._get_rates_text(order)
        is_successor = bool(order.billing_predecessor_id)
        free = self.env._("Free until") if is_successor else self.env._("Free trial until")
        days = [(free, anchor - timedelta(days=1))] if has_trial else []
        days_after = []
        if self._has_period(order, anchor, number):
            is_first = has_trial and currency.is_zero(self._get_initial_amount(order))
            label = self.env._("First payment") if is_first else self.env._("Next payment")
            days_after = [(label, first_charge)]
            has_notice = has_trial and not is_successor
            if has_notice and order.billing_trial_days > TRIAL_NOTICE_DAYS:
                reminded = first_charge - timedelta(days=TRIAL_NOTICE_DAYS)
                days_after.append((self.env._("Reminder by mail"), reminded))
        return [
            *self._get_day_rows(days),
            {'label': self.env._("Then"), 'value': then, 'strong': False},
            *self._get_day_rows(days_after),
            {'label': self.env._("Runs"), 'value': self._get_end_text(order), 'strong': False},
        ]

    @api.model
    def _get_day_rows(self, days):
        """Return rows of the terms that tell a day each.

        :param list days: Pairs of label and day.
        :rtype: list[dict]
        """
        return [
            {
                'label': label,
                'value': format_date(self.env, day, date_format='long'),
                'strong': False,
            }
            for label, day in days
        ]

    @api.model
    def _get_end_text(self, order):
        """Return how long the subscription runs, in the customer's words.

        :param sale.order order: The order.
        :rtype: str
        """
        if order.billing_end_date:
            return self.env._(
                "until %s", format_date(self.env, order.billing_end_date, date_format='long')
            )
        if order.billing_cycles:
            text = self.env._(
                "one: 1 period | other: %(count)s periods", count=order.billing_cycles
            )
            return choose_plural(self.env, text, order.billing_cycles)
        return self.env._("until cancelled")

    @api.model
    def _get_plan_text(self, order):
        """Override: the price of a period, the interval and the end."""
        if order._billing_get_longer_lines():
            return f'{self._get_rates_text(order)}, {self._get_end_text(order)}'
        return self.env._(
            "%(amount)s %(interval)s, %(end)s",
            amount=order.currency_id.format(self._get_period_amount(order)),
            interval=self._get_interval_text(order),
            end=self._get_end_text(order),
        )

    @api.model
    def _get_event_terms(self, event):
        period = self.env._(
            "%(start)s to %(end)s",
            start=format_date(self.env, event.period_start, date_format='long'),
            end=format_date(self.env, event.period_end, date_format='long'),
        )
        words = event.with_env(self.env)._get_words_of_change()
        longer = [
            self._get_text_of_longer_line(line, event)
            for leaf in event._get_leaves()
            for line in leaf._get_period_lines() & leaf.longer_line_ids
        ]
        return ' · '.join([period, *longer, *words, *event._get_added_lines().mapped('name')])

    @api.model
    def _get_text_of_longer_line(self, line, event):
        """Return what of a payment is for longer than its period, and for how long.

        :param sale.order.line line: What has a longer interval.
        :param billpro.billing.event event: The payment that charges it, not a merged one.
        :rtype: str
        """
        period = self._get_period_of_line(
            event.order_id, line, (event.period_start, event.period_end)
        )
        start, end = (format_date(self.env, day, date_format='long') for day in period)
        product = line.product_id.with_env(self.env)
        text = self.env._("%(start)s to %(end)s", start=start, end=end)
        return f'{product.name}: {text}'

    @api.model
    def _get_rates(self, order):
        """Return what is charged in which interval, the order's own one first.

        A longer interval has what its lines add to the payments that are due anyway.

        :param sale.order order: The order.
        :return: Pairs of the amount, taxes included, and the interval in words.
        :rtype: list[tuple[float, str]]
        """
        longer = order._billing_get_longer_lines()
        lines = order._billing_get_period_lines() - longer
        amount = self._get_period_amount(order, lines)
        rates = [(amount, self._describe_interval(*self._get_interval(order)))]
        for _times, own_lines in sorted(longer.grouped('billing_every_periods').items()):
            lines |= own_lines
            added = order.currency_id.round(self._get_period_amount(order, lines) - amount)
            rates.append((added, self._get_interval_text_of_line(own_lines[0])))
            amount += added
        return rates

    @api.model
    def _get_rates_text(self, order):
        """Return what is charged in which interval, in the customer's words.

        :param sale.order order: The order.
        :rtype: str
        """
        texts = [
            self.env._(
                "%(amount)s %(interval)s",
                amount=order.currency_id.format(amount),
                interval=interval,
            )
            for amount, interval in self._get_rates(order)
        ]
        return format_list(self.env, texts)

    @api.model
    def _get_interval_text(self, order):
        """Override: all intervals of an order whose lines have several."""
        if order._name != 'sale.order' or not order._billing_get_longer_lines():
            return super()._get_interval_text(order)
        return format_list(self.env, [interval for _amount, interval in self._get_rates(order)])

    # === INTERVALS === #

    @api.model
    def _get_refusal_of_intervals(self, products):
        """Override: longer intervals are whole numbers of the shortest one."""
        if not products[1:]:
            return False
        intervals = [self._get_interval(product) for product in products]
        index = find_shortest_interval(intervals)
        for product, interval in zip(products, intervals, strict=True):
            if not count_intervals(interval, intervals[index]):
                return self.env._(
                    "“%(first)s” is charged %(first_interval)s, “%(second)s” %(second_interval)s."
                    " Together on one order a longer interval is a whole number of the shortest"
                    " one. Make one order for each.",
                    first=products[index].display_name,
                    first_interval=self._get_interval_text(products[index]),
                    second=product.display_name,
                    second_interval=self._get_interval_text(product),
                )
        return False

    @api.model
    def _check_longer_lines(self, order):
        """Check that what has a longer interval is paid as a whole, and announced as the law wants.

        :param sale.order order: The order.
        :raise ValidationError: If not.
        """
        for line in order._billing_get_longer_lines():
            values = {
                'product': line.product_id.display_name,
                'interval': self._get_interval_text_of_line(line),
                'order': order.name,
            }
            if order.billing_end_date or order.billing_cycles % line.billing_every_periods:
                raise ValidationError(
                    self.env._(
                        "“%(product)s” is charged %(interval)s: let order %(order)s run for a"
                        " number of periods that ends with it, or until it is cancelled.",
                        **values,
                    )
                )
            if order._billing_ask_of_term(find_renewal_rule, line.billing_every_periods):
                raise ValidationError(
                    self.env._(
                        "The law of the customer's country wants the renewal of “%(product)s”,"
                        " %(interval)s, to be announced. Make an order of its own for it instead"
                        " of order %(order)s.",
                        **values,
                    )
                )

    # === AMOUNTS === #

    @api.model
    def _has_total(self):
        return False

    @api.model
    def _check_order(self, order):
        super()._check_order(order)
        if not order._get_recurring_lines():
            raise ValidationError(
                self.env._("Order %s has no product that is sold as subscription.", order.name)
            )
        self._check_amount_is_positive(order, min(self._get_later_amounts(order)))
        if order.currency_id.compare_amounts(self._get_initial_amount(order), 0) < 0:
            raise ValidationError(
                self.env._(
                    "The discounts of order %s are higher than its first payment.", order.name
                )
            )
        if order.billing_end_date and order.billing_end_date < self._get_anchor(order):
            raise ValidationError(self.env._("Order %s would end before it begins.", order.name))
        self._check_longer_lines(order)

    @api.model
    def _get_initial_lines(self, order):
        lines = order.order_line.filtered(lambda line: not line.display_type)
        return lines - order._billing_get_period_lines() if order.billing_trial_days else lines

    @api.model
    def _get_initial_amount(self, order):
        lines = self._get_initial_lines(order)
        return order._billing_get_amount_of_lines(lines) if lines else 0.0

    @api.model
    def _get_period_amount(self, order, lines=None):
        """Return what each period costs.

        :param sale.order order: The order.
        :param sale.order.line lines: What the period charges; all lines that recur if not given.
        :return: The amount, taxes included, in the currency of the order.
        :rtype: float
        """
        return order.billing_period_amount or self._get_lines_amount(order, lines)

    @api.model
    def _get_later_amounts(self, order):
        """Override: of longer intervals what is due without them, with each, and with all."""
        longer = order._billing_get_longer_lines()
        each = order._billing_get_period_lines() - longer
        sets = [each]
        sets += [each | lines for lines in longer.grouped('billing_every_periods').values()]
        if longer:
            sets.append(each | longer)
        return [self._get_period_amount(order, lines) for lines in sets]

    @api.model
    def _get_lines_amount(self, order, lines=None):
        """Return what the lines of the order make of a period, whatever staff changed it to.

        :param sale.order order: The order.
        :param sale.order.line lines: What the period charges; all lines that recur if not given.
        :return: The amount, taxes included, in the currency of the order.
        :rtype: float
        """
        if lines is None:
            lines = order._billing_get_period_lines()
        return order._billing_get_amount_of_lines(lines)

    @api.model
    def _get_added_amount(self, order, lines, event=None):
        """Override: as the invoice of the period is rounded."""
        if not lines:
            return 0.0
        own_lines = event._get_period_lines() if event else order._billing_get_period_lines()
        together = order._billing_get_amount_of_lines(own_lines | lines)
        return order.currency_id.round(together - self._get_lines_amount(order, own_lines))

    @api.model
    def _get_off_session_usage(self):
        return 'recurring'

    @api.model
    def _get_mandate_terms(self, order):
        terms = {
            'amount': max(self._get_initial_amount(order), *self._get_later_amounts(order)),
            'recurrence_unit': order.billing_interval_unit,
            'recurrence_duration': order.billing_interval_count,
        }
        last = order.billing_end_date
        if order.billing_cycles:
            last = self._get_period(order, self._get_anchor(order), order.billing_cycles - 1)[1]
        return {**terms, 'end_datetime': fields.Datetime.to_datetime(last)} if last else terms

    @api.model
    def _get_balance(self, order):
        """A subscription has no total to reach: what is owed are its outstanding payments."""
        return self._get_outstanding(order)

    # === PERIODS === #

    @api.model
    def _get_anchor(self, order):
        """Return the first day of the first paid period if the order is approved today.

        :param sale.order order: The order.
        :rtype: datetime.date
        """
        today = order._billing_get_today()
        if order.billing_predecessor_id and order.billing_trial_days:
            # Days that somebody else has paid for; how many are left changes with each day.
            paid_after = order.billing_predecessor_id._billing_get_day_after_paid()
            return paid_after or today + timedelta(days=1)
        return today + timedelta(days=order.billing_trial_days)

    @api.model
    def _get_period(self, order, anchor, number):
        """Return the first and the last day of a period.

        :param sale.order order: The order.
        :param datetime.date anchor: The first day of period 0, or of the one that staff moved.
        :param int number: The number of the period, from 0; none before the one that was moved.
        :rtype: tuple[datetime.date, datetime.date]
        """
        interval = self._get_interval(order)
        steps = number - order.billing_anchor_number
        planned = order._billing_get_planned_interval()
        if planned and nth_date(anchor, *interval, steps) >= planned.first_day:
            day = planned.first_day - timedelta(days=1)
            steps -= first_number_after(anchor, *interval, day)
            anchor = planned.first_day
            interval = planned.interval_count, planned.interval_unit
        return (
            nth_date(anchor, *interval, steps),
            nth_date(anchor, *interval, steps + 1) - timedelta(days=1),
        )

    @api.model
    def _has_period(self, order, anchor, number):
        """Return whether the subscription still runs in a period.

        :param sale.order order: The order.
        :param datetime.date anchor: The first day of period 0.
        :param int number: The number of the period, from 0.
        :rtype: bool
        """
        if order.billing_cycles and number >= order.billing_cycles:
            return False
        start, _end = self._get_period(order, anchor, number)
        return not order.billing_end_date or start <= order.billing_end_date

    @api.model
    def _get_lines_with_price(self, order):
        return order._billing_get_period_lines()

    @api.model
    def _get_first_day_from(self, order, day):
        number = self._get_number_after(order, day - timedelta(days=1))
        # What is paid before its day, or is being paid, was agreed to as it is.
        taken = order.billing_event_ids.filtered(
            lambda event: event.status in PAID or (event.is_early and event.status in OPEN)
        )._get_leaves()
        number = max([number, *taken.filtered('period_start').mapped('number')])
        if not self._has_period(order, order.billing_anchor_date, number):
            return None
        return self._get_period(order, order.billing_anchor_date, number)[0]

    @api.model
    def _prepare_event(self, order, number, event=None):
        """Return the values of the payment of a period, numbered from 0; none after the end.

        :param sale.order order: The order.
        :param int number: The number of the period.
        :param billpro.billing.event event: The payment that gets them, if there is one already.
        :rtype: list[dict]
        """
        anchor = order.billing_anchor_date
        if not self._has_period(order, anchor, number):
            return []
        start, end = self._get_period(order, anchor, number)
        return [
            {
                'order_id': order.id,
                'number': number + 1,
                'due_date': due_datetime(start, order._get_time_zone()),
                'period_start': start,
                'period_end': end,
                'full_days': 0,
                **self._prepare_event_amount(order, start, event),
            }
        ]

    @api.model
    def _prepare_event_amount(self, order, start, event=None):
        """Return the amount of a period, and by how much it differs from the order's lines.

        :param sale.order order: The order.
        :param datetime.date start: The first day of the period.
        :param billpro.billing.event event: The payment that gets it, if there is one already.
        :rtype: dict
        """
        lines, longer = order._billing_get_period_lines(), order._billing_get_longer_lines()
        if longer:
            number = self._get_number_after(order, start - timedelta(days=1))
            due = order._billing_get_longer_lines_due(number, event)
            lines -= longer - due
        amount = self._get_period_amount(order, lines)
        difference = 0
        if not order.billing_period_amount:
            amount = order._billing_get_planned_amount(start) or amount
        if order.billing_period_amount:
            difference = order.currency_id.round(amount - self._get_lines_amount(order))
        discount = order._billing_prepare_discount(amount, event)
        amount = order.currency_id.round(amount - discount['discount_amount'])
        if event and event.added_amount:
            amount = order.currency_id.round(amount + event.added_amount)
        values = {'amount': amount, 'adjustment': difference, **discount}
        if longer:
            values['longer_line_ids'] = [fields.Command.set(due.ids)]
        if event and event.credit_amount:
            credit = min(event.credit_amount, amount)
            values |= {
                'amount': order.currency_id.round(amount - credit),
                'credit_amount': credit,
            }
        return values

    @api.model
    def _prepare_first_events(self, order):
        return self._prepare_event(order, 0 if order.billing_trial_days else 1)

    @api.model
    def _prepare_next_events(self, event):
        """Return the next cycle; the company's policy says what becomes of missed periods.

        None if a later one is scheduled already: a pause may have moved it further away.
        """
        order = event.order_id
        if any(other.number > event.number for other in order.billing_event_ids):
            return []
        number = event.number  # Events count from 1, periods from 0: this is the next period.
        policy = order.company_id.billing_missed_periods
        if policy != 'all':
            first_ahead = self._get_number_after(order, order._billing_get_today())
            number = max(number, first_ahead - 1 if policy == 'latest' else first_ahead)
        return self._prepare_event(order, self._get_number_behind_pause(order, number))

    @api.model
    def _get_number_behind_pause(self, order, number):
        """Return the number of a period, or of the next that didn't begin while it was paused.

        :param sale.order order: The order.
        :param int number: The number of the period, from 0.
        :rtype: int
        """
        start, _end = self._get_period(order, order.billing_anchor_date, number)
        if not order._billing_was_paused_on(start):
            return number
        resumed = order._billing_get_date(order.billing_resumed_date)
        return max(number, self._get_number_after(order, resumed - timedelta(days=1)))

    @api.model
    def _get_number_after(self, order, day):
        """Return the number of the first period that begins after a day.

        :param sale.order order: The order.
        :param datetime.date day: The day.
        :rtype: int
        """
        anchor, interval = order.billing_anchor_date, self._get_interval(order)
        planned = order._billing_get_planned_interval()
        if planned and day >= planned.first_day:
            before = planned.first_day - timedelta(days=1)
            planned_interval = planned.interval_count, planned.interval_unit
            steps = first_number_after(anchor, *interval, before)
            steps += first_number_after(planned.first_day, *planned_interval, day)
        else:
            steps = first_number_after(anchor, *interval, day)
        return steps + order.billing_anchor_number

    @api.model
    def _get_paid_until(self, order):
        """Override: what is paid for longer than a period counts, too."""
        spans = order._billing_get_paid_spans()
        return max([self._get_period_paid_until(order), *(span.last for span, _a, _i in spans)])

    @api.model
    def _get_period_paid_until(self, order):
        """Return the last day of the last period that is paid, or free.

        :param sale.order order: The order.
        :rtype: datetime.date
        """
        if restart := order._billing_get_restart():
            paid = order.billing_event_ids.filtered(
                lambda event: (
                    event.status in PAID
                    and event.period_end
                    and event.period_start > restart.first_day
                    and (not event.change_id or event.change_id.id > restart.id)
                )
            )
            # Its payment may have been taken back by the bank.
            first = restart.last_day if restart._is_paid() else restart.credited_until
            return max([first, *paid.mapped('period_end')])
        first_day, first = self._get_initial_period(order)
        if not order.billing_trial_days and self._is_initial_payment_owed(order):
            first = first_day - timedelta(days=1)
        paid = order.billing_event_ids.filtered(lambda event: event.status in PAID)
        return max([first, *paid.filtered('period_end').mapped('period_end')])

    @api.model
    def _get_initial_period(self, order):
        """Override: the first period, or the trial; `billpro.order.report` says the same in SQL.

        Staff may have made it longer or shorter since: it lasts until the payment that follows it.
        """
        anchor, trial_days = order.billing_anchor_date, order.billing_trial_days
        if not order.billing_anchor_number:
            if trial_days:
                return anchor - timedelta(days=trial_days), anchor - timedelta(days=1)
            return self._get_period(order, anchor, 0)
        invoice = self._find_initial_invoice(order)
        first_day = invoice.invoice_date or order._billing_get_date(order.date_order)
        number = 1 if trial_days else 2
        following = order.billing_event_ids.filtered(lambda event: event.number == number)
        if following:
            next_day = following.period_start
        elif order.billing_anchor_number == 1 and not trial_days:
            next_day = anchor  # A pause gave it another number: it was to begin on this day.
        elif trial_days:
            next_day = first_day + timedelta(days=trial_days)
        else:
            next_day = nth_date(first_day, *self._get_interval(order), 1)
        return first_day, max(first_day, next_day - timedelta(days=1))

    @api.model
    def _find_initial_invoice(self, order):
        """Return the invoice of the initial payment, if it bills a period.

        :param sale.order order: The order.
        :rtype: account.move
        """
        lines = order._billing_get_period_lines()
        of_periods = order.billing_event_ids.filtered('number').invoice_id
        return order.billing_move_ids.filtered(
            lambda move: (
                move.move_type == 'out_invoice'
                and move.state == 'posted'
                and move not in of_periods
                and lines & move.invoice_line_ids.sale_line_ids
            )
        ).sorted('id')[:1]

    @api.model
    def _is_initial_payment_owed(self, order):
        """Return whether the bank took the initial payment back, and it isn't paid since.

        It is a payment of its own then, which staff may have skipped.

        :param sale.order order: The order.
        :rtype: bool
        """
        paid = order.billing_event_ids.filtered(lambda event: event.status in PAID)._get_leaves()
        owed = order.billing_event_ids.filtered(lambda e: not e.number and e.invoice_id) - paid
        return bool(owed) and self._find_initial_invoice(order) in owed.invoice_id

    @api.model
    def _find_paid_period(self, order, day):
        """Override: one of scheduled payments, or the first that the initial payment paid."""
        restart = order._billing_get_restart()
        events = order.billing_event_ids.filtered(
            lambda event: (
                event.number
                and event.period_end
                and (not restart or event.period_start > restart.first_day)
            )
        )
        for event in events.filtered(lambda e: e.period_start <= day <= e.period_end):
            final = event
            while final.merged_into_id:
                final = final.merged_into_id
            if final.status in PAID:
                following = events.filtered(lambda e, event=event: e.number > event.number)
                starts = [*following.mapped('period_start'), event.period_end + timedelta(days=1)]
                full = event.amount + event.credit_amount - event.added_amount
                return (
                    event.period_start,
                    min(starts) - timedelta(days=1),
                    final.invoice_id,
                    Fraction(f'{full:.10f}') / Fraction(f'{self._get_amount_of_lines(event):.10f}'),
                )
        if restart:
            starts = [*events.mapped('period_start'), restart.last_day + timedelta(days=1)]
            last_day = min(starts) - timedelta(days=1)
            if not restart.first_day <= day <= last_day:
                return None
            invoice = restart.event_ids.invoice_id or restart.invoice_id
            return restart.first_day, last_day, invoice, Fraction(1)
        invoice = self._find_initial_invoice(order)
        if order.billing_trial_days or not invoice or self._is_initial_payment_owed(order):
            return None
        first_day, last_day = self._get_initial_period(order)
        if not first_day <= day <= last_day:
            return None
        return first_day, last_day, invoice, Fraction(1)

    @api.model
    def _prepare_event_after_pause(self, event):
        """Move it to the next period that begins after the pause."""
        order = event.order_id
        resumed = order._billing_get_date(order.billing_resumed_date)
        number = self._get_number_after(order, resumed - timedelta(days=1))
        events = self._prepare_event(order, max(number, event.number - 1), event)
        return events[0] if events else None

    @api.model
    def _get_first_days_after(self, order, event, day, last_day):
        number = max(event.number - 1, self._get_number_after(order, day - timedelta(days=1)))
        days = []
        while self._has_period(order, order.billing_anchor_date, number):
            start, _end = self._get_period(order, order.billing_anchor_date, number)
            if start > last_day:
                break
            days.append(start)
            number += 1
        return days

    @api.model
    def _get_amount_after_pause(self, event, day):
        """Override: what has a longer interval may be due by then."""
        order = event.order_id
        if not order._billing_get_longer_lines():
            return event.amount
        return self._prepare_event_amount(order, day, event)['amount']

    @api.model
    def _get_next_first_days(self, order, event, count):
        anchor = order.billing_anchor_date
        later = [
            self._get_period(order, anchor, number)[0]
            for number in range(event.number, event.number - 1 + count)
            if self._has_period(order, anchor, number)
        ]
        return [event.period_start, *later]

    # === INVOICES === #

    @api.model
    def _create_initial_invoice(self, order):
        lines = self._get_initial_lines(order)
        # What a gift card has paid in full is invoiced as well; what costs nothing isn't.
        if all(order.currency_id.is_zero(line.price_total) for line in lines):
            return self.env['account.move']
        period = False
        if not order.billing_trial_days:
            period = self._get_period(order, order.billing_anchor_date, 0)
        return self.env['account.move'].create(self._prepare_invoice(order, [(lines, period)]))

    @api.model
    def _prepare_event_invoice(self, event):
        if event.change_id:
            return event.change_id._prepare_invoice()
        leaves = event._get_leaves()
        of_periods = leaves.filtered(lambda leaf: not leaf.change_id)
        values = self._prepare_invoice(
            event.order_id,
            [
                (
                    leaf._get_period_lines() | leaf._get_added_lines(),
                    (leaf.period_start, leaf.period_end),
                )
                for leaf in of_periods
            ],
            is_first=self._is_first_invoiced(event),
            adjustments=of_periods.filtered('adjustment'),
            discounted=of_periods.filtered('discount_amount'),
        )
        for change in leaves.change_id:  # What the bank took back may be paid along with others.
            values['invoice_line_ids'] += change._prepare_invoice()['invoice_line_ids']
        return values

    @api.model
    def _is_first_invoiced(self, event):
        """Return whether no earlier payment of the order is, or will be, on an invoice.

        :param billpro.billing.event event: The payment.
        :rtype: bool
        """
        numbers = event.order_id.billing_event_ids.filtered(
            lambda other: (
                other.number
                and other.status not in {'skipped', 'cancelled'}
                # What was free has no invoice.
                and (other.status not in PAID or other.invoice_id)
            )
        ).mapped('number')
        first = min(event._get_leaves().mapped('number'))
        # None is left where the money of a cancelled order arrives late.
        return all(first <= number for number in numbers)

    @api.model
    def _prepare_invoice(self, order, parts, is_first=True, adjustments=(), discounted=()):
        """Return the values of an invoice of lines for some periods.

        Recurring lines name their period. Only the first invoice of a line counts as its invoiced
        quantity: the order was invoiced then, and the periods that follow are no part of it.

        :param sale.order order: The order.
        :param list parts: Pairs of lines and their period: its first and last day, or False where
                           there is none.
        :param bool is_first: Whether no earlier invoice is under way.
        :param billpro.billing.event adjustments: The payments to which staff added something, or
                                                  from which they took something off.
        :param billpro.billing.event discounted: The payments with a discount.
        :rtype: dict
        """
        lang = order.partner_invoice_id.lang
        order = order.with_context(lang=lang).with_company(order.company_id)
        invoice_lines = []
        for index, (lines, period) in enumerate(parts):
            lines = lines.with_context(lang=lang)
            has_more = len(parts) > 1 or adjustments or discounted
            taxes = self._get_fixed_taxes(order, lines) if has_more else {}
            invoice_lines += self._prepare_period_lines(
                order, lines, period, taxes, links_lines=is_first and not index
            )
        lines = order._billing_get_period_lines()
        lines &= lines.concat(*(own_lines for own_lines, _period in parts))
        lines = lines.filtered('product_uom_qty')
        for label, amount in self._get_adjustments(order, adjustments).items():
            invoice_lines += self._prepare_adjustment_lines(order, lines, amount, label)
        for event in discounted:
            label = event.discount_id.with_env(order.env)._describe_on_invoice(event)
            invoice_lines += self._prepare_adjustment_lines(
                order, lines, -event.discount_amount, label
            )
        return {
            **self._prepare_paid_invoice(order),
            'invoice_line_ids': invoice_lines,
        }

    @api.model
    def _get_adjustments(self, order, events):
        """Return what an invoice says of changed amounts, and how much they are.

        :param sale.order order: The order, in the language of the invoice.
        :param billpro.billing.event events: Payments with changed amounts.
        :return: The amounts by label, those that aren't 0.
        :rtype: dict[str, float]
        """
        amounts = {}
        for event in events:
            label = order.env._("Change of the amount")
            if event.full_days:
                label = event.with_env(order.env)._get_part_text()
            amounts[label] = order.currency_id.round(amounts.get(label, 0.0) + event.adjustment)
        return {label: amount for label, amount in amounts.items() if amount}

    @api.model
    def _prepare_period_lines(self, order, lines, period, taxes, links_lines):
        """Return the commands that create the invoice lines of a period.

        :param sale.order order: The order.
        :param sale.order.line lines: What is invoiced.
        :param tuple|bool period: The first and the last day, if there is a period.
        :param dict taxes: Odoo's extra tax data by line, where taxes are fixed.
        :param bool links_lines: Whether the lines count as invoiced by it, unless they are already.
        :rtype: list
        """
        # Optional lines that were not chosen have no quantity.
        return [
            fields.Command.create(
                self._prepare_period_line(
                    order,
                    line,
                    period,
                    taxes.get(line),
                    links_lines or line.billing_is_added,  # No invoice before has charged it.
                )
            )
            for line in lines.filtered('product_uom_qty')
        ]

    @api.model
    def _prepare_period_line(self, order, line, period, taxes, links_line):
        """Return the values of the invoice line of an order line for a period.

        :param sale.order order: The order.
        :param sale.order.line line: What is invoiced.
        :param tuple|bool period: The first and the last day, if there is a period.
        :param dict taxes: Odoo's extra tax data, where taxes are fixed.
        :param bool links_line: Whether the line counts as invoiced by it, unless it is already.
        :rtype: dict
        """
        values = line._prepare_invoice_line(quantity=line.product_uom_qty)
        if taxes:
            values['extra_tax_data'] = taxes
        if period and line in order._billing_get_period_lines():
            start, end = self._get_period_of_line(order, line, period)
            values['name'] = order.env._(
                "%(name)s\n%(start)s to %(end)s",
                name=line.name,
                start=format_date(order.env, start),
                end=format_date(order.env, end),
            )
            if order._billing_get_longer_lines():
                values |= {'billing_period_start': start, 'billing_period_end': end}
        if not links_line or line.qty_invoiced:
            values.pop('sale_line_ids')
            # It would have come with the link.
            line._set_analytic_distribution(values)
        return values

    @api.model
    def _get_period_of_line(self, order, line, period):
        """Override: so many periods as its interval has, counted as the order's are."""
        first_day, last_day = period
        if line.billing_every_periods > 1:
            number = self._get_number_after(order, first_day - timedelta(days=1))
            number += line.billing_every_periods
            next_day, _end = self._get_period(order, order.billing_anchor_date, number)
            last_day = next_day - timedelta(days=1)
        return first_day, last_day

    # === CHANGES OF THE SCHEDULE === #

    @api.model
    def _can_change_later(self):
        return True

    @api.model
    def _change_later(self, event, day=False, amount=False):
        """Count the periods from the new day, and charge the new amount, from now on."""
        order = event.order_id
        if day:
            order.write({'billing_anchor_date': day, 'billing_anchor_number': event.number - 1})
            order._billing_move_planned_change(event.period_start, day)
            start, end = self._get_period(order, day, event.number - 1)
            event._discard_draft_invoices()
            event.write({'period_start': start, 'period_end': end})
            if not amount and self._is_following(event):
                # A higher price counts from the day on that customers were told, not before.
                event.write(self._prepare_event_amount(order, start, event))
        if amount:
            follows = not order.currency_id.compare_amounts(amount, self._get_lines_amount(order))
            # Set back to what the lines add up to, it follows them again.
            order.billing_period_amount = 0 if follows else amount
        later = order.billing_event_ids.filtered(
            lambda other: other.number > event.number and other.status in {'scheduled', 'paused'}
        )
        later._discard_draft_invoices()
        for other in later:
            values = self._prepare_event(order, other.number - 1, other)
            if not values:  # The subscription ends before it now.
                other._apply_trigger('cancel')
            elif day:
                other.write(values[0])
            else:
                other.write(self._prepare_event_amount(order, other.period_start, other))

    @api.model
    def _count_anew(self, order, change):
        """In a trial the first period begins as before.

        Else what begins at once is a period that has a number of its own, and so has the payment
        that follows it.
        """
        terms = {
            'billing_interval_count': change.interval_count,
            'billing_interval_unit': change.interval_unit,
            'billing_free_exit_date': False,  # What it is about is over, or credited.
        }
        number, events = None, order._billing_get_events_to_come()
        if change.credited_until:
            others = (order.billing_event_ids - events).mapped('number')
            number = max([*others, 0 if order.billing_trial_days else 1])
            change.period_number = number + 1  # Payments count from 1, periods from 0.
            events.number = number + 2  # There is only one.
        elif change.when == 'period_end':
            number = self._get_number_after(order, change.first_day - timedelta(days=1))
        if number is not None:
            terms |= {
                'billing_anchor_date': change.first_day,
                'billing_anchor_number': number,
            }
        order.with_context(billing_counts_anew=INSIDE).write(terms)
        self._follow_interval(order, change.first_day)
        if change.credited_until and not events:
            events.create(self._prepare_event(order, number + 1))

    @api.model
    def _follow_interval(self, order, day):
        for event in order._billing_get_events_to_come():
            if event.period_start < day:
                continue
            values = self._prepare_event(order, event.number - 1, event)
            if not values:  # The subscription ends before it now.
                event._apply_trigger('cancel')
                continue
            period = {name: values[0][name] for name in ('period_start', 'period_end')}
            if event.period_start != period['period_start']:
                period['due_date'] = values[0]['due_date']
            event._discard_draft_invoices()
            event.write(period)

    # === STATUS === #

    @api.model
    def _can_be_cancelled(self, order):
        return True

    @api.model
    def _can_be_paused(self):
        return True

    @api.model
    def _can_change_plan(self):
        return True

    @api.model
    def _can_pay_early(self):
        return True

    @api.model
    def _can_be_succeeded(self, order):
        """Override: lines that are paid for longer than others would begin on days of their own."""
        return not order._billing_goes_on() or not order._billing_get_longer_lines()

    @api.model
    def _get_event_trigger(self, order, **outcome):
        # What is cancelled ends with its last day, whatever it still owes.
        return super()._get_event_trigger(order, ends=not order.billing_cancel_date, **outcome)

    # === CHANGES === #

    @api.model
    def _get_lines_to_tax(self, order):
        return order._billing_get_period_lines() | order.order_line.filtered(
            lambda line: line.billing_is_added and not line._billing_is_on_invoice()
        )

    @api.model
    def _follow_lines(self, order, kept=None):
        """Let the payments to come be what the lines add up to, and tell the customer.

        What is owed already stays as it is, and so do the amounts that staff have set: how much
        they differ from the lines is remembered, so that their invoices come out right.
        """
        longer = order._billing_get_longer_lines()
        amount = self._get_lines_amount(order, order._billing_get_period_lines() - longer)
        order._lock_billing()
        open_events = order.billing_event_ids.filtered(
            lambda event: event.status in OPEN and not event.change_id
        )
        leaves = open_events._get_leaves()
        added_lines = order._billing_get_added_lines()
        amounts = {
            leaf: order._billing_get_planned_amount(leaf.period_start)
            or self._get_lines_amount(order, leaf._get_period_lines())
            for leaf in leaves
        }
        changed = leaves.filtered(
            lambda leaf: order.currency_id.compare_amounts(
                self._get_amount_of_lines(leaf), amounts[leaf]
            )
        )
        old_amounts = {leaf: leaf.amount for leaf in leaves}
        followers = changed.filtered(
            lambda leaf: self._is_following(leaf) and leaf not in (kept or ())
        )
        if changed:
            self._check_lines_can_change(order, amount)
            for event in followers:
                price = event._get_short_price(amounts[event])
                discount = order._billing_prepare_discount(price, event)
                due = price - discount['discount_amount'] + event.added_amount
                event.write(
                    {
                        'amount': order.currency_id.round(due),
                        'adjustment': order.currency_id.round(price - amounts[event]),
                        'credit_amount': 0.0,
                        **discount,
                    }
                )
            for event in changed - followers:
                event.adjustment = order.currency_id.round(
                    self._get_amount_of_lines(event) + event.adjustment - amounts[event]
                )
        self._follow_added_lines(order, leaves, added_lines, kept or leaves.browse())
        order._billing_use_credit()
        new = leaves.filtered(lambda leaf: leaf.amount != old_amounts[leaf]).sorted('due_date')
        if not new and not changed:
            return
        self._check_amounts_left(new)
        (new | followers)._discard_draft_invoices()
        new.write({'status_message': False})
        if longer and changed:
            return  # Payments differ from each other: `_follow_price` tells what they are.
        if new:
            new[0]._announce_new_amount(old_amounts[new[0]], is_lasting=bool(followers))
        elif kept and not order.billing_period_amount:
            leaves.sorted('number')[-1]._announce_later_amount(amount)
        else:
            order._message_log(
                body=self.env._(
                    "The lines of the order add up to %s now. Its payments stay as they are:"
                    " change the next one and all later ones to that amount to let them follow.",
                    order.currency_id.format(amount),
                )
            )

    @api.model
    def _follow_price(self, order):
        """Override: tell what is charged in which interval, though no payment to come has it yet.

        What was changed may be due with one of the later payments.
        """
        if not order._billing_get_longer_lines():
            return
        self._check_is_billing_user(order)
        self._check_amount_is_positive(order, min(self._get_later_amounts(order)))
        for event in order._billing_get_events_to_come()[:1]:
            env = order.with_context(lang=order._get_payment_contact().lang).env
            for reader in (self.env, env):
                rates = self.with_env(reader)._get_rates_text(order.with_env(reader))
                text = reader._("Your later payments are %s.", rates)
                if reader == self.env:
                    event._log_change(text, False)
            event._announce_change(text)

    @api.model
    def _get_amount_of_lines(self, event):
        """Return what the lines made of a period when the amount of its payment was set.

        :param billpro.billing.event event: The payment, not one that others are merged into.
        :return: The amount, taxes included, in the currency of the order.
        :rtype: float
        """
        return (
            event.amount
            + event.credit_amount
            + event.discount_amount
            - event.adjustment
            - event.added_amount
        )

    @api.model
    def _check_payment_is_to_come(self, order, lines):
        """Check that another payment will charge what was added.

        :param sale.order order: The order.
        :param sale.order.line lines: What was added.
        :raise ValidationError: If the subscription ends before.
        """
        last = max(order.billing_event_ids.mapped('number'), default=0)
        number = last or (0 if order.billing_trial_days else 1)
        if order.billing_cancel_date or not self._has_period(
            order, order.billing_anchor_date, number
        ):
            raise ValidationError(
                self.env._(
                    "No payment of order %(order)s is to come that could charge “%(line)s”. Make"
                    " another order for it.",
                    order=order.name,
                    line=lines[0].name,
                )
            )

    @api.model
    def _check_lines_can_change(self, order, amount):
        """Check that the user may change what a period costs, and that it costs something.

        :param sale.order order: The order.
        :param float amount: What the lines add up to now.
        :raise AccessError: If the user may not.
        :raise ValidationError: If nothing would be left to collect.
        """
        self._check_is_billing_user(order)
        self._check_amount_is_positive(order, amount)

    @api.model
    def _check_amount_is_positive(self, order, amount):
        """Check that a period costs something.

        :param sale.order order: The order.
        :param float amount: What it costs.
        :raise ValidationError: If it doesn't.
        """
        if order.currency_id.compare_amounts(amount, 0) <= 0:
            raise ValidationError(
                self.env._("The recurring amount of order %s must be positive.", order.name)
            )

    @api.model
    def _is_following(self, event):
        return (
            event.status in {'scheduled', 'paused'}
            and not event.first_declined_date
            and not event.requested_date
            and (not event.adjustment or event.full_days)
            and not event.order_id.billing_period_amount
        )

    # === TAXES OF THE BOOKS === #

    @api.model
    def _is_changed_since(self, event):
        """Override: what the lines added up to is what the payment is made of.

        Rounded together they may differ by a minor unit each.
        """
        for leaf in event._get_leaves():
            lines = leaf._get_period_lines()
            difference = self._get_amount_of_lines(leaf) - sum(lines.mapped('price_total'))
            if abs(difference) > len(lines) * event.currency_id.rounding:
                return True
        return False

    @api.model
    def _keep_amount_shown(self, event):
        if event.change_id or self._is_changed_since(event):
            return False
        order = event.order_id
        for leaf in event._get_leaves():
            amount = self._get_lines_amount(order, leaf._get_period_lines())
            added = self._get_added_amount(order, leaf._get_added_lines(), leaf)
            leaf.write(
                {
                    'added_amount': added,
                    'adjustment': order.currency_id.round(
                        leaf.amount + leaf.credit_amount + leaf.discount_amount - added - amount
                    ),
                }
            )
        return True
