from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tools import SQL
from odoo.tools.sql import column_exists, create_column

from ..billing.lifecycle import (
    TransitionRefused,
    next_order_status,
)
from .own_context import INSIDE

# Whose cards the order's payments may be charged to.
CUSTOMER_FIELDS = {'partner_id', 'partner_invoice_id'}
# What else than lines stands on invoices, or decides about their taxes.
INVOICED_FIELDS = {*CUSTOMER_FIELDS, 'partner_shipping_id', 'fiscal_position_id'}


class SaleOrder(models.Model):
    """An order with a purchase type: its billing status, its payments and its totals.

    Orders without a purchase type are plain Odoo orders and stay as they are.
    """

    _inherit = 'sale.order'

    purchase_type = fields.Selection(
        selection='_selection_purchase_type',
        compute='_compute_purchase_type',
        store=True,
        readonly=False,
        precompute=True,
        index='btree_not_null',
        tracking=True,
        help="How the customer pays. Follows the products; leave empty for an ordinary sale.",
    )
    billing_status = fields.Selection(
        selection=[
            ('draft', "Draft"),
            ('pending', "Pending"),
            ('rejected', "Rejected"),
            ('cancelled', "Cancelled"),
            ('active', "Active"),
            ('failed', "Failed"),
            ('suspended', "Suspended"),
            ('paused', "Paused"),
            ('review', "Review"),
            ('complete', "Complete"),
        ],
        default='draft',
        required=True,
        readonly=True,
        copy=False,
        index=True,
        group_expand='_group_expand_billing_status',
    )
    billing_transaction_ids = fields.One2many(
        string="Billing Payments",
        comodel_name='payment.transaction',
        inverse_name='billing_order_id',
        readonly=True,
        groups='billpro_portal.group_billing_user,account.group_account_invoice,base.group_system',
    )
    billing_move_ids = fields.One2many(
        string="Billing Invoices",
        comodel_name='account.move',
        inverse_name='billing_order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly,'
        'account.group_account_invoice',
    )
    billing_consent_ids = fields.One2many(
        string="Consents",
        comodel_name='billpro.consent',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_notification_ids = fields.One2many(
        string="Notices",
        comodel_name='billpro.notification',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )

    # Totals in the currency of the order.
    billing_paid = fields.Monetary(
        string="Paid",
        compute='_compute_billing_totals',
        store=True,
        compute_sudo=True,
        help="Collected from the customer, or received in another way.",
    )
    billing_refunded = fields.Monetary(
        string="Refunded",
        compute='_compute_billing_totals',
        store=True,
        compute_sudo=True,
        help="Paid back to the customer.",
    )
    billing_is_refundable = fields.Boolean(
        compute='_compute_billing_is_refundable',
        compute_sudo=True,
        help="Whether a payment by the order link, or of the schedule, can be paid back.",
    )
    billing_credited = fields.Monetary(
        string="Credited",
        compute='_compute_billing_totals',
        store=True,
        compute_sudo=True,
        help="Total of the posted credit notes, those of refunds included.",
    )
    billing_skipped = fields.Monetary(
        string="Skipped",
        compute='_compute_billing_totals',
        store=True,
        compute_sudo=True,
        help="Payments that were left out for good.",
    )
    billing_balance = fields.Monetary(
        string="Balance",
        compute='_compute_billing_totals',
        store=True,
        compute_sudo=True,
        help="What the customer still owes: the order's total less what was skipped, what isn't"
        " collected any more, what was credited, and what was paid and not paid back.",
    )

    def _auto_init(self):
        """Override of `base`: installing the addon leaves the orders that there are untouched.

        None of them has a purchase type yet, so there is nothing to store. Odoo would compute it
        order by order, and note that as a change of each; and it would write the first status into
        each row, while nobody could sell.
        """
        if not column_exists(self.env.cr, self._table, 'purchase_type'):
            for field in self._fields.values():
                if field._module == 'billpro_portal' and field.compute and field.store:
                    column_type = field.column_type[1]
                    create_column(self.env.cr, self._table, field.name, column_type, field.string)
            # The value of rows that were there before, which PostgreSQL keeps for all of them at
            # once; Odoo itself gives it to new orders.
            status = self._fields['billing_status']
            column_type = f"{status.column_type[1]} DEFAULT 'draft'"
            create_column(self.env.cr, self._table, status.name, column_type, status.string)
            self.env.cr.execute(
                SQL(
                    "ALTER TABLE %s ALTER COLUMN %s DROP DEFAULT",
                    SQL.identifier(self._table),
                    SQL.identifier(status.name),
                )
            )
        return super()._auto_init()

    @api.model
    def _selection_purchase_type(self):
        return self.env['billpro.purchase.type']._get_selection()

    # === COMPUTE METHODS === #

    @api.depends('order_line.product_id')
    def _compute_purchase_type(self):
        """Follow the products while the order is a quotation.

        A product whose type is changed later doesn't change the orders that exist.
        """
        purchase_types = self.env['billpro.purchase.type']
        for order in self:
            purchase_type = purchase_types._get_type_of_products(order.order_line.product_id)
            if order.state in {'draft', 'sent'} and purchase_type:
                order.purchase_type = purchase_type
            else:
                order.purchase_type = order.purchase_type

    @api.depends(
        'amount_total',
        'currency_id',
        'billing_transaction_ids.state',
        'billing_transaction_ids.amount',
        'billing_move_ids.state',
        'billing_move_ids.amount_total',
        'billing_move_ids.amount_residual',
        'billing_event_ids.status',
        'billing_event_ids.amount',
        'billing_authorization_id',
        'purchase_type',
    )
    def _compute_billing_totals(self):
        # Each charge commits, which empties the cache: only what is needed is read again.
        self.fetch(['currency_id', 'purchase_type', 'billing_authorization_id'])
        self.billing_transaction_ids.fetch(
            ['state', 'operation', 'amount', 'source_transaction_id', 'billing_order_id']
        )
        self.billing_move_ids.fetch(['state', 'move_type', 'amount_total'])
        self.billing_event_ids.fetch(['status', 'amount'])
        other_money = self.billing_move_ids._get_other_money()
        for order in self:
            done_txs = order.billing_transaction_ids.filtered(
                lambda tx: tx.state == 'done' and tx.operation != 'validation'
            )
            done_txs -= done_txs._get_captured_authorizations()
            refund_txs = done_txs.filtered(lambda tx: tx.operation == 'refund')
            credit_notes = order.billing_move_ids.filtered(
                lambda move: move.state == 'posted' and move.move_type == 'out_refund'
            )
            other_paid, other_refunded = (
                sum(amount for move in moves for _line_id, amount in other_money.get(move.id, ()))
                for moves in (order.billing_move_ids - credit_notes, credit_notes)
            )
            order.billing_paid = sum((done_txs - refund_txs).mapped('amount')) + other_paid
            order.billing_refunded = other_refunded - sum(refund_txs.mapped('amount'))
            order.billing_credited = sum(credit_notes.mapped('amount_total'))
            skipped_events = order.billing_event_ids.filtered(
                lambda event: event.status == 'skipped'
            )
            order.billing_skipped = sum(skipped_events.mapped('amount'))
            order.billing_balance = (
                order._get_purchase()._get_balance(order) if order.purchase_type else 0
            )

    @api.model
    def _get_total_fields(self):
        """Return the stored totals of payments.

        :rtype: list[odoo.fields.Field]
        """
        names = ('paid', 'refunded', 'credited', 'skipped', 'balance')
        return [self._fields[f'billing_{name}'] for name in names]

    def _mark_totals_to_compute(self):
        """Have the totals computed that the charge run left as they were."""
        for field in self._get_total_fields():
            self.env.add_to_compute(field, self)

    # === CONSTRAINT METHODS === #

    @api.constrains('order_line', 'purchase_type')
    def _check_purchase_types_not_mixed(self):
        purchase_types = self.env['billpro.purchase.type']
        labels = dict(self._selection_purchase_type())
        for order in self.filtered(lambda order: order.state in {'draft', 'sent'}):
            lines = order.order_line.filtered('product_id.purchase_type')
            if not lines:
                continue
            purchase_type = purchase_types._get_type_of_products(lines.product_id)
            if not purchase_type:
                first = lines[0].product_id
                second = next(
                    product
                    for product in lines.product_id
                    if not purchase_types._get_type_of_products(first | product)
                )
                raise ValidationError(
                    self.env._(
                        "One order can't mix purchase types: “%(first)s” is sold as"
                        " %(first_type)s, “%(second)s” as %(second_type)s. Make one order for"
                        " each.",
                        first=first.display_name,
                        first_type=labels[first.purchase_type],
                        second=second.display_name,
                        second_type=labels[second.purchase_type],
                    )
                )
            if order.purchase_type != purchase_type:
                product = lines.product_id.filtered(
                    lambda product, purchase_type=purchase_type: (
                        product.purchase_type == purchase_type
                    )
                )[0]
                raise ValidationError(
                    self.env._(
                        "The purchase type of order %(order)s must be that of its products:"
                        " “%(product)s” is sold as %(type)s.",
                        order=order.name,
                        product=product.display_name,
                        type=labels[purchase_type],
                    )
                )

    # === STATUS === #

    def _get_purchase(self):
        """Return the model of the order's purchase type.

        :rtype: billpro.purchase.type
        """
        self.ensure_one()
        return self.env['billpro.purchase.type']._get_types()[self.purchase_type]

    def _apply_billing_trigger(self, trigger, reason):
        """Move the orders through the status table and log it. Nothing else writes a status.

        :param str trigger: A trigger of `billing.lifecycle.ORDER_TRANSITIONS`.
        :param str reason: Why, as a sentence for the chatter.
        :raise UserError: If the table has no such transition for the status of an order.
        """
        self.check_access('write')
        labels = dict(self._fields['billing_status']._description_selection(self.env))
        for order in self:
            status = order.billing_status
            try:
                new_status = next_order_status(status, trigger)
            except TransitionRefused:
                raise UserError(
                    order.env._(
                        "This is not possible for order %(order)s: its billing status is"
                        " “%(status)s”.",
                        order=order.name,
                        status=labels[status],
                    )
                ) from None
            if new_status == status:
                order._message_log(body=reason)
                continue
            order.sudo().billing_status = new_status
            if status == 'draft':
                order._portal_ensure_token()  # From now on the link is shown to who only reads.
            order._note_suspension(was_suspended=status == 'suspended', reason=reason)
            order._message_log(
                body=order.env._(
                    "%(reason)s Billing status: %(old)s → %(new)s.",
                    reason=reason,
                    old=labels[status],
                    new=labels[new_status],
                )
            )

    def _get_billing_status_label(self):
        """Return the order's billing status as staff read it.

        :rtype: str
        """
        self.ensure_one()
        return dict(self._fields['billing_status']._description_selection(self.env))[
            self.billing_status
        ]

    def _lock_billing(self):
        """Lock the orders against everything else that moves money or changes their status."""
        self.env['billpro.own.transaction']._lock_rows(self)

    # === OVERRIDES OF SALE === #

    def write(self, vals):
        """Override of `sale` to guard the terms of payment, and to follow lines and customer.

        The lines are looked at once, when all of them are changed.

        :raise UserError: If the terms of an order can't be changed, or not any more.
        """
        self._check_written_terms(vals)
        cards = self._take_off_cards() if CUSTOMER_FIELDS.intersection(vals) else {}
        if 'order_line' in vals:
            changing = self.with_context(billing_lines_changing=INSIDE)
            result = super(SaleOrder, changing).write(vals)
            self._follow_changed_lines()
        else:
            result = super().write(vals)
        self._put_back_cards(cards)
        if INVOICED_FIELDS.intersection(vals):
            self.order_line._discard_stale_invoices()
        if 'transaction_ids' in vals:
            self._check_transactions_are_own()
        if 'state' in vals:
            self._check_written_state()
        if 'purchase_type' in vals and not self.env.su:
            # On ordinary orders Odoo lets whoever edits them write what is computed.
            orders = self.sudo()
            orders._compute_currency_id()
            orders.order_line._compute_amount()
            orders._compute_amounts()
        return result

    def message_post(self, **kwargs):
        """Override of `sale`: the charge run collects the notes that nobody is notified of.

        Posting looks up, note by note, whom to notify. See `account.move._invoice_paid_hook`.

        :raise AccessError: If a customer doesn't write by the order's page, which has limits.
        """
        if not self.env.su and self.env.user.share and self.sudo().purchase_type:
            raise AccessError(self.env._("Please write to us on the page of your order."))
        notes = self.env.cr.precommit.data.get('billing_notes')
        if notes is not None and set(kwargs) == {'body'} and not self._has_followers_of_notes():
            notes.append((self, kwargs['body']))
            return self.env['mail.message']
        message = super().message_post(**kwargs)
        self._note_link_mailed(message)
        return message

    @api.model
    def _log_notes(self, notes):
        """Log notes on orders, many at once.

        :param list notes: Pairs of order and body; an order may have several.
        """
        rounds = []
        for order, body in notes:
            bodies = next((bodies for bodies in rounds if order.id not in bodies), None)
            if bodies is None:
                bodies = {}
                rounds.append(bodies)
            bodies[order.id] = body
        for bodies in rounds:
            self.browse(bodies)._message_log_batch(bodies=bodies)

    def _has_followers_of_notes(self):
        """Return whether somebody follows the order down to its internal notes.

        :rtype: bool
        """
        self.ensure_one()
        note_id = self.env['ir.model.data']._xmlid_to_res_id('mail.mt_note')
        return note_id in self.sudo().message_follower_ids.subtype_ids.ids

    def _action_cancel(self):
        billed = self.filtered('purchase_type')
        if billed:
            billed._lock_billing()
            billed._check_no_payment_in_progress()
            billed._apply_billing_trigger('cancel', self.env._("The order was cancelled."))
            billed.sudo().billing_transaction_ids._supersede()
        return super()._action_cancel()

    def action_draft(self):
        """Override of `sale`: a cancelled order starts over as a draft."""
        cancelled = self.filtered(
            lambda order: order.billing_status == 'cancelled' and order.state in {'sent', 'cancel'}
        )
        res = super().action_draft()
        cancelled._apply_billing_trigger('reopen', self.env._("The order was reopened."))
        return res

    # === REFUND === #

    @api.depends('billing_paid', 'billing_refunded')
    def _compute_billing_is_refundable(self):
        for order in self:
            order.billing_is_refundable = bool(order._get_refundable_transactions())

    def _get_refundable_transactions(self):
        """Return the payments of which something can still be paid back, newest first.

        :rtype: payment.transaction
        """
        return self.billing_transaction_ids.filtered(
            lambda tx: tx.currency_id.compare_amounts(tx._get_refundable_amount(), 0) > 0
        ).sorted('id', reverse=True)

    def action_open_refund(self):
        """Open the refund dialog.

        :raise AccessError: If the user may not change the order.
        :raise UserError: If nothing is left to refund.
        """
        self.ensure_one()
        self._check_may_be_changed()
        refundable_txs = self.sudo()._get_refundable_transactions()
        if not refundable_txs:
            raise UserError(
                self.env._("There is no payment left to refund on order %s.", self.name)
            )
        wizard = self.env['billpro.refund'].create(
            {'order_id': self.id, 'transaction_id': refundable_txs[0].id}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Refund"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }
