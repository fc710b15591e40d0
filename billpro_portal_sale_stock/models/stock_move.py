from odoo import fields, models


class StockMove(models.Model):
    """The deliveries of a subscription: one for each payment, even while another one is open."""

    _inherit = 'stock.move'

    billpro_event_id = fields.Many2one(
        string="Payment",
        comodel_name='billpro.billing.event',
        readonly=True,
        index='btree_not_null',
        # Who works in the warehouse may export its moves, but see no payments.
        exportable=False,
        help="The payment of a subscription that charged what is delivered.",
    )

    def _key_assign_picking(self):
        return (*super()._key_assign_picking(), self.billpro_event_id)

    def _search_picking_for_assignation_domain(self):
        domain = super()._search_picking_for_assignation_domain()
        if self.billpro_event_id:
            domain = [*domain, ('move_ids.billpro_event_id', '=', self.billpro_event_id.id)]
        return domain

    def _prepare_merge_moves_distinct_fields(self):
        return [*super()._prepare_merge_moves_distinct_fields(), 'billpro_event_id']

    def _prepare_procurement_values(self):
        """Override of `stock`: what is brought for a delivery is for the same payment."""
        values = super()._prepare_procurement_values()
        if self.billpro_event_id:
            values['billpro_event_id'] = self.billpro_event_id.id
        return values
