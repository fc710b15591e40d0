from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from odoo import fields, models

from ...billing.law import amount_used
from ...billing.lifecycle import LIVE


class SaleOrder(models.Model):
    """What customers have declared about an order, and what a withdrawal does to it."""

    _inherit = 'sale.order'

    billing_declaration_ids = fields.One2many(
        string="Declarations",
        comodel_name='billpro.declaration',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )

    def _billing_get_withdrawal(self):
        """Return the withdrawal from the contract that was carried out, if there is one.

        :rtype: billpro.declaration
        """
        self.ensure_one()
        return self.sudo().billing_declaration_ids.filtered('is_withdrawn')[:1]

    def _billing_can_be_withdrawn(self):
        """Return whether the customer may withdraw from the contract now.

        :rtype: bool
        """
        self.ensure_one()
        end = self._billing_get_withdrawal_end()
        return bool(end and end >= self._billing_get_today() and not self._billing_get_withdrawal())

    def _billing_wants_start(self):
        """Return whether the customer asked for the service to begin before the period is over.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self._billing_get_last_consent().wants_start)

    def _billing_get_used_amount(self, day):
        """Return what a customer who withdraws owes of what was paid, for what was provided.

        :param datetime.date day: The day of the withdrawal.
        :rtype: float
        """
        self.ensure_one()
        purchase = self._get_purchase()
        if not purchase._can_be_cancelled(self) or not self._billing_wants_start():
            return 0.0  # Nothing is paid for by the day, or nothing of it is owed.
        counted = self._billing_get_usage_collected(datetime.min)
        # What was credited and isn't used up is paid for no day.
        left = sum(self._billing_get_open_credit_notes().mapped('amount_residual'))
        # A trial is free, and whoever had cancelled has used nothing since.
        first = self._billing_get_date(self.date_order) + timedelta(days=self.billing_trial_days)
        paid = Decimal(str(self.currency_id.round(self.billing_paid - counted - left)))
        parts = [
            (span.first, span.last, amount) for span, amount, _i in self._billing_get_paid_spans()
        ] or [(first, purchase._get_paid_until(self), 1)]
        whole = sum(Fraction(amount) for _first, _last, amount in parts)
        used_by_day = Decimal(0)
        for first_day, last_day, amount in parts:
            share = Fraction(amount) / whole if whole else Fraction(0)
            used_by_day += amount_used(
                paid * share.numerator / share.denominator,
                first_day,
                last_day,
                min(day, self.billing_cancel_date or day),
                is_wished=True,
            )
        return self.currency_id.round(float(used_by_day) + counted)

    def _billing_end_by_withdrawal(self):
        """End the contract at once: nothing more is collected; the caller holds the lock.

        Usage is billed only if the customer has asked for it to begin. Reserved money is released
        by staff, who are asked to.
        """
        self.ensure_one()
        if self.billing_status not in LIVE or self._get_open_authorization():
            return
        if not self._billing_wants_start():
            self._billing_waive_usage()
        self._billing_end_collection(at_once=True)
