from collections import defaultdict
from datetime import timedelta
from functools import partial

from dateutil.relativedelta import relativedelta

from odoo import Command, api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, email_normalize_all, format_date

from ...billing import backoff
from ...billing.calendar import after_quiet_hours, due_datetime, local_date
from ...billing.law import (
    LONGEST_RENEWAL_DAYS,
    REMINDED_COUNTRIES,
    SHORTEST_REMINDER_MONTHS,
    SHORTEST_RENEWAL_MONTHS,
)
from ...billing.lifecycle import CHARGEABLE_ORDERS, LIVE
from ...billing.notice_dates import (
    LONGEST_LEAD,
    PRICE_NOTICE_DAYS,
    TRIAL_NOTICE_DAYS,
    announcement_date,
    card_expired_date,
    card_expiring_date,
    last_reminder_date,
    price_lead_days,
    reminder_number,
)
from ...billing.payment_methods import METHODS, get_notice_days
from ...billing.sms_text import read_wish
from ..rights.own_context import INSIDE, is_inside

# Dates of customers may be a day ahead of or behind that of the server.
ONE_DAY = timedelta(days=1)
# After a standstill of the server a reminder is still welcome, months later it is not.
REMINDED_LATE = timedelta(days=30)
# Longer than the time in which a card is about to expire.
CARD_TOLD_FOR = timedelta(days=90)
# The payments with which trials end; schemes and law want the customer to be told.
TRIAL_ENDS = ['&', ('number', '=', 1), ('order_id.billing_trial_days', '>', 0)]
MAIL, SMS = 'mail', 'sms'
UNDER_WAY = frozenset({'queued', 'handed_over'})
# The mail server wasn't reached or turned the mail away: nothing was sent, and it may go again.
# A text message is never sent again by itself: a lost answer doesn't mean a lost message.
RETRIED_FAILURES = frozenset({'mail_smtp', 'unknown'})


class BillproNotification(models.Model):
    """A notice to a customer, written with the fact it tells and sent afterwards.

    The row is written in the transaction of the fact, and a job hands it to Odoo's mail or SMS
    queue later: no notice is lost, none is sent twice, and no mail server or template can undo a
    payment. What becomes of it in those queues is written back to the row.

    It is for whoever pays, or for the contact of the order; the templates say the same, as previews
    and mails that staff write need it too.

    Some are due on a date in the customer's calendar, at nine in the morning. They are found by
    dates alone: after a standstill what is still true is sent once, and the rest never.
    """

    _name = 'billpro.notification'
    _description = "Customer Notice"
    _inherit = ['billpro.job.record']

    _order = 'id desc'
    _tasks_to_do = {'send': [('state', 'in', ['queued', 'failed'])]}
    kind = fields.Selection(selection='_selection_kind', required=True, readonly=True)
    channel = fields.Selection(
        selection=[(MAIL, "Mail"), (SMS, "SMS")], default=MAIL, required=True, readonly=True
    )
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='order_id.company_id', store=True, index=True)
    transaction_id = fields.Many2one(
        string="Payment", comodel_name='payment.transaction', readonly=True
    )
    event_id = fields.Many2one(
        string="Scheduled Payment",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='cascade',
    )
    token_id = fields.Many2one(
        string="Card", comodel_name='payment.token', readonly=True, index='btree_not_null'
    )
    text = fields.Char(
        readonly=True, help="What happened, in the customer's language, where the mail quotes it."
    )
    fact = fields.Char(
        required=True, readonly=True, help="What the notice tells; told once for each kind."
    )
    state = fields.Selection(
        selection=[
            ('queued', "Queued"),
            ('handed_over', "On its way"),
            ('sent', "Sent"),
            ('failed', "Failed"),
            ('outdated', "Outdated"),
            ('opted_out', "Opted out"),
        ],
        default='queued',
        required=True,
        readonly=True,
        index=True,
        help="Outdated: before it was sent, it was no longer true. Opted out: the customer wants"
        " no text messages.",
    )
    can_send_again = fields.Boolean(compute='_compute_can_send_again')
    send_date = fields.Datetime(
        string="Not Before", default=fields.Datetime.now, required=True, readonly=True
    )
    try_count = fields.Integer(string="Tries", readonly=True)
    recipient = fields.Char(readonly=True, help="The address or number that it was sent to.")
    lang = fields.Char(string="Language", readonly=True)
    message_id = fields.Many2one(
        comodel_name='mail.message', readonly=True, index='btree_not_null', ondelete='set null'
    )
    mail_reference = fields.Char(
        string="Message-Id",
        readonly=True,
        index='btree_not_null',
        help="By what mail servers name the mail, when they send it back.",
    )
    failure_reason = fields.Char(readonly=True)
    _kind_fact_unique = models.Constraint(
        'unique(kind, fact, channel)', "The customer was already told."
    )
    _to_send_idx = models.Index("(send_date) WHERE state = 'queued'")
    partner_id = fields.Many2one(comodel_name='res.partner', compute='_compute_partner_id')

    @api.model
    def _selection_kind(self):
        return self.env['billpro.notice']._get_selection()

    @api.depends('state')
    def _compute_can_send_again(self):
        for notification in self:
            notification.can_send_again = notification.state not in {
                *UNDER_WAY,
                'outdated',  # It would be found untrue again.
            }

    @api.depends('kind', 'order_id')
    def _compute_display_name(self):
        for notification in self:
            notification.display_name = f'{notification.order_id.name} – {notification._get_name()}'

    def _get_name(self):
        """Return what the notice is about, for staff.

        :rtype: str
        """
        self.ensure_one()
        return self._get_notice()._get_label()

    def _get_notice(self):
        """Return the model of the notice's kind.

        :rtype: billpro.notice
        """
        return self.env['billpro.notice']._get_kind(self.kind)

    # === QUEUE === #

    @api.model
    def _queue(self, kind, order, fact, **values):
        """Queue a notice; see `_queue_all`.

        :param str kind: The kind of notice.
        :param sale.order order: The order it is about.
        :param str fact: What it tells, unique for the kind.
        :param dict values: Further values of the notice.
        """
        self._queue_all(kind, [{'order_id': order.id, 'fact': fact, **values}])

    @api.model
    def _queue_all(self, kind, values_list, is_demanded=False):
        """Queue notices on the channels that their companies have chosen, each once.

        Text messages wait for the morning, by the customer's clock, unless somebody asks for them.

        :param str kind: The kind of the notices.
        :param list[dict] values_list: Their values: the order, the fact, and what they tell of.
        :param bool is_demanded: Whether schemes or law demand them, so that they aren't switched
                                 off.
        """
        if not values_list:
            return
        notices = self.sudo()
        facts = [values['fact'] for values in values_list]
        told = {
            (notice.fact, notice.channel)
            for notice in notices.search_fetch(
                [('kind', '=', kind), ('fact', 'in', facts)], ['fact', 'channel']
            )
        }
        settings = self.env['billpro.notification.kind'].sudo()._get(kind)
        orders = self.env['sale.order'].sudo().browse(values['order_id'] for values in values_list)
        is_asked_for = settings.is_requested or is_inside(self.env, 'billing_by_hand')
        now = fields.Datetime.now()
        new = []
        for order, values in zip(orders, values_list, strict=True):
            for channel in settings.with_company(order.company_id)._get_channels(is_demanded):
                is_reachable = channel == MAIL or order.partner_id.phone
                if is_reachable and (values['fact'], channel) not in told:
                    told.add((values['fact'], channel))
                    is_at_once = channel == MAIL or is_asked_for
                    date = now if is_at_once else after_quiet_hours(now, order._get_time_zone())
                    new.append({'kind': kind, 'channel': channel, 'send_date': date, **values})
        if new:
            notices.create(new)
            self.env.ref('billpro_portal.cron_send_notifications')._trigger(
                at={values['send_date'] for values in new}
            )

    # === SEND === #

    @api.model
    def _get_to_send_domain(self):
        return [('state', '=', 'queued'), ('send_date', '<=', fields.Datetime.now())]

    @api.model
    def _cron_send(self, limit=100):
        """Hand queued notices to Odoo's mail and SMS queues, each in a transaction of its own.

        :param int limit: How many to send in one run.
        """
        domain = self._get_to_send_domain()
        queued = self.search(domain, order='id', limit=limit)
        self.env['ir.cron']._commit_progress(remaining=self.search_count(domain))
        together = queued.filtered(
            lambda notice: notice.channel == MAIL and notice._get_notice()._is_made_together
        )
        for alike in together.grouped(lambda notice: (notice.kind, notice.company_id)).values():
            alike._send_together(domain)
            if not self.env['ir.cron']._commit_progress(processed=len(alike)):
                return
        for notification in queued - together:
            self.env['billpro.own.transaction']._commit_alone(
                notification,
                'send',
                partial(notification._send_if_due, domain),
                on_failure=notification._postpone,
                tells_staff=False,
            )
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _send_if_due(self, domain):
        """Send the notice unless another worker has it, or had it.

        :param list domain: Which notices are to be sent now.
        :return: Whether it was the turn of this one.
        :rtype: bool
        """
        in_company = self.with_company(self.company_id)
        notification = in_company.try_lock_for_update().filtered_domain(domain)
        if notification:
            notification._send()
        return bool(notification)

    def _send_together(self, domain):
        """Make the mails of notices of a kind and company at once or, if that fails, each; commit.

        :param list domain: Which notices are to be sent now.
        """
        locked = self.with_company(self.company_id).try_lock_for_update().filtered_domain(domain)
        if locked:
            self.env['billpro.own.transaction']._split_until_alone(
                locked.grouped('id').values(),
                'send',
                lambda notices: notices._send_mails(),
                on_failure=lambda failure, error: failure._get_record()._postpone(failure, error),
                tells_staff=False,
            )
        # What was handed over stays so, whatever becomes of the next ones.
        self.env.cr.commit()  # pylint: disable=invalid-commit

    def _send_mails(self):
        """Make the mails of notices of a kind and company, or record why that isn't possible."""
        template = self[:1]._get_settings().mail_template_id
        if len(self) == 1 or template.model != self._name or template.use_default_to:
            for notice in self:
                notice._send()
            return
        usual = self.filtered(
            lambda notice: (
                len(email_normalize_all(notice.partner_id.email or '')) == 1
                and not notice._is_outdated()
            )
        )
        for notice in self - usual:
            notice._send()
        for notice in usual:
            notice._get_notice()._refresh(notice)
        sender = self.company_id.billing_mail_sender
        values = {'email_from': sender} if sender else None
        making = template.with_context(billing_makes_mails=INSIDE)
        mails = making.send_mail_batch(usual.ids, email_values=values)
        for notice, mail in zip(usual, mails, strict=True):
            notice.write(
                {
                    'state': 'handed_over',
                    'lang': notice.partner_id.lang,
                    'recipient': ', '.join(
                        filter(None, [mail.email_to, *mail.recipient_ids.mapped('email')])
                    ),
                    'message_id': mail.mail_message_id.id,
                    'mail_reference': mail.message_id,
                    'failure_reason': False,
                }
            )

    def _postpone(self, failure, _error):
        """Send the notice later, as nothing has been sent, or leave it to a person.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        self.ensure_one()
        if failure.set_aside_date:
            self._set_failed(failure.reason)
            return
        self.write({'send_date': failure.next_try, 'failure_reason': failure.reason})
        self.env.ref('billpro_portal.cron_send_notifications')._trigger(at=failure.next_try)

    def _send(self):
        """Hand the notice to Odoo's queue, or record why that isn't possible."""
        self.ensure_one()
        if self._is_outdated():
            self.state = 'outdated'
            return
        self._get_notice()._refresh(self)
        self.lang = self.partner_id.lang
        try:
            with self.env.cr.savepoint():
                if self.channel == MAIL:
                    self._send_mail()
                else:
                    self._send_sms()
        except UserError as error:  # Somebody has to mend the address or the template.
            self._set_failed(str(error))

    def _get_record(self, template):
        """Return the record that a template of the notice is rendered for.

        :param mail.template|sms.template template: The template.
        :rtype: odoo.models.Model
        """
        self.ensure_one()
        records = (self.order_id, self.transaction_id, self.event_id, self)
        return next(record for record in records if record._name == template.model_id.model)

    def _send_mail(self):
        """Make the mail of the notice and queue it.

        :raise UserError: If there is no address or no template.
        """
        template = self._get_settings().mail_template_id
        address = self.partner_id.email
        if not address:
            raise UserError(self.env._("The customer has no email address."))
        if not email_normalize_all(address):
            raise UserError(self.env._("“%s” is not an email address.", address))
        if not template:
            raise UserError(self.env._("The kind of notice has no mail template."))
        # A mail that failed before is replaced, not sent beside the new one.
        self.message_id.sudo().mail_ids.unlink()
        values = {}
        if documents := self._get_notice()._get_documents(self):
            values['attachment_ids'] = [(4, document.id) for document in documents]
        if sender := self.company_id.billing_mail_sender:
            values['email_from'] = sender
        if template.use_default_to:  # Whom mails of payments are for, the notice knows.
            values['recipient_ids'] = [Command.set(self.partner_id.ids)]
        record = self._get_record(template)
        # Odoo leaves it out of mails from templates: answers would go past the order's chatter.
        if record == self.order_id and not template.reply_to:
            values['reply_to'] = record._notify_get_reply_to()[record.id]
        mail_id = template.send_mail(record.id, email_values=values)
        mail = self.env['mail.mail'].browse(mail_id)
        # Whom a template names, its author decides: what was made tells who gets it.
        recipients = [mail.email_to, *mail.recipient_ids.mapped('email')]
        if not any(recipients):
            raise UserError(
                self.env._("The mail template “%s” names nobody to send it to.", template.name)
            )
        # Whoever may read the message may read what was made for it.
        mail.attachment_ids.filtered(lambda document: not document.res_model).write(
            {'res_model': 'mail.message', 'res_id': mail.mail_message_id.id}
        )
        self.write(
            {
                'state': 'handed_over',
                'recipient': ', '.join(filter(None, recipients)),
                'message_id': mail.mail_message_id.id,
                'mail_reference': mail.message_id,
                'failure_reason': False,
            }
        )

    def _send_sms(self):
        """Queue the text message of the notice, unless the customer wants none.

        :raise UserError: If the customer's number isn't valid or there is no template.
        """
        settings = self._get_settings()
        if not settings.sms_template_id:
            raise UserError(self.env._("The kind of notice has no SMS template."))
        number = self.order_id._billing_get_sms_number()
        self.recipient = number
        if not settings.is_requested and self.order_id._billing_is_opted_out_of_sms():
            self.state = 'opted_out'
            return
        message = self.order_id._message_sms(
            settings._render_sms(self._get_record(settings.sms_template_id)),
            sms_numbers=[number],
            put_in_queue=True,
        )
        self.write({'state': 'handed_over', 'message_id': message.id, 'failure_reason': False})

    def _get_settings(self):
        return self.env['billpro.notification.kind']._get(self.kind)

    @api.model
    def _take_answer(self, number, text):
        """Take what somebody has answered to a text message: whether they want any.

        It ends no contract, whichever word it is.

        :param str number: The number of the sender, in the E.164 format.
        :param str text: What they have answered.
        """
        wants = read_wish(text)
        if wants is None or not number:
            return
        numbers = self.env['phone.blacklist']
        if wants:
            numbers._remove([number])
        else:
            numbers._add([number])

    # === WHAT IS STILL TRUE === #

    def _is_outdated(self):
        """Return whether what the notice tells is no longer true.

        Customers and staff change their minds, and jobs may have stood still for days.

        :rtype: bool
        """
        self.ensure_one()
        return self._get_notice()._is_outdated(self)

    # === WHAT BECAME OF IT === #

    @api.model
    def _find_by_messages(self, messages):
        """Return the notices that were handed over as some messages.

        :param mail.message messages: The messages.
        :rtype: billpro.notification
        """
        if not messages:
            return self
        return self.sudo().search(
            [('message_id', 'in', messages.ids), ('state', 'in', ['handed_over', 'sent'])]
        )

    def _follow_message(self, message):
        """Take the state of a mail that staff have written themselves, now and later.

        :param mail.message message: What they have sent.
        """
        self.ensure_one()
        self.write(
            {
                'state': 'handed_over',
                'message_id': message.id,
                'recipient': self.partner_id.email,
                'lang': self.partner_id.lang,
            }
        )
        for sent in message.sudo().notification_ids.filtered(
            lambda sent: sent.res_partner_id == self.partner_id
        ):
            if sent.notification_status == 'sent':
                self._take_outcome(False, False)
            elif sent.notification_status == 'exception':
                self._take_outcome(sent.failure_type, sent.failure_reason)

    def _take_outcome(self, failure_type, reason):
        """Record what became of notices in Odoo's queues; plan to try again where that is safe.

        :param str|bool failure_type: Odoo's type of failure; nothing if they were sent.
        :param str reason: Why they failed.
        """
        if not failure_type:
            self.write({'state': 'sent', 'failure_reason': False})
            for notice in self:
                notice._get_notice()._follow_sent(notice)
            return
        for notice in self:
            # What staff have written themselves isn't to be had again.
            is_retried = (
                notice.channel == MAIL
                and notice._get_notice()._is_sent_again
                and failure_type in RETRIED_FAILURES
            )
            if not is_retried or notice.try_count >= len(backoff.MAIL):
                notice._set_failed(reason)
                continue
            date = fields.Datetime.now() + backoff.MAIL[notice.try_count]
            notice.write(
                {
                    'state': 'queued',
                    'send_date': date,
                    'try_count': notice.try_count + 1,
                    'failure_reason': reason,
                }
            )
            self.env.ref('billpro_portal.cron_send_notifications')._trigger(at=date)

    @api.model
    def _take_bounce(self, references, reason):
        """Record that mails came back.

        :param list[str] references: What the mails may be named by.
        :param str reason: What the mail server says.
        """
        bounced = self.sudo().search(
            [('mail_reference', 'in', references), ('state', 'in', ['handed_over', 'sent'])]
        )
        for notice in bounced:
            notice._set_failed(reason)

    def _set_failed(self, reason):
        """Record why a notice could not be sent, and tell staff.

        :param str reason: The reason.
        """
        self.ensure_one()
        self.write({'state': 'failed', 'failure_reason': reason})
        self._get_notice()._follow_failed(self)
        note = self.env._(
            "The notice “%(kind)s” (%(channel)s) was not sent: %(reason)s",
            kind=self._get_name(),
            channel=dict(self._fields['channel']._description_selection(self.env))[self.channel],
            reason=reason,
        )
        self.order_id._message_log(body=note)
        self.order_id._billing_ask_staff(
            'not-told', self.env._("The customer of %s was not told", self.order_id.name), note
        )

    # === STAFF === #

    def action_send_again(self):
        """Queue notices once more, for staff.

        :raise AccessError: If the user may not deal with the customers of the orders.
        :raise UserError: If one is on its way already.
        """
        self.order_id._check_billing_salesperson()
        if self.filtered(lambda notice: notice.state in UNDER_WAY):
            raise UserError(self.env._("A notice that is on its way can't be sent again."))
        self.sudo()._queue_again()
        for notice in self.sudo():
            notice.order_id._message_log(
                body=self.env._("The notice “%s” is sent again.", notice._get_name())
            )

    def _queue_again(self):
        """Override of `billpro.job.record`, for notices that were not sent."""
        self.env['billpro.failure']._forget(self, 'send')
        self.write(
            {
                'state': 'queued',
                'send_date': fields.Datetime.now(),
                'try_count': 0,
                'failure_reason': False,
            }
        )
        self.env.ref('billpro_portal.cron_send_notifications')._trigger()

    # === RECIPIENT === #

    @api.depends(
        'kind', 'channel', 'order_id.partner_id.email', 'order_id.partner_invoice_id.email'
    )
    def _compute_partner_id(self):
        """Mails about payments are for the invoice address; text messages reach one number only."""
        for notice in self:
            order = notice.order_id
            notice.partner_id = (
                order._get_payment_contact()
                if notice.channel == MAIL and notice._get_notice()._is_about_payment
                else order.partner_id
            )

    # === TIMED === #

    @api.model
    def _cron_queue_timed(self):
        """Queue the notices whose date has come."""
        for task, queue in (
            ('remind', self._queue_reminders),
            ('announce', self._queue_announcements),
            ('renew', self._queue_renewals),
            ('remind_contract', self._queue_contract_reminders),
            ('card_expiring', self._queue_expiring_cards),
            ('card_expired', self._queue_expired_cards),
            ('tell_usage', self._queue_usage),
        ):
            # What one kind found is kept if another one fails.
            self.env['billpro.own.transaction']._commit_alone(self.env.company, task, queue)
            self.env['ir.cron']._commit_progress()

    @api.model
    def _queue_found(self, records, task, queue):
        """Queue the notices about some records; those about one that fails are tried again later.

        :param odoo.models.Model records: What notices may be due about.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param Callable queue: Queues the notices about the records that it is given.
        """
        if records := self.env['billpro.failure']._leave_out_waiting(records, task):
            self.env['billpro.own.transaction']._split_until_alone(
                records.grouped('id').values(), task, queue
            )

    @api.model
    def _is_time(self, order, day):
        """Return whether a notice of a day in the customer's calendar is due.

        :param sale.order order: The order.
        :param datetime.date day: The day.
        :rtype: bool
        """
        return due_datetime(day, order._get_time_zone()) <= fields.Datetime.now()

    # === ORDERS THAT NOBODY PAYS === #

    @api.model
    def _queue_reminders(self):
        """Remind customers of orders that wait for their first payment."""
        for company in self.env['res.company'].search([('billing_reminder_days', '!=', False)]):
            days = company._get_billing_reminder_days()
            since = fields.Datetime.now() - timedelta(days=max(days, default=0)) - REMINDED_LATE
            orders = self.env['sale.order'].search(
                [
                    ('company_id', '=', company.id),
                    ('billing_status', '=', 'pending'),
                    ('order_link_sent_date', '>', since),
                ]
            )
            self._queue_found(orders, 'remind', partial(self._remind, days))

    @api.model
    def _remind(self, days, orders):
        """Queue the reminders of some orders that are due now.

        :param list[int] days: After how many days the company reminds.
        :param sale.order orders: Orders of the company that wait for their first payment.
        """
        values_list = []
        told = self._get_told('order_reminder', 'order_id', orders.ids)
        for order in orders:
            sent = local_date(order.order_link_sent_date, order._get_time_zone())
            number = reminder_number(days, sent, self._get_day_begun(order))
            facts = told.get(order.id, set())
            later = {f'order-{order.id}-{n}' for n in range(number, len(days) + 1)}
            if number and not facts & later and self._is_reminded(order):
                values_list.append({'order_id': order.id, 'fact': f'order-{order.id}-{number}'})
        self._queue_all('order_reminder', values_list)

    @api.model
    def _is_reminded(self, order):
        """Return whether a customer can pay an order, or has yet to transfer the money.

        :param sale.order order: The order.
        :rtype: bool
        """
        if order.billing_awaits_transfer:
            return not order.is_expired and not order._billing_get_other_payments_hold()
        return not order._billing_get_not_payable_reason()

    @api.model
    def _get_day_begun(self, order):
        """Return the customer's last day on which it was nine in the morning.

        :param sale.order order: The order.
        :rtype: datetime.date
        """
        today = order._billing_get_today()
        return today if self._is_time(order, today) else today - ONE_DAY

    @api.model
    def _get_told(self, kind, field, ids):
        """Return what was told already of some records.

        :param str kind: The kind of notices.
        :param str field: The field of notices that refers to the records.
        :param list[int] ids: The ids of the records.
        :return: The facts by id of the record.
        :rtype: dict[int, set[str]]
        """
        told = {}
        notices = self.search_fetch([('kind', '=', kind), (field, 'in', ids)], [field, 'fact'])
        for notice in notices:
            told.setdefault(notice[field].id, set()).add(notice.fact)
        return told

    # === PAYMENTS TO COME === #

    @api.model
    def _queue_announcements(self):
        """Announce payments, and the ends of trials, some days before they are due."""
        now = fields.Datetime.now()
        for company in self.env['res.company'].search([('active', '=', True)]):
            notice_days = company.billing_notice_days
            agreed = company.billing_debit_notice_days
            debit_days = max(get_notice_days(code, agreed) for code in METHODS)
            announced = self._search(
                [('kind', 'in', ['payment_upcoming', 'trial_ending']), ('event_id', '!=', False)]
            )
            # The end of a trial that was made longer is told once more, as schemes want it.
            announced.add_where(
                SQL(
                    """kind <> 'trial_ending' OR fact = (
                        SELECT 'event-' || e.id || '-' || e.due_date
                          FROM billpro_billing_event e WHERE e.id = event_id
                    )"""
                )
            )
            events = self.env['billpro.billing.event'].search(
                [
                    ('company_id', '=', company.id),
                    ('status', '=', 'scheduled'),
                    ('due_date', '>', now),
                    ('order_id.billing_status', 'in', CHARGEABLE_ORDERS),
                    ('id', 'not in', announced.subselect('event_id')),
                    '|',
                    ('order_id.billing_cancel_date', '=', False),
                    # What was used is charged all the same.
                    ('usage_line_ids', '!=', False),
                    '|',
                    ('due_date', '<=', now + timedelta(days=notice_days and notice_days + 1)),
                    '|',
                    '&',
                    ('due_date', '<=', now + timedelta(days=TRIAL_NOTICE_DAYS + 1)),
                    *TRIAL_ENDS,
                    '|',
                    '&',
                    ('due_date', '<=', now + timedelta(days=PRICE_NOTICE_DAYS + 1)),
                    ('number', '>', 1),  # The price may rise.
                    '&',
                    ('due_date', '<=', now + timedelta(days=debit_days + 1)),
                    ('order_id.billing_token_id.payment_method_id.code', 'in', list(METHODS)),
                ]
            )
            self._queue_found(events, 'announce', partial(self._announce, notice_days))

    @api.model
    def _announce(self, lead_days, events):
        """Queue the announcements of some payments that are due now.

        :param int lead_days: How many days before the company announces.
        :param billpro.billing.event events: Payments to come.
        """
        found = defaultdict(list)
        for event in events:
            order = event.order_id
            debit_days = order._billing_get_debit_notice_days()
            is_trial = event._ends_trial()
            is_rise = event._get_amount_before_rise() is not None
            is_more = is_rise or event._get_amount_before_discount_end() is not None
            if is_trial:
                days = TRIAL_NOTICE_DAYS
            else:
                days = price_lead_days(lead_days) if is_more else lead_days
            if self._is_announced_now(event, max(days, debit_days), bool(debit_days)):
                kind = 'trial_ending' if is_trial else 'payment_upcoming'
                if is_rise:
                    self._check_rise_is_told_in_time(event)
                found[kind, is_trial or is_more or bool(debit_days)].append(
                    {
                        'order_id': order.id,
                        'event_id': event.id,
                        'fact': f'event-{event.id}-{event.due_date}',
                    }
                )
                if debit_days:
                    order.billing_token_id._billing_fetch_mandates()
        for (kind, is_demanded), values_list in found.items():
            self._queue_all(kind, values_list, is_demanded=is_demanded)

    @api.model
    def _check_rise_is_told_in_time(self, event):
        """Ask staff if the customer hears of a higher price later than the law wants.

        :param billpro.billing.event event: The payment that costs more.
        """
        order = event.order_id
        days = order._billing_get_price_change_window().least
        due = local_date(event.due_date, order._get_time_zone())
        if days and order._billing_get_today() > due - timedelta(days=days):
            order._billing_ask_staff(
                'price',
                self.env._("Higher price announced too late: %s", order.name),
                self.env._(
                    "The customer hears only now that %(amount)s are charged on %(date)s. The law"
                    " wants that %(days)s days before: charge the higher price one period later.",
                    amount=order.currency_id.format(event.amount),
                    date=format_date(self.env, due),
                    days=days,
                ),
            )

    @api.model
    def _is_announced_now(self, event, lead_days, is_debit):
        order = event.order_id
        time_zone = order._get_time_zone()
        day = announcement_date(
            local_date(event.due_date, time_zone),
            lead_days,
            # Of debits each is announced, however short the interval is.
            None if is_debit else order._get_purchase()._get_day_known_from(event),
        )
        return day and self._is_time(order, day)

    # === RENEWALS === #

    @api.model
    def _queue_renewals(self):
        """Tell of long terms that renew, where the law wants it; it can't be switched off."""
        now = fields.Datetime.now()
        told = self._search([('kind', '=', 'renewal'), ('event_id', '!=', False)])
        events = self.env['billpro.billing.event'].search(
            [
                ('status', '=', 'scheduled'),
                ('number', '>', 1),
                ('due_date', '>', now),
                ('due_date', '<=', now + timedelta(days=LONGEST_RENEWAL_DAYS + 1)),
                ('id', 'not in', told.subselect('event_id')),
                ('order_id.billing_status', 'in', CHARGEABLE_ORDERS),
                ('order_id.billing_cancel_date', '=', False),
                '|',
                ('order_id.billing_interval_unit', '=', 'year'),
                '&',
                ('order_id.billing_interval_unit', '=', 'month'),
                ('order_id.billing_interval_count', '>=', SHORTEST_RENEWAL_MONTHS),
            ]
        )
        self._queue_found(events, 'renew', self._tell_renewals)

    @api.model
    def _tell_renewals(self, events):
        """Queue the notices of the renewals of some terms that are due now.

        :param billpro.billing.event events: The payments of the terms to come.
        """
        values_list = []
        for event in events:
            order = event.order_id
            rule = order._billing_get_renewal_rule()
            renewal = local_date(event.due_date, order._get_time_zone())
            # A term that another interval follows doesn't renew.
            if order._billing_get_planned_interval():
                continue
            if rule and self._is_time(order, renewal - timedelta(days=rule.days)):
                if not order._billing_is_renewal_told_in_time(renewal):
                    order._billing_note_missed_renewal(renewal)
                values_list.append(
                    {
                        'order_id': order.id,
                        'event_id': event.id,
                        'fact': f'event-{event.id}-{event.due_date}',
                    }
                )
        self._queue_all('renewal', values_list, is_demanded=True)

    # === REMINDERS OF CONTRACTS === #

    @api.model
    def _queue_contract_reminders(self):
        """Remind of contracts that go on, where the law wants it; it can't be switched off."""
        shortest = relativedelta(months=SHORTEST_REMINDER_MONTHS)
        orders = self.env['sale.order'].search(
            [
                ('billing_status', 'in', list(LIVE)),
                ('billing_cancel_date', '=', False),
                ('date_order', '<', fields.Datetime.now() - shortest + ONE_DAY),
                '|',
                ('partner_id.country_id', '=', False),
                ('partner_id.country_id.code', 'in', list(REMINDED_COUNTRIES)),
            ]
        )
        self._queue_found(orders, 'remind_contract', self._remind_of_contracts)

    @api.model
    def _remind_of_contracts(self, orders):
        """Queue the reminders of some contracts that are due now.

        :param sale.order orders: Live orders.
        """
        values_list = []
        for order in orders:
            concluded = order._billing_get_date(order.date_order)
            day = last_reminder_date(
                concluded, order._billing_get_reminder_months(), self._get_day_begun(order)
            )
            if day and order._billing_get_today() - day < REMINDED_LATE:
                values_list.append({'order_id': order.id, 'fact': f'order-{order.id}-{day}'})
        self._queue_all('contract_reminder', values_list, is_demanded=True)

    # === CARDS === #

    @api.model
    def _queue_expiring_cards(self):
        """Ask for another card while the one that is charged can still be charged."""
        today = fields.Date.today()
        self._queue_cards(
            'card_expiring',
            [
                ('card_expiry_date', '>=', today - ONE_DAY),
                ('card_expiry_date', '<', today + timedelta(days=LONGEST_LEAD)),
            ],
            lambda token, order: (
                self._is_time(order, card_expiring_date(token.card_expiry_date))
                and order._billing_get_today() <= token.card_expiry_date
            ),
        )

    @api.model
    def _queue_expired_cards(self):
        """Tell customers that the card that is charged has expired."""
        self._queue_cards(
            'card_expired',
            [('card_expiry_date', '<=', fields.Date.today())],
            lambda token, order: self._is_time(order, card_expired_date(token.card_expiry_date)),
        )

    @api.model
    def _queue_cards(self, kind, domain, is_due):
        """Queue one notice for each card, with the link of the first order that is charged to it.

        :param str kind: The kind of notice.
        :param list domain: Which cards may be due by the server's date.
        :param Callable is_due: Whether a card is due by the date of an order's customer.
        """
        # Banks may prolong a card: years later the same one expires again.
        recently = fields.Datetime.now() - CARD_TOLD_FOR
        told = self._search(
            [('kind', '=', kind), ('token_id', '!=', False), ('send_date', '>', recently)]
        )
        tokens = self.env['payment.token'].search(
            [
                *domain,
                ('billing_order_ids.billing_status', 'in', list(LIVE - {'paused'})),
                ('id', 'not in', told.subselect('token_id')),
            ]
        )
        self._queue_found(tokens, kind, partial(self._announce_cards, kind, is_due))

    @api.model
    def _announce_cards(self, kind, is_due, tokens):
        """Queue the notices about some cards that are due now.

        :param str kind: The kind of notice.
        :param Callable is_due: Whether a card is due by the date of an order's customer.
        :param payment.token tokens: The cards.
        """
        values_list = []
        for token in tokens:
            orders = token._get_charged_orders().filtered(
                lambda order: order.billing_status != 'paused' and not order.billing_cancel_date
            )
            order = orders.sorted('id')[:1]
            if order and is_due(token, order):
                values_list.append(
                    {
                        'order_id': order.id,
                        'token_id': token.id,
                        'fact': f'card-{token.id}-{token.card_expiry_date}',
                    }
                )
        self._queue_all(kind, values_list)

    # === USAGE === #

    @api.model
    def _queue_usage(self):
        """Tell customers how much of their running period is used."""
        orders = self.env['sale.order'].search(
            [
                ('billing_status', 'in', list(LIVE)),
                '|',
                ('billing_usage_alert', '>', 0),
                ('order_line.billing_charge_id.allowance', '>', 0),
            ]
        )
        self._queue_found(orders, 'tell_usage', self._tell_usage)

    @api.model
    def _tell_usage(self, orders):
        """Queue what the customers of some orders want to know of their usage now.

        :param sale.order orders: Live orders whose usage is counted.
        """
        for kind, values_list in orders._billing_get_usage_notices().items():
            self._queue_all(kind, values_list)

    def _is_usage_outdated(self):
        """Return whether what a notice tells of usage is no longer true: the period is over.

        :rtype: bool
        """
        self.ensure_one()
        notices = self.order_id._billing_get_usage_notices()[self.kind]
        return self.fact not in {values['fact'] for values in notices}
