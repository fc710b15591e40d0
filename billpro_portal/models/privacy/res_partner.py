import json
import re

from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.tools import email_normalize_all, format_date

from ...billing.lifecycle import FINAL
from ...billing.retention import invoice_kept_until

MAIL_ADDRESS = r'[^\s<>"\',;:()\[\]]+@[^\s<>"\',;:()\[\]]+\.\w+'
# What the file tells of each kind of records: what identifies the customer, or says what they did.
KEPT = {
    'res.partner': (
        'name',
        'email',
        'phone',
        'contact_address',
        'vat',
        'lang',
        'tz',
        'create_date',
    ),
    'sale.order': (
        'name',
        'date_order',
        'purchase_type',
        'billing_status',
        'billing_buyer',
        'amount_total',
        'currency_id',
        'billing_paid',
        'billing_refunded',
        'billing_cancel_requested_date',
        'billing_cancel_date',
        'billing_cancel_note',
        'order_link_sent_date',
        'order_link_opened_date',
    ),
    'sale.order.line': ('order_id', 'name', 'product_uom_qty', 'price_unit', 'price_total'),
    'billpro.billing.event': (
        'order_id',
        'number',
        'due_date',
        'period_start',
        'period_end',
        'amount',
        'status',
        'note',
    ),
    'billpro.change': (
        'order_id',
        'create_date',
        'display_name',
        'when',
        'first_day',
        'amount',
        'state',
        'agreed_terms',
    ),
    'billpro.price.increase.order': (
        'order_id',
        'old_amount',
        'new_amount',
        'first_day',
        'recipient',
        'state',
    ),
    'billpro.discount': (
        'order_id',
        'create_date',
        'percent',
        'count',
        'taken_back_date',
        'agreed_terms',
    ),
    'billpro.leaving.offer': ('order_id', 'reason_id', 'offer', 'shown_date', 'taken_date'),
    'billpro.bulk.action.order': ('order_id', 'action_id', 'state', 'effect', 'reason'),
    'billpro.consent': (
        'order_id',
        'date',
        'text',
        'version',
        'agreement',
        'withdrawal_information',
        'wants_start',
        'fingerprint',
        'ip_address',
    ),
    'billpro.declaration': (
        'order_id',
        'date',
        'kind',
        'name',
        'reference',
        'email',
        'reason',
        'end_date',
        'receipt',
        'ip_address',
    ),
    'billpro.visit': ('order_id', 'date', 'deed', 'ip_address'),
    'billpro.mail.change': (
        'order_id',
        'create_date',
        'old_email',
        'new_email',
        'state',
        'ip_address',
    ),
    'billpro.notification': ('order_id', 'kind', 'channel', 'state', 'send_date', 'recipient'),
    'payment.transaction': (
        'reference',
        'create_date',
        'amount',
        'currency_id',
        'state',
        'operation',
        'billing_ip_address',
    ),
    'payment.token': ('payment_details', 'card_brand', 'card_expiry_date', 'create_date', 'active'),
    'account.move': ('name', 'move_type', 'invoice_date', 'amount_total', 'payment_state'),
    'billpro.usage.record': ('order_id', 'meter_id', 'moment', 'quantity', 'sender_id'),
    'billpro.usage.period': ('order_id', 'first_day', 'next_day', 'amount', 'state'),
    'billpro.usage.line': ('order_id', 'period_id', 'kind', 'quantity', 'unit_price', 'amount'),
    'billpro.usage.unattributed': (
        'order_id',
        'order_name',
        'subscriber_key',
        'meter_code',
        'moment',
        'quantity',
        'sender_id',
        'reason',
        'void_reason',
    ),
    'billpro.dispute': ('order_id', 'opened_date', 'reason', 'state', 'amount'),
    'mail.message': ('date', 'author_id', 'subject', 'body'),
}


class ResPartner(models.Model):
    """What is kept of a customer's orders, given to them or erased: GDPR, articles 15, 17, 20."""

    _inherit = 'res.partner'

    def _billing_check_may_handle_data(self, operation):
        """Check that the user may give out, or erase, what is kept of a customer.

        :param str operation: What they must be allowed to do with the contact.
        :raise AccessError: If not.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(self.env._("Only billing managers can do this."))
        self.check_access(operation)

    def _billing_get_records_of_customer(self):
        """Return all that is kept of the customer's orders, by model.

        :rtype: dict[str, odoo.models.Model]
        """
        self.ensure_one()
        people = (
            self.sudo()
            .with_context(active_test=False)
            .search([('commercial_partner_id', '=', self.commercial_partner_id.id)])
        )
        orders = people._billing_search_orders([('company_id', 'in', self.env.companies.ids)])
        of_orders = [('order_id', 'in', orders.ids)]
        of_companies = [('company_id', 'in', self.env.companies.ids)]
        # Whoever declared something may have mistaken the number of the order.
        emails = [email for one in people for email in email_normalize_all(one.email or '')]
        declarations = people.env['billpro.declaration'].search(
            [*of_companies, ('order_id', '=', False), ('email', 'in', emails)]
        )
        records = {
            'res.partner': people,
            'sale.order': orders,
            'sale.order.line': orders.order_line,
            'billpro.declaration': orders.billing_declaration_ids | declarations,
            'payment.transaction': orders.billing_transaction_ids,
            'payment.token': people.env['payment.token'].search(
                [*of_companies, ('partner_id', 'in', people.ids)]
            ),
            'account.move': orders.billing_move_ids,
            'billpro.usage.unattributed': people._billing_search_unattributed_usage(orders),
            'mail.message': orders.message_ids,
        }
        # All others are of one order each.
        return {
            model: records[model] if model in records else people.env[model].search(of_orders)
            for model in KEPT
        }

    def _billing_search_unattributed_usage(self, orders):
        """Return the usage that isn't billed and names one of the orders, or its subscriber.

        :param sale.order orders: The orders.
        :rtype: billpro.usage.unattributed
        """
        keys = [key for key in orders.mapped('billing_subscriber_key') if key]
        return self.env['billpro.usage.unattributed'].search(
            [
                ('company_id', 'in', self.env.companies.ids),
                '|',
                '|',
                ('order_id', 'in', orders.ids),
                ('order_name', 'in', orders.mapped('name')),
                ('subscriber_key', 'in', keys),
            ]
        )

    def _billing_search_orders(self, domain):
        """Return the orders of people.

        :param list domain: Which of them.
        :rtype: sale.order
        """
        return self.env['sale.order'].search(
            [
                ('purchase_type', '!=', False),
                '|',
                ('partner_id', 'in', self.ids),
                ('partner_invoice_id', 'in', self.ids),
                *domain,
            ]
        )

    def action_billing_export_data(self):
        """Give all that is kept of the customer's orders as a file that machines read.

        :return: The download.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        self.ensure_one()
        self._billing_check_may_handle_data('read')
        kept = {
            model: records.read(KEPT[model], load=None)
            for model, records in self._billing_get_records_of_customer().items()
        }
        attachment = self.env['ir.attachment'].create(
            {
                'name': f'customer-{self.id}.json',
                'mimetype': 'application/json',
                'raw': json.dumps(kept, default=str, ensure_ascii=False, indent=1).encode(),
            }
        )
        return {
            'type': 'ir.actions.act_url',
            'url': f'/web/content/{attachment.id}?download=true',
            'target': 'self',
        }

    # === ERASING === #

    def action_billing_erase_data(self):
        """Erase what no law wants kept of the customer, and block the rest until it may go.

        :return: A notification that says what is kept, and until when.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If an order isn't over.
        """
        self.ensure_one()
        self._billing_check_may_handle_data('write')
        records = self._billing_get_records_of_customer()
        people = records['res.partner']
        # Companies share their contacts.
        if going_on := people._billing_search_orders([('billing_status', 'not in', list(FINAL))]):
            raise UserError(
                self.env._("End these orders first: %s", ', '.join(going_on.mapped('name')))
            )
        records['payment.token'].active = False
        records['billpro.consent'].ip_address = False
        records['billpro.declaration'].ip_address = False
        records['payment.transaction'].billing_ip_address = False
        records['billpro.notification'].recipient = False
        records['billpro.visit'].unlink()
        records['billpro.mail.change'].unlink()
        records['billpro.price.increase.order'].recipient = False
        people = people.with_context(tracking_disable=True)
        people._billing_erase_from_messages(people.message_ids | records['mail.message'])
        people.write({'phone': False, 'email': False, 'comment': False, 'website': False})
        moves = records['account.move'] | people.env['account.move'].search(
            [('partner_id', 'in', people.ids)]
        )
        kept = self._billing_describe_kept(moves, records)
        if not moves:
            address = ('street', 'street2', 'zip', 'city', 'vat')
            people.write({'name': self.env._("Erased"), **dict.fromkeys(address, False)})
        for order in records['sale.order']:
            order._message_log(body=kept)
        people.filtered(lambda one: not one.user_ids).active = False
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {'type': 'success', 'message': kept, 'sticky': True},
        }

    def _billing_erase_from_messages(self, messages):
        """Erase addresses from what is logged of the customer, and who it was sent to.

        What was written stays, as it may be evidence. What a customer has changed of themselves is
        logged in their name, as "old → new" below a heading, which stays alone.

        :param mail.message messages: The messages of their orders and contacts.
        """
        # Odoo keeps what was changed of a contact, with the values before.
        self.env['mail.tracking.value'].search(
            [('mail_message_id', 'in', self.message_ids.ids)]
        ).unlink()
        phones = [phone for one in self if (phone := one.phone)]
        secret = re.compile('|'.join([MAIL_ADDRESS, *map(re.escape, phones)]))
        for message in messages:
            body = str(message.body or '')
            if message.author_id in self and ' → ' in body:
                body = body.split('<br', 1)[0]
            if (body := secret.sub('…', body)) != str(message.body or ''):
                message.body = body
            if message.subject and secret.search(message.subject):
                message.subject = secret.sub('…', message.subject)
        messages.filtered(lambda one: one.author_id in self).email_from = False
        sent_to = ('incoming_email_to', 'incoming_email_cc', 'outgoing_email_to')
        messages.write(dict.fromkeys(sent_to, False))
        of_messages = [('mail_message_id', 'in', messages.ids)]
        sent = self.env['mail.notification'].search(
            [
                *of_messages,
                '|',
                ('mail_email_address', '!=', False),
                ('failure_reason', '!=', False),
            ]
        )
        # Odoo wants an address where there is no contact.
        sent.write({'mail_email_address': '…', 'failure_reason': False})
        mails = self.env['mail.mail'].search([*of_messages, ('state', '!=', 'outgoing')])
        mails.write({'email_to': False, 'email_cc': False, 'failure_reason': False})

    def _billing_describe_kept(self, moves, records):
        """Return what is still kept of a customer whose data was erased, and until when.

        :param account.move moves: What the books have of the customer, of whatever company.
        :param dict records: As of `_billing_get_records_of_customer`.
        :rtype: str
        """
        invoices = moves.filtered('invoice_date')
        lines = [self.env._("Data of the customer was erased.")]
        if invoices:
            until = max(
                invoice_kept_until(move.company_id.country_id.code or '', move.invoice_date)
                for move in invoices
            )
            lines.append(
                self.env._(
                    "Name, address and invoices are kept until %s, as the books must.",
                    format_date(self.env, until),
                )
            )
        # Of orders that ended before that was noted, nobody knows when.
        if days := [day for one in records['billpro.consent'] if (day := one._get_kept_until())]:
            lines.append(
                self.env._("Consents are kept until %s.", format_date(self.env, max(days)))
            )
        return ' '.join(lines)
