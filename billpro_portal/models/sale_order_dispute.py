from odoo import api, fields, models


class SaleOrder(models.Model):
    """The disputes of an order's payments."""

    _inherit = 'sale.order'

    billing_dispute_ids = fields.One2many(
        string="Disputes",
        comodel_name='billpro.dispute',
        inverse_name='order_id',
        readonly=True,
        groups='sales_team.group_sale_salesman,account.group_account_readonly',
    )
    billing_is_disputed = fields.Boolean(
        string="Disputed",
        compute='_compute_billing_is_disputed',
        store=True,
        compute_sudo=True,
        help="The customer has taken a payment back through the bank, and it isn't decided yet.",
    )

    @api.depends('billing_dispute_ids.state')
    def _compute_billing_is_disputed(self):
        for order in self:
            order.billing_is_disputed = 'open' in order.billing_dispute_ids.mapped('state')

    def action_open_disputes(self):
        """Open the list of the order's disputes.

        :return: A window action.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            'billpro_portal.action_billpro_dispute'
        )
        return {**action, 'domain': [('order_id', '=', self.id)], 'context': {}}
