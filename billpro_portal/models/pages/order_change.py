from odoo import models
from odoo.exceptions import AccessError, UserError
from odoo.tools import format_date

from ...billing.agreement import agreement_text


class BillproOrderChange(models.AbstractModel):
    """What the page shows on which customers change plan, quantity and add-ons."""

    _name = 'billpro.order.change'
    _description = "Change of a Subscription on its Page"

    def _get_menu_item(self, order):
        """Return the menu item that leads to the page.

        :param sale.order order: The order.
        :return: The item; False if the customer has nothing to do there.
        :rtype: dict|bool
        """
        planned = order._billing_get_planned_change()
        if not (
            planned or order._billing_get_customers_plans() or order._billing_get_customers_addons()
        ):
            return False
        return {
            'label': self.env._("Planned change") if planned else self.env._("Change your plan"),
            'url': order._billing_get_order_link('/change'),
        }

    def _get_values(self, order, line, product, quantity):
        """Return the values of the page.

        :param sale.order order: The order.
        :param sale.order.line line: The line that was chosen; the first one if none.
        :param product.product product: The plan or the add-on that was chosen, if one was.
        :param int|None quantity: How many were chosen, if any.
        :rtype: dict
        """
        plans, addons = order._billing_get_customers_plans(), order._billing_get_customers_addons()
        planned = order._billing_get_planned_change()
        if line not in plans and product not in addons:
            line = next(iter(plans), order.order_line.browse())
        present = line.product_id, line.product_uom_qty
        # Part of a unit is not offered, and only what was chosen is a change.
        is_chosen = (product or present[0], present[1] if quantity is None else quantity) != present
        product = product or line.product_id
        quantity = int(line.product_uom_qty) if quantity is None else quantity
        change = problem = False
        if is_chosen:
            change, problem = self._get_preview(order, line, product, quantity)
        rows = change._get_rows() if change else []
        return {
            **order.env['billpro.order.page']._get_page_values(order),
            'title': self.env._("Change your plan"),
            'planned': [
                (
                    change.id,
                    self.env._(
                        "Planned for %(day)s: %(change)s",
                        day=format_date(self.env, change.first_day, date_format='long'),
                        change=change._describe(),
                    ),
                )
                for change in planned
            ],
            'lines': [
                *self._get_lines(order, plans, line, product, quantity),
                *self._get_lines_to_add(order, addons, product, quantity),
            ],
            'rows': rows,
            'problem': problem,
            'chosen': {
                'line_id': line.id or '',
                'product_id': product.id,
                'quantity': str(quantity),
                'agreed': agreement_text(rows),
            },
            'agree_label': change and self._get_agree_label(change),
            'change_url': order._billing_get_order_link('/change'),
            'undo_url': order._billing_get_order_link('/change/undo'),
            'back_url': order._billing_get_order_link(),
        }

    def _get_plan_name(self, order, plan):
        """Return what a plan is called, with its interval if that is another one.

        :param sale.order order: The order.
        :param product.product plan: The plan.
        :rtype: str
        """
        if order._billing_keeps_interval(plan):
            return plan.display_name
        interval = order._get_purchase()._get_interval_text(plan.with_env(order.env))
        return f'{plan.display_name} ({interval})'

    def _get_lines(self, order, plans, line, product, quantity):
        """Return what can be changed, and what of it was chosen.

        :param sale.order order: The order.
        :param dict plans: The plans by line.
        :param sale.order.line line: The line that was chosen.
        :param product.product product: Its plan.
        :param int quantity: How many.
        :rtype: list[dict]
        """
        return [
            {
                'id': other.id,
                'name': other.product_id.display_name,
                'label': self.env._("Add-on") if may_drop else self.env._("Plan"),
                'hint': may_drop and self.env._("0 ends it."),
                'smallest': '0' if may_drop else '1',
                'plans': [
                    {
                        'id': plan.id,
                        'name': self._get_plan_name(order, plan),
                        'selected': plan == (product if other == line else other.product_id),
                    }
                    for plan in own_plans
                ],
                'quantity': str(quantity if other == line else int(other.product_uom_qty)),
            }
            for other, own_plans in plans.items()
            for may_drop in [order._billing_customers_may_drop(other)]
        ]

    def _get_lines_to_add(self, order, addons, product, quantity):
        """Return what can be added as a line that isn't there yet, and what of it was chosen.

        :param sale.order order: The order.
        :param product.product addons: What can be added.
        :param product.product product: What was chosen, if it is one of them.
        :param int quantity: How many.
        :return: The line, if anything can be added.
        :rtype: list[dict]
        """
        if not addons:
            return []
        return [
            {
                'id': '',
                'name': self.env._("Add to your subscription"),
                'label': self.env._("New add-on"),
                'hint': False,
                'smallest': '1',
                'plans': [
                    {'id': addon.id, 'name': addon.display_name, 'selected': addon == product}
                    for addon in addons
                ],
                'quantity': str(quantity if product in addons else 1),
            }
        ]

    def _get_preview(self, order, line, product, quantity):
        """Return a change as it would be.

        :param sale.order order: The order.
        :param sale.order.line line: The line.
        :param product.product product: The plan.
        :param int quantity: How many.
        :return: The change, which isn't stored, or False; and why it isn't possible.
        :rtype: tuple[billpro.change|bool, str|bool]
        """
        try:
            values = order._billing_propose_to_customer(line, product, quantity)
        except AccessError:
            raise
        except UserError as error:
            return False, str(error)
        return order.env['billpro.change'].new(values), False

    def _get_agree_label(self, change):
        """Return the words of the button that agrees to a change.

        :param billpro.change change: The change, as it would be.
        :rtype: str
        """
        if change.when == 'period_end':
            return self.env._(
                "Change on %s", format_date(self.env, change.first_day, date_format='long')
            )
        if change.amount > 0:
            amount = change.currency_id.with_env(self.env).format(change.amount)
            return self.env._("Pay %s and change now", amount)
        return self.env._("Change now")
