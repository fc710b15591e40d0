from odoo import api, models
from odoo.exceptions import AccessError

from ..models.rights.guarded_fields import OWN


class BillproDialog(models.AbstractModel):
    """What the dialogs of an order have in common: they show and do nothing of a foreign order.

    By RPC a dialog can be created for any order, and for any payment and card.
    """

    _name = 'billpro.dialog'
    _description = "Dialog of an Order"

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base`: a dialog is opened by whoever may change its order.

        :raise AccessError: If the user may not, or what it is about isn't of the order.
        """
        dialogs = super().create(vals_list)
        dialogs._check_subject()
        return dialogs

    def write(self, vals):
        """Override of `base`: a dialog stays with what the user may change.

        :raise AccessError: If what it is about isn't of the order.
        """
        result = super().write(vals)
        self._check_subject()
        return result

    def _has_field_access(self, field, operation):
        """Override of `base`: what a dialog has made is noted by itself."""
        if operation == 'write' and not self.env.su and field.name in OWN.get(self._name, ()):
            return False
        return super()._has_field_access(field, operation)

    def _check_subject(self):
        """Check that the user may change the orders, and that the rest belongs to them.

        :raise AccessError: If not.
        """
        for dialog in self.sudo():
            orders = dialog._get_orders()
            orders.with_env(self.env)._check_billing_may_be_changed()
            if not dialog._is_about(orders):
                raise AccessError(
                    self.env._("This doesn't belong to order %s.", ', '.join(orders.mapped('name')))
                )

    def _is_about(self, orders):
        """Return whether the payment and the card that were chosen belong to the orders.

        :param sale.order orders: The orders.
        :rtype: bool
        """
        chosen = {
            name: self[name]
            for name in ('transaction_id', 'token_id')
            if name in self._fields and self._fields[name].store and self[name]
        }
        tx, card = chosen.get('transaction_id'), chosen.get('token_id')
        return (not tx or tx.billing_order_id in orders) and (
            not card or orders._billing_is_card_of_customer(card)
        )

    def _get_orders(self):
        """Return the orders that the dialogs are about.

        :rtype: sale.order
        """
        orders = self.env['sale.order']
        if 'order_id' in self._fields:
            orders |= self.order_id
        if 'event_id' in self._fields:
            orders |= self.event_id.order_id
        if 'event_ids' in self._fields:
            orders |= self.event_ids.order_id
        if 'record_ids' in self._fields:
            orders |= self.record_ids.order_id
        return orders
