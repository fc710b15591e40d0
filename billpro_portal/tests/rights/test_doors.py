from freezegun import freeze_time

from odoo import Command, models
from odoo.exceptions import AccessError, UserError
from odoo.service.model import get_public_method
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ...models.rights.guarded_fields import OWN
from ..common.doors import FIELDS, METHODS, ODOO, READERS, WRITERS
from ..common.rights import GROUPS, RightsCommon

OURS = 'odoo.addons.billpro_portal.'


@tagged('post_install', '-at_install')
class TestDoors(RightsCommon):
    """All that can be called and written by RPC, and by whom."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._create_users()
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_declined_order()
        event = cls.order.billing_event_ids[:1]
        event.status = 'unknown'  # One of the billing exceptions.
        tx = cls.order.billing_transaction_ids[:1]
        cls.env.flush_all()
        subject = {'order_id': cls.order.id}
        cls.records = {
            record._name: record
            for record in (
                cls.order,
                event,
                tx,
                cls.order.billing_token_id,
                cls.provider,
                cls.order.billing_notification_ids[:1],
                cls.env['billpro.notification.kind'].search([], limit=1),
                cls.env['billpro.billing.run'].create({'company_id': cls.company.id}),
                cls.env['billpro.cancel.subscription'].create(subject),
                cls.env['billpro.capture'].create({**subject, 'transaction_id': tx.id}),
                cls.env['billpro.charge.card'].create(subject),
                cls.env['billpro.merge'].create(
                    {**subject, 'event_ids': [Command.set(event.ids)], 'day': '2027-03-01'}
                ),
                cls.env['billpro.order.link'].create(subject),
                cls.env['billpro.pause'].create(subject),
                cls.env['billpro.refund'].create({**subject, 'transaction_id': tx.id}),
                cls.env['billpro.reschedule'].create({'event_id': event.id, 'day': '2027-03-01'}),
                cls.env['billpro.skip'].create({'event_id': event.id}),
                cls.env['billpro.take.payment'].create(subject),
                cls.env['billpro.webhook.event'].search([], limit=1)
                or cls.env['billpro.webhook.event'].browse(1),
                cls.env['billpro.billing.exception'].search([('event_id', '=', event.id)]),
                cls.env['billpro.card.expiry'].browse(cls.order.id),
                cls._create_payout(),
            )
        }

    @classmethod
    def _create_payout(cls):
        return cls.env['billpro.payout']._record(
            cls.provider,
            {
                'provider_reference': 'PO-1',
                'provider_status': 'paid',
                'arrival_date': '2027-01-12',
                'currency_id': cls.company.currency_id.id,
                'amount': 100.0,
            },
        )

    def _get_public_methods(self, model):
        """Return the names of the methods of a model that the addon defines and RPC reaches."""
        names = {
            name
            for defining in type(self.env[model]).mro()
            if defining.__module__.startswith(OURS)
            for name, value in vars(defining).items()
            if callable(value) and not name.startswith('_') and not isinstance(value, type)
        }
        reached = set()
        for name in names:
            try:
                get_public_method(self.env[model], name)
            except AccessError:
                continue
            reached.add(name)
        return reached

    def test_all_methods_are_declared(self):
        inherited = METHODS['billpro.dialog']
        for model in self.env.registry:
            if issubclass(self.env.registry[model], self.env.registry['billpro.dialog']):
                expected = {**inherited, **METHODS.get(model, {})}
            else:
                expected = METHODS.get(model, {})
            with self.subTest(model):
                self.assertEqual(self._get_public_methods(model), set(expected))

    def _get_written_fields(self, model):
        """Return the fields of the addon that whoever may write a model's records can set."""
        written = self.env['ir.model.access'].search(
            [
                ('model_id.model', '=', model),
                '|',
                ('perm_write', '=', True),
                ('perm_create', '=', True),
            ]
        )
        if not written:
            return set()
        return {
            name
            for name, field in self.env[model]._fields.items()
            if field._module == 'billpro_portal'
            and name not in models.MAGIC_COLUMNS
            and (field.store or field.inverse or field.company_dependent)
            and not (field.compute and field.precompute and field.readonly)
            and name not in OWN.get(model, ())
        }

    def test_all_fields_are_declared(self):
        for model in self.env.registry:
            # Settings are those of the company.
            if model == 'res.config.settings' or self.env[model]._abstract:
                continue
            with self.subTest(model):
                self.assertEqual(self._get_written_fields(model), FIELDS.get(model, set()))
        for model, names in OWN.items():
            self.assertLessEqual(names, set(self.env[model]._fields), model)

    def _may_call(self, who, role, record):
        if who in {READERS, WRITERS}:
            return record.has_access(who)
        return role in who

    @mute_logger('odoo.models', 'odoo.orm.models', 'odoo.addons.base.models.ir_model')
    def test_nobody_else_calls_them(self):
        self.env.flush_all()
        called = 0
        for model, methods in METHODS.items():
            for name, who in methods.items():
                if who == ODOO or model not in self.records:
                    continue
                for role, user in self.users.items():
                    record = self._as(user, self.records[model])
                    if self._may_call(who, role, record):
                        continue
                    called += 1
                    with (
                        self.subTest(model, method=name, role=role),
                        self.assertRaises(AccessError),
                        self.env.cr.savepoint(),
                    ):
                        get_public_method(record, name)(record)
        self.assertGreater(called, 200)

    # === CARDS === #

    def test_cards_tell_nobody_of_order_links(self):
        card = self.order.billing_token_id
        self.order.user_id = self.users['salesperson of all orders']
        token = self.order._portal_ensure_token()
        self.users['customer'].partner_id = self.customer
        told = {}
        for role, user in self.users.items():
            try:
                told[role] = self._as(user, card).get_linked_records_info()
            except AccessError:
                continue
            self.assertNotIn(token, str(told[role]))
            self.assertEqual(bool(told[role]), self.order.with_user(user).has_access('read'), role)
        self.assertEqual(set(GROUPS) - set(told), {'employee', 'administrator'})
        self.assertEqual(told['customer'][0]['url'], f'/order/{self.order.id}')
        self.assertEqual(told['salesperson of own orders'], [])

    def test_who_may_read_the_token_of_an_order_link(self):
        token = self.order._portal_ensure_token()
        self.users['customer'].partner_id = self.customer
        for role, user in self.users.items():
            order = self._as(user, self.order)
            if not order.has_access('read'):
                continue
            with self.subTest(role):
                entitled = order._has_field_access(order._fields['order_link'], 'read')
                url = order.get_portal_url(suffix='/result')
                self.assertTrue(url.startswith(f'/order/{order.id}/result'))
                self.assertEqual(token in url, entitled or role == 'customer')
                if entitled:
                    self.assertEqual(order.access_token, token)
                    continue
                with self.assertRaises(AccessError):
                    order.read(['access_token'])
                with self.assertRaises(AccessError):
                    order.search([('access_token', '=like', token[:1] + '%')])

    def _as(self, user, record):
        self.env.flush_all()
        self.env.invalidate_all()
        return record.with_user(user).with_context(allowed_company_ids=self.company.ids)

    # === OTHER PEOPLE'S ORDERS === #

    def test_own_orders_only_holds_for_payments(self):
        """Sale's own rule lets salespeople read all payments, and rules of groups add up."""
        user = new_test_user(
            self.env,
            login='own',
            groups='billpro_portal.group_billing_user',
            company_id=self.company.id,
        )
        with freeze_time('2027-01-10 10:00:00'):
            own = self._create_active_order()
        own.user_id = user
        self.order.user_id = self.billing_manager
        unpaid = self._create_order((self.desk, 1))
        elsewhere = self._create_initial_transaction(
            unpaid, billing_order_id=False, reference='ELSEWHERE'
        )
        Transaction = self._as(user, self.env['payment.transaction'])
        found = Transaction.search([])
        self.assertIn(elsewhere, found)  # What isn't ours is as in Odoo.
        self.assertEqual(found.billing_order_id, own)
        for role in ('salesperson of all orders', 'billing manager', 'invoicing', 'administrator'):
            everyone = self._as(self.users[role], Transaction.browse())
            if everyone.has_access('read'):
                self.assertIn(self.order.billing_transaction_ids[0], everyone.search([]))

    @mute_logger('odoo.models', 'odoo.orm.models')
    def test_dialogs_show_nothing_of_other_peoples_orders(self):
        user = new_test_user(
            self.env,
            login='own',
            groups='billpro_portal.group_billing_manager',
            company_id=self.company.id,
        )
        self.order.user_id = self.billing_manager
        event, tx = self.order.billing_event_ids[:1], self.order.billing_transaction_ids[:1]
        own = self._create_order((self.gym, 1))
        own.user_id = user
        about = {'order_id': self.order.id}
        for model, values in (
            ('cancel.subscription', about),
            ('capture', {**about, 'transaction_id': tx.id}),
            ('capture', {'order_id': own.id, 'transaction_id': tx.id}),
            ('charge.card', about),
            ('charge.card', {'order_id': own.id, 'token_id': self._foreign_card().id}),
            ('merge', {**about, 'day': '2027-03-01'}),
            (
                'merge',
                {'order_id': own.id, 'event_ids': [Command.set(event.ids)], 'day': '2027-03-01'},
            ),
            ('order.link', about),
            ('pause', about),
            ('refund', {**about, 'transaction_id': tx.id}),
            ('refund', {'order_id': own.id, 'transaction_id': tx.id}),
            ('reschedule', {'event_id': event.id, 'day': '2027-03-01'}),
            ('skip', {'event_id': event.id}),
            ('take.payment', about),
            ('take.payment', {'order_id': own.id, 'event_id': event.id}),
        ):
            Dialog = self._as(user, self.env[f'billpro.{model}'])
            with self.subTest(model, **values):
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    Dialog.create(values)
                if own.id in values.values():
                    continue
                # The values of a dialog that was never saved.
                spec = {
                    name: {}
                    for name, field in Dialog._fields.items()
                    if field.type in {'monetary', 'char', 'many2many'} and name != 'display_name'
                }
                with self.assertRaises(AccessError), self.env.cr.savepoint():
                    result = Dialog.onchange(dict(values), [], spec)
                    shown = {name: result['value'].get(name) for name in spec}
                    self.assertFalse([name for name, value in shown.items() if value], shown)
                    raise AccessError(str(shown))

    def _foreign_card(self):
        return self._create_token(partner=self.other_customer)

    def test_reasons_of_all_companies_are_not_one_companys_to_change(self):
        manager = self._as(self.users['billing manager'], self.env['billpro.cancel.reason'])
        shared = manager.search([('company_id', '=', False)], limit=1)
        own = manager.create({'name': "Moved", 'company_id': self.company.id})
        own.name = "Moved away"
        kind = manager.env['billpro.notification.kind'].search([], limit=1)
        kind.mail_on = not kind.mail_on
        for record, values in (
            (shared, {'name': "Bankrupt"}),
            (own, {'company_id': False}),
            (kind, {'mail_template_id': False}),
        ):
            with self.assertRaises(AccessError), self.env.cr.savepoint():
                record.write(values)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            shared.unlink()

    # === ODOO'S OWN DIALOGS === #

    def test_refunds_go_through_the_orders_own_dialog(self):
        tx = self._as(self.billing_manager, self.records['payment.transaction'])
        action = tx.action_refund(amount_to_refund=5.0)
        dialog = self.env[action['res_model']].browse(action['res_id'])
        self.assertEqual(
            (dialog._name, dialog.transaction_id, dialog.amount), ('billpro.refund', tx.sudo(), 5.0)
        )
        self.assertFalse(self.order.billing_refunded)
        self.assertEqual(self.order.billing_refund_count, 0)

    def test_captures_go_through_the_orders_own_dialog(self):
        tx = self.records['payment.transaction']
        tx.state = 'authorized'
        Wizard = self._as(self.users['invoicing'], self.env['payment.capture.wizard'])
        wizard = Wizard.create({'transaction_ids': [Command.set(tx.ids)]})
        with self.assertRaisesRegex(UserError, "with the button “Capture”"):
            wizard.action_capture()

    def test_odoos_other_links_say_what_to_do(self):
        draft = self._create_order(sent=False)
        ordinary = self._create_order((self._create_plain_product(), 1), sent=False)
        for order in (draft, self.order):
            for model, values in (
                ('payment.link.wizard', {'amount': 1.0}),
                ('portal.share', {'partner_ids': [Command.set(self.customer.ids)]}),
            ):
                Wizard = self.env[model]
                opened = Wizard.with_context(active_model='sale.order', active_id=order.id)
                with self.assertRaisesRegex(UserError, "button “Order Link”"):
                    opened.default_get(['res_model', 'res_id'])
                subject = {'res_model': 'sale.order', 'res_id': order.id}
                with self.assertRaisesRegex(UserError, "button “Order Link”"):
                    wizard = Wizard.create({**subject, **values})
                    wizard.read([name for name in ('link', 'share_link') if name in wizard])
        opened = self.env['payment.link.wizard'].with_context(
            active_model='sale.order', active_id=ordinary.id
        )
        self.assertIn(f'/my/orders/{ordinary.id}', opened.create({'amount': 1.0}).link)

    def _create_plain_product(self):
        return self._create_sold_product("Chair", 10.0, self.tax_21, purchase_type=False)
