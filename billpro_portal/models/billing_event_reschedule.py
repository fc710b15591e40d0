from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ..billing.calendar import due_datetime
from ..billing.lifecycle import LIVE


class BillproBillingEvent(models.Model):
    """Moving a scheduled payment to another day.

    Later payments stay where they are: their dates are counted from the order's anchor.
    """

    _inherit = 'billpro.billing.event'

    def _reschedule(self, day):
        """Collect a scheduled payment on another day, and tell the customer.

        :param datetime.date day: The day, in the customer's calendar; today or later.
        :raise UserError: If the payment can't be moved, or not to that day.
        """
        self.ensure_one()
        order = self.order_id
        order._lock_billing()
        if self.status != 'scheduled' or order.billing_status not in LIVE:
            raise UserError(
                self.env._(
                    "Payment %(event)s can't be moved: it is “%(status)s”.",
                    event=self.display_name,
                    status=dict(self._fields['status']._description_selection(self.env))[
                        self.status
                    ],
                )
            )
        if day < order._get_today():
            raise UserError(self.env._("Choose today or a later day."))
        due_date = due_datetime(day, order._get_time_zone())
        if due_date == self.due_date:
            return
        old_date, self.due_date = self.due_date, due_date
        following = order._get_purchase()._prepare_next_events(self)
        if any(values['due_date'] <= due_date for values in following):
            # It is made when this one is through, which is too late now.
            self.env['billpro.billing.run']._schedule_next_events(self)
        order._message_log(
            body=self.env._(
                "Payment %(event)s was moved from %(old)s to %(new)s.",
                event=self.display_name,
                old=format_date(self.env, order._get_date(old_date)),
                new=format_date(self.env, day),
            )
        )
        env = order.with_context(lang=order.partner_id.lang).env
        self.env['billpro.notification']._queue(
            'payment_changed',
            order,
            f'event-{self.id}-{fields.Datetime.now()}',
            event_id=self.id,
            text=env._(
                "Your payment of %(amount)s that was due on %(old)s is collected on %(new)s.",
                amount=self.currency_id.with_env(env).format(self.amount),
                old=format_date(env, order._get_date(old_date)),
                new=format_date(env, day),
            ),
        )

    def action_open_reschedule(self):
        """Open the dialog that moves a payment to another day."""
        self.ensure_one()
        wizard = self.env['billpro.reschedule'].create(
            {'event_id': self.id, 'day': self.order_id._get_date(self.due_date)}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Reschedule Payment %s", self.display_name),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }
