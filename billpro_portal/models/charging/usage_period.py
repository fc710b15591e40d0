from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...billing.lifecycle import LIVE


class BillproUsagePeriod(models.Model):
    """Periods that staff bill before their time."""

    _inherit = 'billpro.usage.period'

    can_close_now = fields.Boolean(compute='_compute_can_close_now', compute_sudo=True)

    @api.depends('state', 'start_date', 'order_id.billing_status')
    def _compute_can_close_now(self):
        now = fields.Datetime.now()
        for period in self:
            period.can_close_now = (
                period.state == 'open'
                and period.start_date <= now
                and period.order_id.billing_status in LIVE
            )

    def _close_at_new_prices(self):
        """Close periods of different orders, which the caller has locked.

        The base fees of the periods that follow are billed along, at the prices that count then.

        :return: The payments of what is due.
        :rtype: billpro.billing.event
        """
        changes = self.env['billpro.change']
        for period in self:
            changes |= period.order_id._billing_get_planned_changes_on(period.next_day)
        changes._carry_out()
        return self._close()

    def action_close_now(self):
        """Bill what was used so far, and collect it; close the period if it is over.

        What is still used is billed when the period ends. Its calendar stays.

        :return: A notification with the result.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: If it is closed, or has not begun, or its order isn't live.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can bill usage."))
        self.order_id.check_access('write')
        period = self.sudo().with_company(self.company_id)
        period.order_id._lock_billing()
        if not period.can_close_now:
            raise UserError(
                self.env._("There is nothing to bill of period %s now.", self.display_name)
            )
        is_over = period.end_date <= fields.Datetime.now()
        events = period._close_at_new_prices() if is_over else period._bill_so_far()
        return self.env['billpro.billing.run'].sudo()._run_events(events)._get_notification()
