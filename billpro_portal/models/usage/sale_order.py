from datetime import timedelta
from decimal import Decimal, InvalidOperation

from odoo import api, fields, models
from odoo.exceptions import UserError

from ...billing.lifecycle import LIVE
from ...billing.metering import Period, get_period, midnight, nth_period

HIGHEST_ALERT = Decimal(10) ** 12


class SaleOrder(models.Model):
    """Whose usage is whose: an order has that of the time in which it was live."""

    _inherit = 'sale.order'

    billing_subscriber_key = fields.Char(
        string="Subscriber Key",
        copy=False,
        index='btree_not_null',
        help="What systems that send usage call the customer, if not by the order's number. A key"
        " can be that of several orders, one after the other.",
    )

    billing_usage_alert = fields.Monetary(
        string="Spending Alert",
        readonly=True,
        copy=False,
        help="The customer is told when the usage of a period costs as much, taxes included.",
    )

    billing_usage_line_ids = fields.Many2many(
        string="Usage",
        comodel_name='sale.order.line',
        compute='_compute_billing_usage_line_ids',
        compute_sudo=True,
    )
    billing_usage_first_day = fields.Date(
        string="Period From", compute='_compute_billing_usage_period', compute_sudo=True
    )
    billing_usage_last_day = fields.Date(
        string="Period To", compute='_compute_billing_usage_period', compute_sudo=True
    )

    @api.depends('order_line.billing_charge_id')
    def _compute_billing_usage_line_ids(self):
        for order in self:
            order.billing_usage_line_ids = order.order_line.filtered('billing_charge_id')

    @api.depends('billing_anchor_date', 'billing_status')
    def _compute_billing_usage_period(self):
        now = fields.Datetime.now()
        for order in self:
            period = order._billing_get_usage_period(now)
            order.billing_usage_first_day = period and period.first_day
            order.billing_usage_last_day = period and period.next_day - timedelta(days=1)

    def _billing_get_usage_period(self, moment):
        """Return the period of a live order in which a moment lies.

        :param datetime.datetime moment: The moment.
        :rtype: billing.metering.Period|None
        """
        self.ensure_one()
        window = self.purchase_type and self._billing_get_usage_window()
        if not window or moment < window[0] or (window[1] and moment >= window[1]):
            return None
        interval = self.billing_interval_count, self.billing_interval_unit
        return get_period(self.billing_anchor_date, *interval, self._get_time_zone(), moment)

    def _billing_get_begun_usage_period(self, number):
        """Return a period of the order that has begun, whether or not it is over.

        :param int number: The number of the period, counted from the anchor.
        :return: The period; None if there is none such yet.
        :rtype: billing.metering.Period|None
        """
        self.ensure_one()
        window = self.purchase_type and self._billing_get_usage_window()
        now = fields.Datetime.now()
        if not window or now < window[0]:
            return None
        if known := self.env['billpro.usage.period'].search(
            [('order_id', '=', self.id), ('number', '=', number)]
        ):
            return Period(number, known.first_day, known.next_day, self._get_time_zone())
        interval = self.billing_interval_count, self.billing_interval_unit
        calendar = (self.billing_anchor_date, *interval, self._get_time_zone())
        latest = get_period(*calendar, min(now, window[1] or now))
        return nth_period(*calendar, number) if 0 <= number <= latest.number else None

    def _billing_set_usage_alert(self, text):
        """Keep from which amount on the customer wants to be told of the usage of a period.

        :param str text: The amount, as a form sends it; empty for none.
        :raise UserError: If it is no amount.
        """
        self.ensure_one()
        try:
            alert = Decimal(text or '0')
            is_amount = 0 <= alert < HIGHEST_ALERT  # What is no number can't be compared.
        except InvalidOperation:
            is_amount = False
        if not is_amount:
            raise UserError(self.env._("Please enter the amount as a number, such as 50."))
        self.billing_usage_alert = self.currency_id.round(float(alert))
        self._message_log(
            body=self.env._(
                "The customer wants to be told when a period's usage reaches %s.",
                self.currency_id.format(self.billing_usage_alert),
            )
            if self.billing_usage_alert
            else self.env._("The customer wants no spending alert any more.")
        )

    def action_open_usage(self):
        """Open the usage records of the order.

        :return: The action.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'billpro_portal.action_billpro_usage_record'
            ),
            'domain': [('order_id', '=', self.id)],
        }

    def _billing_get_usage_window(self):
        """Return in which time usage is the order's.

        :return: The first moment and the first one after it, which is None for a live order; None
                 if the order never was live, or isn't charged by usage.
        :rtype: tuple[datetime.datetime, datetime.datetime|None]|None
        """
        self.ensure_one()
        if not (self.billing_anchor_date and self._get_purchase()._bills_usage):
            return None
        start = midnight(self.billing_anchor_date, self._get_time_zone())
        if self.billing_status in LIVE:
            return start, None
        # Of orders that ended before that was noted, nobody knows when.
        return (start, self.billing_ended_date) if self.billing_ended_date else None
