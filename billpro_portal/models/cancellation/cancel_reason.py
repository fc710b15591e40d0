from odoo import fields, models


class BillproCancelReason(models.Model):
    """A reason that customers may choose when they cancel."""

    _name = 'billpro.cancel.reason'
    _description = "Cancellation Reason"

    _order = 'sequence, id'
    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        # Those of all companies are for who works in all.
        default=lambda self: not self.env.user.has_group('base.group_system') and self.env.company,
        help="Empty: for all companies.",
        index=True,
    )

    def write(self, vals):
        """Override of `base`: nobody gives a reason to companies that they may not write for.

        :raise AccessError: If somebody does.
        """
        result = super().write(vals)
        if 'company_id' in vals:
            self.check_access('write')
        return result
