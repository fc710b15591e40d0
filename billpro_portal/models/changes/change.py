from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tools import format_date, formatLang

from ...billing.calendar import nth_date
from ...billing.lifecycle import LIVE, OPEN, PAID
from ...billing.proration import Billed, Span, settle
from ..lifecycle.product_template import INTERVAL_UNITS
from ..rights.own_context import INSIDE

# How long what a change costs may wait to be sent.
TIME_TO_COLLECT = timedelta(hours=1)
# How long the customer's bank may wait for the customer.
TIME_TO_CONFIRM = timedelta(days=1)


class BillproChange(models.Model):
    """A change of a line of a live subscription: another product of its family, or another number.

    An add-on has a line with the number 0 before it is added, and after it is dropped.

    Within a paid period the days that are left are credited as they were billed, and charged at
    the new price. If more is to be paid, nothing changes before a payment of its own is collected:
    it is opened, charged and booked as any other, and given up when it is declined. If more is
    credited, the payments to come use up a credit note. What is planned for the end of the period
    is carried out before the first payment that it counts for is charged.

    A product of the family may recur at another interval. At once, a whole period of it begins with
    today, and is charged; at the end of the period it begins with the next one. Later periods are
    counted from that day on.
    """

    _name = 'billpro.change'
    _description = "Change of a Subscription"

    _order = 'id desc'
    _check_company_auto = True
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id', store=True)
    line_id = fields.Many2one(
        comodel_name='sale.order.line', required=True, readonly=True, ondelete='cascade'
    )
    old_product_id = fields.Many2one(
        string="From", comodel_name='product.product', required=True, readonly=True
    )
    old_quantity = fields.Float(string="Quantity Before", digits='Product Unit', readonly=True)
    product_id = fields.Many2one(
        string="To", comodel_name='product.product', required=True, readonly=True
    )
    quantity = fields.Float(digits='Product Unit', readonly=True)
    price_unit = fields.Float(string="Unit Price", readonly=True)
    old_price_unit = fields.Float(
        string="Unit Price Before", readonly=True, help="Where only the price becomes another one."
    )
    increase_id = fields.Many2one(
        string="Price Increase",
        comodel_name='billpro.price.increase.order',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
        help="Only the price becomes another one, by an increase for many orders.",
    )
    discount = fields.Float(string="Discount (%)", readonly=True)
    when = fields.Selection(
        selection=[('now', "At once"), ('period_end', "When the period ends")],
        required=True,
        readonly=True,
    )
    state = fields.Selection(
        string="Status",
        selection=[
            ('under_way', "Under way"),
            ('planned', "Planned"),
            ('done', "Done"),
            ('declined', "Declined"),
            ('taken_back', "Taken back"),
            ('overtaken', "Overtaken"),
        ],
        default='under_way',
        required=True,
        readonly=True,
    )
    first_day = fields.Date(string="Counts From", required=True, readonly=True)
    last_day = fields.Date(
        string="Charged Until",
        readonly=True,
        help="The last day of the paid period that it was settled for, if there was one; of the"
        " one that it began, if it brought another interval.",
    )
    credited_until = fields.Date(
        readonly=True, help="The last day that was billed before, if a new period is charged."
    )
    invoice_id = fields.Many2one(
        string="Credited Invoice",
        comodel_name='account.move',
        readonly=True,
        index='btree_not_null',
        check_company=True,
        help="It bills the paid period that it was settled for.",
    )
    interval_count = fields.Integer(string="Every", readonly=True)
    interval_unit = fields.Selection(
        string="Interval",
        selection=INTERVAL_UNITS,
        readonly=True,
        help="Empty if the subscription recurs as before.",
    )
    old_interval_count = fields.Integer(readonly=True)
    old_interval_unit = fields.Selection(selection=INTERVAL_UNITS, readonly=True)
    period_number = fields.Integer(
        readonly=True, help="The number of the period that it began, as payments have one."
    )
    # Reports look for the few among all changes.
    _interval_idx = models.Index("(order_id) WHERE interval_unit IS NOT NULL")
    credit = fields.Monetary(
        readonly=True, help="For the days that were billed and are left, as prices are entered."
    )
    charge = fields.Monetary(
        readonly=True, help="For the same days at the new price, as prices are entered."
    )
    credit_tax_ids = fields.Many2many(
        comodel_name='account.tax', relation='billpro_change_credit_tax_rel', readonly=True
    )
    tax_ids = fields.Many2many(
        comodel_name='account.tax', relation='billpro_change_tax_rel', readonly=True
    )
    amount = fields.Monetary(
        string="Charged at Once",
        readonly=True,
        help="Taxes included; less than zero if it is credited with the next payments.",
    )
    period_net = fields.Monetary(
        readonly=True, help="What a whole period costs from then on, without taxes."
    )
    agreed_terms = fields.Text(readonly=True, help="What was shown and agreed to.")
    event_ids = fields.One2many(
        string="Payment",
        comodel_name='billpro.billing.event',
        inverse_name='change_id',
        readonly=True,
    )
    can_take_back = fields.Boolean(compute='_compute_can_take_back')
    credit_note_id = fields.Many2one(
        comodel_name='account.move', readonly=True, index='btree_not_null', check_company=True
    )

    @api.depends('old_product_id', 'product_id', 'old_quantity', 'quantity', 'price_unit')
    def _compute_display_name(self):
        for change in self:
            change.display_name = change._describe()

    @api.depends('state', 'event_ids.status')
    def _compute_can_take_back(self):
        for change in self:
            change.can_take_back = change.state == 'planned' or change._is_waiting()

    def _is_waiting(self):
        """Return whether the customer's bank waits for the customer to confirm its payment.

        :rtype: bool
        """
        self.ensure_one()
        return self.state == 'under_way' and self.event_ids.status == 'action_required'

    def _describe(self):
        """Return what is changed, such as two of one plan to one of another.

        :rtype: str
        """
        self.ensure_one()
        if self.increase_id:
            price = self.env['sale.order']._billing_format_unit_price
            return self.env._(
                "%(product)s: %(old)s → %(new)s",
                product=self.product_id.display_name,
                old=price(self.old_price_unit, self.currency_id),
                new=price(self.price_unit, self.currency_id),
            )
        digits = self.env['decimal.precision'].precision_get('Product Unit')
        before, after = (
            f'{formatLang(self.env, quantity, digits=0 if quantity == int(quantity) else digits)}'
            f' × {product.display_name}'
            for product, quantity in (
                (self.old_product_id, self.old_quantity),
                (self.product_id, self.quantity),
            )
        )
        if not self.old_quantity:
            return self.env._("%s (new)", after)
        return f'{before} → {after}' if self.quantity else self.env._("%s (ends)", before)

    # === WHAT IT COMES TO === #

    @api.model
    def _propose(self, order, line, product, quantity, when):
        """Return the values of a change that nobody has agreed to yet.

        :param sale.order order: The order.
        :param sale.order.line line: The line; none if the product is an add-on.
        :param product.product product: What it is to be.
        :param float quantity: How many.
        :param str when: `now` or `period_end`.
        :rtype: dict
        :raise UserError: If it isn't possible.
        """
        self._check_choice(order, line, product, quantity, when)
        values = {
            'order_id': order.id,
            'line_id': line.id,
            'old_product_id': (line.product_id or product).id,
            'old_quantity': line.product_uom_qty,
            'product_id': product.id,
            'quantity': quantity,
            'when': when,
            'credit': 0.0,
            'charge': 0.0,
            'credit_tax_ids': [],
            **self._get_price(order, line, product, quantity),
            **self._get_intervals(order, line, product),
        }
        values.update(
            self._settle_paid_period(order, values)
            if when == 'now'
            else {'first_day': order._billing_get_next_period_event().period_start}
        )
        change = self.new(values)
        values['amount'] = change._get_totals()[1]
        values['period_net'] = change._get_period_totals()[0]
        change.update({name: values[name] for name in ('amount', 'period_net')})
        change._check_amounts()
        return values

    @api.model
    def _check_choice(self, order, line, product, quantity, when):
        """Check that a line can be changed to what was chosen.

        :param sale.order order: The order.
        :param sale.order.line line: The line; none if the product is an add-on.
        :param product.product product: What it is to be.
        :param float quantity: How many.
        :param str when: `now` or `period_end`.
        :raise UserError: If not.
        """
        if refusal := order._billing_get_refusal_to_change(when):
            raise UserError(refusal)
        lines = order._billing_get_plan_lines()
        # The last line is not dropped: the subscription is cancelled then.
        may_drop = line and lines - line
        if (line and line not in lines) or quantity < 0 or (not quantity and not may_drop):
            raise UserError(self.env._("Choose a line of the subscription and a quantity."))
        planned = order._billing_get_planned_change().filtered(
            lambda change: (change.line_id == line) if line else change.product_id == product
        )
        if planned:
            raise UserError(
                self.env._("Take back the change that is planned first: %s.", planned._describe())
            )
        if not line:
            order._billing_check_addon(product)
            return
        if product not in order._billing_get_plans(line):
            raise UserError(
                self.env._(
                    "“%(new)s” isn't of the plan family of “%(old)s”.",
                    new=product.display_name,
                    old=line.product_id.display_name,
                )
            )
        if product == line.product_id and quantity == line.product_uom_qty:
            raise UserError(self.env._("Choose another plan, or another quantity."))
        if self._get_intervals(order, line, product) and (
            refusal := order._billing_get_refusal_to_count_anew(when)
        ):
            raise UserError(refusal)

    @api.model
    def _get_intervals(self, order, line, product):
        """Return the new interval of the subscription and its present one, if they differ.

        :param sale.order order: The order.
        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :rtype: dict
        """
        if product == line.product_id or order._billing_keeps_interval(product):
            return {}
        return {
            'interval_count': product.billing_interval_count,
            'interval_unit': product.billing_interval_unit,
            'old_interval_count': order.billing_interval_count,
            'old_interval_unit': order.billing_interval_unit,
        }

    @api.model
    def _get_new_period(self, values, day):
        """Return the period that another interval begins with a day.

        :param dict values: The values of the change.
        :param datetime.date day: The day.
        :return: The period; None if the interval stays.
        :rtype: Span|None
        """
        if not values.get('interval_unit'):
            return None
        interval = values['interval_count'], values['interval_unit']
        return Span(day, nth_date(day, *interval, 1) - timedelta(days=1))

    @api.model
    def _get_price(self, order, line, product, quantity):
        """Return what a line costs as another product; its own price stays with its quantity.

        What was dropped costs today's price again.

        :param sale.order order: The order.
        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :param float quantity: How many.
        :return: Unit price, discount and taxes.
        :rtype: dict
        """
        if product == line.product_id and line.product_uom_qty:
            return {
                'price_unit': line.price_unit,
                'discount': line.discount,
                'tax_ids': [Command.set(line.tax_ids.ids)],
            }
        draft = order.new(origin=order)
        draft.date_order = fields.Datetime.now()  # Today's prices.
        new_line = self.env['sale.order.line'].new(
            {'order_id': draft, 'product_id': product.id, 'product_uom_qty': quantity}
        )
        return {
            'price_unit': new_line.price_unit,
            'discount': new_line.discount,
            'tax_ids': [Command.set(new_line.tax_ids.ids)],
        }

    @api.model
    def _settle_paid_period(self, order, values):
        """Return what is credited and charged for the days that are left of the paid period.

        In a trial nothing is.

        :param sale.order order: The order.
        :param dict values: The values of the change so far.
        :rtype: dict
        :raise UserError: If no paid period has today in it.
        """
        today = order._billing_get_today()
        if order._billing_is_in_trial():
            return {'first_day': today, 'last_day': False}
        found = order._get_purchase()._find_paid_period(order, today)
        # What a change has cost may have been taken back by the bank.
        if not found or not all(
            change._is_paid() for change in self._find_settled(order, found[0])
        ):
            raise UserError(
                self.env._("No paid period has today in it. Change it at the end of the period.")
            )
        first_day, last_day, invoice, share = found
        line = self.env['sale.order.line'].browse(values['line_id'])
        period = Span(first_day, last_day)
        billed, taxes = self._get_billed(order, line, period, invoice, share)
        price = values['price_unit'] * values['quantity'] * (1 - values['discount'] / 100)
        coin = Decimal(repr(order.currency_id.rounding))
        # A discount of the period is one of what is charged for the rest of it, too; and a price
        # is one of a full period.
        new_period = self._get_new_period(values, today)
        part = 1 if new_period else order._billing_get_part_of_price(first_day, period.days)
        terms = billed, self._to_fraction(price) * part, period, today, coin
        settled = settle(*terms, new_period=new_period)
        result = {
            'first_day': today,
            'last_day': new_period.last if new_period else last_day,
            'credited_until': last_day if new_period else False,
            'invoice_id': invoice.id,
            'credit': float(settled.credit),
            'credit_tax_ids': [Command.set(taxes.ids)],
            'charge': float(settled.charge),
        }
        paid = self._get_paid(order, first_day, invoice)
        limit = self._get_credit_limit({**values, **result}, paid, coin)
        if limit is not None:
            result['credit'] = float(settle(*terms, limit).credit)
        return result

    @api.model
    def _get_credit_limit(self, values, paid, coin):
        """Return what can be credited if less is paid than would be: what was refunded isn't.

        :param dict values: The values of the change.
        :param float paid: What is paid for the period and was not given back, taxes included.
        :param Decimal coin: The smallest amount of the currency.
        :return: The limit, as prices are entered; None if all of it is paid.
        :rtype: Decimal|None
        """
        change = self.new({**values, 'charge': 0.0})
        credited = -change._get_totals()[1]
        if change.currency_id.compare_amounts(credited, paid) <= 0:
            return None
        # What is paid has taxes in it, which the credit may not have.
        part = self._to_fraction(max(0.0, paid)) / self._to_fraction(credited)
        return coin * int(self._to_fraction(values['credit']) * part / Fraction(coin))

    @api.model
    def _to_fraction(self, amount):
        """Return an amount of Odoo's as what it says in decimals."""
        return Fraction(f'{amount:.10f}')

    @api.model
    def _get_billed(self, order, line, period, invoice, share):
        """Return what was billed last for a line in a paid period, as prices are entered.

        :param sale.order order: The order.
        :param sale.order.line line: The line.
        :param Span period: The period.
        :param account.move invoice: Its invoice.
        :param Fraction share: What staff left of the amount.
        :return: What was billed, and its taxes.
        :rtype: tuple[Billed, account.tax]
        """
        if not line.product_uom_qty:  # It isn't there yet.
            return Billed(Fraction(0), period), line.tax_ids
        last = self._find_last(line, period.first)
        if last:
            span = Span(last.first_day, min(last.last_day, period.last))
            return Billed(self._to_fraction(last.charge), span), last.tax_ids
        same = order._billing_get_plan_lines().filtered(lambda o: o.product_id == line.product_id)
        billed = invoice.invoice_line_ids.filtered(
            lambda invoice_line: invoice_line.product_id == line.product_id
        ).sorted(lambda invoice_line: (invoice_line.sequence, invoice_line.id))[-len(same) :]
        found = billed[same.ids.index(line.id)] if len(billed) == len(same) else None
        if found:
            amount = found.price_unit * found.quantity * (1 - found.discount / 100)
            return Billed(self._to_fraction(amount) * share, period), found.tax_ids
        amount = line.price_unit * line.product_uom_qty * (1 - line.discount / 100)
        return Billed(self._to_fraction(amount) * share, period), line.tax_ids

    @api.model
    def _find_settled(self, order, first_day):
        """Return the changes that were settled within the running paid period, the last one first.

        Its last day may be another one since: staff move payments. What was changed on the day on
        which another interval began, and before that, was credited with the period before.

        :param sale.order order: The order.
        :param datetime.date first_day: The first day of the period.
        :rtype: billpro.change
        """
        restart = order._billing_get_restart()
        return order.billing_change_ids.filtered(
            lambda change: (
                change.state == 'done'
                and change.last_day
                and change.first_day >= first_day
                and (not restart or change.id >= restart.id)
            )
        )

    def _is_paid(self):
        """Return whether what it has cost is paid, by itself or along with other payments.

        :rtype: bool
        """
        self.ensure_one()
        paid = self.order_id.billing_event_ids.filtered(lambda event: event.status in PAID)
        return self.event_ids <= paid._get_leaves()

    @api.model
    def _find_last(self, line, first_day):
        """Return the last change of a line within a paid period, which billed what is left of it.

        :param sale.order.line line: The line.
        :param datetime.date first_day: The first day of the period.
        :rtype: billpro.change
        """
        settled = self._find_settled(line.order_id, first_day)
        return settled.filtered(lambda change: change.line_id == line)[:1]

    @api.model
    def _get_paid(self, order, first_day, invoice):
        """Return what is paid for a period and was not given back, taxes included.

        :param sale.order order: The order.
        :param datetime.date first_day: The first day of the period.
        :param account.move invoice: Its invoice.
        :rtype: float
        """
        settled = self._find_settled(order, first_day)
        restart = order._billing_get_restart() & settled
        invoices = (settled - restart).event_ids.invoice_id
        paid = sum(invoices.mapped('amount_total'))
        invoices |= invoice | restart.invoice_id
        notes = invoices.reversal_move_ids.filtered(lambda move: move.state == 'posted')
        if restart:
            # Its charge is paid by what was credited, too; what was given back before isn't of it.
            document = restart.event_ids.invoice_id | restart.credit_note_id
            paid += restart._get_charged_total()
            notes = notes.filtered(lambda move: move.id > document.id)
        else:
            paid += invoice.amount_total
        return order.currency_id.round(paid - sum(notes.mapped('amount_total')))

    def _get_line(self):
        """Return the line; one that isn't of the order if an add-on has none yet.

        :rtype: sale.order.line
        """
        self.ensure_one()
        order = self.order_id._origin
        return self.line_id._origin or self.env['sale.order.line'].new(
            {
                'order_id': order.new(origin=order),
                'product_id': self.product_id._origin.id,
                'product_uom_qty': 0,
            }
        )

    def _get_base_lines(self):
        """Return the credit and the charge for Odoo's computation of taxes.

        :rtype: list[dict]
        """
        self.ensure_one()
        line = self._get_line()
        return [
            line._prepare_base_line_for_taxes_computation(
                product_id=product,
                quantity=sign,
                price_unit=amount,
                discount=0.0,
                tax_ids=taxes._origin,
            )
            for product, sign, amount, taxes in (
                (self.old_product_id._origin, -1, self.credit, self.credit_tax_ids),
                (self.product_id._origin, 1, self.charge, self.tax_ids),
            )
            if not self.currency_id.is_zero(amount)
        ]

    def _get_totals(self):
        """Return what is charged at once, without and with taxes; less than zero is a credit.

        :rtype: tuple[float, float]
        """
        return self.order_id._origin._billing_get_totals_of(self._get_base_lines())

    def _get_charged_total(self):
        """Return what the new price comes to, taxes included, before anything is credited.

        :rtype: float
        """
        self.ensure_one()
        lines = [line for line in self._get_base_lines() if line['quantity'] > 0]
        return self.order_id._billing_get_totals_of(lines)[1]

    def _get_period_totals(self):
        """Return what a whole period costs from then on, without and with taxes.

        :rtype: tuple[float, float]
        """
        self.ensure_one()
        order, planned = self.order_id._origin, self.browse()
        if self.first_day:
            planned = order._billing_get_planned_changes_on(self.first_day)
        return (planned + self)._get_totals_together(order)

    def _get_totals_together(self, order):
        """Return what a period of an order costs that all of the changes count for.

        :param sale.order order: The order, also if nothing of it is changed.
        :return: Without and with taxes.
        :rtype: tuple[float, float]
        """
        terms = {line: {} for line in order._get_purchase()._get_lines_with_price(order)}
        for change in self:
            line = change._get_line()
            if line in terms or not change.line_id:
                terms[line] = {**terms.get(line, {}), **change._get_new_terms(terms.get(line, {}))}
        return order._billing_get_totals_of(
            [line._prepare_base_line_for_taxes_computation(**new) for line, new in terms.items()]
        )

    def _get_new_terms(self, terms):
        """Return what a line is from then on, for Odoo's computation of taxes.

        :param dict terms: What it is by then, where that differs from now.
        :rtype: dict
        """
        self.ensure_one()
        product = self.product_id._origin
        is_replaced = product != terms.get('product_id', self.line_id._origin.product_id)
        if self.old_price_unit:
            # Staff may have raised it meanwhile, by more.
            is_lower = self.price_unit <= terms.get('price_unit', self.line_id._origin.price_unit)
            return {} if is_replaced or is_lower else {'price_unit': self.price_unit}
        new = {'product_id': product, 'quantity': self.quantity}
        if is_replaced or not self.old_quantity:
            new.update(
                price_unit=self.price_unit, discount=self.discount, tax_ids=self.tax_ids._origin
            )
        return new

    def _check_amounts(self):
        """Check that what it comes to can be collected.

        :raise UserError: If not.
        """
        self.ensure_one()
        order, currency = self.order_id._origin, self.currency_id
        period_amount = self._get_period_totals()[1]
        # All that is planned may drop what is left.
        later_amount = (order._billing_get_planned_change() + self)._get_totals_together(order)[1]
        order._billing_check_recurs(min(period_amount, later_amount))
        provider = order.billing_token_id.provider_id
        for amount in (self.amount, period_amount, later_amount):
            if provider and currency.compare_amounts(amount, 0) > 0:
                refusal = provider._in_billing()._find_amount_refusal(amount, currency)
                if refusal:
                    raise UserError(refusal)

    # === WHAT IS SHOWN === #

    def _get_rows(self):
        """Return what is shown before anybody agrees, as pairs of label and value.

        :rtype: list[tuple[str, str]]
        """
        self.ensure_one()
        env, order = self.env, self.order_id._origin
        format_amount = order.currency_id.with_env(env).format
        rows = [
            (env._("Change"), self._describe()),
            (env._("From"), format_date(env, self.first_day, date_format='long')),
        ]
        if self.last_day:
            credited, charged = (
                env._(
                    "%(start)s to %(end)s",
                    start=format_date(env, self.first_day, date_format='long'),
                    end=format_date(env, last_day, date_format='long'),
                )
                for last_day in (self.credited_until or self.last_day, self.last_day)
            )
            untaxed, total = self._get_totals()
            if self.old_quantity:
                rows.append((env._("Credit, %s", credited), format_amount(-self.credit)))
            if self.quantity:
                rows.append((env._("Charge, %s", charged), format_amount(self.charge)))
            rows += [
                (env._("Tax on the difference"), format_amount(total - untaxed)),
                (env._("Charged today"), format_amount(max(0.0, self.amount))),
            ]
            if self.amount < 0:
                rows.append((env._("Credited with the next payments"), format_amount(-self.amount)))
        elif self.when == 'now':
            rows.append((env._("Charged today"), format_amount(0)))
        return rows + self._get_rows_of_next_payments()

    def _get_rows_of_next_payments(self):
        """Return what is paid next, and then, as pairs of label and value.

        :rtype: list[tuple[str, str]]
        """
        env, order = self.env, self.order_id._origin
        format_amount = order.currency_id.with_env(env).format
        event, day = order._billing_get_next_period_event(), False
        last = max(self.first_day, event.period_start) if event else self.first_day
        all_planned = order._billing_get_planned_changes_on(last)
        total, purchase = (all_planned + self)._get_totals_together(order)[1], order._get_purchase()
        rows, paid_with = [], self.product_id._origin if self.interval_unit else order
        if self.credited_until:
            day = self.last_day + timedelta(days=1)
            if order.billing_end_date and day > order.billing_end_date:
                return [(env._("After that"), env._("Nothing more is to be paid."))]
        if event:
            amount = event.amount + event.credit_amount
            if purchase._is_following(event):
                planned = order._billing_get_planned_changes_on(event.period_start)
                amount = (planned + self)._get_totals_together(order)[1]
                amount = event._get_short_price(amount)
                amount -= order._billing_prepare_discount(amount, event)['discount_amount']
                amount += event.added_amount
            takers, left = order._billing_get_credit_to_use()
            credit = event.credit_amount
            if event in takers:
                credit = order._billing_get_credit_for(amount, left + max(0.0, -self.amount))
            day_text = (
                format_date(env, day, date_format='long')
                if day
                else order.with_env(env)._get_due_date_text(event)
            )
            rows.append((env._("Payment on %s", day_text), format_amount(amount - credit)))
        if discount := order._billing_get_running_discount():
            rows.append((env._("Discount"), discount.with_env(env)._describe()))
        interval = purchase.with_env(env)._get_interval_text(paid_with.with_env(env))
        rows.append((env._("Then %s", interval), format_amount(total)))
        return rows

    # === ITS COURSE === #

    @api.model
    def _search_to_follow(self, domain=()):
        """Return what is to be carried out by now, and what could not be collected at once.

        What the customer agreed to pay at once isn't collected later on, when nobody expects it,
        nor what they haven't confirmed with their bank within a day, or the paid period.

        :param list|tuple domain: Which of them; all if not given.
        :rtype: billpro.change
        """
        planned = self.search(
            [
                *domain,
                ('state', '=', 'planned'),
                ('increase_id', '=', False),
                # The customer's date may be a day ahead of that of the server.
                ('first_day', '<=', fields.Date.today() + timedelta(days=1)),
            ]
        )
        now = fields.Datetime.now()
        under_way = self.search(
            [
                *domain,
                ('state', '=', 'under_way'),
                ('event_ids.due_date', '<=', now - TIME_TO_COLLECT),
                (
                    'event_ids.status',
                    'in',
                    ['scheduled', 'skipped', 'cancelled', 'action_required'],
                ),
            ]
        )
        return planned.filtered(
            lambda change: change.first_day <= change.order_id._billing_get_today()
        ) | under_way.filtered(
            lambda change: (
                not change._is_waiting()
                or change.event_ids.due_date <= now - TIME_TO_CONFIRM
                or (change.credited_until or change.last_day) < change.order_id._billing_get_today()
            )
        )

    def _begin(self):
        """Do what was agreed to: plan it, have it paid, or carry it out; the order is locked."""
        self.ensure_one()
        order = self.order_id
        if self.when == 'period_end':
            self.state = 'planned'
            self._show_planned_amount()
            self._log(self.env._("Planned for %s", format_date(self.env, self.first_day)))
        elif order.currency_id.compare_amounts(self.amount, 0) > 0:
            self.env['billpro.billing.event'].create(
                {
                    'order_id': order.id,
                    'number': 0,
                    'due_date': fields.Datetime.now(),
                    'period_start': self.first_day,
                    'period_end': self.last_day,
                    'amount': self.amount,
                    'note': self._describe(),
                    'change_id': self.id,
                }
            )
        else:
            self._carry_out()

    def _show_planned_amount(self):
        """Let the payments that a planned change counts for be what they will be, or were."""
        order = self.order_id.with_user(SUPERUSER_ID)
        if self.interval_unit:
            order._get_purchase()._follow_interval(order, self.first_day)
            self._follow_with_interval(order)
        else:
            order._get_purchase()._follow_lines(order)

    def _follow_with_interval(self, order):
        """Let the payments to come follow, and tell the customer of interval and amount at once.

        :param sale.order order: The order, as superuser.
        """
        order = order.with_context(billing_is_told=INSIDE)
        order._get_purchase()._follow_lines(order)
        plan = self.product_id if self.state == 'planned' else order
        order._billing_get_events_to_come()[:1]._announce_interval(plan)

    def _log(self, what):
        """Log on the order what became of the change.

        :param str what: What became of it.
        """
        self.order_id._message_log(body=f'{what}: {self._describe()}')

    def _carry_out(self):
        """Change the lines of the orders, whose locks are held, and credit what is to be credited.

        What doesn't fit any more is left, and staff are asked if it was paid for.
        """
        for change in self.filtered(lambda change: not change.increase_id):
            if not change._fits():
                change._give_way()
                continue
            order = change.order_id
            change.state = 'done'
            is_locked = order.locked
            order.locked = False  # It is locked against people.
            if change.interval_unit:
                own = order.with_user(SUPERUSER_ID)
                own._get_purchase()._count_anew(own, change)
            change._replace_line()
            order.locked = is_locked
            if order.currency_id.compare_amounts(change.amount, 0) < 0:
                change._credit()
            order._billing_use_credit()
            change._log(change.env._("Changed"))
        self.filtered('increase_id')._raise_prices()

    def _is_time(self):
        """Return whether the day of a higher price has come, and nothing of before is to come.

        :rtype: bool
        """
        self.ensure_one()
        order = self.order_id
        waiting = order.billing_event_ids.filtered(
            lambda event: event.status in {'scheduled', 'paused'}
        )._get_leaves()
        return self.first_day <= order._billing_get_today() and not any(
            event.period_start and event.period_start < self.first_day for event in waiting
        )

    def _raise_prices(self):
        """Let the lines cost what was announced; the orders are locked.

        Whoever wasn't told of it goes on paying what they pay.
        """
        for change in self:
            if not change._fits() or not change.increase_id._is_told():
                change.with_context(billing_is_told=INSIDE)._give_way()
        raised = self.filtered(lambda change: change.state == 'planned')
        raised.state = 'done'
        locked = raised.order_id.filtered('locked')
        locked.locked = False  # They are locked against people.
        for price, changes in raised.grouped('price_unit').items():
            lines = changes.line_id.with_user(SUPERUSER_ID)
            lines.with_context(billing_lines_changing=INSIDE).write({'price_unit': price})
        locked.locked = True
        for order, changes in raised.grouped('order_id').items():
            # What is owed of a period before stays as it was; what is to come is so already.
            before = min(changes.mapped('first_day'))
            open_events = order.billing_event_ids.filtered(lambda event: event.status in OPEN)
            if any(
                event.period_start and event.period_start < before
                for event in open_events._get_leaves()
            ):
                changes[0]._show_planned_amount()
        self.env['sale.order']._billing_log_notes(
            [
                (change.order_id, self.env._("Price raised: %s", change._describe()))
                for change in raised
            ]
        )

    def _replace_line(self):
        """Let the line be what was agreed to, with the taxes of the day; the order is unlocked.

        If those are others than when it was planned, what the customer was told is charged still.
        """
        self.ensure_one()
        order, agreed_taxes = self.order_id.with_user(SUPERUSER_ID), self.tax_ids
        if self.when == 'period_end':
            terms = order, self.line_id, self.product_id, self.quantity
            self.tax_ids = self._get_price(*terms)['tax_ids']
        line = self.line_id.with_user(SUPERUSER_ID).with_context(
            billing_replaces_plan=INSIDE, billing_lines_changing=INSIDE
        )
        line.invalidate_recordset(['product_updatable'], flush=False)
        # A quantity that was planned has the price of its day, as another price was announced.
        is_replaced = self.product_id != line.product_id or not self.old_quantity
        price = self.price_unit if is_replaced else line.price_unit
        line.write(
            {
                'product_id': self.product_id.id,
                'product_uom_qty': self.quantity,
                'price_unit': price,
                'technical_price_unit': price,
                'discount': self.discount,
                'tax_ids': [Command.set(self.tax_ids.ids)],
            }
        )
        if self.interval_unit and self.when == 'now':
            self._follow_with_interval(order)
            return
        kept = order._billing_get_announced_events() if self.tax_ids != agreed_taxes else None
        order._get_purchase()._follow_lines(order, kept=kept)

    def _fits(self):
        """Return whether the line is still what was to be changed.

        :rtype: bool
        """
        order, line = self.order_id, self.line_id
        return (
            self.state in {'under_way', 'planned'}
            and order.billing_status in LIVE
            and not order.billing_cancel_date
            and line.product_id == self.old_product_id
            and not (self.interval_unit and order._billing_get_refusal_to_change_interval())
            # Meanwhile the next period may have been paid, while the outcome wasn't known.
            and not (self.credited_until and order._billing_is_paid_after(self.first_day))
            and (
                line.price_unit < self.price_unit
                if self.increase_id
                else line.product_uom_qty == self.old_quantity
            )
        )

    def _carry_out_paid(self):
        """Carry out changes that are paid; what was collected stays booked, whatever fails."""
        for change in self:
            if not self.env['billpro.own.transaction']._is_survived(
                change, 'change', change._carry_out
            ):
                change._give_way()

    def _give_way(self):
        """Leave a change that doesn't fit any more; ask staff about what was paid for it."""
        self.ensure_one()
        if self.state == 'done':
            return
        was_planned = self.state == 'planned'
        self.state = 'overtaken'
        self._log(self.env._("Not changed, as the order was changed or ended meanwhile"))
        if was_planned and self.order_id.billing_status in LIVE:
            self._show_planned_amount()
        if self.event_ids.filtered(lambda event: event.status in PAID):
            self.order_id._billing_ask_staff(
                f'change-{self.id}',
                self.env._("A change was paid that can't be carried out"),
                self.env._(
                    "%s: the order was changed or ended meanwhile. Refund the payment.",
                    self._describe(),
                ),
            )

    def _give_up(self, reason):
        """Drop a change whose payment was declined, or can't be collected: nothing changes.

        :param str reason: Why.
        """
        for change in self.filtered(lambda change: change.state == 'under_way'):
            change.state = 'declined'
            open_events = change.event_ids.filtered(lambda event: event.status in OPEN)
            open_events._apply_trigger('cancel', reason)
            change.event_ids._discard_draft_invoices()
            change._log(change.env._("Not changed, as it could not be paid (%s)", reason or ''))
            # What waits for the customer's bank is withdrawn there.
            change.env.ref('billpro_portal.cron_billing_run').sudo()._trigger()

    def _take_back(self):
        """Take back what is planned, or waits for the customer's bank; the order is locked."""
        self.ensure_one()
        if self._is_waiting():
            self._give_up(self.env._("It was taken back."))
            self.state = 'taken_back'
            return
        self.state = 'taken_back'
        order = self.order_id
        others = order._billing_get_planned_change()
        order._billing_check_recurs(others._get_totals_together(order)[1])
        self._show_planned_amount()
        self._log(self.env._("Taken back"))

    def action_take_back(self):
        """Take back what is planned, or waits for the customer's bank, for staff.

        :raise AccessError: If the user may not.
        :raise UserError: If it isn't planned any more.
        """
        self.ensure_one()
        self.order_id._check_billing_user()
        if not self.can_take_back:
            raise UserError(self.env._("This change isn't planned any more."))
        if self.increase_id:
            self.increase_id.action_take_back()
            return
        self.sudo().order_id._billing_take_back_change(self.sudo())

    # === DOCUMENTS === #

    def _prepare_invoice(self):
        """Return the values of the invoice of what is paid for it, the credit as a negative line.

        :rtype: dict
        """
        return self._prepare_document(1)

    def _credit(self):
        """Post the credit note that the payments to come use up.

        It is about the invoice of the last change within the period, or that of the period.
        """
        self.ensure_one()
        order = self.order_id
        earlier = order.billing_change_ids.filtered(
            lambda change: (
                change != self
                and change.state == 'done'
                and change.line_id == self.line_id
                and (
                    change.invoice_id == self.invoice_id
                    if change.invoice_id
                    # Before 19.0.0.10.0 changes didn't name it.
                    else change.last_day and change.last_day >= self.first_day
                )
            )
        )
        invoice = earlier[:1].event_ids.invoice_id or self.invoice_id
        # Staff may be working in another company, whose accounts it would get.
        self.credit_note_id = (
            self.env['account.move']
            .with_company(order.company_id)
            .create(
                {
                    **self._prepare_document(-1),
                    'move_type': 'out_refund',
                    'reversed_entry_id': invoice.id,
                }
            )
        )
        self.company_id._billing_date_by(self.credit_note_id).action_post()

    def _prepare_document(self, sign):
        """Return the values of a document with the credit and the charge.

        :param int sign: 1 for an invoice, -1 for a credit note.
        :rtype: dict
        """
        order = self.order_id.with_context(lang=self.order_id.partner_invoice_id.lang)
        order = order.with_company(order.company_id)
        env = order.env
        start = format_date(env, self.first_day)
        last_days = self.credited_until or self.last_day, self.last_day
        credited_until, charged_until = (format_date(env, day) for day in last_days)
        parts = (
            (
                self.old_product_id,
                -sign,
                self.credit,
                self.credit_tax_ids,
                env._("Credit"),
                credited_until,
            ),
            (
                self.product_id,
                sign,
                self.charge,
                self.tax_ids,
                env._("New price") if self.old_quantity else env._("Added"),
                charged_until,
            ),
        )
        return {
            **order._get_purchase()._prepare_paid_invoice(order),
            'invoice_line_ids': [
                Command.create(
                    {
                        'product_id': product.id,
                        'name': env._(
                            "%(product)s\n%(what)s, %(start)s to %(end)s",
                            product=product.with_env(env).display_name,
                            what=what,
                            start=start,
                            end=end,
                        ),
                        'quantity': quantity,
                        'price_unit': amount,
                        'tax_ids': [Command.set(taxes.ids)],
                        'analytic_distribution': self.line_id.analytic_distribution,
                    }
                )
                for product, quantity, amount, taxes, what, end in parts
                if not order.currency_id.is_zero(amount)
            ],
        }
