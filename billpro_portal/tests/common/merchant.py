from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta
from unittest.mock import patch

from odoo import SUPERUSER_ID, Command, api
from odoo.tests import new_test_user

from odoo.addons.payment_stripe.models.payment_provider import PaymentProvider

from fake_gateway import FakeGateway

from ...billing.calendar import local_date
from ...billing.stripe_messages import EVENT_TYPES
from .nightly import IS_NIGHTLY
from .statement import Statement
from .webhook import MessageCommon

# What the scheduler runs of which entries come.
JOBS = (
    ('payment.transaction', '_cron_post_process'),
    ('billpro.billing.run', '_cron_run'),
)
TAKE_IN_MESSAGES = ('billpro.webhook.event', '_cron_process')
DAILY_JOBS = (('billpro.payout', '_cron_book'), ('billpro.deferral', '_cron_post'))
# The scheduler's hours, in UTC: payments in Brussels are due before the first one, those in
# Auckland and Honolulu before the second.
HOURS = (8, 20)
MONDAY, TUESDAY = 0, 1
# The day on which accountants close the month before.
CLOSING_DAY = 3
# Units of a currency for one of the company's, from a day on.
RATES = {
    'EUR': {
        'CHF': {'2027-01-01': 0.94, '2027-01-16': 0.95, '2027-02-01': 0.93, '2027-04-01': 0.96},
    },
    'NZD': {
        'EUR': {'2027-01-01': 0.55, '2027-01-16': 0.54, '2027-02-01': 0.56, '2027-05-01': 0.53},
    },
}


class Shop:
    """One of the merchant's companies: its books, what it sells, and its account at the gateway."""

    def __init__(self, company, provider, gateway, secret):
        self.env = company.env(context={**company.env.context, 'allowed_company_ids': company.ids})
        self.company = company.with_env(self.env)
        self.provider = provider.with_env(self.env)
        self.gateway = gateway
        self.secret = secret
        self.currency = self.company.currency_id
        self.time_zone = self.company.partner_id.tz
        self.orders = self.env['sale.order']
        # When a payout was at the bank, by its number at the gateway.
        self.bank_days = {}
        # When it was sent back.
        self.return_days = {}
        # When the losses of disputes were booked, by their numbers at the gateway.
        self.loss_days = {}
        # What was paid to customers by bank: days and amounts.
        self.paid_by_bank = []
        # Messages of the gateway, by their numbers.
        self.told = set()
        self._create_accounts()
        self._create_products()

    def _create_accounts(self):
        self.accounts = {
            name: self.env['account.account'].create(
                {
                    'name': name,
                    'code': code,
                    'account_type': account_type,
                    'company_ids': [Command.set(self.company.ids)],
                }
            )
            for name, code, account_type in (
                ("Fees of payments", '659100', 'expense'),
                ("Disputes", '499200', 'asset_current'),
                ("Lost disputes", '659400', 'expense'),
                ("VAT", '451100', 'liability_current'),
                ("Deferred revenue", '493100', 'liability_current'),
            )
        }
        self.provider.write(
            {
                'billpro_payouts_since': '2027-01-01',
                'billpro_fee_account_id': self.accounts["Fees of payments"].id,
                'billpro_dispute_account_id': self.accounts["Disputes"].id,
                'billpro_loss_account_id': self.accounts["Lost disputes"].id,
            }
        )
        self.journal = self.provider.journal_id
        self.outstanding = self.journal.inbound_payment_method_line_ids.filtered(
            lambda line: line.payment_provider_id == self.provider
        ).payment_account_id
        self.bank_journals = {self.currency: self.journal}

    def add_bank(self, currency):
        """Open an account at the bank in another currency."""
        self.bank_journals[currency] = self.env['account.journal'].create(
            {
                'name': f"Bank {currency.name}",
                'code': f'B{currency.name}',
                'type': 'bank',
                'currency_id': currency.id,
                'company_id': self.company.id,
            }
        )

    def defer_revenue(self, month):
        """Post deferred revenue from a month on."""
        journal = self.env['account.journal'].create(
            {
                'name': "Closing",
                'code': 'CLOS',
                'type': 'general',
                'company_id': self.company.id,
            }
        )
        self.company.write(
            {
                'billing_deferral_account_id': self.accounts["Deferred revenue"].id,
                'billing_deferral_journal_id': journal.id,
                'billing_deferral_month': month,
            }
        )

    def _create_products(self):
        self.taxes = {percent: self._create_tax(percent) for percent in (20, 0)}
        self.products = {
            name: self.env['product.product'].create(
                {
                    'name': name,
                    'list_price': price,
                    'taxes_id': [Command.set(self.taxes[percent].ids)],
                    'purchase_type': purchase_type,
                    'company_id': self.company.id,
                    **terms,
                }
            )
            for name, price, percent, purchase_type, terms in (
                ("Desk", 100.0, 20, 'single', {}),
                ("Course", 99.99, 20, 'instalment', {'billing_instalment_count': 4}),
                ("Books of the course", 60.0, 0, 'instalment', {'billing_instalment_count': 4}),
                ("Gym", 20.0, 20, 'subscription', {}),
                ("Water", 2.5, 20, 'metered', {}),
            )
        }

    def _create_tax(self, percent):
        name = f"VAT {percent} %"
        parts = [
            Command.clear(),
            Command.create({'repartition_type': 'base'}),
            Command.create({'repartition_type': 'tax', 'account_id': self.accounts["VAT"].id}),
        ]
        return self.env['account.tax'].create(
            {
                'name': name,
                'amount': percent,
                'type_tax_use': 'sale',
                'company_id': self.company.id,
                'price_include_override': 'tax_excluded',
                'tax_group_id': self.env['account.tax.group']
                .create({'name': name, 'company_id': self.company.id})
                .id,
                'invoice_repartition_line_ids': parts,
                'refund_repartition_line_ids': parts,
            }
        )

    def get_pricelist(self, currency):
        """Return the prices in a currency."""
        pricelists = self.env['product.pricelist']
        values = {'currency_id': currency.id, 'company_id': self.company.id}
        return pricelists.search(
            [(name, '=', value) for name, value in values.items()], limit=1
        ) or pricelists.create({'name': currency.name, **values})

    def get_rate(self, currency, day):
        """Return how many units of a currency one of the company's has on a day."""
        if currency == self.currency:
            return 1
        rates = RATES[self.currency.name][currency.name]
        return rates[max(first for first in rates if first <= str(day))]

    def get_net_share(self, order):
        """Return which part of what is paid for an order isn't tax."""
        return order.amount_untaxed / order.amount_total if order.amount_total else 1 / 1.2

    def get_held(self):
        """Return the currencies in which the gateway holds something that isn't paid out."""
        held = Counter()
        with self.gateway.store.session(None) as session:
            for entry in session.all('balance_transaction', _payout=None):
                held[entry['currency']] += entry['net']
        return [currency for currency, amount in held.items() if amount]

    def get_day(self, moment):
        """Return the date that a moment has in the books."""
        return local_date(moment, self.time_zone)

    def get_untold_messages(self):
        """Return what the gateway has to tell, oldest first."""
        with self.gateway.store.session(None) as session:
            untold = [
                event['id']
                for event in session.all('event')[::-1]
                if event['type'] in EVENT_TYPES and event['id'] not in self.told
            ]
        return [self.gateway.find('event', number) for number in untold]


class MerchantCommon(MessageCommon):
    """A merchant with two companies, two accounts at the gateway, and customers far away."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['res.currency.rate'].search([]).unlink()
        aurora = cls._open_shop("Aurora", 'EUR', 'Europe/Brussels')
        aurora.defer_revenue('2027-01-01')
        aurora.gateway.settings.settlement_currency = 'eur'
        aurora.gateway.settings.exchange_rate = 1.02
        borealis = cls._open_shop("Borealis", 'NZD', 'Pacific/Auckland')
        borealis.add_bank(cls._enable_currency('EUR'))
        cls.shops = (aurora, borealis)
        gateways = {shop.provider.id: shop.gateway for shop in cls.shops}
        cls.startClassPatcher(
            patch.object(
                PaymentProvider,
                '_build_request_url',
                lambda provider, endpoint, **_options: f'{gateways[provider.id].url}/v1/{endpoint}',
            )
        )
        companies = [shop.company.id for shop in cls.shops]
        cls.staff, cls.accountant = (
            new_test_user(
                cls.env,
                login=login,
                groups=groups,
                company_id=companies[0],
                company_ids=[Command.set(companies)],
            )
            for login, groups in (
                (
                    'staff',
                    'billpro_portal.group_billing_manager,sales_team.group_sale_salesman_all_leads',
                ),
                ('accounting', 'account.group_account_user'),
            )
        )
        cls.customers = {
            time_zone.split('/')[1]: cls.env['res.partner'].create(
                {'name': name, 'email': f'{name}@customer.example.com', 'tz': time_zone}
            )
            for name, time_zone in (
                ('Anna', 'Europe/Brussels'),
                ('Wiremu', 'Pacific/Auckland'),
                ('Keoni', 'Pacific/Honolulu'),
            )
        }

    @classmethod
    def _open_shop(cls, name, currency, time_zone):
        """Return the shop of a new company, with an account of its own at the gateway."""
        gateway = FakeGateway().start()
        cls.addClassCleanup(gateway.stop)
        secret = f'whsec_{name}'
        company = cls.env['res.company'].create({'name': name})
        company.partner_id.tz = time_zone
        cls.env['account.chart.template'].try_loading('generic_coa', company, install_demo=False)
        company.currency_id = cls._enable_currency(currency)
        cls.env.user.company_ids |= company
        provider = cls.env.ref('payment.payment_provider_stripe').copy({'company_id': company.id})
        provider.with_company(company).write(
            {
                'state': 'test',
                'is_published': True,
                'allow_tokenization': True,
                'stripe_secret_key': gateway.secret_key,
                'stripe_publishable_key': gateway.publishable_key,
                'stripe_webhook_secret': secret,
            }
        )
        return Shop(company, provider, gateway, secret)

    def _set_rates(self):
        """Enter the rates of the months to come."""
        for shop in self.shops:
            self.env['res.currency.rate'].create(
                [
                    {
                        'currency_id': self._enable_currency(name).id,
                        'name': day,
                        'rate': rate,
                        'company_id': shop.company.id,
                    }
                    for name, rates in RATES[shop.currency.name].items()
                    for day, rate in rates.items()
                ]
            )

    # === TIME === #

    def _start(self, clock, moment):
        """Begin at a moment.

        :param clock: freezegun's.
        :param datetime.datetime moment: When.
        """
        self.clock = clock
        self.next_pass = moment
        self.statements = []

    def _until(self, day, time='12:00'):
        """Let scheduled actions, banks and accountants do what they do until a moment.

        :param str day: Month and day.
        :param str time: The time of day, UTC.
        """
        moment = datetime.fromisoformat(f'2027-{day} {time}')
        while self.next_pass <= moment:
            self.clock.move_to(self.next_pass)
            if self._is_anything_to_do(self.next_pass):
                self._pass(self.next_pass)
            hour = HOURS[1] if self.next_pass.hour == HOURS[0] else HOURS[0]
            self.next_pass = self.next_pass.replace(hour=hour)
            if hour == HOURS[0]:
                self.next_pass += timedelta(days=1)
        self.clock.move_to(moment)

    def _is_anything_to_do(self, now):
        """Return whether anybody finds anything to do; they look each morning if there is time."""
        if now.hour == HOURS[0] and (
            IS_NIGHTLY or now.weekday() in {MONDAY, TUESDAY} or now.day in {1, CLOSING_DAY}
        ):
            return True
        due = self.env['billpro.billing.run']._get_due_domain()
        return bool(
            self.env['billpro.billing.event'].search_count(due, limit=1)
            or any(shop.get_untold_messages() for shop in self.shops)
        )

    def _pass(self, now):
        is_morning = now.hour == HOURS[0]
        self._run_jobs(*JOBS)
        if is_morning and now.weekday() == MONDAY:
            self._pay_out()
        if self._deliver_messages():
            self._run_jobs(TAKE_IN_MESSAGES)
        if is_morning:
            self._run_jobs(*DAILY_JOBS)
        if is_morning and now.weekday() == TUESDAY:
            self._enter_bank_statements(now.date())
        if is_morning and now.day == CLOSING_DAY and now.month > 1:
            self._close(now.date().replace(day=1) - timedelta(days=1))

    def _run_jobs(self, *jobs):
        """Let the scheduler's user do some jobs, for all companies."""
        self.env.flush_all()
        with self._own_cursors(), self.registry.cursor() as cr:
            for model, method in jobs:
                getattr(api.Environment(cr, SUPERUSER_ID, {})[model], method)()
        self.env.invalidate_all()
        self.env['account.move']._get_sequence_cache().clear()

    def _deliver_messages(self):
        messages = [(shop, one) for shop in self.shops for one in shop.get_untold_messages()]
        for shop, message in messages:
            self.assertEqual(self._deliver(message, secret=shop.secret), 200)
            shop.told.add(message['id'])
        return messages

    def _pay_out(self):
        for shop in self.shops:
            for currency in shop.get_held():
                shop.gateway.pay_out(currency)

    def _enter_bank_statements(self, day):
        """Enter what has arrived at the bank, and what was sent back, and reconcile it."""
        for shop in self.shops:
            payouts = self._in(shop, self.accountant)['billpro.payout'].search(
                [('company_id', '=', shop.company.id), ('move_id', '!=', False)]
            )
            arrived = payouts.filtered(
                lambda payout: payout.state == 'booked' and not payout.is_at_bank
            )
            for payout in arrived:
                self._enter_bank_line(shop, payout, payout.amount, day)
                shop.bank_days[payout.provider_reference] = day
            arrived.action_reconcile_bank()
            for payout in payouts.filtered('failure_move_id'):
                item = payout.failure_move_id.line_ids.sorted('id')[1]
                if payout.provider_reference in shop.bank_days and not item.reconciled:
                    bank_line = self._enter_bank_line(shop, payout, -payout.amount, day)
                    self._reconcile_bank_line(bank_line, item.sudo())
                    shop.return_days[payout.provider_reference] = day

    def _enter_bank_line(self, shop, payout, amount, day):
        return shop.env['account.bank.statement.line'].create(
            {
                'journal_id': shop.bank_journals[payout.currency_id].id,
                'date': day,
                'amount': amount,
                'payment_ref': f"STRIPE {payout.provider_reference}",
            }
        )

    def _reconcile_bank_line(self, bank_line, item):
        """Reconcile a line of a bank statement with the journal item that it pays."""
        _liquidity, suspense, _others = bank_line.with_context(
            skip_account_move_synchronization=True
        )._seek_for_lines()
        suspense.account_id = item.account_id
        (suspense + item.with_env(suspense.env)).reconcile()

    def _close(self, last_day):
        """Check the statements of a day, and lock what is until then."""
        for shop in self.shops:
            statement = Statement(shop, last_day)
            self.statements.append(statement)
            with self.subTest(company=shop.company.name, day=last_day):
                statement.check(self)
            shop.company.fiscalyear_lock_date = last_day

    # === PEOPLE === #

    def _in(self, shop, user):
        """Return the environment of a user who works in a company."""
        return shop.env(user=user, su=False)

    @contextmanager
    def _acting_on(self, records):
        """Give records as staff have them in a request of their own."""
        shop = next(shop for shop in self.shops if shop.company == records.company_id)
        with self._committing_env(self.staff, shop.company) as env:
            yield records.with_env(env)

    def _store_card(self, shop, partner, card='pm_card_visa'):
        """Return a card that a customer has stored."""
        customer = self._post('customers', gateway=shop.gateway, name=partner.name)
        method = self._post(
            f'payment_methods/{card}/attach', gateway=shop.gateway, customer=customer['id']
        )
        return shop.env['payment.token'].create(
            {
                'provider_id': shop.provider.id,
                'payment_method_id': self.payment_method.id,
                'partner_id': partner.id,
                'provider_ref': customer['id'],
                'stripe_payment_method': method['id'],
                'payment_details': '4242',
            }
        )

    def _sell(self, shop, city, *lines, currency=None, card='pm_card_visa', **terms):
        """Let staff charge the card of a customer for an order; return the order.

        :param Shop shop: Who sells.
        :param str city: Where the customer lives.
        :param lines: Names of products, or pairs of name and price.
        :param str currency: The currency, if not the company's.
        :param str card: The gateway's test card.
        :param terms: Fields of the order.
        """
        partner = self.customers[city].with_env(shop.env)
        lines = [(line, None) if isinstance(line, str) else line for line in lines]
        order = shop.env['sale.order'].create(
            {
                'partner_id': partner.id,
                'user_id': self.staff.id,
                'pricelist_id': currency and shop.get_pricelist(self._enable_currency(currency)).id,
                'order_line': [
                    Command.create(
                        {
                            'product_id': shop.products[name].id,
                            **({} if price is None else {'price_unit': price}),
                        }
                    )
                    for name, price in lines
                ],
                **terms,
            }
        )
        order._billing_mark_link_sent("The link was sent.")
        token = self._store_card(shop, partner, card)
        with self._committing_env(self.staff, shop.company) as env:
            wizard = self._open(env['sale.order'].browse(order.id), 'action_open_charge_card')
            wizard.write({'token_id': token.id, 'has_consent': True})
            wizard.action_charge()
        self.assertIn(order.billing_status, {'active', 'complete'}, order.name)
        self.assertFalse(order.billing_outstanding)
        shop.orders |= order
        return order

    def _open(self, records, method):
        """Return the dialog that a button opens."""
        action = getattr(records, method)()
        return records.env[action['res_model']].browse(action['res_id'])

    def _refund(self, order, amount):
        """Override of `BillingCommon`: in the dialog, whatever the company."""
        with self._acting_on(order) as order:
            wizard = self._open(order, 'action_open_refund')
            wizard.amount = amount
            wizard.action_refund()

    def _skip(self, event):
        """Skip a payment in the dialog."""
        with self._acting_on(event) as event:
            self._open(event, 'action_open_skip').action_skip()

    def _merge(self, events, day):
        """Merge payments in the dialog."""
        with self._acting_on(events) as events:
            wizard = self._open(events, 'action_open_merge')
            wizard.day = day
            wizard.action_merge()

    def _take_payment(self, order, amount):
        """Collect a payment of a metered order in the dialog."""
        with self._acting_on(order) as order:
            wizard = self._open(order, 'action_open_take_payment')
            wizard.write({'amount': amount, 'when': 'now', 'note': "Water"})
            wizard.action_take_payment()

    def _pause(self, order, until):
        """Pause a subscription in the dialog."""
        with self._acting_on(order) as order:
            wizard = self._open(order, 'action_open_pause')
            wizard.until = until
            wizard.action_pause()

    def _cancel(self, order):
        """Cancel a subscription at the end of its period, in the dialog."""
        with self._acting_on(order) as order:
            wizard = self._open(order, 'action_open_cancel_subscription')
            wizard.when = 'period_end'
            wizard.action_cancel()

    def _replace_card(self, shop, order):
        """Let a customer replace the card, and pay what is outstanding."""
        token = self._store_card(shop, order.partner_id)
        with self._committing_env(company=shop.company) as env:
            order = env['sale.order'].browse(order.id)
            order._billing_select_card(env['payment.token'].browse(token.id))
            order._lock_billing()
            order._billing_request_collection(order.billing_outstanding)

    def _dispute(self, shop, order, **options):
        """Let the bank of a customer take the last payment back; return the dispute."""
        paid = order.billing_transaction_ids.filtered(
            lambda tx: tx.state == 'done' and tx.operation not in {'validation', 'refund'}
        )
        return shop.gateway.open_dispute(paid.sorted('id')[-1].provider_reference, **options)

    def _lose(self, shop, dispute):
        """Let the bank decide that a dispute is lost."""
        shop.gateway.close_dispute(dispute['id'], won=False)

    def _book_loss(self, shop, dispute):
        """Let the accountant book the loss of a dispute with the button."""
        with self._committing_env(self.accountant, shop.company) as env:
            known = env['billpro.dispute'].search([('provider_reference', '=', dispute['id'])])
            self.assertEqual(known.booking_state, 'to_book')
            known.action_book()
            self.assertEqual(known.booking_state, 'booked')
        shop.loss_days[dispute['id']] = shop.get_day(self.clock())

    def _pay_by_bank(self, shop, order, day):
        """Let the accountant pay the open credit note of an order by bank, and reconcile it."""
        note = order.billing_move_ids.filtered(
            lambda move: move.move_type == 'out_refund' and move.amount_residual
        )
        amount = note.amount_residual
        bank_line = shop.env['account.bank.statement.line'].create(
            {
                'journal_id': shop.journal.id,
                'date': day,
                'amount': -amount,
                'payment_ref': note.name,
                'partner_id': note.partner_id.id,
            }
        )
        item = note.line_ids.filtered(lambda line: line.account_type == 'asset_receivable')
        self._reconcile_bank_line(bank_line, item)
        shop.paid_by_bank.append((bank_line.date, amount))

    def _treat_card(self, shop, order, number):
        """Let the bank treat the card of an order in another way from now on."""
        shop.gateway.treat_card_as(order.billing_token_id.stripe_payment_method, number)
