from odoo import fields, models
from odoo.exceptions import UserError

from ...billing import references
from ...billing.actions import OrderAction, OrderRefusal
from ...billing.lifecycle import (
    COLLECTABLE_ORDERS,
    DECLINED,
    IN_FLIGHT,
    LIVE,
    OPEN,
)
from ...billing.lifecycle import PAID as PAID_EVENTS
from ..checkout.sale_order import PAID, UNFIT
from ..rights.own_context import is_inside


class SaleOrder(models.Model):
    """Orders that staff, customers or the books have paid, or ask to have paid.

    Staff charge an initial payment to a card that the customer has stored. *Create Invoice* on an
    order with scheduled payments makes the next one's invoice: Odoo would bill what is delivered,
    or ordered, and deduct down payments, a credit note, or an invoice of what the schedule collects
    as well. What was paid by another way than the order's link lets it go on all the same.
    """

    _inherit = 'sale.order'

    def _billing_get_cards_for_initial_payment(self):
        """Return the stored cards that staff may charge for the initial payment, newest first.

        :return: The cards in superuser mode.
        :rtype: payment.token
        """
        self.ensure_one()
        purchase = self._get_purchase()
        providers = (
            self.env['payment.provider']
            .sudo()
            ._get_compatible_providers(
                self.company_id.id,
                self.partner_invoice_id.id,
                self._billing_get_amount_asked(),
                currency_id=self.currency_id.id,
                force_tokenization=purchase._requires_card(self),
                sale_order_id=self.id,
            )
        )
        return self._billing_get_available_cards().filtered(
            lambda card: card.provider_id in providers and card.card_state != 'expired'
        )

    def _billing_get_refusal_to_charge_initially(self):
        """Return why staff can't charge a card for the initial payment.

        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        reason = False
        refusal = self._get_billing_refusal_of(OrderAction.CHARGE_CARD)
        if refusal is OrderRefusal.ORDINARY:
            reason = self.env._("Order %s has no purchase type: choose one first.", self.name)
        elif refusal in {OrderRefusal.STATUS, OrderRefusal.SALE_STATE}:
            reason = self.env._(
                "The initial payment of order %(order)s can't be charged any more: its billing"
                " status is “%(status)s”.",
                order=self.name,
                status=self._get_billing_status_label(),
            )
        elif self._billing_get_payment_in_progress():
            reason = self.env._(
                "A payment for order %s is being processed. Please wait for its result.", self.name
            )
        elif refusal is OrderRefusal.PAID_OTHERWISE:
            reason = self.env._(
                "Order %(order)s was paid in another way, or is being paid: %(others)s.",
                order=self.name,
                others=self._billing_get_other_payments(),
            )
        elif refusal is OrderRefusal.NOT_AGREED:
            reason = self.env._(
                "Order %(order)s goes on with order %(before)s: its customer has to agree on its"
                " page.",
                order=self.name,
                before=self.billing_predecessor_id.name,
            )
        elif self.is_expired:
            reason = self.env._("The offer of order %s has expired. Prolong it first.", self.name)
        elif not self._billing_is_anything_to_pay():
            reason = self.env._("There is nothing to pay on order %s.", self.name)
        return reason

    def _billing_create_initial_charge(self, token, has_consent):
        """Create the transaction that charges a stored card for the initial payment.

        :param payment.token token: The card.
        :param bool has_consent: Whether the customer agreed, by other means than the checkout.
        :return: The transaction, not sent to the provider yet.
        :rtype: payment.transaction
        :raise UserError: If the order can't be paid now, or not with this card.
        """
        self.ensure_one()
        self._lock_billing()
        self._check_billing_initial_charge(token, has_consent)
        self._check_billing_attempts_given_up()
        number = len(self._billing_get_initial_attempts()) + 1
        tx = self.env['payment.transaction'].create(
            self._prepare_billing_initial_charge(token, number)
        )
        self._message_log(
            body=self.env._(
                "%(user)s charges %(card)s for the initial payment (%(reference)s). The customer"
                " agreed by other means.",
                user=self.env.user.name,
                card=token._get_card_name(),
                reference=tx.reference,
            )
        )
        return tx

    def _check_billing_initial_charge(self, token, has_consent):
        """Check that a card may be charged for the initial payment now; the caller has the lock.

        :param payment.token token: The card.
        :param bool has_consent: Whether the customer agreed.
        :raise UserError: If not; the message says why.
        """
        if refusal := self._billing_get_refusal_to_charge_initially():
            raise UserError(refusal)
        self._get_purchase()._check_order(self)
        if not has_consent:
            raise UserError(
                self.env._("Confirm that the customer agreed to the order and to this charge.")
            )
        if not token or token not in self._billing_get_cards_for_initial_payment():
            raise UserError(self.env._("Order %s can't be charged to this card.", self.name))
        self._check_billing_amounts_can_be_paid(token.provider_id)
        if refusal := self.env['billpro.books']._get_refusal_of_order(self, token.provider_id):
            raise UserError(
                self.env._("It is not charged, as it can't be booked: %s", refusal),
            )

    def _prepare_billing_initial_charge(self, token, number):
        """Return the values of the transaction that charges the initial payment.

        :param payment.token token: The card.
        :param int number: The number of the attempt.
        :rtype: dict
        """
        amount = self._billing_get_amount_asked()
        return {
            'provider_id': token.provider_id.id,
            'payment_method_id': token.payment_method_id.id,
            'token_id': token.id,
            'operation': 'validation' if self.currency_id.is_zero(amount) else 'offline',
            'reference': self.env['payment.transaction']._compute_reference(
                token.provider_id.code, prefix=references.initial_payment(self.name, number)
            ),
            'amount': amount,
            'currency_id': self.currency_id.id,
            'partner_id': self.partner_invoice_id.id,
            'billing_order_id': self.id,
        }

    def action_open_charge_card(self):
        """Open the dialog that charges a stored card for the initial payment.

        :raise AccessError: If the user may not.
        :raise UserError: If the order can't be charged, or the customer has no card.
        """
        self.ensure_one()
        self._check_billing_user()
        order_sudo = self.sudo()
        if refusal := order_sudo._billing_get_refusal_to_charge_initially():
            raise UserError(refusal)
        order_sudo._get_purchase()._check_order(order_sudo)
        cards = order_sudo._billing_get_cards_for_initial_payment()
        if not cards:
            raise UserError(
                self.env._(
                    "%s has no stored card that can be charged for this order. Send the order"
                    " link instead.",
                    self.partner_id.display_name,
                )
            )
        wizard = self.env['billpro.charge.card'].create(
            {'order_id': self.id, 'token_id': cards[0].id}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Charge a Stored Card"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    # === ANOTHER CARD === #

    def _billing_adopt_registered_card(self, tx):
        """Select the card that the customer has registered, and ask to collect what is owed.

        :param payment.transaction tx: The confirmed registration.
        """
        self.ensure_one()
        if (
            not tx.token_id
            or not self._billing_can_change_cards()
            or not self._billing_is_card_of_customer(tx.token_id)
        ):
            self._message_log(
                body=self.env._(
                    "A card was registered (%s) when the order could not use it.", tx.reference
                )
            )
            return
        self._billing_select_card(tx.token_id, for_all_orders=tx.billing_for_all_orders)
        if tx.billing_collect_amount:
            try:
                self._billing_request_collection(tx.billing_collect_amount)
            except UserError as error:  # The card stays; the order's page tells what is owed.
                self._message_log(body=str(error))

    # === INVOICE BY HAND === #

    def _create_invoices(self, grouped=False, final=False, date=None):
        """Override of `sale`: scheduled payments have their own invoices."""
        scheduled = self.filtered(lambda order: order._billing_is_invoiced_by_schedule())
        if not scheduled or is_inside(self.env, 'billing_paid_at_once'):
            return super()._create_invoices(grouped=grouped, final=final, date=date)
        invoices, refusals = scheduled._billing_create_next_invoices()
        if others := self - scheduled:
            others = others.with_context(raise_if_nothing_to_invoice=False)
            invoices |= super(SaleOrder, others)._create_invoices(
                grouped=grouped, final=final, date=date
            )
        if not invoices and self.env.context.get('raise_if_nothing_to_invoice', True):
            raise UserError('\n'.join(refusals))
        return invoices.with_env(self.env)

    def _billing_is_invoiced_by_schedule(self):
        """Return whether payments are scheduled that have, or will have, invoices of their own.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.purchase_type
            and self.billing_status in LIVE
            and OPEN & set(self.sudo().billing_event_ids.mapped('status'))
        )

    def _billing_create_next_invoices(self):
        """Create the draft invoice of the next payment of each order.

        The card is charged for it on its day. If staff post it, and it is paid in another way
        before, it isn't charged any more.

        :return: The invoices, due when their payments are, and why others have none.
        :rtype: tuple[account.move, list[str]]
        :raise AccessError: If the user may not change the orders.
        """
        self.check_access('write')
        orders = self.sudo()
        orders._lock_billing()
        invoices, refusals = self.env['account.move'].sudo(), []
        for order in orders:
            event = order._billing_get_next_event_to_invoice()
            if not event:
                refusals.append(order._billing_get_refusal_to_invoice())
                continue
            order._get_purchase()._create_event_invoices(event)
            if not self.env['billpro.billing.run'].sudo()._set_aside_wrong_invoices(event):
                refusals.append(event.status_message)
                continue
            event.invoice_id.invoice_date_due = max(
                order._billing_get_date(event.due_date), order._billing_get_today()
            )
            invoices |= event.invoice_id
        return invoices, refusals

    def _billing_get_events_to_collect(self):
        """Return the payments that are to be collected, the next one first.

        :rtype: billpro.billing.event
        """
        self.ensure_one()
        return self.billing_event_ids.filtered(
            lambda event: event.status in {'scheduled', *DECLINED}
        ).sorted(lambda event: (event.due_date, event.number))

    def _billing_get_next_event_to_invoice(self):
        """Return the next payment that is to be collected and has no invoice yet.

        :rtype: billpro.billing.event
        """
        return self._billing_get_events_to_collect().filtered(lambda event: not event.invoice_id)[
            :1
        ]

    def _billing_get_refusal_to_invoice(self):
        """Return why there is no payment to invoice.

        :rtype: str
        """
        self.ensure_one()
        if events := self._billing_get_events_to_collect():
            return self.env._(
                "All scheduled payments of order %(order)s have their invoices: %(invoices)s.",
                order=self.name,
                invoices=', '.join(events.invoice_id.mapped('display_name')),
            )
        return self.env._(
            "Order %(order)s has no payment to invoice now: it is “%(status)s”.",
            order=self.name,
            status=self._get_billing_status_label(),
        )

    # === RETURNS === #

    def _billing_collects_returned(self):
        """Return whether what a bank has taken back is collected again by the order's schedule.

        :rtype: bool
        """
        self.ensure_one()
        return bool(
            self.purchase_type
            and self._get_purchase()._has_schedule
            and self.billing_token_id
            and not self._billing_is_collection_over()
            and self.billing_status in {*LIVE, 'complete'}
        )

    def _billing_create_event_of_return(self, tx):
        """Create the scheduled payment of an initial one that a bank has taken back.

        :param payment.transaction tx: The initial payment.
        :return: The payment, as if it had been collected; none if it has not just one invoice.
        :rtype: billpro.billing.event
        """
        self.ensure_one()
        events = self.env['billpro.billing.event'].sudo()
        if len(tx.invoice_ids) != 1 or tx.currency_id != self.currency_id:
            return events
        first_day, last_day = self._get_purchase()._get_initial_period(self)
        event = events.create(
            {
                'order_id': self.id,
                'number': 0,
                'due_date': tx.create_date,
                'period_start': first_day,
                'period_end': last_day,
                'amount': tx.amount,
                'note': self.env._("Initial payment"),
                'status': 'completed',
                'invoice_id': tx.invoice_ids.id,
                'attempt_count': 1,
            }
        )
        tx.write({'billing_event_id': event.id, 'billing_attempt': 1})
        return event

    # === PAID ELSEWHERE === #

    def _billing_follow_other_payments(self):
        """Go on with an order that was paid in another way; the caller holds the lock.

        What an open checkout could still collect is ended, unless it is just what is missing. If
        no card is needed, the order begins. Otherwise its link asks for the card, or for the rest.
        What doesn't fit is left to a person, who is asked once.
        """
        self.ensure_one()
        hold = self._billing_get_other_payments_hold()
        if not self._billing_end_unfit_attempts(hold):
            return  # Its result is awaited.
        if hold == PAID:
            self._billing_begin_paid_elsewhere()
        is_unfit = hold == UNFIT
        if is_unfit == self.billing_other_payments_told:
            return
        self.billing_other_payments_told = is_unfit
        if not is_unfit:  # It was put right.
            self._billing_withdraw_question('paid-otherwise')
        else:
            self._billing_ask_staff(
                'paid-otherwise',
                self.env._("Order %s was paid or invoiced in another way", self.name),
                self.env._(
                    "%(reason)s Its link collects nothing until that is put right: cancel or"
                    " credit the invoice, or pay the customer back and make a new order.\n"
                    "%(names)s",
                    reason=self._billing_get_unfit_reason(),
                    names=self._billing_get_other_payments() or '',
                ),
            )

    def _billing_end_unfit_attempts(self, hold):
        """End the begun payments by the link that don't collect what is missing.

        :param str|bool hold: Why the link collects nothing, if it does.
        :return: Whether nothing is under way that doesn't fit.
        :rtype: bool
        """
        asked = self._billing_get_amount_asked()
        unfit = self._billing_get_initial_attempts().filtered(
            lambda tx: (
                hold
                or tx.currency_id.compare_amounts(
                    0 if tx.operation == 'validation' else tx.amount, asked
                )
            )
        )
        under_way = unfit._billing_give_up() | (unfit & self._billing_get_payment_in_progress())
        transfers = under_way.filtered('billing_awaits_transfer')
        if transfers and hold in {PAID, False} and self._billing_get_amount_received() > 0:
            # No provider will tell of it: this is the money that it waited for, or a part of it.
            self._billing_end_transfers(self.env._("The money came in another way."))
        under_way -= transfers
        # Staff were asked to release what was reserved.
        return not under_way.filtered(
            lambda tx: tx.state != 'authorized' or not tx.is_post_processed
        )

    def _billing_begin_paid_elsewhere(self):
        """Confirm the order that the books know to be paid, and go on as if paid by its link.

        The customer has agreed to nothing here, so no consent is recorded.
        """
        self.ensure_one()
        names = self._billing_get_other_payments()
        self._billing_confirm_paid()
        self._apply_billing_trigger(
            'complete',
            self.env._(
                "It was paid in another way: %s. The customer was not asked to agree to the terms"
                " at the checkout.",
                names,
            ),
        )
        invoices = self._billing_create_initial_invoices()
        self._billing_reconcile_with_advances(invoices)
        self._billing_report_other_amount(invoices, 0)
        self.env['billpro.notification']._queue(
            'purchase_confirmation', self, f'paid-elsewhere-{self.id}'
        )

    def _billing_book_paid_elsewhere(self):
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
                    tx._billing_get_invoices_paid() == event.invoice_id
                    and not tx.billing_order_id
                    and not tx.currency_id.compare_amounts(tx.amount, event.amount)
                )
            ):
                event.attempt_count += 1
                tx._billing_take_over(
                    self,
                    event.invoice_id,
                    billing_event_id=event.id,
                    billing_attempt=event.attempt_count,
                )
                tx._billing_tell_customer('payment_received')
        events._schedule_next_events()
        self._billing_follow_payments()
        events._follow_collection()

    # === WHAT IS OWED === #

    def _billing_get_refusal_to_collect(self):
        """Return why the customer can't pay what is outstanding with the selected card.

        :return: The reason in the customer's words, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        reason = False
        card = self.billing_token_id
        if self.billing_status not in COLLECTABLE_ORDERS or self._billing_is_collection_over():
            return self.env._("Nothing can be paid on this order at the moment.")
        if not card.active or card not in self._billing_get_available_cards():
            return self.env._("The selected card can't be charged any more. Please add another.")
        if card.card_state == 'expired':
            return self.env._("The selected card has expired. Please add another.")
        events = self._billing_get_outstanding_events()
        if any(event._is_card_spent() for event in events):
            return self.env._("The selected card was declined for good. Please add another.")
        if any(event._is_tried_too_often(by_customer=True) for event in events):
            return self.env._("The selected card was tried too often. Please add another.")
        if any(e._is_invoice_touched() or e._get_refusal_by_invoice() for e in events) or (
            len(events) > 1 and any(event._get_invoice_by_hand() for event in events)
        ):
            reason = self.env._(
                "A part of it is paid in another way, or is to be paid by invoice. Please contact"
                " us."
            )
        return reason

    # === COLLECTING IT === #

    def _billing_request_collection(self, amount):
        """Note that the customer asks to collect what is outstanding; the caller holds the lock.

        :param float amount: What the customer agreed to, in the currency of the order.
        :raise UserError: If it is another amount by now, or can't be collected.
        """
        self.ensure_one()
        if self._billing_is_collection_under_way():
            raise UserError(
                self.env._(
                    "A payment of this order is being processed. Please wait for its result; you"
                    " are not charged twice."
                )
            )
        self._billing_book_paid_elsewhere()
        outstanding = sum(self._billing_get_outstanding_events().mapped('amount'))
        if self.currency_id.is_zero(outstanding):
            raise UserError(self.env._("Nothing is outstanding any more."))
        if self.currency_id.compare_amounts(outstanding, amount):
            raise UserError(
                self.env._(
                    "%s are outstanding now. Please check the amount and try again.",
                    self.currency_id.format(outstanding),
                )
            )
        if reason := self._billing_get_refusal_to_collect():
            raise UserError(reason)
        self.write(
            {
                'billing_collection_date': fields.Datetime.now(),
                'billing_collection_amount': outstanding,
            }
        )
        self.env.ref('billpro_portal.cron_billing_run')._trigger()

    def _billing_take_collection_request(self):
        """Turn the customer's request into one payment that is due now.

        The caller holds the lock of the order. Nothing happens while the outcome of another
        payment is open: the request waits for it. If something else is owed by then than what the
        customer agreed to, the request is dropped and the customer is asked again.

        :return: The payment to collect; empty if there is none, or not yet.
        :rtype: billpro.billing.event
        """
        self.ensure_one()
        none = self.env['billpro.billing.event']
        if not self.billing_collection_date or self._billing_get_open_authentication():
            return none
        if self.billing_event_ids.filtered(
            lambda event: event.status in IN_FLIGHT or event._is_paid_but_not_booked()
        ):
            return none
        self._billing_book_paid_elsewhere()
        events = self._billing_get_outstanding_events()
        is_agreed = not self.currency_id.compare_amounts(
            sum(events.mapped('amount')), self.billing_collection_amount
        )
        self.write({'billing_collection_date': False, 'billing_collection_amount': 0})
        if not events or not is_agreed or self._billing_get_refusal_to_collect():
            return none
        events.is_above_cap = False  # They have agreed to it.
        event = events._merge()
        event.requested_date = fields.Datetime.now()
        return event
