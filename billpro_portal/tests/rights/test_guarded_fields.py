import json

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import HttpCase, tagged
from odoo.tools import mute_logger

from ...models.rights.guarded_fields import OF_ORDERS, OWN
from ...models.rights.own_context import INSIDE, get_answers, is_inside
from ..common.rights import GROUPS, RightsCommon


@tagged('post_install', '-at_install')
class TestGuardedFields(RightsCommon, HttpCase):
    """What decides about money is written by the addon's own methods, whoever asks by RPC."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._create_users()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_declined_order()
        cls.order._portal_ensure_token()
        cls.order.user_id = cls.users['salesperson of own orders']
        cls.draft = cls._create_order(sent=False)
        cls.draft.user_id = cls.order.user_id
        cls.records = {
            record._name: record
            for record in (
                cls.order,
                cls.order.order_line,
                cls.order.billing_move_ids[:1],
                cls.order.billing_transaction_ids.filtered(lambda tx: tx.state == 'done')[:1],
                cls.order.billing_token_id,
            )
        }

    def _as(self, user, record):
        self.env.flush_all()
        self.env.invalidate_all()
        return record.with_user(user).with_context(allowed_company_ids=self.company.ids)

    def _get_other_value(self, record, name):
        """Return a value for a field that the record doesn't have."""
        field = record._fields[name]
        if field.type in {'one2many', 'many2many'}:
            return [Command.clear()]
        if field.type == 'selection':
            return next(key for key in field.get_values(self.env) if key != record[name])
        return {
            'many2one': False,
            'boolean': True,
            'date': '2020-01-01',
            'datetime': '2020-01-01 00:00:00',
            'char': 'x',
            'text': 'x',
        }.get(field.type, 0.01)

    def _assert_refused(self, role, record, **values):
        for name, value in values.items():
            with self.subTest(role, model=record._name, field=name):
                with self.assertRaises(AccessError):
                    record.write({name: value})
                record.env.invalidate_all()

    @mute_logger('odoo.models', 'odoo.orm.models', 'odoo.addons.base.models.ir_model')
    def test_nobody_writes_them(self):
        writers = set()
        for role, user in self.users.items():
            for model, record in self.records.items():
                if not self._as(user, record).has_access('write'):
                    continue
                writers.add((role, model))
                names = OWN.get(model, set()) | OF_ORDERS.get(model, set())
                self.assertTrue(names)
                values = {name: self._get_other_value(record, name) for name in names}
                self._assert_refused(role, self._as(user, record), **values)
        for role in list(GROUPS)[:3]:
            self.assertIn((role, 'sale.order'), writers)
        self.assertIn(('invoicing', 'payment.transaction'), writers)
        self.assertIn(('administrator', 'payment.transaction'), writers)

    @mute_logger('odoo.models', 'odoo.orm.models')
    def test_payments_of_orders_stay_as_they_are(self):
        """All of them, not only what the addon adds, and they are not deleted either."""
        tx = self.records['payment.transaction']
        for role in ('invoicing', 'administrator'):
            mine = self._as(self.users[role], tx)
            self._assert_refused(
                role,
                mine,
                amount=1.0,
                state='draft',
                currency_id=self.env.ref('base.AED').id,
                partner_id=self.other_customer.id,
                token_id=False,
                provider_reference='x',
                operation='refund',
                is_post_processed=False,
                invoice_ids=[Command.clear()],
                sale_order_ids=[Command.set(self.draft.ids)],
            )
        with self.assertRaises(UserError):
            self._as(self.users['administrator'], tx).unlink()

    @mute_logger('odoo.models', 'odoo.orm.models')
    def test_no_payment_is_invented(self):
        values = {
            'provider_id': self.provider.id,
            'payment_method_id': self.payment_method.id,
            'amount': 121.0,
            'currency_id': self.draft.currency_id.id,
            'partner_id': self.customer.id,
            'state': 'done',
        }
        # Others can't: the provider is none of their business.
        Transaction = self._as(self.users['administrator'], self.env['payment.transaction'])
        for link in (
            {'billing_order_id': self.draft.id},
            {'sale_order_ids': [Command.set(self.draft.ids)]},
            {'invoice_ids': [Command.set(self.order.billing_move_ids.ids)]},
            {'source_transaction_id': self.records['payment.transaction'].id},
        ):
            with self.subTest(link=link), self.assertRaises(AccessError):
                Transaction.create({**values, 'reference': 'X', **link})
        # What isn't ours stays as in Odoo.
        tx = Transaction.create({**values, 'reference': 'OWN'})
        tx.amount = 1.0
        with self.assertRaises(AccessError):
            tx.sale_order_ids = self.draft

    @mute_logger('odoo.models', 'odoo.orm.models')
    def test_no_booking_is_invented(self):
        """A payment of the books belongs to the transaction that it was made for."""
        Payment = self._as(self.users['invoicing'], self.env['account.payment'])
        with self.assertRaises(AccessError):
            Payment.create(
                {
                    'amount': 1.0,
                    'partner_id': self.customer.id,
                    'payment_transaction_id': self.records['payment.transaction'].id,
                }
            )

    def test_no_payment_is_taken_to_something_else(self):
        """What was paid for an order pays no other document, whichever end the link is made at."""
        tx = self.records['payment.transaction']
        link = {'transaction_ids': [Command.set(tx.ids)]}
        Invoice = self._as(self.users['invoicing'], self.env['account.move'])
        values = {
            'move_type': 'out_invoice',
            'partner_id': self.customer.id,
            'invoice_line_ids': [Command.create({'name': "Other", 'price_unit': tx.amount})],
        }
        product = self.env['product.product'].create({'name': "Paper", 'list_price': 1.0})
        ordinary = self._create_order((product, 1), sent=False)
        self.assertFalse(ordinary.purchase_type)
        Order = self._as(self.users['invoicing'], ordinary)
        for way, act in (
            ('create', lambda: Invoice.create({**values, **link})),
            (
                'default',
                lambda: Invoice.with_context(
                    default_transaction_ids=link['transaction_ids']
                ).create(values),
            ),
            ('write', lambda: Invoice.create(values).write(dict(link))),
            ('order', lambda: Order.write(dict(link))),
            ('copied order', lambda: Order.copy(link)),
        ):
            with self.subTest(way), self.assertRaises(AccessError), self.env.cr.savepoint():
                act()
        self.assertEqual(tx.invoice_ids.billing_order_id, self.order)

    @mute_logger('odoo.models', 'odoo.orm.models')
    def test_all_doors_of_a_salesperson(self):
        user = self.users['salesperson of all orders']
        order = self._as(user, self.draft)
        Order = order.browse()
        token = self.order.billing_token_id
        values = {'partner_id': self.other_customer.id}
        for name, value in (
            ('billing_status', 'active'),
            ('billing_token_id', token.id),
            ('billing_period_amount', 0.01),
            ('billing_paid', 121.0),
        ):
            with self.subTest(name):
                with self.assertRaises(AccessError):
                    Order.create({**values, name: value})
                with self.assertRaises(AccessError):
                    Order.with_context(**{f'default_{name}': value}).create(values)
                with self.assertRaises(AccessError):
                    order.copy({name: value})
                with self.assertRaises(AccessError):
                    order.web_save({name: value}, {})
                column = f'{name}/.id' if name.endswith('_id') else name
                result = Order.load(['.id', column], [[str(order.id), str(value)]])
                self.assertFalse(result['ids'])
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    self.customer.with_user(user).write(
                        {'sale_order_ids': [Command.update(order.id, {name: value})]}
                    )
        # A default of one's own, too: Odoo lets every user have them.
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.env['ir.default'].with_user(user).set(
                'sale.order', 'billing_status', 'active', user_id=True
            )
        self.assertEqual(Order.create(values).billing_status, 'draft')
        self.assertFalse(order.copy().billing_token_id)

    def test_the_token_of_an_order_link_is_nobodys_choice(self):
        user = self.users['salesperson of all orders']
        Order = self._as(user, self.env['sale.order'])
        values = {
            'partner_id': self.customer.id,
            'access_token': 'x',
            'order_line': [Command.create({'product_id': self.desk.id})],
        }
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            Order.create(values)
        self.desk.purchase_type = False
        ordinary = Order.create(values)
        ordinary.access_token = 'y'
        self.assertEqual(ordinary.access_token, 'y')

    def _call_kw(self, model, method, args, context):
        """Call a method as the web client does; return the answer, errors included."""
        self.env.flush_all()
        params = {
            'model': model,
            'method': method,
            'args': args,
            'kwargs': {'context': context},
        }
        return self.url_open(
            f'/web/dataset/call_kw/{model}/{method}',
            data=json.dumps({'params': params}),
            headers={'Content-Type': 'application/json'},
        ).json()

    def test_by_request(self):
        """A context of one's own opens nothing."""
        self.authenticate('salesperson', 'salesperson')
        for method, args in (
            ('write', [self.order.ids, {'billing_status': 'pending'}]),
            ('web_save', [self.order.ids, {'billing_token_id': False}, {}]),
        ):
            answer = self._call_kw('sale.order', method, args, {'su': True, 'billing_batch': True})
            self.assertEqual(answer['error']['data']['name'], 'odoo.exceptions.AccessError')
        self.order.invalidate_recordset()
        self.assertEqual(self.order.billing_status, 'active')
        self.assertTrue(self.order.billing_token_id)

    @freeze_time('2027-01-12 10:00:00')
    def test_a_request_says_nothing_that_only_our_methods_say(self):
        """Lines that are changed by a request are followed, whatever its context pretends."""
        event = self.order.billing_event_ids.filtered(lambda event: event.status == 'scheduled')
        line = self.order.order_line[:1]
        self.authenticate('billing manager', 'billing manager')
        answer = self._call_kw(
            'sale.order.line',
            'write',
            [line.ids, {'price_unit': 2 * line.price_unit}],
            {'billing_lines_changing': True},
        )
        self.assertTrue(answer['result'])
        self.env.invalidate_all()
        self.assertEqual(event.amount, self.order.amount_total)

    def test_our_context_is_set_inside_only(self):
        for value in (True, 'inside', ['inside'], {'inside': 1}):
            env = self.env(context={'billing_batch': value, 'billing_answers': value})
            self.assertFalse(is_inside(env, 'billing_batch'))
            self.assertIsNone(get_answers(env))
        self.assertTrue(is_inside(self.env(context={'billing_batch': INSIDE}), 'billing_batch'))
        self.assertEqual(json.dumps({'context': INSIDE}), '{"context": "inside"}')

    def test_the_type_of_a_live_order_stays(self):
        order = self._as(self.billing_manager, self.order)
        with self.assertRaisesRegex(UserError, "agreed to the payment terms"):
            order.purchase_type = False

    def test_odoos_status_is_changed_by_buttons(self):
        """An order that only looks cancelled would go on being charged, or could still be paid."""
        pending = self._create_order()
        for order, state in (
            (self.order, 'cancel'),
            (self.order, 'draft'),
            (self.order, 'sent'),
            (pending, 'cancel'),
        ):
            with (
                self.subTest(order=order.billing_status, state=state),
                self.assertRaisesRegex(UserError, f"Use the buttons of order {order.name}"),
                self.env.cr.savepoint(),
            ):
                self._as(self.billing_manager, order).state = state
        self._as(self.billing_manager, pending).action_cancel()
        self.assertEqual((pending.state, pending.billing_status), ('cancel', 'cancelled'))
        self._as(self.billing_manager, pending).action_draft()
        self.assertEqual((pending.state, pending.billing_status), ('draft', 'draft'))
        self._as(self.billing_manager, pending).action_confirm()
        self.assertEqual((pending.state, pending.billing_status), ('sale', 'draft'))

    def test_a_type_that_is_put_back_brings_no_other_total(self):
        order = self._as(self.billing_manager, self._create_order(sent=False))
        order.action_confirm()  # From then on its products don't decide it.
        total = order.amount_total
        order.purchase_type = False
        order.amount_total = 0.01
        order.purchase_type = 'single'
        self.assertEqual(order.amount_total, total)

    def test_no_line_brings_the_invoice_of_somebody_else(self):
        order = self._as(self.billing_manager, self._create_order(sent=False))
        line = self.order.billing_move_ids[:1].invoice_line_ids[:1]
        values = {'order_id': order.id, 'product_id': self.desk.id}
        commands = [Command.link(line.id)]
        for lines, vals in (
            (order.order_line, {**values, 'invoice_lines': commands}),
            (order.order_line.with_context(default_invoice_lines=commands), values),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                lines.create(vals)

    def test_the_documents_of_an_order_are_for_its_customer(self):
        invoice = self.order.billing_move_ids[:1]
        invoice.button_draft()
        mine = self._as(self.users['invoicing'], invoice)
        with self.assertRaisesRegex(UserError, "are for its customer"), self.env.cr.savepoint():
            mine.partner_id = self.other_customer
        colleague = self.customer.create({'name': "Colleague", 'parent_id': self.customer.id})
        mine.partner_id = colleague
        self.assertEqual(invoice.partner_id, colleague)

    # === WHOSE CARD === #

    def test_a_card_of_somebody_else_is_no_card_of_an_order(self):
        card = self._create_token(partner=self.other_customer)
        with self.assertRaises(ValidationError), self.env.cr.savepoint():
            self.order.billing_token_id = card
        colleague = self.customer.create({'name': "Colleague", 'parent_id': self.customer.id})
        self.order.billing_token_id = self._create_token(partner=colleague)

    def test_another_customer_of_the_order_drops_the_card(self):
        order = self._as(self.billing_manager, self.order)
        order.partner_id = self.other_customer
        self.assertFalse(self.order.billing_token_id)
        self.assertIn("belongs to Anna Peeters", str(self.order.message_ids[:1].body))
        self.order.billing_event_ids.declined_token_id.demo_simulated_state = 'done'
        before = len(self.order.billing_transaction_ids)
        with freeze_time('2027-02-12 10:00:00'):
            self._run()
        self.assertEqual(len(self.order.billing_transaction_ids), before)

    def test_another_contact_of_the_customer_keeps_the_card(self):
        card = self.order.billing_token_id
        colleague = self.customer.create({'name': "Colleague", 'parent_id': self.customer.id})
        self._as(self.billing_manager, self.order).partner_id = colleague
        self.assertEqual(self.order.billing_token_id, card)

    def test_a_card_that_changed_hands_is_not_charged(self):
        """What no write on the order shows is found when the attempt is opened."""
        card = self.order.billing_token_id
        card.demo_simulated_state = 'done'
        card.partner_id = self.other_customer
        before = len(self.order.billing_transaction_ids)
        with freeze_time('2027-02-12 10:00:00'):
            self._run()
        self.assertEqual(len(self.order.billing_transaction_ids), before)
        self.assertIn(
            "belongs to Bart Claes",
            set(self.order.billing_event_ids.mapped('status_message')).pop() or '',
        )
