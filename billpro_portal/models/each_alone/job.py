from odoo import fields, models
from odoo.exceptions import UserError


class BillproJob(models.AbstractModel):
    """Something that a job does to many records, each of which has a line that says what became of
    it.
    """

    _name = 'billpro.job'
    _description = "Job with a Line for Each Record"

    preview_number = fields.Integer(readonly=True, help="How often it was looked at.")

    def _note_preview(self):
        """Note that what becomes of the records was found out anew."""
        self.sudo().preview_number += 1

    def _check_preview_is_last(self):
        """Check that what the user confirms is what they see: their form says which preview it has.

        :raise UserError: If somebody else has looked at it anew meanwhile.
        """
        shown = self.env.context.get('preview_number', self.preview_number)
        if shown != self.preview_number:
            raise UserError(
                self.env._(
                    "Somebody else has changed it or looked at it anew meanwhile: reload the page,"
                    " and look what becomes of the orders now."
                )
            )

    def action_open_orders(self):
        """Open the list of the orders, by what became of them.

        :return: The action.
        :rtype: dict
        """
        self.ensure_one()
        self.check_access('read')
        lines = self._fields['line_ids']
        return {
            'type': 'ir.actions.act_window',
            'name': self.display_name,
            'res_model': lines.comodel_name,
            'view_mode': 'list',
            'domain': [(lines.inverse_name, '=', self.id)],
            'context': {'group_by': 'state'},
        }

    def _work_in_batches(self, lines, size, work):
        """Work on lines batch by batch, for as long as the scheduled action has time.

        :param odoo.models.Model lines: The lines, as ids or records.
        :param int size: How many are worked on before it is said how far it is.
        :param Callable work: What is done with a batch; it commits.
        :return: Whether all were worked on; else it goes on at once, with what is left.
        :rtype: bool
        """
        return all(
            self._work_on(lines[start : start + size], work) for start in range(0, len(lines), size)
        )

    def _work_on(self, batch, work):
        work(batch)
        return bool(self.env['ir.cron']._commit_progress(processed=len(batch)))
