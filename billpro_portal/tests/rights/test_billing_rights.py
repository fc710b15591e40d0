from contextlib import contextmanager
from datetime import datetime

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..common.http import BillingHttpCommon
from ..common.rights import RightsCommon

START = datetime(2027, 1, 10, 10)
# Models of ours whose rows are about an order, and reports on them.
LISTS = ('billing.event', 'billing.exception', 'card.expiry', 'consent', 'dispute', 'notification')
REPORTS = (
    'attempt.report',
    'cash.report',
    'collection.report',
    'deferral.report',
    'mrr.report',
    'recovery.report',
)


@tagged('post_install', '-at_install')
class TestRights(RightsCommon):
    def test_own_orders_and_all_orders(self):
        own, other = (
            new_test_user(
                self.env,
                login=login,
                groups='billpro_portal.group_billing_user',
                company_id=self.company.id,
            )
            for login in ('own', 'other')
        )
        with freeze_time(START):
            order = self._create_declined_order()
            order.user_id = own
        with freeze_time('2027-02-10 10:00:00'):
            self._run()
            order.user_id = own
            for model in ('billing.event', 'billing.exception', 'card.expiry', *REPORTS):
                with self.subTest(model):
                    self.assertIn(order, self._rows(model, own).order_id)
                    self.assertNotIn(order, self._rows(model, other).order_id)
                    self.assertIn(order, self._rows(model, self.roles['accountant']).order_id)

    def test_reports_are_for_billing_users_and_accountants(self):
        for report in REPORTS:
            with self.assertRaises(AccessError):
                self._rows(report, self.salesperson)

    def test_nobody_changes_anything_over_rpc(self):
        with freeze_time(START):
            order = self._create_active_order()
        for user in (*self.roles.values(), self.salesperson):
            event = order.billing_event_ids.with_user(user)
            for values in ({'status': 'completed'}, {'amount': 1}, {'due_date': '2030-01-01'}):
                with self.assertRaises(AccessError):
                    event.write(values)
            with self.assertRaises(AccessError):
                event.unlink()
            with self.assertRaises(AccessError):
                event.copy()
        with self.assertRaises(AccessError):
            order.billing_event_ids.with_user(self.roles['accountant']).action_execute_now()
        with self.assertRaises(AccessError):
            self.env['billpro.billing.run'].with_user(self.roles['accountant']).action_run_now()
        with self.assertRaises(AccessError):
            order.with_user(self.roles['accountant']).action_request_card_update()

    def test_nobody_reads_payment_secrets(self):
        with freeze_time(START):
            order = self._create_active_order()
        token, provider = order.billing_token_id, self.provider
        own_token = self._create_token(partner=self.roles['manager'].partner_id)
        stripe = self.env.ref('payment.payment_provider_stripe').copy(
            {'company_id': self.company.id}
        )
        stripe.write({'stripe_secret_key': 'sk_secret', 'stripe_webhook_secret': 'whsec_secret'})
        for user in (*self.roles.values(), self.salesperson):
            with self.subTest(user.login):
                # Sale lets salespeople see the cards of all customers, by name.
                with self.assertRaises(AccessError):
                    token.with_user(user).read(['provider_ref'])
                for record in (provider, stripe):
                    with self.assertRaises(AccessError):
                        record.with_user(user).read([])
                for name in ('provider_ref', 'stripe_payment_method', 'stripe_mandate'):
                    # Not even of a card of one's own.
                    with self.assertRaises(AccessError):
                        own_token.with_user(self.roles['manager']).read([name])
                    with self.assertRaises(AccessError):
                        self.env['sale.order'].with_user(user).search(
                            [(f'billing_token_id.{name}', '!=', False)]
                        )
                with self.assertRaises(AccessError):
                    self.env['payment.transaction'].with_user(user).search(
                        [('provider_id.stripe_secret_key', '=like', 's%')]
                    )
        readable = own_token.with_user(self.roles['manager']).read([])[0]
        self.assertFalse(
            {'provider_ref', 'stripe_payment_method', 'stripe_mandate', 'card_fingerprint'}
            & set(readable)
        )


@tagged('post_install', '-at_install')
class TestTwoCompanies(RightsCommon, BillingHttpCommon):
    """Two companies, two providers, two currencies: nobody sees what is the other one's."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.other = cls._create_company(name="Borealis", currency_id=cls._enable_currency('KWD').id)
        cls.other_roles = cls._create_roles('second', cls.other)
        with freeze_time(START):
            cls.order = cls._create_declined_order()
            with cls._in_other_company():
                cls.other_order = cls._create_declined_order()

    @classmethod
    @contextmanager
    def _in_other_company(cls):
        """Let what is created belong to the other company."""
        names = ('env', 'company', 'provider', 'salesperson', 'gym', 'payment_method')
        kept = {name: getattr(cls, name) for name in names}
        cls.env = cls.env(context={'allowed_company_ids': cls.other.ids})
        cls.company = cls.other.with_env(cls.env)
        cls.provider = cls._create_demo_provider(cls.company)
        cls.payment_method = cls.provider.payment_method_ids
        cls.salesperson = cls.other_roles['billing_user']
        vat = cls._create_vat("VAT 5%", 5)
        cls.gym = cls._create_sold_product("Pool", 12.345, vat, 'subscription')
        try:
            yield
        finally:
            for name, value in kept.items():
                setattr(cls, name, value)

    def _run_in_february(self):
        with freeze_time('2027-02-10 10:00:00'):
            self._run()

    def test_each_is_charged_with_its_own_provider(self):
        self.assertEqual(
            (self.order.currency_id.name, self.other_order.currency_id.name),
            (self.company.currency_id.name, 'KWD'),
        )
        self.assertEqual(self.other_order.billing_paid, 12.962)
        self.order.billing_token_id.demo_simulated_state = 'done'
        self.other_order.billing_token_id.demo_simulated_state = 'done'
        self._run_in_february()
        for order in (self.order, self.other_order):
            txs = order.billing_transaction_ids
            self.assertEqual(len(txs), 2)
            self.assertEqual(txs.provider_id, order.billing_token_id.provider_id)
            self.assertEqual(txs.provider_id.company_id, order.company_id)
            self.assertEqual(txs.payment_id.company_id, order.company_id)
            self.assertEqual(txs.payment_id.journal_id.company_id, order.company_id)
            self.assertEqual(order.billing_move_ids.company_id, order.company_id)
            self.assertEqual(order.billing_move_ids.journal_id.company_id, order.company_id)
        self.assertEqual(self.other_order.billing_paid, 25.924)
        self.assertNotEqual(
            self.order.billing_transaction_ids.provider_id,
            self.other_order.billing_transaction_ids.provider_id,
        )

    def test_prices_are_raised_in_each_alone(self):
        """12.345 dinars and 10 % are 13.5795; with 5 % tax 14.259 are charged, after 12.962."""
        manager = self.roles['manager']
        manager.company_ids += self.other
        env = self.env(
            user=manager,
            su=False,
            context={'allowed_company_ids': (self.company | self.other).ids},
        )
        orders = (self.order | self.other_order).with_env(env)
        Increase = env['billpro.price.increase']
        with freeze_time(START):
            for some in (orders, orders - self.order):
                with self.assertRaisesRegex(UserError, "is an order of Borealis"):
                    Increase._open_for(some)
            increase = Increase.with_company(self.other).create(
                {
                    'product_ids': self.other_order.order_line.product_id.ids,
                    'percent': 10,
                    'day': '2027-02-10',
                    'notice_days': 3,
                }
            )
            # The manager has gone on to the first company.
            increase.with_env(env).action_preview()
            self.assertRecordValues(
                increase.line_ids,
                [{'order_id': self.other_order.id, 'old_amount': 12.962, 'new_amount': 14.259}],
            )
            increase.with_env(env).action_confirm()
            with self.enter_registry_test_mode():
                self.env.ref('billpro_portal.cron_price_increase').method_direct_trigger()
                self.env.ref('billpro_portal.cron_send_notifications').method_direct_trigger()
        for users, count in ((self.roles, 0), (self.other_roles, 1)):
            self.assertEqual(len(self._rows('price.increase.order', users['accountant'])), count)
        self.other_order.billing_token_id.demo_simulated_state = 'done'
        self._run_in_february()
        self.assertEqual(self.other_order.billing_paid, 27.221)
        self.assertEqual(self.other_order.billing_move_ids.company_id, self.other)

    def test_lists_and_reports_leak_nothing(self):
        self._run_in_february()
        with freeze_time('2027-02-10 12:00:00'):
            for users, own, other in (
                (self.roles, self.order, self.other_order),
                (self.other_roles, self.other_order, self.order),
            ):
                for role, user in users.items():
                    for model in (*LISTS, *REPORTS):
                        with self.subTest(f'{role} {model} {own.company_id.name}'):
                            rows = self._rows(model, user)
                            self.assertLessEqual(set(rows.company_id.ids), set(own.company_id.ids))
                            self.assertNotIn(other, rows.order_id)
                            if model not in {'consent', 'dispute'}:
                                self.assertIn(own, rows.order_id)
                            self._check_totals(model, user, own)

    def test_reports_of_runs_are_of_each_company(self):
        self.other_order.billing_token_id.demo_simulated_state = 'done'
        self._run_in_february()
        for users, company, charged, declined in (
            (self.roles, self.company, 0, 1),
            (self.other_roles, self.other, 1, 0),
        ):
            for role, user in users.items():
                with self.subTest(f'{role} {company.name}'):
                    run = self._rows('billing.run', user)
                    self.assertRecordValues(
                        run,
                        [
                            {
                                'company_id': company.id,
                                'due_count': 1,
                                'charged_count': charged,
                                'declined_count': declined,
                            }
                        ],
                    )
        with self.assertRaises(AccessError):
            self._rows('billing.run', self.roles['manager']).with_user(
                self.other_roles['manager']
            ).read(['charged_count'])

    def test_staff_run_what_is_due_in_their_companies(self):
        for order in (self.order, self.other_order):
            order.billing_token_id.demo_simulated_state = 'done'
        with (
            freeze_time('2027-02-10 10:00:00'),
            self._committing_env(self.other_roles['manager']) as env,
        ):
            run = env['billpro.billing.run'].with_context(allowed_company_ids=self.other.ids)
            message = run.action_run_now()['params']['message']
        self.assertEqual(message, "1 charged, 0 declined, 0 unknown.")
        self.assertEqual((self.order.billing_paid, self.other_order.billing_paid), (24.2, 25.924))

    def _check_totals(self, model, user, order):
        """Check that sums by company and currency are of the own company only."""
        if model not in REPORTS:
            return
        rows = (
            self.env[f'billpro.{model}']
            .with_user(user)
            .with_context(allowed_company_ids=user.company_ids.ids)
            .formatted_read_group([], ['company_id', 'currency_id'], ['__count'])
        )
        self.assertEqual(
            [(row['company_id'][0], row['currency_id'][0]) for row in rows],
            [(order.company_id.id, order.currency_id.id)],
        )

    def test_payments_and_orders_leak_nothing(self):
        self._run_in_february()
        for users, other in ((self.roles, self.other_order), (self.other_roles, self.order)):
            for user in users.values():
                env = self.env(user=user, context={'allowed_company_ids': user.company_ids.ids})
                self.assertFalse(env['sale.order'].search([('id', '=', other.id)]))
                with self.assertRaises(AccessError):
                    env['sale.order'].browse(other.id).read(['order_link'])
                with self.assertRaises(AccessError):
                    env['billpro.billing.event'].browse(other.billing_event_ids.ids).read(
                        ['amount']
                    )
                if user != users['accountant']:
                    self.assertNotIn(
                        other,
                        env['payment.transaction'].search([]).sudo().billing_order_id,
                    )

    def test_pages_and_documents_leak_nothing(self):
        order = self.other_order
        order._portal_ensure_token()
        self.order._portal_ensure_token()
        invoice, tx = order.billing_move_ids[0], order.billing_transaction_ids[0]
        paths = [
            f'/order/{order.id}',
            f'/order/{order.id}/payment/{tx.id}',
            f'/order/{order.id}/document/summary',
            f'/order/{order.id}/document/receipt/{tx.id}',
            f'/order/{order.id}/document/invoice/{invoice.id}',
        ]
        self.env.flush_all()
        for login in ('first_billing_user', 'first_manager', 'first_accountant'):
            self.authenticate(login, login)
            for path in paths:
                for token in ('', f'?access_token={self.order.access_token}'):
                    with self.subTest(f'{login} {path} {bool(token)}'):
                        response = self.url_open(path + token, allow_redirects=False)
                        self.assertEqual(response.status_code, 404)
                        self.assertNotIn("12.345", response.text)
