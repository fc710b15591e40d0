from odoo import api, fields, models

from ..billing.agreement import agreement_text


class BillproAgreedDialog(models.AbstractModel):
    """What dialogs have in common that show what something comes to, and do that or nothing."""

    _name = 'billpro.agreed.dialog'
    _inherit = 'billpro.dialog'
    _description = "Dialog that Shows What It Comes to"

    # The fields that it depends on.
    _terms = ()
    order_id = fields.Many2one(comodel_name='sale.order', required=True, readonly=True)
    shown = fields.Text(
        compute='_compute_shown',
        store=True,
        readonly=False,
        help="What is agreed to: nothing is done if it comes to something else.",
    )
    preview = fields.Html(compute='_compute_preview', sanitize=False)
    problem = fields.Char(compute='_compute_preview')

    @api.depends(lambda self: self._terms)
    def _compute_shown(self):
        for wizard in self:
            wizard.shown = agreement_text(wizard._get_rows()[0])

    @api.depends(lambda self: self._terms)
    def _compute_preview(self):
        for wizard in self:
            rows, wizard.problem = wizard._get_rows()
            wizard.preview = bool(rows) and self.env['ir.qweb']._render(
                'billpro_portal.change_preview', {'rows': rows}
            )

    def _get_rows(self):
        """Return what is shown, as pairs of label and value, or why it isn't possible.

        :rtype: tuple[list, str|bool]
        """
        raise NotImplementedError
