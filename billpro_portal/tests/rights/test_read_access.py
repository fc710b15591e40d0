from freezegun import freeze_time

from odoo.exceptions import AccessError
from odoo.tests import tagged

from ..common.rights import GROUPS, RightsCommon

# They may read all payments but no order: Odoo can't export its own link to the orders, either.
NOT_EXPORTED = {('administrator', 'payment.transaction'): {'billing_order_id'}}


@tagged('post_install', '-at_install')
class TestReadAccess(RightsCommon):
    """Whoever may read a record may read all of it, as exports and JSON-2 do.

    Of what the addon adds to Odoo's models, users see what they have access to.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._create_users()
        for user in cls.users.values():
            if user._is_internal():
                user.group_ids += cls.env.ref('base.group_allow_export')
        with freeze_time('2027-01-10 10:00:00'):
            cls.order = cls._create_declined_order()
        cls.order.user_id = cls.users['salesperson of own orders']
        cls.order.billing_move_ids.invoice_user_id = cls.order.user_id
        cls.users['customer'].partner_id.parent_id = cls.customer
        cls.order.message_subscribe(cls.users['customer'].partner_id.ids)
        cls.order.partner_id.commercial_partner_id.invalidate_recordset()
        cls.records = {}
        for record in (
            cls.order,
            cls.order.order_line,
            cls.order.billing_move_ids[:1],
            cls.order.billing_move_ids.invoice_line_ids[:1],
            cls.order.billing_transaction_ids[:1],
            cls.order.billing_transaction_ids.payment_id[:1],
            cls.order.billing_token_id,
            cls.gym.product_tmpl_id,
            cls.gym,
            cls.company,
            cls.provider,
            cls.order._billing_ask_staff('look', "Look", "Here"),
            cls.env['account.fiscal.position'].create({'name': "Abroad"}),
            cls.env['account.analytic.distribution.model'].create({}),
        ):
            cls.records[record._name] = record

    def _get_extended_models(self):
        """Return the names of Odoo's models to which the addon adds a field, without dialogs."""
        return {
            name
            for name, model in self.env.items()
            if not name.startswith('billpro.')
            and any(field._module == 'billpro_portal' for field in model._fields.values())
            and not model._abstract
            and not model._transient
        }

    def _readable(self):
        """Yield users with the records that they may read."""
        for role, user in self.users.items():
            for record in self.records.values():
                record = record.with_user(user).with_context(allowed_company_ids=self.company.ids)
                if record.has_access('read'):
                    yield role, record
                record.env.invalidate_all()

    def test_all_extended_models_are_looked_at(self):
        self.assertEqual(self._get_extended_models() - set(self.records), set())

    def test_records_are_read_without_a_list_of_fields(self):
        seen = set()
        for role, record in self._readable():
            ours = [
                name
                for name in record.fields_get(attributes=[])
                if record._fields[name]._module == 'billpro_portal'
            ]
            with self.subTest(role, model=record._name):
                try:
                    [values] = record.read()
                    seen.add((role, record._name))
                except AccessError:
                    # Odoo's own fields are no business of ours. No names would be all of them.
                    record.env.invalidate_all()
                    [values] = record.read([*ours, 'id'])
                self.assertLessEqual(set(ours), set(values))
        for role in list(GROUPS)[:7]:
            self.assertIn((role, 'sale.order'), seen)

    def test_records_are_exported_with_all_fields(self):
        for role, record in self._readable():
            if not record.env.user.has_group('base.group_allow_export'):
                continue
            exported = {
                name
                for name, field in record.fields_get(attributes=['exportable']).items()
                if field.get('exportable', True)
                and record._fields[name]._module == 'billpro_portal'
            } - NOT_EXPORTED.get((role, record._name), set())
            with self.subTest(role, model=record._name):
                rows = record.export_data([*exported, 'id'])['datas']
                self.assertEqual(len(rows[0]), len(exported) + 1)

    def test_who_sees_which_part_of_an_order(self):
        """Only what the reader finds behind it."""
        readers = {
            'billing_transaction_ids': {'invoicing', 'bookkeeper', 'billing user'},
            'billing_notification_ids': {'salesperson of own orders', 'accountant'},
            'billing_event_ids': {'salesperson of own orders', 'accountant', 'billing user'},
            'billing_move_ids': {'salesperson of own orders', 'accountant', 'invoicing'},
        }
        for name, roles in readers.items():
            for role in roles:
                with self.subTest(name, role=role):
                    order = self.order.with_user(self.users[role])
                    order = order.with_context(allowed_company_ids=self.company.ids)
                    order.env.invalidate_all()
                    self.assertTrue(order.read([name])[0][name])
        for name in readers:
            self.assertNotIn(name, self.order.with_user(self.users['customer']).fields_get())
        for role in ('salesperson of own orders', 'accountant'):
            order = self.order.with_user(self.users[role])
            self.assertNotIn('billing_transaction_ids', order.fields_get())
