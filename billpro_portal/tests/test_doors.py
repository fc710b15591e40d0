from freezegun import freeze_time

from odoo import Command, models
from odoo.exceptions import AccessError
from odoo.service.model import get_public_method
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ..models.guarded_fields import OWN
from .common.doors import FIELDS, METHODS, ODOO, READERS, WRITERS
from .common.rights import RightsCommon
from .test_read_access import GROUPS

OURS = 'odoo.addons.billpro_portal.'


@tagged('post_install', '-at_install')
class TestDoors(RightsCommon):
    """All that can be called and written by RPC, and by whom."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = {
            role: new_test_user(
                cls.env, login=role, groups=groups, company_id=cls.company.id, tz='UTC'
            )
            for role, groups in GROUPS.items()
        }
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
            )
        }

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
            if 'billpro.dialog' in self.env[model]._inherit:
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
                    self.env.invalidate_all()
                    record = self.records[model].with_user(user)
                    record = record.with_context(allowed_company_ids=self.company.ids)
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
            self.env.flush_all()
            self.env.invalidate_all()
            mine = card.with_user(user).with_context(allowed_company_ids=self.company.ids)
            try:
                told[role] = mine.get_linked_records_info()
            except AccessError:
                continue
            self.assertNotIn(token, str(told[role]))
            self.assertEqual(bool(told[role]), self.order.with_user(user).has_access('read'), role)
        self.assertEqual(set(GROUPS) - set(told), {'employee', 'administrator'})
        self.assertEqual(told['customer'][0]['url'], f'/order/{self.order.id}')
        self.assertEqual(told['salesperson of own orders'], [])
