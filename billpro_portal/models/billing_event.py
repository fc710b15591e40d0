from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..billing.lifecycle import IN_FLIGHT, LIVE, PAID, TransitionRefused, next_event_status


class BillproBillingEvent(models.Model):
    """One scheduled payment of a recurring order."""

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
        help="The place in the order's schedule, from 1; 0 for payments merged from others.",
    )
    due_date = fields.Datetime(
        string="Due", required=True, readonly=True, help="When the payment is collected."
    )
    period_start = fields.Date(readonly=True, help="First day that the payment covers.")
    period_end = fields.Date(readonly=True, help="Last day that the payment covers.")
    amount = fields.Monetary(required=True, readonly=True)
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
    _amount_positive = models.Constraint('CHECK (amount > 0)', "A payment has an amount.")
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

    def _get_notice_rows(self):
        """Return what a mail shows of a payment to come, as rows.

        :rtype: list[dict]
        """
        self.ensure_one()
        order = self.order_id
        return [
            *order._get_notice_reference_rows(),
            order._get_notice_event_row(self),
            order._get_notice_row(self.env._("Charged on"), order._get_due_date_text(self)),
            order._get_notice_row(self.env._("Card"), order.billing_token_id._get_card_name()),
            order._get_notice_row(
                self.env._("Amount"), self.currency_id.format(self.amount), strong=True
            ),
        ]

    # === STATUS === #

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

    # === ACTIONS === #

    def action_execute_now(self):
        """Collect scheduled or softly declined payments at once.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not collect payments.
        :raise UserError: If a payment can't be collected now; the message says why.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can collect payments."))
        self.order_id.check_access('write')
        events = self.sudo()
        for event in events:
            if refusal := event._get_refusal_to_execute():
                raise UserError(refusal)
        for order, order_events in events.grouped('order_id').items():
            order._message_log(
                body=self.env._(
                    "%(user)s collects %(events)s now.",
                    user=self.env.user.name,
                    events=', '.join(order_events.mapped('display_name')),
                )
            )
        events._forget_reversed_invoices()
        run = self.env['billpro.billing.run'].sudo()._run_events(events)
        reasons = events.filtered(lambda event: event.status in {'scheduled', 'soft_declined'})
        return run._get_notification(reasons.filtered('status_message')[:1].status_message)

    def _get_refusal_to_execute(self):
        """Return why staff can't collect a payment now.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        order = self.order_id
        if self.status not in {'scheduled', 'soft_declined'}:
            return self.env._(
                "Payment %(event)s can't be collected now: it is “%(status)s”.",
                event=self.display_name,
                status=self._get_status_label(),
            )
        if order.billing_status not in {'active', 'failed'}:
            return self.env._(
                "Order %(order)s is not charged: its billing status is “%(status)s”.",
                order=order.name,
                status=order._get_billing_status_label(),
            )
        if refusal := self._get_refusal_by_order():
            return refusal
        if refusal := self._get_refusal_to_charge():
            return self.env._(
                "Payment %(event)s can't be collected now: %(reason)s",
                event=self.display_name,
                reason=refusal,
            )
        return False

    def _get_refusal_by_order(self):
        """Return why staff can't collect a payment now, for what else happens on its order.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        order = self.order_id
        if order.billing_is_stopped:
            return self.env._(
                "A payment of order %s is disputed as fraud. Resume its charges first, if it is to"
                " go on.",
                order.name,
            )
        if order.billing_collection_date:
            return self.env._(
                "The customer of order %s has just asked to pay what is outstanding. Please wait"
                " for the result.",
                order.name,
            )
        if in_flight := order.billing_event_ids.filtered(lambda event: event.status in IN_FLIGHT):
            return self.env._(
                "Payment %(event)s can't be collected now: the outcome of %(other)s isn't known"
                " yet.",
                event=self.display_name,
                other=in_flight[0].display_name,
            )
        return False

    def action_was_charged(self):
        """Book an unknown payment that a person found charged at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the payment isn't unknown.
        """
        self._resolve_unknown(charged=True)

    def action_was_not_charged(self):
        """Release an unknown payment that a person found not charged at the provider.

        :raise AccessError: If the user may not decide it.
        :raise UserError: If the payment isn't unknown.
        """
        self._resolve_unknown(charged=False)

    def _resolve_unknown(self, charged):
        """End the uncertainty about a payment by a person's word.

        :param bool charged: Whether the provider has charged it.
        :raise AccessError: If the user may not decide it.
        :raise UserError: If the payment isn't unknown.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(
                self.env._("Only billing managers can decide whether a payment was executed.")
            )
        tx = self.transaction_ids.filtered('billing_outcome_unknown')
        if self.status != 'unknown' or not tx:
            raise UserError(self.env._("The outcome of payment %s is known.", self.display_name))
        tx._resolve_outcome(executed=charged)
