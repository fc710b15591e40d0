"""What decides about money, and who writes it: the addon's own methods alone.

`readonly` keeps people from writing a field in a view; by RPC, API and CSV whoever may edit an
order writes all of it. The addon's own methods check who asks and for what, and then write in
superuser mode, which no request can ask for: the guard lets nothing else pass. It covers
`create` and `write` with all that leads to them: copies, imports, commands of parents, defaults
in the context.
"""

from odoo import api, models
from odoo.exceptions import AccessError, UserError, ValidationError

from ..billing.lifecycle import BEFORE_APPROVAL

# Whatever the record.
OWN = {
    'sale.order': {
        'billing_anchor_date',
        'billing_anchor_number',
        'billing_authorization_id',
        'billing_balance',
        'billing_cancel_date',
        'billing_cancel_note',
        'billing_cancel_reason_id',
        'billing_cancel_requested_date',
        'billing_collection_amount',
        'billing_collection_date',
        'billing_consent_ids',
        'billing_credited',
        'billing_dispute_ids',
        'billing_event_ids',
        'billing_is_disputed',
        'billing_move_ids',
        'billing_notification_ids',
        'billing_other_payments_told',
        'billing_paid',
        'billing_pause_until',
        'billing_paused_date',
        'billing_period_amount',
        'billing_refunded',
        'billing_resumed_date',
        'billing_skipped',
        'billing_status',
        'billing_summary_pdf',
        'billing_suspended_date',
        'billing_tax_change',
        'billing_token_id',
        'billing_transaction_ids',
        'order_link_first_sent_date',
        'order_link_opened_date',
        'order_link_sent_date',
    },
    'sale.order.line': {'billing_event_id', 'billing_is_added'},
    'payment.transaction': {
        'billing_action_required',
        'billing_advice_code',
        'billing_attempt',
        'billing_authorized_date',
        'billing_capture_reminded',
        'billing_collect_amount',
        'billing_database',
        'billing_decline_class',
        'billing_decline_code',
        'billing_ended',
        'billing_error_code',
        'billing_event_id',
        'billing_for_all_orders',
        'billing_inquiry_count',
        'billing_ip_address',
        'billing_is_card_update',
        'billing_is_release',
        'billing_network_advice_code',
        'billing_network_code',
        'billing_next_inquiry',
        'billing_not_attempted',
        'billing_on_account',
        'billing_order_id',
        'billing_outcome_unknown',
        'billing_receipt_pdf',
        'billing_refund_user_id',
        'billing_resent',
        'billing_sent_date',
        'billing_superseded',
    },
    'payment.token': {
        'billing_order_ids',
        'card_brand',
        'card_expiry_date',
        'card_fingerprint',
        'card_last_digits',
        'card_wallet',
    },
    'account.move': {'billing_order_id', 'billing_skipped_amount', 'billpro_einvoice_state'},
    'billpro.billing.run': {
        'charged_count',
        'company_id',
        'declined_count',
        'due_count',
        'failed_count',
        'seconds',
        'start_date',
        'unknown_count',
    },
    # What a dialog has made, once.
    'billpro.capture': {'capture_transaction_id'},
    'billpro.charge.card': {'transaction_id'},
    'billpro.refund': {'refund_transaction_id'},
    'billpro.take.payment': {'event_id'},
}
# Of what belongs to orders with a purchase type; on other records they are Odoo's.
OF_ORDERS = {
    'sale.order': {
        'access_token',
        'amount_tax',
        'amount_total',
        'amount_untaxed',
        'currency_id',
        'currency_rate',
        'transaction_ids',
    },
    'sale.order.line': {'invoice_lines', 'price_subtotal', 'price_tax', 'price_total'},
    'account.move': {'amount_residual', 'amount_total', 'transaction_ids'},
    'payment.token': {
        'company_id',
        'partner_id',
        'payment_method_id',
        'provider_id',
        'provider_ref',
        'stripe_mandate',
        'stripe_payment_method',
    },
}


def get_given_names(env, vals_list):
    """Return the names of the fields that new records are given by whoever creates them.

    :param odoo.api.Environment env: The environment, whose context may have defaults.
    :param list[dict] vals_list: The values.
    :rtype: set[str]
    """
    return {name for vals in vals_list for name in vals} | {
        key.removeprefix('default_') for key in env.context if key.startswith('default_')
    }


def _refuse_payments_of_orders(records):
    """Refuse to link payments of orders to something that their own pages didn't link them to.

    :param odoo.models.BaseModel records: What they were linked to.
    :raise AccessError: Always.
    """
    raise AccessError(
        records.env._("What was paid by an order link is booked by the order itself.")
    )


class SaleOrder(models.Model):
    _inherit = 'sale.order'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and any(self.sudo().mapped('purchase_type')):
                return False
        return super()._has_field_access(field, operation)

    def _check_created_fields(self, vals_list):
        """Check the values of new orders whose purchase type is known only now.

        :param list[dict] vals_list: What they were created with.
        :raise AccessError: If a guarded value was among them.
        """
        for name in get_given_names(self.env, vals_list) & OF_ORDERS[self._name]:
            if not self._fields[name].compute:  # Odoo computes these whatever is given.
                self._check_field_access(self._fields[name], 'write')

    def _check_written_state(self):
        """Refuse a status of Odoo that the billing status doesn't follow, as with its buttons.

        The order would look cancelled, and its card be charged all the same.

        :raise UserError: If an order that is sold or can be paid seems to be something else.
        """
        if self.env.su:
            return
        unsold = BEFORE_APPROVAL | {'cancelled'}
        fitting = {'draft': unsold, 'sent': unsold, 'cancel': {'cancelled'}}
        for order in self.sudo().filtered('purchase_type'):
            status = order.billing_status
            if status not in fitting.get(order.state, {status}):
                raise UserError(
                    self.env._("Use the buttons of order %s to change its status.", order.name)
                )

    def _check_transactions_are_own(self):
        """Refuse payments of orders on ordinary ones; those of Odoo are written by the system.

        :raise AccessError: If there is one.
        """
        if self.env.su:
            return
        for order in self.sudo():
            if order.transaction_ids.billing_order_id - order:
                _refuse_payments_of_orders(self)


class SaleOrderLine(models.Model):
    _inherit = 'sale.order.line'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and any(
                self.sudo().order_id.mapped('purchase_type')
            ):
                return False
        return super()._has_field_access(field, operation)


class AccountMove(models.Model):
    _inherit = 'account.move'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and self.sudo().billing_order_id:
                return False
        return super()._has_field_access(field, operation)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account`: what was paid for an order pays no other document.

        :raise AccessError: If it is linked to one.
        """
        moves = super().create(vals_list)
        if 'transaction_ids' in get_given_names(self.env, vals_list):
            moves._check_transactions_are_own()
        return moves

    def write(self, vals):
        """Override of `account`: what was paid for an order pays no other document.

        :raise AccessError: If it is linked to one.
        :raise UserError: If the document of an order would be somebody else's.
        """
        result = super().write(vals)
        if 'transaction_ids' in vals:
            self._check_transactions_are_own()
        if 'partner_id' in vals and not self.env.su:
            self.sudo()._check_partner_of_order()
        return result

    def _check_partner_of_order(self):
        """Refuse to bill somebody else for what the card of an order's customer is charged for.

        :raise UserError: If a document is neither for the customer nor for the invoice address.
        """
        for move in self.filtered('billing_order_id'):
            order = move.billing_order_id
            if move.commercial_partner_id not in order._get_card_owners().commercial_partner_id:
                raise UserError(
                    self.env._(
                        "The documents of order %s are for its customer: change the invoice"
                        " address of the order instead.",
                        order.name,
                    )
                )

    def _check_transactions_are_own(self):
        """Refuse payments of orders on documents that are not the orders' own.

        :raise AccessError: If there is one.
        """
        if self.env.su:
            return
        for move in self.sudo():
            if move.transaction_ids.billing_order_id - move.billing_order_id:
                _refuse_payments_of_orders(self)


class AccountPayment(models.Model):
    _inherit = 'account.payment'

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `account`: bookings of orders' payments are the addon's own.

        :raise AccessError: If one is invented.
        """
        payments = super().create(vals_list)
        if not self.env.su and payments.sudo().payment_transaction_id.billing_order_id:
            _refuse_payments_of_orders(payments)
        return payments

    def write(self, vals):
        """Override of `account`: bookings of orders' payments are the addon's own.

        :raise AccessError: If one is linked to another transaction.
        """
        if 'payment_transaction_id' not in vals or self.env.su:
            return super().write(vals)
        txs = self.sudo().payment_transaction_id
        result = super().write(vals)
        if (txs | self.sudo().payment_transaction_id).billing_order_id:
            _refuse_payments_of_orders(self)
        return result


class PaymentToken(models.Model):
    _inherit = 'payment.token'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su:
            if field.name in OWN[self._name]:
                return False
            if field.name in OF_ORDERS[self._name] and self.sudo().billing_order_ids:
                return False
        return super()._has_field_access(field, operation)


class PaymentTransaction(models.Model):
    _inherit = 'payment.transaction'

    def _has_field_access(self, field, operation):
        """Override of `base`: nothing of an order's payment is written from outside."""
        if (
            operation == 'write'
            and not self.env.su
            and (field.name in OWN[self._name] or self.sudo().billing_order_id)
        ):
            return False
        return super()._has_field_access(field, operation)

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `payment`: only the addon's own methods make payments of orders.

        :raise AccessError: If somebody else does.
        """
        txs = super().create(vals_list)
        txs._check_not_of_orders()
        return txs

    def write(self, vals):
        """Override of `payment`: only the addon's own methods make payments of orders.

        :raise AccessError: If somebody else does.
        """
        result = super().write(vals)
        if {'sale_order_ids', 'invoice_ids', 'source_transaction_id'}.intersection(vals):
            self._check_not_of_orders()
        return result

    def _check_not_of_orders(self):
        """Check that what is written from outside has nothing to do with our orders.

        :raise AccessError: If it has.
        """
        if self.env.su:
            return
        txs = self.sudo()
        if (
            any(txs.sale_order_ids.mapped('purchase_type'))
            or txs.invoice_ids.billing_order_id
            or txs.source_transaction_id.billing_order_id
        ):
            raise AccessError(
                self.env._("Payments of orders with a purchase type are made by their own pages.")
            )

    @api.ondelete(at_uninstall=False)
    def _unlink_except_billed(self):
        if not self.env.su and self.sudo().billing_order_id:
            raise UserError(self.env._("A payment of an order can't be deleted."))


class BillproBillingRun(models.Model):
    _inherit = 'billpro.billing.run'

    def _has_field_access(self, field, operation):
        """Override of `base`: see above."""
        if operation == 'write' and not self.env.su and field.name in OWN[self._name]:
            return False
        return super()._has_field_access(field, operation)


class BillproNotificationKind(models.Model):
    _inherit = 'billpro.notification.kind'

    def _has_field_access(self, field, operation):
        """Override of `base`: what counts for all companies is for administrators."""
        if (
            operation == 'write'
            and not (self.env.su or field.company_dependent)
            and not self.env.user.has_group('base.group_system')
        ):
            return False
        return super()._has_field_access(field, operation)


class IrDefault(models.Model):
    _inherit = 'ir.default'

    @api.constrains('field_id')
    def _check_not_guarded(self):
        """Refuse defaults of guarded fields: `create` takes them without asking who set them."""
        for default in self:
            field = default.field_id
            if field.name in OWN.get(field.model, set()) | OF_ORDERS.get(field.model, set()):
                raise ValidationError(
                    self.env._("There is no default for the field “%s”.", field.field_description)
                )
