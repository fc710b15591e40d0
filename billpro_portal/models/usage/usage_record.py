from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ...billing.rating import Percentage, Usage
from ...billing.usage_batch import CLOCK_DIFFERENCE, MOST_RECORDS, RefusedRecord, read_record

# So many records are held at once while many are read.
CHUNK = 5000

# What is counted in a period, by the records as `r`. Quantities are read as text: Odoo has the
# database's numbers as floats.
AGGREGATES = {
    'count': SQL("count(*)"),
    'sum': SQL("sum(r.quantity)"),
    'max': SQL("max(r.quantity)"),
    # Of several in the same moment, the sender's id decides which is the last; see `metering`.
    'last': SQL(
        "(array_agg(r.quantity ORDER BY r.moment DESC, r.sender_id COLLATE \"C\" DESC))[1]"
    ),
    'unique_count': SQL("count(DISTINCT COALESCE(r.properties ->> asked.unique_property, ''))"),
}

# Of what is added up like this a part can be taken off.
TAKEN_OFF = frozenset({'count', 'sum'})


@dataclass(frozen=True)
class UsageQuery:
    """What is asked for: the quantity that a meter makes of an order's records in a time.

    :param int order_id: The order.
    :param int meter_id: The meter.
    :param datetime start: The first moment.
    :param datetime end: The first moment after it.
    :param definition: How the meter counts then: it or a version of it (`_get_definition`).
    """

    order_id: int
    meter_id: int
    start: datetime
    end: datetime
    definition: models.BaseModel


class BillproUsageRecord(models.Model):
    """One counted fact of an order.

    The table is made for millions of rows, which are written once and stay as they are: the
    sender's id is unique for an order and a meter for ever, and a record that was wrong is void by
    a row elsewhere. What can't be attributed is kept in `billpro.usage.unattributed`.
    """

    _name = 'billpro.usage.record'
    _description = "Usage Record"

    _log_access = False
    _order = 'moment desc, id desc'
    _rec_name = 'sender_id'
    order_id = fields.Many2one(
        comodel_name='sale.order', required=True, readonly=True, ondelete='restrict'
    )
    meter_id = fields.Many2one(
        comodel_name='billpro.usage.meter', required=True, readonly=True, ondelete='restrict'
    )
    company_id = fields.Many2one(related='meter_id.company_id')
    uom_id = fields.Many2one(related='meter_id.uom_id')
    moment = fields.Datetime(required=True, readonly=True, help="When it happened.")
    received_date = fields.Datetime(string="Received", required=True, readonly=True)
    quantity = fields.Float(min_display_digits=0, required=True, readonly=True)
    sender_id = fields.Char(string="Sender's ID", required=True, readonly=True)
    properties = fields.Json(readonly=True)
    void_ids = fields.One2many(
        comodel_name='billpro.usage.void', inverse_name='record_id', readonly=True
    )
    is_void = fields.Boolean(compute='_compute_is_void', compute_sudo=True)
    _sender_unique = models.UniqueIndex(
        '(order_id, meter_id, sender_id)', "The record was counted already."
    )
    # What adding up needs is in it, so that a period is added up without a look at its rows.
    _period_idx = models.Index('(order_id, meter_id, moment) INCLUDE (id, quantity)')

    @api.depends('void_ids')
    def _compute_is_void(self):
        for record in self:
            record.is_void = bool(record.void_ids)

    # === WHAT COMES IN === #

    @api.model
    def ingest(self, records, all_or_none=False):
        """Take in a batch of usage records, each on its own; for billing users, by `/json/2`.

        A record has an `id` of the sender's, the code of a `meter`, the number of an `order` or the
        key of a `subscriber`, a `timestamp` in ISO 8601 (UTC if it has no offset), a `quantity` (1
        if it has none; a text where a number would lose decimals), and maybe `properties`. The same
        record again, whenever it comes, is a success that changes nothing.

        :param list[dict] records: Up to 1,000 records.
        :param bool all_or_none: Whether nothing is kept if one is refused.
        :return: For each record in its order, its `id`, a `status` and, unless it is accepted, the
                 `reason` as a word. The status is `accepted`, `duplicate`, `unattributed` (kept and
                 shown to staff, but billed to nobody yet), `refused` (not kept) or `not_kept`
                 (because another one is refused).
        :rtype: list[dict]
        :raise UserError: If there are too many.
        """
        self._check_is_sender()
        if not isinstance(records, list) or len(records) > MOST_RECORDS:
            raise UserError(
                self.env._("A batch is a list of up to %s usage records.", MOST_RECORDS)
            )
        if not all_or_none:
            return self.sudo()._process_batch(records)
        with self.env.cr.savepoint() as savepoint:
            answers = self.sudo()._process_batch(records)
            if any(answer['status'] == 'refused' for answer in answers):
                savepoint.rollback()
                answers = [
                    answer
                    if answer['status'] == 'refused'
                    else {'id': answer['id'], 'status': 'not_kept'}
                    for answer in answers
                ]
        return answers

    @api.model
    def _check_is_sender(self):
        """Check that the user may send usage.

        :raise AccessError: If not.
        """
        if not self.env.user.has_group('billpro_portal.group_billing_user'):
            raise AccessError(self.env._("Only billing users can send usage."))

    @api.model
    def _process_batch(self, records):
        """Keep what can be read, and answer each record.

        :param list records: What was sent.
        :rtype: list[dict]
        """
        answers = [None] * len(records)
        read = {}
        for index, sent in enumerate(records):
            try:
                read[index] = read_record(sent)
            except RefusedRecord as refusal:
                sender_id = sent.get('id') if isinstance(sent, dict) else None
                answers[index] = {
                    'id': sender_id if isinstance(sender_id, str) else None,
                    'status': 'refused',
                    'reason': refusal.reason,
                }
        attributed, unbilled, unattributed = {}, {}, {}
        places = self._find_places(read.values())
        for index, sent in read.items():
            order_id, meter_id, reason = places(sent)
            if not reason:
                attributed[index] = (sent, order_id, meter_id)
            else:
                unattributed[index] = (sent, reason)
                if order_id:
                    unbilled[index] = (sent, order_id, meter_id)
        results = self._insert(attributed)
        # What counted when it was sent before is a duplicate, whatever has become of the order.
        known = self._find_known(unbilled)
        results.update(self._compare(known))
        for index in known:
            del unattributed[index]
        results.update(self.env['billpro.usage.unattributed']._insert(unattributed))
        for index, (status, reason) in results.items():
            answers[index] = {'id': read[index].sender_id, 'status': status}
            if reason:
                answers[index]['reason'] = reason
        return answers

    @api.model
    def _find_places(self, sent_records):
        """Return a function that says whose a record is.

        :param sent_records: The records (`billing.usage_batch.SentRecord`) of the company.
        :return: A function of a record: the ids of its order and meter, or else the reason why it
                 has none (see `billpro.usage.unattributed`); both if they are known, and it isn't
                 billed nevertheless.
        :rtype: Callable
        """
        company = self.env.company
        meters = self.env['billpro.usage.meter'].with_context(active_test=False)
        codes = list({sent.meter for sent in sent_records})
        meters = meters.search_fetch(
            [('company_id', '=', company.id), ('code', 'in', codes)], ['code', 'is_used']
        )
        meters = {meter.code: meter.id for meter in meters}
        windows = {
            'name': self._find_windows('name', {sent.order for sent in sent_records}),
            'billing_subscriber_key': self._find_windows(
                'billing_subscriber_key', {sent.subscriber for sent in sent_records}
            ),
        }
        latest = fields.Datetime.now() + CLOCK_DIFFERENCE
        is_charged = self._remember_charged_times()

        def find_place(sent):
            if sent.moment > latest:
                return None, None, 'future'
            if sent.meter not in meters:
                return None, None, 'meter'
            name = 'name' if sent.order else 'billing_subscriber_key'
            orders = windows[name].get(sent.order or sent.subscriber)
            if orders is None:
                return None, None, 'order' if sent.order else 'subscriber'
            live = [
                (order, accepted_from)
                for order, start, end, accepted_from in orders
                if start <= sent.moment and (end is None or sent.moment < end)
            ]
            if len(live) != 1:
                return None, None, 'several' if live else 'not_live'
            ((order, accepted_from),) = live
            meter_id, reason = meters[sent.meter], None
            if accepted_from and sent.moment < accepted_from:
                reason = 'too_late'
            elif not is_charged(order, meter_id, sent.moment):
                reason = 'not_charged'
            return order.id, meter_id, reason

        return find_place

    @api.model
    def _find_windows(self, name, values):
        """Return which orders have usage, and when.

        :param str name: The field that tells orders apart.
        :param set[str] values: Its values.
        :return: By value orders with the first moment, the first one after, and the first one that
                 is still billed.
        :rtype: dict[str, list[tuple]]
        """
        values = values - {''}
        windows = defaultdict(list)
        if not values:
            return windows
        orders = self.env['sale.order']._billing_search_with_usage(
            [('company_id', '=', self.env.company.id), (name, 'in', list(values))]
        )
        for order in orders:
            found = windows[order[name]]
            if window := order._billing_get_usage_window():
                found.append((order, *window, order._billing_get_usage_accepted_from()))
        return windows

    @api.model
    def _remember_charged_times(self):
        """Return a function that says whether an order charges a meter's usage of a moment.

        It looks at each period of an order once.

        :rtype: Callable
        """
        periods = defaultdict(list)

        def is_charged(order, meter_id, moment):
            known = (times for start, end, times in periods[order.id] if start <= moment < end)
            times = next(known, None)
            if times is None:
                periods[order.id].append(order._billing_get_charged_times(moment))
                times = periods[order.id][-1][2]
            return meter_id in times and times[meter_id] <= moment

        return is_charged

    @api.model
    def _insert(self, attributed):
        """Keep records of orders, each once for ever.

        :param dict attributed: By any key, a record as it was sent, its order and its meter.
        :return: By the same keys, a status and maybe a reason; see `ingest`.
        :rtype: dict[object, tuple[str, str|None]]
        """
        if not attributed:
            return {}
        now = fields.Datetime.now()
        rows = list(attributed.values())
        # All senders' batches come in the same order, so that none waits for the other in a circle.
        # Of two that bear the same id, the first one is kept.
        inserted = self.env.execute_query(
            SQL(
                """
                INSERT INTO billpro_usage_record
                            (order_id, meter_id, sender_id, moment, received_date, quantity,
                             properties)
                     SELECT order_id, meter_id, sender_id, moment, %(now)s, quantity, properties
                       FROM %(sent)s
                   ORDER BY order_id, meter_id, sender_id, place
                ON CONFLICT DO NOTHING
                  RETURNING order_id, meter_id, sender_id
                """,
                now=now,
                sent=self._prepare_rows(rows),
            )
        )
        self._note_use({meter_id for _order_id, meter_id, _sender_id in inserted})
        new = set(inserted)
        results, known = {}, {}
        for key, (one, order_id, meter_id) in attributed.items():
            identity = (order_id, meter_id, one.sender_id)
            if identity in new:
                # The second one in the same batch is what it repeats, or isn't.
                new.discard(identity)
                results[key] = ('accepted', None)
            else:
                known[key] = (one, order_id, meter_id)
        results.update(self._compare(known))
        return results

    @api.model
    def _note_use(self, meter_ids):
        """Note that meters have counted: from now on what counts by them is kept.

        :param set[int] meter_ids: The meters.
        """
        meters = self.env['billpro.usage.meter'].browse(meter_ids)
        meters.filtered(lambda meter: not meter.is_used).is_used = True

    @api.model
    def _prepare_rows(self, rows):
        """Return records as a table, in their order.

        :param list rows: A record as it was sent, its order and its meter each.
        :rtype: odoo.tools.SQL
        """
        return SQL(
            """
            unnest(%(order_ids)s::int[], %(meter_ids)s::int[], %(sender_ids)s::text[],
                   %(moments)s::timestamp[], %(quantities)s::numeric[], %(properties)s::jsonb[])
                   WITH ORDINALITY
                AS sent (order_id, meter_id, sender_id, moment, quantity, properties, place)
            """,
            order_ids=[order_id for _sent, order_id, _meter_id in rows],
            meter_ids=[meter_id for _sent, _order_id, meter_id in rows],
            **self._prepare_columns([sent for sent, _order_id, _meter_id in rows]),
        )

    @api.model
    def _prepare_columns(self, sent_records):
        """Return records as the columns of a statement.

        :param list sent_records: The records (`billing.usage_batch.SentRecord`).
        :rtype: dict[str, list]
        """
        return {
            'sender_ids': [sent.sender_id for sent in sent_records],
            'moments': [sent.moment for sent in sent_records],
            'quantities': [sent.quantity for sent in sent_records],
            'properties': [sent.properties or None for sent in sent_records],
        }

    @api.model
    def _find_known(self, late):
        """Return which records were counted already, of those that would come too late.

        :param dict late: As `_insert`.
        :return: Some of them.
        :rtype: dict
        """
        if not late:
            return {}
        known = set(
            self.env.execute_query(
                SQL(
                    "SELECT order_id, meter_id, sender_id FROM %s"
                    " JOIN billpro_usage_record r USING (order_id, meter_id, sender_id)",
                    self._prepare_rows(list(late.values())),
                )
            )
        )
        return {
            key: row for key, row in late.items() if (row[1], row[2], row[0].sender_id) in known
        }

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
                SELECT r.moment = sent.moment AND r.quantity = sent.quantity
                       AND r.properties IS NOT DISTINCT FROM sent.properties
                  FROM %(sent)s
                  JOIN billpro_usage_record r USING (order_id, meter_id, sender_id)
              ORDER BY sent.place
                """,
                sent=self._prepare_rows(list(known.values())),
            )
        )
        return {
            key: ('duplicate', None) if is_same else ('refused', 'other_content')
            for key, (is_same,) in zip(known, same, strict=True)
        }

    # === WHAT IS TAKEN BACK === #

    @api.model
    def void(self, records, reason):
        """Take back records that were wrong, by their senders' ids; for billing users.

        A record stays as it came, and counts no more. To void it again changes nothing.

        :param list[dict] records: Up to 1,000, each with the `id`, the `meter` and the `order` or
                                   `subscriber` that it was sent with.
        :param str reason: Why, for staff.
        :return: For each record in its order, its `id` and a `status`: `voided`, `duplicate` or
                 `refused`, with the `reason` as a word.
        :rtype: list[dict]
        :raise UserError: If there are too many, or without a reason.
        """
        self._check_is_sender()
        if not isinstance(records, list) or len(records) > MOST_RECORDS:
            raise UserError(
                self.env._("A batch is a list of up to %s usage records.", MOST_RECORDS)
            )
        if not isinstance(reason, str) or not reason.strip():
            raise UserError(self.env._("Say why the usage is taken back."))
        return [self.sudo()._void_one(sent, reason.strip()) for sent in records]

    @api.model
    def _void_one(self, sent, reason):
        """Take back a record, and answer.

        :param sent: What was sent.
        :param str reason: Why.
        :rtype: dict
        """
        texts = {'id', 'meter', 'order', 'subscriber'}
        if not isinstance(sent, dict) or not all(
            name in texts and isinstance(value, str) for name, value in sent.items()
        ):
            return {'id': None, 'status': 'refused', 'reason': 'not_an_object'}
        key = ('order_id.name', sent.get('order'))
        if sent.get('subscriber'):
            key = ('order_id.billing_subscriber_key', sent['subscriber'])
        record = self.search(
            [
                ('sender_id', '=', sent.get('id')),
                ('meter_id.code', '=', sent.get('meter')),
                ('meter_id.company_id', '=', self.env.company.id),
                (key[0], '=', key[1]),
            ]
        )
        if not record and (waiting := self.env['billpro.usage.unattributed']._find_sent(sent)):
            is_new = waiting._void(reason)
            return {'id': waiting.sender_id, 'status': 'voided' if is_new else 'duplicate'}
        if len(record) != 1:
            return {'id': sent.get('id'), 'status': 'refused', 'reason': 'unknown_record'}
        if record._is_too_late() and not record.is_void:
            return {'id': record.sender_id, 'status': 'refused', 'reason': 'too_late'}
        return {'id': record.sender_id, 'status': 'voided' if record._void(reason) else 'duplicate'}

    def action_open_void(self):
        """Open the dialog that takes records back.

        :return: The action.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        return self._get_void_action(record_ids=self.ids)

    @api.model
    def _get_void_action(self, **ids):
        """Return the action that opens the dialog which takes records back.

        :param dict ids: The records, by the field of the dialog.
        :rtype: dict
        :raise AccessError: If the user may not.
        """
        self._check_is_sender()
        wizard = self.env['billpro.void.usage'].create(
            {name: [fields.Command.set(some)] for name, some in ids.items()}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Take Back Usage"),
            'res_model': 'billpro.void.usage',
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def _is_too_late(self):
        """Return whether what becomes of the record is on no bill any more.

        :rtype: bool
        """
        self.ensure_one()
        accepted_from = self.order_id._billing_get_usage_accepted_from()
        return bool(accepted_from) and self.moment < accepted_from

    def _void(self, reason):
        """Take the record back.

        :param str reason: Why.
        :return: Whether it counted until now.
        :rtype: bool
        """
        self.ensure_one()
        now = fields.Datetime.now()
        created = self.env.execute_query(
            SQL(
                """
                INSERT INTO billpro_usage_void
                            (record_id, reason, create_uid, create_date, write_uid, write_date)
                     VALUES (%(id)s, %(reason)s, %(uid)s, %(now)s, %(uid)s, %(now)s)
                ON CONFLICT DO NOTHING
                  RETURNING id
                """,
                id=self.id,
                reason=reason,
                uid=self.env.uid,
                now=now,
            )
        )
        self.invalidate_recordset(['void_ids', 'is_void'])
        return bool(created)

    # === WHAT IS COUNTED === #

    @api.model
    def _count(self, queries):
        """Return what was counted, in one pass for each kind of aggregation.

        :param list[UsageQuery] queries: What is asked for.
        :return: The quantities in the order of the queries.
        :rtype: list[decimal.Decimal]
        """
        quantities = [Decimal(0)] * len(queries)
        for aggregation, asked in self._group_by_aggregation(queries):
            if len(asked) == 1 and aggregation in TAKEN_OFF:
                ((index, query),) = asked
                quantities[index] = self._count_one(query)
                continue
            # Each query adds up by itself: no row is joined and grouped by its query.
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT asked.number,
                           COALESCE((SELECT (%(aggregate)s)::text
                                       FROM billpro_usage_record r
                                      WHERE %(conditions)s), '0')
                      FROM %(asked)s
                    """,
                    aggregate=AGGREGATES[aggregation],
                    conditions=self._get_conditions(asked),
                    asked=self._get_asked(asked),
                )
            )
            for index, quantity in rows:
                quantities[index] = Decimal(quantity)
        return quantities

    @api.model
    def _count_one(self, query):
        """Return what was counted of one order.

        With its values in the statement the database shares many rows among several processes. What
        was taken back is little: to count it by itself is faster than to ask so of each record.

        :param UsageQuery query: What is asked for; how it is added up is one of `TAKEN_OFF`.
        :rtype: decimal.Decimal
        """
        self.flush_model()
        self.env['billpro.usage.void'].flush_model()
        definition = query.definition
        conditions = SQL(
            """
            r.order_id = %(order)s AND r.meter_id = %(meter)s
            AND r.moment >= %(start)s AND r.moment < %(end)s AND %(filter)s
            """,
            order=query.order_id,
            meter=query.meter_id,
            start=query.start,
            end=query.end,
            filter=SQL(
                "r.properties ->> %s = %s", definition.filter_property, definition.filter_value
            )
            if definition.filter_property
            else SQL("TRUE"),
        )
        ((quantity,),) = self.env.execute_query(
            SQL(
                """
                SELECT (COALESCE(every.quantity, 0) - COALESCE(void.quantity, 0))::text
                  FROM (SELECT %(aggregate)s AS quantity
                          FROM billpro_usage_record r
                         WHERE %(conditions)s) AS every,
                       (SELECT %(aggregate)s AS quantity
                          FROM billpro_usage_void v
                          JOIN billpro_usage_record r ON r.id = v.record_id
                         WHERE %(conditions)s) AS void
                """,
                aggregate=AGGREGATES[definition.aggregation],
                conditions=conditions,
            )
        )
        return Decimal(quantity)

    @api.model
    def _count_days(self, queries, time_zone):
        """Return what was counted on each day, in one pass for each kind of aggregation.

        :param list[UsageQuery] queries: What is asked for.
        :param str time_zone: Whose days they are, an IANA name.
        :return: In the order of the queries, the quantities by day, without days that have none.
        :rtype: list[dict[datetime.date, decimal.Decimal]]
        """
        days = [{} for _query in queries]
        for aggregation, asked in self._group_by_aggregation(queries):
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT asked.number,
                           (r.moment AT TIME ZONE 'UTC' AT TIME ZONE %(time_zone)s)::date AS day,
                           (%(aggregate)s)::text
                      FROM %(asked)s
                  GROUP BY asked.number, day
                  ORDER BY asked.number, day
                    """,
                    time_zone=time_zone,
                    aggregate=AGGREGATES[aggregation],
                    asked=self._join_asked(asked),
                )
            )
            for index, day, quantity in rows:
                days[index][day] = Decimal(quantity)
        return days

    @api.model
    def _group_by_aggregation(self, queries):
        """Return what is asked for by how it is added up.

        :param list[UsageQuery] queries: What is asked for.
        :return: Pairs of an aggregation and pairs of a number and a `UsageQuery`.
        :rtype: Iterable
        """
        by_kind = defaultdict(list)
        for index, query in enumerate(queries):
            by_kind[query.definition.aggregation].append((index, query))
        return by_kind.items()

    @api.model
    def _iter_rows(self, order_id, meter_id, start, end):
        """Yield the records of an order and a meter in a time, however many there are.

        :param int order_id: The order.
        :param int meter_id: The meter.
        :param datetime.datetime start: The first moment.
        :param datetime.datetime end: The first moment after it.
        :return: Moment, id, quantity as text, the sender's id, properties or None, and whether the
                 record was taken back.
        :rtype: Iterator[tuple]
        """
        self.flush_model()
        self.env['billpro.usage.void'].flush_model()
        last = (start, 0)
        rows = True
        while rows:
            rows = self.env.execute_query(
                SQL(
                    """
                    SELECT r.moment, r.id, r.quantity::text, r.sender_id, r.properties,
                           EXISTS (SELECT FROM billpro_usage_void v WHERE v.record_id = r.id)
                      FROM billpro_usage_record r
                     WHERE r.order_id = %(order)s AND r.meter_id = %(meter)s
                       AND (r.moment, r.id) > (%(moment)s, %(id)s) AND r.moment < %(end)s
                  ORDER BY r.moment, r.id
                     LIMIT %(limit)s
                    """,
                    order=order_id,
                    meter=meter_id,
                    moment=last[0],
                    id=last[1],
                    end=end,
                    limit=CHUNK,
                )
            )
            yield from rows
            if rows:
                last = rows[-1][:2]

    @api.model
    def _measure(self, asked):
        """Return what was counted, as rules of charges take it.

        :param list asked: Pairs of a `UsageQuery` and rules (`billing.rating.Charge`).
        :return: What was counted, in their order.
        :rtype: list[billing.rating.Usage]
        """
        quantities = self._count([query for query, _rules in asked])
        events = self._list_quantities(
            {
                number: query
                for number, (query, rules) in enumerate(asked)
                if isinstance(rules, Percentage) and rules.needs_events
            }
        )
        return [
            Usage(quantity, events.get(number, ())) for number, quantity in enumerate(quantities)
        ]

    @api.model
    def _list_quantities(self, queries):
        """Return the quantity of each record in the order of their moments.

        :param dict[int, UsageQuery] queries: What is asked for, by a number.
        :return: The quantities by the same numbers; nothing where nothing was used.
        :rtype: dict[int, tuple[decimal.Decimal]]
        """
        if not queries:
            return {}
        rows = self.env.execute_query(
            SQL(
                "SELECT asked.number,"
                " array_agg(r.quantity::text ORDER BY r.moment, r.sender_id COLLATE \"C\")"
                " FROM %s GROUP BY asked.number",
                self._join_asked(list(queries.items())),
            )
        )
        return {number: tuple(map(Decimal, quantities)) for number, quantities in rows}

    @api.model
    def _join_asked(self, asked):
        """Return what is asked for, joined with the records that count.

        :param list asked: Pairs of a number and a `UsageQuery`.
        :rtype: odoo.tools.SQL
        """
        return SQL(
            "%s JOIN billpro_usage_record r ON %s",
            self._get_asked(asked),
            self._get_conditions(asked),
        )

    @api.model
    def _get_asked(self, asked):
        """Return what is asked for as a table.

        :param list asked: Pairs of a number and a `UsageQuery`.
        :rtype: odoo.tools.SQL
        """
        queries = [query for _number, query in asked]
        return SQL(
            """
            unnest(%(numbers)s::int[], %(order_ids)s::int[], %(meter_ids)s::int[],
                   %(starts)s::timestamp[], %(ends)s::timestamp[], %(unique)s::text[],
                   %(names)s::text[], %(values)s::text[])
                AS asked (number, order_id, meter_id, start, stop, unique_property,
                          filter_property, filter_value)
            """,
            numbers=[number for number, _query in asked],
            order_ids=[query.order_id for query in queries],
            meter_ids=[query.meter_id for query in queries],
            starts=[query.start for query in queries],
            ends=[query.end for query in queries],
            unique=[query.definition.unique_property or None for query in queries],
            names=[query.definition.filter_property or None for query in queries],
            values=[query.definition.filter_value or None for query in queries],
        )

    @api.model
    def _get_conditions(self, asked):
        """Return which records `r` count for what is asked for.

        :param list asked: Pairs of a number and a `UsageQuery`.
        :rtype: odoo.tools.SQL
        """
        self.flush_model()
        self.env['billpro.usage.void'].flush_model()
        has_filter = any(query.definition.filter_property for _number, query in asked)
        return SQL(
            """
            r.order_id = asked.order_id AND r.meter_id = asked.meter_id
            AND r.moment >= asked.start AND r.moment < asked.stop
            AND NOT EXISTS (SELECT FROM billpro_usage_void v WHERE v.record_id = r.id)
            AND %s
            """,
            SQL(
                "(asked.filter_property IS NULL"
                " OR r.properties ->> asked.filter_property = asked.filter_value)"
            )
            if has_filter
            else SQL("TRUE"),
        )
