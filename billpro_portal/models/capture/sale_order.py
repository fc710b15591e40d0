from odoo import fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import format_date

from ...billing.lifecycle import BEFORE_APPROVAL


class SaleOrder(models.Model):
    """Orders whose payment is authorised at the checkout, and captured or released by staff.

    While the payment is authorised the order is *active*; captured or released, it is *complete*.
    """

    _inherit = 'sale.order'

    billing_authorization_id = fields.Many2one(
        string="Authorised Payment",
        comodel_name='payment.transaction',
        readonly=True,
        copy=False,
        index='btree_not_null',
        ondelete='restrict',
        help="The payment that reserved the money of this order.",
    )
    billing_authorized_amount = fields.Monetary(
        string="Authorised",
        compute='_compute_billing_authorization',
        compute_sudo=True,
        help="Reserved on the customer's card, and not charged yet.",
    )
    billing_capture_deadline = fields.Datetime(
        string="Capture Before",
        compute='_compute_billing_authorization',
        compute_sudo=True,
        help="The provider releases the money by itself then.",
    )
    billing_can_release = fields.Boolean(
        compute='_compute_billing_authorization',
        compute_sudo=True,
        help="The provider can release what it has authorised.",
    )

    def _compute_billing_authorization(self):
        for order in self:
            tx = order._get_open_authorization()
            order.billing_can_release = bool(tx) and tx.provider_id._in_billing()._releases
            order.billing_authorized_amount = tx.amount
            order.billing_capture_deadline = tx and tx._billing_get_capture_deadline()

    def _get_open_authorization(self):
        """Return the payment that is authorised and neither captured nor released.

        :rtype: payment.transaction
        """
        self.ensure_one()
        return self.billing_authorization_id.filtered(lambda tx: tx.state == 'authorized')

    def _check_billing_nothing_is_reserved(self):
        """Refuse another customer while money is reserved: its invoice is for who pays.

        :raise UserError: If money is reserved for one of the orders.
        """
        for order in self.sudo():
            if order._get_open_authorization():
                raise UserError(
                    self.env._(
                        "Money is reserved for order %s: capture or release it first.", order.name
                    )
                )

    # === BOOKING === #

    def _billing_accept_authorization(self, tx):
        """Confirm the order whose money a transaction has reserved. Nothing is invoiced yet.

        :param payment.transaction tx: The authorised transaction.
        """
        self.ensure_one()
        amount = self._billing_get_amount_asked()
        if (
            self.billing_status not in BEFORE_APPROVAL
            or self._billing_get_other_payments_hold()
            or tx.currency_id != self.currency_id
            or tx.currency_id.compare_amounts(tx.amount, amount)
        ):
            self._billing_ask_staff_to_release(tx)
            return
        self.billing_authorization_id = tx
        self._billing_confirm_paid()
        self._apply_billing_trigger(
            'activate',
            self.env._(
                "%(amount)s were authorised (%(reference)s), and are not charged yet.",
                amount=tx.currency_id.format(tx.amount),
                reference=tx.reference,
            ),
        )
        self.env['billpro.notification']._queue(
            'purchase_confirmation', self, f'approved-{tx.id}', transaction_id=tx.id
        )

    def _billing_ask_staff_to_release(self, tx):
        """Ask a person to release money that was reserved and fits no open amount.

        :param payment.transaction tx: The transaction that reserved it.
        """
        self._billing_ask_staff(
            f'release-{tx.id}',
            self.env._("Release %s at the provider", tx.reference),
            self.env._(
                "%(amount)s were authorised for order %(order)s, which doesn't need them: it is"
                " paid or closed, or its total has changed. Release the payment in the provider's"
                " dashboard. Nothing was charged.",
                amount=tx.currency_id.format(tx.amount),
                order=self.name,
            ),
        )

    def _billing_bill_capture(self, tx):
        """Complete the order with what was captured, and invoice exactly that.

        :param payment.transaction tx: The capture, its amount in the currency of the order.
        """
        self.ensure_one()
        source = tx.source_transaction_id
        if not self.billing_authorization_id and source.billing_authorized_date:
            self._billing_accept_authorization(source)  # Captured before anybody booked it.
        if self.billing_authorization_id != source or self.billing_status != 'active':
            self._billing_report_payment_on_account(
                tx,
                self.env._(
                    "%(amount)s were captured for order %(order)s, which was already paid or"
                    " closed. The payment is on the customer's account: refund it.",
                    amount=tx.currency_id.format(tx.amount),
                    order=self.name,
                ),
            )
            return
        self._apply_billing_trigger(
            'complete',
            self.env._(
                "%(captured)s of %(authorized)s were captured (%(reference)s).",
                captured=tx.currency_id.format(tx.amount),
                authorized=source.currency_id.format(source.amount),
                reference=tx.reference,
            ),
        )
        self._billing_withdraw_question('capture')
        invoices = self._billing_create_initial_invoices()
        drafts = invoices.filtered(lambda move: move.state == 'draft')
        if len(drafts) == 1 and self.currency_id.compare_amounts(drafts.amount_total, tx.amount):
            drafts._billing_reduce_to_amount(tx.amount)
        if not invoices:
            self._billing_report_payment_on_account(
                tx,
                self.env._(
                    "%(amount)s were captured for order %(order)s, which was paid in another way"
                    " meanwhile. The payment is on the customer's account: refund it.",
                    amount=tx.currency_id.format(tx.amount),
                    order=self.name,
                ),
            )
            return
        self._billing_report_other_amount(invoices, tx.amount)
        # Odoo reconciles a capture with the invoices of what it captures.
        (tx | source).invoice_ids = invoices

    def _billing_finish_release(self, tx):
        """Complete the order whose money was released: nothing was charged.

        :param payment.transaction tx: The authorisation that has ended.
        """
        self.ensure_one()
        if tx != self.billing_authorization_id or self.billing_status != 'active':
            return
        amount = tx.currency_id.format(tx.amount)
        if tx._billing_get_captures_and_voids().filtered('billing_is_release'):
            reason = self.env._("%s were released. Nothing was charged.", amount)
        else:
            reason = self.env._(
                "The authorisation of %s has ended at the provider. Nothing was charged.", amount
            )
            self._billing_ask_staff(
                f'authorisation-{tx.id}',
                self.env._("The authorisation of %s has ended", self.name),
                reason,
            )
        self._apply_billing_trigger('complete', reason)
        self._billing_withdraw_question('capture')

    # === STAFF === #

    def action_open_capture(self):
        """Open the dialog that captures the authorised payment.

        :raise AccessError: If the user may not.
        :raise UserError: If there is nothing to capture.
        """
        self.ensure_one()
        self._check_billing_user()
        tx = self.sudo()._billing_get_authorization_to_capture()
        wizard = self.env['billpro.capture'].create({'order_id': self.id, 'transaction_id': tx.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Capture"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_release(self):
        """Release the authorised payment: nothing is charged, and the order ends.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user isn't a billing manager.
        :raise UserError: If there is nothing to release.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can release payments."))
        self.check_access('write')
        order = self.sudo()
        order._lock_billing()
        tx = order._billing_get_authorization_to_capture()
        if not order.billing_can_release:
            raise UserError(
                self.env._(
                    "%s can't release payments: what isn't captured ends by itself.",
                    tx.provider_id.name,
                )
            )
        release_tx = tx._billing_create_capture_or_void(tx.amount, is_release=True)
        release_tx._billing_send_capture_or_void()
        return release_tx._billing_get_capture_or_void_notification()

    def _billing_get_authorization_to_capture(self):
        """Return the authorised payment, if it can be captured or released now.

        :rtype: payment.transaction
        :raise UserError: If there is none, or somebody captures or releases it already.
        """
        self.ensure_one()
        tx = self._get_open_authorization()
        if not tx:
            raise UserError(
                self.env._("Order %s has no authorised payment to capture or release.", self.name)
            )
        if tx._billing_get_captures_and_voids().filtered(
            lambda child: child.state in {'draft', 'pending'}
        ):
            raise UserError(
                self.env._(
                    "The payment of order %s is being captured or released already. Please wait"
                    " for the result.",
                    self.name,
                )
            )
        return tx

    def _billing_get_capturable_amount(self):
        """Return the most that can be captured: neither more than authorised nor than is missing.

        :return: The amount in the currency of the order; 0 if it was paid in another way since.
        :rtype: float
        """
        self.ensure_one()
        missing = self.currency_id.round(self.amount_total - self._billing_get_amount_received())
        return max(0.0, min(self._get_open_authorization().amount, missing))

    def _billing_create_capture(self, amount):
        """Create the transaction that captures a part or the whole of the authorised payment.

        :param float amount: The amount in the currency of the order.
        :return: The capture, not sent to the provider yet.
        :rtype: payment.transaction
        :raise UserError: If there is nothing to capture.
        :raise ValidationError: If the amount can't be captured.
        """
        self.ensure_one()
        self._lock_billing()
        tx = self._billing_get_authorization_to_capture()
        amount = self.currency_id.round(amount)
        most = self._billing_get_capturable_amount()
        if self.currency_id.compare_amounts(amount, 0) <= 0 or (
            self.currency_id.compare_amounts(amount, most) > 0
        ):
            raise ValidationError(
                self.env._(
                    "%(amount)s can't be captured: at most %(most)s can.",
                    amount=self.currency_id.format(amount),
                    most=self.currency_id.format(most),
                )
            )
        if tx._billing_get_support_capture() == 'full_only' and self.currency_id.compare_amounts(
            amount, tx.amount
        ):
            raise ValidationError(
                self.env._("The payment provider can capture this payment as a whole only.")
            )
        return tx._billing_create_capture_or_void(amount)

    # === DATES === #

    def _billing_remind_of_capture(self):
        """Tell the salesperson that the authorisation is about to end; the caller commits."""
        self.ensure_one()
        tx = self._get_open_authorization()
        if not tx or tx.billing_capture_reminded:
            return
        tx.billing_capture_reminded = True
        self._billing_ask_staff(
            'capture',
            self.env._("Capture or release the payment of %s", self.name),
            self.env._(
                "%(amount)s are reserved until %(date)s. Afterwards the provider releases them,"
                " and nothing can be charged any more.",
                amount=tx.currency_id.format(tx.amount),
                date=format_date(
                    self.env, self._billing_get_date(tx._billing_get_capture_deadline())
                ),
            ),
        )

    # === WHAT THE CUSTOMER SEES === #

    def _billing_is_reserved_at_checkout(self):
        """Return whether the checkout only reserves the amount, however the customer pays.

        :rtype: bool
        """
        providers = self._billing_get_checkout_providers()
        return bool(providers) and providers == providers.filtered('capture_manually')

    def _billing_get_authorization_explanation(self):
        """Return how the order is paid if the payment may be authorised first, or False.

        :rtype: str|bool
        """
        if not any(self._billing_get_checkout_providers().mapped('capture_manually')):
            return False
        if self._billing_is_reserved_at_checkout():
            return self.env._(
                "The amount is reserved on your card now. It is charged when we confirm or deliver"
                " your order, and at most once."
            )
        return self.env._(
            "You pay once. Depending on how you pay, the amount is charged now, or reserved now and"
            " charged when we confirm or deliver your order."
        )
