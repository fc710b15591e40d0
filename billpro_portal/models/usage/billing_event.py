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
            # Beside what else is told of it at the same time.
            self.env['billpro.notification']._queue(
                'payment_changed',
                order,
                f'event-{event.id}-cap-{event.amount}',
                event_id=event.id,
                text=event._describe_cap(env),
            )

    def _get_collecting_event(self):
        """Return the payment that collects what this one bills: that into which it was merged.

        :return: Itself if it wasn't merged; empty without one.
        :rtype: billpro.billing.event
        """
        event = self
        while event.merged_into_id:
            event = event.merged_into_id
        return event

    def _compare_with_cap(self, old_amounts):
        """Decide anew whether the customers are asked, as amounts of payments were changed.

        What they have agreed to stays agreed to unless it is more now.

        :param dict old_amounts: What the payments were before, by payment; others are new.
        """
        for event in self:
            is_raised = event.currency_id.compare_amounts(event.amount, old_amounts.get(event, 0))
            if is_raised > 0 or event.is_above_cap:
                event.is_above_cap = False
                event._ask_above_cap()

    def _describe_cap(self, env):
        """Return why the payment waits for the customer.

        :param odoo.api.Environment env: The environment of the language.
        :rtype: str
        """
        format_amount = self.currency_id.with_env(env).format
        return env._(
            "A payment of %(amount)s is more than the %(cap)s that were agreed to. It is charged"
            " when it is paid on the order's page.",
            amount=format_amount(self.amount),
            cap=format_amount(self.order_id.billing_usage_cap),
        )
