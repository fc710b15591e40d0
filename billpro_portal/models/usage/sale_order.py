from datetime import timedelta

from odoo import api, fields, models

from ...billing.lifecycle import LIVE
from ...billing.metering import get_period, midnight, nth_period


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
        return get_period(*self._billing_get_usage_calendar(), moment)

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
        latest = min(now, window[1] or now)
        calendar = self._billing_get_usage_calendar()
        if not 0 <= number <= get_period(*calendar, latest).number:
            return None
        return nth_period(*calendar, number)

    def _billing_get_usage_calendar(self):
        """Return what periods are counted by: anchor, interval and time zone.

        :rtype: tuple[datetime.date, int, str, str]
        """
        return (
            self.billing_anchor_date,
            self.billing_interval_count,
            self.billing_interval_unit,
            self._get_time_zone(),
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
