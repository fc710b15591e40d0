from freezegun import freeze_time

from odoo.tests import new_test_user

from .company import NOT_INVITED
from .notification import TimedCommon

START = '2027-02-10 10:00:00'


class ScheduleActionCommon(TimedCommon):
    """Staff change the schedule of an order, in the dialogs."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.customer.lang = 'en_US'
        cls.billing_user = new_test_user(
            cls.env,
            login='billing_user',
            groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
            context=NOT_INVITED,
            company_id=cls.company.id,
        )

    def _create_instalments(self, *lines, count=3, state='done', **terms):
        with freeze_time('2027-01-10 10:00:00'):
            return self._create_active_order(
                *(lines or [(self.course, 1)]),
                billing_deposit=21.0,
                billing_instalment_count=count,
                state=state,
                **terms,
            )

    def _open(self, records, method, user=None, **values):
        """Open a dialog as staff do, enter values, and return it."""
        action = getattr(records.with_user(user or self.billing_user), method)()
        wizard = self.env[action['res_model']].with_user(user or self.billing_user)
        wizard = wizard.browse(action['res_id'])
        wizard.write(values)
        return wizard

    def _skip(self, event, reason=False):
        self._open(event, 'action_open_skip', reason=reason).action_skip()

    def _merge(self, events, day):
        self._open(events, 'action_open_merge', day=day).action_merge()
        return events.merged_into_id

    def _reschedule(self, event, **values):
        self._open(event, 'action_open_reschedule', **values).action_reschedule()

    def _run_on(self, day):
        with freeze_time(f'{day} 10:00:00'):
            self._run()

    def _schedule(self, order):
        return [
            (
                event.display_name.split('-')[-1],
                event.status,
                event.amount,
                str(event.due_date)[:10],
            )
            for event in order.billing_event_ids.sorted(lambda e: (e.due_date, e.id))
        ]

    def _last_notice(self, order):
        notice = order.billing_notification_ids.sorted('id')[-1:]
        self.assertEqual(notice.kind, 'payment_changed')
        return notice.text.replace('\xa0', ' ')

    def _assert_totals(self, order, **totals):
        self.assertEqual(
            {name: order.currency_id.round(order[f'billing_{name}']) for name in totals}, totals
        )


class OrderActionCommon(ScheduleActionCommon):
    """Orders in each status, and who works on them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.accountant = new_test_user(
            cls.env,
            login='accountant',
            groups='account.group_account_readonly,account.group_account_invoice',
            company_id=cls.company.id,
        )

    @classmethod
    def _name(cls, name, order):
        """Give an order a name that a tour finds in a list."""
        order.name = name
        return order

    @classmethod
    def _create_orders(cls):
        """Return an order of each kind by name."""
        with freeze_time(START):
            orders = {
                'DRAFT': cls._create_order((cls.gym, 1), sent=False),
                'PENDING': cls._create_order((cls.desk, 1)),
                'CARD': cls._create_active_order(),
                'PAUSED': cls._create_active_order(),
                'CANCELLED': cls._create_active_order(),
                'WATER': cls._create_active_order((cls.water, 1)),
                'DESK': cls._create_paid_order((cls.desk, 1)),
            }
            orders['PAUSED']._billing_pause()
            orders['CANCELLED']._billing_cancel_subscription(at_once=False)
        for name, order in orders.items():
            cls._name(name, order)
        return orders
