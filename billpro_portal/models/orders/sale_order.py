import base64
import io
import uuid
from datetime import timedelta

import qrcode

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...billing.actions import OrderAction, OrderRefusal
from ...billing.lifecycle import BEFORE_APPROVAL, FINAL, IN_FLIGHT, LIVE, OPEN
from ..lifecycle.sale_order import TERMS
from ..rights.own_context import INSIDE, is_inside

LINK_KINDS = ('order_ready', 'order_reminder')
# Whoever tries stolen card numbers needs many tries, a customer two or three.
ATTEMPTS_PER_HOUR_AND_ORDER = 10
ATTEMPTS_PER_HOUR_AND_ADDRESS = 20
CARDS_PER_HOUR_AND_ORDER = 5
CARDS_PER_HOUR_AND_ADDRESS = 10
# Of strangers who take another order, and another address, for each try.
DECLINES_PER_HOUR_AND_COMPANY = 200
# Notes on the order, of which cancelling and taking it back leave four or five; mails go with them.
CHANGES_PER_HOUR = 20
# Whose cards the order's payments may be charged to.
CUSTOMER_FIELDS = {'partner_id', 'partner_invoice_id'}
# What else than lines stands on invoices, or decides about their taxes.
INVOICED_FIELDS = {*CUSTOMER_FIELDS, 'partner_shipping_id', 'fiscal_position_id'}


class SaleOrder(models.Model):
    """The order as staff and customers hold it: its link, its totals, its end.

    The order link is one URL that opens the checkout and, once approved, the order portal. Limits
    say how often whoever holds it may do what costs others money or attention.
    """

    _inherit = 'sale.order'

    order_link = fields.Char(
        compute='_compute_billing_order_link',
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
        help="The customer's link to the checkout and, once paid, to the order portal. Whoever"
        " has it can act for the customer.",
    )
    order_link_sent_date = fields.Datetime(
        string="Order Link Sent On", readonly=True, copy=False, help="The last time."
    )
    order_link_first_sent_date = fields.Datetime(
        string="Order Link First Sent On", readonly=True, copy=False
    )
    order_link_opened_date = fields.Datetime(
        string="Order Link Opened On", readonly=True, copy=False, help="The last time."
    )
    billing_visit_ids = fields.One2many(
        string="Uses of the Order Link",
        comodel_name='billpro.visit',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    access_token = fields.Char(
        groups='sales_team.group_sale_salesman,account.group_account_readonly'
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
    billing_pending_date = fields.Datetime(
        string="Pending Since",
        compute='_compute_billing_pending',
        help="When the customer was first given the order link.",
    )
    billing_pending_days = fields.Integer(string="Days Pending", compute='_compute_billing_pending')
    billing_reminder_count = fields.Integer(
        string="Reminders",
        compute='_compute_billing_pending',
        help="How many reminders were sent by mail.",
    )
    billing_mail_state = fields.Selection(
        string="Last Mail",
        selection=lambda self: (
            self.env['billpro.notification']._fields['state']._description_selection(self.env)
        ),
        compute='_compute_billing_pending',
        help="What became of the last mail with the order link.",
    )

    # === THE LINK === #

    def _compute_access_url(self):
        """Override of `sale`: orders with a purchase type have pages of their own."""
        super()._compute_access_url()
        for order in self.filtered('purchase_type'):
            order.access_url = f'/order/{order.id}'

    @api.depends('access_token', 'billing_status', 'purchase_type')
    def _compute_billing_order_link(self):
        for order in self:
            # The form of a new order asks, and shows none: there a token can't be written.
            is_asked_early = (
                self.env.cr.readonly
                and order.billing_status == 'draft'
                and not order.sudo().access_token
            )
            order.order_link = (
                order.purchase_type
                and order.id
                and not is_asked_early
                and order.get_base_url() + order._billing_get_order_link()
            )

    def _billing_get_order_link_qr(self):
        """Return the order link as the PNG image of a QR code.

        :return: The image, base64-encoded.
        :rtype: bytes
        """
        self.ensure_one()
        image = io.BytesIO()
        qrcode.make(self.order_link, box_size=8, border=4).save(image, format='PNG')
        return base64.b64encode(image.getvalue())

    def _billing_mark_link_sent(self, reason):
        """Note that the customer was given the link.

        :param str reason: How, as a sentence for the chatter.
        :raise UserError: If the order's status doesn't allow it.
        """
        self.check_access('write')
        now = fields.Datetime.now()
        orders = self.sudo()
        orders.order_link_sent_date = now
        orders.filtered(lambda order: not order.order_link_first_sent_date).write(
            {'order_link_first_sent_date': now}
        )
        for order in self:
            if order.billing_status in BEFORE_APPROVAL:
                order._apply_billing_trigger('send_link', reason)
            else:
                order._message_log(body=reason)
        self.filtered(lambda order: order.state == 'draft').with_context(
            tracking_disable=True
        ).write({'state': 'sent'})

    def _billing_note_link_opened(self, ip_address):
        """Remember when the customer last opened the link, to the minute at most.

        :param str ip_address: The address of the visitor.
        """
        self.ensure_one()
        self.env['billpro.visit']._note(self, 'open', ip_address)
        now = fields.Datetime.now()
        if not self.order_link_opened_date:
            self._message_log(body=self.env._("The customer opened the order link."))
        elif (now - self.order_link_opened_date).total_seconds() < 60:
            return
        self.order_link_opened_date = now

    def _billing_is_link_over(self):
        """Return whether the link opens nothing any more: so long ago the order has ended.

        :rtype: bool
        """
        self.ensure_one()
        days = self.company_id.billing_link_days
        return bool(
            days
            and self.billing_ended_date
            and self.billing_status in FINAL
            and self.billing_ended_date + timedelta(days=days) < fields.Datetime.now()
        )

    # === WHO IS GIVEN IT === #

    def _sign_token(self, pid):
        """Override of `portal`: whoever may write to a customer needn't be able to read it."""
        return super(SaleOrder, self.sudo())._sign_token(pid)

    @api.model
    def _check_billing_other_link(self, model, order_id):
        """Keep Odoo's own dialogs from handing out other links to an order.

        :param str model: The model of a dialog's record.
        :param int order_id: The record.
        :raise UserError: If it is an order with an order link.
        """
        order = self.sudo().browse(order_id).exists() if model == self._name else self
        if order.purchase_type:
            raise UserError(
                self.env._(
                    "Order %s has one link for everything, which asks for the right amount by"
                    " itself: give the customer that, with the button “Order Link”.",
                    order.name,
                )
            )

    # === ACTIONS === #

    def _check_billing_link_can_be_given(self):
        """Check that the customer can do something with the link.

        :raise UserError: If the order has no purchase type or was cancelled.
        :raise ValidationError: If the order can't be sold as its purchase type.
        """
        for order in self:
            refusal = order._get_billing_refusal_of(OrderAction.GIVE_LINK)
            if refusal is OrderRefusal.ORDINARY:
                raise UserError(
                    self.env._(
                        "Order %s has no order link. Choose its purchase type first.", order.name
                    )
                )
            if refusal:
                raise UserError(
                    self.env._(
                        "Order %s is cancelled. Set it back to quotation to use its link again.",
                        order.name,
                    )
                )
            if not order._get_billing_refusal_of(OrderAction.OFFER):
                order._get_purchase()._check_order(order)
                order._check_billing_amounts_can_be_paid()

    def action_open_order_link(self):
        """Open the dialog with the link, its QR code and the ways to send it."""
        self.ensure_one()
        self._check_billing_link_can_be_given()
        wizard = self.env['billpro.order.link'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Order Link"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_send_order_link_mail(self):
        """Open Odoo's mail composer with the order-ready mail.

        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        self._check_billing_salesperson()
        self._check_billing_link_can_be_mailed()
        return self.action_quotation_send()

    def action_mail_order_links(self):
        """Mail the order links at once, in the words of the template and without a dialog.

        Other programs have no dialog to press *Send* in.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If a link can't be given, or a customer has no address.
        """
        self._check_billing_salesperson()
        self._check_billing_link_can_be_mailed()
        for order in self:
            order.with_context(mark_so_as_sent=True).message_post_with_source(
                self.env.ref('billpro_portal.mail_template_order_ready'),
                message_type='comment',
                subtype_xmlid='mail.mt_comment',
                email_layout_xmlid='billpro_portal.mail_layout',
            )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._("The order link is on its way."),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def _check_billing_link_can_be_mailed(self):
        """Check that the customers can do something with the link, and that a mail reaches them.

        :raise UserError: If a link can't be given, or a customer has no address.
        """
        self._check_billing_link_can_be_given()
        for order in self:
            if not order.partner_id.email:
                raise UserError(
                    self.env._(
                        "%s has no email address. Add one, or use SMS, QR code or the copied link.",
                        order.partner_id.display_name,
                    )
                )

    def _billing_note_link_given(self, channel):
        """Return a new notice of the order link, for the list of what the customer was sent.

        :param str channel: `mail` or `sms`.
        :rtype: billpro.notification
        """
        self.ensure_one()
        return (
            self.env['billpro.notification']
            .sudo()
            .create(
                {
                    'kind': 'order_ready',
                    'channel': channel,
                    'order_id': self.id,
                    'fact': f'order-{self.id}-{uuid.uuid4().hex}',
                }
            )
        )

    def _billing_get_sms_number(self):
        """Return the customer's phone number for SMS.

        The number is checked with `phonenumbers`; one without country code is read as a number
        of the customer's country or, if that isn't known, of the company's.

        :return: The number in E.164 format.
        :rtype: str
        :raise UserError: If there is no valid number.
        """
        self.ensure_one()
        partner = self.partner_id
        if not partner.phone:
            raise UserError(
                self.env._("%s has no phone number. Add one first.", partner.display_name)
            )
        number = partner._phone_format(
            number=partner.phone,
            country=self._billing_get_country(),
            force_format='E164',
        )
        if not number:
            raise UserError(
                self.env._(
                    "The phone number “%(number)s” of %(customer)s is not valid. Correct it, for"
                    " example to the form +32 470 12 34 56.",
                    number=partner.phone,
                    customer=partner.display_name,
                )
            )
        return number

    def action_revoke_order_link(self):
        """Replace the order link by a new one; the old one stops working at once.

        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        self._check_billing_salesperson()
        order = self.sudo()
        order._lock_billing()
        # Whoever has the old link open could go on paying.
        order.billing_transaction_ids._billing_give_up()
        order.access_token = str(uuid.uuid4())
        self._message_log(
            body=self.env._("The order link was revoked. The old link doesn't work any more.")
        )
        return self.action_open_order_link()

    def action_open_take_payment(self):
        """Open the dialog that takes or schedules a payment.

        :raise AccessError: If the user may not.
        :raise UserError: If no payments are taken besides those of its schedule.
        """
        self.ensure_one()
        self._check_billing_user()
        self._check_billing_payments_are_taken()
        wizard = self.env['billpro.take.payment'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Take a Payment"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def _check_billing_payments_are_taken(self):
        """Check that staff may take a payment besides those of the schedule now.

        :raise UserError: If not.
        """
        refusal = self._get_billing_refusal_of(OrderAction.TAKE_PAYMENT)
        if refusal in {OrderRefusal.ORDINARY, OrderRefusal.TYPE}:
            raise UserError(
                self.env._("Order %s has a schedule: no other payments are taken.", self.name)
            )
        if refusal:
            raise UserError(
                self.env._("Payments are taken on metered orders that are active: %s.", self.name)
            )

    # === MAIL === #

    def _find_mail_template(self):
        """Override of `sale`: before approval, “Send” sends the order link."""
        if self.purchase_type and self.billing_status in BEFORE_APPROVAL:
            return self.env.ref('billpro_portal.mail_template_order_ready')
        return super()._find_mail_template()

    def action_quotation_send(self):
        """Override of `sale` to check the order and to send its link in our layout."""
        self.filtered('purchase_type')._check_billing_link_can_be_given()
        action = super().action_quotation_send()
        if len(self) == 1 and self.purchase_type:
            action['context'] = {
                **action['context'],
                'default_email_layout_xmlid': 'billpro_portal.mail_layout',
            }
        return action

    def _notify_get_recipients_groups(self, message, model_description, msg_vals=False):
        """Override of `sale`: our mails carry the order link themselves, one button is enough."""
        groups = super()._notify_get_recipients_groups(
            message, model_description, msg_vals=msg_vals
        )
        if self and self.purchase_type:
            for name, _condition, options in groups:
                if name != 'user':
                    options['has_button_access'] = False
        return groups

    # === COMPUTE METHODS === #

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
        'billing_event_ids.early_done_date',
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
        self.billing_event_ids.fetch(['status', 'amount', 'early_done_date', 'rebate_amount'])
        other_money = self.billing_move_ids._billing_get_other_money()
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
            early = order.billing_event_ids.filtered('early_done_date')
            order.billing_skipped = sum(skipped_events.mapped('amount')) + sum(
                early.mapped('rebate_amount')
            )
            order.billing_balance = (
                order._get_purchase()._get_balance(order) if order.purchase_type else 0
            )

    # === OVERRIDES OF SALE === #

    def write(self, vals):
        """Override of `sale` to guard the terms of payment, and to follow lines and customer.

        The lines are looked at once, when all of them are changed.

        :raise UserError: If the terms of an order can't be changed, or not any more.
        """
        self._check_billing_written_terms(vals)
        if 'state' in vals:
            # What is sold keeps its intervals: they are worked out before it is.
            self.env['sale.order.line'].flush_model(['billing_every_periods'])
        cards = {}
        if CUSTOMER_FIELDS.intersection(vals):
            self._check_billing_nothing_is_reserved()
            cards = self._billing_take_off_cards()
        if 'order_line' in vals:
            changing = self.with_context(billing_lines_changing=INSIDE)
            prices = self._billing_get_live_prices()
            result = super(SaleOrder, changing).write(vals)
            self._billing_follow_changed_lines(prices)
        else:
            result = super().write(vals)
        self._billing_put_back_cards(cards)
        if INVOICED_FIELDS.intersection(vals):
            self.order_line._billing_discard_stale_invoices()
        if vals.get('validity_date'):
            self._billing_offer_with_present_taxes()
        if 'transaction_ids' in vals:
            self._check_billing_transactions_are_own()
        if 'state' in vals:
            self._check_billing_written_state()
        if 'purchase_type' in vals and not self.env.su:
            # On ordinary orders Odoo lets whoever edits them write what is computed.
            orders = self.sudo()
            orders._compute_currency_id()
            orders.order_line._compute_amount()
            orders._compute_amounts()
        return result

    def _action_cancel(self):
        billed = self.filtered('purchase_type')
        if billed:
            billed._lock_billing()
            billed.sudo()._billing_end_transfers(self.env._("The order was cancelled."))
            billed._check_billing_no_payment_in_progress()
            billed._apply_billing_trigger('cancel', self.env._("The order was cancelled."))
            billed.sudo().billing_transaction_ids._billing_supersede()
        return super()._action_cancel()

    def action_draft(self):
        """Override of `sale`: a cancelled order starts over as a draft."""
        cancelled = self.filtered(
            lambda order: order.billing_status == 'cancelled' and order.state in {'sent', 'cancel'}
        )
        res = super().action_draft()
        cancelled._apply_billing_trigger('reopen', self.env._("The order was reopened."))
        cancelled._billing_offer_with_present_taxes()
        return res

    # === REFUND === #

    @api.depends('billing_paid', 'billing_refunded')
    def _compute_billing_is_refundable(self):
        for order in self:
            order.billing_is_refundable = bool(order._billing_get_refundable_transactions())

    def action_open_refund(self):
        """Open the refund dialog.

        :raise AccessError: If the user may not change the order.
        :raise UserError: If nothing is left to refund.
        """
        self.ensure_one()
        self._check_billing_may_be_changed()
        refundable_txs = self.sudo()._billing_get_refundable_transactions()
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

    # === CHANGED LINES === #

    def _billing_get_live_prices(self):
        """Return what is charged of live orders, before their lines are changed.

        What shipping really costs, and expenses, Odoo adds by itself for whoever ships.

        :return: By order the prices of the lines, and of them what a period costs whatever is used,
                 taxes included, in the currency of the order.
        :rtype: dict[SaleOrder, tuple[float, float]]
        """
        if is_inside(self.env, 'billing_lines_changing'):
            return {}  # Whoever changes several lines has asked before, and looks afterwards.
        return {
            order: (
                sum(
                    line.price_total
                    for line in order.order_line
                    if not line.is_expense and not line._is_delivery()
                ),
                order._get_purchase()._get_base_fee(order),
            )
            for order in self.sudo()
            if order.purchase_type and order.billing_status in LIVE
        }

    def _billing_follow_changed_lines(self, prices):
        """Let the payments of live orders follow their lines.

        :param dict[SaleOrder, tuple[float, float]] prices: What `_billing_get_live_prices` said
                                                            before.
        :raise AccessError: If the user may not change what an order costs.
        :raise ValidationError: If nothing would be left to collect.
        """
        if is_inside(self.env, 'billing_lines_changing'):
            return
        for order, (price, base_fee) in self._billing_get_live_prices().items():
            purchase = order._get_purchase()
            purchase._follow_lines(order)
            old_price, old_base_fee = prices.get(order, (0.0, 0.0))
            if order.currency_id.compare_amounts(price, old_price):
                purchase._follow_price(order)
            if order.currency_id.compare_amounts(base_fee, old_base_fee):
                order._billing_announce_base_fee(old_base_fee, base_fee)

    # === COMPLETION === #

    def _billing_complete_last_period(self):
        """Complete a subscription that nothing follows; the caller holds the lock."""
        self.ensure_one()
        if (
            self.billing_status != 'active'
            or self.billing_cancel_date
            or set(self.billing_event_ids.mapped('status')) & OPEN
            or self._get_purchase()._get_paid_until(self) >= self._billing_get_today()
        ):
            return  # It was changed meanwhile, or isn't over yet.
        self._apply_billing_trigger('complete', self.env._("The last period ended."))

    def action_mark_complete(self):
        """End live orders: what is open is cancelled, refunds stay possible.

        :raise AccessError: If the user isn't a billing manager.
        :raise UserError: If an order isn't live, or the outcome of one of its payments is open.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can complete orders."))
        self.check_access('write')
        for order in self.sudo():
            order._billing_complete_by_staff(self.env.user.name)

    def _billing_complete_by_staff(self, person):
        """End the order.

        :param str person: Who ends it.
        :raise UserError: If it isn't live, or the outcome of one of its payments is open.
        """
        self.ensure_one()
        self._lock_billing()
        refusal = self._get_billing_refusal_of(OrderAction.COMPLETE)
        if refusal is OrderRefusal.RESERVED:
            raise UserError(
                self.env._("Capture or release the authorised payment of %s first.", self.name)
            )
        if refusal:
            raise UserError(
                self.env._(
                    "Order %(order)s can't be completed: its billing status is “%(status)s”.",
                    order=self.name,
                    status=dict(self._fields['billing_status']._description_selection(self.env))[
                        self.billing_status
                    ],
                )
            )
        self._billing_withdraw_unsent_attempts()
        events = self.billing_event_ids.filtered(lambda event: event.status in OPEN)
        if in_flight := events.filtered(lambda event: event.status in IN_FLIGHT):
            raise UserError(
                self.env._(
                    "The outcome of payment %s isn't known yet. Please wait for it.",
                    in_flight[0].display_name,
                )
            )
        events._apply_trigger('cancel')
        events._discard_draft_invoices()
        self.write({'billing_collection_date': False, 'billing_collection_amount': 0})
        self._get_purchase()._close_invoices(self)
        self._apply_billing_trigger('complete', self.env._("%s completed the order.", person))
        # What waits for the customer's bank is withdrawn there.
        self.env.ref('billpro_portal.cron_billing_run')._trigger()

    # === LIMITS === #

    def _billing_get_attempt_limit_reason(self, ip_address):
        """Return why the initial payment can't be tried once more for now.

        :param str ip_address: Where the request comes from.
        :return: The reason in the customer's words, or False if it may be tried.
        :rtype: str|bool
        """
        self.ensure_one()
        if self._billing_count_tries_left() <= 0:
            return self.env._(
                "This order was tried to be paid many times in a short time. Please wait an hour,"
                " or contact us: we will help you to pay."
            )
        by_address = self._billing_count_recent_tries(
            [('billing_ip_address', '=', ip_address), ('state', 'in', ('draft', 'error', 'cancel'))]
        )
        declined = self._billing_count_recent_tries(
            [
                ('billing_ip_address', '!=', False),
                ('state', '=', 'error'),
                ('company_id', '=', self.company_id.id),
            ]
        )
        is_stranger = self.env.user._is_public()
        if by_address >= ATTEMPTS_PER_HOUR_AND_ADDRESS or (
            is_stranger and declined >= DECLINES_PER_HOUR_AND_COMPANY
        ):
            return self.env._(
                "Too many payments were tried in a short time. Please wait an hour, or contact us:"
                " we will help you to pay."
            )
        return False

    def _billing_get_card_limit_reason(self, ip_address):
        """Return why no more cards may be registered for now.

        :param str ip_address: Where the request comes from.
        :return: The reason in the customer's words, or False if there may be more.
        :rtype: str|bool
        """
        self.ensure_one()
        updates = [('billing_is_card_update', '=', True)]
        by_order = self._billing_count_recent_tries([*updates, ('billing_order_id', '=', self.id)])
        by_address = self._billing_count_recent_tries(
            [*updates, ('billing_ip_address', '=', ip_address)]
        )
        if by_order >= CARDS_PER_HOUR_AND_ORDER or by_address >= CARDS_PER_HOUR_AND_ADDRESS:
            return self.env._(
                "Too many cards were tried in a short time. Please wait an hour, or contact us."
            )
        return False

    @api.model
    def _billing_count_recent_tries(self, domain):
        """Count what was tried within the hour.

        :param list domain: Which transactions.
        :rtype: int
        """
        since = fields.Datetime.now() - timedelta(hours=1)
        return (
            self.env['payment.transaction']
            .sudo()
            .search_count([*domain, ('create_date', '>', since)])
        )

    def _billing_count_tries_left(self):
        """Return how many times the initial payment may be tried now.

        :rtype: int
        """
        since = fields.Datetime.now() - timedelta(hours=1)
        recent = self._billing_get_initial_attempts().filtered(
            lambda tx: tx.billing_ip_address and tx.create_date > since
        )
        return ATTEMPTS_PER_HOUR_AND_ORDER - recent._billing_count_tries()

    def _check_billing_number_of_changes(self):
        """Check that the link isn't used to send mail after mail.

        Cancelling is never kept from anybody: taking it back is what ends the round.

        :raise UserError: If much was changed within the hour by whoever asks.
        """
        self.ensure_one()
        since = fields.Datetime.now() - timedelta(hours=1)
        changes = (
            self.env['mail.message']
            .sudo()
            .search_count(
                [
                    ('model', '=', self._name),
                    ('res_id', '=', self.id),
                    ('create_uid', '=', self.env.uid),
                    ('create_date', '>', since),
                ],
                limit=CHANGES_PER_HOUR,
            )
        )
        if changes >= CHANGES_PER_HOUR:
            raise UserError(
                self.env._(
                    "This order was changed many times in a short time. Please wait an hour, or"
                    " contact us."
                )
            )

    @api.model
    def _get_thread_with_access(self, thread_id, *, mode='read', **kwargs):
        """Override of `portal`: customers write by the order's page, which has its limits."""
        thread = super()._get_thread_with_access(thread_id, mode=mode, **kwargs)
        if thread.sudo().purchase_type and not self.env.user._is_internal():
            return self.browse()
        return thread

    # === LISTS === #

    @api.model
    def _group_expand_billing_status(self, statuses, _domain):
        """Return the statuses that there are in the order of an order's life."""
        return [
            status
            for status, _label in self._fields['billing_status'].selection
            if status in statuses
        ]

    @api.depends(
        'order_link_first_sent_date', 'order_link_sent_date', 'billing_notification_ids.state'
    )
    def _compute_billing_pending(self):
        """Read the notices of all orders at once."""
        notices = (
            self.env['billpro.notification']
            .sudo()
            .search_fetch(
                [('order_id', 'in', self.ids), ('kind', 'in', LINK_KINDS)],
                ['order_id', 'kind', 'channel', 'state'],
                order='id',
            )
        )
        by_order = notices.grouped('order_id')
        now = fields.Datetime.now()
        for order in self:
            told = by_order.get(order, notices.browse())
            mails = told.filtered(lambda notice: notice.channel == 'mail')
            # Orders from before the first date was kept have the last one only.
            since = order.order_link_first_sent_date or order.order_link_sent_date
            order.billing_pending_date = since
            order.billing_pending_days = (now - since).days if since else 0
            order.billing_reminder_count = len(
                mails.filtered(
                    lambda notice: (
                        notice.kind == 'order_reminder' and notice.state in {'handed_over', 'sent'}
                    )
                )
            )
            order.billing_mail_state = mails[-1:].state

    def action_cancel_unpaid(self):
        """Cancel orders that wait for their first payment.

        :raise AccessError: If the user may not write to them.
        :raise UserError: If one of them isn't waiting, or a payment of it is under way.
        """
        self.check_access('write')
        for order in self:
            if order._get_billing_refusal_of(OrderAction.CANCEL_UNPAID):
                raise UserError(self.env._("Order %s is not waiting for a payment.", order.name))
        self.action_cancel()

    # === CONSTRAINT METHODS === #

    def _check_billing_written_terms(self, vals):
        """Check that the terms of payment among what is written may be changed.

        :param dict vals: What is written.
        :raise UserError: If the terms of an order can't be changed, or not any more.
        """
        if set(TERMS).intersection(vals) and not is_inside(self.env, 'billing_counts_anew'):
            for order in self:
                order._check_billing_terms_can_be_changed()
        if 'purchase_type' in vals:
            for order in self:
                if order.purchase_type != vals['purchase_type']:
                    order._check_billing_type_can_be_changed()
                    if order.billing_terms_locked and not self.env.su:
                        order._billing_refuse_locked_terms()

    def _check_billing_terms_can_be_changed(self):
        self._check_billing_type_can_be_changed()
        refusal = self._get_billing_refusal_of(OrderAction.CHANGE_TERMS)
        if refusal is OrderRefusal.LOCKED and not self.env.su:
            self._billing_refuse_locked_terms()

    def _check_billing_type_can_be_changed(self):
        self._check_billing_no_payment_in_progress()
        if self._get_billing_refusal_of(OrderAction.CHANGE_TERMS) is OrderRefusal.STATUS:
            raise UserError(
                self.env._(
                    "The customer agreed to the payment terms of order %s: they can't be changed"
                    " any more.",
                    self.name,
                )
            )
