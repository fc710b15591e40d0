from odoo import models

from ...billing.agreement import agreement_text
from ..early.sale_order import ALL, NEXT


class BillproOrderSchedule(models.AbstractModel):
    """What the pages show on which customers pay early, pause, or skip the next payment."""

    _name = 'billpro.order.schedule'
    _description = "Pausing and Skipping on the Page of an Order"

    def _get_menu_items(self, order):
        """Return the menu items that lead to the pages.

        :param sale.order order: The order.
        :return: Those of what the customer may do now.
        :rtype: list[dict]
        """
        items = []
        if not order._billing_get_refusal_to_skip_by_customer():
            items.append((self.env._("Skip the next payment"), '/skip'))
        if not order._billing_get_refusal_to_pause_by_customer():
            items.append((self.env._("Pause"), '/pause'))
        return [
            {'label': label, 'url': order._billing_get_order_link(path)} for label, path in items
        ]

    def _get_early_items(self, order):
        """Return the menu items that lead to paying before the day.

        :param sale.order order: The order.
        :return: Those of what the customer may do now.
        :rtype: list[dict]
        """
        titles = self._get_early_titles()
        events = order._billing_get_early_events(ALL)
        # The last one that is left is paid off.
        choices = [ALL] if order._get_purchase()._has_instalments else []
        if len(events) > 1 or not choices:
            choices.insert(0, NEXT)
        return [
            {
                'label': titles[what],
                'url': order._billing_get_order_link(f'/pay-early/{what}'),
            }
            for what in choices
            if not order._billing_get_refusal_to_pay_early(what)
        ]

    def _get_early_titles(self):
        return {
            NEXT: self.env._("Pay the next payment now"),
            ALL: self.env._("Pay everything that is left"),
        }

    def _get_early_values(self, order, what):
        """Return the values of the page on which the customer pays before the day.

        :param sale.order order: The order.
        :param str what: `next` or `all`.
        :rtype: dict
        """
        rows = order._billing_get_early_rows(what)
        return {
            **self._get_shared_values(order),
            'title': self._get_early_titles()[what],
            'rows': rows,
            'text': [
                self.env._(
                    "It is charged to %s.",
                    self.env['billpro.page.words']._keep_together(
                        order.billing_token_id._get_card_name()
                    ),
                ),
                self.env._("If it is declined, nothing changes."),
            ],
            'options': [],
            'hidden': {'agreed': agreement_text(rows)},
            'action_url': order._billing_get_order_link(f'/pay-early/{what}'),
            'confirm_label': self.env._(
                "Pay %s now",
                order.currency_id.with_env(self.env).format(order._billing_get_early_amount(what)),
            ),
        }

    def _get_pause_values(self, order):
        """Return the values of the page on which the customer pauses the subscription.

        :param sale.order order: The order.
        :rtype: dict
        """
        event = order._billing_get_next_period_event()
        return {
            **self._get_shared_values(order),
            'title': self.env._("Pause your subscription"),
            'text': [
                self.env._("Nothing is charged while it is paused. Then it goes on by itself."),
                self.env._(
                    "What you have paid for stays yours until %s.",
                    self._get_day(order, order._get_purchase()._get_paid_until(order)),
                ),
                self.env._("You can resume it earlier on this order's page."),
            ],
            'options_label': self.env._("How long?"),
            'options': [
                {
                    'value': day.isoformat(),
                    'label': self.env._(
                        "Until %(day)s: then your next payment is %(amount)s",
                        day=self._get_day(order, day),
                        amount=order.currency_id.format(
                            order._get_purchase()._get_amount_after_pause(event, day)
                        ),
                    ),
                }
                for day in order._billing_get_days_to_pause_until()
            ],
            'hidden': {'amount': event.amount},
            'action_url': order._billing_get_order_link('/pause'),
            'confirm_label': self.env._("Pause subscription"),
        }

    def _get_skip_values(self, order):
        """Return the values of the page on which the customer skips the next payment.

        :param sale.order order: The order.
        :rtype: dict
        """
        event = order._billing_get_next_period_event()
        return {
            **self._get_shared_values(order),
            'title': self.env._("Skip the next payment"),
            'text': [
                self.env._(
                    "Your payment of %(amount)s on %(day)s is not collected, neither then nor"
                    " later.",
                    amount=event.currency_id.format(event.amount),
                    day=self._get_day(order, order._billing_get_date(event.due_date)),
                ),
                self.env._(
                    "It would be for %s. That period is left out.",
                    self.env['billpro.page.words']._get_period(
                        event.period_start, event.period_end
                    ),
                ),
                self.env._(
                    "The payment after it is on %s, as planned.",
                    self._get_day(order, order._billing_get_first_day_after_skip()),
                ),
                self.env._("This can't be undone here."),
            ],
            'options': [],
            'hidden': {'event_id': event.id},
            'action_url': order._billing_get_order_link('/skip'),
            'confirm_label': self.env._("Skip this payment"),
        }

    def _get_shared_values(self, order):
        return {
            **order.env['billpro.order.page']._get_page_values(order),
            'back_url': order._billing_get_order_link(),
        }

    def _get_day(self, order, day):
        return self.env['billpro.page.words']._get_day(order, day)
