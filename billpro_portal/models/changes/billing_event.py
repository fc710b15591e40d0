from decimal import Decimal
from fractions import Fraction

from odoo import fields, models

from ...billing.lifecycle import OPEN
from ...billing.proration import prorate


class BillproBillingEvent(models.Model):
    """Payments of changes, and payments that use up what changes have credited."""

    _inherit = 'billpro.billing.event'

    change_id = fields.Many2one(
        comodel_name='billpro.change',
        readonly=True,
        index='btree_not_null',
        ondelete='cascade',
        help="The change of the subscription that the payment is for.",
    )

    discount_id = fields.Many2one(
        string="Discount Given",
        comodel_name='billpro.discount',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )

    def _get_words_of_change(self):
        """Return what is changed by the payment, its discount, and how much of it credit pays.

        :rtype: list[str]
        """
        self.ensure_one()
        words = [self.change_id._describe()] if self.change_id else []
        if self.discount_id:
            words.append(self.discount_id.with_env(self.env)._describe_of_payment())
        if self.credit_amount:
            credit = self.currency_id.with_env(self.env).format(self.credit_amount)
            words.append(self.env._("%s paid by credit", credit))
        return words

    def _get_days(self):
        """Return how many days its period has.

        :rtype: int
        """
        self.ensure_one()
        return (self.period_end - self.period_start).days + 1

    def _get_short_price(self, price):
        """Return what is charged of the price of a full period.

        :param float price: The price, taxes included.
        :return: The price, or the part of the days that the period has.
        :rtype: float
        """
        self.ensure_one()
        if not self.full_days:
            return price
        coin = Decimal(repr(self.currency_id.rounding))
        return float(prorate(Fraction(f'{price:.10f}'), self._get_days(), self.full_days, coin))

    def _get_part_text(self):
        """Return which part of a full period it is for, if that was shortened.

        :rtype: str
        """
        self.ensure_one()
        return self.env._(
            "%(days)s of %(full_days)s days", days=self._get_days(), full_days=self.full_days
        )

    def _announce_interval(self, plan):
        """Log how often is paid from this payment on, and tell the customer.

        :param sale.order|product.product plan: What has the interval.
        """
        for event in self:
            order = event.order_id
            event._log_change(event._describe_interval(self.env, plan), False)
            env = order.with_context(lang=order._get_payment_contact().lang).env
            event._announce_change(event._describe_interval(env, plan))

    def _describe_interval(self, env, plan):
        """Return how often is paid from this payment on.

        :param api.Environment env: The environment of the language.
        :param sale.order|product.product plan: What has the interval.
        :rtype: str
        """
        self.ensure_one()
        order = self.order_id.with_env(env)
        return env._(
            "From %(day)s on your subscription is charged %(interval)s: %(amount)s.",
            day=order._get_due_date_text(self),
            interval=order._get_purchase()._get_interval_text(plan.with_env(env)),
            amount=self.currency_id.with_env(env).format(self.amount),
        )

    def _is_to_come(self):
        """Return whether the payment, or the one that it is merged into, isn't collected yet.

        :rtype: bool
        """
        self.ensure_one()
        final = self
        while final.merged_into_id:
            final = final.merged_into_id
        return final.status in OPEN

    def _is_free(self):
        """Return whether a discount leaves nothing to be collected, or to be invoiced.

        :rtype: bool
        """
        self.ensure_one()
        if not self.currency_id.is_zero(self.amount):
            return False
        leaves = self._get_leaves()
        return not any(leaves.mapped('credit_amount')) and not leaves._get_added_lines()

    def _get_amount_before_discount(self):
        """Return what the period costs without a discount, taxes included.

        :rtype: float
        """
        self.ensure_one()
        return self.currency_id.round(
            self.amount + self.credit_amount + self.discount_amount - self.added_amount
        )

    def _set_discount(self, discount):
        """Give payments to come a discount, or none; no credit pays them then.

        :param billpro.discount discount: The discount.
        """
        for event in self:
            before = event._get_amount_before_discount()
            off = discount._get_amount_off(before)
            event._discard_draft_invoices()
            event.write(
                {
                    'discount_id': discount.id,
                    'discount_amount': off,
                    'amount': event.currency_id.round(before - off + event.added_amount),
                    'credit_amount': 0.0,
                }
            )

    def _carry_out_planned_changes(self):
        """Carry out what is planned for the periods that the payments are for; locks are held."""
        changes = self.env['billpro.change']
        for event in self._get_leaves().filtered('period_start'):
            changes |= event.order_id._billing_get_planned_changes_on(event.period_start)
        changes._carry_out()

    def _reconcile_credit(self):
        """Let credit notes pay what payments left of their posted invoices for them."""
        for event in self:
            if any(event._get_leaves().mapped('credit_amount')):
                notes = event.order_id._billing_get_open_credit_notes()
                (event.invoice_id | notes).line_ids.filtered(
                    lambda line: line.account_type == 'asset_receivable' and not line.reconciled
                ).reconcile()
