from odoo import fields, models
from odoo.exceptions import UserError


class BillproVoidUsage(models.TransientModel):
    """Take back usage records that were wrong."""

    _name = 'billpro.void.usage'
    _inherit = 'billpro.dialog'
    _description = "Take Back Usage"

    record_ids = fields.Many2many(
        string="Records",
        comodel_name='billpro.usage.record',
        relation='billpro_void_usage_record_rel',
        readonly=True,
    )
    unattributed_ids = fields.Many2many(
        string="Usage That Isn't Billed",
        comodel_name='billpro.usage.unattributed',
        relation='billpro_void_usage_unattributed_rel',
        readonly=True,
    )
    reason = fields.Char(help="Why; for staff.")

    def action_void(self):
        """Let the records count no more.

        :return: The action that closes the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        :raise UserError: Without a reason, or if nothing credits a record any more.
        """
        self.ensure_one()
        self.record_ids._check_is_sender()
        self.unattributed_ids.check_access('write')
        if not self.reason or not self.reason.strip():
            raise UserError(self.env._("Say why the usage is taken back."))
        dialog = self.sudo()
        for record in dialog.record_ids:
            if record._is_too_late() and not record.is_void:
                raise UserError(
                    self.env._(
                        "“%(id)s” of order %(order)s is too old to be credited with usage to come:"
                        " credit its invoice.",
                        id=record.sender_id,
                        order=record.order_id.name,
                    )
                )
        for record in [*dialog.record_ids, *dialog.unattributed_ids]:
            record._void(self.reason.strip())
        return {'type': 'ir.actions.act_window_close'}
