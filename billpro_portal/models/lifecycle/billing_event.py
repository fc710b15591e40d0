from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing.declines import CEILING_REACHED, EXHAUSTED, NEEDS_CARD, NEEDS_CUSTOMER
from ...billing.lifecycle import (
    DECLINED,
    EVENT_LEVELS,
    IN_FLIGHT,
    LIVE,
    PAID,
    TransitionRefused,
    next_event_status,
)
from ...billing.standing import PaymentFacts
from ..rights.own_context import is_inside

# The customer has been asked and nothing happens by itself any more.
GIVEN_UP = frozenset({EXHAUSTED, CEILING_REACHED})


class BillproBillingEvent(models.Model):
    """One scheduled payment of a recurring order: its status, and what it charges.

    Besides its period it may charge once what was added to a live subscription.
    """

    _name = 'billpro.billing.event'
    _description = "Billing Event"

    _order = 'due_date, number, id'
    _check_company_auto = True
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='order_id.partner_id', store=True, index=True)
    currency_id = fields.Many2one(related='order_id.currency_id', store=True)
    number = fields.Integer(
        required=True,
        readonly=True,
        help="The place in the order's schedule, from 1; 0 for payments merged from others, and for"
        " an initial payment that the bank took back.",
    )
    due_date = fields.Datetime(
        string="Due", required=True, readonly=True, help="When the payment is collected."
    )
    period_start = fields.Date(readonly=True, help="First day that the payment covers.")
    period_end = fields.Date(readonly=True, help="Last day that the payment covers.")
    full_days = fields.Integer(
        readonly=True,
        help="Of a period that was shortened to another billing day: the days of the full period"
        " that it is charged a part of.",
    )
    amount = fields.Monetary(
        required=True, readonly=True, help="What is collected; what credit pays isn't in it."
    )
    credit_amount = fields.Monetary(
        string="Paid by Credit",
        readonly=True,
        help="What was credited before, and is used up by this payment.",
    )
    longer_line_ids = fields.Many2many(
        string="Longer Intervals",
        comodel_name='sale.order.line',
        relation='billpro_event_longer_line_rel',
        column1='event_id',
        column2='line_id',
        readonly=True,
        help="What is charged in longer intervals than the order, and is due with this payment.",
    )
    discount_amount = fields.Monetary(
        string="Discount",
        readonly=True,
        help="What a discount for some payments takes off this one, taxes included.",
    )
    note = fields.Char(help="What the payment is for, on its invoice.")
    status = fields.Selection(
        selection=[
            ('scheduled', "Scheduled"),
            ('processing', "Processing"),
            ('completed', "Completed"),
            ('recovered', "Recovered"),
            ('soft_declined', "Soft declined"),
            ('hard_declined', "Hard declined"),
            ('action_required', "Action required"),
            ('unknown', "Unknown"),
            ('skipped', "Skipped"),
            ('merged', "Merged"),
            ('cancelled', "Cancelled"),
            ('paused', "Paused"),
        ],
        default='scheduled',
        required=True,
        readonly=True,
        index=True,
    )
    status_level = fields.Char(compute='_compute_status_level')
    status_message = fields.Char(
        string="Reason", readonly=True, help="What the provider or the booking said last."
    )
    invoice_id = fields.Many2one(
        comodel_name='account.move', readonly=True, index='btree_not_null', check_company=True
    )
    transaction_ids = fields.One2many(
        string="Attempts",
        comodel_name='payment.transaction',
        inverse_name='billing_event_id',
        readonly=True,
    )
    attempt_count = fields.Integer(readonly=True)
    completed_date = fields.Datetime(readonly=True)
    _order_number_unique = models.UniqueIndex(
        "(order_id, number) WHERE number > 0", "The order has a payment with this number."
    )
    _amount_positive = models.Constraint(
        'CHECK (amount > 0 OR amount = 0 AND (credit_amount > 0 OR discount_amount > 0))',
        "A payment has an amount.",
    )
    # Floating-point numbers hold no minor units of what is much larger.
    _amount_bounded = models.Constraint(
        'CHECK (amount < 1000000000000)', "A payment is less than 1,000,000,000,000."
    )
    _due_date_bounded = models.Constraint(
        "CHECK (due_date < '2201-01-01')", "A payment is due before the year 2201."
    )
    # The run looks for what is due: the few open events among all that ever were.
    _due_idx = models.Index("(due_date) WHERE status = 'scheduled'")
    _in_flight_idx = models.Index("(id) WHERE status IN ('processing', 'unknown')")

    @api.depends('order_id', 'number', 'merged_event_ids.number')
    def _compute_display_name(self):
        for event in self:
            event.display_name = f'{event.order_id.name}-{event._get_number_text()}'

    def _get_number_text(self):
        """Return the payment's number: "E3", or "E3+E4" if it was merged from others.

        :rtype: str
        """
        self.ensure_one()
        if self.merged_event_ids:
            return '+'.join(event._get_number_text() for event in self.merged_event_ids)
        return f'E{self.number}'

    # === STATUS === #

    @api.depends('status')
    def _compute_status_level(self):
        for event in self:
            event.status_level = EVENT_LEVELS[event.status]

    def _apply_trigger(self, trigger, message=False):
        """Move events through the status table. Nothing else writes a status.

        :param str trigger: A trigger of `billing.lifecycle.EVENT_TRANSITIONS`.
        :param str message: What the provider or the booking said, if anything.
        :raise UserError: If the table has no such transition for the status of an event.
        """
        for status, events in self.grouped('status').items():
            try:
                new_status = next_event_status(status, trigger)
            except TransitionRefused:
                raise UserError(
                    self.env._(
                        "This is not possible for payment %(event)s: it is “%(status)s”.",
                        event=events[0].display_name,
                        status=dict(self._fields['status']._description_selection(self.env))[
                            status
                        ],
                    )
                ) from None
            values = {'status': new_status, 'status_message': message}
            if new_status in PAID:
                values['completed_date'] = fields.Datetime.now()
            elif status in PAID:
                values['completed_date'] = False
            events.write(values)

    def _get_first_of_orders(self):
        """Return of each order the payment that comes first: what customers asked for, by date.

        :rtype: billpro.billing.event
        """
        ordered = self.sorted(
            lambda event: (not event.requested_date, event.due_date, event.number, event.id)
        )
        return self.browse(events[0].id for events in ordered.grouped('order_id').values())

    def _follow_collection(self):
        """Do what follows when payments were collected, in the transaction that books them.

        It is called once for each payment, whatever became of it before. Other addons extend it.
        """

    def _schedule_next_events(self):
        """Create the payments that follow the ones that were tried, whatever came of them.

        A cancelled subscription has none; those of a paused one wait.
        """
        values_list = []
        # What the next amounts are made of, not to be read order by order.
        self.order_id.order_line.fetch(['tax_ids'])
        for event in self.filtered(
            lambda event: (
                event.number
                and event.order_id.billing_status in LIVE
                and not event.order_id.billing_cancel_date
            )
        ):
            known = set(event.order_id.billing_event_ids.mapped('number'))
            values_list += [
                values
                for values in event.order_id._get_purchase()._prepare_next_events(event)
                if values['number'] not in known
            ]
        new_events = self.create(values_list)
        new_events._take_up_added_lines()
        new_events.filtered(lambda event: event.order_id.billing_status == 'paused')._apply_trigger(
            'pause'
        )

    # === CHANGES === #

    def _get_status_label(self):
        """Return the payment's status as staff read it.

        :rtype: str
        """
        self.ensure_one()
        return dict(self._fields['status']._description_selection(self.env))[self.status]

    def _discard_affected_invoices(self):
        """Delete the draft invoices that don't fit any more; the next attempt makes them anew."""
        events = self.order_id._get_purchase()._get_events_invoiced_along(self)
        affected = events.filtered(lambda event: event in self or event.status not in IN_FLIGHT)
        affected._discard_draft_invoices()

    def _log_change(self, text, reason):
        """Log on the order what the user has changed of its schedule, and why.

        :param str text: What was changed.
        :param str|bool reason: Why, in the words of the user.
        """
        self.order_id._message_log(body=f'{text} {reason}' if reason else text)

    def _announce_change(self, text):
        """Queue the notice of a change.

        :param str text: What was changed, in the customer's language.
        """
        self.ensure_one()
        self.env['billpro.notification']._queue(
            'payment_changed',
            self.order_id,
            f'event-{self.id}-{fields.Datetime.now()}-{self.status}',
            event_id=self.id,
            text=text,
        )

    def _set_amount(self, amount):
        """Change the amount and remember by how much it differs from what the order says.

        :param float amount: The new amount, in the currency of the order.
        """
        self.ensure_one()
        difference = self.currency_id.round(amount - self.amount)
        self.write(
            {
                'amount': amount,
                'adjustment': self.currency_id.round(self.adjustment + difference),
            }
        )

    def _announce_new_amount(self, old_amount, is_lasting=True):
        """Log that this payment has another amount, and tell the customer.

        :param float old_amount: The amount before, in the currency of the order.
        :param bool is_lasting: Whether all later ones have it, too.
        """
        self.ensure_one()
        order = self.order_id
        change = (order._billing_get_date(self.due_date), old_amount, is_lasting, {})
        self._log_change(self._describe_change(self.env, *change), False)
        if is_inside(self.env, 'billing_is_told'):
            return
        env = order.with_context(lang=order._get_payment_contact().lang).env
        self._announce_change(self._describe_change_to_customer(env, *change))

    def _describe_change(self, env, old_day, old_amount, is_lasting, others):
        """Return what was changed, for the chatter.

        :param api.Environment env: The environment of the language.
        :param datetime.date old_day: The day before.
        :param float old_amount: The amount before.
        :param bool is_lasting: Whether all later payments follow.
        :param dict others: What other payments became.
        :rtype: str
        """
        order = self.order_id
        format_amount = self.currency_id.with_env(env).format
        new_day = order._billing_get_date(self.due_date)
        texts = []
        if new_day != old_day:
            texts.append(
                env._(
                    "Payment %(event)s was moved from %(old)s to %(new)s.",
                    event=self.display_name,
                    old=format_date(env, old_day),
                    new=format_date(env, new_day),
                )
            )
        if self.currency_id.compare_amounts(old_amount, self.amount):
            texts.append(
                env._(
                    "Payment %(event)s was changed from %(old)s to %(new)s.",
                    event=self.display_name,
                    old=format_amount(old_amount),
                    new=format_amount(self.amount),
                )
            )
        if not texts:
            texts.append(env._("Payment %s is scheduled again.", self.display_name))
        if is_lasting:
            texts.append(env._("All later payments follow."))
        for event, amount in others.items():
            texts.append(
                env._(
                    "Payment %(event)s is %(amount)s now.",
                    event=event.display_name,
                    amount=format_amount(amount),
                )
            )
        return ' '.join(texts)

    def _describe_change_to_customer(self, env, old_day, old_amount, is_lasting, others):
        """Return what was changed, in the customer's words; see `_describe_change`.

        :rtype: str
        """
        order = self.order_id
        format_amount = self.currency_id.with_env(env).format
        values = {
            'amount': format_amount(old_amount),
            'old': format_date(env, old_day, date_format='long'),
            'new': order.with_env(env)._billing_get_date_text(self.due_date),
            'new_amount': format_amount(self.amount),
        }
        is_changed = self.currency_id.compare_amounts(old_amount, self.amount)
        if is_changed and values['old'] == values['new']:
            texts = [
                env._("Your payment on %(old)s is %(new_amount)s instead of %(amount)s.", **values)
            ]
        elif is_changed:
            texts = [
                env._(
                    "Your payment of %(amount)s that was due on %(old)s is changed:"
                    " %(new_amount)s are collected on %(new)s.",
                    **values,
                )
            ]
        else:
            texts = [
                env._(
                    "Your payment of %(amount)s that was due on %(old)s is collected on %(new)s.",
                    **values,
                )
            ]
        if is_lasting and is_changed:
            later = format_amount(self.amount - self.added_amount)
            texts.append(
                env._("Your later payments are %s.", later)
                if self.added_amount
                else env._("Your later payments are %s, too.", later)
            )
        if is_lasting and values['old'] != values['new']:
            texts.append(
                env._(
                    "Your later payments are counted from that day, %s.",
                    order._get_purchase().with_env(env)._get_interval_text(order.with_env(env)),
                )
            )
        if others:
            texts.append(
                env._(
                    "Your later payments are now: %s.",
                    '; '.join(
                        f'{order.with_env(env)._billing_get_date_text(event.due_date)}:'
                        f' {format_amount(amount)}'
                        for event, amount in others.items()
                    ),
                )
            )
        return ' '.join(texts)

    # === MERGED PAYMENTS === #

    def _release_sources(self, trigger):
        """Let go of what was to be paid early by payments that were given up.

        :param str trigger: What becomes of it: `reinstate` or `cancel`.
        """
        sources = self.filtered('is_early').merged_event_ids
        sources._apply_trigger(trigger)
        sources.merged_into_id = False

    def _get_leaves(self):
        """Return the scheduled payments that a merged one stands for; itself if it isn't merged.

        :rtype: billpro.billing.event
        """
        return (
            self._get_sources()
            .filtered(lambda event: not event.merged_event_ids)
            .sorted(lambda event: (event.due_date, event.number))
        )

    def _get_sources(self):
        """Return the payments with all that were merged into them.

        :rtype: billpro.billing.event
        """
        sources = self
        while more := sources.merged_event_ids - sources:
            sources |= more
        return sources

    def _is_given_up(self):
        """Return whether a declined payment is tried no more unless the customer acts.

        Bank authentication is given up when it was ignored for as long as retries would last.

        :rtype: bool
        """
        self.ensure_one()
        if self.retry_verdict != NEEDS_CUSTOMER:
            return self.retry_verdict in GIVEN_UP
        days = max(self.company_id._get_billing_retry_days(), default=0)
        return self.first_declined_date + timedelta(days=days) <= fields.Datetime.now()

    def _get_facts_for_order(self):
        """Return what decides about the order of the payments.

        What a change would cost, and waits for the customer's bank, says nothing about it; what is
        paid before its day, and waits for it, is to come.

        :rtype: list[PaymentFacts]
        """
        now = fields.Datetime.now()
        return [
            PaymentFacts(
                status='scheduled'
                if event.status in DECLINED and event._is_optional()
                else event.status,
                needs_card=event.retry_verdict == NEEDS_CARD,
                is_given_up=bool(
                    event.status in DECLINED
                    and event.company_id.billing_auto_suspend
                    and event._is_given_up()
                ),
                was_declined=bool(event.declined_token_id),
                is_merged=bool(event.merged_event_ids),
                is_due=event.due_date <= now,
            )
            for event in self
            if not (event.status in DECLINED and event._is_optional() and event.change_id)
        ]

    def _ends_trial(self):
        """Return whether it is the first payment after a free trial.

        :rtype: bool
        """
        order = self.order_id
        return (
            self.number == 1 and order.billing_trial_days > 0 and not order.billing_predecessor_id
        )

    def _is_optional(self):
        """Return whether nothing is owed and nothing changes if it isn't collected.

        It is what a change would cost, or what somebody pays before its day. What a change has cost
        that was carried out, or what was paid early, is owed as everything else, if the bank takes
        it back.

        :rtype: bool
        """
        if self.is_early:
            return not self.early_done_date
        return bool(self.change_id) and self.change_id.state != 'done'

    def _discard_draft_invoices(self):
        """Delete the invoices of payments that won't be collected; no number was given to them."""
        invoices = self.invoice_id.filtered(lambda move: move.state == 'draft')
        down_payment_lines = invoices.invoice_line_ids.sale_line_ids.filtered('is_downpayment')
        invoices.unlink()
        # Sale deletes them along with the invoice, unless other invoices have them too.
        down_payment_lines.exists().filtered(lambda line: not line.invoice_lines).unlink()

    # === LINES === #

    def _get_period_lines(self):
        """Return the lines that the period of a payment charges.

        What has a longer interval than the order is among them only if it is due.

        :rtype: sale.order.line
        """
        self.ensure_one()
        lines = self.order_id._billing_get_period_lines()
        longer = lines.filtered(lambda line: line.billing_every_periods > 1)
        return lines - (longer - self.longer_line_ids) if longer else lines

    def _get_last_days_charged(self):
        """Return the last days that payments of periods charge something for.

        :rtype: list[datetime.date]
        """
        leaves = self._get_leaves().filtered('period_end')
        days = [
            event.order_id._get_purchase()._get_period_of_line(
                event.order_id, line, (event.period_start, event.period_end)
            )[1]
            for event in leaves
            for line in event.longer_line_ids
        ]
        return [*self.filtered('period_end').mapped('period_end'), *days]

    def _get_refusal_to_skip_longer(self):
        """Return why a payment can't be skipped with which a longer interval has something due.

        :return: The reason, or False if nothing is.
        :rtype: str|bool
        """
        self.ensure_one()
        lines = self._get_leaves().longer_line_ids
        return bool(lines) and self.env._(
            "“%(product)s” is due with this payment, %(interval)s: it can't be skipped.",
            product=lines[0].product_id.with_env(self.env).display_name,
            interval=self.order_id._get_purchase()
            .with_env(self.env)
            ._get_interval_text_of_line(lines[0]),
        )

    def _check_may_be_skipped(self):
        """Check that nothing is left out that a longer interval has due.

        :raise UserError: If something is.
        """
        if refusal := self._get_refusal_to_skip_longer():
            raise UserError(refusal)

    # === ADDED LINES === #

    def _get_added_lines(self):
        """Return the lines that the payments charge once.

        :rtype: sale.order.line
        """
        return self.order_id.order_line.filtered(lambda line: line.billing_event_id in self)

    def _take_up_added_lines(self):
        """Let payments to come charge what was added to their orders, if that leaves something."""
        for event in self:
            lines = event.order_id._billing_get_added_lines()
            if not lines:
                continue
            purchase = event.order_id._get_purchase()
            added_lines = event._get_added_lines() | lines
            added = purchase._get_added_amount(event.order_id, added_lines, event)
            left = event.amount + event.credit_amount - event.added_amount + added
            if event.currency_id.compare_amounts(left, 0) > 0:
                lines.billing_event_id = event
                event._set_added_amount(added)

    def _set_added_amount(self, added):
        """Change what the payment charges for its added lines.

        :param float added: The amount, taxes included, in the currency of the order.
        """
        self.ensure_one()
        due = self.amount + self.credit_amount - self.added_amount + added
        credit = min(self.credit_amount, max(0.0, due))
        self.write(
            {
                'amount': self.currency_id.round(due - credit),
                'credit_amount': self.currency_id.round(credit),
                'added_amount': added,
            }
        )

    def _release_added_lines(self):
        """Take what was added off a payment that is skipped, so that another one charges it.

        Not if it was tried before: the bank may approve that all the same, with what was added.

        :return: The added lines, whether they were taken off or not.
        :rtype: sale.order.line
        """
        self.ensure_one()
        leaves = self._get_leaves()
        lines = leaves._get_added_lines()
        if not (self | leaves).transaction_ids:
            for leaf in leaves:
                if own_lines := leaf._get_added_lines():
                    leaf._leave_out_added(own_lines)
        return lines

    def _pass_on_added_lines(self, lines):
        """Let the next payment charge what was added to this one, or ask somebody to.

        :param sale.order.line lines: What was added to this payment, which is skipped.
        """
        order = self.order_id
        taker = order.billing_next_event_id
        if (
            taker.status == 'scheduled'
            and not taker.first_declined_date
            and not taker.requested_date
            and taker.invoice_id.state != 'posted'
        ):
            old_amount = taker.amount
            taker._take_up_added_lines()
            if taker.currency_id.compare_amounts(taker.amount, old_amount):
                taker._announce_new_amount(old_amount, is_lasting=False)
        left = lines & self._get_leaves()._get_added_lines()
        if not taker and not order._get_purchase()._can_take_payments():
            left = lines  # None is to come.
        if left:
            order._billing_ask_staff(
                f'not-charged-{self.id}',
                self.env._("%s isn't charged", ', '.join(left.mapped('name'))),
                self.env._(
                    "It was to be charged with payment %s, which was skipped. If it is still owed,"
                    " invoice it by hand, or add it to the order anew.",
                    self.display_name,
                ),
            )

    def _leave_out_invoiced_lines(self):
        """Charge nothing for what somebody has invoiced by hand, before the invoices are made."""
        for event in self:
            for leaf in event._get_leaves().filtered('added_amount'):
                own = event._get_sources().invoice_id
                invoiced = leaf._get_added_lines().filtered(
                    lambda line, own=own: any(
                        invoice_line.parent_state != 'cancel' and invoice_line.move_id not in own
                        for invoice_line in line.invoice_lines
                    )
                )
                if invoiced:
                    leaf._leave_out_added(invoiced)

    def _leave_out_added(self, lines):
        """Take added lines off the payment, and off the one that it is merged into.

        :param sale.order.line lines: Some of its added lines.
        """
        self.ensure_one()
        order = self.order_id
        old_amount = self.amount
        lines.billing_event_id = False
        self._discard_draft_invoices()
        self._set_added_amount(
            order._get_purchase()._get_added_amount(order, self._get_added_lines(), self)
        )
        merged = self.merged_into_id
        while merged:
            merged._discard_draft_invoices()
            merged.amount = merged.currency_id.round(merged.amount + self.amount - old_amount)
            merged = merged.merged_into_id
        order._message_log(
            body=self.env._(
                "Payment %(event)s is %(amount)s now, without %(lines)s.",
                event=self.display_name,
                amount=self.currency_id.format(self.amount),
                lines=', '.join(lines.mapped('name')),
            )
        )
