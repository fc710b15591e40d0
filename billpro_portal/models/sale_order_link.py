import base64
import io
import uuid

import qrcode

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..billing.lifecycle import BEFORE_APPROVAL


class SaleOrder(models.Model):
    """The order link: one URL that opens the checkout and, once approved, the order portal."""

    _inherit = 'sale.order'

    order_link = fields.Char(
        compute='_compute_order_link',
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

    # === THE LINK === #

    def _compute_access_url(self):
        """Override of `sale`: orders with a purchase type have pages of their own."""
        super()._compute_access_url()
        for order in self.filtered('purchase_type'):
            order.access_url = f'/order/{order.id}'

    @api.depends('access_token', 'billing_status', 'purchase_type')
    def _compute_order_link(self):
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
                and order.get_base_url() + order._get_order_link()
            )

    def _get_order_link(self, suffix=''):
        """Return the relative URL of one of the order's pages, with the order's token.

        :param str suffix: The path below the order, for example `/success`.
        :rtype: str
        """
        self.ensure_one()
        return self.get_portal_url(suffix=suffix)

    def _get_order_link_qr(self):
        """Return the order link as the PNG image of a QR code.

        :return: The image, base64-encoded.
        :rtype: bytes
        """
        self.ensure_one()
        image = io.BytesIO()
        qrcode.make(self.order_link, box_size=8, border=4).save(image, format='PNG')
        return base64.b64encode(image.getvalue())

    def _mark_link_sent(self, reason):
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

    def _note_link_opened(self):
        """Remember when the customer last opened the link, to the minute at most."""
        self.ensure_one()
        now = fields.Datetime.now()
        if not self.order_link_opened_date:
            self._message_log(body=self.env._("The customer opened the order link."))
        elif (now - self.order_link_opened_date).total_seconds() < 60:
            return
        self.order_link_opened_date = now

    # === WHO IS GIVEN IT === #

    access_token = fields.Char(
        groups='sales_team.group_sale_salesman,account.group_account_readonly'
    )

    def _portal_ensure_token(self):
        """Override of `portal`: whoever may have a link made needn't be able to read the token."""
        is_readable = self._has_field_access(self._fields['access_token'], 'read')
        order = self if is_readable else self.sudo()
        return super(SaleOrder, order)._portal_ensure_token()

    def _sign_token(self, pid):
        """Override of `portal`: whoever may write to a customer needn't be able to read it."""
        return super(SaleOrder, self.sudo())._sign_token(pid)

    def get_portal_url(
        self, suffix=None, report_type=None, download=None, query_string=None, anchor=None
    ):
        """Override of `portal`: the address without the token for who may not read the link.

        :raise AccessError: If the user may not read the order.
        """
        token = self._fields['access_token']
        if (
            self.purchase_type  # Checks that the order may be read.
            and self.env.user._is_internal()
            and not self._has_field_access(token, 'read')
        ):
            return f'{self.access_url}{suffix or ""}'
        return super().get_portal_url(
            suffix=suffix,
            report_type=report_type,
            download=download,
            query_string=query_string,
            anchor=anchor,
        )

    @api.model
    def _check_other_link(self, model, order_id):
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

    def _check_salesperson(self):
        """Check that the user may deal with the customers of the orders.

        Whoever makes invoices may write to sales orders in Odoo, too, and is refused here.

        :raise AccessError: If not.
        """
        self.check_access('write')
        if not self.env.su and not self.env.user.has_group('sales_team.group_sale_salesman'):
            raise AccessError(self.env._("Only salespeople can do this."))

    def _check_link_can_be_given(self):
        """Check that the customer can do something with the link.

        :raise UserError: If the order has no purchase type or was cancelled.
        :raise ValidationError: If the order can't be sold as its purchase type.
        """
        for order in self:
            if not order.purchase_type:
                raise UserError(
                    self.env._(
                        "Order %s has no order link. Choose its purchase type first.", order.name
                    )
                )
            if order.billing_status == 'cancelled':
                raise UserError(
                    self.env._(
                        "Order %s is cancelled. Set it back to quotation to use its link again.",
                        order.name,
                    )
                )
            if order.billing_status in BEFORE_APPROVAL:
                order._get_purchase()._check_order(order)

    def action_open_order_link(self):
        """Open the dialog with the link, its QR code and the ways to send it."""
        self.ensure_one()
        self._check_link_can_be_given()
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
        self._check_salesperson()
        self._check_link_can_be_mailed()
        return self.action_quotation_send()

    def action_mail_order_links(self):
        """Mail the order links at once, in the words of the template and without a dialog.

        Other programs have no dialog to press *Send* in.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If a link can't be given, or a customer has no address.
        """
        self._check_salesperson()
        self._check_link_can_be_mailed()
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

    def _check_link_can_be_mailed(self):
        """Check that the customers can do something with the link, and that a mail reaches them.

        :raise UserError: If a link can't be given, or a customer has no address.
        """
        self._check_link_can_be_given()
        for order in self:
            if not order.partner_id.email:
                raise UserError(
                    self.env._(
                        "%s has no email address. Add one, or use SMS, QR code or the copied link.",
                        order.partner_id.display_name,
                    )
                )

    def action_send_order_link_sms(self):
        """Queue the order-ready SMS to the customer.

        :raise AccessError: If the user may not.
        :raise UserError: If the customer's number isn't valid.
        """
        self.ensure_one()
        self._check_salesperson()
        self._check_link_can_be_given()
        number = self._get_sms_number()
        self._note_link_given('sms')._send()
        self._mark_link_sent(self.env._("The order link was sent by SMS to %s.", number))
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._("The SMS to %s is on its way.", number),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def _note_link_given(self, channel):
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

    def _get_sms_number(self):
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
            country=partner.country_id or self.company_id.country_id,
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
        self._check_salesperson()
        order = self.sudo()
        order._lock_billing()
        # Whoever has the old link open could go on paying.
        order.billing_transaction_ids._give_up()
        order.access_token = str(uuid.uuid4())
        self._message_log(
            body=self.env._("The order link was revoked. The old link doesn't work any more.")
        )
        return self.action_open_order_link()

    # === MAIL === #

    def _find_mail_template(self):
        """Override of `sale`: before approval, “Send” sends the order link."""
        if self.purchase_type and self.billing_status in BEFORE_APPROVAL:
            return self.env.ref('billpro_portal.mail_template_order_ready')
        return super()._find_mail_template()

    def action_quotation_send(self):
        """Override of `sale` to check the order and to send its link in our layout."""
        self.filtered('purchase_type')._check_link_can_be_given()
        action = super().action_quotation_send()
        if len(self) == 1 and self.purchase_type:
            action['context'] = {
                **action['context'],
                'default_email_layout_xmlid': 'billpro_portal.mail_layout',
            }
        return action

    def _note_link_mailed(self, message):
        """Note that the mail which the composer sent carries the order link.

        Notes of changed fields, which are posted in the same context, don't.

        :param mail.message message: What was posted.
        """
        if self.env.context.get('mark_so_as_sent') and message.message_type == 'comment':
            billed = self.filtered(
                lambda order: order.purchase_type and order.billing_status in BEFORE_APPROVAL
            )
            billed._mark_link_sent(self.env._("The order link was mailed to the customer."))
            for order in billed:
                order._note_link_given('mail')._follow_message(message)

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
