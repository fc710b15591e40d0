from decimal import Decimal
from fractions import Fraction

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, formatLang

from ...billing.proration import get_percentage
from ..lifecycle.plurals import choose_plural

ALL_OF_IT = 100
MOST_PAYMENTS = 120
# How many payments are shown before anybody agrees, if there are more.
SHOWN_PAYMENTS = 12


class BillproDiscount(models.Model):
    """A discount on the next payments of a live subscription, down to free ones.

    It is a part of what each period costs by then, whatever that is, and ends by itself when so
    many payments have had it: those that are skipped or cancelled leave it to the next ones.
    """

    _name = 'billpro.discount'
    _description = "Discount on Some Payments"

    _order = 'id desc'
    _check_company_auto = True
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id', store=True)
    percent = fields.Float(
        digits=(5, 2), required=True, readonly=True, help="100: the payments are free."
    )
    count = fields.Integer(string="Payments", required=True, readonly=True)
    event_ids = fields.One2many(
        string="Payments with It",
        comodel_name='billpro.billing.event',
        inverse_name='discount_id',
        readonly=True,
    )
    left = fields.Integer(
        compute='_compute_left',
        compute_sudo=True,
        help="How many payments will have it that aren't collected yet.",
    )
    taken_back_date = fields.Datetime(string="Taken Back", readonly=True)
    can_take_back = fields.Boolean(compute='_compute_can_take_back', compute_sudo=True)
    reason_id = fields.Many2one(
        string="Offered for",
        comodel_name='billpro.cancel.reason',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
        help="The reason to leave for which the customer was offered it, and took it.",
    )
    agreed_terms = fields.Text(readonly=True, help="What was shown and agreed to.")

    @api.depends('percent', 'count')
    def _compute_display_name(self):
        for discount in self:
            discount.display_name = discount._describe(discount.count)

    @api.depends('count', 'taken_back_date', 'event_ids.status', 'event_ids.merged_into_id.status')
    def _compute_left(self):
        for discount in self:
            to_come = discount.event_ids.filtered(lambda event: event._is_to_come())
            discount.left = discount._get_free_count() + len(to_come)

    @api.depends('left')
    def _compute_can_take_back(self):
        for discount in self:
            discount.can_take_back = bool(discount._get_free_count() or discount._get_takers())

    def _get_takers(self):
        """Return the payments to come that have it, and whose amount nobody was told yet.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        takers = self.order_id._billing_get_discount_takers().filtered(
            lambda event: event.discount_id == self
        )
        return takers - self.order_id._billing_get_announced_events()

    def _get_free_count(self):
        """Return how many payments may have it that don't exist yet.

        :rtype: int
        """
        self.ensure_one()
        if self.taken_back_date:
            return 0
        taken = self.event_ids.filtered(lambda event: event.status not in {'skipped', 'cancelled'})
        return max(0, self.count - len(taken))

    # === WORDS === #

    def _get_percent_text(self):
        digits = 0 if self.percent == int(self.percent) else 2
        return formatLang(self.env, self.percent, digits=digits)

    def _describe(self, count=None):
        """Return what it is, such as a part of the next three payments.

        :param int count: Of how many payments; of those that are left if not given.
        :rtype: str
        """
        self.ensure_one()
        count = self.left if count is None else count
        if self.percent == ALL_OF_IT:
            text = self.env._(
                "one: The next payment is free | other: The next %(count)s payments are free",
                count=count,
            )
        else:
            text = self.env._(
                "one: %(percent)s%% off the next payment |"
                " other: %(percent)s%% off the next %(count)s payments",
                percent=self._get_percent_text(),
                count=count,
            )
        return choose_plural(self.env, text, count)

    def _describe_of_payment(self):
        """Return what it is for a payment.

        :rtype: str
        """
        self.ensure_one()
        if self.percent == ALL_OF_IT:
            return self.env._("free")
        return self.env._("%s%% discount", self._get_percent_text())

    def _describe_on_invoice(self, event):
        """Return what the invoice of a payment says of it.

        :param billpro.billing.event event: The payment.
        :rtype: str
        """
        self.ensure_one()
        taken = self.event_ids.filtered(lambda other: other.status not in {'skipped', 'cancelled'})
        return self.env._(
            "%(percent)s%% discount, payment %(number)s of %(count)s",
            percent=self._get_percent_text(),
            number=len(taken.filtered(lambda other: other.number <= event.number)),
            count=self.count,
        )

    # === WHAT IT COMES TO === #

    def _get_amount_off(self, amount):
        """Return what it takes off what a period costs.

        :param float amount: What the period costs, taxes included.
        :rtype: float
        """
        if not self:
            return 0.0
        percent, coin = (Decimal(repr(n)) for n in (self.percent, self.currency_id.rounding))
        return float(get_percentage(Fraction(f'{amount:.10f}'), percent, coin))

    @api.model
    def _propose(self, order, percent, count):
        """Return a discount that nobody has agreed to yet.

        :param sale.order order: The order.
        :param float percent: How much of each payment.
        :param int count: Of how many payments.
        :rtype: billpro.discount
        :raise UserError: If it isn't possible.
        """
        if refusal := order._billing_get_refusal_of_discount():
            raise UserError(refusal)
        if not 0 < percent <= ALL_OF_IT or not 0 < count <= MOST_PAYMENTS:
            raise UserError(
                self.env._(
                    "Enter more than 0 and at most 100 percent, and 1 to %s payments.",
                    MOST_PAYMENTS,
                )
            )
        discount = self.new({'order_id': order.id, 'percent': percent, 'count': count})
        provider = order.billing_token_id.provider_id
        for _day, _before, amount in discount._get_payments():
            compared = order.currency_id.compare_amounts(amount, 0)
            if compared < 0:
                raise UserError(
                    self.env._("What is credited with the next payment is more than that would be.")
                )
            if provider and compared > 0:
                refusal = provider._in_billing()._find_amount_refusal(amount, order.currency_id)
                if refusal:
                    raise UserError(refusal)
        return discount

    def _get_prices(self):
        """Return what is to be paid without it: by each payment that has it, and the one after.

        :return: The day, the amount, and what is charged once besides; none after the end.
        :rtype: list[tuple[datetime.date, float, float]]
        """
        self.ensure_one()
        order = self.order_id._origin
        purchase, takers = order._get_purchase(), order._billing_get_discount_takers()
        prices = [
            (
                order._billing_get_date(event.due_date),
                event._get_amount_before_discount(),
                event.added_amount,
            )
            for event in takers
        ]
        amount = purchase._get_later_amounts(order)[0]
        for day in purchase._get_next_first_days(order, takers[-1], self.count + 1)[1:]:
            planned = not order.billing_period_amount and order._billing_get_planned_amount(day)
            prices.append((day, planned or amount, 0.0))
        return prices[: self.count + 1]

    def _get_payments(self):
        """Return the payments that would have it: the day, the amount without it, and with it.

        :rtype: list[tuple[datetime.date, float, float]]
        """
        order = self.order_id._origin
        left = order._billing_get_credit_to_use()[1]
        payments = []
        for day, amount, added in self._get_prices()[: self.count]:
            due = amount - self._get_amount_off(amount) + added
            credit = order._billing_get_credit_for(due, left) if left and due > 0 else 0.0
            left -= credit
            payments.append((day, amount + added, order.currency_id.round(due - credit)))
        return payments

    def _get_rows(self):
        """Return what is shown before anybody agrees, as pairs of label and value.

        :rtype: list[tuple[str, str]]
        """
        self.ensure_one()
        env = self.env
        format_amount = self.currency_id.with_env(env).format
        payments = self._get_payments()
        rows = [(env._("Discount"), self._describe(self.count))]
        rows += [
            (
                env._("Payment on %s", format_date(env, day, date_format='long')),
                env._(
                    "%(amount)s instead of %(before)s",
                    amount=format_amount(amount),
                    before=format_amount(before),
                ),
            )
            for day, before, amount in payments[:SHOWN_PAYMENTS]
        ]
        if len(payments) > SHOWN_PAYMENTS:
            last_day = format_date(env, payments[-1][0], date_format='long')
            rows.append((env._("The last payment with it"), last_day))
        rows.append((env._("After that"), self._get_text_after()))
        return rows

    def _get_text_after(self):
        """Return what is paid when it has ended.

        :rtype: str
        """
        order = self.order_id._origin
        after = self._get_prices()[self.count :]
        if not after:
            return self.env._("Nothing more is to be paid.")
        day, amount, _added = after[0]
        return self.env._(
            "%(amount)s %(interval)s from %(day)s on",
            amount=order.currency_id.with_env(self.env).format(amount),
            interval=order._get_purchase()
            .with_env(self.env)
            ._get_interval_text(order.with_env(self.env)),
            day=format_date(self.env, day, date_format='long'),
        )

    # === ITS COURSE === #

    def _tell(self):
        """Log that it was given, and tell the customer."""
        self.ensure_one()
        order = self.order_id
        order._message_log(
            body=self.env._("Discount given: %s", self.display_name)
            if not self.reason_id
            else self.env._(
                "The customer took the offer for “%(reason)s”: %(discount)s",
                reason=self.reason_id.name,
                discount=self.display_name,
            )
        )
        discount = self.with_context(lang=order._get_payment_contact().lang)
        after = discount.env._("After that: %s", discount._get_text_after().rstrip('.'))
        text = f'{discount._describe(self.count)}. {after}.'
        order._billing_get_discount_takers()[0]._announce_change(text)

    def _take_back(self):
        """Let payments to come cost what they do without it, but for those that were announced.

        :raise UserError: If none of them is left.
        """
        self.ensure_one()
        order = self.order_id
        order._lock_billing()
        if not self.can_take_back:
            raise UserError(
                self.env._("No payment is left that has it, and whose amount nobody was told yet.")
            )
        order._billing_withdraw_unsent_attempts()
        takers = self._get_takers()
        old_amounts = {event: event.amount for event in takers}
        self.taken_back_date = fields.Datetime.now()
        takers._set_discount(self.browse())
        order._billing_use_credit()
        order._message_log(body=self.env._("Discount taken back: %s", self.display_name))
        env = order.with_context(lang=order._get_payment_contact().lang).env
        texts = [env._("Your discount was taken back.")]
        for event in takers[:1]:
            change = (order._billing_get_date(event.due_date), old_amounts[event], False, {})
            texts.append(event._describe_change_to_customer(env, *change))
        told = takers[:1] or order.billing_event_ids.sorted('number')[-1]
        told._announce_change(' '.join(texts))

    def action_take_back(self):
        """Take the discount back, for staff.

        :raise AccessError: If the user may not.
        :raise UserError: If it has ended.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        self.sudo()._take_back()
