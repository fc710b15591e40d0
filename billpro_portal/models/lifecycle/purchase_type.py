from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ...billing.actions import Capabilities
from ...billing.calendar import is_same_interval, local_date, multiply_interval
from ...billing.standing import get_trigger
from ..rights.own_context import INSIDE
from .kinds import find_kinds
from .plurals import choose_plural


class BillproPurchaseType(models.AbstractModel):
    """What all purchase types answer; each one is a class of its own.

    Another addon adds a purchase type by adding a model that inherits this one, sets
    ``_purchase_type`` and ``_purchase_sequence``, and overrides what differs. Nothing else asks
    an order for the name of its type.
    """

    _name = 'billpro.purchase.type'
    _description = "Purchase Type"

    _purchase_type = None  # The technical value of `sale.order.purchase_type`.
    _purchase_sequence = 100  # The place in selections.
    _one_off_types = frozenset()  # The types whose products may be sold along, paid once.
    _has_schedule = False  # Whether payments follow the initial one.
    _has_interval = False  # Whether they follow in intervals that the order sets.
    _has_instalments = False  # Whether the order's total is split: a deposit and instalments.
    _has_initial_amount = False  # Whether the order says what is paid at the checkout.
    _is_perpetual = False  # Whether periods of equal length follow each other until the end.
    _bills_lines_later = False  # Whether a later payment has the taxes of the order's lines.
    _bills_usage = False  # Whether recorded usage is charged.
    _bills_longer_lines = False  # Whether not each period charges what has a longer interval.
    _charges_added_lines = False  # Whether a payment charges once what is added to a live order.

    # === THE LIST OF TYPES === #

    @api.model
    def _get_types(self):
        """Return the models of all installed purchase types by technical value.

        :return: An ordered mapping of `purchase_type` values to (empty) model records.
        :rtype: dict
        """
        types = sorted(find_kinds(self), key=lambda model: model._purchase_sequence)
        return {model._purchase_type: model for model in types}

    @api.model
    def _get_type_of_products(self, products):
        """Return the purchase type of an order of some products.

        :param product.product products: The products of the order's lines.
        :return: The type; None if no product has one or their types can't be mixed.
        :rtype: str|None
        """
        types = set(products.mapped('purchase_type')) - {False}
        for purchase_type in types:
            if types - {purchase_type} <= self._get_types()[purchase_type]._one_off_types:
                return purchase_type
        return None

    @api.model
    def _get_selection(self):
        """Return the selection values of `purchase_type` fields.

        :rtype: list[tuple[str, str]]
        """
        return [(key, model._get_label()) for key, model in self._get_types().items()]

    @api.model
    def _get_perpetual_types(self):
        """Return the types whose periods follow each other, for reports on recurring revenue.

        :return: Values of `purchase_type`, at least one.
        :rtype: tuple[str]
        """
        return tuple(key for key, model in self._get_types().items() if model._is_perpetual)

    @api.model
    def _get_types_billed_later(self):
        """Return the types whose live orders follow the taxes of the books.

        :return: Values of `purchase_type`, at least one.
        :rtype: tuple[str]
        """
        return tuple(key for key, model in self._get_types().items() if model._bills_lines_later)

    @api.model
    def _get_types_by_usage(self):
        """Return the types whose orders have recorded usage.

        :return: Values of `purchase_type`.
        :rtype: tuple[str]
        """
        return tuple(key for key, model in self._get_types().items() if model._bills_usage)

    # === WHAT EACH TYPE ANSWERS === #

    @api.model
    def _get_label(self):
        """Return the type's name for staff and customers.

        :rtype: str
        """
        return ''

    @api.model
    def _get_description(self):
        """Return how customers pay what is sold as this type, for whoever sets up products.

        :rtype: str
        """
        return ''

    @api.model
    def _get_features(self):
        """Return what the type has, for the views of products and orders.

        :return: The values of the fields of `billpro.purchase.features`.
        :rtype: dict[str, bool]
        """
        return {
            'billing_bills_usage': self._bills_usage,
            'billing_has_total': self._has_total(),
            'billing_has_schedule': self._has_schedule,
            'billing_has_interval': self._has_interval,
            'billing_has_periods': self._is_perpetual,
            'billing_has_instalments': self._has_instalments,
            'billing_has_initial_amount': self._has_initial_amount,
            'billing_takes_payments': self._can_take_payments(),
        }

    @api.model
    def _get_capabilities(self, order):
        """Return what an order of this type may do besides being paid.

        :param sale.order order: The order.
        :rtype: billing.actions.Capabilities
        """
        return Capabilities(
            can_pause=self._can_be_paused(),
            can_cancel=self._can_be_cancelled(order),
            can_take_payments=self._can_take_payments(),
            can_change_plan=self._can_change_plan(),
            can_pay_early=self._can_pay_early(),
            can_be_succeeded=self._can_be_succeeded(order),
        )

    @api.model
    def _get_explanation(self, order):
        """Return one or two sentences that tell the customer how this order is paid.

        :param sale.order order: The order.
        :rtype: str
        """
        return ''

    @api.model
    def _get_refusal_of_intervals(self, products):
        """Return why products can't recur on one order, which has one interval for all of them.

        :param product.product products: The products that make the order what it is.
        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        if not self._is_perpetual:
            return False
        for product in products[1:]:
            first = products[0]
            if not is_same_interval(self._get_interval(first), self._get_interval(product)):
                return self.env._(
                    "One order has one interval: “%(first)s” is charged %(first_interval)s,"
                    " “%(second)s” %(second_interval)s. Make one order for each.",
                    first=first.display_name,
                    first_interval=self._get_interval_text(first),
                    second=product.display_name,
                    second_interval=self._get_interval_text(product),
                )
        return False

    @api.model
    def _get_interval(self, record):
        """Return the interval of an order or a product.

        :param sale.order|product.product record: The order or product.
        :return: How many units, and the unit.
        :rtype: tuple[int, str]
        """
        return record.billing_interval_count, record.billing_interval_unit

    @api.model
    def _get_interval_of_line(self, line):
        """Return the interval in which a line of an order that recurs is charged.

        :param sale.order.line line: The line.
        :return: How many units, and the unit.
        :rtype: tuple[int, str]
        """
        count, unit = self._get_interval(line.order_id)
        return count * max(1, line.billing_every_periods), unit

    @api.model
    def _check_order(self, order):
        """Check that the order can be sold as this type.

        :param sale.order order: The order.
        :raise ValidationError: If something is missing or contradicts the type.
        """
        if not order.order_line.filtered(lambda line: not line.display_type):
            raise ValidationError(
                self.env._("Add at least one product to order %s first.", order.name)
            )
        order._check_billing_one_interval()
        if refusal := order._billing_get_refusal_of_longer_intervals():
            raise ValidationError(refusal)

    @api.model
    def _requires_card(self, order):
        """Return whether the customer must save a card at the checkout.

        :param sale.order order: The order.
        :rtype: bool
        """
        return True

    @api.model
    def _can_be_authorized(self):
        """Return whether the initial payment may be reserved first and captured by staff.

        :rtype: bool
        """
        return False

    @api.model
    def _has_total(self):
        """Return whether the order's total is what the customer pays in all.

        :rtype: bool
        """
        return True

    @api.model
    def _get_off_session_usage(self):
        """Return how the saved card is charged without the customer.

        :return: `recurring` if the agreement fixes the dates, `one_off` if not.
        :rtype: str
        """
        return 'one_off'

    @api.model
    def _get_mandate_terms(self, order):
        """Return what the customer's bank is told of the payments to come, for e-mandates.

        :param sale.order order: The order.
        :return: The keys of `payment.transaction._get_mandate_values` that the type can tell:
                 `amount` is the most that one payment may be, in the order's currency.
        :rtype: dict
        """
        return {}

    @api.model
    def _can_take_payments(self):
        """Return whether staff may take payments besides those of the schedule.

        :rtype: bool
        """
        return False

    @api.model
    def _get_initial_amount(self, order):
        """Return what is collected at the checkout.

        :param sale.order order: The order.
        :return: The amount in the order's currency, rounded to its minor unit; 0 means that a
                 card is registered and nothing is charged.
        :rtype: float
        """
        return order.amount_total

    @api.model
    def _get_later_amounts(self, order):
        """Return what is charged after the checkout, as far as it is known before.

        :param sale.order order: The order.
        :return: The amounts in the currency of the order.
        :rtype: list[float]
        """
        return []

    @api.model
    def _get_full_amount(self, order):
        """Return with how much an order is paid for good before it begins, without any card.

        :param sale.order order: The order.
        :return: The amount in the currency of the order; False if there is always more to come.
        :rtype: float|bool
        """
        return False

    @api.model
    def _can_take_over_invoices(self, order, invoiced, is_full):
        """Return whether invoices that staff have made can be those of the initial payment.

        :param sale.order order: The order.
        :param float invoiced: What they bill, in the currency of the order.
        :param bool is_full: Whether the order is paid for good.
        :rtype: bool
        """
        amounts = (0.0, self._get_initial_amount(order))
        return not all(order.currency_id.compare_amounts(invoiced, amount) for amount in amounts)

    @api.model
    def _get_balance(self, order):
        """Return what the customer still owes.

        :param sale.order order: The order, its other totals computed.
        :return: The amount in the currency of the order.
        :rtype: float
        """
        balance = order.currency_id.round(
            order.amount_total
            - order.billing_skipped
            - order.billing_credited
            - order.billing_paid
            + order.billing_refunded
        )
        dropped = order.billing_event_ids.filtered(lambda event: event.status == 'cancelled')
        if balance <= 0 or not dropped:
            return balance
        # Nobody owes what isn't collected any more.
        return max(0.0, order.currency_id.round(balance - sum(dropped.mapped('amount'))))

    @api.model
    def _get_excess(self, order):
        """Return what was collected, and not paid back, beyond what the customer was to pay.

        :param sale.order order: The order.
        :return: The amount in the currency of the order; negative if something is missing.
        :rtype: float
        """
        return order.currency_id.round(
            order.billing_paid - order.billing_refunded - order.amount_total + order.billing_skipped
        )

    @api.model
    def _get_anchor(self, order):
        """Return the date from which the order's payments are counted if approved today.

        :param sale.order order: The order.
        :rtype: datetime.date
        """
        return order._billing_get_today()

    @api.model
    def _get_approval_trigger(self, order):
        """Return the trigger that the approved initial payment gives to the order.

        :param sale.order order: The order.
        :return: A key of `billing.lifecycle.ORDER_TRANSITIONS`.
        :rtype: str
        """
        return 'activate'

    @api.model
    def _get_later_terms(self, order):
        """Return what is still to be paid after the initial payment, and when, as rows.

        :param sale.order order: The order.
        :return: Rows of ``label``, ``value`` (both texts) and ``strong`` (bool).
        :rtype: list[dict]
        """
        return []

    @api.model
    def _get_plan_text(self, order):
        """Return what the customer pays, how often and until when, in one sentence.

        :param sale.order order: The order.
        :return: Nothing if the payments don't follow a plan.
        :rtype: str
        """
        return ''

    @api.model
    def _get_event_terms(self, event):
        """Return what one scheduled payment is for, in the customer's words.

        :param billpro.billing.event event: The payment.
        :rtype: str
        """
        return event.note or ''

    @api.model
    def _prepare_first_events(self, order):
        """Return the payments to schedule when the initial payment is approved.

        :param sale.order order: The order, its anchor set.
        :return: Create values of `billpro.billing.event`.
        :rtype: list[dict]
        """
        return []

    @api.model
    def _prepare_next_events(self, event):
        """Return the payments to schedule when a scheduled one is through.

        :param billpro.billing.event event: The payment that is through.
        :return: Create values of `billpro.billing.event`.
        :rtype: list[dict]
        """
        return []

    @api.model
    def _prepare_paid_invoice(self, order):
        """Return the values of an invoice that a card pays at once: it has no term, no discount.

        :param sale.order order: The order.
        :return: Values of an `account.move` without lines.
        :rtype: dict
        """
        return {
            **order.with_context(billing_paid_at_once=INSIDE)._prepare_invoice(),
            'billing_order_id': order.id,
        }

    @api.model
    def _get_fixed_taxes(self, order, lines):
        """Return what keeps the taxes of lines as they are, whatever else an invoice has on it.

        The rounding of several periods, or of down payments, on one invoice would differ from
        that of the order, and the invoice from what the customer agreed to pay.

        :param sale.order order: The order.
        :param sale.order.line lines: The lines.
        :return: Odoo's extra tax data by line.
        :rtype: dict
        """
        AccountTax = self.env['account.tax']
        base_lines = [line._prepare_base_line_for_taxes_computation() for line in lines]
        AccountTax._add_tax_details_in_base_lines(base_lines, order.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, order.company_id)
        AccountTax._fix_base_lines_tax_details_on_manual_tax_amounts(
            base_lines=base_lines, company=order.company_id
        )
        return {
            line: AccountTax._export_base_line_extra_tax_data(base_line)
            for line, base_line in zip(lines, base_lines, strict=True)
        }

    @api.model
    def _prepare_event_invoice(self, event):
        """Return the create values of the draft invoice of a scheduled payment.

        :param billpro.billing.event event: The payment.
        :return: Values of an `account.move` whose total is the payment's amount.
        :rtype: dict
        """
        return {}

    @api.model
    def _create_event_invoices(self, events):
        """Create the draft invoices of scheduled payments and link them, in one batch.

        :param billpro.billing.event events: Payments of orders of this type, without invoice.
        """
        invoices = self.env['account.move'].create(
            [self._prepare_event_invoice(event) for event in events]
        )
        for event, invoice in zip(events, invoices, strict=True):
            event.invoice_id = invoice

    @api.model
    def _get_event_trigger(self, order, **outcome):
        """Return the trigger that the present state of its payments gives to a live order.

        :param sale.order order: The order.
        :param dict outcome: What else decides, see `billing.standing.get_trigger`.
        :return: A key of `billing.lifecycle.ORDER_TRANSITIONS`, or None.
        :rtype: str|None
        """
        payments = order.billing_event_ids._get_facts_for_order()
        return get_trigger(order.billing_status, payments, **outcome)

    @api.model
    def _can_be_cancelled(self, order):
        """Return whether the customer may cancel an order of this type.

        :param sale.order order: The order.
        :rtype: bool
        """
        return False

    @api.model
    def _get_last_day_at_once(self, order):
        """Return the last day of an order that is cancelled at once: yesterday if none is left.

        :param sale.order order: A live order.
        :rtype: datetime.date
        """
        return order._billing_get_today() - timedelta(days=1)

    @api.model
    def _is_billed_after_end(self, order):
        """Return whether what a cancelled order has used is billed, and collected, when it is over.

        :param sale.order order: The order.
        :rtype: bool
        """
        return False

    @api.model
    def _get_smallest_payment(self, order):
        """Return the smallest amount of a payment: what is less is carried on to the next one.

        :param sale.order order: A live order.
        :return: The amount, taxes included, in the currency of the order.
        :rtype: float
        """
        return 0.0

    @api.model
    def _can_be_paused(self):
        """Return whether staff may pause an order of this type.

        :rtype: bool
        """
        return False

    @api.model
    def _can_change_plan(self):
        """Return whether plan and quantity of an order of this type may be changed while it runs.

        :rtype: bool
        """
        return False

    @api.model
    def _can_pay_early(self):
        """Return whether what is to come may be paid before its day.

        :rtype: bool
        """
        return False

    @api.model
    def _can_be_succeeded(self, order):
        """Return whether another order may go on with what an order sells.

        :param sale.order order: The order.
        :rtype: bool
        """
        return False

    @api.model
    def _get_lines_with_price(self, order):
        """Return the lines that each period charges, whose price may become another one.

        :param sale.order order: A live order.
        :rtype: sale.order.line
        """
        return order.order_line.browse()

    @api.model
    def _get_first_day_from(self, order, day):
        """Return the first day of the first period that begins on a day or later.

        :param sale.order order: A live order that has such lines.
        :param datetime.date day: The day.
        :return: The day; None if the order ends before.
        :rtype: datetime.date|None
        """

    @api.model
    def _find_paid_period(self, order, day):
        """Return the paid period that a day lies in.

        :param sale.order order: A live order.
        :param datetime.date day: The day.
        :return: Its first and its last day, its invoice, and what staff left of what the lines
                 add up to; None if the day lies in none.
        :rtype: tuple[datetime.date, datetime.date, account.move, fractions.Fraction]|None
        """

    @api.model
    def _is_following(self, event):
        """Return whether a payment is to come, and is what the lines of the order add up to.

        :param billpro.billing.event event: An open payment, or one that is merged into one.
        :rtype: bool
        """
        return False

    @api.model
    def _get_last_due_day(self, order):
        """Return on which day the last payment is due of what is sold once and paid over time.

        :param sale.order order: The order.
        :return: The day, in the customer's calendar; None if what is paid is for periods of its
                 own, or nothing is paid later.
        :rtype: datetime.date|None
        """
        return

    @api.model
    def _get_paid_until(self, order):
        """Return the last day that the customer has paid for.

        :param sale.order order: A live order.
        :rtype: datetime.date
        """
        return order._billing_get_today() - timedelta(days=1)

    @api.model
    def _get_initial_period(self, order):
        """Return what the initial payment of an approved order is for.

        :param sale.order order: The order.
        :return: The first and the last day; no last one if it isn't for a period.
        :rtype: tuple[datetime.date, datetime.date|bool]
        """
        return order.billing_anchor_date, False

    @api.model
    def _prepare_event_after_pause(self, event):
        """Return what changes on a scheduled payment that waited for its order to be resumed.

        :param billpro.billing.event event: The payment.
        :return: The values; None if nothing is left to collect.
        :rtype: dict|None
        """
        return {}

    @api.model
    def _get_first_days_after(self, order, event, day, last_day):
        """Return the first days of the periods from that of a payment on, as they would be charged.

        :param sale.order order: The order.
        :param billpro.billing.event event: The next payment.
        :param datetime.date day: The first day that counts.
        :param datetime.date last_day: The last day that counts.
        :return: The days, the first one first; those of the type's periods, if it has any.
        :rtype: list[datetime.date]
        """
        return []

    @api.model
    def _get_amount_after_pause(self, event, day):
        """Return what is collected of a payment if its order is paused until a day.

        :param billpro.billing.event event: The payment.
        :param datetime.date day: The first day of the period that it is for then.
        :rtype: float
        """
        return event.amount

    @api.model
    def _get_next_first_days(self, order, event, count):
        """Return the first days of the periods from that of a payment on.

        :param sale.order order: The order.
        :param billpro.billing.event event: The payment.
        :param int count: Of how many periods, if it has so many.
        :return: The days, the first one first; those of the type's periods, if it has any.
        :rtype: list[datetime.date]
        """
        return []

    @api.model
    def _create_initial_invoice(self, order):
        """Create the draft invoice of the initial payment.

        :param sale.order order: The confirmed order.
        :return: The invoice; empty if the initial payment bills nothing.
        :rtype: account.move
        """
        return self.env['account.move']

    @api.model
    def _get_day_known_from(self, event):
        """Return the day from which the customer knows a payment: that of the one before it.

        :param billpro.billing.event event: A scheduled payment.
        :return: The day; None if staff scheduled the payment and nobody has told the customer.
        :rtype: datetime.date|None
        """
        order = event.order_id
        earlier = order.billing_event_ids.filtered(
            lambda other: 0 < other.number < event.number
        ).sorted('number')
        if earlier:
            return local_date(earlier[-1].due_date, order._get_time_zone())
        if order.billing_anchor_number:  # Staff moved it, and told the customer.
            return local_date(event.create_date, order._get_time_zone())
        return order.billing_anchor_date - timedelta(days=order.billing_trial_days)

    # === PARTS FOR RECURRING TYPES === #

    @api.model
    def _get_interval_text(self, order):
        """Return the interval of an order or a product in words, such as "every 3 months".

        :param sale.order|product.product order: The order, or the product.
        :return: The words; empty for an order without an interval.
        :rtype: str
        """
        return self._describe_interval(*self._get_interval(order))

    @api.model
    def _get_period_of_line(self, order, line, period):
        """Return the days for which a period charges a line: more, if its interval is longer.

        :param sale.order order: The order.
        :param sale.order.line line: The line.
        :param tuple period: The first and the last day of the period.
        :rtype: tuple[datetime.date, datetime.date]
        """
        return period

    @api.model
    def _get_interval_text_of_line(self, line):
        """Return in words in which interval a line of an order is charged.

        :param sale.order.line line: The line.
        :rtype: str
        """
        times = max(1, line.billing_every_periods)
        return self._describe_interval(
            *multiply_interval(*self._get_interval(line.order_id), times)
        )

    @api.model
    def _describe_interval(self, count, unit):
        """Return an interval in words, such as "every 3 months".

        :param int count: How many units.
        :param str|bool unit: The unit, if there is an interval.
        :return: The words; empty without a unit.
        :rtype: str
        """
        texts = {
            'day': self.env._("one: every day | other: every %(count)s days", count=count),
            'week': self.env._("one: every week | other: every %(count)s weeks", count=count),
            'month': self.env._("one: every month | other: every %(count)s months", count=count),
            'year': self.env._("one: every year | other: every %(count)s years", count=count),
        }
        text = texts.get(unit)
        return choose_plural(self.env, text, count) if text else ''

    @api.model
    def _get_outstanding(self, order):
        """Return the total of the payments that were declined or are overdue.

        :param sale.order order: The order.
        :return: The amount in the currency of the order.
        :rtype: float
        """
        return order.currency_id.round(
            sum(order._billing_get_outstanding_events().mapped('amount'))
        )

    # === CHANGES === #

    @api.model
    def _get_events_invoiced_along(self, events):
        """Return the payments whose draft invoices depend on those of some payments.

        :param billpro.billing.event events: Payments of one order of this type.
        :return: The payments, those that were given included.
        :rtype: billpro.billing.event
        """
        return events

    @api.model
    def _get_amounts_after_change(self, event, amount):
        """Return what the payments of an order are if one of them has another amount.

        :param billpro.billing.event event: The payment.
        :param float amount: Its new amount, in the currency of the order.
        :return: The amounts by payment, the changed one first.
        :rtype: dict
        :raise UserError: If the order leaves no room for it.
        """
        return {event: amount}

    @api.model
    def _can_change_later(self):
        """Return whether the later payments of an order may follow one that is changed.

        :rtype: bool
        """
        return False

    @api.model
    def _check_can_change_later(self, event):
        """Check that the later payments may follow one that is changed.

        :param billpro.billing.event event: The payment that is changed.
        :raise UserError: If they can't.
        """
        if not self._can_change_later() or not event.number:
            raise UserError(
                self.env._(
                    "No later payments can follow payment %s: change each of them.",
                    event.display_name,
                )
            )
        if refusal := event.order_id._billing_get_refusal_with_longer_lines():
            raise UserError(refusal)

    @api.model
    def _change_later(self, event, day=False, amount=False):
        """Let the later payments follow one that was changed.

        :param billpro.billing.event event: The payment that was changed.
        :param datetime.date day: The day it was moved to, if it was.
        :param float amount: The amount it was changed to, if it was.
        """

    @api.model
    def _follow_lines(self, order, kept=None):
        """Let the payments to come follow the lines of a live order, which were changed.

        :param sale.order order: The order.
        :param billpro.billing.event kept: Payments whose amounts stay, if it is about taxes.
        :raise AccessError: If the user may not change them.
        :raise ValidationError: If nothing would be left to collect.
        """

    @api.model
    def _count_anew(self, order, change):
        """Count the periods by another interval, from the first day of a change on.

        :param sale.order order: The order, as superuser; it is locked.
        :param billpro.change change: The change.
        """

    @api.model
    def _follow_interval(self, order, day):
        """Let the payments to come be for the periods as they are counted now.

        :param sale.order order: The order; it is locked.
        :param datetime.date day: The first day of the first period that is counted anew.
        """

    @api.model
    def _follow_price(self, order):
        """Say what becomes of a live order whose lines cost something else than before.

        :param sale.order order: The order.
        :raise AccessError: If the user may not change it.
        """

    @api.model
    def _get_base_fee(self, order, day=None):
        """Return what a period of a live order costs whatever is used, in advance.

        :param sale.order order: The order.
        :param datetime.date|None day: Its first day, if it is to come; else what counts now.
        :return: The amount, taxes included, in the currency of the order; 0 if usage isn't billed.
        :rtype: float
        """
        return 0.0

    # === WHAT IS CHARGED ONCE === #

    @api.model
    def _get_added_amount(self, order, lines, event=None):
        """Return what lines that were added to a live order add to the payment that charges them.

        :param sale.order order: The order.
        :param sale.order.line lines: The lines that were added.
        :param billpro.billing.event event: The payment.
        :return: The amount, taxes included, in the currency of the order.
        :rtype: float
        """
        return order._billing_get_amount_of_lines(lines) if lines else 0.0

    @api.model
    def _check_payment_is_to_come(self, order, lines):
        """Check that another payment will charge what was added.

        :param sale.order order: The order.
        :param sale.order.line lines: What was added.
        :raise ValidationError: If there will be none.
        """

    @api.model
    def _follow_added_lines(self, order, leaves, lines, kept):
        """Let the next payment charge what was added, once, and others follow their added lines.

        :param sale.order order: The order, locked.
        :param billpro.billing.event leaves: Its open payments, those that were merged included.
        :param sale.order.line lines: Lines that no payment charges yet.
        :param billpro.billing.event kept: Payments whose amounts stay.
        :raise AccessError: If the user may not change what the order costs.
        :raise ValidationError: If no payment is to come.
        """
        to_come = leaves.filtered(
            lambda leaf: (
                leaf.status in {'scheduled', 'paused'}
                and leaf not in kept
                and not leaf.first_declined_date
                and not leaf.requested_date
            )
        )
        costly = lines.filtered(lambda line: not order.currency_id.is_zero(line.price_total))
        if costly.filtered(lambda line: not line.is_expense):
            self._check_is_billing_user(order)
        taker = to_come.sorted(lambda event: (event.due_date, event.number))[:1]
        if taker:
            costly.billing_event_id = taker
        elif costly:
            self._check_payment_is_to_come(order, costly)
        for leaf in leaves:
            own_lines = leaf._get_added_lines()
            if not own_lines:
                continue
            added = self._get_added_amount(order, own_lines, leaf)
            if not order.currency_id.compare_amounts(added, leaf.added_amount):
                continue
            self._check_is_billing_user(order)
            amount = leaf.amount
            leaf._set_added_amount(added)
            if leaf not in to_come:  # What is owed already stays.
                leaf.write(
                    {
                        'amount': amount,
                        'adjustment': order.currency_id.round(
                            leaf.adjustment + amount - leaf.amount
                        ),
                    }
                )

    @api.model
    def _check_amounts_left(self, events):
        """Check that payments leave something to collect, whatever was credited.

        :param billpro.billing.event events: Open payments.
        :raise ValidationError: If one doesn't, and isn't free by a discount.
        """
        for event in events:
            left = event.amount + event.credit_amount + event.discount_amount
            if event.currency_id.compare_amounts(left, 0) <= 0:
                raise ValidationError(
                    self.env._(
                        "Payment %(event)s would be %(amount)s: credit less than it is.",
                        event=event.display_name,
                        amount=event.currency_id.format(event.amount),
                    )
                )

    @api.model
    def _check_is_billing_user(self, order):
        """Check that the user may change what an order costs.

        :param sale.order order: The order.
        :raise AccessError: If not.
        """
        is_system = self.env.uid == SUPERUSER_ID  # It follows the books.
        if not is_system and not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(
                self.env._(
                    "Order %s is charged by its lines: only billing users can change what it"
                    " costs.",
                    order.name,
                )
            )

    # === TAXES OF THE BOOKS === #

    @api.model
    def _get_lines_to_tax(self, order):
        """Return the lines that payments to come bill with the taxes of their day.

        :param sale.order order: A live order.
        :rtype: sale.order.line
        """
        return order.order_line.browse()

    @api.model
    def _tax_anew(self, order, lines):
        """Compute lines by the books' taxes, and keep what is agreed to; the order is unlocked.

        :param sale.order order: A live order.
        :param sale.order.line lines: What `_get_lines_to_tax` said.
        """
        lines._billing_keep_prices(order.company_id.billing_tax_change)

    @api.model
    def _keep_amount_shown(self, event):
        """Let a payment be invoiced with the amount that was shown, whatever the books' taxes are.

        :param billpro.billing.event event: A payment whose invoice would have another total.
        :return: Whether nobody has changed the order, and its invoice can have the amount.
        :rtype: bool
        """
        return False

    @api.model
    def _is_changed_since(self, event):
        """Return whether somebody changed an order since the amount of a payment was agreed to.

        :param billpro.billing.event event: A payment of the order.
        :rtype: bool
        """
        if not self._has_total():
            return False
        order = event.order_id
        leaves = order.billing_event_ids.filtered(
            lambda other: other.number and other.status != 'cancelled'
        )
        agreed = self._get_initial_amount(order) + sum(leaves.mapped('amount'))
        return bool(order.currency_id.compare_amounts(agreed, order.amount_total))

    @api.model
    def _describe_difference(self, event, invoiced):
        """Return why a payment's invoice has another total, for staff.

        :param billpro.billing.event event: The payment.
        :param float invoiced: What the invoice would be.
        :rtype: str
        """
        order = event.order_id
        format_amount = order.currency_id.format
        values = {
            'invoiced': format_amount(invoiced),
            'amount': format_amount(event.amount),
            'lines': ', '.join(
                self.env._(
                    "“%(name)s” with %(amount)s",
                    name=(line.name or '').splitlines()[0],
                    amount=format_amount(line.price_total),
                )
                for line in order.order_line
                if not line.display_type and not line.is_downpayment
            ),
        }
        if self._is_changed_since(event):
            return self.env._(
                "Its invoice would be %(invoiced)s instead of %(amount)s: the order was changed"
                " since. Its lines are %(lines)s now. Change them back to collect the payment, or"
                " skip it.",
                **values,
            )
        return self.env._(
            "Its invoice would be %(invoiced)s instead of %(amount)s: not the order, but the taxes"
            " or the rounding of the books were changed. Its lines were %(lines)s.",
            **values,
        )

    @api.model
    def _close_invoices(self, order):
        """Make what the books lack when nothing more is collected for an order.

        :param sale.order order: The order, locked; it may have open payments yet.
        """

    @api.model
    def _get_review_reason(self, order):
        """Return why a person has to review an order.

        :param sale.order order: The order.
        :rtype: str
        """
        return ''

    @api.model
    def _get_income_account(self, order):
        """Return the account of what can't be told apart by product.

        :param sale.order order: The order.
        :rtype: account.account
        """
        lines = order.order_line.filtered(
            lambda line: not line.display_type and not line.is_downpayment
        )
        product = lines[0].product_id.product_tmpl_id.with_company(order.company_id)
        return product.get_product_accounts(fiscal_pos=order.fiscal_position_id)['income']

    @api.model
    def _make_exact(self, order, base_lines, amount):
        """Let the lines of an amount add up to it, whatever Odoo's rounding left or took.

        Odoo fixes what has taxes; of the rest, fractions of cents would add up on the last invoice.

        :param sale.order order: The order.
        :param list[dict] base_lines: What Odoo's tax computation made of the amount; changed.
        :param float amount: The amount, taxes included, in the order's currency; may be negative.
        """
        currency = order.currency_id
        totals = []
        for base_line in base_lines:
            taxes = base_line['manual_tax_amounts']
            if not taxes:
                details = base_line['tax_details']
                base_line['price_unit'] = currency.round(
                    details['total_excluded_currency'] + details['delta_total_excluded_currency']
                )
                totals.append(base_line['price_unit'])
                continue
            totals.append(
                base_line['manual_total_excluded_currency']
                + sum(
                    tax.get('tax_amount_currency', 0.0)
                    for tax_id, tax in taxes.items()
                    # The customer pays no tax that is charged and taken off at once.
                    if not base_line['tax_ids']
                    .flatten_taxes_hierarchy()
                    .browse(int(tax_id))
                    .has_negative_factor
                )
            )
        rounding = currency.round(amount - sum(totals))
        if not rounding or abs(rounding) > len(base_lines) * 2 * currency.rounding:
            return
        _total, largest = max(zip(totals, base_lines, strict=True), key=lambda pair: abs(pair[0]))
        if not largest['manual_tax_amounts']:
            largest['price_unit'] = currency.round(largest['price_unit'] + rounding)
            return
        largest['manual_total_excluded_currency'] += rounding
        largest['manual_total_excluded'] += order.company_id.currency_id.round(
            rounding / (largest['rate'] or 1.0)
        )

    @api.model
    def _prepare_adjustment_lines(self, order, lines, amount, label):
        """Return the commands that add an amount to an invoice, with its part of each tax.

        :param sale.order order: The order.
        :param sale.order.line lines: The lines whose taxes and accounts it has in proportion.
        :param float amount: The total to add, taxes included, in the currency of the order;
                             negative to take it off.
        :param str label: What the invoice says about it.
        :rtype: list
        """
        AccountTax = self.env['account.tax']
        base_lines = [line._prepare_base_line_for_taxes_computation() for line in lines]
        AccountTax._add_tax_details_in_base_lines(base_lines, order.company_id)
        AccountTax._round_base_lines_tax_details(base_lines, order.company_id)
        adjustment_lines = AccountTax._prepare_down_payment_lines(
            base_lines=base_lines,
            company=order.company_id,
            amount_type='fixed',
            amount=amount,
            computation_key=f'billing_adjustment,{order.id},{amount}',
        )
        self._make_exact(order, adjustment_lines, amount)
        account = self._get_income_account(order)
        return [
            fields.Command.create(
                {
                    'name': label,
                    'quantity': 1.0,
                    'price_unit': base_line['price_unit'],
                    'account_id': (base_line['account_id'] or account).id,
                    'tax_ids': [fields.Command.set(base_line['tax_ids'].ids)],
                    'analytic_distribution': base_line['analytic_distribution'],
                    'extra_tax_data': AccountTax._export_base_line_extra_tax_data(base_line),
                }
            )
            for base_line in adjustment_lines
        ]
