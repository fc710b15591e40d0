from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, format_datetime

from ...billing.declines import (
    BACKUP,
    CEILING,
    CEILING_DAYS,
    CEILING_REACHED,
    EXHAUSTED,
    HARD,
    NEEDS_CARD,
    NEEDS_CUSTOMER,
    RETRY,
    decide_retry,
    may_attempt,
)
from ...billing.lifecycle import CHARGEABLE_ORDERS, DECLINED, OPEN
from ...billing.payment_methods import get_facts


class BillproBillingEvent(models.Model):
    """What becomes of declined payments: retries, the customer's own tries, merging."""

    _inherit = 'billpro.billing.event'

    decline_class = fields.Selection(
        selection=[('soft', "Soft"), ('hard', "Hard"), ('authentication', "Authentication")],
        readonly=True,
        help="Soft declines are tried again; after a hard one the card isn't charged any more;"
        " authentication means that the customer's bank wants to hear from them.",
    )
    declined_token_id = fields.Many2one(
        string="Declined Payment Method", comodel_name='payment.token', readonly=True
    )
    first_declined_date = fields.Datetime(
        readonly=True, help="When this card was first declined for this payment."
    )
    retry_count = fields.Integer(
        string="Retries", readonly=True, help="Automatic retries with this card."
    )
    retry_verdict = fields.Selection(
        selection=[
            (RETRY, "Retry"),
            (NEEDS_CARD, "Needs another payment method"),
            (BACKUP, "Charged to the backup"),
            (NEEDS_CUSTOMER, "Needs the customer"),
            (EXHAUSTED, "No retries left"),
            (CEILING_REACHED, "Too many attempts"),
        ],
        readonly=True,
    )
    retry_date = fields.Datetime(string="Next Retry", readonly=True)
    requested_date = fields.Datetime(
        readonly=True, help="When the customer asked to collect it now."
    )
    next_step = fields.Char(compute='_compute_next_step', help="What happens next, and why.")
    merged_into_id = fields.Many2one(
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        check_company=True,
    )
    merged_event_ids = fields.One2many(
        string="Merged From",
        comodel_name='billpro.billing.event',
        inverse_name='merged_into_id',
        readonly=True,
    )
    is_early = fields.Boolean(
        string="Paid Early",
        readonly=True,
        help="It was asked to be collected before the days of what was merged into it. Declined,"
        " nothing changes: they are due on their days.",
    )
    early_done_date = fields.Datetime(
        string="Paid Early On", readonly=True, help="When that was collected."
    )
    rebate_amount = fields.Monetary(
        string="Rebate", readonly=True, help="What isn't collected, as all of it is paid early."
    )
    _retry_idx = models.Index("(retry_date) WHERE status = 'soft_declined'")
    _requested_idx = models.Index("(requested_date) WHERE requested_date IS NOT NULL")

    # === WHAT HAPPENS NEXT === #

    @api.depends(
        'status',
        'retry_verdict',
        'retry_date',
        'retry_count',
        'requested_date',
        'order_id.billing_status',
        'transaction_ids.state',
    )
    def _compute_next_step(self):
        for event in self:
            event.next_step = (
                event.status in DECLINED and event._get_next_step()
            ) or event._get_step_under_way()

    def _get_next_step(self):
        """Return what becomes of a declined payment, and why, for staff.

        :rtype: str
        """
        self.ensure_one()
        if self.requested_date:
            return self.env._("The customer asked to collect it now.")
        if self.retry_verdict == RETRY and self.order_id.billing_status not in CHARGEABLE_ORDERS:
            return self.env._("Not tried again while the order is not active.")
        if self.retry_verdict == RETRY:
            return self.env._(
                "Retry %(number)s on %(date)s.",
                number=self.retry_count + 1,
                date=format_datetime(self.env, self.retry_date, dt_format='short'),
            )
        return {
            NEEDS_CARD: self.env._(
                "Not tried again: the decline is final for %s. Waits for another payment method.",
                self.declined_token_id._get_card_name() or self.env._("this card"),
            ),
            NEEDS_CUSTOMER: self.env._(
                "Not tried again: the customer has to confirm it with their bank."
            ),
            EXHAUSTED: self.env._(
                "Not tried again: all %s retries were declined. Waits for the customer.",
                self.retry_count,
            ),
            CEILING_REACHED: self.env._(
                "Not tried again: %(count)s attempts in %(days)s days is the limit. Waits for the"
                " customer.",
                count=CEILING,
                days=CEILING_DAYS,
            ),
        }.get(self.retry_verdict, self.env._("Not tried again by itself."))

    def _get_step_under_way(self):
        """Return when the money of a payment under way is expected, for staff.

        :return: The text, or False if its result is known at once.
        :rtype: str|bool
        """
        self.ensure_one()
        expected = self.status == 'processing' and self._get_expected_date()
        return expected and self.env._(
            "The bank is asked for the money; it is expected by %s.",
            format_date(self.env, expected, date_format='medium'),
        )

    def _is_charged_by_itself(self):
        """Return whether the run charges it when it is due, without the customer's request.

        :rtype: bool
        """
        self.ensure_one()
        is_possible = self.order_id.billing_status in CHARGEABLE_ORDERS and not self.is_above_cap
        return is_possible and (
            self.status == 'scheduled' or (self.status == 'soft_declined' and bool(self.retry_date))
        )

    # === DECLINES === #

    def _record_decline(self, tx):
        """Decide and note what becomes of a payment that was just declined.

        :param payment.transaction tx: The declined attempt, its decline class known.
        """
        self.ensure_one()
        values = {
            'decline_class': tx.billing_decline_class,
            'declined_token_id': tx.token_id.id,
            'requested_date': False,
        }
        if self.declined_token_id != tx.token_id:  # Another card begins anew.
            values |= {'first_declined_date': fields.Datetime.now(), 'retry_count': 0}
        self.write(values)
        verdict = decide_retry(
            self.decline_class,
            self.first_declined_date,
            self._get_attempt_dates(),
            self.retry_count,
            self.company_id._get_billing_retry_days()[
                : get_facts(tx.payment_method_code).most_retries
            ],
            has_backup=self._has_backup(tx.token_id),
        )
        self.write({'retry_verdict': verdict.kind, 'retry_date': verdict.date})
        if verdict.kind == BACKUP:
            self._apply_trigger('reschedule')  # It is due, and charged by the next batch.
            self.order_id._billing_take_backup()

    def _has_backup(self, declined):
        """Return whether the order has a backup that takes the place of a declined card.

        Not to collect what a change costs, or is paid early: declined, it changes nothing.

        :param payment.token declined: The card. If another one was chosen since, that one is it.
        :rtype: bool
        """
        order = self.order_id
        if (
            self._is_optional()
            or order.billing_status not in CHARGEABLE_ORDERS
            or order._billing_is_collection_over()
            or order.billing_token_id != declined
        ):
            return False
        backup = order._billing_get_backup()
        return bool(backup) and not self._is_card_spent(backup)

    def _get_tried_along(self):
        """Return the payments whose attempts count as attempts of this one.

        They are those that were merged into it; of a change those of all changes of the order, and
        of what is paid early all that was to be: whoever tries it again asks the same bank for much
        the same.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        if self.change_id:
            return self.order_id.billing_event_ids.filtered('change_id')
        if self.is_early:
            return self._get_sources() | self.order_id.billing_event_ids.filtered('is_early')
        return self._get_sources()

    def _get_attempt_dates(self, card=None):
        """Return when this payment, or one merged into it, was sent to a provider.

        :param payment.token card: The card whose attempts count; all if not given.
        :rtype: list[datetime.datetime]
        """
        self.ensure_one()
        txs = self._get_tried_along().transaction_ids.filtered(
            lambda tx: tx.billing_sent_date and (not card or tx.token_id == card)
        )
        return txs.mapped('billing_sent_date')

    def _is_card_spent(self, card=None):
        """Return whether a card was ever declined for good for this payment.

        :param payment.token card: The card; the selected one if not given.
        :rtype: bool
        """
        self.ensure_one()
        card = card or self.order_id.billing_token_id
        return bool(
            self._get_tried_along().transaction_ids.filtered(
                lambda tx: (
                    tx.token_id == card
                    and tx.billing_decline_class == HARD
                    and tx.state in {'error', 'cancel'}
                )
            )
        )

    def _is_tried_too_often(self, by_customer=False):
        """Return whether one more attempt would be over the ceiling.

        For staff and the run all attempts count; for a customer who enters another card only those
        with that card: the ceiling is there for the banks behind the cards.

        :param bool by_customer: Whether the customer asks for it.
        :rtype: bool
        """
        self.ensure_one()
        card = self.order_id.billing_token_id if by_customer else None
        return not may_attempt(fields.Datetime.now(), self._get_attempt_dates(card))

    def _get_refusal_to_attempt(self):
        """Return why a payment may not be tried now.

        :return: The reason, or False if it may.
        :rtype: str|bool
        """
        self.ensure_one()
        if not self.attempt_count and not self.merged_event_ids and not self.change_id:
            return False  # Nothing was tried yet, and most payments of a run are such.
        if self._is_paid_but_not_booked():
            return self.env._("An earlier attempt was approved after all.")
        if self._is_card_spent():
            return self.env._("The payment method was declined for good: another one is needed.")
        if self._is_tried_too_often(by_customer=bool(self.requested_date)):
            return self.env._(
                "It was tried %(count)s times in %(days)s days: no more attempts for now.",
                count=CEILING,
                days=CEILING_DAYS,
            )
        return False

    def _note_opening(self):
        """Note that the payments are being tried: a retry is used up, a request is carried out."""
        now = fields.Datetime.now()
        for event in self:
            if event.retry_date and event.retry_date <= now and not event.requested_date:
                event.retry_count += 1
        self.filtered('retry_date').write({'retry_date': False})
        self.filtered('requested_date').write({'requested_date': False})

    # === PAID EARLY === #

    def _give_up_early(self, reason):
        """Drop what was to be paid early, and wasn't: it is due on its day, as if nobody had asked.

        The caller knows that no bank collects it any more.

        :param str reason: Why.
        """
        for event in self.filtered(lambda event: event.is_early and event.status in OPEN):
            sources, order = event.merged_event_ids, event.order_id
            event._apply_trigger('cancel', reason)
            event._discard_draft_invoices()
            event._release_sources('reinstate')
            if order.billing_status == 'paused':
                sources._apply_trigger('pause')
            order._message_log(
                body=self.env._(
                    "Not paid early (%(reason)s): %(events)s.",
                    reason=reason or '',
                    events=', '.join(sources.mapped('display_name')),
                )
            )

    def _finish_early(self):
        """Do what follows when something was paid early, in the transaction that books it."""
        early = self.filtered('is_early')
        early.early_done_date = fields.Datetime.now()
        early._get_leaves()._schedule_next_events()
        for event in early.filtered(lambda event: not event.merged_event_ids):
            event.order_id._billing_ask_staff(
                f'early-{event.id}',
                self.env._("Payment %s was collected after all", event.display_name),
                self.env._(
                    "It was to be paid early, was given up, and the bank has approved it all the"
                    " same. What it was for is still due on its day: skip that, or refund the"
                    " payment.",
                ),
            )

    # === MERGING === #

    def _merge(self, due_date=None, **values):
        """Merge open payments of one order into a new one.

        Their draft invoices go; the new payment's invoice has a line for each source.

        :param datetime.datetime due_date: When the new one is due; now if not given.
        :param values: Other values of it than it would have; what is paid early is always new.
        :return: The new payment; the only one itself if there is nothing to merge.
        :rtype: billpro.billing.event
        :raise UserError: If the payments are of several orders or one of them can't be merged.
        """
        if len(self) == 1 and not values:
            return self
        if len(self.order_id) != 1:
            raise UserError(self.env._("Only payments of the same order can be merged."))
        for event in self:
            if invoice := event._get_invoice_by_hand():
                raise UserError(
                    self.env._(
                        "Invoice %(invoice)s of payment %(event)s is posted. Credit it first, or"
                        " have it paid.",
                        invoice=invoice.name,
                        event=event.display_name,
                    )
                )
        self._apply_trigger('merge')
        self._discard_draft_invoices()
        starts = self.filtered('period_start').mapped('period_start')
        ends = self.filtered('period_end').mapped('period_end')
        merged = self.create(
            {
                'order_id': self.order_id.id,
                'number': 0,
                'due_date': due_date or fields.Datetime.now(),
                'period_start': min(starts, default=False),
                'period_end': max(ends, default=False),
                'amount': self.currency_id.round(sum(self.mapped('amount'))),
                **values,
            }
        )
        self.write({'merged_into_id': merged.id, 'requested_date': False})
        self.order_id._message_log(
            body=self.env._(
                "Payments %(sources)s were merged into one of %(amount)s.",
                sources=', '.join(self.mapped('display_name')),
                amount=merged.currency_id.format(merged.amount),
            )
        )
        return merged
