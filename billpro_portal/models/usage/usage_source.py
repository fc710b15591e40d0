import ast
from datetime import timedelta
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools.misc import split_every

from ...billing.calendar import local_date
from ...billing.metering import midnight
from ...billing.usage_batch import MOST_DECIMALS, MOST_RECORDS

# What happened before isn't looked at any more: it is billed, and too late to be corrected.
LOOKED_BACK = timedelta(days=62)
# A source that was looked at since then isn't looked at again because time was up for others.
JUST_NOW = timedelta(minutes=30)


class BillproUsageSource(models.Model):
    """Records of Odoo's own that are usage, such as timesheets or delivered quantities.

    A job looks at them, with the rights of whoever set it up. Each is a usage record whose id is
    its model and number; if it is changed or removed, that one is taken back, and what it says now
    is another one.
    """

    _name = 'billpro.usage.source'
    _inherit = ['billpro.own.fields']
    _description = "Source of Usage"

    _order = 'name, id'
    _check_company_auto = True
    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    company_id = fields.Many2one(
        comodel_name='res.company',
        required=True,
        index=True,
        default=lambda self: self.env.company,
        ondelete='restrict',
    )
    meter_id = fields.Many2one(
        comodel_name='billpro.usage.meter', required=True, check_company=True, ondelete='restrict'
    )
    model = fields.Char(required=True, help="Such as account.analytic.line for timesheets.")
    domain = fields.Char(default='[]', required=True, help="Which of its records are usage.")
    quantity_field = fields.Char(required=True, help="Such as unit_amount.")
    moment_field = fields.Char(
        required=True,
        help="When it happened; a day counts from its beginning where the customer is.",
    )
    order_path = fields.Char(
        required=True, help="How a record leads to its order, such as so_line.order_id."
    )
    first_day = fields.Date(
        string="From",
        required=True,
        default=fields.Date.context_today,
        help="What happened before isn't looked at.",
    )
    user_id = fields.Many2one(
        string="With the Rights of",
        comodel_name='res.users',
        required=True,
        readonly=True,
        default=lambda self: self.env.user,
        ondelete='restrict',
        help="Whoever has changed the source last.",
    )
    last_date = fields.Datetime(string="Looked at Last", readonly=True)
    refused_count = fields.Integer(
        string="Refused", readonly=True, help="Records that are no usage, such as negative ones."
    )
    taken_ids = fields.One2many(
        comodel_name='billpro.usage.taken', inverse_name='source_id', readonly=True
    )

    # A record is one usage record of a meter, whatever finds it.
    _meter_model_unique = models.UniqueIndex(
        '(meter_id, model)', "Another source counts records of this model with this meter."
    )

    @api.constrains('model', 'domain', 'quantity_field', 'moment_field', 'order_path')
    def _check_fields(self):
        for source in self:
            if source.model not in self.env:
                raise ValidationError(self.env._("There is no model “%s” here.", source.model))
            for name, types in (
                (source.quantity_field, {'float', 'integer', 'monetary'}),
                (source.moment_field, {'date', 'datetime'}),
            ):
                field = self.env[source.model]._fields.get(name)
                if not field or field.type not in types or not field._description_searchable:
                    raise ValidationError(
                        self.env._(
                            "Source “%(name)s”: field “%(field)s” can't be used.",
                            name=source.name,
                            field=name,
                        )
                    )
            source._check_order_path()
            source._search_usage(source._get_since(), limit=1)

    def _check_order_path(self):
        """Check that a record leads to a sales order.

        :raise ValidationError: If not.
        """
        model = self.model
        for name in self.order_path.split('.'):
            field = self.env[model]._fields.get(name) if model else None
            model = field.comodel_name if field and field.relational else None
        if model != 'sale.order':
            raise ValidationError(
                self.env._(
                    "Source “%(name)s”: “%(path)s” leads to no sales order.",
                    name=self.name,
                    path=self.order_path,
                )
            )

    def write(self, vals):
        """Override of `base`: whoever changes what is looked at, with their rights it is.

        :raise UserError: If what was counted would be of another model or meter.
        """
        if vals.keys() & {'meter_id', 'model'}:
            taken = self.env['billpro.usage.taken'].sudo()
            if taken := taken.search([('source_id', 'in', self.ids)], limit=1):
                raise UserError(
                    self.env._(
                        "Source “%s” has counted already: archive it, and make another one.",
                        taken.source_id.name,
                    )
                )
        if not self.env.su and vals.keys() - {'active', 'name'}:
            self.sudo().user_id = self.env.user
        return super().write(vals)

    def _get_since(self):
        """Return from when on records are looked at: what is older stays as it is.

        :rtype: datetime.datetime
        """
        first = fields.Datetime.to_datetime(self.first_day)
        return max(first, fields.Datetime.now() - LOOKED_BACK)

    def _search_usage(self, since, limit=None):
        """Return the records that are usage, with the rights of whoever set it up.

        :param datetime.datetime since: From when on.
        :param int limit: How many at most; all if not given.
        :rtype: odoo.models.Model
        :raise ValidationError: If the domain can't be read.
        """
        self.ensure_one()
        Model = self.env[self.model].with_user(self.user_id).with_company(self.company_id)
        Model = Model.with_context(allowed_company_ids=self.company_id.ids)
        bounds = (since, fields.Datetime.now())
        if Model._fields[self.moment_field].type == 'date':
            bounds = tuple(moment.date() for moment in bounds)
        try:
            domain = [
                *ast.literal_eval(self.domain),
                (self.moment_field, '>=', bounds[0]),
                (self.moment_field, '<=', bounds[1]),
            ]
            if 'company_id' in Model._fields:
                domain.append(('company_id', '=', self.company_id.id))
            return Model.search(domain, order='id', limit=limit)
        except (ValueError, TypeError, SyntaxError) as error:
            raise ValidationError(
                self.env._("Source “%(name)s”: %(error)s", name=self.name, error=error)
            ) from None

    # === THE JOB === #

    def action_look_now(self):
        """Take in what there is now.

        :raise AccessError: If the user may not send usage.
        """
        self.env['billpro.usage.record']._check_is_sender()
        self.check_access('write')
        for source in self:
            source.sudo()._take_in()

    @api.model
    def _cron_take_in(self):
        """Take in what the sources have, each by itself."""
        sources = self.search([('active', '=', True)], order='last_date NULLS FIRST, id')
        sources = self.env['billpro.failure']._leave_out_waiting(sources, 'usage_source')
        since = fields.Datetime.now() - JUST_NOW
        left = sources.filtered(lambda source: not source.last_date or source.last_date < since)
        for source in sources:
            self.env['billpro.own.transaction']._commit_alone(
                source, 'usage_source', source._take_in
            )
            left -= source
            if not self.env['ir.cron']._commit_progress(processed=1, remaining=len(left)):
                break

    def _take_in(self):
        """Take in what is new, and take back what has changed or is gone."""
        self.ensure_one()
        self.env['billpro.own.transaction']._lock_rows(self)
        since = self._get_since()
        found = {sent['number']: sent for sent in self._read_usage(self._search_usage(since))}
        known = self.env['billpro.usage.taken'].search(
            [
                ('source_id', '=', self.id),
                '|',
                ('res_id', 'in', list(found)),
                ('record_id.moment', '>=', since - timedelta(days=1)),
            ]
        )
        known = {taken.res_id: taken for taken in known}
        for number, taken in known.items():
            content = found[number]['content'] if number in found else ''
            is_looked_at = number in found or self._is_looked_at(taken.record_id, since)
            is_changed = is_looked_at and taken.content and taken.content != content
            # What isn't credited any more stays as it was billed.
            if is_changed and not taken.record_id._is_too_late():
                taken.record_id._void(self.env._("Changed or removed in Odoo"))
                taken.content = ''
        new = [
            sent
            for number, sent in found.items()
            if number not in known or not known[number].content
        ]
        refused = sum(self._send(some, known) for some in split_every(MOST_RECORDS, new, list))
        self.write({'last_date': fields.Datetime.now(), 'refused_count': refused})

    def _is_looked_at(self, record, since):
        """Return whether what was taken in would be found if it was still there.

        :param billpro.usage.record record: What was taken in.
        :param datetime.datetime since: From when on records are looked at.
        :rtype: bool
        """
        if self.env[self.model]._fields[self.moment_field].type == 'date':
            return local_date(record.moment, record.order_id._get_time_zone()) >= since.date()
        return record.moment >= since

    def _read_usage(self, records):
        """Yield what records say; those that lead to no order of the company are no usage.

        A day that hasn't begun where the customer is waits until it has.

        :param odoo.models.Model records: Records of the model.
        :return: Of each its number, order, moment, quantity as text, and all of it as one text.
        :rtype: Iterator[dict]
        """
        for record in records:
            order = record.mapped(self.order_path).sudo()
            # The numbers of orders are unique in a company only.
            if len(order) != 1 or order.company_id != self.company_id:
                continue
            moment = record[self.moment_field]
            if record._fields[self.moment_field].type == 'date':
                moment = midnight(moment, order._get_time_zone())
                if moment > fields.Datetime.now():
                    continue
            # The third of an hour has more decimals than are counted.
            quantity = f'{Decimal(repr(record[self.quantity_field])):.{MOST_DECIMALS}f}'
            quantity = quantity.rstrip('0').rstrip('.')
            yield {
                'number': record.id,
                'order': order,
                'moment': moment,
                'quantity': quantity,
                'content': f'{order.id}|{moment}|{quantity}',
            }

    def _send(self, new, known):
        """Take in usage, and note as which records.

        :param list[dict] new: What records say now, see `_read_usage`.
        :param dict known: What was taken in of the records before, by their numbers.
        :return: How many are no usage.
        :rtype: int
        """
        Record = self.env['billpro.usage.record'].with_company(self.company_id)
        sent_ids = {}
        for sent in new:
            taken = known.get(sent['number'])
            version = taken.version + 1 if taken else 1
            sender_id = f"{self.model},{sent['number']}"
            sent_ids[sent['number']] = (
                version,
                sender_id if version == 1 else f'{sender_id},{version}',
            )
        answers = Record._process_batch(
            [
                {
                    'id': sent_ids[sent['number']][1],
                    'meter': self.meter_id.code,
                    'order': sent['order'].name,
                    'timestamp': sent['moment'].isoformat(),
                    'quantity': sent['quantity'],
                }
                for sent in new
            ]
        )
        records = Record.search(
            [
                ('meter_id', '=', self.meter_id.id),
                ('order_id', 'in', [sent['order'].id for sent in new]),
                ('sender_id', 'in', [sender_id for _version, sender_id in sent_ids.values()]),
            ]
        )
        by_sender_id = {record.sender_id: record for record in records}
        for sent, answer in zip(new, answers, strict=True):
            version, sender_id = sent_ids[sent['number']]
            values = {'version': version, 'content': sent['content']}
            record = by_sender_id.get(sender_id)  # None if it is nobody's yet.
            if record and answer['status'] != 'refused':
                values['record_id'] = record.id
                if taken := known.get(sent['number']):
                    taken.write(values)
                else:
                    self.taken_ids.create(
                        {'source_id': self.id, 'res_id': sent['number'], **values}
                    )
        return sum(answer['status'] == 'refused' for answer in answers)
