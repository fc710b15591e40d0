from odoo import fields, models


class BillproUsageVoid(models.Model):
    """Why a usage record doesn't count: the record itself stays as it came."""

    _name = 'billpro.usage.void'
    _description = "Void Usage Record"

    _order = 'id desc'
    _rec_name = 'reason'
    record_id = fields.Many2one(
        comodel_name='billpro.usage.record', required=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='record_id.company_id')
    order_id = fields.Many2one(related='record_id.order_id')
    reason = fields.Char(required=True, readonly=True)
    _record_unique = models.UniqueIndex('(record_id)', "The record is void already.")
