from datetime import datetime

from freezegun import freeze_time

from odoo.tests import Form, tagged

from ..common.fifth_type import FifthTypeCommon
from ..common.http import BillingHttpCommon


@tagged('post_install', '-at_install')
class TestFifthType(FifthTypeCommon, BillingHttpCommon):
    """A purchase type is one class: what sells, charges and shows it asks that class alone."""

    def _is_shown(self, form, *names):
        return [not form._get_modifier(name, 'invisible') for name in names]

    def test_a_product_is_set_up(self):
        self.assertEqual(
            self.env['billpro.purchase.type']._get_selection()[-1], ('halves', "Two halves")
        )
        with Form(self.sofa.product_tmpl_id) as form:
            self.assertEqual(
                form.billing_type_description,
                "Customers pay a half at the checkout, and the other one ten days later.",
            )
            self.assertEqual(
                self._is_shown(
                    form,
                    'billing_lock_terms',
                    'billing_interval_count',
                    'billing_trial_days',
                    'billing_instalment_count',
                    'billing_initial_amount',
                ),
                [True, False, False, False, False],
            )
            form.purchase_type = 'instalment'
            self.assertEqual(
                self._is_shown(form, 'billing_interval_count', 'billing_instalment_count'),
                [True, True],
            )
            form.purchase_type = 'halves'

    def test_it_is_sold_charged_on_schedule_and_shown(self):
        with freeze_time('2027-01-10 10:00:00'):
            order = self._create_order((self.sofa, 1))
            self.assertEqual(order.purchase_type, 'halves')
            order._portal_ensure_token()
            self.env.flush_all()
            page = self.url_open(self._link(order)).text
            for text in ("You pay a half now.", "To pay today", "121.00"):
                self.assertIn(text, page)
            self._create_initial_transaction(
                order, 'done', token_id=self._create_token().id, amount=121.0
            )._post_process()
            self.env.flush_all()
            page = self.url_open(self._link(order)).text
            for text in ("Two halves", "on January\xa020", "121.00"):
                self.assertIn(text, page)
        event = order.billing_event_ids
        self.assertEqual(
            (order.billing_status, event.status, event.amount, event.due_date),
            ('active', 'scheduled', 121.0, datetime(2027, 1, 20, 8)),
        )
        with Form(order) as form:
            self.assertEqual(
                self._is_shown(
                    form, 'billing_event_ids', 'amount_total', 'billing_cycles', 'billing_deposit'
                ),
                [True, True, False, False],
            )
        self.assertEqual(
            (order.billing_can_pause, order.billing_can_cancel, order.billing_can_complete),
            (False, False, True),
        )
        self.assertTrue(event.can_skip)
        with freeze_time('2027-01-19 10:00:00'):
            self._run()
        self.assertEqual(order.billing_paid, 121.0)
        with freeze_time('2027-01-20 10:00:00'):
            self._run()
            self.assertEqual(
                (order.billing_status, event.status, order.billing_paid, order.billing_balance),
                ('complete', 'completed', 242.0, 0.0),
            )
        self.assertIn("Two halves", self.url_open(self._link(order)).text)
        self.assertEqual(order.billing_move_ids.mapped('amount_total'), [121.0, 121.0])
        self._assert_books_closed(order)
