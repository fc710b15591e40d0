from odoo import api, fields, models

from ..rights.own_context import is_inside


class BillproUsageTier(models.Model):
    """A tier of a charge's prices."""

    _name = 'billpro.usage.tier'
    _description = "Usage Tier"

    _order = 'charge_id, sequence, id'
    _rec_name = 'up_to'
    charge_id = fields.Many2one(
        comodel_name='billpro.usage.charge', required=True, index=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='charge_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='charge_id.currency_id')
    sequence = fields.Integer(default=10)
    up_to = fields.Float(
        min_display_digits=0,
        help="The last quantity in the tier; 0 for the last tier, without end.",
    )
    unit_price = fields.Float(min_display_digits='Product Price')
    flat_fee = fields.Monetary(help="Charged once for a period that reaches the tier.")

    @api.model_create_multi
    def create(self, vals_list):
        """Override of `base`: what a customer has agreed to gets no more tiers."""
        tiers = super().create(vals_list)
        tiers.charge_id._check_is_not_agreed()
        tiers._check_charges(tiers.charge_id)
        return tiers

    def write(self, vals):
        """Override of `base`: what a customer has agreed to stays as it is."""
        charges = self.charge_id
        charges._check_is_not_agreed()
        result = super().write(vals)
        (self.charge_id - charges)._check_is_not_agreed()
        self._check_charges(charges | self.charge_id)
        return result

    def unlink(self):
        """Override of `base`: a charge isn't left with tiers that make no sense."""
        charges = self.charge_id
        result = super().unlink()
        self._check_charges(charges)
        return result

    def _check_charges(self, charges):
        """Check that charges make sense with their tiers, once all of them are written.

        :param billpro.usage.charge charges: The charges.
        :raise ValidationError: If one doesn't.
        """
        if not is_inside(self.env, 'billing_charge_written'):
            charges._check_terms()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_agreed(self):
        self.charge_id._check_is_not_agreed()
