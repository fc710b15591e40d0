from odoo import models


class SaleOrder(models.Model):
    _inherit = 'sale.order'

    def _billpro_get_lines_delivered_when_paid(self):
        """Return the lines whose goods are delivered when their period is paid, not by Odoo.

        :rtype: sale.order.line
        """
        lines = self.order_line.browse()
        for order in self.filtered('purchase_type'):
            lines |= order._get_purchase()._get_lines_delivered_when_paid(order)
        return lines

    def _billing_get_refusal_to_count_anew(self, when):
        """Override of `billpro_portal`: the goods of the paid period are delivered as they were."""
        refusal = super()._billing_get_refusal_to_count_anew(when)
        if refusal or when == 'period_end' or not self._get_purchase()._get_goods_lines(self):
            return refusal
        return self.env._(
            "The goods of the paid period are delivered as it was charged: the interval can be"
            " changed when it ends."
        )

    def _billpro_get_carrier_at_real_cost(self):
        """Return the shipping method of the order if it charges what the shipment has cost.

        :return: The `delivery.carrier`; None without one, or without Odoo's module for them.
        :rtype: delivery.carrier|None
        """
        self.ensure_one()
        carrier = self.carrier_id if 'carrier_id' in self._fields else None
        return carrier if carrier and carrier.invoice_policy == 'real' else None

    def _prepare_invoice(self):
        """Override of `sale_stock`: a period's invoice doesn't have the date of another delivery.

        Odoo takes that of the first one, which would stand on all invoices for ever.
        """
        values = super()._prepare_invoice()
        if self._billpro_get_lines_delivered_when_paid():
            values['delivery_date'] = False
        return values

    def _log_decrease_ordered_quantity(self, documents, cancel=False):
        """Override of `sale_stock`: what was paid is delivered, whatever later periods are."""
        if not cancel:
            documents = {
                document: context
                for document, context in documents.items()
                if not self._billpro_is_paid_delivery(context[0])
            }
        return super()._log_decrease_ordered_quantity(documents, cancel=cancel)

    def _billpro_is_paid_delivery(self, moves):
        """Return whether all of some moves deliver what was paid.

        :param Iterable[stock.move] moves: The moves.
        :rtype: bool
        """
        lines = self._billpro_get_lines_delivered_when_paid()
        return all(move.sale_line_id in lines for move in moves)
