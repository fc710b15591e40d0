from odoo import api, fields, models


class BillproFailure(models.Model):
    _inherit = 'billpro.failure'

    task = fields.Selection(
        selection_add=[('deliver', "Launch the delivery")], ondelete={'deliver': 'cascade'}
    )

    @api.model
    def _get_domain_to_do(self, task):
        if task == 'deliver':
            return [('delivery_state', '=', 'due')]
        return super()._get_domain_to_do(task)

    def _try_again(self):
        """Override of `billpro_portal` to launch deliveries again as well."""
        super()._try_again()
        if 'deliver' in self.mapped('task'):
            self.env.ref('billpro_portal_sale_stock.cron_deliver')._trigger()
