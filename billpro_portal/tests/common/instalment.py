from freezegun import freeze_time

from odoo import Command

from .subscription import SubscriptionCommon


class InstalmentCommon(SubscriptionCommon):
    """A course that is paid in seven instalments."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.course = cls._create_sold_product("Course", 100.0, cls.tax_21, 'instalment')
        cls.course.write({'billing_instalment_count': 7, 'billing_deposit': 0})

    @classmethod
    def _create_taxed_order(cls, currency, prices, total):
        """Return an order of courses with a tax each, whose prices make a total.

        :param str currency: The name of its currency.
        :param prices: The three prices, of which the last one is changed.
        :param total: The total, taxes included.
        """
        order = cls._create_order(*((cls.course, 1, price) for price in prices), currency=currency)
        taxes = (cls.tax_21, cls.tax_6, cls.tax_12)
        for line, tax in zip(order.order_line, taxes, strict=True):
            line.tax_ids = [Command.set(tax.ids)]
        cls._reach_total(order, total)
        return order

    def _tax_amounts(self, moves):
        lines = moves.line_ids.filtered('tax_line_id')
        return {
            tax.name: round(
                -sum(
                    lines.filtered(lambda line, tax=tax: line.tax_line_id == tax).mapped(
                        'amount_currency'
                    )
                ),
                3,
            )
            for tax in lines.tax_line_id
        }

    def _pay_all(self, orders):
        """Let the clock reach each due date and collect, of each order once."""
        for moment in sorted(set(orders.billing_event_ids.mapped('due_date'))):
            with freeze_time(moment):
                self._run()
                self._assert_nothing_due(orders)

    @classmethod
    def _reach_total(cls, order, total):
        """Change the last price until the order has a total."""
        line = order.order_line[-1]
        step = 10**-order.currency_id.decimal_places
        for _try in range(10000):
            difference = order.currency_id.round(total - order.amount_total)
            if not difference:
                return
            line.price_unit += (
                difference if abs(difference) > 5 * step else (step if difference > 0 else -step)
            )
        raise AssertionError(f"No price makes the total {total}")
