import logging

from odoo import api, fields, models
from odoo.exceptions import UserError

_logger = logging.getLogger(__name__)

# The mail template of each kind, and the field with the record that it is rendered for.
MAILS = {
    'purchase_confirmation': ('billpro_portal.mail_template_purchase_confirmation', 'order_id'),
    'refund': ('billpro_portal.mail_template_refund', 'transaction_id'),
    'card_update': ('billpro_portal.mail_template_card_update', 'order_id'),
    'cancelled': ('billpro_portal.mail_template_cancelled', 'order_id'),
    'cancel_undone': ('billpro_portal.mail_template_cancel_undone', 'order_id'),
}


class BillproNotification(models.Model):
    """A notice to a customer, written with the fact it tells and sent afterwards.

    The row is written in the transaction of the fact and the mail is made later by a job: no
    notice is lost, none is sent twice, and no mail server or template can undo a payment.
    """

    _name = 'billpro.notification'
    _description = "Customer Notice"
    _order = 'id desc'

    kind = fields.Selection(
        selection=[
            ('purchase_confirmation', "Purchase confirmation"),
            ('refund', "Refund"),
            ('card_update', "Card update"),
            ('cancelled', "Cancellation"),
            ('cancel_undone', "Cancellation undone"),
        ],
        required=True,
        readonly=True,
    )
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    partner_id = fields.Many2one(related='order_id.partner_id')
    transaction_id = fields.Many2one(
        string="Payment", comodel_name='payment.transaction', readonly=True
    )
    fact = fields.Char(
        required=True, readonly=True, help="What the notice tells; told once for each kind."
    )
    state = fields.Selection(
        selection=[
            ('queued', "Queued"),
            ('sent', "Sent"),
            ('failed', "Failed"),
            ('outdated', "Outdated"),
        ],
        default='queued',
        required=True,
        readonly=True,
        index=True,
        help="Outdated: before it was sent, the opposite became true.",
    )
    failure_reason = fields.Char(readonly=True)

    _kind_fact_unique = models.Constraint(
        'unique(order_id, kind, fact)', "The customer was already told."
    )

    @api.depends('kind', 'order_id')
    def _compute_display_name(self):
        labels = dict(self._fields['kind']._description_selection(self.env))
        for notification in self:
            notification.display_name = (
                f'{notification.order_id.name} – {labels[notification.kind]}'
            )

    @api.model
    def _queue(self, kind, order, fact, transaction=None):
        """Queue a notice, unless the company switched its kind off or it was queued before.

        Kinds without a switch, a field `billing_mail_<kind>` of the company, are always sent.

        :param str kind: The kind of notice.
        :param sale.order order: The order it is about.
        :param str fact: What it tells, unique for the order and kind.
        :param payment.transaction transaction: The payment or refund it is about, if any.
        """
        notifications = self.sudo()
        company = order.company_id
        switch = f'billing_mail_{kind}'
        is_switched_off = switch in company._fields and not company[switch]
        if is_switched_off or notifications.search_count(
            [('order_id', '=', order.id), ('kind', '=', kind), ('fact', '=', fact)], limit=1
        ):
            return
        notifications.create(
            {
                'kind': kind,
                'order_id': order.id,
                'fact': fact,
                'transaction_id': transaction.id if transaction else False,
            }
        )
        self.env.ref('billpro_portal.cron_send_notifications')._trigger()

    @api.model
    def _cron_send(self, limit=100):
        """Send the queued notices through Odoo's mail queue, each in a transaction of its own.

        :param int limit: How many to send in one run.
        """
        domain = [('state', '=', 'queued')]
        queued = self.search(domain, order='id', limit=limit)
        self.env['ir.cron']._commit_progress(remaining=self.search_count(domain))
        for notification in queued:
            notification = notification.try_lock_for_update().filtered_domain(domain)
            if not notification:
                continue  # Another worker has it.
            notification._send()
            # Each notice counts for itself: what was sent stays sent if the next one fails.
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _send(self):
        """Hand the notice to Odoo's mail queue, or record why that isn't possible."""
        self.ensure_one()
        if self._is_outdated():
            self.state = 'outdated'
            return
        if not self.partner_id.email:
            self._set_failed(self.env._("The customer has no email address."))
            return
        try:
            with self.env.cr.savepoint():
                self._send_mail()
                self.state = 'sent'
        except (UserError, ValueError, KeyError, AttributeError, TypeError) as error:
            # A template is edited by people: whatever it raises is told to them, not to the job.
            _logger.warning(
                "Notice %s of order %s could not be made: %s", self.id, self.order_id.name, error
            )
            self._set_failed(str(error))

    def _is_outdated(self):
        """Return whether the opposite of what the notice tells is true by now.

        Customers change their minds within the minute that the job takes.

        :rtype: bool
        """
        is_cancelled = bool(self.order_id.billing_cancel_date)
        return (self.kind == 'cancelled' and not is_cancelled) or (
            self.kind == 'cancel_undone' and is_cancelled
        )

    def _send_mail(self):
        """Make the mail of the notice and queue it."""
        template_xmlid, record_field = MAILS[self.kind]
        attachments = self.env['ir.attachment']
        if record_field == 'transaction_id':
            for move in self.transaction_id.invoice_ids:
                attachments += move._get_legal_pdf()
        self.env.ref(template_xmlid).send_mail(
            self[record_field].id,
            email_values={'attachment_ids': [(4, attachment.id) for attachment in attachments]},
        )

    def _set_failed(self, reason):
        """Record why a notice could not be sent and tell staff.

        :param str reason: The reason.
        """
        self.write({'state': 'failed', 'failure_reason': reason})
        self.order_id._message_log(
            body=self.env._(
                "The notice “%(kind)s” was not sent: %(reason)s",
                kind=dict(self._fields['kind']._description_selection(self.env))[self.kind],
                reason=reason,
            )
        )
