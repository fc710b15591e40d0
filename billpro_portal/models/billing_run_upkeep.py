import logging
import time
from datetime import timedelta
from functools import partial

from odoo import api, fields, models

from ..billing.lifecycle import COLLECTABLE_ORDERS, LIVE, OPEN, PAID
from .own_transaction import GIVE_WAY
from .sale_order_recovery import OVERDUE_AFTER

_logger = logging.getLogger(__name__)

# How long a run lets orders follow changed taxes; the next one goes on.
SECONDS_FOR_TAXES = 60
# How long before an authorisation ends the salesperson is reminded of it.
DAYS_LEFT_TO_CAPTURE = 2


class BillproBillingRun(models.Model):
    """What the run does besides charging what is due: requests of customers, and dates.

    Each order is a transaction of its own: one that another worker holds is left for the next run.
    """

    _inherit = 'billpro.billing.run'

    # === REQUESTS OF CUSTOMERS === #

    @api.model
    def _collect_requested(self):
        """Collect what customers asked to collect, where no page of theirs does it."""
        orders = self.env['sale.order'].search([('billing_collection_date', '!=', False)])
        for order in self.env['billpro.failure']._leave_out_waiting(orders, 'collect'):
            self._collect_outstanding(order)

    @api.model
    def _collect_outstanding(self, order):
        """Carry out the customer's request to collect what is outstanding, once.

        Payments that wait for the customer's bank are withdrawn first: nothing may be charged
        beside them.

        :param sale.order order: The order, with or without a request.
        """
        if order.billing_collection_date:
            self._withdraw(order._get_open_authentication())
        events = []

        def take_request():
            if not order.try_lock_for_update(allow_referencing=True):
                return False
            events.append(order._take_collection_request())
            return True

        # Once it is committed the request is taken: whoever comes next finds none.
        is_taken = self.env['billpro.own.transaction']._commit_alone(order, 'collect', take_request)
        if is_taken and (event := events[0]):
            self._run_events(event)

    @api.model
    def _ask_about(self, txs, task, ask):
        """Ask the provider about attempts that wait for the customer's bank, and commit.

        :param payment.transaction txs: The attempts.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param Callable ask: Asks about one that is locked, and takes in the answer.
        """

        def ask_about_one(tx):
            if not tx._try_lock_with_order():
                return False
            if tx.billing_action_required:
                ask(tx)
            return True

        # What the provider answered is committed before everything else.
        for tx in txs:
            self.env['billpro.own.transaction']._commit_alone(tx, task, partial(ask_about_one, tx))

    @api.model
    def _withdraw(self, txs):
        """Withdraw payments at the provider, and book those that were approved meanwhile.

        :param payment.transaction txs: Attempts that wait for the customer's bank.
        """
        if txs:
            self._ask_about(
                self.env['billpro.failure']._leave_out_waiting(txs, 'withdraw'),
                'withdraw',
                lambda tx: tx._withdraw_authentication(),
            )
            self._book_answered()

    @api.model
    def _refresh_authentications(self):
        """Ask about payments that customers may have confirmed without coming back to our page."""
        txs = self.env['payment.transaction'].search(
            [
                ('billing_action_required', '=', True),
                ('billing_next_inquiry', '<=', fields.Datetime.now()),
            ]
        )

        def ask(tx):
            tx._refresh_authentication()
            tx._schedule_inquiry()

        self._ask_about(
            self.env['billpro.failure']._leave_out_waiting(txs, 'authenticate'),
            'authenticate',
            ask,
        )

    # === AUTHORISED PAYMENTS === #

    @api.model
    def _watch_authorizations(self):
        """Remind staff of authorisations that are about to end, and notice those that have."""
        Transaction = self.env['payment.transaction']
        for tx in Transaction._search_expiring(days_left=DAYS_LEFT_TO_CAPTURE):
            if not tx.billing_capture_reminded:
                self._keep_dates_of(tx.billing_order_id, 'remind_of_capture', '_remind_of_capture')
        now = fields.Datetime.now()
        ended = Transaction._search_expiring(days_left=0).filtered(
            lambda tx: not tx.billing_next_inquiry or tx.billing_next_inquiry <= now
        )

        def watch(tx):
            if not tx._try_lock_with_order():
                return False
            if tx.state == 'authorized':
                tx._schedule_inquiry()
                tx._refresh_authorization()
            return True

        # What the provider answered is committed before everything else.
        for tx in self.env['billpro.failure']._leave_out_waiting(ended, 'watch'):
            self.env['billpro.own.transaction']._commit_alone(tx, 'watch', partial(watch, tx))

    # === DATES === #

    @api.model
    def _keep_dates(self):
        """Do what is to be done on a date: resume, end, suspend, extend schedules.

        :raise Exception: What a search for orders has raised, when everything else is done.
        """
        Order, Event = self.env['sale.order'], self.env['billpro.billing.event']
        errors = []
        for task, find, method in (
            ('taxes', self._get_orders_to_tax_anew, '_follow_taxes'),
            ('resume', self._get_orders_to_resume, '_resume'),
            ('end', self._get_orders_to_end, '_finish_cancellation'),
            ('complete', self._get_orders_to_complete, '_complete_last_period'),
            ('extend', self._get_orders_to_extend, '_extend_schedule'),
            ('suspend', self._get_orders_to_suspend, '_suspend_if_ignored'),
            ('overdue', self._get_orders_overdue, '_mark_totals_to_compute'),
            ('give_up', self._get_orders_to_give_up, '_give_up_subscription'),
            ('other_payments', Order._search_paid_in_another_way, '_follow_other_payments'),
            ('paid_elsewhere', Event._search_orders_paid_elsewhere, '_book_paid_elsewhere'),
            ('second_payments', Order._search_paid_twice, '_take_over_second_payments'),
        ):
            try:
                with self.env.cr.savepoint():
                    orders = find()
            except GIVE_WAY:
                raise
            except Exception as error:
                _logger.exception("No orders could be found for task %s", task)
                errors.append(error)
                continue
            seconds = SECONDS_FOR_TAXES if task == 'taxes' else None
            self._keep_dates_of(orders, task, method, seconds=seconds)
        self._withdraw_needless()
        if errors:
            raise errors[0]

    @api.model
    def _withdraw_needless(self):
        """Withdraw what waits for the customer's bank for payments that are not wanted any more."""
        self._withdraw(
            self.env['payment.transaction'].search(
                [
                    ('billing_action_required', '=', True),
                    (
                        'billing_event_id.status',
                        'in',
                        ['cancelled', 'skipped', 'merged', *PAID],
                    ),
                ]
            )
        )

    @api.model
    def _keep_dates_of(self, orders, task, method, seconds=None):
        """Call a method of each order that nobody else holds, and commit.

        :param sale.order orders: The orders.
        :param str task: What is done, a value of `billpro.failure.task`.
        :param str method: The name of the method.
        :param float seconds: After which time the next run goes on with the others, if any.
        """
        started = time.monotonic()

        def keep(order):
            if not order.try_lock_for_update(allow_referencing=True):
                return False
            getattr(order, method)()
            return True

        for order in self.env['billpro.failure']._leave_out_waiting(orders, task):
            in_company = order.with_company(order.company_id)
            self.env['billpro.own.transaction']._commit_alone(
                order, task, partial(keep, in_company)
            )
            if seconds is not None and time.monotonic() - started > seconds:
                self.env.ref('billpro_portal.cron_billing_run')._trigger()
                break

    @api.model
    def _get_orders_to_tax_anew(self):
        """Return the orders that follow changed taxes, those that are charged first."""
        orders = self.env['sale.order'].search([('billing_tax_change', '!=', False)], order='id')
        return orders.sorted(lambda order: order.billing_status not in LIVE)

    @api.model
    def _get_orders_to_resume(self):
        # The customer's date may be a day ahead of that of the server.
        orders = self.env['sale.order'].search(
            [
                ('billing_status', '=', 'paused'),
                ('billing_pause_until', '<=', fields.Date.today() + timedelta(days=1)),
            ]
        )
        return orders.filtered(lambda order: order.billing_pause_until <= order._get_today())

    @api.model
    def _get_orders_to_end(self):
        orders = self.env['sale.order'].search(
            [
                ('billing_status', 'in', list(LIVE)),
                ('billing_cancel_date', '<=', fields.Date.today()),
            ]
        )
        return orders.filtered(lambda order: order.billing_cancel_date < order._get_today())

    @api.model
    def _get_orders_to_complete(self):
        """Return the subscriptions whose last period has ended, and brings no payment that ends it.

        That is so if the initial payment was the only one.
        """
        orders = self.env['sale.order'].search(
            [
                ('billing_status', '=', 'active'),
                ('purchase_type', 'in', self.env['billpro.purchase.type']._get_perpetual_types()),
                ('billing_cancel_date', '=', False),
                ('billing_event_ids', 'not any', [('status', 'in', list(OPEN))]),
            ]
        )
        return orders.filtered(
            lambda order: order._get_purchase()._get_paid_until(order) < order._get_today()
        )

    @api.model
    def _get_orders_to_extend(self):
        """Return the suspended orders whose next payment became due without being charged."""
        events = self.env['billpro.billing.event'].search(
            [
                ('status', '=', 'scheduled'),
                ('due_date', '<=', fields.Datetime.now()),
                ('order_id.billing_status', '=', 'suspended'),
            ]
        )
        return events.order_id

    @api.model
    def _get_orders_overdue(self):
        """Return the orders that owe what has become overdue since their balance was computed."""
        overdue = fields.Datetime.now() - OVERDUE_AFTER
        orders = (
            self.env['billpro.billing.event']
            .search(
                [
                    ('status', '=', 'scheduled'),
                    ('due_date', '<=', overdue),
                    ('order_id.billing_status', 'in', list(LIVE)),
                ]
            )
            .order_id
        )
        return orders.filtered(
            lambda order: order.currency_id.compare_amounts(
                order._get_purchase()._get_balance(order), order.billing_balance
            )
        )

    @api.model
    def _get_orders_to_suspend(self):
        events = self.env['billpro.billing.event'].search(
            [
                ('status', '=', 'action_required'),
                ('order_id.billing_status', 'in', ['active', 'failed']),
                ('company_id.billing_auto_suspend', '=', True),
            ]
        )
        return events.filtered(lambda event: event._is_given_up()).order_id

    @api.model
    def _get_orders_to_give_up(self):
        orders = self.env['sale.order']
        for company in self.env['res.company'].search([('billing_cancel_after_days', '>', 0)]):
            since = fields.Datetime.now() - timedelta(days=company.billing_cancel_after_days)
            orders |= orders.search(
                [
                    ('company_id', '=', company.id),
                    ('billing_status', '=', 'suspended'),
                    ('billing_suspended_date', '<=', since),
                ]
            )
        return orders.filtered(lambda order: order._can_be_cancelled())

    # === REQUESTS THAT A PAGE WAITS FOR === #

    @api.model
    def _continue_collection(self, order):
        """Go on with what the customer waits for: a confirmed payment, or outstanding ones.

        :param sale.order order: The order.
        :return: Whether nothing is under way any more.
        :rtype: bool
        """
        self._ask_about(
            self.env['billpro.failure']._leave_out_waiting(
                order._get_open_authentication(), 'authenticate'
            ),
            'authenticate',
            lambda tx: tx._refresh_authentication(),
        )
        self._book_answered()
        if order.billing_status in COLLECTABLE_ORDERS:
            self._collect_outstanding(order)
        order.invalidate_recordset()
        order.billing_event_ids.invalidate_recordset()
        return not order._is_collection_under_way()
