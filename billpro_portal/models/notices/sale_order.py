from collections import defaultdict

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...billing.actions import OrderAction, OrderRefusal
from ...billing.lifecycle import BEFORE_APPROVAL
from ...billing.payment_methods import get_notice_days
from ..rights.own_context import INSIDE


class SaleOrder(models.Model):
    """Notices about an order that staff send, and whether its customer wants text messages."""

    _inherit = 'sale.order'

    billing_phone_problem = fields.Char(
        string="Phone Number",
        compute='_compute_billing_phone_problem',
        compute_sudo=True,
        help="Why the customer can't get text messages.",
    )

    @api.depends('partner_id.phone', 'partner_id.country_id')
    def _compute_billing_phone_problem(self):
        """Flag numbers that text messages would never reach."""
        for order in self:
            order.billing_phone_problem = False
            if order.purchase_type and order.partner_id.phone:
                try:
                    order._billing_get_sms_number()
                except UserError as error:
                    order.billing_phone_problem = str(error)

    def _billing_mail_at_once(self, address, subject, body):
        """Mail what is for the reader alone: neither the chatter nor the list of mails keeps it.

        :param str address: The address, or several.
        :param str subject: The subject, in the language of the order's environment.
        :param Markup body: What stands in the frame of our mails.
        :raise UserError: If it can't be sent.
        """
        self.ensure_one()
        company = self.company_id
        mail = self.env['mail.mail'].create(
            {
                'subject': subject,
                'body_html': self.env['ir.qweb']._render(
                    'billpro_portal.mail_layout',
                    {
                        'lang': (self.env.lang or 'en').replace('_', '-'),
                        'company': company,
                        'message': self.env['mail.message'].new({'body': body}),
                    },
                ),
                'email_from': company.billing_mail_sender or company.email_formatted,
                'email_to': address,
                'auto_delete': True,
            }
        )
        mail.send()
        if mail.exists().state == 'exception':
            raise UserError(self.env._("The mail can't be sent now. Please try again later."))

    # === USAGE === #

    def _billing_get_usage_notices(self):
        """Return what is to be told of the usage of running periods, all of them in one pass.

        :return: The values of notices by kind. Their facts say which period it is, and of an alert
                 its amount: another amount is told again.
        :rtype: dict[str, list[dict]]
        """
        found = defaultdict(list)
        for lang, orders in self.grouped(lambda order: order.partner_id.lang).items():
            orders = orders.with_context(lang=lang)
            for order, lines in orders.billing_usage_line_ids.grouped('order_id').items():
                order._billing_add_usage_notices(found, lines)
        return found

    def _billing_add_usage_notices(self, found, lines):
        """Add what is to be told of the usage of the order.

        :param dict found: As of `_billing_get_usage_notices`; changed.
        :param sale.order.line lines: Its metered lines.
        """
        self.ensure_one()
        period = self._billing_get_usage_period(fields.Datetime.now())
        if not period:
            return
        for line in lines:
            if kind := line._billing_get_reached_allowance():
                found[kind].append(
                    {
                        'order_id': self.id,
                        'fact': f'line-{line.id}-{period.number}',
                        'text': line._billing_get_allowance_text(kind),
                    }
                )
        alert = self.billing_usage_alert
        amount = sum(line._billing_with_taxes(line.billing_usage_amount) for line in lines)
        if alert and self.currency_id.compare_amounts(amount, alert) >= 0:
            found['usage_alert'].append(
                {
                    'order_id': self.id,
                    'fact': f'order-{self.id}-{period.number}-{alert}',
                    'text': self._billing_get_usage_alert_text(amount),
                }
            )

    def _billing_get_usage_alert_text(self, amount):
        """Return what the customer wanted to be told, in the language of the environment.

        :param float amount: What the usage costs so far.
        :rtype: str
        """
        return self.env._(
            "You wanted to know when your usage reaches %(alert)s. It costs %(amount)s so far.",
            alert=self.currency_id.format(self.billing_usage_alert),
            amount=self.currency_id.format(amount),
        )

    # === STAFF === #

    def action_send_reminder(self):
        """Remind customers now of orders that wait for their first payment.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If an order doesn't wait for it, its customer has no address, or it is
                          paid in another way.
        """
        self._check_billing_salesperson()
        for order in self:
            refusal = order._get_billing_refusal_of(OrderAction.REMIND)
            if refusal is OrderRefusal.PAID_OTHERWISE:
                raise UserError(
                    self.env._(
                        "Order %(order)s was paid in another way, or is being paid: %(others)s.",
                        order=order.name,
                        others=order._billing_get_other_payments(),
                    )
                )
            if refusal:
                raise UserError(self.env._("Order %s is not waiting for a payment.", order.name))
        return self._billing_send_notice_by_hand(
            'order_reminder', self.env._("The customer will be reminded.")
        )

    def _billing_send_notice_by_hand(self, kind, message):
        """Queue a notice that staff ask for; its mail goes out whatever the settings say.

        Whoever presses the button twice sends it once.

        :param str kind: The kind of notice.
        :param str message: What to tell the user.
        :return: A notification.
        :rtype: dict
        :raise UserError: If a customer has no address.
        """
        self.sudo()._lock_billing()
        notices = self.env['billpro.notification'].sudo()
        for order in self:
            if not order.partner_id.email:
                raise UserError(
                    self.env._(
                        "%s has no email address. Add one first.", order.partner_id.display_name
                    )
                )
            is_queued = notices.search_count(
                [('order_id', '=', order.id), ('kind', '=', kind), ('state', '=', 'queued')],
                limit=1,
            )
            if not is_queued:
                notices.with_context(billing_by_hand=INSIDE)._queue(
                    kind, order, f'order-{order.id}-{fields.Datetime.now()}'
                )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {'type': 'success', 'message': message},
        }

    def _billing_is_opted_out_of_sms(self):
        """Return whether the customer wants no text messages, by the list that Odoo keeps.

        :rtype: bool
        :raise UserError: If there is no valid number.
        """
        self.ensure_one()
        return bool(
            self.env['phone.blacklist']
            .sudo()
            .search_count([('number', '=', self._billing_get_sms_number())], limit=1)
        )

    def _billing_get_debit_notice_days(self):
        """Return how many days before a debit the customer must be told of it.

        :return: The days; 0 if no bank account is debited.
        :rtype: int
        """
        self.ensure_one()
        code = self.billing_token_id.payment_method_id.code
        return get_notice_days(code, self.company_id.billing_debit_notice_days)

    def action_request_card_update(self):
        """Ask the customer by mail to enter another card.

        :raise AccessError: If the user may not.
        :raise UserError: If the order has no card that could be changed, or the customer has no
                          address.
        """
        self.ensure_one()
        self._check_billing_salesperson()
        if not self.sudo()._billing_can_change_cards():
            raise UserError(self.env._("Order %s has no stored payment method.", self.name))
        return self._billing_send_notice_by_hand(
            'card_update', self.env._("The customer will be asked for another payment method.")
        )

    # === BY HAND === #

    def _billing_set_text_messages(self, wanted):
        """Keep the customer's wish to get text messages or not, for their number.

        :param bool wanted: Whether they want them.
        :raise UserError: If the customer has no valid number.
        """
        self.ensure_one()
        number = self._billing_get_sms_number()
        numbers = self.env['phone.blacklist'].sudo()
        if wanted:
            numbers._remove([number])
            note = self.env._("The customer wants text messages again.")
        else:
            numbers._add([number])
            note = self.env._("The customer wants no more text messages.")
        self._message_log(body=note)

    def action_send_order_link_sms(self):
        """Queue the order-ready SMS to the customer.

        :raise AccessError: If the user may not.
        :raise UserError: If the customer's number isn't valid.
        """
        self.ensure_one()
        self._check_billing_salesperson()
        self._check_billing_link_can_be_given()
        number = self._billing_get_sms_number()
        self._billing_note_link_given('sms')._send()
        self._billing_mark_link_sent(self.env._("The order link was sent by SMS to %s.", number))
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._("The SMS to %s is on its way.", number),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def _billing_note_link_mailed(self, message):
        """Note that the mail which the composer sent carries the order link.

        Notes of changed fields, which are posted in the same context, don't.

        :param mail.message message: What was posted.
        """
        if self.env.context.get('mark_so_as_sent') and message.message_type == 'comment':
            billed = self.filtered(
                lambda order: order.purchase_type and order.billing_status in BEFORE_APPROVAL
            )
            billed._billing_mark_link_sent(self.env._("The order link was mailed to the customer."))
            for order in billed:
                order._billing_note_link_given('mail')._follow_message(message)

    def _billing_request_card_updates(self):
        """Ask the customers of several orders for another card.

        :return: A notification, if there are orders.
        :rtype: dict|bool
        :raise UserError: If one of the orders has no card, or its customer no address.
        """
        action = False
        for order in self:
            action = order.action_request_card_update()
        if len(self) > 1:
            action['params']['message'] = self.env._(
                "The customers of %s orders will be asked for another payment method.", len(self)
            )
        return action

    # === OVERRIDES OF SALE === #

    def message_post(self, **kwargs):
        """Override of `sale`: the charge run collects the notes that nobody is notified of.

        Posting looks up, note by note, whom to notify. See `charging/batch.py`.

        :raise AccessError: If a customer doesn't write by the order's page, which has limits.
        """
        if not self.env.su and self.env.user.share and self.sudo().purchase_type:
            raise AccessError(self.env._("Please write to us on the page of your order."))
        notes = self.env.cr.precommit.data.get('billing_notes')
        if (
            notes is not None
            and set(kwargs) == {'body'}
            and not self._billing_has_followers_of_notes()
        ):
            notes.append((self, kwargs['body']))
            return self.env['mail.message']
        message = super().message_post(**kwargs)
        self._billing_note_link_mailed(message)
        return message
