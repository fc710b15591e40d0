from datetime import datetime, timedelta, timezone
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import SQL

from ...billing import backoff
from ...billing.retention import WEBHOOK_EVENT_DAYS
from ...billing.stripe_messages import (
    DATABASE_KEY,
    EVENT_TYPES,
    ORDER_KEY,
    PAYOUT_EVENT_TYPES,
    REFERENCE_KEY,
    get_present_type,
    is_stripe_id,
)
from ..payouts.dispute import UNDECIDED

BUSY_MINUTES = 1
BATCH_SIZE = 1000
DAYS_OF_DISPUTES = 30


class BillproWebhookEvent(models.Model):
    """A message of the payment provider: something changed there.

    A message says what to look at, and is kept once. What happened is asked of the provider when
    the message is processed: so it doesn't matter whether messages come late, twice or in another
    order, and nothing confidential is kept.
    """

    _name = 'billpro.webhook.event'
    _description = "Webhook Event"
    _inherit = ['billpro.job.record']

    _order = 'id desc'
    _rec_name = 'event_type'
    _tasks_to_do = {'message': [('state', 'in', ['received', 'failed'])]}
    event_id = fields.Char(string="Event ID", required=True, readonly=True)
    provider_id = fields.Many2one(
        comodel_name='payment.provider', required=True, readonly=True, ondelete='cascade'
    )
    company_id = fields.Many2one(
        comodel_name='res.company', required=True, readonly=True, index=True
    )
    event_type = fields.Char(string="Type", required=True, readonly=True)
    object_id = fields.Char(readonly=True, help="What changed at the provider.")
    payment_reference = fields.Char(
        string="Payment at Provider", readonly=True, help="The payment that it belongs to."
    )
    reference = fields.Char(
        readonly=True, help="The payment's reference in Odoo, as the provider knows it."
    )
    created_date = fields.Datetime(
        string="Happened On", required=True, readonly=True, help="At the provider."
    )
    received_date = fields.Datetime(string="Received On", required=True, readonly=True)
    priority = fields.Integer(readonly=True)
    state = fields.Selection(
        selection=[
            ('received', "To Process"),
            ('processed', "Processed"),
            ('ignored', "Not Ours"),
            ('failed', "Failed"),
        ],
        default='received',
        required=True,
        readonly=True,
    )
    tries = fields.Integer(readonly=True)
    next_try = fields.Datetime(readonly=True)
    message = fields.Char(string="Result", readonly=True)
    transaction_id = fields.Many2one(
        comodel_name='payment.transaction',
        readonly=True,
        index='btree_not_null',
        ondelete='set null',
    )
    order_id = fields.Many2one(
        string="Order", related='transaction_id.billing_order_id', store=True, index=True
    )
    _event_unique = models.UniqueIndex(
        "(provider_id, event_id)", "This webhook event was received before."
    )
    _to_process_idx = models.Index("(priority, created_date, id) WHERE state = 'received'")

    # === RECEIVING === #

    @api.model
    def _is_about_order(self, event):
        """Return whether a message is about a payment or a card of ours, or a payout to book.

        Anybody can have written it: it is only looked at. A payment that Odoo doesn't know is ours
        if it carries the mark of an order.

        :param event: The message, which should be as in Stripe's API reference, "The Event object".
        :rtype: bool
        """
        try:
            event_type, content = get_present_type(event['type']), event['data']['object']
            names = self._name_payment(event_type, content)
            has_mark = bool((content.get('metadata') or {}).get(ORDER_KEY))
        except (AttributeError, KeyError, TypeError):
            return False  # Not as Stripe writes it.
        if event_type not in EVENT_TYPES:
            return False
        if event_type in PAYOUT_EVENT_TYPES:
            return bool(
                self.env['payment.provider'].search_count(
                    [('code', '=', 'stripe'), ('billpro_payouts_since', '!=', False)], limit=1
                )
            )
        if event_type.startswith(('payment_method.', 'mandate.')):
            records, domain = self.env['payment.token'], self._get_card_domain(content.get('id'))
        else:
            records = self.env['payment.transaction']
            domain = self._get_payment_domain(**names) & Domain(
                [('billing_order_id', '!=', False), ('provider_code', '=', 'stripe')]
            )
        return has_mark or bool(records.search_count(domain, limit=1))

    @api.model
    def _name_payment(self, event_type, content):
        """Return how a message names the payment that it belongs to.

        :param str event_type: The type of the message.
        :param dict content: What changed at the provider.
        :return: The payment's number at the provider and its reference, as far as they are there.
        :rtype: dict
        """
        if event_type in PAYOUT_EVENT_TYPES:
            return {'payment_reference': None, 'reference': None}
        is_intent = event_type.startswith(('payment_intent.', 'setup_intent.'))
        names = {
            'payment_reference': content['id'] if is_intent else content.get('payment_intent'),
            'reference': (content.get('metadata') or {}).get(REFERENCE_KEY)
            or content.get('description'),
        }
        return {key: name if isinstance(name, str) else None for key, name in names.items()}

    @api.model
    def _get_payment_domain(self, payment_reference, reference):
        """Return which transactions a message can mean.

        :param str|None payment_reference: The payment's number at the provider.
        :param str|None reference: Its reference.
        :rtype: odoo.fields.Domain
        """
        names = {'provider_reference': payment_reference, 'reference': reference}
        return Domain.OR(Domain(field, '=', name) for field, name in names.items() if name)

    @api.model
    def _get_card_domain(self, number):
        """Return which stored cards a message can mean.

        :param str number: The number of the card, or of its mandate, at the provider.
        :rtype: odoo.fields.Domain
        """
        field = 'stripe_mandate' if is_stripe_id(number, 'mandate') else 'stripe_payment_method'
        return Domain(field, '=', str(number))

    @api.model
    def _receive(self, provider, event):
        """Keep a verified message, once, and have it processed soon.

        :param payment.provider provider: The provider whose account has sent it.
        :param dict event: The message (Stripe API reference, "The Event object").
        """
        content = event['data']['object']
        event_type = get_present_type(event['type'])
        now = fields.Datetime.now()
        values = {
            'event_id': event['id'],
            'provider_id': provider.id,
            'company_id': provider.company_id.id,
            'event_type': event_type,
            'object_id': content['id'],
            **self._name_payment(event_type, content),
            'created_date': datetime.fromtimestamp(event['created'], timezone.utc).replace(
                tzinfo=None
            ),
            'received_date': now,
            'priority': EVENT_TYPES.index(event_type),
            'state': 'received',
            'tries': 0,
            'next_try': now,
            'create_date': now,
            'create_uid': self.env.uid,
        }
        # The same message can be received by two processes at once: the database keeps one.
        self.env.cr.execute(
            SQL(
                'INSERT INTO billpro_webhook_event (%s) VALUES %s ON CONFLICT DO NOTHING',
                SQL(', ').join(SQL.identifier(name) for name in values),
                tuple(values.values()),
            ),
            # Odoo repeats the request of the process that was slower.
            log_exceptions=False,
        )
        self.env.ref('billpro_portal.cron_process_webhook_events')._trigger()

    # === WHAT NO MESSAGE TOLD OF === #

    @api.model
    def _cron_ask_for_disputes(self):
        """Ask for disputes and returned debits: their payments are final, nothing else is asked."""
        groups = self.env['payment.transaction']._read_group(
            [
                ('provider_code', '=', 'stripe'),
                ('provider_id.state', '!=', 'disabled'),
                ('billing_order_id', '!=', False),
                ('state', '=', 'done'),
            ],
            ['provider_id'],
        )
        for (provider,) in groups:
            self.env['billpro.own.transaction']._commit_alone(
                provider, 'ask_disputes', partial(self._ask_for_disputes, provider)
            )

    @api.model
    def _ask_for_disputes(self, provider):
        """Keep what is new of the disputes of the last days as if a message had told of it.

        Those that weren't decided when we last heard of them are asked about until they are: Stripe
        lists disputes by the day on which they began ("List all disputes" in its API reference).

        :param payment.provider provider: The provider.
        :raise ValidationError: If Stripe doesn't answer.
        """
        now = fields.Datetime.now().replace(tzinfo=timezone.utc)
        known = self.env['billpro.dispute'].search(
            [('transaction_id.provider_id', '=', provider.id)]
        )
        undecided = known.filtered(lambda dispute: dispute.state in UNDECIDED)
        began = [moment.replace(tzinfo=timezone.utc) for moment in undecided.mapped('opened_date')]
        since = min([now - timedelta(days=DAYS_OF_DISPUTES), *began])
        disputes = provider._billpro_list_at_stripe(
            'disputes', {'created[gte]': int(since.timestamp())}
        )
        told = {(dispute.provider_reference, dispute.provider_status) for dispute in known}
        for dispute in disputes:
            event = {
                # By day, as a dispute can be in the same status again.
                'id': f'{dispute["id"]}-{dispute["status"]}-{now:%Y%m%d}',
                'type': 'charge.dispute.updated',
                'created': int(now.timestamp()),
                'data': {'object': dispute},
            }
            if (dispute['id'], dispute['status']) not in told and self._is_about_order(event):
                self._receive(provider, event)

    # === PROCESSING === #

    @api.model
    def _cron_process(self):
        """Process a batch of what was received, the most needed first."""
        due = [('state', '=', 'received'), ('next_try', '<=', fields.Datetime.now())]
        events = self.search(due, order='priority, created_date, id', limit=BATCH_SIZE)
        for event in events:
            event._process_and_commit()
        # The scheduler goes on at once with what is left.
        self.env['ir.cron']._commit_progress(len(events), remaining=self.search_count(due))

    def _process_and_commit(self):
        """Process a message, if nobody else does, and commit what came of it."""
        self.ensure_one()
        to_book = []

        def process():
            if not self.try_lock_for_update() or self.state != 'received':
                return False
            to_book.append(self._process_event())
            return self.state != 'received'  # Otherwise its payment is busy.

        # What the provider says is committed before everything else.
        if self.env['billpro.own.transaction']._commit_alone(
            self, 'message', process, on_failure=self._postpone, delays=backoff.WEBHOOK_EVENT
        ):
            to_book[0]._billing_book_alone()

    def _process_event(self):
        """Ask the provider what happened, and record it.

        :return: The transactions to book.
        :rtype: payment.transaction
        :raise UserError: If the provider doesn't answer, or it can't be recorded now.
        """
        self.ensure_one()
        if self.event_type.startswith(('payment_method.', 'mandate.')):
            return self._process_card()
        if self.event_type in PAYOUT_EVENT_TYPES:
            payout = self.env['billpro.payout']._process_stripe_event(
                self.provider_id, self.object_id
            )
            self._note('processed' if payout else 'ignored')
            return self.env['payment.transaction']
        tx = self._find_transaction()
        if not tx:
            self._note_no_transaction()
            return tx
        self.transaction_id = tx
        if not tx._billing_try_lock_with_order():
            # The request that this message tells of may still be waiting for its answer.
            self.next_try = fields.Datetime.add(fields.Datetime.now(), minutes=BUSY_MINUTES)
            return tx.browse()
        txs = tx._billing_process_stripe_event(
            self.event_type, self.object_id, self.payment_reference
        )
        if txs is None:
            self.transaction_id = False
            self._note('ignored', self.env._("It isn't about the payment of %s.", self.reference))
            return tx.browse()
        self._note('processed')
        return txs

    def _find_transaction(self):
        """Return the payment that a message is about.

        :rtype: payment.transaction
        """
        self.ensure_one()
        txs = self.env['payment.transaction'].search(
            Domain('provider_id', '=', self.provider_id.id)
            & Domain('operation', '!=', 'refund')
            & Domain('billing_order_id', '!=', False)
            & self._get_payment_domain(self.payment_reference, self.reference)
        )
        by_number = txs.filtered(
            lambda tx: tx.provider_reference and tx.provider_reference == self.payment_reference
        )
        return by_number.filtered(lambda tx: tx.reference == self.reference)[:1] or (
            by_number.filtered(lambda tx: not tx.source_transaction_id)[:1] or txs[:1]
        )

    def _note_no_transaction(self):
        """Note that Odoo has no such payment: it may belong to another system on the account."""
        has_our_mark = self.event_type == 'payment_intent.succeeded' and self.reference
        self._note(
            'failed' if has_our_mark and self._is_marked_as_ours() else 'ignored',
            self.env._("No payment %s in Odoo.", self.reference or self.payment_reference),
        )

    def _is_marked_as_ours(self):
        """Return whether the provider's payment carries the mark of an order of this database.

        :rtype: bool
        :raise UserError: If the provider doesn't answer.
        """
        intent = self.provider_id._billpro_ask_stripe('GET', f'payment_intents/{self.object_id}')
        own = self.env['ir.config_parameter'].sudo().get_param('database.uuid')
        is_own = intent['metadata'].get(DATABASE_KEY, own) == own
        return is_own and bool(intent['metadata'].get(ORDER_KEY))

    def _process_card(self):
        """Bring a stored card up to date."""
        tokens = self.env['payment.token'].search(
            Domain('provider_id', '=', self.provider_id.id) & self._get_card_domain(self.object_id)
        )
        if tokens and self.event_type.startswith('mandate.'):
            tokens._billing_process_stripe_mandate()
        elif tokens:
            method = self.provider_id._billpro_ask_stripe(
                'GET', f'payment_methods/{self.object_id}'
            )
            tokens._billing_process_stripe_method(method)
        self._note('processed' if tokens else 'ignored')
        return self.env['payment.transaction']

    def _note(self, state, message=False):
        self.write({'state': state, 'message': message, 'tries': self.tries + 1})

    def _postpone(self, failure, _error):
        """Note another try, or that a message is left to a person.

        :param billpro.failure failure: What has failed.
        :param Exception _error: What was raised.
        """
        self.next_try = failure.next_try
        self._note('failed' if failure.set_aside_date else 'received', failure.reason)

    # === STAFF === #

    def action_process_again(self):
        """Have messages that failed processed once more.

        :raise AccessError: If the user may not decide it.
        """
        self._check_may_try_again()
        self.check_access('read')
        self.sudo()._queue_again()

    def _check_may_try_again(self):
        """Override of `billpro.job.record`: it is for billing managers."""
        if not self.env.user.has_group('billpro_portal.group_billing_manager'):
            raise AccessError(
                self.env._("Only billing managers can have webhook events processed again.")
            )

    def _prepare_failure(self):
        """Override of `billpro.job.record`: it is of the order whose payment it is about."""
        return {'order_id': self._find_transaction().billing_order_id.id}

    def _queue_again(self):
        """Override of `billpro.job.record`, for messages that were given up."""
        failed = self.filtered(lambda event: event.state in {'failed', 'ignored'})
        self.env['billpro.failure']._forget(failed, 'message')
        failed.write({'state': 'received', 'tries': 0, 'next_try': fields.Datetime.now()})
        self.env.ref('billpro_portal.cron_process_webhook_events')._trigger()

    @api.autovacuum
    def _gc_processed(self):
        """Forget old messages, but none that waits for a person."""
        limit = fields.Datetime.now() - timedelta(days=WEBHOOK_EVENT_DAYS)
        self.search(
            [('state', 'in', ['processed', 'ignored']), ('received_date', '<', limit)]
        ).unlink()
