from odoo import fields, models


class BillproBillingEvent(models.Model):
    """Payments of usage: what they bill, and those that the customer is asked for first."""

    _inherit = 'billpro.billing.event'

    usage_line_ids = fields.One2many(
        string="Usage",
        comodel_name='billpro.usage.line',
        inverse_name='event_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    is_above_cap = fields.Boolean(
        string="Above What Is Agreed",
        readonly=True,
        help="It is more than the largest amount that the customer agreed to: nothing is charged"
        " before they say so on their order's page.",
    )

    def _ask_above_cap(self):
        """Ask the customers whose payments are above what they agreed to; charge nothing before."""
        for event in self:
            order, currency = event.order_id, event.currency_id
            cap = order.billing_usage_cap
            if not cap or currency.compare_amounts(event.amount, cap) <= 0:
                continue
            event.is_above_cap = True
            event._log_change(event._describe_cap(self.env), False)
            env = order.with_context(lang=order._get_payment_contact().lang).env
            event._announce_change(event._describe_cap(env))

    def _get_collecting_event(self):
        """Return the payment that collects what this one bills: that into which it was merged.

        :return: Itself if it wasn't merged; empty without one.
        :rtype: billpro.billing.event
        """
        event = self
        while event.merged_into_id:
            event = event.merged_into_id
        return event

    def _compare_with_cap(self):
        """Decide anew whether the customer is asked, as the amount of a payment was changed."""
        self.is_above_cap = False
        self.filtered('usage_line_ids')._ask_above_cap()

    def _describe_cap(self, env):
        """Return why the payment waits for the customer.

        :param odoo.api.Environment env: The environment of the language.
        :rtype: str
        """
        format_amount = self.currency_id.with_env(env).format
        return env._(
            "The usage costs %(amount)s, more than the %(cap)s that were agreed to. It is charged"
            " when it is paid on the order's page.",
            amount=format_amount(self.amount),
            cap=format_amount(self.order_id.billing_usage_cap),
        )
