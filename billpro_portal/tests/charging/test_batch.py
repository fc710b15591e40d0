from odoo.tests import tagged

from ...models.charging.batch import BATCH_CONTEXT
from ..common.instalment import InstalmentCommon

# What a run leaves, and in which order it is looked at.
DOCUMENTS = {
    'account.move': 'id',
    'account.move.line': 'move_id, display_type, account_id, amount_currency, name',
    'account.analytic.line': 'move_line_id',
    'account.payment': 'id',
    'payment.transaction': 'id',
    'sale.order.line': 'order_id desc, id',
    'account.partial.reconcile': 'debit_move_id',
    'account.full.reconcile': 'id',
    'mail.message': 'model, res_id, body',
    'mail.notification': 'id',
}
# What is another one each time: keys, clocks, and secrets.
DIFFERENT = {
    'id',
    'create_date',
    'write_date',
    'access_token',
    'matching_number',
    'message_id',
    'last_state_change',
}
# What a note has for the mails that are made of it. Ours are logged, as nobody is to get one.
OF_MAILS = {'date', 'parent_id', 'record_company_id', 'is_internal', 'email_add_signature'}


class _Undone(Exception):
    """Ends a way of making documents, so that the other one finds what it found."""


@tagged('post_install', '-at_install')
class TestBatch(InstalmentCommon):
    """What is done for all documents at once comes to what Odoo does for each: field by field."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        plan = cls.env['account.analytic.plan'].create({'name': "Sites"})
        site = cls.env['account.analytic.account'].create({'name': "Ghent", 'plan_id': plan.id})
        cls.env['account.analytic.distribution.model'].create(
            {'product_id': cls.gym.id, 'analytic_distribution': {str(site.id): 100}}
        )
        cls.other_customer.property_account_position_id = cls.env['account.fiscal.position'].create(
            {'name': "Reduced", 'company_id': cls.company.id}
        )
        gym, course = [(cls.gym, 2), (cls.fee, 1)], [(cls.course, 1)]
        cls.orders = cls.env['sale.order'].union(
            *(
                cls._create_active_order(*lines, partner=partner, currency=currency)
                for lines in (gym, course)
                for partner in (cls.customer, cls.other_customer)
                for currency in (None, 'USD')
            )
        )
        # A note is posted, not logged, where somebody follows the notes.
        cls.orders[0].message_subscribe(
            cls.salesperson.partner_id.ids, cls.env.ref('mail.mt_note').ids
        )

    @classmethod
    def _create_active_order(cls, *lines, partner, currency):
        """Return an order whose initial payment was approved now."""
        order = cls._create_order(*lines, partner=partner, currency=currency)
        token = cls._create_token(partner=partner)
        cls._create_initial_transaction(
            order,
            'done',
            token_id=token.id,
            amount=order._get_purchase()._get_initial_amount(order),
        )._post_process()
        return order

    def _make(self, in_batch):
        """Make the documents of the next payments, and return what they are; undo them."""
        try:
            with self.env.cr.savepoint():
                before = {
                    name: max(self.env[name].sudo().search([]).ids, default=0) for name in DOCUMENTS
                }
                self._collect_in_batch() if in_batch else self._collect_one_by_one()
                self.env.flush_all()
                self.env.invalidate_all()
                made = self._describe(before)
                raise _Undone
        except _Undone:
            self.env['account.move']._get_sequence_cache().clear()
        return made

    def _get_next_events(self, context):
        events = self.orders.billing_event_ids.filtered(lambda event: event.status == 'scheduled')
        firsts = events._get_first_of_orders().with_context(**context)
        return firsts.sorted(lambda event: event.order_id.id)

    def _collect_in_batch(self):
        """Collect the next payments as the charge run does."""
        run = self.env['billpro.billing.run']
        events = self._get_next_events(BATCH_CONTEXT)
        for same_type in events.grouped(lambda event: event.order_id.purchase_type).values():
            same_type[0].order_id._get_purchase()._create_event_invoices(same_type)
        txs = events.env['payment.transaction'].create(run._prepare_attempts(events))
        txs._set_done()
        run._book_payments(txs)

    def _collect_one_by_one(self):
        """Collect the next payments as Odoo does, with nobody told of it either."""
        run = self.env['billpro.billing.run']
        events = self._get_next_events({**BATCH_CONTEXT, 'billing_batch': False})
        for event in events:
            event.order_id._get_purchase()._create_event_invoices(event)
        txs = events.env['payment.transaction'].create(
            [run._prepare_attempt(event) for event in events]
        )
        txs._set_done()
        for invoice in txs.invoice_ids:
            invoice.action_post()
        for tx in txs:
            tx._create_payment()

    def _describe(self, before):
        """Return the documents that were made since: their stored fields by model, in order.

        What refers to one of them has its place instead of its id.
        """
        made = {
            name: self.env[name].sudo().search([('id', '>', last)], order=DOCUMENTS[name])
            for name, last in before.items()
        }
        places = {
            (name, record.id): f'{name} {place}'
            for name, records in made.items()
            for place, record in enumerate(records)
        }

        def describe(record, name):
            field, value = record._fields[name], record[name]
            if field.relational:
                return [places.get((value._name, each.id), each.id) for each in value.sorted('id')]
            if field.type == 'many2one_reference':
                return places.get((record[field.model_field], value), value)
            if name == 'extra_tax_data' and value:
                # Its number among those that were made together; it says which lines belong to it.
                return {**value, 'computation_key': value['computation_key'].rpartition(',')[0]}
            return value

        return {
            model: [
                {
                    name: describe(record, name)
                    for name, field in record._fields.items()
                    if field.store and name not in DIFFERENT
                }
                for record in records
            ]
            for model, records in made.items()
        }

    def test_documents_are_those_that_odoo_makes_one_by_one(self):
        at_once, one_by_one = self._make(in_batch=True), self._make(in_batch=False)
        counts = {model: len(records) for model, records in one_by_one.items()}
        self.assertEqual(counts['account.payment'], 8)
        self.assertEqual({model: len(records) for model, records in at_once.items()}, counts)
        for model in DOCUMENTS:
            for place, (ours, theirs) in enumerate(
                zip(at_once[model], one_by_one[model], strict=True)
            ):
                with self.subTest(model=model, place=place):
                    differences = {
                        name: (value, theirs[name])
                        for name, value in ours.items()
                        if value != theirs[name]
                        if not (model == 'mail.message' and name in OF_MAILS)
                    }
                    self.assertFalse(differences)
