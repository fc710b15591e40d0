from odoo import Command, fields, models
from odoo.exceptions import UserError

from ...billing.lifecycle import BEFORE_APPROVAL


class PaymentTransaction(models.Model):
    """Initial payments that need no browser: staff charge a stored card, or find a transfer."""

    _inherit = 'payment.transaction'

    billing_journal_id = fields.Many2one(
        string="Journal of the Transfer",
        comodel_name='account.journal',
        readonly=True,
        copy=False,
        help="Where a person has found the money.",
    )

    # === STORED CARDS === #

    def _billing_charge_by_staff(self):
        """Charge a stored card for the initial payment, and book what comes of it.

        Declined, the order is rejected; approved, it begins as if the customer had paid. What the
        bank wants the customer to confirm waits for them, who are sent the order's link. A card is
        only selected where nothing is to be paid.
        """
        self.ensure_one()
        if self.operation == 'validation':
            self._set_done()
        else:
            self._billing_charge_initial_payment()
        if self.state in {'done', 'error', 'cancel'}:
            self._billing_book_alone()
        elif self._billing_waits_for_customer():
            self.env['billpro.notification']._queue(
                'payment_authentication',
                self.billing_order_id,
                f'payment-{self.id}',
                transaction_id=self.id,
            )

    def _billing_book_declined_charges_of_staff(self):
        """Reject the orders whose stored card was declined for the initial payment."""
        for tx in self.filtered(
            lambda tx: (
                tx._billing_is_charge_of_staff()
                and tx._billing_is_declined_but_not_booked()
                and not tx.billing_superseded
                and tx.billing_order_id.billing_status in BEFORE_APPROVAL
            )
        ):
            tx.billing_order_id._lock_billing()
            tx.billing_order_id._apply_billing_trigger(
                'reject',
                self.env._(
                    "%(card)s was declined for the initial payment (%(reference)s): %(reason)s",
                    card=tx._get_card_name(),
                    reference=tx.reference,
                    reason=tx.state_message or self.env._("no reason was given."),
                ),
            )
            tx.is_post_processed = True

    def _billing_get_initial_charge_notification(self):
        """Return the message that tells staff how the charge of a stored card ended.

        :return: A client action.
        :rtype: dict
        """
        self.ensure_one()
        waiting = (
            'warning',
            self.env._(
                "The result isn't known yet. Nothing else is charged for this order until it is."
            ),
        )
        if self._billing_waits_for_customer():
            waiting = ('warning', self._billing_get_authentication_text())
        kind, message = {
            'done': ('success', self.env._("The initial payment is approved.")),
            'error': (
                'danger',
                self.env._("The card was declined: %s", self.state_message or ''),
            ),
            'cancel': ('danger', self.env._("The card was declined.")),
        }.get(self.state, waiting)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': kind,
                'message': message,
                'sticky': kind != 'success',
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def _billing_get_authentication_text(self):
        """Return that the customer's bank wants the customer, and how they learn of it, for staff.

        :rtype: str
        """
        self.ensure_one()
        if self.billing_order_id.billing_notification_ids.filtered(
            lambda notice: notice.kind == 'payment_authentication' and notice.transaction_id == self
        ):
            return self.env._(
                "The customer's bank wants the customer to confirm it. The order's link, where they"
                " do that, is sent to them; you can also copy it."
            )
        return self.env._(
            "The customer's bank wants the customer to confirm it. They do that at the order's"
            " link, which nobody sends to them: copy it, and send it."
        )

    # === TRANSFERS === #

    def _set_pending(self, *, state_message=None, extra_allowed_states=()):
        """Override of `payment` to tell customers how to transfer the money that is awaited."""
        pending = super()._set_pending(
            state_message=state_message, extra_allowed_states=extra_allowed_states
        )
        for tx in pending.filtered('billing_awaits_transfer'):
            order = tx.billing_order_id
            reference = tx.provider_id._in_billing()._begin_transfer(tx) or tx.reference
            # From there Sale takes it for the invoice. Whatever was told before stays.
            order.reference = order.reference or reference
            self.env['billpro.notification']._queue(
                'transfer_awaited', order, f'transfer-{tx.id}', transaction_id=tx.id
            )
        return pending

    def action_open_transfer(self):
        """Open the dialog in which staff enter what has arrived of a transfer.

        :return: A window action.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If no money can come by it.
        """
        self.ensure_one()
        order = self.sudo().billing_order_id.with_env(self.env)
        order._check_billing_user()
        if not self.billing_can_receive_transfer:
            raise UserError(self.env._("No transfer is awaited by %s.", self.sudo().reference))
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Transfer received"),
            'res_model': 'billpro.transfer',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_order_id': order.id, 'default_transaction_id': self.id},
        }

    def _billing_get_transfer_due(self):
        """Return what the order asks for now of the transfer's money.

        :return: The amount; 0 if the order needs none, none in this currency, or can't take it.
        :rtype: float
        """
        self.ensure_one()
        order = self.billing_order_id
        if (
            not order.purchase_type
            or order.billing_status not in BEFORE_APPROVAL
            or order.currency_id != self.currency_id
            or order._billing_get_other_payments_hold(with_begun=False)
        ):
            return 0.0
        return max(0.0, order._billing_get_amount_asked())

    def _billing_get_transfer_standing(self):
        """Return what tells whether somebody has decided upon the transfer since.

        :rtype: str
        """
        self.ensure_one()
        order = self.billing_order_id
        return f'{order.id}/{order.billing_status}/{self.state}/{self._billing_get_transfer_due()}'

    def _billing_get_transfer_consequence(self, amount):
        """Return what becomes of what has arrived of a transfer, for the person who decides.

        :param float amount: What has arrived, in the currency of the transaction.
        :rtype: str
        """
        self.ensure_one()
        due = self._billing_get_transfer_due()
        difference = self.currency_id.compare_amounts(amount, due)
        missing = self.currency_id.format(abs(due - amount))
        if not due:
            return self._billing_get_on_account_consequence()
        if difference < 0:
            return self.env._(
                "%s are missing. What has arrived counts as a part, the order goes on waiting, and"
                " its link asks for the rest.",
                missing,
            )
        if difference > 0:
            return self.env._(
                "The order is paid. %s are too much: they are on the customer's account, to be paid"
                " back.",
                missing,
            )
        return self.env._("The order is paid.")

    def _billing_get_on_account_consequence(self):
        """Return why all that has arrived of a transfer is on the customer's account.

        :rtype: str
        """
        self.ensure_one()
        order = self.billing_order_id
        if order.billing_status in BEFORE_APPROVAL and order.currency_id != self.currency_id:
            return self.env._(
                "The order is in %s. It goes on waiting, and the money is on the customer's"
                " account.",
                order.currency_id.name,
            )
        if order._billing_get_other_payments_hold(with_begun=False):
            return self.env._(
                "The order was paid or invoiced in another way, or is being paid. It stays as it"
                " is, and the money is on the customer's account."
            )
        return self.env._(
            "The order takes no payment now. It stays as it is, and the money is on the customer's"
            " account."
        )

    def _billing_get_transfer_journals(self):
        """Return the journals in which the money of a transfer may be found.

        :rtype: account.journal
        """
        self.ensure_one()
        journals = self.env['account.journal'].search(
            [
                *self.env['account.journal']._check_company_domain(self.company_id),
                ('type', 'in', ('bank', 'cash')),
            ]
        )
        return journals.filtered(self._billing_get_lines_by_hand)

    def _billing_get_lines_by_hand(self, journal):
        """Return the payment methods of a journal by which money comes without a provider.

        :param account.journal journal: The journal.
        :rtype: account.payment.method.line
        """
        return journal._get_available_payment_method_lines('inbound').filtered(
            lambda line: not line.payment_provider_id
        )

    def _billing_receive_transfer(self, amount, journal):
        """Book what has arrived of a transfer; the caller holds the lock of the order.

        Just what is asked for pays the order. Less counts as a part that was paid in another way:
        the link asks for the rest. What is too much is on the customer's account, and so is all
        that comes for an order that takes none.

        :param float amount: What has arrived, in the currency of the transaction.
        :param account.journal journal: Where it has arrived.
        :raise UserError: If another payment of the order is under way, or it can't be booked.
        """
        self.ensure_one()
        order, due = self.billing_order_id, self._billing_get_transfer_due()
        message = self.env._(
            "%(person)s found %(amount)s in %(journal)s.",
            person=self.env.user.name,
            amount=self.currency_id.format(amount),
            journal=journal.name,
        )
        if due:
            self._billing_replace_other_attempts()
        excess = self.currency_id.round(amount - due) if due else 0.0
        self.write({'amount': amount if excess <= 0 else due, 'billing_journal_id': journal.id})
        if excess < 0:
            self.write({'billing_order_id': False, 'sale_order_ids': [Command.set(order.ids)]})
        order._message_log(body=f'{self.reference}: {message}')
        self._billing_book_transfer(message)
        if excess > 0:
            self._billing_create_excess(excess)._billing_book_transfer(message)

    def _billing_replace_other_attempts(self):
        """End the other attempts to pay the order, whose money has come by this transfer.

        :raise UserError: If one of them is under way: its money may come, too.
        """
        self.ensure_one()
        order = self.billing_order_id
        awaited = order._billing_get_awaited_transfers()
        if under_way := order._billing_give_up_attempts() - awaited - self:
            raise UserError(
                self.env._(
                    "Payment %(reference)s of order %(order)s is under way and could not be ended"
                    " at the provider. Enter the transfer when its result is known: if the order is"
                    " paid then, the money of the transfer is on the customer's account.",
                    reference=under_way[0].reference,
                    order=order.name,
                )
            )
        if self not in awaited:  # Of an order one at most is awaited.
            order._billing_end_transfers(self.env._("The money came by another transfer."))

    def _billing_create_excess(self, amount):
        """Return the payment of what a transfer has brought beyond what was asked for.

        :param float amount: The amount.
        :rtype: payment.transaction
        """
        return self.create(
            {
                'provider_id': self.provider_id.id,
                'payment_method_id': self.payment_method_id.id,
                'operation': self.operation,
                'reference': self._compute_reference(self.provider_code, prefix=self.reference),
                'amount': amount,
                'currency_id': self.currency_id.id,
                'partner_id': self.partner_id.id,
                'billing_order_id': self.billing_order_id.id,
                'billing_journal_id': self.billing_journal_id.id,
                # Nobody has waited for it, and another payment of the order may be open.
                'state': 'cancel',
            }
        )

    def _billing_book_transfer(self, message):
        """Book what a person has found on the bank account, as what a provider has collected.

        :param str message: Who has found what.
        :raise UserError: If it can't be booked.
        """
        # A part has no order of ours any more, and may come when nobody waits for it any more.
        self._set_done(state_message=message, extra_allowed_states=('cancel',))
        if self.state != 'done':
            raise UserError(self.env._("Transfer %s can't be booked in its state.", self.reference))
        self._post_process()

    def _create_payment(self, **extra_create_values):
        """Override of `account_payment` to enter transfers where they were found.

        Providers without a payment method of the books have none in any journal, and what has none
        can't be paid.
        """
        if journal := self.billing_journal_id:
            extra_create_values = {
                'journal_id': journal.id,
                'payment_method_line_id': self._billing_get_lines_by_hand(journal)[:1].id,
                **extra_create_values,
            }
        return super()._create_payment(**extra_create_values)
