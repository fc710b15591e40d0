from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ...billing.declines import RETRY
from ...billing.lifecycle import CHARGEABLE_ORDERS
from ..each_alone.failure import OF_COMPANY
from ..lifecycle.sale_order import OVERDUE_AFTER


class BillproBillingException(models.Model):
    """What doesn't go on by itself, or not as planned: payments and orders that need a look.

    Payments that were declined, that wait for the customer's bank, whose outcome is unknown, or
    that the run can't open; the next payments of orders whose card was archived; orders in review;
    and suspended orders without such a payment, which would otherwise be listed, and their money be
    counted, twice. What a job could not do and has set aside is listed instead of the payment that
    it concerns, and so is what the books don't take.
    """

    _name = 'billpro.billing.exception'
    _inherit = 'billpro.order.report'
    _description = "Billing Exception"

    _auto = False
    _order = 'since_date, id'  # Ids count payments, orders and failures in turn.
    _rec_name = 'order_id'
    _depends = {
        'billpro.billing.event': [
            'order_id',
            'number',
            'due_date',
            'amount',
            'status',
            'retry_verdict',
            'first_declined_date',
        ],
        'payment.token': ['active'],
        'billpro.failure': [
            'order_id',
            'event_id',
            'company_id',
            'amount',
            'set_aside_date',
            'task',
        ],
        'res.company': ['currency_id'],
        'sale.order': [
            'billing_status',
            'billing_suspended_date',
            'billing_balance',
            'billing_token_id',
            'amount_total',
            'billing_paid',
            'billing_refunded',
            'billing_skipped',
            'partner_id',
            'user_id',
            'company_id',
            'currency_id',
            'purchase_type',
        ],
    }
    event_id = fields.Many2one(
        string="Payment", comodel_name='billpro.billing.event', readonly=True
    )
    failure_id = fields.Many2one(comodel_name='billpro.failure', readonly=True)
    kind = fields.Selection(
        selection=[
            ('set_aside', "Set aside"),
            ('retried', "Declined, tried again"),
            ('exhausted', "No retries left"),
            ('card', "Needs another payment method"),
            ('authentication', "Waits for the bank"),
            ('unknown', "Unknown outcome"),
            ('blocked', "Can't be collected"),
            ('unbookable', "Can't be booked"),
            ('unbooked', "Charged, not booked"),
            ('review', "Order in review"),
            ('suspended', "Order suspended"),
        ],
        readonly=True,
    )
    billing_status = fields.Selection(
        string="Order Status",
        selection=lambda self: (
            self.env['sale.order']._fields['billing_status']._description_selection(self.env)
        ),
        readonly=True,
    )
    since_date = fields.Datetime(string="Since", readonly=True)
    amount = fields.Monetary(
        string="At Stake",
        readonly=True,
        help="What was not collected; of an order in review what was collected too much or too"
        " little.",
    )
    reason = fields.Char(compute='_compute_reason')
    next_step = fields.Char(string="What Happens Next", compute='_compute_reason')

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT 3 * e.id AS id, e.id AS event_id, NULL::int AS failure_id,
                   e.amount AS amount,
                   CASE
                       WHEN e.status = 'scheduled' AND t.active IS FALSE
                           THEN LEAST(e.due_date, t.write_date)
                       ELSE COALESCE(e.first_declined_date, e.due_date)
                   END AS since_date,
                   CASE
                       WHEN e.status = 'unknown' THEN 'unknown'
                       WHEN e.status = 'scheduled' AND t.active IS FALSE THEN 'card'
                       WHEN e.status = 'scheduled' THEN 'blocked'
                       WHEN e.status = 'hard_declined' THEN 'card'
                       WHEN e.status = 'action_required' THEN 'authentication'
                       WHEN e.retry_verdict = %(retry)s THEN 'retried'
                       ELSE 'exhausted'
                   END AS kind,
                   o.billing_status AS billing_status, %(columns)s
              FROM billpro_billing_event e
              JOIN sale_order o ON o.id = e.order_id
              JOIN res_company c ON c.id = o.company_id
         LEFT JOIN payment_token t ON t.id = o.billing_token_id
             WHERE (
                   e.status IN ('soft_declined', 'hard_declined', 'action_required', 'unknown')
                   OR (
                       e.status = 'scheduled' AND o.billing_status IN %(chargeable)s
                       AND (
                           e.due_date <= %(overdue)s
                           OR (
                               t.active IS FALSE AND NOT EXISTS (
                                   SELECT FROM billpro_billing_event earlier
                                    WHERE earlier.order_id = e.order_id
                                      AND earlier.status = 'scheduled'
                                      AND (earlier.due_date, earlier.id) < (e.due_date, e.id)
                               )
                           )
                       )
                   )
               ) AND NOT EXISTS (
                   SELECT FROM billpro_failure f
                    WHERE f.event_id = e.id AND f.set_aside_date IS NOT NULL
               )
             UNION ALL
            SELECT 3 * o.id + 1, NULL, NULL,
                   CASE o.billing_status
                       WHEN 'review' THEN ABS(
                           o.billing_paid - o.billing_refunded - o.amount_total + o.billing_skipped
                       )
                       ELSE COALESCE((
                           SELECT SUM(e.amount) FROM billpro_billing_event e
                            WHERE e.order_id = o.id AND e.status = 'scheduled'
                       ), 0)
                   END,
                   o.billing_suspended_date, o.billing_status, o.billing_status, %(columns)s
              FROM sale_order o
              JOIN res_company c ON c.id = o.company_id
             WHERE o.billing_status = 'review'
                OR (
                    o.billing_status = 'suspended' AND NOT EXISTS (
                        SELECT FROM billpro_billing_event e
                         WHERE e.order_id = o.id AND e.status IN
                               ('soft_declined', 'hard_declined', 'action_required', 'unknown')
                    )
                )
             UNION ALL
            SELECT 3 * f.id + 2, f.event_id, f.id, f.amount::numeric, f.set_aside_date,
                   CASE
                       WHEN f.res_model = 'res.company' THEN 'set_aside'
                       WHEN f.task = 'book' THEN 'unbooked'
                       WHEN f.task IN %(unbookable)s THEN 'unbookable'
                       ELSE 'set_aside'
                   END,
                   o.billing_status, o.id, o.partner_id, o.user_id, c.id,
                   COALESCE(o.currency_id, c.currency_id), c.currency_id, o.purchase_type
              FROM billpro_failure f
              JOIN res_company c ON c.id = f.company_id
         LEFT JOIN sale_order o ON o.id = f.order_id
             WHERE f.set_aside_date IS NOT NULL
            """,
            columns=self._get_order_columns(),
            retry=RETRY,
            overdue=fields.Datetime.now() - OVERDUE_AFTER,
            chargeable=CHARGEABLE_ORDERS,
            unbookable=OF_COMPANY,
        )

    @api.depends('event_id.status_message', 'event_id.next_step', 'kind', 'order_id')
    def _compute_reason(self):
        for exception in self:
            if failure := exception.failure_id.sudo():
                exception.reason = f'{failure._get_task_label()}: {failure.reason}'
                exception.next_step = failure._get_next_step()
                continue
            exception.reason = exception.event_id.status_message or exception._get_reason()
            exception.next_step = exception.event_id.next_step or exception._get_next_step()

    def _get_reason(self):
        """Return why an order, or a payment that nobody answered for, is listed.

        :rtype: str
        """
        self.ensure_one()
        order = self.order_id
        amount = self.currency_id.format(self.amount)
        if self.kind == 'review' and order._get_purchase()._get_excess(order) > 0:
            return self.env._("%s were collected too much.", amount)
        if self.kind == 'review' and order.billing_refunded:
            return self.env._("%s were not collected, or were paid back.", amount)
        if self.kind == 'blocked' and order.billing_is_stopped:
            return self.env._(
                "A payment of the order is disputed as fraud, and nobody has resumed its charges."
            )
        return {
            'review': self.env._("%s were not collected.", amount),
            'suspended': self.env._("Nothing is charged, and no payment was declined."),
            'unknown': self.env._("The provider has not answered."),
            'blocked': self.env._("It is due and has not been collected."),
            'card': self.env._("The stored payment method can't be charged any more."),
        }.get(self.kind, '')

    def _get_next_step(self):
        """Return what becomes of an order, or of a payment that wasn't declined.

        :rtype: str
        """
        self.ensure_one()
        return {
            'review': self.env._("Refund what is too much, or mark the order complete."),
            'suspended': self.env._("Waits for the customer, or for another payment method."),
            'unknown': self.env._(
                "The provider is asked again. Nothing else is tried until it answers, or a billing"
                " manager decides."
            ),
            'blocked': self.env._("Each charge run tries again once the reason is gone."),
            'card': self.env._(
                "Nothing is charged until the customer has stored another payment method: ask for"
                " it by “Request card update”."
            ),
        }.get(self.kind, '')

    # === ACTIONS === #

    def action_execute_now(self):
        """Collect the payments now, as on the payments themselves.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not collect payments.
        :raise UserError: If one of them can't be collected now.
        """
        for exception in self:
            if not exception.event_id:
                raise UserError(
                    self.env._(
                        "Order %s has no payment that could be collected now.",
                        exception.order_id.name,
                    )
                )
        return self.event_id.action_execute_now()

    def action_try_again(self):
        """Do once more what was set aside, now that its cause is mended.

        :return: A notification.
        :rtype: dict
        :raise AccessError: If the user may not act on payments, or on webhook events.
        :raise UserError: If nothing was set aside for one of them.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can try again."))
        self.check_access('read')
        if self.filtered(lambda exception: not exception.failure_id):
            raise UserError(self.env._("Only what is set aside can be tried again."))
        failures = self.failure_id.sudo()
        failures._check_may_try_again()
        failures._try_again()
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._("It is tried again within minutes."),
                'next': {'type': 'ir.actions.act_window_close'},
            },
        }

    def action_request_card_update(self):
        """Ask the customers for another card.

        :return: A notification.
        :rtype: dict
        """
        return self.order_id._billing_request_card_updates()

    def action_open(self):
        """Open the payment, or the order where there is none, or else what could not be done."""
        self.ensure_one()
        record = self.event_id or self.order_id or self.failure_id.sudo()._get_record()
        return {
            'type': 'ir.actions.act_window',
            'res_model': record._name,
            'res_id': record.id,
            'views': [[False, 'form']],
        }
