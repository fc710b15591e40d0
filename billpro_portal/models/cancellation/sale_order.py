from decimal import Decimal
from fractions import Fraction

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date, html2plaintext, plaintext2html

from ...billing.actions import OrderAction
from ...billing.lifecycle import PAID
from ...billing.proration import Span
from ...billing.rating import round_half_up
from ...billing.standing import get_resume_trigger


class SaleOrder(models.Model):
    """Cancelling a subscription: at once or when the paid period ends, and undoing it.

    From the moment of cancellation nothing is charged any more. What is on its way to the provider
    at that moment can't be called back; its outcome is awaited before the order ends.
    """

    _inherit = 'sale.order'

    billing_cancel_date = fields.Date(
        string="Access Until",
        readonly=True,
        copy=False,
        index='btree_not_null',
        help="The last day of a cancelled subscription; it is over when the day has passed.",
    )
    billing_cancel_requested_date = fields.Datetime(
        string="Cancelled On", readonly=True, copy=False
    )
    billing_cancel_reason_id = fields.Many2one(
        string="Cancellation Reason",
        comodel_name='billpro.cancel.reason',
        readonly=True,
        copy=False,
        ondelete='restrict',
    )
    billing_owes_arrears = fields.Boolean(
        string="Still Owes What Was Outstanding",
        readonly=True,
        copy=False,
        help="What was outstanding when it was cancelled is collected all the same.",
    )
    billing_cancel_note = fields.Text(string="Cancellation Note", readonly=True, copy=False)

    # === WHAT IS POSSIBLE === #

    def _can_be_cancelled(self):
        """Return whether the subscription can be cancelled now.

        :rtype: bool
        """
        return not self._get_billing_refusal_of(OrderAction.CANCEL)

    def _can_cancellation_be_undone(self):
        """Return whether a cancellation can still be taken back.

        :rtype: bool
        """
        return not self._get_billing_refusal_of(OrderAction.UNDO_CANCELLATION)

    def _billing_get_cancel_date(self, at_once):
        """Return the last day of the subscription if it were cancelled now.

        :param bool at_once: Whether to end it now instead of when the paid period ends.
        :return: The day; yesterday if it ends at once, which is also so when nothing is paid ahead,
                 and today if what is used is paid.
        :rtype: datetime.date
        """
        self.ensure_one()
        purchase = self._get_purchase()
        last_day = purchase._get_last_day_at_once(self)
        if at_once:
            return last_day
        # Who owes a period has it.
        owed = self._billing_get_arrears_to_owe()._get_last_days_charged()
        return max([last_day, purchase._get_paid_until(self), *owed])

    def _billing_get_arrears_to_owe(self):
        """Return what is outstanding and would still be owed if the subscription were cancelled.

        Of orders that are billed after their end all is, whatever the company wants; nothing by
        whoever leaves freely by law.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        is_waived = self.company_id.billing_cancel_arrears == 'waived'
        if (
            is_waived
            or self._billing_is_exit_free()
            or self._get_purchase()._is_billed_after_end(self)
        ):
            return self.env['billpro.billing.event']
        return self._billing_get_outstanding_events().filtered(
            lambda event: event.due_date <= fields.Datetime.now()
        )

    def _billing_cancels_at_once(self):
        """Return whether the subscription ends now if its customer cancels it.

        :return: Whether the company wants that, or the customer is paid back what is left.
        :rtype: bool
        """
        self.ensure_one()
        return self.company_id.billing_cancel_mode == 'now' or self._billing_is_exit_free()

    def _billing_check_can_cancel(self, at_once):
        """Check that the subscription can be cancelled now; what is cancelled may end earlier.

        :param bool at_once: Whether to end it now instead of when the paid period ends.
        :raise UserError: If it can't be cancelled.
        """
        self.ensure_one()
        refusal = self._get_billing_refusal_of(OrderAction.CANCEL)
        if refusal and not (at_once and self._can_cancellation_be_undone()):
            raise UserError(
                self.env._(
                    "Order %(order)s can't be cancelled any more: %(reason)s",
                    order=self.name,
                    reason=self._billing_describe_refusal(refusal),
                )
            )

    # === WHAT IS PAID FOR AND NOT USED === #

    def _billing_get_unused(self):
        """Return what is paid for the days of the running period that are left, today among them.

        The day of a cancellation at once isn't used, as that of a change belongs to what follows.

        :return: The days that are left, those of the period, what can be paid back for them, taxes
                 included, and of which payments; None if no paid period has today in it.
        :rtype: tuple[billing.proration.Span, int, float, payment.transaction]|None
        """
        self.ensure_one()
        today = self._billing_get_today()
        if spans := self._billing_get_paid_spans(today):
            longest = max(spans, key=lambda paid: paid[0].last)[0]
            unused = sum(amount * span.days_from(today) / span.days for span, amount, _i in spans)
            invoices = self.env['account.move'].union(*(invoice for _s, _a, invoice in spans))
            return (
                Span(today, longest.last),
                longest.days,
                *self._billing_limit_unused(unused, invoices),
            )
        found = self._get_purchase()._find_paid_period(self, today)
        if not found:
            return None
        first_day, last_day, invoice, _share = found
        changes = self.env['billpro.change']._find_settled(self, first_day)
        restart = self._billing_get_restart()
        period = Span(first_day, last_day)
        unused = self._billing_get_paid_for(first_day, invoice) * period.days_from(today)
        unused /= period.days
        for change in (changes - restart).filtered(lambda change: change._is_paid()):
            rest = Span(change.first_day, min(change.last_day, last_day))
            unused += Fraction(f'{change.amount:.10f}') * rest.days_from(today) / rest.days
        invoices = invoice | changes.event_ids.invoice_id
        return Span(today, last_day), period.days, *self._billing_limit_unused(unused, invoices)

    def _billing_limit_unused(self, unused, invoices):
        """Return what can be paid back of what isn't used, and of which payments.

        :param fractions.Fraction unused: What the days that are left have cost, taxes included.
        :param account.move invoices: What it was paid by.
        :rtype: tuple[float, payment.transaction]
        """
        txs = self._billing_get_refundable_transactions().filtered(
            lambda tx: tx.invoice_ids & invoices
        )
        amount = min(
            float(round_half_up(max(unused, 0), Decimal(repr(self.currency_id.rounding)))),
            sum(tx._billing_get_refundable_amount() for tx in txs),
        )
        return self.currency_id.round(amount), txs

    def _billing_get_paid_for(self, first_day, invoice):
        """Return what a paid period was billed with, what was charged once beside it left out.

        :param datetime.date first_day: The first day of the period.
        :param account.move invoice: Its invoice.
        :return: The amount, taxes included.
        :rtype: fractions.Fraction
        """
        event = self.billing_event_ids.filtered(
            lambda event: (
                event.number
                and event.period_start == first_day
                and event.status in {*PAID, 'merged'}
            )
        )[:1]
        restart = self._billing_get_restart()
        if restart and restart.first_day == first_day:
            # Another interval began: what it cost, before the credit for days of the one before.
            charged = restart.new(origin=restart)
            charged.credit = 0.0
            amount = charged._get_totals()[1]
        elif event:
            amount = event.amount + event.credit_amount - event.added_amount
        else:
            lines = self._billing_get_period_lines()
            billed = invoice.invoice_line_ids.filtered(lambda line: line.sale_line_ids & lines)
            amount = sum(billed.mapped('price_total'))
        return Fraction(f'{amount:.10f}')

    # === CANCELLING === #

    def _billing_cancel_subscription(self, at_once, reason=None, note=None, waives_arrears=False):
        """Cancel the subscription and confirm it to the customer.

        :param bool at_once: Whether to end it now instead of when the paid period ends.
        :param billpro.cancel.reason reason: Why, from the company's list.
        :param str note: Why, in the customer's words.
        :param bool waives_arrears: Whether nothing is owed any more, whatever the company wants.
        :raise UserError: If it can't be cancelled.
        """
        self.ensure_one()
        self._lock_billing()
        self._billing_check_can_cancel(at_once)
        to_do = [reason.name if reason else '', note]
        if at_once and self._billing_is_exit_free():
            to_do.append(
                self.env._(
                    "The renewal was announced too late: pay back %s, for the days that are left.",
                    self.currency_id.format(self._billing_get_free_exit_refund()),
                )
            )
        arrears = None if waives_arrears else self._billing_get_arrears_to_owe()
        self._billing_end_collection(at_once, reason, note, arrears)
        self._message_log(
            body=self.env._(
                "The subscription was cancelled, with access until %(date)s. %(reason)s %(note)s",
                date=format_date(self.env, self.billing_cancel_date),
                reason=reason.name if reason else '',
                note=note or '',
            ).strip()
        )
        self._billing_ask_staff(
            'cancelled',
            self.env._("Subscription cancelled: %s", self.name),
            '\n'.join(filter(None, to_do)),
        )
        self.env['billpro.notification']._queue(
            'cancelled', self, f'order-{self.id}-{self.billing_cancel_requested_date}'
        )

    def _billing_end_collection(self, at_once, reason=None, note=None, arrears=None):
        """Collect nothing more, but for what was used or is owed; the caller holds the lock.

        :param bool at_once: Whether the order ends now instead of when the paid period ends.
        :param billpro.cancel.reason reason: Why, from the company's list.
        :param str note: Why, in the customer's words.
        :param billpro.billing.event arrears: What is outstanding and still owed.
        """
        self.write(
            {
                'billing_cancel_date': self._billing_get_cancel_date(at_once),
                'billing_owes_arrears': bool(arrears),
                'billing_cancel_requested_date': fields.Datetime.now(),
                'billing_cancel_reason_id': reason.id if reason else False,
                'billing_cancel_note': note,
            }
        )
        if self._billing_is_collection_over():
            self.write({'billing_collection_date': False, 'billing_collection_amount': 0})
        self._billing_withdraw_unsent_attempts()
        if arrears:
            self._billing_drop_payments(arrears)
            self._billing_let_arrears_be_paid()
        self.env['billpro.usage.period']._follow_cancellation(self)
        self._billing_finish_cancellation()
        # What waits for the customer's bank is withdrawn there.
        self.env.ref('billpro_portal.cron_billing_run')._trigger()

    def _billing_let_arrears_be_paid(self):
        """Let a paused order that is cancelled go on for what it still owes, to be paid."""
        if self.billing_status != 'paused':
            return
        self.billing_pause_until = False
        self._apply_billing_trigger(
            get_resume_trigger(self.billing_event_ids._get_facts_for_order()),
            self.env._("What is outstanding is still owed."),
        )

    def _billing_undo_cancellation(self):
        """Take a cancellation back while the paid period lasts, and confirm it to the customer.

        :raise UserError: If it is too late.
        """
        self.ensure_one()
        self._lock_billing()
        if not self._can_cancellation_be_undone():
            raise UserError(
                self.env._("The cancellation of order %s can't be undone any more.", self.name)
            )
        requested = self.billing_cancel_requested_date
        self.write(
            {
                'billing_cancel_date': False,
                'billing_owes_arrears': False,
                'billing_cancel_requested_date': False,
                'billing_cancel_reason_id': False,
                'billing_cancel_note': False,
            }
        )
        self.env['billpro.usage.period']._follow_cancellation(self)
        dropped = self.billing_event_ids.filtered(
            lambda event: event.status == 'cancelled' and event.due_date > requested
        )
        dropped._apply_trigger('reinstate')
        if self.billing_status == 'paused':
            dropped._apply_trigger('pause')
        if not dropped:
            last = self.billing_event_ids.filtered('number').sorted('number')[-1:]
            last._schedule_next_events()
        self._billing_follow_payments()
        self._billing_withdraw_question('cancelled')
        self._message_log(body=self.env._("The cancellation was undone."))
        self.env['billpro.notification']._queue(
            'cancel_undone', self, f'order-{self.id}-{requested}'
        )

    # === MESSAGES OF CUSTOMERS === #

    def _billing_receive_customer_message(self, text, limit):
        """Put a customer's message into the chatter and ask the salesperson to answer it, once.

        :param str text: What the customer wrote.
        :param int limit: How many messages a day are taken.
        :raise UserError: If there is no text, or there were too many messages.
        """
        self.ensure_one()
        self._lock_billing()
        if not text:
            raise UserError(self.env._("Please write a message first."))
        since = fields.Datetime.subtract(fields.Datetime.now(), days=1)
        recent = self.message_ids.filtered(
            lambda message: (
                message.author_id == self.partner_id
                and message.message_type == 'comment'
                and message.date > since
            )
        )
        words = html2plaintext(plaintext2html(text))
        if words in [html2plaintext(message.body) for message in recent]:
            return  # Sent twice, by a double click or a reload.
        if len(recent) >= limit:
            raise UserError(
                self.env._("You have sent several messages today. We will answer them first.")
            )
        self.message_post(
            body=text,
            author_id=self.partner_id.id,
            message_type='comment',
            subtype_xmlid='mail.mt_comment',
        )
        self._billing_ask_staff('answer', self.env._("Answer the customer of %s", self.name), text)

    # === STAFF === #

    def action_open_cancel_subscription(self):
        """Open the dialog that cancels the subscription.

        :raise UserError: If it can't be cancelled.
        """
        self._billing_check_can_cancel(at_once=True)
        wizard = self.env['billpro.cancel.subscription'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Cancel Subscription"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_undo_cancellation(self):
        """Take the cancellation back, for staff.

        :raise AccessError: If the user may not.
        :raise UserError: If it is too late.
        """
        self._check_billing_user()
        self.sudo()._billing_undo_cancellation()
