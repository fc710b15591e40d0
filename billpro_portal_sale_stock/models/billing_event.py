from collections import defaultdict
from datetime import timedelta

from odoo import api, fields, models

BATCH_SIZE = 50


class BillproBillingEvent(models.Model):
    """The goods that a payment charges: delivered once, when it is paid.

    Booking a payment notes that its delivery is due; a job launches it through Odoo's own
    procurement. Both happen in one transaction each, with the note in the database: whatever is
    repeated, or breaks off, delivers nothing twice and forgets nothing.
    """

    _inherit = 'billpro.billing.event'

    delivery_state = fields.Selection(
        string="Delivery",
        selection=[('due', "To be launched"), ('launched', "Launched")],
        readonly=True,
        help="What became of the goods that the payment charges; empty where there are none, or"
        " before it is paid.",
    )

    _delivery_idx = models.Index("(id) WHERE delivery_state = 'due'")

    # === WHAT IS DUE === #

    def _follow_collection(self):
        """Override of `billpro_portal` to have the goods delivered that were paid."""
        super()._follow_collection()
        # The goods of a period are on their way when its plan is changed.
        due = self.filtered(
            lambda event: not event.delivery_state and not event.change_id and event._get_goods()
        )
        if due:
            due.delivery_state = 'due'
            self.env.ref('billpro_portal_sale_stock.cron_deliver')._trigger()

    def _get_goods(self):
        """Return what is to be delivered for the payment: what its invoice charges.

        The order may have other lines by now than when the payment was prepared.

        :return: Quantities by order line, in the unit of the line.
        :rtype: dict
        """
        self.ensure_one()
        goods_lines = self.order_id._get_purchase()._get_goods_lines(self.order_id)
        invoice_lines = self.invoice_id.invoice_line_ids.filtered('billpro_period_line_ids')
        quantities = defaultdict(float)
        if not invoice_lines:  # It was made before this addon was installed.
            for leaf in self._get_leaves():
                for line in goods_lines & leaf._get_period_lines():
                    quantities[line] += line.product_uom_qty
        for invoice_line in invoice_lines:
            for line in invoice_line.billpro_period_line_ids.filtered('product_id'):
                if line._billpro_is_goods():
                    quantities[line] += invoice_line.product_uom_id._compute_quantity(
                        invoice_line.quantity, line.product_uom_id
                    )
        return {
            line: quantity
            for line, quantity in quantities.items()
            if line.product_uom_id.compare(quantity, 0) > 0
        }

    # === DELIVERING === #

    @api.model
    def _cron_deliver(self):
        """Launch the deliveries that are due, each in a transaction of its own."""
        waiting = self.env['billpro.failure']._get_waiting_ids(self._name, 'deliver')
        due = [('delivery_state', '=', 'due'), ('id', 'not in', waiting)]
        self.env['ir.cron']._commit_progress(remaining=self.search_count(due))
        for event in self.search(due, order='id', limit=BATCH_SIZE):
            self.env['billpro.own.transaction']._commit_alone(event, 'deliver', event._deliver)
            if not self.env['ir.cron']._commit_progress(processed=1):
                break

    def _deliver(self):
        """Launch the delivery of what the payment charges, unless that was done.

        :return: Whether nobody else holds the order.
        :rtype: bool
        :raise UserError: If Odoo doesn't know how to deliver a product.
        """
        self.ensure_one()
        order = self.order_id
        if not (
            order.try_lock_for_update(allow_referencing=True)
            and self.try_lock_for_update(allow_referencing=True)
        ):
            return False
        if self.delivery_state != 'due':
            return True
        if self._is_paid_back():
            self.delivery_state = False
            order._message_log(
                body=self.env._(
                    "Payment %s was paid back before its goods were on the way: they are not"
                    " delivered.",
                    self.display_name,
                )
            )
            return True
        self.delivery_state = 'launched'
        self.env['stock.rule'].run(self._prepare_procurements())
        # As Odoo does it: this is what reserves the goods, and looks for those that are missing.
        order.picking_ids.filtered(
            lambda picking: (
                picking.state not in {'cancel', 'done'}
                and self in picking.move_ids.billpro_event_id
            )
        ).action_confirm()
        return True

    def _is_paid_back(self):
        """Return whether nothing is left of what the customer has paid.

        :rtype: bool
        """
        self.ensure_one()
        return bool(self.amount) and not any(  # Credit may have paid all of it.
            tx.currency_id.compare_amounts(tx._billing_get_refundable_amount(), 0) > 0
            for tx in self.transaction_ids
        )

    def _prepare_procurements(self):
        """Return what Odoo is to procure for the payment.

        :return: Odoo's procurements.
        :rtype: list
        """
        self.ensure_one()
        order = self.order_id.with_company(self.company_id)
        procurements = []
        for line, quantity in self._get_goods().items():
            line = line.with_company(self.company_id)
            if not order.stock_reference_ids:
                self.env['stock.reference'].create(line._prepare_reference_vals())
            quantity, uom = line.product_uom_id._adjust_uom_quantities(
                quantity, line.product_id.uom_id
            )
            values = {**line._prepare_procurement_values(), **self._prepare_delivery(line)}
            procurements += line._create_procurements(quantity, uom, values)
        return procurements

    def _prepare_delivery(self, line):
        """Return what Odoo can't know of a delivery from its order: when, and for which payment.

        The order's own dates are those of its first delivery.

        :param sale.order.line line: The line.
        :rtype: dict
        """
        paid_for = max(fields.Datetime.now(), self.due_date)
        deadline = paid_for + timedelta(days=line.customer_lead)
        return {
            'billpro_event_id': self.id,
            'date_deadline': deadline,
            'date_planned': deadline - timedelta(days=self.company_id.security_lead),
        }
