import random
from contextlib import suppress
from datetime import date, timedelta

from dateutil.relativedelta import relativedelta
from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import UserError, ValidationError
from odoo.tests import Form, tagged

from ..common.deferral import DeferralCommon
from ..common.nightly import IS_NIGHTLY, nightly
from ..common.price_increase import PriceIncreaseCommon
from ..common.rights import RightsCommon

# What happens to orders on the way.
ACTS = ('refund', 'refund', 'refund', 'pause', 'skip', 'merge', 'move', 'end')


@tagged('post_install', '-at_install')
class TestDeferral(DeferralCommon, PriceIncreaseCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-15 10:00:00'):
            cls.order = cls._create_active_order(
                (cls.gym, 1, 1000.0),
                (cls.fee, 1),
                billing_interval_unit='year',
                billing_interval_count=1,
            )
        cls.invoice = cls.order.billing_move_ids

    def test_a_year_is_released_month_by_month(self):
        self._post_on('2027-01-31 23:00:00')
        self.assertFalse(self._get_entries())
        self._post_on('2027-02-01 01:00:00')
        first = self._get_entries()
        self.assertEqual((first.state, first.date), ('posted', date(2027, 1, 31)))
        self.assertEqual(first.ref, "Deferred revenue, January 2027")
        # 17 of 365 days are earned, of 1000.00; the fee is not for a period.
        revenue, deferred = self.revenue_account.code, self.deferred_account.code
        self.assertEqual(self._get_lines(first), [(revenue, 953.42, 0), (deferred, 0, 953.42)])
        self._post_on('2027-02-02 01:00:00')
        self.assertEqual(self._get_entries(), first)
        self._post_on('2027-03-05 01:00:00')
        second = self._get_entries() - first
        self.assertEqual(second.date, date(2027, 2, 28))
        self.assertEqual(self._get_lines(second), [(deferred, 76.71, 0), (revenue, 0, 76.71)])
        self.assertEqual(self._get_held(), 876.71)
        self._assert_reported_is_held('2027-02')
        changes = self.env['billpro.deferral'].search([], order='month')
        self.assertEqual(changes.mapped('change'), [953.42, -76.71])
        self.assertEqual(changes.entry_id, first | second)
        self.assertEqual(changes.order_id, self.order)
        self.assertEqual(changes.invoice_id, self.invoice)

    def test_what_the_bank_took_back_counts_once_it_is_paid_again(self):
        report = self.env['billpro.deferral.report']
        event = self.order._billing_create_event_of_return(self.order.billing_transaction_ids)
        for act, net in (('return_soft', 0), ('open', 0), ('approve', 1000.0)):
            with self.subTest(act):
                event._apply_trigger(act)
                self.env.flush_all()
                rows = report.search([('invoice_id', '=', self.invoice.id)])
                self.assertEqual(round(sum(rows.mapped('amount')), 2), net)

    def test_months_that_were_missed_are_caught_up(self):
        self._post_on('2028-02-10 10:00:00')
        entries = self._get_entries()
        self.assertEqual(len(entries), 13)
        self.assertEqual(entries.mapped('date')[:3:2], [date(2027, 1, 31), date(2027, 3, 31)])
        self.assertEqual(self._get_held(), 0)
        self.assertEqual(self.company.billing_deferral_month, date(2028, 2, 1))
        self._post_on('2028-03-10 10:00:00')
        self.assertEqual(self._get_entries(), entries)

    def test_the_calendar_is_that_of_the_company(self):
        self.company.partner_id.tz = 'Pacific/Auckland'
        self._post_on('2027-01-31 10:00:00')
        self.assertFalse(self._get_entries())
        self._post_on('2027-01-31 12:00:00')
        self.assertEqual(self._get_entries().date, date(2027, 1, 31))

    def test_refunds_and_cancellations_take_back(self):
        self._post_on('2027-02-01 01:00:00')
        with freeze_time('2027-02-01 02:00:00'):
            self._refund(self.order, 122.21)  # A tenth of 1222.10 with taxes.
        self._post_on('2027-03-01 01:00:00')
        self._assert_reported_is_held('2027-02')
        # 320 of 365 days of 900.00.
        self.assertEqual(self._get_held(), 789.04)
        with freeze_time('2027-03-10 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        self._post_on('2027-04-01 01:00:00')
        self.assertEqual(self._get_held(), 0)
        self._assert_reported_is_held('2027-03')

    def test_what_is_booked_later_belongs_to_the_next_month(self):
        with freeze_time('2027-02-01 00:30:00'):
            order = self._create_active_order()
            self._refund(self.order, 122.21)
        self._post_on('2027-02-01 01:00:00')
        self.assertEqual(self._get_held(), 953.42)
        self._post_on('2027-03-01 01:00:00')
        self._assert_reported_is_held('2027-02')
        self.assertNotIn(
            order, self.env['billpro.deferral'].search([('month', '=', '2027-01-01')]).order_id
        )

    def test_a_higher_price_is_deferred_as_it_was_charged(self):
        """349 of 366 days of 1100.00 are left, as 2028 has a day more."""
        with freeze_time('2027-12-01 10:00:00'):
            self._raise_price(self.gym, day='2028-01-01').action_confirm()
            self._work()
        with freeze_time('2028-01-15 10:00:00'):
            self._run()
        self._post_on('2028-02-01 01:00:00')
        self.assertEqual(self._get_held(), 1048.91)
        self._assert_reported_is_held('2028-01')

    # === BY HAND === #

    def test_an_entry_that_was_reset_is_made_anew(self):
        self._post_on('2027-03-01 01:00:00')
        first, second = self._get_entries()
        first.button_draft()
        self._post_on('2027-03-02 01:00:00')
        self.assertEqual((first.state, second.state), ('cancel', 'posted'))
        third = self._get_entries() - first - second
        self.assertEqual(third.date, date(2027, 1, 31))
        self.assertEqual(self._get_lines(third), self._get_lines(first))
        self._assert_reported_is_held('2027-02')
        # Posted after all, it counts; what it doubles is taken back.
        first.button_draft()
        first.action_post()
        self._post_on('2027-03-03 01:00:00')
        self.assertEqual(self._get_held('2027-01-31'), 953.42)
        self._assert_reported_is_held('2027-02')
        entries = self._get_entries()
        self._post_on('2027-03-04 01:00:00')
        self.assertEqual(self._get_entries(), entries)

    def test_an_entry_that_was_deleted_is_made_anew(self):
        self._post_on('2027-03-01 01:00:00')
        first, second = self._get_entries()
        second.button_draft()
        second.with_context(force_delete=True).unlink()
        self._post_on('2027-03-02 01:00:00')
        third = self._get_entries() - first
        self.assertEqual(third.date, date(2027, 2, 28))
        self._assert_reported_is_held('2027-02')

    def _reverse(self, entry, day):
        reversal = entry._reverse_moves([{'date': day}])
        reversal.action_post()
        return reversal

    def test_an_entry_that_was_reversed_on_its_day_is_made_anew(self):
        self._post_on('2027-03-01 01:00:00')
        first, second = self._get_entries()
        reversal = self._reverse(first, date(2027, 1, 31))
        self._post_on('2027-03-02 01:00:00')
        self.assertEqual(len(self._get_entries() - first - second - reversal), 1)
        self.assertEqual(self._get_held('2027-01-31'), 953.42)
        self._assert_reported_is_held('2027-02')

    def test_an_entry_that_was_reversed_later_counts_until_then(self):
        self._post_on('2027-03-01 01:00:00')
        first = self._get_entries()[0]
        with freeze_time('2027-03-10 10:00:00'):
            reversal = self._reverse(first, date(2027, 3, 10))
        self._post_on('2027-03-11 01:00:00')
        self.assertEqual(len(self._get_entries()), 3)
        self.assertEqual(self._get_held('2027-02-28'), 876.71)
        self._post_on('2027-04-01 01:00:00')
        self._assert_reported_is_held('2027-03')
        self.assertEqual(self._get_held('2027-02-28'), 876.71)
        changes = self.env['billpro.deferral'].search([('entry_id', '=', reversal.id)])
        self.assertEqual(changes.mapped('change'), [-953.42])

    def test_an_invoice_that_was_reset_is_taken_back(self):
        self._post_on('2027-02-01 01:00:00')
        self.invoice.button_draft()
        self._post_on('2027-03-01 01:00:00')
        self.assertEqual(self._get_held(), 0)
        self.invoice.action_post()
        self._post_on('2027-04-01 01:00:00')
        self._assert_reported_is_held('2027-03')

    def test_another_account_takes_over(self):
        self._post_on('2027-02-01 01:00:00')
        other = self._create_account("Received in advance", '493100')
        self.company.billing_deferral_account_id = other
        self._post_on('2027-03-01 01:00:00')
        self.assertEqual((self._get_held(), self._get_held(account=other)), (0, 876.71))

    # === WHERE IT CAN'T BE POSTED === #

    def test_a_locked_month_is_posted_on_the_first_open_day(self):
        self.company.fiscalyear_lock_date = '2027-02-10'
        self._post_on('2027-02-15 01:00:00')
        entry = self._get_entries()
        self.assertEqual((entry.state, entry.date), ('posted', date(2027, 2, 11)))
        self.assertEqual(
            entry.ref, "Deferred revenue, January 2027 – not dated 01/31/2027, which is locked"
        )
        self._post_on('2027-03-01 01:00:00')
        self.assertEqual(self._get_held(), 876.71)
        self._assert_reported_is_held('2027-02')

    def test_an_archived_journal_is_told_once(self):
        activities = self.env['mail.activity'].search([])
        self.deferred_journal.active = False
        for day in ('2027-02-01', '2027-02-02', '2027-02-03'):
            self._post_on(f'{day} 01:00:00')
        self.assertFalse(self._get_entries())
        self.assertFalse(self.env['billpro.deferral'].search([]))
        activity = self.env['mail.activity'].search([]) - activities
        self.assertEqual(len(activity), 1)
        self.assertIn("archived journal", activity.note)
        failure = self.env['billpro.failure'].search([('task', '=', 'defer')])
        self.assertEqual((failure.company_id, failure.failure_count), (self.company, 3))
        self.deferred_journal.active = True
        with freeze_time('2027-02-03 02:00:00'):
            failure._try_again()
        self._post_on('2027-02-03 03:00:00')
        self.assertFalse(failure.exists() or activity.exists())
        self.assertEqual(self._get_held(), 953.42)

    def test_it_is_off_without_account_or_journal(self):
        self.company.billing_deferral_journal_id = False
        self._post_on('2027-03-01 01:00:00')
        self.assertFalse(self.env['account.move'].search([('ref', 'like', "Deferred")]))
        self.assertFalse(self.env['billpro.failure'].search([('task', '=', 'defer')]))

    def test_settings(self):
        with (
            self.assertRaisesRegex(ValidationError, "is a liability"),
            self.env.cr.savepoint(),
        ):
            self.company.billing_deferral_account_id = self.revenue_account
        with (
            self.assertRaisesRegex(ValidationError, "miscellaneous entries"),
            self.env.cr.savepoint(),
        ):
            self.company.billing_deferral_journal_id = self.company_data['default_journal_sale']
        self._defer(self.company, self.deferred_account.browse(), self.deferred_journal, False)
        with freeze_time('2027-02-10 10:00:00'):
            settings = Form(self.env['res.config.settings'])
            settings.billing_deferral_account_id = self.deferred_account
            settings.save()
        self.assertEqual(self.company.billing_deferral_month, date(2027, 2, 10))
        self._post_on('2027-03-01 01:00:00')
        self.assertEqual(self._get_entries().date, date(2027, 2, 28))

    # === ACCOUNTS === #

    def test_each_revenue_account_and_analytic_account_has_its_part(self):
        plan = self.env['account.analytic.plan'].create({'name': "Studios"})
        ghent = self.env['account.analytic.account'].create({'name': "Ghent", 'plan_id': plan.id})
        other_account = self._create_account("Courses", '701000', 'income')
        with freeze_time('2027-01-16 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
        with freeze_time('2027-01-31 10:00:00'):
            courses = self._create_sold_product("Courses", 50.0, self.tax_21, 'subscription')
            courses.property_account_income_id = other_account
            order = self._create_order((self.gym, 1), (courses, 1), (self.fee, 1))
            order.order_line[0].analytic_distribution = {str(ghent.id): 100}
            order.billing_interval_unit = 'week'
            amount = order._get_purchase()._get_initial_amount(order)
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id, amount=amount
            )._post_process()
        self._post_on('2027-02-01 01:00:00')
        # Six of seven days of 70.00: 60.00, of which two sevenths 17.14 and five sevenths 42.86.
        entry = self._get_entries()
        self.assertEqual(
            self._get_lines(entry),
            [
                (other_account.code, 42.86, 0),
                (self.revenue_account.code, 17.14, 0),
                (self.deferred_account.code, 0, 60.0),
            ],
        )
        by_account = {line.account_id: line.analytic_distribution for line in entry.line_ids}
        self.assertEqual(by_account[self.revenue_account], {str(ghent.id): 100})
        self.assertFalse(by_account[other_account])
        self.assertFalse(by_account[self.deferred_account])
        self._assert_reported_is_held('2027-01')

    def test_what_was_added_once_is_not_deferred(self):
        fees_account = self._create_account("Fees", '702000', 'income')
        self.fee.property_account_income_id = fees_account
        with freeze_time('2027-01-16 10:00:00'):
            self.order._billing_cancel_subscription(at_once=True)
            order = self._create_active_order((self.gym, 1, 28.0))
            order.order_line = [Command.create({'product_id': self.fee.id})]
        self._run_on('2027-02-16')
        invoice = order.billing_move_ids.sorted('id')[-1]
        self.assertEqual(invoice.amount_untaxed, 38.0)
        self._post_on('2027-03-01 01:00:00')
        # 15 of 28 days.
        self.assertEqual(self._get_held(), 15.0)
        self._assert_reported_is_held('2027-02')
        lines = self._get_entries().line_ids
        self.assertEqual(lines.account_id, self.deferred_account | self.revenue_account)

    # === MANY === #

    def _count_queries(self, day):
        self.env.flush_all()
        self.env.invalidate_all()
        before = self.env.cr.sql_log_count
        with freeze_time(day):
            self.assertTrue(self.env['billpro.deferral']._post_next_month(self.company))
        return self.env.cr.sql_log_count - before

    @nightly("How dear it is, not what is right.")
    def test_many_orders_cost_no_more_queries(self):
        self._count_queries('2027-02-01 01:00:00')
        counts = []
        for day, count in (('2027-02-10', 1), ('2027-03-10', 5)):
            with freeze_time(f'{day} 10:00:00'):
                for _number in range(count):
                    self._create_active_order()
            last = date.fromisoformat(day) + relativedelta(day=31)
            counts.append(self._count_queries(f'{last + timedelta(days=1)} 01:00:00'))
        self.assertLessEqual(counts[1], counts[0])
        self.assertEqual(len(self._get_entries()[-1].line_ids), 4)


@tagged('post_install', '-at_install')
class TestDeferralRights(DeferralCommon, RightsCommon):
    def test_accountants_read_and_nobody_writes(self):
        with freeze_time('2027-01-15 10:00:00'):
            self._create_active_order()
        self._post_on('2027-02-01 01:00:00')
        change = self.env['billpro.deferral'].search([])
        self.assertEqual(len(change), 1)
        for role, user in self._create_users().items():
            of_user = change.with_user(user)
            may_read = role in {'accountant', 'bookkeeper'}
            with self.subTest(role):
                self.assertEqual(of_user.has_access('read'), may_read)
                for operation in ('create', 'write', 'unlink'):
                    self.assertFalse(of_user.has_access(operation))
                if may_read:
                    entry = of_user.entry_id
                    self.assertEqual(entry.billing_deferral_count, 1)
                    action = entry.action_open_billing_deferrals()
                    self.assertEqual(of_user.search(action['domain']), of_user)


@tagged('post_install', '-at_install')
class TestDeferralInTwoCompanies(DeferralCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time('2027-01-31 10:00:00'):
            cls._create_active_order()
        cls.first = cls.company
        company = cls._create_company(name="Borealis", currency_id=cls._enable_currency('KWD').id)
        cls.env = cls.env(context={'allowed_company_ids': company.ids})
        cls.company = company.with_env(cls.env)
        cls.provider = cls._create_demo_provider(cls.company)
        cls.payment_method = cls.provider.payment_method_ids
        cls.salesperson.write({'company_ids': [Command.link(company.id)]})
        pool = cls._create_sold_product("Pool", 12.345, cls.env['account.tax'], 'subscription')
        with freeze_time('2027-01-31 10:00:00'):
            cls._create_active_order((pool, 1))
        cls.second_account = cls._create_account("Deferred revenue", '493000')
        cls._defer(
            cls.company, cls.second_account, cls._create_deferral_journal(company), '2027-01-01'
        )

    def test_each_company_alone(self):
        self.deferred_journal.active = False
        self._post_on('2027-02-01 01:00:00')
        # 27 of 28 days, to three decimals.
        held = self.env['account.move.line'].search([('account_id', '=', self.second_account.id)])
        self.assertEqual(held.mapped('credit'), [11.904])
        self.assertEqual(held.company_id, self.company)
        self.assertEqual(self._get_held(), 0)
        self.deferred_journal.active = True
        self._post_on('2027-02-02 01:00:00')
        # 27 of 28 days of 20.00.
        self.assertEqual(self._get_held(), 19.29)
        self.assertEqual(self._get_entries(held.journal_id), held.move_id)


@tagged('post_install', '-at_install')
class TestDeferralLaw(DeferralCommon):
    """At the end of each month the books say what the report says, whatever has happened."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for number, code in enumerate(('GBP', 'JPY', 'KWD'), start=1):
            cls._enable_currency(code).rate_ids.unlink()
            cls.env['res.currency.rate'].create(
                [
                    {
                        'name': date(2027, month, 1),
                        'rate': 1.1 * number + month / 7,
                        'currency_id': cls._enable_currency(code).id,
                        'company_id': cls.company.id,
                    }
                    for month in range(1, 7)
                ]
            )

    def _draw_order(self, draw):
        """Return a subscription that was paid now."""
        currency = draw.choice((None, 'GBP', 'JPY', 'KWD'))
        price = draw.choice((20.0, 33.33, 119.99)) * (100 if currency == 'JPY' else 1)
        order = self._create_order((self.gym, 1, price), (self.fee, 1), currency=currency)
        unit, count = draw.choice((('week', 2), ('month', 1), ('month', 3), ('year', 1)))
        order.write({'billing_interval_unit': unit, 'billing_interval_count': count})
        amount = order._get_purchase()._get_initial_amount(order)
        self._create_initial_transaction(
            order, 'done', token_id=self._create_token().id, amount=amount
        )._post_process()
        return order

    def _act(self, draw, order, today):
        """Do something with an order, as far as it can be done."""
        scheduled = order.billing_event_ids.filtered(lambda event: event.status == 'scheduled')
        act = draw.choice(ACTS)
        if act == 'refund':
            if txs := order._billing_get_refundable_transactions():
                amount = order.currency_id.round(
                    txs[0]._billing_get_refundable_amount() / draw.choice((1, 3))
                )
                if amount:
                    self._refund(order, amount)
            return
        with self.env.cr.savepoint():
            if act == 'pause':
                (
                    order._billing_resume
                    if order.billing_status == 'paused'
                    else order._billing_pause
                )()
            elif act == 'skip' and scheduled:
                scheduled[0]._skip()
            elif act == 'merge' and len(scheduled) > 1:
                scheduled[:2]._merge_by_staff(today + timedelta(days=3))
            elif act == 'move' and scheduled:
                scheduled[0]._reschedule(
                    today + timedelta(days=draw.randrange(20)), is_lasting=draw.random() < 0.5
                )
            elif act == 'end':
                order._billing_cancel_subscription(at_once=draw.random() < 0.5)

    def test_the_books_say_what_the_report_says(self):
        draw = random.Random(15)
        orders = []
        months = 4 if IS_NIGHTLY else 2
        for month in range(1, months + 1):
            with freeze_time(f'2027-0{month}-05 10:00:00'):
                orders += [self._draw_order(draw) for _number in range(6 if month == 1 else 1)]
            for day in (11, 21, 27):
                today = date(2027, month, day)
                with freeze_time(f'{today} 10:00:00'):
                    for order in draw.sample(orders, 3):
                        with suppress(UserError):  # Not everything can be done with each.
                            self._act(draw, order, today)
                self._run_on(today)
            self._post_on(f'2027-0{month + 1}-01 00:30:00')
            with self.subTest(month=month):
                self.assertTrue(self._get_held())
                self._assert_reported_is_held(f'2027-0{month}')
        changes = self.env['billpro.deferral'].search([])
        self.assertEqual(len(self._get_entries()), months)
        self.assertEqual(round(sum(changes.mapped('change')), 2), self._get_held())
        # Worked out once more, it comes to the same.
        self.company.billing_deferral_month = f'2027-0{months}-01'
        self._post_on(f'2027-0{months + 1}-02 10:00:00')
        self.assertEqual(self.env['billpro.deferral'].search([]), changes)
