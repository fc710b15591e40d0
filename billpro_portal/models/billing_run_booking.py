import logging

import psycopg2

from odoo import api, models
from odoo.exceptions import UserError, ValidationError

from ..billing.lifecycle import DECLINED, IN_FLIGHT, PAID
from .billing_run import BATCH_CONTEXT, CHARGEABLE_ORDERS

_logger = logging.getLogger(__name__)

BOOKING_TRIES = 5


class BillproBillingRun(models.Model):
    """The third phase of the charge run: book what the providers answered.

    It touches the database only, does nothing twice, and may be repeated at any time.
    """

    _inherit = 'billpro.billing.run'

    @api.model
    def _get_attempts_to_book(self):
        """Return the answered attempts whose events don't know it yet.

        :rtype: payment.transaction
        """
        return self.env['payment.transaction'].search(
            [
                ('billing_event_id.status', 'in', list(IN_FLIGHT)),
                ('is_post_processed', '=', False),
                ('state', 'in', ['done', 'error', 'cancel', 'pending']),
            ]
        )

    @api.model
    def _book_answered(self):
        """Book all attempts that were answered and commit; begin anew when others were faster.

        :return: How many could not be booked.
        :rtype: int
        """
        for _try in range(BOOKING_TRIES):
            try:
                failed = self._book(self._get_attempts_to_book())
                # Booked: nothing that follows in this request may undo it.
                self.env.cr.commit()  # pylint: disable=invalid-commit
                return failed
            except psycopg2.OperationalError:
                self.env.cr.rollback()  # What is left is booked by the next run.
        return 0

    @api.model
    def _book(self, txs):
        """Record what became of attempts: invoices, payments, events, orders, next events.

        Does nothing for what is booked already. An order that fails is set aside with the reason;
        the others go on.

        :param payment.transaction txs: Attempts, whatever their state.
        :return: How many could not be booked.
        :rtype: int
        """
        txs = txs.with_context(**BATCH_CONTEXT).filtered(lambda tx: tx.state != 'draft')
        if not txs:
            return 0
        # Orders that another worker is booking, or a customer is acting on, are left for later.
        orders = txs.billing_order_id.try_lock_for_update(allow_referencing=True)
        txs = txs.filtered(lambda tx: tx.billing_order_id in orders)
        try:
            with self.env.cr.savepoint():
                self._book_batch(txs)
        except (UserError, ValidationError, psycopg2.IntegrityError) as error:
            if len(txs) > 1:
                return sum(self._book(tx) for tx in txs)
            self._set_aside(txs, error)
            return 1
        return 0

    @api.model
    def _set_aside(self, tx, error):
        """Leave an attempt that can't be booked to a person.

        :param payment.transaction tx: The attempt.
        :param Exception error: Why it can't be booked.
        """
        _logger.warning("Attempt %s can't be booked: %s", tx.reference, error)
        tx.billing_event_id.status_message = str(error)
        tx.billing_order_id._report_payment_on_account(
            tx,
            self.env._(
                "Payment %(reference)s was answered by the provider but can't be booked:"
                " %(reason)s",
                reference=tx.reference,
                reason=error,
            ),
        )

    @api.model
    def _book_batch(self, txs):
        approved = txs.filtered(lambda tx: tx.state == 'done' and not tx.payment_id)
        self._book_payments(approved)
        for tx in approved:
            event = tx.billing_event_id
            if event.status in PAID:
                tx.billing_order_id._report_payment_on_account(
                    tx,
                    self.env._(
                        "Payment %s was collected twice. The second one is on the customer's"
                        " account: refund it.",
                        event.display_name,
                    ),
                )
            else:
                was_in_flight = event.status in IN_FLIGHT
                event._apply_trigger(
                    'recover' if was_in_flight and event.attempt_count > 1 else 'approve'
                )
        declined = txs.filtered(
            lambda tx: tx.state in {'error', 'cancel'} and tx.billing_event_id.status in IN_FLIGHT
        )
        for tx in declined:
            tx.billing_event_id._apply_trigger('decline_soft', tx.state_message)
        unknown = txs.filtered(
            lambda tx: tx.billing_outcome_unknown and tx.billing_event_id.status == 'processing'
        )
        for tx in unknown:
            tx.billing_event_id._apply_trigger('lose', tx.state_message)
        (approved | declined).is_post_processed = True
        self._schedule_next_events(approved.billing_event_id)
        self._update_orders(txs.billing_order_id)

    @api.model
    def _book_payments(self, txs):
        """Post the invoices of approved attempts, create their payments and reconcile them.

        :param payment.transaction txs: Approved attempts without a payment.
        """
        if not txs:
            return
        first_payments = txs.filtered(lambda tx: tx.billing_event_id.status not in PAID)
        first_payments.invoice_ids.filtered(lambda move: move.state == 'draft').action_post()
        payments = txs.env['account.payment'].create([tx._prepare_event_payment() for tx in txs])
        payments.action_post()
        plan = []
        for tx, payment in zip(txs, payments, strict=True):
            tx.payment_id = payment
            if tx in first_payments:
                plan.append(
                    (payment.move_id.line_ids + tx.invoice_ids.line_ids).filtered(
                        lambda line, payment=payment: (
                            line.account_id == payment.destination_account_id
                            and not line.reconciled
                        )
                    )
                )
        txs.env['account.move.line']._reconcile_plan(plan)

    @api.model
    def _schedule_next_events(self, events):
        """Create the payments that follow the ones that are through.

        :param billpro.billing.event events: Paid events.
        """
        values_list = []
        for event in events.filtered(lambda event: event.status in PAID):
            known = set(event.order_id.billing_event_ids.mapped('number'))
            values_list += [
                values
                for values in event.order_id._get_purchase()._prepare_next_events(event)
                if values['number'] not in known
            ]
        self.env['billpro.billing.event'].create(values_list)

    @api.model
    def _update_orders(self, orders):
        """Move orders through the status table by the state of their payments.

        :param sale.order orders: Orders with answered attempts.
        """
        for order in orders:
            if order.billing_status not in (*CHARGEABLE_ORDERS, 'suspended'):
                continue
            trigger = order._get_purchase()._get_event_trigger(order)
            if trigger == 'decline_soft' and order.billing_status == 'failed':
                continue
            if trigger:
                order._apply_billing_trigger(trigger, self._get_reason(order))

    @api.model
    def _get_reason(self, order):
        events = order.billing_event_ids
        # The one that was declined may have been cancelled or skipped since.
        last = (events.filtered(lambda e: e.status in PAID | DECLINED) or events)[-1:]
        return self.env._(
            "Payment %(event)s: %(status)s.",
            event=last.display_name,
            status=dict(last._fields['status']._description_selection(self.env))[last.status],
        )
