from odoo import fields, models


class BillproUsageMeterVersion(models.Model):
    """How a meter counted until it was defined anew: periods that began before keep to it."""

    _name = 'billpro.usage.meter.version'
    _description = "Earlier Definition of a Usage Meter"

    _order = 'meter_id, valid_until, id'
    _rec_name = 'valid_until'
    meter_id = fields.Many2one(
        comodel_name='billpro.usage.meter',
        required=True,
        readonly=True,
        index=True,
        ondelete='restrict',
    )
    company_id = fields.Many2one(related='meter_id.company_id', store=True, index=True)
    valid_until = fields.Datetime(
        required=True, readonly=True, help="Periods that began before count by it."
    )
    aggregation = fields.Selection(
        selection=lambda self: self.env['billpro.usage.meter']._fields['aggregation'].selection,
        required=True,
        readonly=True,
    )
    unique_property = fields.Char(readonly=True)
    filter_property = fields.Char(string="Only Where", readonly=True)
    filter_value = fields.Char(string="Is", readonly=True)
