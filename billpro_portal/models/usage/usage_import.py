import base64
from collections import Counter
from functools import partial
from itertools import islice

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ...billing.csv_text import WrongFile
from ...billing.usage_batch import MOST_RECORDS
from ...billing.usage_file import read, write_row

STATUSES = ('accepted', 'duplicate', 'unattributed', 'refused')


class BillproUsageImport(models.Model):
    """A file of usage records, taken in as if another system had sent them.

    A job takes it in batch by batch, each committed by itself: what breaks off goes on where it
    was. The same file again changes nothing, as each record has its id.
    """

    _name = 'billpro.usage.import'
    _inherit = ['billpro.own.fields']
    _description = "Import of Usage"

    _order = 'id desc'
    _rec_name = 'file_name'
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        readonly=True,
        index=True,
        default=lambda self: self.env.company,
        ondelete='restrict',
    )
    file = fields.Binary(required=True)
    file_name = fields.Char()
    state = fields.Selection(
        selection=[('draft', "New"), ('waiting', "Under Way"), ('done', "Done")],
        default='draft',
        required=True,
        readonly=True,
    )
    row_count = fields.Integer(string="Records", readonly=True)
    done_count = fields.Integer(string="Taken In", readonly=True)
    progress = fields.Float(compute='_compute_progress')
    accepted_count = fields.Integer(string="New", readonly=True)
    duplicate_count = fields.Integer(string="Known", readonly=True)
    unattributed_count = fields.Integer(string="Of Nobody Known", readonly=True)
    refused_count = fields.Integer(string="Refused", readonly=True)
    error_file = fields.Binary(
        string="Refused Records",
        readonly=True,
        help="The rows that were refused, with the reason: put them right, and import that file.",
    )
    error_file_name = fields.Char(compute='_compute_error_file_name')

    @api.depends('row_count', 'done_count')
    def _compute_progress(self):
        for usage_import in self:
            rows = usage_import.row_count
            usage_import.progress = 100 * usage_import.done_count / rows if rows else 0

    @api.depends('file_name')
    def _compute_error_file_name(self):
        for usage_import in self:
            name = (usage_import.file_name or 'usage.csv').removesuffix('.csv')
            usage_import.error_file_name = f'{name}-refused.csv'

    def write(self, vals):
        """Override of `base`: a file that is taken in stays as it was read.

        :raise UserError: If it would be another one.
        """
        if 'file' in vals and any(usage_import.state != 'draft' for usage_import in self):
            raise UserError(self.env._("The file is taken in already: import the other one anew."))
        return super().write(vals)

    def action_import(self):
        """Have a job take the file in.

        :raise AccessError: If the user may not send usage.
        :raise UserError: If the file can't be read.
        """
        self.ensure_one()
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can send usage."))
        self.check_access('write')
        if self.state != 'draft':
            return
        try:
            count = sum(1 for _row in self._read()[1])
            if not count:
                raise WrongFile('no_rows')
        except WrongFile as error:
            raise UserError(self._explain(error)) from None
        self.sudo().write({'state': 'waiting', 'row_count': count})
        self.env.ref('billpro_portal.cron_import_usage')._trigger()

    def _read(self):
        """Return the columns of the file, and its rows.

        :return: See `billing.usage_file.read`.
        :rtype: tuple
        :raise WrongFile: If it can't be read.
        """
        return read(base64.b64decode(self.with_context(bin_size=False).file or b''))

    def _explain(self, error):
        """Return what is wrong with the file as the user reads it.

        :param billing.csv_text.WrongFile error: What is wrong.
        :rtype: str
        """
        column = error.values.get('column')
        return {
            'no_text': self.env._("The file is no text in UTF-8. Save it as CSV."),
            'no_rows': self.env._("The file has no rows."),
            'no_column': self.env._("The file has no column “%s”.", column),
            'unknown_column': self.env._("Nobody knows what column “%s” is.", column),
        }[error.problem]

    # === THE JOB === #

    @api.model
    def _cron_import(self):
        """Take in the files that wait for it."""
        waiting = self.search([('state', '=', 'waiting')], order='id')
        waiting = self.env['billpro.failure']._leave_out_waiting(waiting, 'import_usage')
        rows_left = sum(waiting.mapped('row_count')) - sum(waiting.mapped('done_count'))
        self.env['ir.cron']._commit_progress(remaining=rows_left)
        for usage_import in waiting:
            batches = usage_import._iter_batches()
            is_done = True
            while is_done and usage_import.state == 'waiting':
                done_count = usage_import.done_count
                is_done = self.env['billpro.own.transaction']._commit_alone(
                    usage_import, 'import_usage', partial(usage_import._import_next, batches)
                )
                processed = usage_import.done_count - done_count
                if not self.env['ir.cron']._commit_progress(processed=processed):
                    return  # It goes on at once, with what is left.

    def _iter_batches(self):
        """Yield the rows that aren't taken in yet; the file is read when the first ones are.

        :return: How many rows come before, and some rows with the records that they say.
        :rtype: Iterator[tuple[int, list]]
        :raise WrongFile: If the file can't be read.
        """
        done_count = self.done_count
        rows = islice(self._read()[1], done_count, None)
        while batch := list(islice(rows, MOST_RECORDS)):
            yield done_count, batch
            done_count += len(batch)

    def _import_next(self, batches):
        """Take in the next rows.

        :param Iterator batches: See `_iter_batches`.
        :return: Whether nobody else has taken them in.
        :rtype: bool
        """
        return self._import_batch(*next(batches))

    def _import_batch(self, done_count, batch):
        """Take in some rows, and note what became of them.

        :param int done_count: How many were taken in before.
        :param list batch: The rows, and the records that they say.
        :return: Whether nobody else has taken them in.
        :rtype: bool
        """
        self.ensure_one()
        self.env['billpro.own.transaction']._lock_rows(self)
        self.invalidate_recordset()
        if self.state != 'waiting' or self.done_count != done_count:
            return False
        records = self.env['billpro.usage.record'].with_user(self.create_uid)
        answers = records.with_company(self.company_id).ingest([sent for _row, sent in batch])
        counts = Counter(answer['status'] for answer in answers)
        values = {
            f'{status}_count': self[f'{status}_count'] + counts[status] for status in STATUSES
        }
        values['done_count'] = done_count + len(batch)
        if values['done_count'] >= self.row_count:
            values['state'] = 'done'
        refused = [
            [*row, answer['reason']]
            for (row, _sent), answer in zip(batch, answers, strict=True)
            if answer['status'] == 'refused'
        ]
        if refused:
            values['error_file'] = self._add_to_error_file(refused)
        self.write(values)
        return True

    def _add_to_error_file(self, refused):
        """Return the file of the rows that were refused, with more of them.

        Cells stay as they came: it is the user's own file, which is corrected and imported again.

        :param list[list[str]] refused: The rows, the reason at their end.
        :rtype: bytes
        """
        names, _rows = self._read()
        head = [] if self.error_file else [[*names, 'reason']]
        before = base64.b64decode(self.error_file or b'')
        missing = [[''] * (len(names) + 1 - len(row)) for row in refused]
        rows = [[*row[:-1], *some, row[-1]] for row, some in zip(refused, missing, strict=True)]
        added = ''.join(write_row(row) for row in [*head, *rows])
        return base64.b64encode(before + added.encode())
