from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError

# How a meter counts; a version keeps how it did.
DEFINITION = ('aggregation', 'unique_property', 'filter_property', 'filter_value')
# What senders and records rely on.
FIXED = ('code', 'company_id', 'uom_id')


class BillproUsageMeter(models.Model):
    """What is counted, and how the records of a period become one quantity.

    A meter that counts already can be defined anew, but no period that runs is counted otherwise
    than it began: the old definition is kept as a version, and each order takes up the new one with
    its next period.
    """

    _name = 'billpro.usage.meter'
    _inherit = ['billpro.own.fields']
    _description = "Usage Meter"

    _order = 'name, id'
    _check_company_auto = True
    name = fields.Char(required=True, translate=True, help="What customers read.")
    code = fields.Char(required=True, help="What systems that send usage call it.")
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        index=True,
        default=lambda self: self.env.company,
        ondelete='restrict',
    )
    uom_id = fields.Many2one(
        string="Unit",
        comodel_name='uom.uom',
        required=True,
        default=lambda self: self.env.ref('uom.product_uom_unit', raise_if_not_found=False),
        ondelete='restrict',
    )
    aggregation = fields.Selection(
        selection=[
            ('count', "Number of records"),
            ('sum', "Sum of quantities"),
            ('max', "Largest quantity"),
            ('last', "Last quantity"),
            ('unique_count', "Number of different values of a property"),
        ],
        default='sum',
        required=True,
    )
    unique_property = fields.Char(help="The property whose different values are counted.")
    filter_property = fields.Char(
        string="Only Where", help="Count only records with this property; empty for all."
    )
    filter_value = fields.Char(string="Is", help="The value that the property must have.")
    version_ids = fields.One2many(
        string="Earlier Definitions",
        comodel_name='billpro.usage.meter.version',
        inverse_name='meter_id',
        readonly=True,
    )
    is_used = fields.Boolean(
        string="Has Counted", readonly=True, copy=False, help="Whether a record came for it."
    )
    _code_unique = models.Constraint(
        'UNIQUE (company_id, code)', "The company has a meter with this code."
    )

    @api.constrains(*DEFINITION)
    def _check_definition(self):
        for meter in self:
            if meter.aggregation == 'unique_count' and not meter.unique_property:
                raise ValidationError(
                    self.env._("Meter “%s” needs the property whose values it counts.", meter.name)
                )
            if bool(meter.filter_property) != bool(meter.filter_value):
                raise ValidationError(
                    self.env._(
                        "Meter “%s” counts where a property has a value: enter both.", meter.name
                    )
                )

    def write(self, vals):
        """Override of `base`: what counts already keeps its earlier definition as a version.

        :raise UserError: If something is changed that senders and records rely on.
        """
        used = self.filtered('is_used')
        for meter in used:
            if any(name in vals and meter._is_changed(name, vals[name]) for name in FIXED):
                raise UserError(
                    self.env._(
                        "Meter “%s” has counted already: its code, unit and company stay. Make"
                        " another meter.",
                        meter.name,
                    )
                )
            if any(name in vals and meter._is_changed(name, vals[name]) for name in DEFINITION):
                meter._keep_version()
        return super().write(vals)

    def _is_changed(self, name, value):
        """Return whether a field would get another value.

        :param str name: The name of the field.
        :param value: What is written.
        :rtype: bool
        """
        field = self._fields[name]
        return field.convert_to_write(self[name], self) != field.convert_to_write(
            field.convert_to_record(field.convert_to_cache(value, self), self), self
        )

    def _keep_version(self):
        """Keep the definition for the periods that run."""
        self.ensure_one()
        self.env['billpro.usage.meter.version'].sudo().create(
            {
                'meter_id': self.id,
                'valid_until': fields.Datetime.now(),
                **{name: self[name] for name in DEFINITION},
            }
        )

    def _get_definition(self, start):
        """Return how the meter counts in a period: as it was defined when the period began.

        :param datetime.datetime start: The first moment of the period.
        :return: The meter itself, or an earlier version of it, which has the same fields.
        :rtype: billpro.usage.meter|billpro.usage.meter.version
        """
        self.ensure_one()
        return self.version_ids.filtered(lambda version: version.valid_until > start)[:1] or self
