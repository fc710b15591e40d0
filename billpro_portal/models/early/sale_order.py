from decimal import Decimal

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import format_date

from ...billing.actions import OrderAction
from ...billing.agreement import agreement_text
from ...billing.lifecycle import OPEN

NEXT, ALL = 'next', 'all'


class SaleOrder(models.Model):
    """Paying early, by the customer or by staff for them.

    What is paid early is merged into a payment of its own, which is opened, charged and booked as
    any other. Declined, or not confirmed with the bank within a day, nothing changes: what was
    merged is due on its day.
    """

    _inherit = 'sale.order'

    # === WHAT MAY BE PAID === #

    def _billing_get_early_events(self, what):
        """Return the payments that would be collected, the next one first.

        :param str what: `next` or `all`.
        :rtype: billpro.billing.event
        """
        self.ensure_one()
        events = self.billing_event_ids.filtered(lambda event: event.status == 'scheduled').sorted(
            lambda event: (event.due_date, event.number)
        )
        return events if what == ALL else events[:1]

    def _billing_get_rebate(self, what):
        """Return what isn't collected if payments are collected early.

        :param str what: `next` or `all`.
        :return: The company's part of all instalments that are left.
        :rtype: float
        """
        self.ensure_one()
        if what != ALL:
            return 0.0
        left = sum(self._billing_get_early_events(what).mapped('amount'))
        rebate = self.currency_id.round(left * self.company_id.billing_pay_off_rebate / 100)
        asked = self.env['billpro.provider']._of(self.billing_token_id.provider_code)
        step = asked._get_step_of_amounts(self.currency_id)
        if rebate and step:  # What is left to be collected is a multiple of it.
            rest = Decimal(repr(self.currency_id.round(left - rebate))) % Decimal(repr(step))
            rebate = self.currency_id.round(rebate + float(rest))
        return rebate

    def _billing_get_early_amount(self, what):
        """Return what would be collected now.

        :param str what: `next` or `all`.
        :return: The amount in the currency of the order.
        :rtype: float
        """
        events = self._billing_get_early_events(what)
        return self.currency_id.round(sum(events.mapped('amount')) - self._billing_get_rebate(what))

    def _billing_get_refusal_to_pay_early(self, what):
        """Return why nothing can be paid before its day.

        :param str what: `next` or `all`.
        :return: The reason, in words for customers and staff, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        if self._billing_get_outstanding_events():
            return self.env._("Please pay what is outstanding first.")
        if (
            self._get_billing_refusal_of(OrderAction.PAY_EARLY)
            or self._billing_is_collection_over()
            or (what == ALL and not self._get_purchase()._has_instalments)
        ):
            return self.env._("Nothing can be paid on this order at the moment.")
        if (
            self._billing_is_collection_under_way()
            or self._billing_get_open_authentication()
            or self.billing_event_ids.filtered(
                lambda event: event.status in OPEN and event._is_optional()
            )
        ):
            return self.env._("A payment of the order is being processed. Please wait for it.")
        if planned := self._billing_get_planned_change()[:1]:
            return self.env._(
                "Take back the change that is planned first: %s.", planned._describe()
            )
        return (
            self._billing_get_refusal_of_early_events(what)
            # What the card can't be charged for because of what is outstanding can't be here.
            or self._billing_get_refusal_to_collect()
            or self._billing_get_refusal_of_early_amount(what)
        )

    def _billing_get_refusal_of_early_events(self, what):
        """Return why the payments to come can't be collected before their days.

        :param str what: `next` or `all`.
        :return: The reason, or False if they can.
        :rtype: str|bool
        """
        self.ensure_one()
        events, today = self._billing_get_early_events(what), self._billing_get_today()
        if not events or events[0].due_date <= fields.Datetime.now():
            return self.env._("Nothing is to come that could be paid now.")
        if self._get_purchase()._is_perpetual and self._billing_is_paid_after(today):
            return self.env._("The next payment is paid already.")
        if any(
            event.invoice_id.state == 'posted'
            or event._is_invoice_touched()
            or event._get_refusal_by_invoice()
            for event in events
        ):
            return self.env._(
                "A part of it is paid in another way, or is to be paid by invoice. Please contact"
                " us."
            )
        # A higher price would have to count for its invoice before the day that was announced.
        is_raised = any(
            self._billing_get_planned_changes_on(event.period_start)
            for event in events.filtered('period_start')
        )
        return (self.billing_is_stopped or is_raised) and self.env._(
            "Nothing can be paid on this order at the moment."
        )

    def _billing_get_refusal_of_early_amount(self, what):
        """Return why the amount can't be collected.

        :param str what: `next` or `all`.
        :return: The reason, or False if it can.
        :rtype: str|bool
        """
        self.ensure_one()
        amount = self._billing_get_early_amount(what)
        if self.currency_id.compare_amounts(amount, 0) <= 0:
            return self.env._("Nothing is to come that could be paid now.")
        provider = self.billing_token_id.provider_id._in_billing()
        return provider._find_amount_refusal(amount, self.currency_id) or False

    # === WHAT IS SHOWN === #

    def _billing_get_early_rows(self, what):
        """Return what is shown before anybody agrees, as pairs of label and value.

        :param str what: `next` or `all`.
        :rtype: list[tuple[str, str]]
        """
        self.ensure_one()
        env = self.env
        events, rebate = self._billing_get_early_events(what), self._billing_get_rebate(what)
        format_amount = self.currency_id.with_env(env).format
        rows = [
            (env._("Payment on %s", self._get_due_date_text(event)), format_amount(event.amount))
            for event in events
        ]
        if rebate:
            rows.append((env._("Rebate for paying early"), format_amount(-rebate)))
        amount = self._billing_get_early_amount(what)
        rows.append((env._("Charged today"), format_amount(amount)))
        rows.append((env._("After that"), self._billing_get_text_after(events)))
        return rows

    def _billing_get_text_after(self, events):
        """Return what is paid next when some payments are paid early.

        :param billpro.billing.event events: The payments.
        :rtype: str
        """
        later = (self._billing_get_early_events(ALL) - events)[:1]
        days = [self._billing_get_date(later.due_date)] if later else []
        last = events._get_leaves().filtered('period_end')[-1:]
        if last and not later:
            next_values = self._get_purchase()._prepare_next_events(last)
            days = [values['period_start'] for values in next_values]
        if not days:
            return self.env._("Nothing more is to be paid.")
        day = format_date(self.env, days[0], date_format='long')
        return self.env._("The next payment is on %s.", day)

    # === PAYING === #

    def _billing_pay_early(self, what, shown):
        """Merge what is to come into a payment that the caller has to run.

        :param str what: `next` or `all`.
        :param str shown: What was agreed to, as `billing.agreement.agreement_text` made it.
        :return: The payment.
        :rtype: billpro.billing.event
        :raise UserError: If it isn't possible, or comes to something else by now.
        """
        self.ensure_one()
        self._lock_billing()
        if refusal := self._billing_get_refusal_to_pay_early(what):
            raise UserError(refusal)
        if agreement_text(self._billing_get_early_rows(what)) != shown:
            raise UserError(self._billing_get_outdated_page_text())
        self._billing_withdraw_unsent_attempts()
        return self._billing_get_early_events(what)._merge(
            amount=self._billing_get_early_amount(what),
            rebate_amount=self._billing_get_rebate(what),
            is_early=True,
        )

    def _billing_get_waiting_early(self):
        """Return what is to be paid early, and waits for the customer's bank.

        :rtype: billpro.billing.event
        """
        return self.billing_event_ids.filtered(
            lambda event: event.status == 'action_required' and event._is_optional()
        ).filtered('is_early')

    # === STAFF === #

    def action_open_pay_early(self):
        """Open the dialog that collects what is to come.

        :raise AccessError: If the user may not.
        :raise UserError: If nothing can be collected before its day.
        """
        self.ensure_one()
        self._check_billing_user()
        if refusal := self.sudo()._billing_get_refusal_to_pay_early(NEXT):
            raise UserError(refusal)
        wizard = self.env['billpro.pay.early'].create({'order_id': self.id})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Pay Early"),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }
