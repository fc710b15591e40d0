from decimal import Decimal
from fractions import Fraction

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Command

from ...billing.actions import OrderAction
from ...billing.agreement import agreement_text
from ...billing.calendar import is_same_interval
from ...billing.lifecycle import IN_FLIGHT, OPEN, PAID
from ...billing.proration import use_credit


class SaleOrder(models.Model):
    """Changing the plan and the quantity of a live subscription, and using up what was credited."""

    _inherit = 'sale.order'

    billing_change_ids = fields.One2many(
        string="Changes",
        comodel_name='billpro.change',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )

    billing_discount_ids = fields.One2many(
        string="Discounts",
        comodel_name='billpro.discount',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )

    billing_once_line_ids = fields.Many2many(
        string="Charged with the Next Payment",
        comodel_name='sale.order.line',
        compute='_compute_billing_once_line_ids',
        compute_sudo=True,
    )

    @api.depends('order_line.billing_event_id', 'billing_event_ids.status')
    def _compute_billing_once_line_ids(self):
        for order in self:
            order.billing_once_line_ids = order._billing_get_discount_takers()._get_added_lines()

    # === WHAT MAY BE CHANGED === #

    def _billing_get_plan_lines(self):
        """Return the lines whose plan or quantity can be changed.

        :rtype: sale.order.line
        """
        self.ensure_one()
        return self._get_recurring_lines().filtered(
            lambda line: (
                not line.combo_item_id
                and line.product_id.type != 'combo'
                and line.product_uom_qty > 0
                and line.price_unit >= 0
            )
        )

    def _billing_get_plans(self, line):
        """Return what the product of a line may be: those of its family, itself first.

        A price is for the product's interval: where staff gave the order another one, those fit
        that have that one.

        :param sale.order.line line: The line.
        :rtype: product.product
        """
        product = line.product_id
        family = product.billing_family_id.filtered(
            lambda family: family.company_id == self.company_id and family.active
        )
        has_own_interval = not self._billing_keeps_interval(product)
        plans = family.product_ids.filtered(
            lambda plan: (
                plan.sale_ok and (not has_own_interval or self._billing_keeps_interval(plan))
            )
        )
        return product | plans.product_variant_ids

    def _billing_keeps_interval(self, product):
        """Return whether a product recurs as the order does.

        :param product.product|product.template product: The product.
        :rtype: bool
        """
        purchase = self._get_purchase()
        return is_same_interval(purchase._get_interval(self), purchase._get_interval(product))

    def _billing_get_refusal_to_change_interval(self):
        """Return why the subscription can't get another interval, whatever is to come.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        if len(self._billing_get_period_lines().filtered('product_uom_qty')) > 1:
            return self.env._(
                "Several products of order %s recur together: its interval can't be changed.",
                self.name,
            )
        return bool(self.billing_cycles) and self.env._(
            "Order %s runs for a number of periods: its interval can't be changed.", self.name
        )

    def _billing_get_refusal_to_count_anew(self, when):
        """Return why the periods can't be counted by another interval. Other addons extend it.

        :param str when: From when on, `now` or `period_end`.
        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        if refusal := self._billing_get_refusal_to_change_interval():
            return refusal
        if discount := self._billing_get_running_discount():  # It was given on other payments.
            return self.env._("Take back the discount first: %s.", discount._describe())
        events = self._billing_get_events_to_come()
        is_special = (
            len(events) > 1
            or any(
                not self._get_purchase()._is_following(event) or event.added_amount
                for event in events
            )
            or self.billing_event_ids.filtered(
                lambda event: event.status in OPEN and event.merged_event_ids
            )
        )
        return bool(is_special) and self.env._(
            "A payment to come was changed by itself, charges something else, too, or is being"
            " asked for: the interval can't be changed before it is paid."
        )

    def _billing_get_events_to_come(self):
        """Return the payments of periods to come that nobody was asked for yet.

        :rtype: billpro.billing.event
        """
        return self.billing_event_ids.filtered(
            lambda event: (
                event.status in {'scheduled', 'paused'} and event.number and event.period_start
            )
        ).sorted('number')

    def _billing_get_refusal_to_change(self, when):
        """Return why the subscription can't be changed.

        :param str when: `now` or `period_end`.
        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        if self._get_billing_refusal_of(OrderAction.CHANGE_PLAN):
            return self.env._(
                "Order %(order)s can't be changed: its billing status is “%(status)s”.",
                order=self.name,
                status=self._get_billing_status_label(),
            )
        if planned := self._billing_get_planned_change():
            return self.env._(
                "Take back the change that is planned first: %s.", planned._describe()
            )
        if waiting := self._billing_get_waiting_change():
            return self.env._(
                "This change waits to be confirmed with the customer's bank. Confirm it, or take"
                " it back: %s.",
                waiting._describe(),
            )
        if self.billing_period_amount:
            return self.env._(
                "Its payments were changed to %s. Change the next one and all later ones back to"
                " what the lines add up to first.",
                self.currency_id.format(self.billing_period_amount),
            )
        if when == 'now':
            return self._billing_get_refusal_to_change_now()
        return not self._billing_get_next_period_event() and self.env._(
            "Nothing follows the present period."
        )

    def _billing_get_refusal_to_change_now(self):
        """Return why the subscription can't be changed before the period ends.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        if self.billing_status != 'active':
            return self.env._("Payments are outstanding. Change it at the end of the period.")
        open_events = self.billing_event_ids.filtered(lambda event: event.status in OPEN)
        if (
            self.billing_collection_date
            or IN_FLIGHT & set(open_events.mapped('status'))
            or open_events.change_id
            or open_events.filtered('is_early')
            # What was given up as the bank wants the customer is withdrawn first.
            or self.billing_event_ids.transaction_ids.filtered('billing_action_required')
        ):
            return self.env._("A payment of the order is being processed. Please wait for it.")
        if self.billing_is_stopped:
            return self.env._("A payment of the order is disputed as fraud.")
        if self._billing_is_paid_after(self._billing_get_today()):
            return self.env._("A later period is paid already. Change it at the end of the period.")
        return False

    def _billing_is_paid_after(self, day):
        """Return whether a period is paid that begins after a day.

        :param datetime.date day: The day.
        :rtype: bool
        """
        return any(
            event.status in PAID and event.period_start and event.period_start > day
            for event in self.billing_event_ids
        )

    def _billing_get_next_period_event(self):
        """Return the payment of the next period that is to be collected.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        return self.billing_event_ids.filtered(
            lambda event: event.status == 'scheduled' and event.number and event.period_start
        ).sorted('number')[:1]

    def _billing_is_down(self, line, product, quantity):
        """Return whether the subscription would cost less after a change, without taxes.

        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :param float quantity: How many.
        :rtype: bool
        """
        Change = self.env['billpro.change']
        change = Change.new(
            {
                'order_id': self.id,
                'line_id': line.id,
                'product_id': product.id,
                'quantity': quantity,
                **Change._get_price(self, line, product, quantity),
            }
        )
        present = [
            other._prepare_base_line_for_taxes_computation()
            for other in self._billing_get_period_lines()
        ]
        return (
            self.currency_id.compare_amounts(
                change._get_period_totals()[0], self._billing_get_totals_of(present)[0]
            )
            < 0
        )

    def _billing_get_usual_time(self, line, product, quantity):
        """Return when the company makes such a change: up or down.

        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :param float quantity: How many.
        :return: `now` or `period_end`.
        :rtype: str
        """
        company = self.company_id
        is_down = self._billing_is_down(line, product, quantity)
        when = company.billing_change_down if is_down else company.billing_change_up
        is_new = product != line.product_id and not self._billing_keeps_interval(product)
        return 'period_end' if is_new and self._billing_get_refusal_to_count_anew(when) else when

    # === CHANGING === #

    def _billing_change(self, line, product, quantity, when, shown):
        """Change a line now or at the end of the period, as it was shown and agreed to.

        What is to be paid for it is a payment that the caller has to run: nothing changes before it
        is collected.

        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :param float quantity: How many.
        :param str when: `now` or `period_end`.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :return: The change.
        :rtype: billpro.change
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        Change = self.env['billpro.change']
        values = Change._propose(self, line, product, quantity, when)
        if agreement_text(Change.new(values)._get_rows()) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        change = Change.create({**values, 'agreed_terms': shown})
        change._begin()
        return change

    def _billing_get_outdated_page_text(self):
        return self.env._("What was shown has changed meanwhile. Please look at it again.")

    # === CUSTOMERS === #

    def _billing_get_customers_plans(self):
        """Return what customers may change, and to what.

        :return: The plans by line; none if the order can't be changed now.
        :rtype: dict[sale.order.line, product.product]
        """
        self.ensure_one()
        if all(self._billing_get_refusal_to_change(when) for when in ('now', 'period_end')):
            return {}
        lines = self._billing_get_plan_lines().filtered(
            lambda line: (
                line.product_id.billing_family_id.customers_may_raise
                or line.product_id.billing_family_id.customers_may_lower
            )
        )
        is_fixed = all(
            self._billing_get_refusal_to_count_anew(when) for when in ('now', 'period_end')
        )
        return {
            line: self._billing_get_plans(line).filtered(
                lambda plan, line=line: (
                    plan == line.product_id or not is_fixed or self._billing_keeps_interval(plan)
                )
            )
            for line in lines
        }

    def _billing_propose_to_customer(self, line, product, quantity):
        """Return the values of a change that the customer may agree to.

        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :param int quantity: How many.
        :rtype: dict
        :raise UserError: If it isn't possible, or not for customers.
        """
        if product not in self._billing_get_customers_plans().get(line, ()) or quantity < 1:
            raise UserError(self.env._("Choose a plan and a quantity."))
        family = line.product_id.billing_family_id
        is_down = self._billing_is_down(line, product, quantity)
        if not (family.customers_may_lower if is_down else family.customers_may_raise):
            raise UserError(self.env._("Please contact us for this change."))
        when = self._billing_get_usual_time(line, product, quantity)
        return self.env['billpro.change']._propose(self, line, product, quantity, when)

    def _billing_change_by_customer(self, line, product, quantity, agreed):
        """Change a line as the customer was shown and agreed to; see `_billing_change`.

        :param sale.order.line line: The line.
        :param product.product product: What it is to be.
        :param int quantity: How many.
        :param str agreed: What was agreed to.
        :return: The change.
        :rtype: billpro.change
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self._lock_billing()
        when = self._billing_propose_to_customer(line, product, quantity)['when']
        return self._billing_change(line, product, quantity, when, agreed)

    # === PLANNED CHANGES === #

    def _billing_get_planned_change(self):
        """Return the change of plan or quantity that is planned.

        :rtype: billpro.change
        """
        return self.billing_change_ids.filtered(
            lambda change: change.state == 'planned' and not change.increase_id
        )

    def _billing_get_planned_interval(self):
        """Return the change that is planned and brings another interval.

        :rtype: billpro.change
        """
        # Whoever asks when a period ends.
        return self.sudo()._billing_get_planned_change().filtered('interval_unit')

    def _billing_check_can_wait(self, day=False):
        """Check that no other interval is planned, whose first payment would wait as long as that.

        :param datetime.date|bool day: The first day of the period that is left out, if it is one.
        :raise UserError: If one is.
        """
        self.ensure_one()
        planned = self._billing_get_planned_interval()
        if planned and (not day or day >= planned.first_day):
            raise UserError(
                self.env._("Take back the change that is planned first: %s.", planned._describe())
            )

    def _billing_get_restart(self):
        """Return the last change that began a period of another interval at once.

        :rtype: billpro.change
        """
        return self.sudo().billing_change_ids.filtered(
            lambda change: change.state == 'done' and change.credited_until
        )[:1]

    def _billing_get_planned_changes_on(self, day):
        """Return all that is planned for a period, higher prices included, the first one first.

        :param datetime.date day: The first day of the period.
        :rtype: billpro.change
        """
        return self.billing_change_ids.filtered(
            lambda change: change.state == 'planned' and change.first_day <= day
        ).sorted(lambda change: (change.first_day, bool(change.increase_id), change.id))

    def _billing_get_waiting_change(self):
        """Return the changes that wait for the customer to confirm the payment with their bank.

        :rtype: billpro.change
        """
        return self.billing_change_ids.filtered(lambda change: change._is_waiting())

    def _billing_take_back_change(self):
        """Take back the change that is planned, or waits for the customer's bank.

        :raise UserError: If none is any more.
        """
        self.ensure_one()
        self._lock_billing()
        planned = self._billing_get_planned_change() or self._billing_get_waiting_change()
        if not planned:
            raise UserError(self.env._("This change isn't planned any more."))
        planned._take_back()

    def _billing_get_planned_amount(self, day):
        """Return what the lines will add up to in a period that a planned change counts for.

        :param datetime.date|bool day: The first day of the period.
        :return: The amount, taxes included; None if none is planned for it.
        :rtype: float|None
        """
        changes = self._billing_get_planned_changes_on(day) if day else None
        return changes._get_totals_together(self)[1] if changes else None

    def _billing_move_planned_change(self, old_day, new_day):
        """Let a change that is planned for the beginning of a period follow it to another day.

        :param datetime.date old_day: The first day of the period before.
        :param datetime.date new_day: Its first day now.
        """
        self._billing_get_planned_change().filtered(
            lambda change: change.first_day == old_day
        ).first_day = new_day

    def _billing_follow_changes(self):
        """Carry out what was planned for today or before, and give up what can't be collected.

        The caller holds the lock.
        """
        self.ensure_one()
        changes = self.env['billpro.change']._search_to_follow([('order_id', '=', self.id)])
        changes.filtered(lambda change: change.state == 'planned')._carry_out()
        changes._give_up(self.env._("It could not be collected at once."))

    # === CREDIT === #

    def _billing_get_open_credit_notes(self):
        """Return the credit notes of changes that aren't used up.

        :rtype: account.move
        """
        return self.billing_change_ids.credit_note_id.filtered(
            lambda move: move.state == 'posted' and move.amount_residual
        ).sorted('id')

    def _billing_get_credit_to_use(self):
        """Return which payments use credit, and how much is left for them.

        What was declined, or is being collected, stays as it is.

        :return: The payments, the next one first, and the credit.
        :rtype: tuple[billpro.billing.event, float]
        """
        self.ensure_one()
        open_leaves = self.billing_event_ids.filtered(
            lambda event: event.status in OPEN
        )._get_leaves()
        takers = open_leaves.filtered(
            lambda event: (
                event.status in {'scheduled', 'paused'}
                and event.number
                and not event.first_declined_date
                and not event.requested_date
                and event.invoice_id.state != 'posted'
            )
        ).sorted(lambda event: (event.due_date, event.number))
        left = sum(self._billing_get_open_credit_notes().mapped('amount_residual'))
        left -= sum((open_leaves - takers).mapped('credit_amount'))
        return takers, max(0.0, left)

    def _billing_get_credit_for(self, due, left):
        """Return how much credit pays of a payment: what it leaves can be collected.

        :param float due: The payment.
        :param float left: What is left of the credit.
        :rtype: float
        """
        asked = self.env['billpro.provider']._of(self.billing_token_id.provider_code)
        smallest = asked._get_smallest_amount(self.currency_id)
        step = asked._get_step_of_amounts(self.currency_id)
        terms = (due, left, smallest, step)
        return float(
            use_credit(*(Decimal(repr(self.currency_id.round(amount))) for amount in terms))
        )

    def _billing_use_credit(self):
        """Let the payments to come use what was credited, the next one first; locks are held."""
        for order in self.filtered('billing_change_ids.credit_note_id'):
            takers, left = order._billing_get_credit_to_use()
            for event in takers:
                due = event.amount + event.credit_amount
                credit = order._billing_get_credit_for(due, left)
                left -= credit
                difference = order.currency_id.compare_amounts(credit, event.credit_amount)
                if difference:
                    old_amount = event.amount
                    event._discard_draft_invoices()
                    event.write(
                        {
                            'amount': order.currency_id.round(due - credit),
                            'credit_amount': credit,
                        }
                    )
                    if difference < 0:  # The credit was paid back, or used for something else.
                        event._announce_new_amount(old_amount, is_lasting=False)

    # === DISCOUNTS === #

    def _billing_get_running_discount(self):
        """Return the discount that payments to come have.

        :rtype: billpro.discount
        """
        self.ensure_one()
        return self.billing_discount_ids.filtered('left')[:1]

    def _billing_get_discount_takers(self):
        """Return the payments to come that may have a discount, the next one first.

        :rtype: billpro.billing.event
        """
        return self._billing_get_credit_to_use()[0].filtered('period_start')

    def _billing_get_refusal_to_adjust(self):
        """Return why what the next payments come to can't be adjusted.

        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        if self._get_billing_refusal_of(OrderAction.ADJUST):
            return self.env._(
                "Order %(order)s can't be changed: its billing status is “%(status)s”.",
                order=self.name,
                status=self._get_billing_status_label(),
            )
        return not self._billing_get_discount_takers() and self.env._(
            "No payment is to come that could have it."
        )

    def _billing_get_refusal_of_discount(self):
        """Return why no discount can be given.

        :return: The reason, or False if one can.
        :rtype: str|bool
        """
        if refusal := self._billing_get_refusal_to_adjust():
            return refusal
        running = self._billing_get_running_discount()
        return bool(running) and self.env._(
            "Take back the discount first: %s.", running._describe()
        )

    def _billing_prepare_discount(self, amount, event=None):
        """Return the discount of a payment to come: its own, or the one that is still to be had.

        :param float amount: What its period costs, taxes included.
        :param billpro.billing.event event: The payment, if there is one already.
        :return: The values of the payment.
        :rtype: dict
        """
        self.ensure_one()
        discount = event.discount_id if event else self.env['billpro.discount']
        discount = discount or self._billing_get_running_discount().filtered(
            lambda running: running._get_free_count()
        )
        return {
            'discount_id': discount.id,
            'discount_amount': discount._get_amount_off(amount),
        }

    def _billing_follow_discount(self):
        """Let the payments to come have the discount that is still to be had; the lock is held."""
        self.ensure_one()
        for event in self._billing_get_discount_takers():
            discount = self._billing_get_running_discount()
            if not event.discount_id and discount._get_free_count():
                event._set_discount(discount)

    def _billing_give_discount(self, percent, count, shown, reason=None):
        """Give a discount on the next payments, as it was shown and agreed to.

        :param float percent: How much of each payment.
        :param int count: Of how many payments.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :param billpro.cancel.reason reason: For which reason to leave the customer was offered it.
        :return: The discount.
        :rtype: billpro.discount
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        Discount = self.env['billpro.discount']
        if agreement_text(Discount._propose(self, percent, count)._get_rows()) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        discount = Discount.create(
            {
                'order_id': self.id,
                'percent': percent,
                'count': count,
                'reason_id': reason.id if reason else False,
                'agreed_terms': shown,
            }
        )
        self._billing_follow_discount()
        self._billing_use_credit()
        discount._tell()
        return discount

    def _billing_get_part_after_discount(self, day):
        """Return what part of its price a paid period cost after its discount.

        :param datetime.date day: The first day of the period.
        :rtype: fractions.Fraction
        """
        self.ensure_one()
        event = self.billing_event_ids.filtered(
            lambda event: event.number and event.period_start == day
        )[:1]
        return 1 - Fraction(repr(event.discount_id.percent)) / 100

    # === CHARGED OR CREDITED ONCE === #

    def _billing_propose_once(self, product, text, price):
        """Return the line that would be charged once with the next payment.

        :param product.product product: Whose taxes and account it has.
        :param str text: What the customer reads.
        :param float price: The price as those of the product are entered; less than zero to credit.
        :return: The line, which isn't of the order yet, and what the payment would be with it.
        :rtype: tuple[sale.order.line, float]
        :raise UserError: If it isn't possible.
        """
        self.ensure_one()
        if refusal := self._billing_get_refusal_to_adjust():
            raise UserError(refusal)
        purchase = self._get_purchase()
        if not text or product.purchase_type not in {False, *purchase._one_off_types}:
            raise UserError(self.env._("Choose a product that is sold once, and enter a text."))
        line = self.env['sale.order.line'].new(
            {
                'order_id': self.new(origin=self),
                'product_id': product.id,
                'name': text,
                'product_uom_qty': 1,
                'price_unit': price,
            }
        )
        event = self._billing_get_discount_takers()[0]
        lines = self._billing_get_period_lines() | event._get_added_lines()
        base_lines = [other._prepare_base_line_for_taxes_computation() for other in lines]
        base_lines.append(line._prepare_base_line_for_taxes_computation())
        period_amount = self._billing_get_amount_of_lines(self._billing_get_period_lines())
        added = self._billing_get_totals_of(base_lines)[1] - period_amount
        due = event._get_amount_before_discount() - event.discount_amount + added
        credit = self._billing_get_credit_to_use()[1]
        amount = self.currency_id.round(
            due - (self._billing_get_credit_for(due, credit) if credit and due > 0 else 0.0)
        )
        self._billing_check_once(line, event, self.currency_id.round(due), amount)
        return line, amount

    def _billing_check_once(self, line, event, due, amount):
        """Check that something is charged or credited, and that what is left can be collected.

        :param sale.order.line line: What is charged once.
        :param billpro.billing.event event: The payment that it is charged with.
        :param float due: What that would be, whatever credit pays.
        :param float amount: What would be collected.
        :raise UserError: If not.
        """
        if self.currency_id.is_zero(line.price_subtotal):
            raise UserError(self.env._("Enter an amount."))
        if self.currency_id.compare_amounts(due, 0) <= 0:
            raise UserError(
                self.env._(
                    "The next payment is %s: credit less than that.",
                    self.currency_id.format(event.amount + event.credit_amount),
                )
            )
        provider = self.billing_token_id.provider_id
        if provider and not self.currency_id.is_zero(amount):
            refusal = provider._in_billing()._find_amount_refusal(amount, self.currency_id)
            if refusal:
                raise UserError(refusal)

    def _billing_get_once_rows(self, product, text, price):
        """Return what is shown before something is charged once, as pairs of label and value.

        :param product.product product: Whose taxes and account it has.
        :param str text: What the customer reads.
        :param float price: The price as those of the product are entered; less than zero to credit.
        :rtype: list[tuple[str, str]]
        :raise UserError: If it isn't possible.
        """
        line, amount = self._billing_propose_once(product, text, price)
        event = self._billing_get_discount_takers()[0]
        untaxed, total = self._billing_get_totals_of(
            [line._prepare_base_line_for_taxes_computation()]
        )
        format_amount = self.currency_id.format
        return [
            (self.env._("Text"), text),
            (self.env._("Without taxes"), format_amount(untaxed)),
            (self.env._("Taxes"), format_amount(total - untaxed)),
            (
                self.env._("Payment on %s", self._get_due_date_text(event)),
                self.env._(
                    "%(amount)s instead of %(before)s",
                    amount=format_amount(amount),
                    before=format_amount(event.amount),
                ),
            ),
        ]

    def _billing_charge_once(self, product, text, price, shown):
        """Charge or credit something once with the next payment, and tell the customer.

        :param product.product product: Whose taxes and account it has.
        :param str text: What the customer reads.
        :param float price: The price as those of the product are entered; less than zero to credit.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        if agreement_text(self._billing_get_once_rows(product, text, price)) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        is_locked = self.locked
        self.locked = False  # It is locked against people.
        self.order_line = [
            Command.create(
                {
                    'product_id': product.id,
                    'name': text,
                    'product_uom_qty': 1,
                    'price_unit': price,
                    'billing_each_period': False,
                }
            )
        ]
        self.locked = is_locked

    # === STAFF === #

    def action_open_adjust(self):
        """Open the dialog that gives a discount, or charges or credits something once.

        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        self._check_billing_user()
        wizard = self.env['billpro.adjust'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Adjust Subscription"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_open_change_plan(self):
        """Open the dialog that changes plan or quantity.

        :raise AccessError: If the user may not.
        :raise UserError: If it can't be changed.
        """
        self.ensure_one()
        self._check_billing_user()
        order = self.sudo()
        refusals = [order._billing_get_refusal_to_change(when) for when in ('now', 'period_end')]
        if all(refusals):
            raise UserError(refusals[0])
        line = order._billing_get_plan_lines()[:1]
        wizard = self.env['billpro.change.plan'].create(
            {
                'order_id': self.id,
                'line_id': line.id,
                'product_id': line.product_id.id,
                'quantity': line.product_uom_qty,
            }
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Change Subscription"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }
