from odoo import api, models

from ..billing.lifecycle import IN_FLIGHT
from ..billing.lifecycle import PAID as PAID_EVENTS
from .sale_order_other_payments import PAID, UNFIT


class SaleOrder(models.Model):
    """What follows when an order is paid by another way than its link: it goes on all the same."""

    _inherit = 'sale.order'

    def _follow_other_payments(self):
        """Go on with an order that was paid in another way; the caller holds the lock.

        What an open checkout could still collect is ended, unless it is just what is missing. If
        no card is needed, the order begins. Otherwise its link asks for the card, or for the rest.
        What doesn't fit is left to a person, who is asked once.
        """
        self.ensure_one()
        hold = self._get_other_payments_hold()
        if not self._end_unfit_attempts(hold):
            return  # Its result is awaited.
        if hold == PAID:
            self._begin_paid_elsewhere()
        is_unfit = hold == UNFIT
        if is_unfit == self.billing_other_payments_told:
            return
        self.billing_other_payments_told = is_unfit
        summary = self.env._("Order %s was paid or invoiced in another way", self.name)
        if not is_unfit:  # It was put right.
            self.activity_ids.filtered(lambda activity: activity.summary == summary).unlink()
        else:
            self._ask_staff(
                summary,
                self.env._(
                    "%(reason)s Its link collects nothing until that is put right: cancel or"
                    " credit the invoice, or pay the customer back and make a new order.\n"
                    "%(names)s",
                    reason=self._get_unfit_reason(),
                    names=self._get_other_payments() or '',
                ),
            )

    def _end_unfit_attempts(self, hold):
        """End the begun payments by the link that don't collect what is missing.

        :param str|bool hold: Why the link collects nothing, if it does.
        :return: Whether nothing is under way that doesn't fit.
        :rtype: bool
        """
        asked = self._get_amount_asked()
        unfit = self._get_initial_attempts().filtered(
            lambda tx: (
                hold
                or tx.currency_id.compare_amounts(
                    0 if tx.operation == 'validation' else tx.amount, asked
                )
            )
        )
        under_way = unfit._give_up() | (unfit & self._get_payment_in_progress())
        if hold == PAID and (transfer := under_way.filtered('billing_awaits_transfer')):
            # No provider will tell of it: this is the money that it waited for.
            transfer._set_canceled(state_message=self.env._("The money came in another way."))
            under_way -= transfer
        # Staff were asked to release what was reserved.
        return not under_way.filtered(
            lambda tx: tx.state != 'authorized' or not tx.is_post_processed
        )

    def _begin_paid_elsewhere(self):
        """Confirm the order that the books know to be paid, and go on as if paid by its link.

        The customer has agreed to nothing here, so no consent is recorded.
        """
        self.ensure_one()
        names = self._get_other_payments()
        self._confirm_paid()
        self._apply_billing_trigger(
            'complete',
            self.env._(
                "It was paid in another way: %s. The customer was not asked to agree to the terms"
                " at the checkout.",
                names,
            ),
        )
        invoices = self._create_initial_invoices()
        self._settle_with_advances(invoices)
        self._report_other_amount(invoices, 0)
        self.env['billpro.notification']._queue(
            'purchase_confirmation', self, f'paid-elsewhere-{self.id}'
        )

    def _book_paid_elsewhere(self):
        """Book scheduled payments whose invoices were paid in another way; the caller has the lock.

        They are through as if the run had collected them.
        """
        self.ensure_one()
        events = self.billing_event_ids.filtered(
            lambda event: (
                event.status not in {*PAID_EVENTS, *IN_FLIGHT, 'merged'}
                and event._is_paid_elsewhere()
            )
        )
        if not events:
            return
        self.env['billpro.billing.run']._give_up_unsent_attempts(events)
        self._message_log(
            body=self.env._(
                "%(events)s: paid in another way, by invoice %(invoices)s.",
                events=', '.join(events.mapped('display_name')),
                invoices=', '.join(events.invoice_id.mapped('name')),
            )
        )
        events._apply_trigger('approve', self.env._("Paid in another way."))
        events.requested_date = False
        for event in events:
            for tx in event.invoice_id.transaction_ids.filtered(
                lambda tx, event=event: (
                    tx._get_invoices_paid() == event.invoice_id
                    and not tx.billing_order_id
                    and not tx.currency_id.compare_amounts(tx.amount, event.amount)
                )
            ):
                event.attempt_count += 1
                tx._take_over(
                    self,
                    event.invoice_id,
                    billing_event_id=event.id,
                    billing_attempt=event.attempt_count,
                )
                tx._tell_customer('payment_received')
        events._schedule_next_events()
        self._follow_payments()
        events._follow_collection()

    def _settle_with_advances(self, invoices):
        """Pay invoices with the money that came before them.

        :param account.move invoices: The invoices of the initial payment, drafts or posted.
        """
        received, paid_back = self._get_advance_lines()
        if received:
            invoices.filtered(lambda move: move.state == 'draft').action_post()
            self._reconcile_advances(received | paid_back, invoices)
        documents = self._get_documents()
        for tx in self._get_other_transactions():
            paid = tx._get_invoices_paid()
            # What has paid other invoices, too, isn't the order's alone.
            if (
                tx.payment_id.is_reconciled
                and tx._get_orders_paid_elsewhere() == self
                and paid <= documents
            ):
                tx._take_over(self, paid)

    @api.model
    def _reconcile_advances(self, advances, invoices):
        open_lines = (advances | invoices.line_ids).filtered(
            lambda line: line.account_id.account_type == 'asset_receivable' and not line.reconciled
        )
        for lines in open_lines.grouped('account_id').values():
            if len(lines) > 1:
                lines.reconcile()
