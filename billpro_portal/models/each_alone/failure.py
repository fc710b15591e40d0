from odoo import api, fields, models
from odoo.fields import Domain
from odoo.tools import format_datetime

from ...billing import backoff
from ...billing.lifecycle import BEFORE_APPROVAL, CHARGEABLE_ORDERS, LIVE, REQUESTABLE_EVENTS

# Whose a failure is, by the model of its record: the order, the payment, and what is at stake.
# Records of rooms above answer themselves, see `billpro.job.record`.
_CONTEXTS = {
    'sale.order': lambda order: {'order_id': order.id},
    'billpro.billing.event': lambda event: {
        'order_id': event.order_id.id,
        'event_id': event.id,
        'amount': event.amount,
    },
    'payment.transaction': lambda tx: {
        'order_id': tx.billing_order_id.id,
        'event_id': tx.billing_event_id.id,
        'amount': abs(tx.amount),
    },
    'account.move': lambda move: {'order_id': move.billing_order_id.id},
}
# What fails for all of a company alike: a person hears of each reason once.
OF_COMPANY = ('bookable', 'payable')
# Where a task is still to be done. What fits no more was done in another way, or became needless.
_STILL_TO_DO = {
    'open': [('status', 'in', REQUESTABLE_EVENTS)],
    'bookable': [('status', 'in', REQUESTABLE_EVENTS)],
    'payable': [('billing_status', 'in', list(BEFORE_APPROVAL))],
    'charge': [('state', '=', 'draft')],
    'invalid': [('status', 'in', REQUESTABLE_EVENTS)],
    'refused': [('state', '!=', 'disabled')],
    'book': [('is_post_processed', '=', False)],
    'inquire': [('billing_outcome_unknown', '=', True)],
    'authenticate': [('billing_action_required', '=', True)],
    'processing': [('state', '=', 'pending')],
    'withdraw': [('billing_action_required', '=', True)],
    'watch': [('state', '=', 'authorized')],
    'collect': [('billing_collection_date', '!=', False)],
    'taxes': [('billing_tax_change', '!=', False)],
    'usage': [('billing_status', 'in', list(LIVE))],
    'resume': [('billing_status', '=', 'paused')],
    'change': [('billing_change_ids.state', 'in', ['planned', 'under_way'])],
    'end': [('billing_status', 'in', list(LIVE))],
    'complete': [('billing_status', '=', 'active')],
    'extend': [('billing_status', '=', 'suspended')],
    'suspend': [('billing_status', 'in', CHARGEABLE_ORDERS)],
    'overdue': [('billing_status', 'in', list(LIVE))],
    'give_up': [('billing_status', '=', 'suspended')],
    'other_payments': [('billing_status', 'in', list(BEFORE_APPROVAL))],
    'paid_elsewhere': [('billing_status', 'not in', list(BEFORE_APPROVAL))],
    'second_payments': [('billing_status', 'not in', list(BEFORE_APPROVAL))],
    'remind': [('billing_status', '=', 'pending')],
    'announce': [('status', '=', 'scheduled')],
    'renew': [('status', '=', 'scheduled')],
    'remind_contract': [('billing_status', 'in', list(LIVE))],
    'tell_usage': [('billing_status', 'in', list(LIVE))],
    'import_usage': [('state', '=', 'waiting')],
    'einvoice': [('billpro_einvoice_state', '!=', False)],
    'ask_payouts': [('billpro_payouts_since', '!=', False)],
    'ask_disputes': [('state', '!=', 'disabled')],
}


class BillproFailure(models.Model):
    """Something that a job could not do for a record: why, how often, and when it tries again.

    There is one as long as it fails. After a few tries it is set aside: nothing is tried any more
    until a person has looked and asks for it. Only the parts of a job go on being tried, as
    nothing of them would be done for anybody, and what has to be done in the end: booking money
    that has moved, and charging what the books would not have taken.
    """

    _name = 'billpro.failure'
    _description = "Failure"

    _order = 'id desc'
    _rec_name = 'reason'
    res_model = fields.Char(string="Model", required=True, readonly=True)
    res_id = fields.Many2oneReference(
        string="Record", model_field='res_model', required=True, readonly=True
    )
    task = fields.Selection(
        selection=[
            ('open', "Prepare the charge"),
            ('bookable', "Not charged, as it can't be booked"),
            ('payable', "Not to be paid, as it can't be booked"),
            ('charge', "Charge the payment"),
            ('invalid', "Not charged, as the provider can't have it so"),
            ('refused', "Nothing is charged, as the provider refuses all requests"),
            ('book', "Book the payment"),
            ('inquire', "Find out what became of the payment"),
            ('authenticate', "Ask whether the bank has confirmed"),
            ('processing', "Ask what became of a payment that takes days"),
            ('withdraw', "Withdraw the payment"),
            ('watch', "Look after the authorised payment"),
            ('collect', "Collect what the customer asked for"),
            ('taxes', "Follow the taxes of the books"),
            ('usage', "Bill the usage"),
            ('resume', "Resume the order"),
            ('change', "Change the subscription as planned"),
            ('price', "Raise the price of the order"),
            ('many', "Do what was chosen for many orders"),
            ('end', "End the order"),
            ('complete', "Complete the order"),
            ('extend', "Extend the schedule"),
            ('suspend', "Suspend the order"),
            ('overdue', "Compute the balance of the order"),
            ('give_up', "Cancel the suspended order"),
            ('remind_of_capture', "Remind of the authorised payment"),
            ('other_payments', "Go on with an order paid in another way"),
            ('paid_elsewhere', "Book a payment made in another way"),
            ('second_payments', "Take over a payment that is not needed"),
            ('dates', "Do what is due by date"),
            ('forget', "Clear the list of failures"),
            ('forget_addresses', "Forget where visitors came from"),
            ('delete_outdated', "Delete what is kept no longer"),
            ('declaration', "Carry out what the customer has declared"),
            ('declarations', "Watch what customers have declared"),
            ('remind', "Remind the customer"),
            ('announce', "Announce the payment"),
            ('renew', "Tell of the renewal"),
            ('remind_contract', "Remind of the contract"),
            ('card_expiring', "Tell the customer that the card expires"),
            ('card_expired', "Tell the customer that the card has expired"),
            ('tell_usage', "Tell the customer of the usage"),
            ('import_usage', "Take in a file of usage"),
            ('usage_source', "Take in usage from Odoo's own records"),
            ('send', "Send the notice"),
            ('einvoice', "Send the e-invoice"),
            ('message', "Process the webhook event"),
            ('defer', "Post deferred revenue"),
            ('ask_payouts', "Ask for payouts"),
            ('ask_disputes', "Ask for disputes"),
            ('book_payout', "Book the payout"),
        ],
        required=True,
        readonly=True,
    )
    order_id = fields.Many2one(
        comodel_name='sale.order', readonly=True, index='btree_not_null', ondelete='cascade'
    )
    event_id = fields.Many2one(
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        ondelete='cascade',
    )
    company_id = fields.Many2one(comodel_name='res.company', readonly=True, index=True)
    amount = fields.Float(readonly=True, help="What is at stake, in the currency of the order.")
    reason = fields.Char(readonly=True)
    failure_count = fields.Integer(string="Tries", readonly=True)
    next_try = fields.Datetime(readonly=True)
    set_aside_date = fields.Datetime(
        string="Set Aside On", readonly=True, help="Since when a person has to look after it."
    )
    is_told = fields.Boolean(string="Staff Told", readonly=True)
    activity_id = fields.Many2one(
        comodel_name='mail.activity',
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
        help="What a person was asked, and needn't do when it goes on by itself.",
    )
    _record_task_unique = models.UniqueIndex("(res_model, res_id, task)", "This failure is known.")

    # === KEEPING COUNT === #

    @api.model
    def _search_of(self, records, task):
        return self.sudo().search(
            [
                ('res_model', '=', records._name),
                ('res_id', 'in', records.ids),
                ('task', '=', task),
            ]
        )

    @api.model
    def _record_failure(self, record, task, reason, delays):
        """Note that a task has failed for a record, once more.

        :param odoo.models.Model record: The record.
        :param str task: What failed.
        :param str reason: Why.
        :param tuple delays: After which times it is tried again; then it is set aside, or tried
                             on at growing distances.
        :return: The failure.
        :rtype: billpro.failure
        """
        now = fields.Datetime.now()
        failure = self._search_of(record, task)
        count = failure.failure_count + 1
        is_over = count > len(delays)
        delays = (*delays, *backoff.ENDLESS.get(task, (None,)))
        delay = delays[min(count, len(delays)) - 1]
        values = {
            'reason': reason,
            'failure_count': count,
            'next_try': bool(delay) and now + delay,
            'set_aside_date': failure.set_aside_date or (is_over and now),
        }
        if failure:
            failure.write(values)
            return failure
        return failure.create(
            {
                'res_model': record._name,
                'res_id': record.id,
                'task': task,
                **self._prepare_context(record.sudo()),
                **values,
            }
        )

    @api.model
    def _prepare_context(self, record):
        """Return the values that tell whose a failure is.

        :param odoo.models.Model record: Any record that a job works on, in superuser mode.
        :rtype: dict
        """
        company = record.company_id if 'company_id' in record._fields else record.env.company
        if self._is_job_record(record):
            context = record._prepare_failure()
        else:
            get_context = _CONTEXTS.get(record._name)
            context = get_context(record) if get_context else {}
        # A provider may be of a parent of the order's company.
        order = record.env['sale.order'].browse(context.get('order_id'))
        return {'company_id': (order.company_id or company).id, **context}

    @api.model
    def _is_job_record(self, record):
        """Return whether the model of a record answers itself for its failures.

        :param odoo.models.Model record: Any record that a job works on.
        :rtype: bool
        """
        return isinstance(record, self.env.registry['billpro.job.record'])

    @api.model
    def _forget(self, records, task):
        """Forget the failures of what has been done after all.

        :param odoo.models.Model records: The records.
        :param str task: What was done.
        """
        self._search_of(records, task)._drop()

    def _drop(self):
        """Forget the failures, and what staff were asked because of them and no other one."""
        activities = self.activity_id
        self.unlink()
        if activities:
            shared = self.search([('activity_id', 'in', activities.ids)]).activity_id
            (activities - shared).unlink()

    @api.model
    def _forget_needless(self):
        """Forget the failures of what was done in another way, is needless now, or is gone."""
        for model, task, failures in self.sudo()._read_group(
            [], ['res_model', 'task'], ['id:recordset']
        ):
            # A part of a job is done for all records together, which have no state.
            records = self.env[model].sudo()
            if self._is_job_record(records):
                to_do = records._tasks_to_do.get(task, [])
            else:
                to_do = [] if model == 'res.company' else self._get_domain_to_do(task)
            found = records.search([('id', 'in', failures.mapped('res_id')), *to_do])
            failures.filtered(lambda failure, ids=set(found.ids): failure.res_id not in ids)._drop()

    @api.model
    def _get_domain_to_do(self, task):
        """Return where a task is still to be done; other addons add theirs.

        :param str task: What is done.
        :rtype: list
        """
        return _STILL_TO_DO.get(task, [])

    # === WAITING === #

    @api.model
    def _get_waiting_ids(self, model, task):
        """Return the records that aren't tried now: it isn't time yet, or they are set aside.

        :param str model: The model of the records.
        :param str task: What is done.
        :rtype: list[int]
        """
        waits = Domain('next_try', '>', fields.Datetime.now())
        if task not in backoff.ENDLESS:
            waits |= Domain('set_aside_date', '!=', False)
        failures = self.sudo().search_fetch(
            Domain('res_model', '=', model) & Domain('task', '=', task) & waits, ['res_id']
        )
        return failures.mapped('res_id')

    @api.model
    def _get_unbookable_ids(self, model):
        """Return the records that aren't tried now because they could not be booked.

        Of those with the same reason one is tried for all.

        :param str model: The model of the records.
        :rtype: list[int]
        """
        now = fields.Datetime.now()
        failures = self.sudo().search_fetch(
            [('res_model', '=', model), ('task', 'in', OF_COMPANY)],
            ['res_id', 'company_id', 'reason', 'next_try'],
            order='next_try, id',
        )
        waiting = []
        for alike in failures.grouped(
            lambda failure: (failure.company_id, failure.reason)
        ).values():
            is_time = alike[0].next_try <= now
            waiting += alike[is_time:].mapped('res_id')
        return waiting

    @api.model
    def _forget_unbookable(self, records, task):
        """Forget why records could not be booked, and why all others with the same reason.

        :param odoo.models.Model records: What can be booked now.
        :param str task: A value of `OF_COMPANY`.
        """
        for failure in self._search_of(records, task):
            self.sudo().search(
                [
                    ('task', 'in', OF_COMPANY),
                    ('company_id', '=', failure.company_id.id),
                    ('reason', '=', failure.reason),
                ]
            )._drop()

    @api.model
    def _leave_out_waiting(self, records, task):
        """Return the records that are to be tried now.

        :param odoo.models.Model records: What there is to do.
        :param str task: What is done.
        :rtype: odoo.models.Model
        """
        waiting = set(self._get_waiting_ids(records._name, task)) if records else set()
        return records.filtered(lambda record: record.id not in waiting)

    # === STAFF === #

    def _get_record(self):
        """Return the record that the failure is about; empty if it is gone.

        :rtype: odoo.models.Model
        """
        self.ensure_one()
        return self.env[self.res_model].browse(self.res_id).exists()

    def _get_task_label(self):
        """Return what could not be done, as staff read it.

        :rtype: str
        """
        self.ensure_one()
        return dict(self._fields['task']._description_selection(self.env))[self.task]

    def _get_next_step(self):
        """Return what happens next with what was set aside, and what staff do.

        :rtype: str
        """
        self.ensure_one()
        # A part of a job, which nobody can do without.
        if self.res_model in {'res.company', 'payment.provider'}:
            return self.env._("It is tried again each time. Mend the cause.")
        if self.next_try:
            return self.env._(
                "It is tried again on %s, and so on until it can be done. Mend the cause; “Try"
                " again” doesn't wait.",
                format_datetime(self.env, self.next_try, dt_format='short'),
            )
        return self.env._(
            "Nothing, after %s tries. Mend the cause, then press “Try again”.", self.failure_count
        )

    def _tell_staff_once(self):
        """Tell a person of what isn't tried again by itself, the first time."""
        self.ensure_one()
        if not self.set_aside_date or self.is_told:
            return
        self.is_told = True
        if self._share_activity():
            return
        summary = self._get_summary()
        note = self.env._(
            "It failed %(count)s times: %(reason)s\n"
            "What happens next, as in the list of billing exceptions: %(next_step)s",
            count=self.failure_count,
            reason=self.reason,
            next_step=self._get_next_step(),
        )
        if self.order_id:
            activity = self.order_id._billing_ask_staff(self._get_subject(), summary, note)
        else:
            company = self.company_id or self.env.company
            activity = company._billing_ask_staff(summary, note)
        if self.task in backoff.ENDLESS:
            self.activity_id = activity

    def _get_subject(self):
        """Return what a person is asked about, in no language; see `sale.order._billing_ask_staff`.

        :rtype: str
        """
        self.ensure_one()
        if self.task in OF_COMPANY:
            return self.task
        return f'{self.task}-{self.res_model}-{self.res_id}'

    def _get_summary(self):
        """Return what a person is asked about, as a line.

        :rtype: str
        """
        self.ensure_one()
        if self.task in OF_COMPANY:
            return self.env._("Payments are not charged, as they can't be booked")
        if self.task == 'refused':
            return self.env._("%s refuses to charge: nothing is collected", self._get_record().name)
        if self.task == 'invalid':
            return self.env._("Payment %s can't be collected so", self._get_record().display_name)
        if self.task == 'book' and self.res_model != 'res.company':
            return self.env._("Charged, not booked: %s", self._get_record().display_name)
        return self.env._(
            "Set aside: %(task)s, %(record)s",
            task=self._get_task_label(),
            record=self._get_record().display_name,
        )

    def _share_activity(self):
        """Rely on what a person was asked because of the same reason, if anybody was.

        :return: Whether somebody was.
        :rtype: bool
        """
        self.ensure_one()
        if self.task not in OF_COMPANY:
            return False
        told = self.search(
            [
                ('id', '!=', self.id),
                ('task', 'in', OF_COMPANY),
                ('company_id', '=', self.company_id.id),
                ('reason', '=', self.reason),
                ('is_told', '=', True),
            ],
            limit=1,
        )
        self.activity_id = told.activity_id
        return bool(told)

    def _check_may_try_again(self):
        """Check that the user may begin anew with what was set aside, besides billing users.

        :raise AccessError: If not.
        """
        for model, failures in self.grouped('res_model').items():
            records = self.env[model].browse(failures.mapped('res_id'))
            if self._is_job_record(records):
                records._check_may_try_again()

    def _try_again(self):
        """Begin anew with what was set aside, at once."""
        self.write(
            {
                'failure_count': 0,
                'next_try': fields.Datetime.now(),
                'set_aside_date': False,
            }
        )
        # What somebody still has to do isn't given to anybody a second time.
        self.filtered(lambda failure: not failure.activity_id).is_told = False
        for model, failures in self.grouped('res_model').items():
            records = self.env[model].browse(failures.mapped('res_id')).exists()
            if self._is_job_record(records):
                records._queue_again()
        for cron in (
            'billpro_portal.cron_billing_run',
            'billpro_portal.cron_queue_timed_notifications',
            'billpro_portal.cron_post_deferrals',
            'billpro_portal.cron_book_payouts',
            'billpro_portal.cron_import_usage',
            'billpro_portal.cron_take_in_usage',
            'billpro_portal.cron_bulk_action',
            'payment.cron_post_process_payment_tx',
        ):
            self.env.ref(cron)._trigger()
