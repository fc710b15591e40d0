from odoo import fields, models


class BillproUsageTaken(models.Model):
    """What was taken in of a record of Odoo's, and as which usage record."""

    _name = 'billpro.usage.taken'
    _description = "Usage Taken from Odoo"

    source_id = fields.Many2one(
        comodel_name='billpro.usage.source', required=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='source_id.company_id')
    res_id = fields.Integer(required=True, readonly=True, aggregator=None)
    version = fields.Integer(required=True, readonly=True, help="How often it was taken in.")
    content = fields.Char(readonly=True, help="What it said then; nothing if it was taken back.")
    record_id = fields.Many2one(
        comodel_name='billpro.usage.record', required=True, readonly=True, ondelete='restrict'
    )
    _record_unique = models.UniqueIndex('(source_id, res_id)', "The record was taken in already.")
