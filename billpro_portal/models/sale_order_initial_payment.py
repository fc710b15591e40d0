from contextlib import contextmanager

from odoo import Command, models
from odoo.exceptions import UserError

from ..billing.lifecycle import BEFORE_APPROVAL
from .own_context import is_inside


class SaleOrder(models.Model):
    """The initial payment: whether the customer can make it, and what its approval brings."""

    _inherit = 'sale.order'

    def _add_base_lines_for_early_payment_discount(self):
        """Override of `sale`: what a card pays at once has no discount for paying early."""
        if self.purchase_type:
            return []
        return super()._add_base_lines_for_early_payment_discount()

    def _prepare_invoice(self):
        """Override of `sale`: what a card pays at once has no term to pay it in."""
        values = super()._prepare_invoice()
        if is_inside(self.env, 'billing_paid_at_once'):
            values['invoice_payment_term_id'] = False
        return values

    def _get_initial_attempts(self):
        """Return the attempts to pay the initial payment, newest first.

        :rtype: payment.transaction
        """
        return self.billing_transaction_ids.filtered(
            lambda tx: (
                tx.operation != 'refund'
                and not tx.source_transaction_id
                and not tx.billing_event_id
                and not tx.billing_is_card_update
            )
        ).sorted('id', reverse=True)

    def _get_payment_in_progress(self):
        """Return the initial payment whose result is open and no longer in the customer's hands.

        :rtype: payment.transaction
        """
        return self._get_initial_attempts().filtered(
            lambda tx: (
                tx.state in {'pending', 'authorized'}
                or (tx.state == 'done' and not tx.is_post_processed)
                or (tx.state == 'draft' and tx._is_charged_by_us())
                or tx._is_at_payment_page()
            )
        )[:1]

    def _give_up_attempts(self):
        """Give up the attempts that were begun, before another one; the caller holds the lock.

        :return: Those that may be finished at any time, and those that were: nothing may be paid
                 beside them.
        :rtype: payment.transaction
        """
        self.ensure_one()
        under_way = self._get_initial_attempts()._give_up()
        return under_way | self._get_payment_in_progress()

    def _check_attempts_given_up(self):
        """Give up the attempts that were begun; the caller holds the lock.

        :raise UserError: If one of them is under way.
        """
        if under_way := self._give_up_attempts():
            raise UserError(
                self.env._(
                    "Payment %(reference)s of order %(order)s is under way and could not be ended"
                    " at the provider. Please try again when its result is known.",
                    reference=under_way[0].reference,
                    order=self.name,
                )
            )

    def _check_no_payment_in_progress(self):
        """Keep what the customer is paying for as it is while the money is under way.

        What an open page could still finish, at the terms that it has shown, is ended first.
        Confirming the order that it has paid may touch the lines: rewards are computed anew.

        :raise UserError: If a payment of an order awaits its result, or can't be ended.
        """
        for order in self.filtered(
            lambda order: (
                order.purchase_type
                and order.billing_status in BEFORE_APPROVAL
                and not order._is_being_confirmed()
            )
        ):
            if order.sudo()._get_payment_in_progress():
                raise UserError(
                    self.env._(
                        "A payment for order %s is being processed. The order can be changed"
                        " when its result is known.",
                        order.name,
                    )
                )
            order.sudo()._check_attempts_given_up()

    def _confirm_paid(self):
        """Confirm an order that is paid, unless staff have confirmed it before.

        :raise UserError: If that changes what was to be paid: another amount is never booked.
        """
        self.ensure_one()
        if self.state not in {'draft', 'sent'}:
            return
        purchase = self._get_purchase()
        agreed = purchase._get_initial_amount(self)
        with self._being_confirmed(), self._keeping_rewards():
            self.action_confirm()
        amount = purchase._get_initial_amount(self)
        if self.currency_id.compare_amounts(amount, agreed):
            raise UserError(
                self.env._(
                    "Confirming order %(order)s would change what is paid first from %(agreed)s to"
                    " %(amount)s. Put right what changes it, such as a promotion that has ended,"
                    " and try again.",
                    order=self.name,
                    agreed=self.currency_id.format(agreed),
                    amount=self.currency_id.format(amount),
                )
            )

    @contextmanager
    def _keeping_rewards(self):
        """Let rewards be those of the day on which the customer began to pay.

        Beside `sale_loyalty`, which asks Sale's own transactions of the order for that day. Ours
        are among them only meanwhile: they would wake Sale's own confirmation and mails.
        """
        paid = (
            self.sudo()
            ._get_initial_attempts()
            .filtered(lambda tx: tx.state in {'authorized', 'done'})
        )
        own = paid - self.sudo().transaction_ids if 'applied_coupon_ids' in self._fields else ()
        if not own:
            yield
            return
        self.sudo().transaction_ids = [Command.link(tx.id) for tx in own]
        yield  # What fails is rolled back.
        self.sudo().transaction_ids = [Command.unlink(tx.id) for tx in own]

    @contextmanager
    def _being_confirmed(self):
        """Let whatever is done to confirm the order change it.

        Not by the context, which clients send.
        """
        confirmed = self.env.cr.precommit.data.setdefault('billing_confirmed_orders', set())
        confirmed.add(self.id)
        try:
            yield
        finally:
            confirmed.discard(self.id)

    def _is_being_confirmed(self):
        """Return whether the payment of the order is what confirms it now.

        :rtype: bool
        """
        self.ensure_one()
        return self.id in self.env.cr.precommit.data.get('billing_confirmed_orders', ())

    def _get_not_payable_reason(self):
        """Return why the customer can't pay the initial payment now.

        :return: The reason in the customer's words, or False if they can pay.
        :rtype: str|bool
        """
        self.ensure_one()
        reason = False
        if self.billing_status not in BEFORE_APPROVAL:
            reason = self.env._("This order is not open for payment any more.")
        elif self.billing_status == 'draft':
            reason = self.env._("This order is not ready yet.")
        elif tx := self._get_payment_in_progress():
            reason = self._get_received_text(tx) or self.env._(
                "Your payment is already being processed."
            )
        elif self._get_other_payments_hold():
            reason = self._get_paid_in_another_way_text()
        elif self.is_expired:
            reason = self.env._("This offer has expired. Please contact us for a new one.")
        elif not self._is_anything_to_pay():
            reason = self.env._("There is nothing to pay on this order. Please contact us.")
        return reason

    def _get_received_text(self, tx):
        """Return that a payment is received, in the customer's words, though it isn't booked yet.

        :param payment.transaction tx: The payment.
        :return: The text, or False if it isn't received.
        :rtype: str|bool
        """
        if tx.state != 'done':
            return False
        if tx.operation == 'validation':
            return self.env._("Your card is registered. Your order is being completed.")
        return self.env._(
            "We have received your payment of %s. Your order is being completed.",
            tx.currency_id.format(tx.amount),
        )

    def _is_anything_to_pay(self):
        """Return whether the initial payment is one, or registers a card.

        :rtype: bool
        """
        purchase = self._get_purchase()
        amount = self.currency_id.compare_amounts(purchase._get_initial_amount(self), 0)
        return amount > 0 or (not amount and purchase._requires_card(self))

    def _approve_initial_payment(self, tx):
        """Confirm the order that a transaction has paid and create its draft invoice.

        :param payment.transaction tx: The confirmed transaction, its amount in the currency of
                                       the order.
        :return: The invoices that the transaction pays; empty if it must stay on account because
                 it doesn't fit the order any more.
        :rtype: account.move
        """
        self.ensure_one()
        if note := self._get_note_on_unfit_payment(tx):
            if tx.operation == 'validation':
                self._message_log(body=note)
            else:
                self._report_payment_on_account(tx, note)
            return self.env['account.move']
        purchase = self._get_purchase()
        if purchase._requires_card(self):
            self.billing_token_id = tx.token_id
            self.billing_anchor_date = purchase._get_anchor(self)
        self._confirm_paid()
        self._apply_billing_trigger(
            purchase._get_approval_trigger(self),
            self.env._("A card was registered (%s).", tx.reference)
            if tx.operation == 'validation'
            else self.env._(
                "%(amount)s were paid (%(reference)s).",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
            ),
        )
        invoices = self._create_initial_invoices()
        self._settle_with_advances(invoices)
        self._report_other_amount(invoices, 0 if tx.operation == 'validation' else tx.amount)
        self.env['billpro.billing.event'].sudo().create(purchase._prepare_first_events(self))
        self.env['billpro.notification']._queue(
            'purchase_confirmation', self, f'approved-{tx.id}', transaction_id=tx.id
        )
        return invoices

    def _get_note_on_unfit_payment(self, tx):
        """Return what staff must do about an approved payment that the order can't take.

        :param payment.transaction tx: The confirmed transaction.
        :return: The note, or None if the payment fits.
        :rtype: str|None
        """
        if not self.purchase_type:
            return self.env._(
                "%(amount)s were received for order %(order)s, which has no purchase type any more."
                " The payment is on the customer's account: refund it.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            )
        if self.billing_status not in BEFORE_APPROVAL:
            return self.env._(
                "%(amount)s were received for order %(order)s, which was already paid or"
                " closed. The payment is on the customer's account: refund it.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            )
        purchase = self._get_purchase()
        card = purchase._requires_card(self) and tx.token_id
        if card and not self._is_card_of_customer(card):
            return self.env._(
                "%(amount)s were received for order %(order)s with a card of somebody who is not"
                " its customer. The payment is on that customer's account: refund it.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            )
        return self._get_note_on_amount(tx)

    def _get_note_on_amount(self, tx):
        """Return what staff must do about an approved payment of another amount than is missing.

        :param payment.transaction tx: The confirmed transaction.
        :return: The note, or None if it is just what is missing.
        :rtype: str|None
        """
        due = self._get_amount_asked()
        is_other_amount = tx.currency_id != self.currency_id or self.currency_id.compare_amounts(
            0 if tx.operation == 'validation' else tx.amount, due
        )
        if tx.operation == 'validation' and is_other_amount:
            return self.env._(
                "A card was registered (%(reference)s), but %(due)s are still to be paid. The order"
                " link asks for them.",
                reference=tx.reference,
                due=self.currency_id.format(due),
            )
        others = self._get_other_payments()
        # Money that is here counts before what may never come; that is refunded if it does.
        if self._get_other_payments_hold(with_begun=False) or (others and is_other_amount):
            return self.env._(
                "%(amount)s were received for order %(order)s, which is paid in another way, too"
                " (%(others)s). The payment is on the customer's account: refund one of them.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
                others=others or '',
            )
        if is_other_amount:
            return self.env._(
                "%(amount)s were received for order %(order)s, but %(due)s are due. The"
                " payment is on the customer's account: refund it, or correct the order.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
                due=self.currency_id.format(due),
            )
        return None

    def _report_other_amount(self, invoices, amount):
        """Ask a person to look after invoices that leave another amount open than was paid.

        What staff have invoiced before the payment may not be what the lines are now.

        :param account.move invoices: The invoices of the initial payment.
        :param float amount: What is paid of them now, in the currency of the order.
        """
        is_open = sum(move.amount_residual for move in invoices)
        if self.currency_id.compare_amounts(is_open, amount):
            self._ask_staff(
                self.env._("The invoices of order %s differ from what was paid", self.name),
                self.env._(
                    "%(amount)s were paid, and its invoices have %(open)s open: %(invoices)s. Make"
                    " the invoice that is missing, or credit what is too much.",
                    amount=self.currency_id.format(amount),
                    open=self.currency_id.format(is_open),
                    invoices=', '.join(move.name or self.env._("Draft") for move in invoices),
                ),
            )

    def _create_initial_invoices(self):
        """Return the invoices of the initial payment that are open, as drafts or made by staff.

        What staff have invoiced before isn't invoiced a second time.

        :rtype: account.move
        """
        self.ensure_one()
        purchase = self._get_purchase()
        customers = self._get_card_owners().commercial_partner_id
        by_hand = self._get_documents().filtered(
            lambda move: move.commercial_partner_id in customers
        )
        invoiced = self._get_documented_amounts()['invoiced']
        is_full = self._is_settled_in_full()
        due = (purchase._get_full_amount if is_full else purchase._get_initial_amount)(self)
        invoices = by_hand.filtered(lambda move: move.move_type == 'out_invoice')
        if (
            self.currency_id.is_zero(invoiced)
            or self.currency_id.compare_amounts(invoiced, due) < 0
        ):
            invoices |= purchase._create_initial_invoice(self)
        (invoices | by_hand).billing_order_id = self
        invoices = invoices.filtered(
            lambda move: move.state == 'draft' or not move.currency_id.is_zero(move.amount_residual)
        )
        for invoice in invoices:
            invoice._portal_ensure_token()
        return invoices
