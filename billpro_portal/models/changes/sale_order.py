from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from dateutil.relativedelta import relativedelta

from odoo import SUPERUSER_ID, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing.actions import OrderAction
from ...billing.agreement import agreement_text
from ...billing.calendar import due_datetime, is_same_interval
from ...billing.lifecycle import IN_FLIGHT, OPEN, PAID
from ...billing.proration import prorate, use_credit
from ..rights.own_context import INSIDE
from .discount import MOST_PAYMENTS

# By how many days a trial is made longer at most, at a time.
MOST_TRIAL_DAYS = 366


class SaleOrder(models.Model):
    """Changing a live subscription: its plan, its discount, its days; and using up credit."""

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

    def _billing_get_addons(self):
        """Return what can be added: what the plans name that isn't on the order yet.

        :rtype: product.product
        """
        self.ensure_one()
        present = self._billing_get_plan_lines().product_id
        addons = present.product_tmpl_id.billing_addon_ids.filtered(
            lambda addon: (
                addon.sale_ok
                and addon.type != 'combo'
                and addon.purchase_type == self.purchase_type
                and addon.company_id in {addon.company_id.browse(), self.company_id}
            )
        )
        return addons.product_variant_ids - present

    def _billing_check_addon(self, product):
        """Check that a product can be added.

        :param product.product product: The product.
        :raise UserError: If not.
        """
        self.ensure_one()
        if product not in self._billing_get_addons():
            raise UserError(
                self.env._(
                    "“%(addon)s” is no add-on that order %(order)s could get.",
                    addon=product.display_name,
                    order=self.name,
                )
            )
        if not self._billing_keeps_interval(product):
            purchase = self._get_purchase()
            raise UserError(
                self.env._(
                    "Order %(order)s is charged %(order_interval)s, “%(product)s” %(interval)s."
                    " Make another order for it.",
                    order=self.name,
                    order_interval=purchase._get_interval_text(self),
                    product=product.display_name,
                    interval=purchase._get_interval_text(product),
                )
            )

    def _billing_make_addon_line(self, product):
        """Return the line of an add-on that is to be added: nothing of it is there yet.

        :param product.product product: The add-on.
        :return: Its line with the quantity 0, the one that it had before if it was dropped.
        :rtype: sale.order.line
        """
        self.ensure_one()
        dropped = self._get_recurring_lines().filtered(
            lambda line: line.product_id == product and not line.product_uom_qty
        )
        if dropped:
            return dropped[0]
        is_locked = self.locked
        self.locked = False  # It is locked against people.
        lines = self.env['sale.order.line'].with_user(SUPERUSER_ID)
        line = lines.with_context(
            billing_lines_changing=INSIDE, sale_no_log_for_new_lines=True
        ).create({'order_id': self.id, 'product_id': product.id, 'product_uom_qty': 0})
        self.locked = is_locked
        return line.with_env(self.env)

    def _billing_check_recurs(self, amount):
        """Check that something is left that recurs.

        :param float amount: What a period would cost.
        :raise UserError: If nothing is.
        """
        self.ensure_one()
        if self.currency_id.compare_amounts(amount, 0) <= 0:
            raise UserError(
                self.env._("The recurring amount of order %s must be positive.", self.name)
            )

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
        if planned := self._billing_get_planned_change()[:1]:  # It may add what recurs, too.
            return self.env._(
                "Take back the change that is planned first: %s.", planned._describe()
            )
        if discount := self._billing_get_running_discount():  # It was given on other payments.
            return self.env._("Take back the discount first: %s.", discount._describe())
        events = self._billing_get_events_to_come()
        is_special = (
            len(events) > 1
            or any(
                not self._get_purchase()._is_following(event)
                or event.added_amount
                or event.full_days
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
        if planned := self._billing_get_planned_interval():
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
            return (
                self._billing_get_refusal_with_longer_lines()
                or self._billing_get_refusal_to_change_now()
            )
        return self._billing_get_refusal_with_longer_lines() or (
            not self._billing_get_next_period_event()
            and self.env._("Nothing follows the present period.")
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
        paid = self.billing_event_ids.filtered(lambda event: event.status in PAID)
        # What is paid along with others is a part of their payment.
        return any(event.period_start and event.period_start > day for event in paid._get_leaves())

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

        :param sale.order.line line: The line; none if the product is an add-on.
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

        :param sale.order.line line: The line; none if the product is an add-on.
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

        :param sale.order.line line: The line; none if the product is an add-on.
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
        line = line or self._billing_make_addon_line(product)
        change = Change.create({**values, 'line_id': line.id, 'agreed_terms': shown})
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
        lines = (
            self._billing_get_plan_lines() - self._billing_get_planned_change().line_id
        ).filtered(
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

    def _billing_get_customers_addons(self):
        """Return what customers may add.

        :rtype: product.product
        """
        self.ensure_one()
        if all(self._billing_get_refusal_to_change(when) for when in ('now', 'period_end')):
            return self.env['product.product']
        addons = self._billing_get_addons() - self._billing_get_planned_change().product_id
        return addons.filtered(
            lambda addon: (
                addon.billing_family_id.customers_may_raise and self._billing_keeps_interval(addon)
            )
        )

    def _billing_customers_may_drop(self, line):
        """Return whether customers may drop a line: what is added to a plan, not the plan itself.

        :param sale.order.line line: The line.
        :rtype: bool
        """
        self.ensure_one()
        plans = (self._billing_get_plan_lines() - line).product_id.product_tmpl_id
        addons = plans.with_context(active_test=False).billing_addon_ids
        return line.product_id.product_tmpl_id in addons

    def _billing_propose_to_customer(self, line, product, quantity):
        """Return the values of a change that the customer may agree to.

        :param sale.order.line line: The line; none if the product is an add-on.
        :param product.product product: What it is to be.
        :param int quantity: How many.
        :rtype: dict
        :raise UserError: If it isn't possible, or not for customers.
        """
        products = self._billing_get_customers_addons()
        if line:
            products = self._billing_get_customers_plans().get(line, ())
        smallest = 0 if line and self._billing_customers_may_drop(line) else 1
        if product not in products or quantity < smallest:
            raise UserError(self.env._("Choose a plan and a quantity."))
        family = (line.product_id or product).billing_family_id
        is_down = self._billing_is_down(line, product, quantity)
        if not (family.customers_may_lower if is_down else family.customers_may_raise):
            raise UserError(self.env._("Please contact us for this change."))
        when = self._billing_get_usual_time(line, product, quantity)
        return self.env['billpro.change']._propose(self, line, product, quantity, when)

    def _billing_change_by_customer(self, line, product, quantity, agreed):
        """Change a line as the customer was shown and agreed to; see `_billing_change`.

        :param sale.order.line line: The line; none if the product is an add-on.
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
        """Return the planned changes of plan or quantity, one for a line, the last one first.

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

    def _billing_take_back_change(self, change=None):
        """Take back a change that is planned, or waits for the customer's bank.

        :param billpro.change change: The change; if not said that which waits, else the last one.
        :raise UserError: If it isn't planned any more.
        """
        self.ensure_one()
        self._lock_billing()
        planned = self._billing_get_waiting_change() + self._billing_get_planned_change()
        if change is not None:
            planned &= change
        if not planned:
            raise UserError(self.env._("This change isn't planned any more."))
        planned[0]._take_back()

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
        if refusal := (
            self._billing_get_refusal_to_adjust() or self._billing_get_refusal_with_longer_lines()
        ):
            return refusal
        if planned := self._billing_get_planned_interval():
            return self.env._(
                "Take back the change that is planned first: %s.", planned._describe()
            )
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
            if discount and not event.discount_id and discount._get_free_count():
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

    def _billing_get_part_of_price(self, day, days):
        """Return what part of the price of a full period a paid one cost, whatever that was.

        :param datetime.date day: The first day of the period.
        :param int days: How many days it has.
        :return: The part that its discount, and its shortening, have left.
        :rtype: fractions.Fraction
        """
        self.ensure_one()
        if self._billing_get_restart().first_day == day:
            return Fraction(1)  # A payment of that day is of the period before.
        event = self.billing_event_ids.filtered(
            lambda event: event.number and event.period_start == day
        )[:1]
        part = 1 - Fraction(repr(event.discount_id.percent)) / 100
        return part * Fraction(days, event.full_days) if event.full_days else part

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
                **self._billing_prepare_once(product, text, price),
            }
        )
        event = self._billing_get_discount_takers()[0]
        lines = event._get_period_lines() | event._get_added_lines()
        base_lines = [other._prepare_base_line_for_taxes_computation() for other in lines]
        base_lines.append(line._prepare_base_line_for_taxes_computation())
        period_amount = self._billing_get_amount_of_lines(event._get_period_lines())
        added = self._billing_get_totals_of(base_lines)[1] - period_amount
        due = event._get_amount_before_discount() - event.discount_amount + added
        credit = self._billing_get_credit_to_use()[1]
        amount = self.currency_id.round(
            due - (self._billing_get_credit_for(due, credit) if credit and due > 0 else 0.0)
        )
        if self.currency_id.is_zero(line.price_subtotal):
            raise UserError(self.env._("Enter an amount."))
        self._billing_check_due(event, due, amount)
        return line, amount

    def _billing_prepare_once(self, product, text, price):
        return {
            'product_id': product.id,
            'name': text,
            'product_uom_qty': 1,
            'price_unit': price,
            'discount': 0.0,
            'billing_each_period': False,
        }

    def _billing_check_due(self, event, due, amount):
        """Check that what a payment would be can be collected.

        :param billpro.billing.event event: The payment.
        :param float due: What that would be, whatever credit pays.
        :param float amount: What would be collected.
        :raise UserError: If not.
        """
        compared = self.currency_id.compare_amounts(due, 0)
        if compared < 0 or (compared == 0 and not event._is_free()):
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
        amount = self._billing_propose_once(product, text, price)[1]
        event = self._billing_get_discount_takers()[0]
        is_locked = self.locked
        self.locked = False  # It is locked against people.
        values = self._billing_prepare_once(product, text, price)
        line = self.env['sale.order.line'].create({'order_id': self.id, **values})
        self.locked = is_locked
        if line.billing_event_id != event or self.currency_id.compare_amounts(event.amount, amount):
            raise UserError(self._billing_get_outdated_page_text())

    # === OTHER DAYS === #

    def _billing_is_in_trial(self):
        """Return whether the free trial goes on.

        :rtype: bool
        """
        self.ensure_one()
        first = self.billing_event_ids.filtered(lambda event: event.number == 1)
        # Staff may have moved later periods to another day.
        end = first.period_start or self.billing_anchor_date
        return bool(self.billing_trial_days) and self._billing_get_today() < end

    def _billing_get_event_to_move(self):
        """Return the payment from which on the periods begin on another day.

        :rtype: billpro.billing.event
        :raise UserError: If there is none.
        """
        self.ensure_one()
        if refusal := self._billing_get_refusal_to_adjust():
            raise UserError(refusal)
        event = self._billing_get_discount_takers()[0]
        if planned := self._billing_get_planned_change()[:1]:
            raise UserError(
                self.env._("Take back the change that is planned first: %s.", planned._describe())
            )
        due = self._billing_get_date(event.due_date)
        if (
            event.full_days
            or event.number != max(self.billing_event_ids.mapped('number'))
            or due != event.period_start
            or (event.adjustment and not self.billing_period_amount)
        ):
            raise UserError(
                self.env._("The next payment was moved or changed by hand: wait until it is paid.")
            )
        return event

    def _billing_get_trial_rows(self, day):
        """Return what is shown before a trial is made longer, as pairs of label and value.

        :param datetime.date day: The first day that is to be paid for.
        :rtype: list[tuple[str, str]]
        :raise UserError: If it isn't possible.
        """
        event = self._billing_get_event_to_move()
        if not self._billing_is_in_trial() or event.number != 1:
            raise UserError(self.env._("The subscription isn't in its free trial."))
        if (
            not day
            or day <= event.period_start
            or (day - event.period_start).days > MOST_TRIAL_DAYS
        ):
            raise UserError(
                self.env._(
                    "Choose a day after %(day)s, and at most %(days)s days later.",
                    day=format_date(self.env, event.period_start),
                    days=MOST_TRIAL_DAYS,
                )
            )
        if self.billing_end_date and day > self.billing_end_date:
            raise UserError(self.env._("The subscription ends before."))
        last_day = format_date(self.env, day - timedelta(days=1), date_format='long')
        return [
            (self.env._("Free trial until"), last_day),
            (
                self.env._("Payment on %s", format_date(self.env, day, date_format='long')),
                self.currency_id.format(event.amount),
            ),
        ]

    def _billing_make_trial_longer(self, day, shown):
        """Let the first paid period begin later, and tell the customer.

        :param datetime.date day: The first day that is to be paid for.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        if agreement_text(self._billing_get_trial_rows(day)) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        event = self._billing_get_event_to_move()
        self.with_context(billing_counts_anew=INSIDE).billing_trial_days += (
            day - event.period_start
        ).days
        event.due_date = due_datetime(day, self._get_time_zone())
        self._get_purchase()._change_later(event, day=day)

        def describe(env):
            return env._(
                "The free trial is longer: it lasts until %(last_day)s. The first payment, of"
                " %(amount)s, is collected on %(day)s.",
                last_day=format_date(env, day - timedelta(days=1), date_format='long'),
                amount=self.currency_id.with_env(env).format(event.amount),
                day=format_date(env, day, date_format='long'),
            )

        self._billing_tell_of_days(event, describe)

    def _billing_tell_of_days(self, event, describe):
        """Log that payments are due on other days, and tell the customer.

        :param billpro.billing.event event: The first one.
        :param Callable describe: Returns what has changed, in the language of an environment.
        """
        self._message_log(body=describe(self.env))
        contact = self._get_payment_contact()
        event._announce_change(describe(self.with_context(lang=contact.lang).env))

    def _billing_get_usual_day_to_move_to(self):
        """Return the day on which periods would begin if nobody chooses another one.

        :return: The first of the month after the next payment; False if there is none.
        :rtype: datetime.date|bool
        """
        self.ensure_one()
        event = self._billing_get_discount_takers()[:1]
        return bool(event) and (event.period_start + relativedelta(months=1)).replace(day=1)

    def _billing_get_short_amount(self, event, day):
        """Return what the period of a payment costs if it ends the day before another one.

        :param billpro.billing.event event: The payment.
        :param datetime.date day: The first day after it.
        :return: The part of its days, whatever its discount is.
        :rtype: float
        """
        days, coin = (day - event.period_start).days, Decimal(repr(self.currency_id.rounding))
        price = Fraction(f'{event._get_amount_before_discount():.10f}')
        return float(prorate(price, days, event._get_days(), coin))

    def _billing_get_day_rows(self, day):
        """Return what is shown before periods begin on another day, as pairs of label and value.

        :param datetime.date day: The first day of the first full period.
        :rtype: list[tuple[str, str]]
        :raise UserError: If it isn't possible.
        """
        if refusal := self._billing_get_refusal_with_longer_lines():
            raise UserError(refusal)
        event = self._billing_get_event_to_move()
        if not day or not event.period_start < day <= event.period_end:
            raise UserError(
                self.env._(
                    "Choose a day after %(first_day)s, and until %(last_day)s.",
                    first_day=format_date(self.env, event.period_start),
                    last_day=format_date(self.env, event.period_end),
                )
            )
        if self.billing_end_date and day > self.billing_end_date:
            raise UserError(self.env._("The subscription ends before."))
        amount = self._billing_get_amount_of_short(event, day)
        format_amount = self.currency_id.format
        return [
            (
                self.env._("Payment on %s", self._get_due_date_text(event)),
                self.env._(
                    "%(amount)s instead of %(before)s",
                    amount=format_amount(amount),
                    before=format_amount(event.amount),
                ),
            ),
            (
                self.env._("It is for"),
                self.env._(
                    "%(start)s to %(end)s, %(days)s of %(full_days)s days",
                    start=format_date(self.env, event.period_start, date_format='long'),
                    end=format_date(self.env, day - timedelta(days=1), date_format='long'),
                    days=(day - event.period_start).days,
                    full_days=event._get_days(),
                ),
            ),
            (
                self.env._("After that"),
                self.env._(
                    "%(amount)s %(interval)s from %(day)s on",
                    amount=format_amount(event._get_amount_before_discount()),
                    interval=self._get_purchase()._get_interval_text(self),
                    day=format_date(self.env, day, date_format='long'),
                ),
            ),
        ]

    def _billing_get_amount_of_short(self, event, day):
        """Return what is collected of a payment whose period ends the day before another one.

        :param billpro.billing.event event: The payment.
        :param datetime.date day: The first day after it.
        :rtype: float
        :raise UserError: If that can't be collected.
        """
        short = self._billing_get_short_amount(event, day)
        due = short - event.discount_id._get_amount_off(short) + event.added_amount
        left = self._billing_get_credit_to_use()[1]
        credit = self._billing_get_credit_for(due, left) if left and due > 0 else 0.0
        amount = self.currency_id.round(due - credit)
        self._billing_check_due(event, due, amount)
        return amount

    def _billing_change_day(self, day, shown):
        """Let periods begin on another day, after a shorter one that is paid in part.

        :param datetime.date day: The first day of the first full period.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        if agreement_text(self._billing_get_day_rows(day)) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        event = self._billing_get_event_to_move()
        full, short = (
            event._get_amount_before_discount(),
            self._billing_get_short_amount(event, day),
        )
        off = event.discount_id._get_amount_off(short)
        event._discard_draft_invoices()
        event.write(
            {
                'period_end': day - timedelta(days=1),
                'full_days': event._get_days(),
                'adjustment': self.currency_id.round(event.adjustment + short - full),
                'discount_amount': off,
                'amount': self.currency_id.round(short - off + event.added_amount),
                'credit_amount': 0.0,
            }
        )
        values = {'billing_anchor_date': day, 'billing_anchor_number': event.number}
        if self.billing_cycles:  # The short period is none of them.
            values['billing_cycles'] = self.billing_cycles + 1
        self.with_context(billing_counts_anew=INSIDE).write(values)
        self._billing_use_credit()
        self._billing_tell_of_days(
            event, lambda env: self._billing_describe_day(env, event, full, day)
        )

    def _billing_describe_day(self, env, event, full, day):
        """Return that full periods begin on another day.

        :param api.Environment env: The environment of the language.
        :param billpro.billing.event event: The payment of the short period before.
        :param float full: What a full period costs.
        :param datetime.date day: The first day of the first one.
        :rtype: str
        """
        format_amount = self.currency_id.with_env(env).format
        return env._(
            "The billing day has changed: %(amount)s on %(first_day)s, for the time until"
            " %(last_day)s; then %(full)s %(interval)s from %(day)s on.",
            amount=format_amount(event.amount),
            first_day=format_date(env, event.period_start, date_format='long'),
            last_day=format_date(env, event.period_end, date_format='long'),
            full=format_amount(full),
            interval=self._get_purchase().with_env(env)._get_interval_text(self.with_env(env)),
            day=format_date(env, day, date_format='long'),
        )

    # === THE END === #

    def _billing_propose_end(self, payments, last_day):
        """Return with which terms the subscription ends otherwise, and what they come to.

        :param int payments: How many payments are still to come, if that is limited.
        :param datetime.date last_day: On or before which the last period begins, if that is.
        :return: The terms; the days of the payments that are still to come, and the day after the
                 last period; no days if it runs until it is cancelled.
        :rtype: tuple[dict, list[datetime.date]]
        :raise UserError: If it isn't possible.
        """
        self.ensure_one()
        if refusal := (
            self._billing_get_refusal_to_adjust() or self._billing_get_refusal_with_longer_lines()
        ):
            raise UserError(refusal)
        if planned := self._billing_get_planned_interval():
            raise UserError(
                self.env._("Take back the change that is planned first: %s.", planned._describe())
            )
        event = self._billing_get_discount_takers()[0]
        if not 0 <= payments <= MOST_PAYMENTS or (payments and last_day):
            raise UserError(
                self.env._(
                    "Enter at most %s payments, or a day, or neither: then it runs until it is"
                    " cancelled.",
                    MOST_PAYMENTS,
                )
            )
        terms = {'billing_cycles': 0, 'billing_end_date': last_day}
        if not payments and not last_day:
            return terms, []
        draft = self.new({'billing_cycles': 0, 'billing_end_date': False}, origin=self)
        days = self._get_purchase()._get_next_first_days(draft, event, MOST_PAYMENTS + 2)
        count = payments or sum(day <= last_day for day in days)
        if not 0 < count <= MOST_PAYMENTS:
            raise UserError(
                self.env._(
                    "Choose a day after %s. To end it before, cancel it.",
                    format_date(self.env, days[0] - timedelta(days=1)),
                )
            )
        if payments:
            terms['billing_cycles'] = event.number + payments - 1
        return terms, days[: count + 1]

    def _billing_get_end_rows(self, payments, last_day):
        """Return what is shown before the end is changed, as pairs of label and value.

        :param int payments: How many payments are still to come, if that is limited.
        :param datetime.date last_day: On or before which the last period begins, if that is.
        :rtype: list[tuple[str, str]]
        :raise UserError: If it isn't possible.
        """
        _terms, days = self._billing_propose_end(payments, last_day)
        if not days:
            return [(self.env._("Runs"), self.env._("until cancelled"))]
        return [
            (self.env._("Payments still to come"), str(len(days) - 1)),
            (
                self.env._("The last payment"),
                format_date(self.env, days[-2], date_format='long'),
            ),
            (
                self.env._("Paid until"),
                format_date(self.env, days[-1] - timedelta(days=1), date_format='long'),
            ),
        ]

    def _billing_change_end(self, payments, last_day, shown):
        """Let the subscription end after other payments, or run until it is cancelled.

        :param int payments: How many payments are still to come, if that is limited.
        :param datetime.date last_day: On or before which the last period begins, if that is.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        if agreement_text(self._billing_get_end_rows(payments, last_day)) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        terms, days = self._billing_propose_end(payments, last_day)
        self.with_context(billing_counts_anew=INSIDE).write(terms)
        takers = self._billing_get_discount_takers()
        takers[len(days) - 1 if days else len(takers) :]._apply_trigger('cancel')

        def describe(env):
            if not days:
                return env._("The subscription runs until it is cancelled now.")
            return env._(
                "The end of the subscription has changed: the last payment is on %(day)s, and"
                " it is paid until %(end)s then.",
                day=format_date(env, days[-2], date_format='long'),
                end=format_date(env, days[-1] - timedelta(days=1), date_format='long'),
            )

        self._billing_tell_of_days(takers[0], describe)

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
