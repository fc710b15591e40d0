import re
from datetime import datetime

from lxml import etree, html

from odoo import Command
from odoo.tests import new_test_user, tagged

from ..common.notification import TimedCommon

# What a template shows where a value is missing.
NONSENSE = re.compile(r'\b(?:False|None)\b|\(\s*\)|\border\s*\)')


@tagged('post_install', '-at_install')
class TestNoticeTemplates(TimedCommon):
    """Odoo renders a template that is new or edited for the newest record of its model.

    That can be any record: one of an ordinary sale, of another way to pay, or hardly filled in.
    """

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        data = cls.env['ir.model.data'].search([('module', '=', 'billpro_portal')])
        cls.mail_templates, cls.sms_templates, cls.reports = (
            cls.env[model].browse(data.filtered(lambda d, m=model: d.model == m).mapped('res_id'))
            for model in ('mail.template', 'sms.template', 'ir.actions.report')
        )
        cls.unreachable = cls.env['res.partner'].create({'name': "No Address"})
        cls.address = cls.env['res.partner'].create(
            {'parent_id': cls.customer.id, 'type': 'delivery'}
        )
        cls.ordinary = cls._create_sold_product("Advice", 80.0, cls.tax_21, False)
        cls.records = {
            'sale.order': cls._create_orders(),
            'payment.transaction': cls._create_transactions(),
            'billpro.billing.event': cls._create_events(),
        }
        cls.records['billpro.notification'] = cls._create_notices()
        cls.records['billpro.consent'] = cls.env['billpro.consent'].create(
            {
                'order_id': cls.records['sale.order'].filtered('purchase_type')[0].id,
                'partner_id': cls.customer.id,
                'text': "I agree.",
                'version': 'v1',
            }
        )
        cls.records['billpro.dispute'] = cls.env['billpro.dispute'].create(
            {
                'transaction_id': cls.records['payment.transaction'][0].id,
                'provider_reference': 'dp_1',
                'currency_id': cls.company.currency_id.id,
                'state': 'open',
                'opened_date': '2027-01-10 10:00:00',
            }
        )

    @classmethod
    def _create_orders(cls):
        """Return ordinary sales in every state, and orders of each type that nobody has paid."""
        orders = cls.env['sale.order']
        for state in ('draft', 'sent', 'sale', 'cancel'):
            for partner in (cls.unreachable, cls.address):
                orders += orders.create({'partner_id': partner.id, 'state': state})
        orders += cls._create_order((cls.ordinary, 1), sent=False)
        for product in (cls.desk, cls.gym, cls.course, cls.water):
            for sent in (False, True):
                orders += cls._create_order((product, 1), sent=sent, partner=cls.unreachable)
        for purchase_type, _label in orders._billing_selection_purchase_type():
            orders += orders.create(
                {'partner_id': cls.unreachable.id, 'purchase_type': purchase_type}
            )
        cancelled = cls._create_order((cls.gym, 1))
        cancelled._action_cancel()
        return orders + cancelled

    @classmethod
    def _create_transactions(cls):
        """Return payments in each state and of each kind: of no order, of an ordinary one, ours."""
        transactions = cls.env['payment.transaction']
        operations = transactions._fields['operation'].get_values(cls.env)
        states = transactions._fields['state'].get_values(cls.env)
        ordinary = cls._create_order((cls.ordinary, 1), sent=False)
        order = cls._create_order((cls.gym, 1))
        kinds = {
            'none': lambda _state: {},
            'ordinary': lambda _state: {'sale_order_ids': [Command.set(ordinary.ids)]},
            # Only one payment of an order may be open.
            'ours': lambda state: {
                'billing_order_id': order.id
                if state in {'done', 'cancel', 'error'}
                else order.copy().id
            },
        }
        pairs = {(state, 'online_direct') for state in states}
        pairs |= {('done', operation) for operation in [*operations, False]}
        for kind, make_values in kinds.items():
            for state, operation in sorted(pairs, key=str):
                transactions += transactions.create(
                    {
                        'provider_id': cls.provider.id,
                        'payment_method_id': cls.payment_method.id,
                        'amount': -1 if operation == 'refund' else 1,
                        'currency_id': cls.company.currency_id.id,
                        'partner_id': cls.unreachable.id,
                        'operation': operation,
                        'state': state,
                        'reference': f'{kind}-{state}-{operation or "unset"}',
                        **make_values(state),
                    }
                )
        return transactions

    @classmethod
    def _create_events(cls):
        """Return payments to come of orders of each type, some without a card or a schedule."""
        events = cls.env['billpro.billing.event']
        for product in (cls.desk, cls.gym, cls.course, cls.water):
            order = cls._create_order((product, 1), partner=cls.unreachable)
            for status in events._fields['status'].get_values(cls.env):
                events += events.create(
                    {
                        'order_id': order.id,
                        'number': len(events) + 1,
                        'due_date': datetime(2027, 1, 1),
                        'amount': 1,
                        'status': status,
                    }
                )
        return events

    @classmethod
    def _create_notices(cls):
        """Return a notice of each kind, and of each order."""
        orders = cls.records['sale.order']
        kinds = cls.env['billpro.notification']._fields['kind'].get_values(cls.env)
        pairs = [(kind, orders[0]) for kind in kinds] + [(kinds[0], order) for order in orders[1:]]
        return cls.env['billpro.notification'].create(
            [
                {'order_id': order.id, 'kind': kind, 'fact': f'order-{order.id}'}
                for kind, order in pairs
            ]
        )

    # === TESTS === #

    def _compile_bodies_once(self):
        """Keep what Odoo compiles a body into, as it does for views: it is the same each time."""
        qweb = self.env.registry['ir.qweb']
        generate, known = qweb._generate_code_uncached, {}

        def generate_once(self, template):
            is_source = isinstance(template, etree._Element)
            key = (etree.tostring(template) if is_source else template, self.env.lang)
            if key not in known:
                known[key] = generate(self, template)
            return known[key]

        self.patch(qweb, '_generate_code_uncached', generate_once)

    def test_mails_to_any_record_make_sense(self):
        """Each field can be rendered, as is tried when the addon is installed beside the record."""
        self._compile_bodies_once()
        self.assertGreater(len(self.mail_templates), 15)
        for template in self.mail_templates:
            made = template._generate_template(
                self.records[template.model].ids, template._get_dynamic_field_names()
            )
            self.assertEqual(set(made), set(self.records[template.model].ids))
            for record_id, mail in made.items():
                record = self.env[template.model].browse(record_id)
                with self.subTest(template.name, record=record.display_name):
                    text = f"{mail['subject']} {mail['body_html']}"
                    self.assertNotRegex(re.sub(r'<[^>]+>', ' ', text), NONSENSE)
                    self.assertTrue(mail['email_from'])
                    self.assertIn(len(mail.get('partner_ids', [])), (0, 1))

    def test_text_messages_to_any_record_make_sense(self):
        self.assertGreater(len(self.sms_templates), 5)
        for template in self.sms_templates:
            records = self.records[template.model]
            for record_id, text in template._render_field(
                'body', records.ids, compute_lang=True
            ).items():
                record = self.env[template.model].browse(record_id)
                with self.subTest(template.name, record=record.display_name):
                    self.assertNotRegex(text, NONSENSE)

    def test_documents_of_any_record_make_sense(self):
        self.assertLessEqual(self.mail_templates.report_template_ids, self.reports)
        for report in self.reports:
            with self.subTest(report.name):
                page, _kind = report._render_qweb_html(report, self.records[report.model].ids)
                text = ' '.join(html.fromstring(page).xpath('//main//text()'))
                self.assertIn(self.records[report.model][0].display_name, text)
                self.assertNotRegex(text, NONSENSE)

    def test_staff_may_edit_a_template_whatever_is_newest(self):
        """Odoo's own check, with what the editor may read."""
        editor = new_test_user(
            self.env,
            login='editor',
            groups='billpro_portal.group_billing_manager,mail.group_mail_template_editor,'
            'sales_team.group_sale_manager',
            company_id=self.company.id,
        )
        for template in self.mail_templates.with_user(editor):
            with self.subTest(template.name):
                template.body_html = template.body_html.replace("Hello", "Dear")
