"""One thing done to many orders. A gym costs 24.20 a month, the period begins on the 10th."""

from datetime import date
from unittest.mock import patch

from freezegun import freeze_time

from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import mute_logger

from ...models.many import bulk_action
from ..common.each_alone import LOGGER, TRIES
from ..common.schedule_actions import ScheduleActionCommon

BEGIN = '2027-02-10 10:00:00'
NOW = '2027-02-20 10:00:00'
LATER = '2027-02-25 10:00:00'


@tagged('post_install', '-at_install')
class TestBulkAction(ScheduleActionCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        with freeze_time(BEGIN):
            cls.one, cls.two, cls.three = (cls._create_active_order() for _number in range(3))
        cls.orders = cls.one | cls.two | cls.three
        cls.staff_env = cls.env(
            user=cls.billing_user, su=False, context={'allowed_company_ids': cls.company.ids}
        )

    def _begin(self, orders=None, env=None, **values):
        """Return an action for orders, as staff have looked at it."""
        Action = (env or self.staff_env)['billpro.bulk.action']
        shown = Action._open_for((orders or self.orders).with_env(Action.env))
        action = Action.browse(shown['res_id'])
        action.write(values)
        action.action_preview()
        return action

    def _confirm(self, orders=None, **values):
        action = self._begin(orders, **values)
        action.action_confirm()
        self._work()
        return action

    def _work(self):
        with self.enter_registry_test_mode():
            self.env.ref('billpro_portal.cron_bulk_action').method_direct_trigger()
        self.env.invalidate_all()

    def _get_result(self, action):
        """Return what became of each order: its status, what happens, and why nothing does."""
        return [
            tuple(
                (text or '').replace('\xa0', ' ').replace(line.order_id.name, 'S')
                for text in (line.state, line.effect, line.reason)
            )
            for line in action.sudo().line_ids.sorted(lambda line: line.order_id.id)
        ]

    def _get_told(self, kind, orders=None):
        """Return how often each customer was told of something."""
        return [
            len(order.billing_notification_ids.filtered(lambda notice: notice.kind == kind))
            for order in orders or self.orders
        ]

    def test_paused_and_resumed_again(self):
        with freeze_time(NOW):
            self.two._billing_pause()
            course = self._create_paid_order((self.desk, 1))
            orders = self.orders | course
            action = self._begin(orders, kind='pause', until='2027-06-01')
            preview = [
                ('ready', "Paused until 06/01/2027.", ''),
                (
                    'refused',
                    '',
                    "Order S can't be paused: its billing status is “Paused”.",
                ),
                ('ready', "Paused until 06/01/2027.", ''),
                ('refused', '', "Order S can't be paused: its billing status is “Complete”."),
            ]
            self.assertEqual(self._get_result(action), preview)
            self.assertEqual((action.ready_count, action.refused_count), (2, 2))
            self.assertEqual(self.one.billing_status, 'active')
            action.action_confirm()
            action.action_confirm()
            self._work()
            self._work()
            done = [('done', *row[1:]) if row[0] == 'ready' else row for row in preview]
            self.assertEqual(self._get_result(action), done)
            self.assertEqual((action.state, action.progress), ('done', 100))
            self.assertEqual(
                self.orders.mapped('billing_pause_until'),
                [date(2027, 6, 1), False, date(2027, 6, 1)],
            )
            self.assertEqual(self._get_told('paused'), [1, 1, 1])
            note = self.one.message_ids.filtered(lambda note: "paused until" in note.body)
            self.assertEqual(note.author_id, self.billing_user.partner_id)
            with self.assertRaisesRegex(UserError, "begin another one"):
                action.until = '2027-07-01'
            with self.assertRaisesRegex(UserError, "stays as a report"):
                action.unlink()
        with freeze_time(LATER):
            self.three.with_user(self.billing_user).action_resume()
            self.three._billing_pause()  # Not what was done to all.
            action.action_take_back()
            self._work()
            self._work()
            self.assertEqual(
                [row[0] for row in self._get_result(action)],
                ['undone', 'refused', 'kept', 'refused'],
            )
            self.assertEqual(
                self._get_result(action)[2][2], "It was changed since by somebody else."
            )
            self.assertEqual(action.state, 'undone')
            self.assertEqual(self.orders.mapped('billing_status'), ['active', 'paused', 'paused'])
            self.assertEqual(self._get_told('resumed'), [1, 0, 1])

    def test_resumed(self):
        with freeze_time(NOW):
            self.one._billing_pause()
            self.three._billing_pause()
            self.three._billing_cancel_subscription(at_once=False)
            action = self._confirm(kind='resume')
            text = "It goes on. No period that began during the pause is charged."
            self.assertEqual(
                self._get_result(action),
                [
                    ('done', text, ''),
                    ('refused', '', "Order S is not paused."),
                    ('refused', '', "Order S is cancelled: undo the cancellation first."),
                ],
            )
            self.assertFalse(action.can_take_back)
            self.assertEqual(self._get_told('resumed'), [1, 0, 0])

    def test_cancelled_and_undone(self):
        reason = self.env['billpro.cancel.reason'].create({'name': "Shop closes"})
        with freeze_time(NOW):
            self.two._billing_cancel_subscription(at_once=False)
            action = self._confirm(kind='cancel', reason_id=reason.id, note="Rent")
            self.assertEqual(
                self._get_result(action),
                [
                    ('done', "Access until 03/09/2027.", ''),
                    (
                        'refused',
                        '',
                        "Order S can't be cancelled any more: it is cancelled already.",
                    ),
                    ('done', "Access until 03/09/2027.", ''),
                ],
            )
            self.assertEqual(self.one.billing_cancel_reason_id, reason)
            self.assertEqual(self.one.billing_cancel_note, "Rent")
            self.assertEqual(self._get_told('cancelled'), [1, 1, 1])
            action.action_take_back()
            self._work()
            self.assertEqual(
                self.orders.mapped('billing_cancel_date'), [False, date(2027, 3, 9), False]
            )
            self.assertEqual(self._get_told('cancel_undone'), [1, 0, 1])
            at_once = self._confirm(self.one | self.two, kind='cancel', when='now')
            self.assertEqual(
                {row[:2] for row in self._get_result(at_once)},
                {('done', "It ends at once, and this can't be undone.")},
            )
            self.assertEqual(
                self.orders.mapped('billing_status'), ['complete', 'complete', 'active']
            )
            at_once.action_take_back()
            self._work()
            self.assertEqual({row[0] for row in self._get_result(at_once)}, {'kept'})
            self.assertIn("can't be undone any more", self._get_result(at_once)[0][2])
        asked = self.env['mail.activity'].search([('summary', '=', "Cancel: 2 orders")])
        self.assertEqual((len(asked), asked.user_id), (1, self.billing_user))

    def test_moved_and_moved_back(self):
        with freeze_time(NOW):
            day = date(2027, 3, 15)
            self.two.billing_next_event_id._reschedule(day)
            self.three._billing_pause()
            action = self._confirm(kind='move', day=day)
            self.assertEqual(
                self._get_result(action),
                [
                    (
                        'done',
                        "Payment S-E2 of $ 24.20: 03/10/2027 → 03/15/2027",
                        '',
                    ),
                    ('refused', '', "Payment S-E2 is due on that day already."),
                    ('refused', '', "Order S has no payment to come."),
                ],
            )
            self.assertEqual(self.one.billing_next_date.date(), day)
            self.assertEqual(self._get_told('payment_changed'), [1, 1, 0])
        with freeze_time(LATER):
            action.action_take_back()
            self._work()
            self.assertEqual(self.one.billing_next_date.date(), date(2027, 3, 10))
            self.assertEqual(self._get_told('payment_changed'), [2, 1, 0])
            past = self._begin(kind='move', day='2027-02-19')
            self.assertEqual(
                [row[2] for row in self._get_result(past)][:2],
                ["Choose today or a later day."] * 2,
            )
            with self.assertRaisesRegex(UserError, "nothing does"):
                past.action_confirm()

    def test_two_staff_begin_the_same(self):
        with freeze_time(NOW):
            moves = [self._begin(kind='move', day='2027-03-15') for _number in range(2)]
            actions = [self._begin(kind='pause') for _number in range(2)]
            for action in moves + actions:
                action.action_confirm()
            self._work()
        self.assertEqual({row[0] for row in self._get_result(actions[0])}, {'done'})
        self.assertEqual(
            {row[::2] for row in self._get_result(actions[1])},
            {('refused', "Order S can't be paused: its billing status is “Paused”.")},
        )
        self.assertEqual({row[0] for row in self._get_result(moves[1])}, {'refused'})
        self.assertEqual(self._get_told('paused'), [1, 1, 1])
        self.assertEqual(self._get_told('payment_changed'), [1, 1, 1])

    def test_what_somebody_else_has_looked_at_is_not_confirmed(self):
        action = self._begin(kind='pause')
        seen = action.preview_number
        action.write({'kind': 'cancel', 'when': 'now'})
        action.action_preview()
        with self.assertRaisesRegex(UserError, "Somebody else has changed it"):
            action.with_context(preview_number=seen).action_confirm()
        self.assertEqual(action.state, 'draft')
        action.with_context(preview_number=seen + 1).action_confirm()
        self.assertEqual(action.state, 'confirmed')

    def test_breaks_off_and_goes_on(self):
        cron = type(self.env['ir.cron'])
        with freeze_time(NOW), patch.object(bulk_action, 'BATCH_SIZE', 1):
            action = self._begin(kind='pause')
            action.action_confirm()
            with (
                self.enter_registry_test_mode(),
                patch.object(cron, '_commit_progress', lambda *args, **kwargs: 0),
            ):
                self.env.ref('billpro_portal.cron_bulk_action').method_direct_trigger()
            self.env.invalidate_all()
            self.assertEqual((action.done_count, action.ready_count), (1, 2))
            self.assertEqual((action.state, round(action.progress)), ('confirmed', 33))
            self.two._billing_cancel_subscription(at_once=False)  # Meanwhile.
            self._work()
        self.assertEqual(
            [row[::2] for row in self._get_result(action)],
            [
                ('done', ''),
                ('refused', "Order S can't be paused: it is cancelled already."),
                ('done', ''),
            ],
        )
        self.assertEqual(self._get_told('paused'), [1, 0, 1])

    def test_one_that_fails_stops_no_other(self):
        pause = type(self.one)._billing_pause

        def break_down(order, until=False):
            pause(order, until)
            if order == self.two:
                raise KeyError('nobody expects this')

        with patch.object(type(self.one), '_billing_pause', break_down), mute_logger(LOGGER):
            with freeze_time(NOW):
                action = self._begin(kind='pause')
                action.action_confirm()
            for delay in TRIES:
                with freeze_time(NOW) as clock:
                    clock.tick(delay)
                    self._work()
        self.assertEqual(
            [row[::2] for row in self._get_result(action)],
            [('done', ''), ('failed', "KeyError: 'nobody expects this'"), ('done', '')],
        )
        self.assertEqual((action.state, action.failed_count), ('done', 1))
        self.assertEqual(self._get_told('paused'), [1, 0, 1])
        asked = self.env['mail.activity'].search([('summary', '=', "Pause: 3 orders")])
        self.assertEqual((len(asked), asked.user_id), (1, self.billing_user))
        self.assertIn("could not be done to 1 of 3 orders", asked.note)
        failure = self.env['billpro.failure'].search([('task', '=', 'many')])
        with freeze_time(LATER):
            failure._try_again()
            self._work()
        self.assertEqual({row[0] for row in self._get_result(action)}, {'done'})
        self.assertEqual(self._get_told('paused'), [1, 1, 1])

    def test_what_failed_is_left_out_of_what_is_taken_back(self):
        with freeze_time(NOW):
            action = self._begin(kind='pause')
            action.action_confirm()
        with mute_logger(LOGGER):
            pause = type(self.one)._billing_pause

            def break_down(order, until=False):
                if order == self.two:
                    raise KeyError('nobody expects this')
                pause(order, until)

            with patch.object(type(self.one), '_billing_pause', break_down):
                for delay in TRIES:
                    with freeze_time(NOW) as clock:
                        clock.tick(delay)
                        self._work()
        failure = self.env['billpro.failure'].search([('task', '=', 'many')])
        with freeze_time(LATER):
            action.action_take_back()
            self._work()
            failure._try_again()
            self._work()
        self.assertEqual(
            [row[0] for row in self._get_result(action)], ['undone', 'left_out', 'undone']
        )
        self.assertEqual(action.state, 'undone')
        failure._forget_needless()
        self.assertFalse(failure.exists())

    def test_who_may(self):
        """Salespeople of their own orders, one without rights, and orders of two companies."""
        own = new_test_user(
            self.env,
            login='own_orders',
            groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman',
            company_id=self.company.id,
        )
        self.one.user_id = own
        (self.two | self.three).user_id = self.billing_user
        other_company = self.env['res.company'].create({'name': "Borealis"})
        foreign = self.env['sale.order'].create(
            {'partner_id': self.customer.id, 'company_id': other_company.id}
        )
        self.billing_user.company_ids += other_company
        both = self.staff_env(context={'allowed_company_ids': (self.company | other_company).ids})
        with freeze_time(NOW):
            action = self._begin(self.one | foreign, env=both, kind='pause')
            self.assertEqual(action.company_ids, self.company | other_company)
            self.assertEqual(
                [row[::2] for row in self._get_result(action)],
                [
                    ('ready', ''),
                    ('refused', "Order S can't be paused: it isn't that kind of order."),
                ],
            )
            own_env = self.env(
                user=own, su=False, context={'allowed_company_ids': self.company.ids}
            )
            lines = own_env['billpro.bulk.action.order'].search([('action_id', '=', action.id)])
            self.assertEqual(lines.order_id, self.one)
            domain = [('id', 'in', self.orders.ids)]
            found = own_env['billpro.bulk.action'].create({'order_domain': repr(domain)})
            found.action_preview()
            self.assertEqual(found.sudo().line_ids.order_id, self.one)
            found.order_domain = '[(user)]'
            with self.assertRaisesRegex(UserError, "isn't understood"):
                found.action_preview()
            action.action_confirm()
            self.billing_user.group_ids -= self.env.ref('billpro_portal.group_billing_user')
            self._work()
            self.assertEqual(
                self._get_result(action)[0],
                ('refused', "Paused until somebody resumes it.", "Only billing users can do this."),
            )
            with self.assertRaises(AccessError):
                self._begin()
        self.assertEqual(self.one.billing_status, 'active')

    def test_nothing_is_done_for_who_has_left(self):
        leavers = [
            new_test_user(
                self.env,
                login=login,
                groups='billpro_portal.group_billing_user,sales_team.group_sale_salesman_all_leads',
                company_id=self.company.id,
            )
            for login in ('archived', 'deleted')
        ]
        with freeze_time(NOW):
            actions = [
                self._begin(order, env=self.env(user=user, su=False), kind='pause')
                for user, order in zip(leavers, self.one | self.two, strict=True)
            ]
            for action in actions:
                action.action_confirm()
            archived, deleted = leavers
            archived.active = False
            deleted.unlink()
            self._work()
        for action in actions:
            ((state, _effect, reason),) = self._get_result(action.with_env(self.env))
            self.assertEqual((state, reason), ('refused', "Only billing users can do this."))
        self.assertEqual(set(self.orders.mapped('billing_status')), {'active'})

    def test_a_preview_of_many_costs_as_few_queries(self):
        counts = {}
        for number in (3, 1, 3):  # What is read once for all is read by the first.
            with freeze_time(NOW):
                for kind in ('pause', 'cancel', 'move'):
                    action = self._begin(self.orders[:number], kind=kind, day='2027-03-15')
                    action.until = False
                    self.env.flush_all()
                    self.env.invalidate_all()
                    before = self.env.cr.sql_log_count
                    action.action_preview()
                    self.env.flush_all()
                    counts[kind, number] = self.env.cr.sql_log_count - before
        for kind in ('pause', 'cancel', 'move'):
            self.assertEqual(counts[kind, 3], counts[kind, 1], kind)
