from datetime import timedelta
from functools import partial

from odoo import api, fields, models

from ..billing.calendar import due_datetime, local_date
from ..billing.lifecycle import CHARGEABLE_ORDERS, LIVE
from ..billing.notice_dates import (
    LONGEST_LEAD,
    announcement_date,
    card_expired_date,
    card_expiring_date,
    reminder_number,
)

# Dates of customers may be a day ahead of or behind that of the server.
ONE_DAY = timedelta(days=1)
# After a standstill of the server a reminder is still welcome, months later it is not.
REMINDED_LATE = timedelta(days=30)
# Longer than the time in which a card is about to expire.
CARD_TOLD_FOR = timedelta(days=90)


class BillproNotification(models.Model):
    """Notices that are due on a date in the customer's calendar, at nine in the morning.

    They are found by dates alone: after a standstill what is still true is sent once, and the rest
    never.
    """

    _inherit = 'billpro.notification'

    @api.model
    def _cron_queue_timed(self):
        """Queue the notices whose date has come."""
        for task, queue in (
            ('remind', self._queue_reminders),
            ('announce', self._queue_announcements),
            ('card_expiring', self._queue_expiring_cards),
            ('card_expired', self._queue_expired_cards),
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
            if number and not facts & later and not order._get_not_payable_reason():
                values_list.append({'order_id': order.id, 'fact': f'order-{order.id}-{number}'})
        self._queue_all('order_reminder', values_list)

    @api.model
    def _get_day_begun(self, order):
        """Return the customer's last day on which it was nine in the morning.

        :param sale.order order: The order.
        :rtype: datetime.date
        """
        today = order._get_today()
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
        for company in self.env['res.company'].search([('billing_notice_days', '>', 0)]):
            announced = self._search(
                [('kind', 'in', ['payment_upcoming', 'trial_ending']), ('event_id', '!=', False)]
            )
            events = self.env['billpro.billing.event'].search(
                [
                    ('company_id', '=', company.id),
                    ('status', '=', 'scheduled'),
                    ('due_date', '>', now),
                    ('due_date', '<=', now + timedelta(days=company.billing_notice_days) + ONE_DAY),
                    ('order_id.billing_status', 'in', CHARGEABLE_ORDERS),
                    ('order_id.billing_cancel_date', '=', False),
                    ('id', 'not in', announced.subselect('event_id')),
                ]
            )
            self._queue_found(
                events, 'announce', partial(self._announce, company.billing_notice_days)
            )

    @api.model
    def _announce(self, lead_days, events):
        """Queue the announcements of some payments that are due now.

        :param int lead_days: How many days before the company announces.
        :param billpro.billing.event events: Payments to come.
        """
        values_by_kind = {'payment_upcoming': [], 'trial_ending': []}
        for event in events:
            if self._is_announced_now(event, lead_days):
                order = event.order_id
                is_trial = bool(order.billing_trial_days) and event.number == 1
                values_by_kind['trial_ending' if is_trial else 'payment_upcoming'].append(
                    {
                        'order_id': order.id,
                        'event_id': event.id,
                        'fact': f'event-{event.id}-{event.due_date}',
                    }
                )
        for kind, values_list in values_by_kind.items():
            self._queue_all(kind, values_list)

    @api.model
    def _is_announced_now(self, event, lead_days):
        order = event.order_id
        time_zone = order._get_time_zone()
        day = announcement_date(
            local_date(event.due_date, time_zone),
            lead_days,
            order._get_purchase()._get_day_known_from(event),
        )
        return day and self._is_time(order, day)

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
                and order._get_today() <= token.card_expiry_date
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
        self._queue_found(tokens, kind, partial(self._tell_of_cards, kind, is_due))

    @api.model
    def _tell_of_cards(self, kind, is_due, tokens):
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
