"""Price increases of many subscriptions. Prices are without tax, tax is 21 %."""

from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ...billing.agreement import agreement_text
from ...models.changes import price_increase
from ..common.change import ChangeCommon
from ..common.price_increase import PriceIncreaseCommon

APRIL = '2027-04-01'
LATER = '2027-04-10'  # Thirty days before 10 May: periods that begin on the first are June's.


@tagged('post_install', '-at_install')
class TestPriceIncrease(PriceIncreaseCommon, ChangeCommon):
    def _start(self, day, *lines, **terms):
        with freeze_time(f'{day} 10:00:00'):
            return self._create_active_order(*(lines or [(self.basic, 1)]), **terms)

    def _raise(self, **values):
        """Return an increase of the basic plan by 10 %, as a billing manager has looked at it."""
        products = self.env['product.product'].browse(values.pop('product_ids', self.basic.ids))
        return self._raise_price(products, **{'day': '2027-05-01', **values})

    def _confirm_unseen(self, **values):
        """Return an increase that is planned, and whose mails are still to go out."""
        increase = self._raise(**values)
        increase.action_confirm()
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_price_increase').method_direct_trigger()
        self.env.invalidate_all()
        return increase

    def _get_told(self, order):
        """Return what the customer of an order was told of prices, the first first."""
        notices = order.billing_notification_ids.filtered(
            lambda notice: notice.kind == 'price_increase'
        )
        self.assertLessEqual(set(notices.mapped('state')), {'handed_over', 'sent'})
        texts = notices.sorted('id').mapped('text')
        return [text.replace('\xa0', ' ') for text in texts]

    def _pay(self, order, *rows):
        for day, paid in rows:
            with freeze_time(f'{day} 10:00:00'):
                self._run()
                self.assertEqual((day, round(order.billing_paid, 2)), (day, paid))

    def test_told_then_charged(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._raise()
            line = increase.line_ids
            self.assertEqual(
                (line.old_amount, line.new_amount, line.first_day, line.state),
                (12.1, 13.31, date(2027, 6, 1), 'ready'),
            )
            increase.action_confirm()
            self._work()
            self.assertEqual((line.state, increase.progress), ('planned', 100))
            told = (
                "From June 1, 2027 on you pay $ 13.31 every month for Basic, taxes included."
                " Until then it is $ 12.10."
            )
            self.assertEqual(self._get_told(order), [told])
            with self.assertRaisesRegex(UserError, "It is confirmed"), self.env.cr.savepoint():
                increase.percent = 20
            self._work()  # Once more: nobody is told twice.
            self.assertFalse(order._billing_get_refusal_to_pay_early('next'))
        self._pay(order, ('2027-05-01', 24.2))
        with freeze_time('2027-05-02 10:00:00'):
            # Declined, the higher price would count already.
            refusal = order._billing_get_refusal_to_pay_early('next')
            self.assertIn("Nothing can be paid on this order", refusal)
        self._pay(order, ('2027-06-01', 37.51), ('2027-07-01', 50.82))
        self.assertEqual(self._get_told(order), [told])
        self.assertEqual((order.order_line.price_unit, line.state), (11.0, 'done'))
        invoice = order.billing_event_ids.filtered(lambda e: e.number == 3).invoice_id
        self.assertEqual((invoice.amount_untaxed, invoice.amount_tax), (11.0, 2.31))
        with freeze_time('2027-07-15 10:00:00'):
            self.env.flush_all()
            months = self.env['billpro.mrr.report'].search([('order_id', '=', order.id)])
            self.assertEqual(
                [(row.month.month, row.movement, row.mrr) for row in months.sorted('month')],
                [
                    (4, 'new', 10.0),
                    (5, 'unchanged', 10.0),
                    (6, 'expansion', 11.0),
                    (7, 'unchanged', 11.0),
                ],
            )

    def test_whose_price_is_raised(self):
        yearly = self._create_sold_product("Year", 120.0, self.tax_21, 'subscription')
        yearly.billing_interval_unit = 'year'
        single = self._create_sold_product("Once", 99.0, self.tax_21)
        one_of_each = (
            ("yearly", [(yearly, 1)], {}, (145.2, 159.72, date(2028, 4, 1))),
            ("in trial", [(self.basic, 1)], {'billing_trial_days': 45}, (12.1, 13.31, None)),
            ("three", [(self.basic, 3)], {}, (36.3, 39.93, date(2027, 6, 1))),
            ("beside another", [(self.basic, 1), (self.plus, 1)], {}, (36.3, 37.51, None)),
            ("and once", [(self.basic, 1), (single, 1)], {}, (12.1, 13.31, None)),
            ("to cents", [(self.basic, 1, 9.99)], {}, (12.09, 13.3, None)),  # 10.989
            (
                "ends before",
                [(self.basic, 1)],
                {'billing_cycles': 2},
                "It ends before the new price would count.",
            ),
        )
        orders = {
            name: self._start(APRIL, *lines, **terms) for name, lines, terms, _row in one_of_each
        }
        expected = {name: row for name, _lines, _terms, row in one_of_each}
        for name in ("paused", "cancelled", "changed by staff", "another plan", "more of it"):
            orders[name] = self._start(APRIL)
        orders["no address"] = self._start(APRIL)
        with freeze_time('2027-04-05 10:00:00'):
            orders["paused"]._billing_pause()
            orders["cancelled"]._billing_cancel_subscription(at_once=False)
            orders["changed by staff"].billing_period_amount = 5
            self._change(orders["another plan"], self.plus, when='period_end')
            self._change(orders["more of it"], quantity=2, when='period_end')
            orders["no address"].partner_id = self.customer.copy({'email': False})
            increase = self._raise(product_ids=(self.basic | yearly).ids)
        expected |= {
            "paused": (12.1, 13.31, None),
            "more of it": (24.2, 26.62, None),
            "cancelled": "It is cancelled and ends on 04/30/2027.",
            "changed by staff": "Its payments were changed to $ 5.00 by staff.",
            "another plan": "It is changed to “Plus” on 05/01/2027.",
            "no address": "The customer has no email address: they can't be told.",
        }
        by_order = {line.order_id: line for line in increase.line_ids}
        for name, row in expected.items():
            with self.subTest(name):
                line = by_order[orders[name]]
                if isinstance(row, str):
                    reason = (line.reason or '').replace('\xa0', ' ')
                    self.assertEqual((reason, line.state), (row, 'refused'))
                    continue
                self.assertFalse(line.reason)
                self.assertEqual((line.old_amount, line.new_amount), row[:2])
                self.assertEqual(line.first_day, row[2] or line.first_day)

    def _start_in_california(self):
        """Return an order whose customer is told of prices between 30 and 7 days before."""
        order = self._start(APRIL)
        order.partner_id = self.customer.copy(
            {
                'country_id': self.env.ref('base.us').id,
                'state_id': self.env.ref('base.state_us_5').id,
                'email': 'ca@example.com',
            }
        )
        return order

    def test_what_waits_for_its_day_says_what_is_true_then(self):
        order = self._start_in_california()
        with freeze_time(f'{LATER} 10:00:00'):
            self._confirm_unseen()
        with freeze_time('2027-04-16 10:00:00'):
            order.order_line.product_uom_qty = 2
        with freeze_time('2027-05-02 18:00:00'):
            self._work()
        told = (
            "From June 1, 2027 on you pay $ 26.62 every month for Basic, taxes included."
            " Until then it is $ 24.20."
        )
        self.assertEqual(self._get_told(order), [told])

    def test_a_trial_is_free_until_then(self):
        order = self._start(APRIL, billing_trial_days=45)
        with freeze_time(f'{LATER} 10:00:00'):
            self._raise().action_confirm()
            self._work()
        told = (
            "From May 16, 2027 on, when your free trial is over, you pay $ 13.31 every month for"
            " Basic, taxes included, instead of $ 12.10."
        )
        self.assertEqual(self._get_told(order), [told])

    def test_currencies_and_laws(self):
        yen = self._create_order((self.basic, 1), currency='JPY')
        yen.order_line.price_unit = 1010.0
        yen.order_line.tax_ids = False
        token = self._create_token()
        with freeze_time(f'{APRIL} 10:00:00'):
            self._create_initial_transaction(
                yen, 'done', token_id=token.id, amount=1010, currency_id=yen.currency_id.id
            )._post_process()
        california = self._start_in_california()
        with freeze_time(f'{LATER} 10:00:00'):
            by_percent = self._raise(percent=5.55)
            to_price = self._raise(method='price', price=12, notice_days=3)
        # 1010 x 1.0555 is 1066.055.
        line = by_percent.line_ids.filtered(lambda line: line.order_id == yen)
        self.assertEqual((line.old_amount, line.new_amount), (1010.0, 1066.0))
        line = to_price.line_ids.filtered(lambda line: line.order_id == yen)
        self.assertEqual(line.reason, "It is in JPY.")
        # Between 30 and 7 days before.
        line = by_percent.line_ids.filtered(lambda line: line.order_id == california)
        self.assertEqual((line.first_day, line.tell_day), (date(2027, 6, 1), date(2027, 5, 2)))
        line = to_price.line_ids.filtered(lambda line: line.order_id == california)
        self.assertEqual((line.first_day, line.tell_day), (date(2027, 5, 1), date(2027, 4, 10)))

    def test_to_a_price_as_lines_are_made_of_it(self):
        """14.52 with 21 % tax: 12.00 where the fiscal position takes it off, a dozen 174.24."""
        included, none = self.env['account.tax'].create(
            [
                {
                    'name': "21% included",
                    'amount': 21,
                    'price_include_override': 'tax_included',
                    'company_id': self.company.id,
                },
                {'name': "0%", 'amount': 0, 'company_id': self.company.id},
            ]
        )
        abroad = self.env['account.fiscal.position'].create(
            {'name': "Abroad", 'company_id': self.company.id}
        )
        none.write({'fiscal_position_ids': abroad.ids, 'original_tax_ids': included.ids})
        plan = self._create_sold_product("Plan", 12.1, included, 'subscription')
        customers = [self.customer.copy({'email': f'{n}@example.com'}) for n in range(3)]
        customers[1].with_company(self.company).property_account_position_id = abroad
        orders = [self._create_order((plan, 1), partner=customer) for customer in customers]
        orders[2].order_line.product_uom_id = self.env.ref('uom.product_uom_dozen')
        with freeze_time(f'{APRIL} 10:00:00'):
            for order in orders:
                token = self._create_token(partner=order.partner_id)
                self._create_initial_transaction(order, 'done', token_id=token.id)._post_process()
        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._raise(product_ids=plan.ids, method='price', price=14.52)
        self.assertEqual(
            [(line.old_amount, line.new_amount) for line in increase.line_ids],
            [(12.1, 14.52), (10.0, 12.0), (145.2, 174.24)],
        )

    def test_what_is_paid_before_its_day_keeps_its_price(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'), self._committing_env() as env:
            own = env['sale.order'].browse(order.id)
            shown = agreement_text(own._billing_get_early_rows('next'))
            event = own._billing_pay_early('next', shown)
            while_paying = own._get_purchase()._get_first_day_from(own, date(2027, 5, 1))
            env['billpro.billing.run']._collect_early(event)
        self.assertEqual(while_paying, date(2027, 6, 1))
        with freeze_time('2027-04-11 10:00:00'):
            increase = self._raise(notice_days=3)
            increase.action_confirm()
            self._work()
        self.assertIn("From June 1, 2027 on", self._get_told(order)[0])
        self._pay(order, ('2027-05-01', 24.2), ('2027-06-01', 37.51))
        self.assertEqual(increase.line_ids.state, 'done')

    def test_what_staff_raise_more_is_not_lowered(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._raise(notice_days=3)
            increase.action_confirm()
            self._work()
            order.with_env(self.manager_env).order_line.price_unit = 12
            self.assertEqual(order.billing_next_amount, 14.52)
        self._pay(order, ('2027-05-01', 26.62))
        self.assertEqual((order.order_line.price_unit, increase.line_ids.state), (12, 'overtaken'))

    def test_taken_back(self):
        one, other = self._start(APRIL), self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._raise(notice_days=3)
            increase.action_confirm()
            self._work()
            # The next payment is that of 1 May.
            self.assertEqual((one | other).mapped('billing_next_amount'), [13.31, 13.31])
            own = increase.line_ids.filtered(lambda line: line.order_id == one)
            own.change_ids.with_env(self.manager_env).action_take_back()
            self.env.invalidate_all()
            self.assertEqual((one | other).mapped('billing_next_amount'), [12.1, 13.31])
            increase.action_take_back()
            self._work()
            self._work()
            self.assertEqual((one | other).mapped('billing_next_amount'), [12.1, 12.1])
            self.assertEqual(set(increase.line_ids.mapped('state')), {'taken_back'})
        undone = (
            "The higher price that we told you of, from May 1, 2027 on, doesn't come. You go on"
            " paying $ 12.10 every month, taxes included."
        )
        for order in (one, other):
            self.assertEqual(self._get_told(order)[1:], [undone])
            changed = order.billing_notification_ids.filtered(
                lambda notice: notice.kind == 'payment_changed'
            )
            self.assertFalse(changed, "They are told once.")
        self._pay(one, ('2027-05-01', 24.2))

    def test_moved_before_its_day_a_payment_has_the_old_price(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            self._raise(notice_days=3).action_confirm()
            self._work()
            self.assertEqual(order.billing_next_amount, 13.31)
            event = order.billing_event_ids.filtered(lambda event: event.status == 'scheduled')
            event._reschedule(date(2027, 4, 25), is_lasting=True)
            self.assertEqual(order.billing_next_amount, 12.1)
        self._pay(order, ('2027-04-25', 24.2), ('2027-05-25', 37.51))

    def test_one_that_fails_stops_no_other(self):
        orders = [self._start(APRIL) for _number in range(3)]
        prepare = price_increase.BillproPriceIncrease._prepare_change

        def break_down(self, line, first_day):
            if line.order_id == orders[1] and self.state != 'draft':
                raise ValueError("Nobody expects this")
            return prepare(self, line, first_day)

        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._raise()
            increase.action_confirm()
            module = 'odoo.addons.billpro_portal.models.each_alone.own_transaction'
            with (
                patch.object(type(increase), '_prepare_change', break_down),
                mute_logger(module),
            ):
                self._work()
        states = {line.order_id: line.state for line in increase.line_ids}
        self.assertEqual([states[o] for o in orders], ['planned', 'ready', 'planned'])
        self.assertEqual([len(self._get_told(order)) for order in orders], [1, 0, 1])
        with freeze_time('2027-04-12 10:00:00'):  # Its time to be tried again.
            self._work()
        self.assertEqual([len(self._get_told(order)) for order in orders], [1, 1, 1])

    def test_breaks_off_and_goes_on(self):
        orders = [self._start(APRIL) for _number in range(3)]
        with freeze_time(f'{LATER} 10:00:00'), patch.object(price_increase, 'BATCH_SIZE', 1):
            increase = self._raise()
            increase.action_confirm()
            cron = type(self.env['ir.cron'])
            with (
                self.enter_registry_test_mode(),
                patch.object(cron, '_commit_progress', lambda *args, **kwargs: 0),
            ):
                self.env.ref('billpro_portal.cron_price_increase').method_direct_trigger()
            self.env.invalidate_all()
            self.assertEqual((increase.planned_count, increase.ready_count), (1, 2))
            self._work()
        self.assertEqual([len(self._get_told(order)) for order in orders], [1, 1, 1])
        self.assertEqual(increase.planned_count, 3)

    def test_nobody_pays_what_they_were_not_told(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._confirm_unseen(notice_days=3)
            self.assertEqual(order.billing_next_amount, 13.31)
        self._pay(order, ('2027-05-01', 24.2))
        self.assertEqual(increase.line_ids.state, 'overtaken')

    def test_who_has_cancelled_is_not_told(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            increase = self._confirm_unseen(notice_days=3)
            order._billing_cancel_subscription(at_once=False)
            self._work()
            notice = order.billing_notification_ids.filtered(lambda n: n.kind == 'price_increase')
            self.assertEqual(notice.state, 'outdated')
            order._billing_undo_cancellation()
        self._pay(order, ('2027-05-01', 24.2))
        self.assertEqual(increase.line_ids.state, 'overtaken')

    def test_many_cost_few_queries(self):
        """Another order costs a few rows that are written, and no look-up of its own."""
        previews, counts, notices = {}, {}, self.env['billpro.notification']
        domain = [('state', '=', 'queued'), ('kind', '=', 'price_increase')]
        for number in (2, 12):
            for _order in range(number):
                self._start(APRIL)
            with freeze_time(f'{LATER} 10:00:00'):
                increase = self._raise()
                self.env.invalidate_all()
                looked = self.env.cr.sql_log_count
                increase.action_preview()
                self.env.flush_all()
                previews[number] = self.env.cr.sql_log_count - looked
                # As the job finds them: all are read together.
                lines = increase.sudo().line_ids.browse(increase.sudo().line_ids.ids)
                self.env.invalidate_all()
                counts[number] = []
                for step in (
                    lambda found: found._do('_plan', found),
                    lambda _found: notices.search(domain)._send_mails(),
                ):
                    before = self.env.cr.sql_log_count
                    step(lines)
                    self.env.flush_all()
                    counts[number].append(self.env.cr.sql_log_count - before)
                    self.env.invalidate_all()
        for few, many in zip(counts[2], counts[12], strict=True):
            self.assertLessEqual(many - few, 10, counts)
        # The first preview may read what is kept in memory from then on.
        self.assertLessEqual(previews[12], previews[2])

    def test_only_managers_raise_prices(self):
        order = self._start(APRIL)
        with freeze_time(f'{LATER} 10:00:00'):
            self._raise().action_confirm()
            self._work()
        user = new_test_user(
            self.env,
            'bills',
            'billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
            company_id=self.company.id,
        )
        user_env = self.env(user=user, su=False)
        with self.assertRaises(AccessError), self.env.cr.savepoint():
            user_env['billpro.price.increase'].create({'product_ids': self.basic.ids})
        change = order.billing_change_ids
        with self.assertRaisesRegex(AccessError, "Only billing managers"):
            change.with_env(user_env).action_take_back()
        change.with_env(self.manager_env).action_take_back()
        self.assertEqual(change.state, 'taken_back')
