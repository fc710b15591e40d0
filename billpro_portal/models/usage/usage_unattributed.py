from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ...billing.usage_batch import SentRecord


class BillproUsageUnattributed(models.Model):
    """Usage that isn't billed: nobody knows yet whose it is, and nothing of it is lost."""

    _name = 'billpro.usage.unattributed'
    _inherit = ['billpro.own.fields']
    _description = "Usage That Isn't Billed"

    _order = 'moment desc, id desc'
    _rec_name = 'sender_id'
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, readonly=True, index=True, ondelete='restrict'
    )
    sender_id = fields.Char(string="Sender's ID", required=True, readonly=True)
    meter_code = fields.Char(string="Meter Sent", required=True, readonly=True)
    order_name = fields.Char(string="Order Sent", required=True, readonly=True, default='')
    subscriber_key = fields.Char(string="Subscriber Sent", required=True, readonly=True, default='')
    moment = fields.Datetime(required=True, readonly=True)
    quantity = fields.Float(min_display_digits=0, required=True, readonly=True)
    properties = fields.Json(readonly=True)
    reason = fields.Selection(
        selection=[
            ('order', "No such order"),
            ('subscriber', "No such subscriber"),
            ('meter', "No such meter"),
            ('not_live', "The order wasn't live then"),
            ('several', "Several orders were live then"),
            ('future', "In the future"),
            ('too_late', "Too late to be billed"),
            ('not_charged', "The order didn't charge it then"),
        ],
        required=True,
        readonly=True,
    )
    order_id = fields.Many2one(
        string="Assign to Order",
        comodel_name='sale.order',
        index='btree_not_null',
        ondelete='restrict',
    )
    meter_id = fields.Many2one(
        string="Assign to Meter", comodel_name='billpro.usage.meter', ondelete='restrict'
    )
    record_id = fields.Many2one(
        string="Assigned As",
        comodel_name='billpro.usage.record',
        readonly=True,
        index='btree_not_null',
        ondelete='restrict',
    )
    void_reason = fields.Char(
        string="Taken Back Because", readonly=True, help="Why it is nobody's usage."
    )
    _sent_unique = models.UniqueIndex(
        '(company_id, meter_code, order_name, subscriber_key, sender_id)',
        "The record was sent already.",
    )

    @api.model
    def _insert(self, unattributed):
        """Keep records that belong to nobody, each once for ever.

        :param dict unattributed: By any key, a record as it was sent, and a reason.
        :return: By the same keys, a status and a reason; see `billpro.usage.record.ingest`.
        :rtype: dict[object, tuple[str, str|None]]
        """
        if not unattributed:
            return {}
        columns = self._prepare_columns(list(unattributed.values()))
        rows = self.env.execute_query(
            SQL(
                """
                INSERT INTO billpro_usage_unattributed
                            (company_id, meter_code, order_name, subscriber_key, sender_id, moment,
                             quantity, properties, reason, create_uid, create_date, write_uid,
                             write_date)
                     SELECT %(company)s, meter_code, order_name, subscriber_key, sender_id, moment,
                            quantity, properties, reason, %(uid)s, %(now)s, %(uid)s, %(now)s
                       FROM %(sent)s
                   ORDER BY meter_code, order_name, subscriber_key, sender_id
                ON CONFLICT DO NOTHING
                  RETURNING meter_code, order_name, subscriber_key, sender_id
                """,
                company=self.env.company.id,
                uid=self.env.uid,
                now=fields.Datetime.now(),
                sent=columns,
            )
        )
        new, results, known = set(rows), {}, {}
        for key, (sent, reason) in unattributed.items():
            identity = (sent.meter, sent.order, sent.subscriber, sent.sender_id)
            if identity in new:
                new.discard(identity)
                results[key] = ('unattributed', reason)
            else:
                known[key] = (sent, reason)
        results.update(self._compare(known))
        return results

    @api.model
    def _compare(self, known):
        """Tell records that were sent before from others with the same id.

        :param dict known: As `_insert`.
        :return: As `_insert`.
        :rtype: dict[object, tuple[str, str|None]]
        """
        if not known:
            return {}
        same = self.env.execute_query(
            SQL(
                """
                SELECT kept.moment = sent.moment AND kept.quantity = sent.quantity
                       AND kept.properties IS NOT DISTINCT FROM sent.properties
                  FROM %(sent)s
                  JOIN billpro_usage_unattributed kept
                 USING (meter_code, order_name, subscriber_key, sender_id)
                 WHERE kept.company_id = %(company)s
              ORDER BY sent.place
                """,
                company=self.env.company.id,
                sent=self._prepare_columns(list(known.values())),
            )
        )
        return {
            key: ('duplicate', None) if is_same else ('refused', 'other_content')
            for key, (is_same,) in zip(known, same, strict=True)
        }

    @api.model
    def _prepare_columns(self, rows):
        """Return records as a table, in their order.

        :param list rows: Pairs of a record (`billing.usage_batch.SentRecord`) and a reason.
        :rtype: odoo.tools.SQL
        """
        sent_records = [sent for sent, _reason in rows]
        return SQL(
            """
            unnest(%(meters)s::text[], %(orders)s::text[], %(subscribers)s::text[],
                   %(sender_ids)s::text[], %(moments)s::timestamp[], %(quantities)s::numeric[],
                   %(properties)s::jsonb[], %(reasons)s::text[])
                   WITH ORDINALITY
                AS sent (meter_code, order_name, subscriber_key, sender_id, moment, quantity,
                         properties, reason, place)
            """,
            meters=[sent.meter for sent in sent_records],
            orders=[sent.order for sent in sent_records],
            subscribers=[sent.subscriber for sent in sent_records],
            reasons=[reason for _sent, reason in rows],
            **self.env['billpro.usage.record']._prepare_columns(sent_records),
        )

    def action_assign(self):
        """Let the records count for the orders and meters that were chosen.

        :raise UserError: If one can't, with the reason; then none is.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can assign usage."))
        for waiting in self.filtered(lambda waiting: not waiting.record_id):
            waiting.sudo()._assign()

    def action_open_void(self):
        """Open the dialog that takes records back that are nobody's usage.

        :return: The action.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        return self.env['billpro.usage.record']._get_void_action(unattributed_ids=self.ids)

    def _void(self, reason):
        """Take the record back, unless it is assigned.

        :param str reason: Why.
        :return: Whether it wasn't before.
        :rtype: bool
        """
        self.ensure_one()
        self.env['billpro.own.transaction']._lock_rows(self)
        self.invalidate_recordset(['record_id', 'void_reason'])
        if self.record_id:
            return self.record_id._void(reason)
        if self.void_reason:
            return False
        self.void_reason = reason
        return True

    def _assign(self):
        """Let the record count for the order and the meter that were chosen.

        :raise UserError: If it can't.
        """
        self.ensure_one()
        self.env['billpro.own.transaction']._lock_rows(self)
        self.invalidate_recordset(['record_id', 'void_reason'])
        if self.void_reason:
            raise UserError(self.env._("Usage “%s” was taken back.", self.sender_id))
        order, meter = self.order_id, self.meter_id
        if not order or not meter:
            raise UserError(
                self.env._("Choose the order and the meter of usage “%s”.", self.sender_id)
            )
        window = order._billing_get_usage_window()
        if (
            {order.company_id, meter.company_id} != {self.company_id}
            or not window
            or self.moment < window[0]
            or (window[1] and self.moment >= window[1])
        ):
            raise UserError(
                self.env._(
                    "Usage “%(id)s” can't be of order %(order)s: it wasn't live then.",
                    id=self.sender_id,
                    order=order.name,
                )
            )
        accepted_from = order._billing_get_usage_accepted_from()
        if accepted_from and self.moment < accepted_from:
            raise UserError(
                self.env._(
                    "Usage “%(id)s” is too late to be billed with order %(order)s by itself. Take a"
                    " payment, if it is to be paid.",
                    id=self.sender_id,
                    order=order.name,
                )
            )
        Record = self.env['billpro.usage.record']
        if not Record._remember_charged_times()(order, meter.id, self.moment):
            raise UserError(
                self.env._(
                    "Usage “%(id)s” can't be of order %(order)s: it didn't charge what “%(meter)s”"
                    " counted then.",
                    id=self.sender_id,
                    order=order.name,
                    meter=meter.name,
                )
            )
        ((status, _reason),) = Record._insert(
            {self.id: (self._get_sent(), order.id, meter.id)}
        ).values()
        if status == 'refused':
            raise UserError(
                self.env._(
                    "Order %(order)s has other usage with the id “%(id)s”.",
                    id=self.sender_id,
                    order=order.name,
                )
            )
        self.record_id = Record.search(
            [
                ('order_id', '=', order.id),
                ('meter_id', '=', meter.id),
                ('sender_id', '=', self.sender_id),
            ]
        )

    @api.model
    def _find_sent(self, sent):
        """Return the record of a sender's id that waits to be assigned.

        :param dict sent: What it was sent with: texts.
        :rtype: billpro.usage.unattributed
        """
        return self.search(
            [
                ('company_id', '=', self.env.company.id),
                ('sender_id', '=', sent.get('id')),
                ('meter_code', '=', sent.get('meter')),
                ('order_name', '=', sent.get('order', '')),
                ('subscriber_key', '=', sent.get('subscriber', '')),
            ]
        )

    def _get_sent(self):
        """Return the record as it was sent.

        :rtype: billing.usage_batch.SentRecord
        """
        ((moment, quantity, properties),) = self.env.execute_query(
            SQL(
                "SELECT moment, quantity::text, properties::text FROM billpro_usage_unattributed"
                " WHERE id = %s",
                self.id,
            )
        )
        return SentRecord(
            self.sender_id,
            self.meter_code,
            self.order_name,
            self.subscriber_key,
            moment,
            Decimal(quantity),
            properties or '',
        )
