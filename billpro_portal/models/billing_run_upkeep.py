import logging
from datetime import timedelta

import psycopg2

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..billing.lifecycle import LIVE
from .sale_order_recovery import COLLECTABLE_ORDERS

_logger = logging.getLogger(__name__)

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
        for order in self.env['sale.order'].search([('billing_collection_date', '!=', False)]):
            self._collect_outstanding(order)

    @api.model
    def _collect_outstanding(self, order):
        """Carry out the customer's request to collect what is outstanding, once.

        Payments that wait for the customer's bank are withdrawn first: nothing may be charged
        beside them.

        :param sale.order order: The order, with or without a request.
        """
        event = self.env['billpro.billing.event']
        try:
            if order.billing_collection_date:
                self._withdraw(order._get_open_authentication())
            if order.try_lock_for_update(allow_referencing=True):
                event = order._take_collection_request()
            # The request is taken: whoever comes next finds none.
            self.env.cr.commit()  # pylint: disable=invalid-commit
        except psycopg2.OperationalError:
            self.env.cr.rollback()  # Another worker has it.
            return
        except UserError as error:
            self.env.cr.rollback()  # The other orders go on.
            _logger.warning("Order %s can't be collected: %s", order.id, error)
            return
        if event:
            self._run_events(event)

    @api.model
    def _withdraw(self, txs):
        """Withdraw payments at the provider, and book those that were approved meanwhile.

        :param payment.transaction txs: Attempts that wait for the customer's bank.
        """
        for tx in txs:
            if tx._try_lock_with_order() and tx.billing_action_required:
                tx._withdraw_authentication()
                # What the provider answered comes before everything else.
                self.env.cr.commit()  # pylint: disable=invalid-commit
        if txs:
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
        for tx in txs:
            try:
                if tx._try_lock_with_order() and tx.billing_action_required:
                    tx._refresh_authentication()
                    tx._schedule_inquiry()
                # What the provider answered comes before everything else.
                self.env.cr.commit()  # pylint: disable=invalid-commit
            except psycopg2.OperationalError:
                self.env.cr.rollback()  # Another worker has it.

    # === AUTHORISED PAYMENTS === #

    @api.model
    def _watch_authorizations(self):
        """Remind staff of authorisations that are about to end, and notice those that have."""
        Transaction = self.env['payment.transaction']
        for tx in Transaction._search_expiring(days_left=DAYS_LEFT_TO_CAPTURE):
            if not tx.billing_capture_reminded:
                self._keep_date(tx.billing_order_id, '_remind_of_capture')
        now = fields.Datetime.now()
        for tx in Transaction._search_expiring(days_left=0):
            if tx.billing_next_inquiry and tx.billing_next_inquiry > now:
                continue
            try:
                if tx._try_lock_with_order() and tx.state == 'authorized':
                    tx._schedule_inquiry()
                    tx._refresh_authorization()
                # What the provider answered comes before everything else.
                self.env.cr.commit()  # pylint: disable=invalid-commit
            except psycopg2.OperationalError:
                self.env.cr.rollback()  # Another worker has it.

    # === DATES === #

    @api.model
    def _keep_dates(self):
        """Do what is to be done on a date: resume, end, suspend, extend schedules."""
        for orders, method in (
            (self._get_orders_to_resume(), '_resume'),
            (self._get_orders_to_end(), '_finish_cancellation'),
            (self._get_orders_to_extend(), '_extend_schedule'),
            (self._get_orders_to_suspend(), '_suspend_if_ignored'),
            (self._get_orders_to_give_up(), '_give_up_subscription'),
        ):
            for order in orders:
                self._keep_date(order, method)
        self._withdraw(
            self.env['payment.transaction'].search(
                [
                    ('billing_action_required', '=', True),
                    ('billing_event_id.status', 'in', ['cancelled', 'skipped', 'merged']),
                ]
            )
        )

    @api.model
    def _keep_date(self, order, method):
        """Call a method of an order that nobody else holds, and commit."""
        try:
            if order.try_lock_for_update(allow_referencing=True):
                getattr(order, method)()
            # Each order for itself: another one's failure must not undo it.
            self.env.cr.commit()  # pylint: disable=invalid-commit
        except psycopg2.OperationalError:
            self.env.cr.rollback()  # Another worker has it.
        except (psycopg2.IntegrityError, UserError) as error:
            self.env.cr.rollback()  # The others go on.
            _logger.warning("%s of order %s failed: %s", method, order.id, error)

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
        for tx in order._get_open_authentication():
            if tx._try_lock_with_order() and tx.billing_action_required:
                tx._refresh_authentication()
                # What the provider answered comes before everything else.
                self.env.cr.commit()  # pylint: disable=invalid-commit
        self._book_answered()
        if order.billing_status in COLLECTABLE_ORDERS:
            self._collect_outstanding(order)
        order.invalidate_recordset()
        order.billing_event_ids.invalidate_recordset()
        return not order._is_collection_under_way()
