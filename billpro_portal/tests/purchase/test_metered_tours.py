from datetime import datetime

from freezegun import freeze_time

from odoo.tests import new_test_user, tagged

from ..common.nightly import nightly
from ..common.tours import MeteredTourCommon, PhoneCommon


@tagged('post_install', '-at_install')
class TestMeteredTours(MeteredTourCommon):
    """The way of a metered order in a real browser, with the clock moved."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.billing_user = new_test_user(
            cls.env,
            login='billing_user',
            groups='billpro_portal.group_billing_user',
            company_id=cls.company.id,
        )

    @nightly("Staff take a payment in a browser among other actions for each change.")
    def test_from_the_link_to_payments_taken_by_staff(self):
        order = self._register_card()
        order.user_id = self.billing_user
        with freeze_time('2028-02-10 10:00:00', tick=True):
            self._start_in_back_office(
                f'action-billpro_portal.action_billing_orders/{order.id}',
                'metered_take_payments',
                'billing_user',
            )
        taken, scheduled = order.billing_event_ids.sorted('number')
        self.assertEqual((taken.amount, taken.status), (17.43, 'completed'))
        self.assertEqual((scheduled.amount, scheduled.status), (8, 'scheduled'))
        self.assertEqual(scheduled.due_date.replace(minute=0, second=0), datetime(2028, 2, 11, 10))
        self.assertEqual(order.billing_paid, 17.43)
        self._assert_books_closed(order)
        self._collect_scheduled(order)
        for event, note, amount, tax in (
            (taken, "Usage in January", 17.43, 0.99),
            (scheduled, "Usage in February", 8, 0.45),
        ):
            invoice = event.invoice_id
            self.assertEqual((invoice.amount_total, invoice.amount_tax), (amount, tax))
            payment = order.billing_transaction_ids.filtered(
                lambda tx, invoice=invoice: tx.invoice_ids == invoice
            )
            self.assertEqual(payment.amount, amount)
            self._assert_in_pdf(
                order,
                f'/document/invoice/{invoice.id}',
                invoice.name,
                "Water",
                note,
                f'{amount:.2f}',
            )
            self._assert_in_pdf(
                order,
                f'/document/receipt/{payment.id}',
                payment.reference,
                invoice.name,
                f'{amount:.2f}',
            )


@tagged('post_install', '-at_install')
class TestMeteredOnPhone(PhoneCommon, MeteredTourCommon):
    @nightly("Instalments are registered on a phone for each change: it is the same page.")
    def test_from_the_link_to_several_payments(self):
        order = self._order_by_touch((self.water, 1), label="Order with obligation to pay")
        for moment, amount, note, when in (
            ('2028-02-10 10:00:00', 17.43, "Usage in January", 'now'),
            ('2028-02-10 10:01:00', 8, "Usage in February", 'later'),
        ):
            with freeze_time(moment), self._committing_env(self.billing_manager) as env:
                action = env['sale.order'].browse(order.id).action_open_take_payment()
                wizard = env['billpro.take.payment'].browse(action['res_id'])
                wizard.write({'amount': amount, 'note': note, 'when': when})
                wizard.action_take_payment()
        with freeze_time('2028-02-11 09:59:59'):
            self._assert_nothing_due(order)
        with freeze_time('2028-02-11 12:00:00'):
            self._run()
            self._assert_nothing_due(order)
        self._open_last_payment(order, '2028-02-11 12:00:00')
        self.assertEqual((order.billing_status, order.billing_paid), ('active', 25.43))
        self._assert_books_closed(order)
