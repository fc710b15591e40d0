from odoo import fields, models


class AccountMove(models.Model):
    _inherit = 'account.move'

    billing_deferral_count = fields.Integer(
        string="Deferred Revenue",
        compute='_compute_billing_deferral_count',
        groups='account.group_account_readonly',
    )

    def _compute_billing_deferral_count(self):
        counts = dict(
            self.env['billpro.deferral']._read_group(
                [('entry_id', 'in', self.ids)], ['entry_id'], ['__count']
            )
        )
        for move in self:
            move.billing_deferral_count = counts.get(move._origin, 0)

    def action_open_billing_deferrals(self):
        """Open what an entry of deferred revenue changes, invoice by invoice.

        :return: The action.
        :rtype: dict
        """
        self.ensure_one()
        return {
            **self.env['ir.actions.act_window']._for_xml_id(
                'billpro_portal.action_billpro_deferral'
            ),
            'views': [[False, 'list'], [False, 'pivot']],
            'domain': [('entry_id', '=', self.id)],
            'context': {},
        }
