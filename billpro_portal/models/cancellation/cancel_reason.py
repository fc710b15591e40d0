from odoo import api, fields, models
from odoo.exceptions import ValidationError


class BillproCancelReason(models.Model):
    """A reason that customers may choose when they cancel."""

    _name = 'billpro.cancel.reason'
    _description = "Cancellation Reason"

    _order = 'sequence, id'
    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    active = fields.Boolean(default=True)
    offer = fields.Selection(
        string="Offered Instead",
        selection=[
            ('pause', "Pausing"),
            ('change', "A smaller plan"),
            ('discount', "A discount"),
        ],
        help="What the order's page offers to customers who think of leaving for this reason, if"
        " they may do it themselves; nothing if empty. The page on which they cancel offers"
        " nothing: in some countries it must not.",
    )
    offer_percent = fields.Float(
        string="Discount (%)",
        digits=(5, 2),
        default=20.0,
        help="What is taken off each payment; 100 makes it free.",
    )
    offer_count = fields.Integer(
        string="Payments with It", default=3, help="Of how many payments, once in twelve months."
    )
    company_id = fields.Many2one(
        comodel_name='res.company',
        # Those of all companies are for who works in all.
        default=lambda self: not self.env.user.has_group('base.group_system') and self.env.company,
        help="Empty: for all companies.",
        index=True,
    )

    @api.constrains('offer', 'offer_percent', 'offer_count')
    def _check_discount(self):
        for reason in self.filtered(lambda reason: reason.offer == 'discount'):
            if not 0 < reason.offer_percent <= 100 or not 0 < reason.offer_count <= 120:
                raise ValidationError(
                    self.env._("Offer more than 0 and at most 100 percent off 1 to 120 payments.")
                )

    @api.model
    def _get_of_company(self, company):
        """Return the reasons that customers of a company choose from.

        :param res.company company: The company.
        :rtype: billpro.cancel.reason
        """
        return self.sudo().search([('company_id', 'in', [False, company.id])])

    def write(self, vals):
        """Override of `base`: nobody gives a reason to companies that they may not write for.

        :raise AccessError: If somebody does.
        """
        result = super().write(vals)
        if 'company_id' in vals:
            self.check_access('write')
        return result
