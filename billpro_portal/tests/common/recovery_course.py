import random
from collections import Counter
from contextlib import contextmanager
from datetime import datetime, timedelta

import requests

from odoo.exceptions import AccessError, MissingError, UserError

from odoo.addons.payment_stripe.const import HANDLED_WEBHOOK_EVENTS

from fake_gateway import browser_pages
from fake_gateway.errors import ApiError
from fake_gateway.store import Caller

from ...billing.agreement import agreement_text
from ...billing.lifecycle import DECLINED, FINAL
from .cards import GOOD, LOST, NEEDS_BANK, NO_FUNDS
from .recovery_course_checks import CourseChecks

START = datetime(2027, 1, 31, 10)
MOODS = {
    'good': GOOD,
    'no funds': NO_FUNDS,
    'lost': LOST,
    'needs bank': NEEDS_BANK,
}
FAULTS = ('drop_after', 'drop_before', 'error_after', 'error_before', 'rate_limit')


class Course(CourseChecks):
    """A random course of one customer's orders, checked against the gateway's ledger.

    Whatever is done is done as the pages, the crons and the webhook do it: in a database
    transaction of its own that a refusal rolls back.
    """

    def __init__(self, test, seed, is_adjusting=False):
        self.test = test
        self.seed = seed
        self.is_adjusting = is_adjusting
        self.random = random.Random(seed)
        self.gateway = test.gateway
        self.log = []
        self.counts = Counter()
        self.refusals = Counter()
        self.pages = []  # Of the bank, open in the customer's tabs: attempts and their values.
        self.inbox = []  # Events of the gateway that Odoo may hear of, now, late or twice.

    # === BEGINNING === #

    def begin(self, clock):
        """Create the orders and approve them."""
        self.clock = clock
        self.now = START
        self.clock.move_to(self.now)
        test = self.test
        test.gateway.faults.clear()
        test.gateway.store.publish = self._receive
        test.company.write(
            {
                'billing_retry_days': self.random.choice(['1, 3, 7', '', '1,2,3,4,5,6,7,8,9,10']),
                'billing_auto_suspend': self.random.random() < 0.7,
                'billing_missed_periods': self.random.choice(['all', 'all', 'latest', 'none']),
                'billing_cancel_after_days': self.random.choice([0, 0, 60]),
                'billing_customer_pause_days': 60,
                'billing_customer_skips': 3,
                'billing_pay_off_rebate': self.random.choice([0, 2.5]),
            }
        )
        self.orders = test.env['sale.order']
        self.initial = {}
        self.cards = test.env['payment.token']
        for _number in range(2):
            self._add_order()

    def _add_order(self):
        """Let the customer buy something more."""
        kind = self.random.choices(list(self.test.products), [4, 3, 2, 1])[0]
        self.counts[kind] += 1
        order = self._create_order(kind)
        self.log.append(f'{self.now:%m-%d %H:%M} buy ({order.name}): {kind}')
        self.orders |= order
        self.initial[order.id] = order.billing_paid
        self.cards |= order.billing_token_id
        self.test.env.flush_all()

    def _create_order(self, kind):
        test = self.test
        order = test._create_order((test.products[kind], 1))
        if kind in {'monthly', 'weekly'}:
            order.billing_trial_days = self.random.choice([0, 0, 5])
            order.billing_cycles = self.random.choice([0, 0, 6])
        amount = order._get_purchase()._get_initial_amount(order)
        tx = test._create_initial_transaction(
            order,
            token_id=test._create_token().id,
            amount=amount,
            operation='online_direct' if amount else 'validation',
        )
        tx._set_done()
        tx._post_process()
        test.assertEqual(order.billing_status, 'active')
        return order

    def _receive(self, deliveries):
        self.inbox += [
            event
            for _url, _secret, event in deliveries
            if event['type'] in HANDLED_WEBHOOK_EVENTS
            and event['type'].startswith('payment_intent')
        ]

    # === STEPS === #

    def step(self):
        """Do something at random, and check everything."""
        live = self.orders.filtered(lambda order: order.billing_status not in FINAL)
        if not live:
            self._add_order()
            live = self.orders[-1:]
        # Late messages and impatient people come back to orders that are over.
        order = self.random.choice(live if self.random.random() < 0.9 else self.orders)
        weights = {**self.WEIGHTS, **(self.ADJUSTING if self.is_adjusting else {})}
        if self.random.random() < 0.9:
            is_possible = self._get_sensible(order)
            weights = {n: w for n, w in weights.items() if is_possible.get(n, True)}
        name = self.random.choices(list(weights), list(weights.values()))[0]
        self.log.append(f'{self.now:%m-%d %H:%M} {name} ({order.name})')
        self.counts[name] += 1
        getattr(self, name)(order)
        self.check()

    def _get_sensible(self, order):
        """Return of what actions something may come; others are refused or do nothing."""
        statuses = set(order.billing_event_ids.mapped('status'))
        return {
            'pay': order.billing_outstanding,
            'poll': order._billing_is_collection_under_way()
            or order._billing_get_open_authentication(),
            'open_bank_page': order._billing_get_open_authentication(),
            'confirm_with_bank': self.pages,
            'hear': self.inbox,
            'execute_now': statuses & {'scheduled', 'soft_declined'},
            'decide': 'unknown' in statuses,
            'take_payment': order.purchase_type == 'metered',
            'change_plan': order.purchase_type == 'subscription'
            and not order._billing_get_refusal_to_change('period_end'),
            'take_back_change': order._billing_get_planned_change()
            or order._billing_get_waiting_change(),
            'adjust': order.purchase_type == 'subscription'
            and not order._billing_get_refusal_to_adjust(),
            'take_back_adjustment': order.billing_discount_ids.filtered('can_take_back')
            or order.billing_once_line_ids,
            'raise_price': order.purchase_type == 'subscription',
            'pay_early': not order._billing_get_refusal_to_pay_early('next'),
            'take_back_early': order._billing_get_waiting_early(),
            'skip_by_customer': not order._billing_get_refusal_to_skip_by_customer(),
            'pause_by_customer': not order._billing_get_refusal_to_pause_by_customer(),
            'resume_by_customer': order._billing_get_day_after_resuming(),
            'cancel': order._can_be_cancelled(),
            'undo_cancellation': order._can_cancellation_be_undone(),
            'pause': order._billing_can_be_paused(),
            'resume': order.billing_status == 'paused',
            'select_card': order._billing_can_change_cards(),
            'register_card': order._billing_can_change_cards(),
        }

    def note(self, text):
        """Add to the last line of the log."""
        self.log[-1] += f': {text}'

    @contextmanager
    def acting(self, order, user=None):
        """Give the order to an actor, in a transaction that a refusal rolls back."""
        with self.test._committing_env(user) as env:
            try:
                yield env['sale.order'].browse(order.id)
            except (AccessError, MissingError):
                raise  # Nobody asks for what they may not, or what isn't there.
            except UserError as error:
                env.cr.rollback()
                self.note(f'refused: {error}')
                self.refusals[type(error).__name__, str(error)[:40]] += 1

    def _find_events(self, order, statuses):
        events = order.billing_event_ids.filtered(lambda event: event.status in statuses)
        return events and self.random.choice(events)

    # Time and the gateway.

    def move(self, _order):
        """Move the clock, from minutes to weeks; Odoo books meanwhile what it has."""
        delay = timedelta(
            **self.random.choice(
                [
                    {'minutes': self.random.randint(1, 60)},
                    {'hours': self.random.randint(1, 30)},
                    {'days': self.random.randint(1, 9)},
                    {'days': self.random.randint(1, 9)},
                    {'weeks': self.random.randint(1, 6)},
                ]
            )
        )
        if delay > timedelta(days=2):
            self.post_process()
        self.set_time(self.now + delay)

    def set_time(self, moment):
        """Set the clock."""
        self.now = moment
        self.clock.move_to(moment)

    def change_mood(self, _order):
        """Let a card be answered in another way from now on."""
        cards = self.orders.filtered(lambda o: o.billing_status not in FINAL).billing_token_id
        card = self.random.choice(cards or self.cards)
        mood = self.random.choices(list(MOODS), [4, 8, 2, 4])[0]
        self.note(f'{card.id} {mood}')
        self.counts[mood] += 1
        self.gateway.treat_card_as(card.stripe_payment_method, MOODS[mood])

    def break_gateway(self, _order):
        """Let one of the next requests to the gateway fail."""
        kind = self.random.choice(FAULTS)
        self.note(kind)
        self.gateway.faults.add(
            kind,
            path=self.random.choice(['/v1/payment_intents', '/v1/payment_intents*']),
            times=self.random.choice([1, 1, 2, 5]),
        )

    def mend_gateway(self, _order):
        """Let nothing fail any more."""
        self.gateway.faults.clear()

    def hear(self, _order):
        """Take in what the gateway has to tell: in order, late, or a second time."""
        if not self.inbox:
            return
        index = self.random.choice([0, -1, self.random.randrange(len(self.inbox))])
        event = self.inbox[index]
        if self.random.random() < 0.6:
            del self.inbox[index]
        self.deliver(event)

    def deliver(self, event):
        """Take in a message of the gateway, and process what was received."""
        self.note(f'{event["data"]["object"]["description"]} {event["type"]}')
        with self.test._committing_env() as env:
            provider = env['payment.provider'].browse(self.test.provider.id)
            env['billpro.webhook.event']._receive(provider, event)
        with self.test._committing_env() as env:
            env['billpro.webhook.event']._cron_process()

    # Odoo by itself.

    def run(self, _order):
        """Let the scheduled action collect what is due; it keeps to the policy of retries."""
        requested = {
            order.id
            for order in self.orders
            if order.billing_collection_date or order.billing_event_ids.filtered('requested_date')
        }
        before = self.orders.billing_event_ids.transaction_ids
        # Not by the scheduled action: Odoo only logs what breaks it.
        with self.test._committing_env() as env:
            env['billpro.webhook.event']._cron_process()
            env['billpro.billing.run']._cron_run()
        for tx in self.orders.billing_event_ids.transaction_ids - before:
            if tx.billing_order_id.id not in requested:
                self._check_automatic_attempt(tx)

    def post_process(self, _order=None):
        """Let Odoo book what the gateway told, as its own scheduled action does."""
        since = self.now - timedelta(days=4)
        with self.test._committing_env() as env:
            for tx in env['payment.transaction'].search(
                [('is_post_processed', '=', False), ('last_state_change', '>=', since)]
            ):
                tx._post_process()
                env.cr.commit()  # Each for itself, as in that action.

    # The customer.

    def pay(self, order):
        """Ask to collect what is outstanding, or another amount."""
        amount = order.billing_outstanding
        if self.random.random() < 0.15:
            amount += self.random.choice([-1, 0.01, 100])
        with self.acting(order) as order:
            order._lock_billing()
            order._billing_request_collection(amount)

    def poll(self, order):
        """Wait on the progress page."""
        with self.acting(order) as order:
            self.note(order.env['billpro.billing.run']._continue_collection(order))

    def select_card(self, order):
        """Choose another stored card."""
        card = self.random.choice(self.cards)
        with self.acting(order) as order:
            order._check_billing_cards_can_be_changed()
            self.note(card.id)
            order._billing_select_card(
                order._billing_get_card(card.id), for_all_orders=self.random.random() < 0.3
            )

    def remove_card(self, order):
        """Remove a stored card."""
        card = self.random.choice(self.cards)
        with self.acting(order) as order:
            order._check_billing_cards_can_be_changed()
            self.note(card.id)
            order._billing_remove_card(order._billing_get_card(card.id))

    def register_card(self, order):
        """Enter another card, and agree to pay what is outstanding, or an amount of before."""
        amount = self.random.choice([order.billing_outstanding, order.billing_outstanding, 0, 24.2])
        mood = self.random.choices(list(MOODS), [4, 3, 1, 2])[0]
        with self.acting(order) as order:
            order._check_billing_cards_can_be_changed()
            order._check_billing_agreed_amount(amount)
            self._adopt(order, amount, mood)

    def register_card_late(self, order):
        """End a registration that was begun under other circumstances."""
        amount = self.random.choice([0, 24.2, order.billing_outstanding])
        with self.acting(order) as order:
            self._adopt(order, amount, 'good')

    def _adopt(self, order, amount, mood):
        token = self.test._create_token()
        self.cards |= token
        self.gateway.treat_card_as(token.stripe_payment_method, MOODS[mood])
        self.note(f'{token.id} {mood}, {amount}')
        tx = self.test._create_initial_transaction(
            order.with_env(self.test.env),
            token_id=token.id,
            operation='validation',
            amount=0,
            billing_is_card_update=True,
            billing_collect_amount=amount,
            billing_for_all_orders=self.random.random() < 0.2,
        )
        self.test.env.flush_all()
        tx = tx.with_env(order.env)
        tx._set_done()
        tx._post_process()

    def open_bank_page(self, order):
        """Open the page on which a payment is confirmed; it stays open in a tab."""
        with self.acting(order) as order:
            if order.billing_status in {'active', 'failed', 'suspended'}:
                for tx in order._billing_get_open_authentication():
                    if values := tx._billing_get_authentication_values():
                        self.note(tx.reference)
                        self.pages.append((tx.provider_reference, values))

    def confirm_with_bank(self, _order):
        """Confirm, or fail to, on a page that may have been opened long ago."""
        if self.pages:
            outcome = self.random.choice(['complete', 'complete', 'complete', 'fail'])
            self._confirm(*self.random.choice(self.pages[-3:]), outcome)

    def _confirm(self, intent, values, outcome):
        self.note(f'{intent} {outcome}')
        try:
            if self.gateway.find('payment_intent', intent)['status'] != 'requires_action':
                self.test._post(
                    f'payment_intents/{intent}/confirm', payment_method=values['payment_method']
                )
            with self.gateway.store.session(Caller(version='2019-05-16')) as session:
                browser_pages.authenticate(
                    session,
                    intent,
                    {'client_secret': values['client_secret'], 'outcome': outcome},
                )
        except (requests.exceptions.RequestException, ApiError) as error:
            self.note(f'not confirmed: {error}')

    def change_plan(self, order):
        """Change plan or quantity, now or at the end of the period, or agree to other amounts."""
        line = order._billing_get_plan_lines()[:1] if order.purchase_type == 'subscription' else ()
        if not line:
            return
        plans = order._billing_get_plans(line)
        if not self.is_adjusting:
            plans -= self.test.quarterly  # Another interval.
        product = plans.browse(self.random.choice(plans.ids))
        quantity, when = self.random.choice([1, 1, 2, 3]), self.random.choice(['now', 'period_end'])
        with self.acting(order) as order:
            self.note(f'{quantity} × {product.name} {when}')
            Change = order.env['billpro.change']
            terms = line.with_env(order.env), product.with_env(order.env), quantity, when
            values = Change._propose(order, *terms)
            shown = agreement_text(Change.new(values)._get_rows())
            change = order._billing_change(*terms, shown if self.random.random() < 0.9 else '[]')
            order.env['billpro.billing.run']._collect_change(change)
            self.counts[f'change {change.state}'] += 1

    def take_back_change(self, order):
        """Take back what is planned, or waits for the bank."""
        with self.acting(order) as order:
            order._billing_take_back_change()

    def pay_early(self, order):
        """Pay the next payment, or all instalments that are left, or agree to other amounts."""
        what = self.random.choice(['next', 'all'])
        with self.acting(order) as order:
            self.note(what)
            shown = agreement_text(order._billing_get_early_rows(what))
            event = order._billing_pay_early(what, shown if self.random.random() < 0.9 else '[]')
            order.env['billpro.billing.run']._collect_early(event)
            self.counts[f'early {event.status}'] += 1

    def take_back_early(self, order):
        """Take back what is paid early, and waits for the bank."""
        with self.acting(order) as order:
            order.env['billpro.billing.run']._withdraw_early(order)

    def skip_by_customer(self, order):
        """Skip the next payment, as the page shows it."""
        with self.acting(order) as order:
            order._billing_skip_by_customer(order._billing_get_next_period_event().id)

    def pause_by_customer(self, order):
        """Pause the subscription, as the page shows it."""
        with self.acting(order) as order:
            if event := order._billing_get_next_period_event():
                days = order._billing_get_days_to_pause_until()
                day = self.random.choice(days).isoformat() if days else ''
                order._billing_pause_by_customer(day, str(event.amount))

    def resume_by_customer(self, order):
        """Resume the subscription, as the page shows it."""
        with self.acting(order) as order:
            day = order._billing_get_day_after_resuming()
            order._billing_resume_by_customer(day.isoformat() if day else '')

    def cancel(self, order):
        """Cancel the subscription."""
        with self.acting(order) as order:
            order._billing_cancel_subscription(at_once=self.random.random() < 0.15)

    def undo_cancellation(self, order):
        """Take the cancellation back."""
        with self.acting(order) as order:
            order._billing_undo_cancellation()

    # Staff.

    def execute_now(self, order):
        """Collect a payment now."""
        event = self._find_events(order, {'scheduled', *DECLINED})
        if event:
            with self.acting(order, self.test.billing_manager) as order:
                self.note(event.display_name)
                event.with_env(order.env).action_execute_now()

    def pause(self, order):
        """Pause the subscription."""
        days = self.random.choice([0, 0, 10, 40])
        with self.acting(order, self.test.billing_manager) as order:
            wizard = order.env['billpro.pause'].browse(order.action_open_pause()['res_id'])
            wizard.until = days and (self.now + timedelta(days=days)).date()
            wizard.action_pause()

    def resume(self, order):
        """Resume the subscription."""
        with self.acting(order, self.test.billing_manager) as order:
            order.action_resume()

    def adjust(self, order):
        """Give a discount, charge or credit something, or choose another day or end."""
        what = self.random.choice(['discount', 'charge', 'credit', 'trial', 'day', 'day', 'end'])
        today = self.now.date()
        first_day = order._billing_get_next_period_event().period_start or today
        values = {
            'percent': self.random.choice([20, 33.3, 100]),
            'count': self.random.choice([1, 2, 3]),
            'product_id': self.test.fee.id,
            'text': "Adjusted",
            'price': self.random.choice([0.01, 5.0, 40.0]),
            'day': first_day + timedelta(days=self.random.randint(1, 28)),
            'payments': self.random.choice([0, 0, 2, 5]),
        }
        with self.acting(order, self.test.billing_manager) as order:
            self.note(f'{what} {values}')
            wizard = order.env['billpro.adjust'].browse(order.action_open_adjust()['res_id'])
            wizard.write({'what': what, **values})
            if wizard.problem:
                self.note(f'refused: {wizard.problem}')
                return
            wizard.action_adjust()
            self.counts[f'adjust {what}'] += 1

    def take_back_adjustment(self, order):
        """Take back a discount, or what would be charged or credited once."""
        with self.acting(order, self.test.billing_manager) as order:
            discounts = order.billing_discount_ids.filtered('can_take_back')
            if discounts:
                discounts[0].action_take_back()
            elif lines := order.billing_once_line_ids:
                lines[0].action_take_back_once()

    def raise_price(self, order):
        """Raise the price of what the order is of, for all orders, and tell the customers."""
        product = order.order_line.product_id[:1]
        with self.acting(order, self.test.billing_manager) as order:
            increase = order.env['billpro.price.increase'].create(
                {'product_ids': product.ids, 'percent': 3}
            )
            increase.action_preview()
            increase.action_confirm()
        with self.test._committing_env() as env:
            env['billpro.price.increase']._cron_plan()
        with self.test._committing_env() as env:
            env['billpro.notification']._cron_send()

    def take_payment(self, order):
        """Take a payment of a metered order, now or later."""
        if order.purchase_type == 'metered':
            with self.acting(order, self.test.billing_manager) as order:
                order.env['billpro.take.payment'].create(
                    {
                        'order_id': order.id,
                        'amount': self.random.choice([10.01, 24.2, 33.33]),
                        'when': self.random.choice(['now', 'later']),
                    }
                ).action_take_payment()

    def decide(self, order):
        """Look an unknown payment up at the gateway, and tell."""
        for event in order.billing_event_ids.filtered(lambda event: event.status == 'unknown'):
            tx = event.transaction_ids.filtered('billing_outcome_unknown')
            was_charged = bool(self.get_charged(tx))
            # What is still asked about by itself isn't looked up.
            if tx.billing_inquiry_count < 3:
                continue
            with self.acting(order, self.test.billing_manager) as order:
                self.note(f'{event.display_name} {was_charged}')
                event = event.with_env(order.env)
                if was_charged:
                    event.action_was_charged()
                else:
                    event.action_was_not_charged()

    WEIGHTS = {
        'move': 20,
        'run': 24,
        'change_mood': 12,
        'break_gateway': 5,
        'mend_gateway': 2,
        'hear': 6,
        'post_process': 2,
        'pay': 12,
        'poll': 8,
        'select_card': 4,
        'remove_card': 1,
        'register_card': 4,
        'register_card_late': 1,
        'open_bank_page': 6,
        'confirm_with_bank': 5,
        'change_plan': 10,
        'take_back_change': 8,
        'pay_early': 8,
        'take_back_early': 2,
        'skip_by_customer': 3,
        'pause_by_customer': 2,
        'resume_by_customer': 3,
        'cancel': 1,
        'undo_cancellation': 6,
        'execute_now': 5,
        'pause': 1,
        'resume': 6,
        'take_payment': 6,
        'decide': 5,
    }
    # Besides, in courses of their own.
    ADJUSTING = {'adjust': 40, 'take_back_adjustment': 10, 'raise_price': 4}

    # === COMING TO REST === #

    def rest(self):
        """Let all that is open come to its end, and compare the books with the ledger."""
        self.log.append('coming to rest')
        self.counts['courses'] += 1
        self.gateway.faults.clear()
        for _round in range(12):
            for card in self.cards:
                self.gateway.treat_card_as(card.stripe_payment_method, GOOD)
            self.set_time(self.now + timedelta(hours=26))
            self.log.append(f'{self.now:%m-%d %H:%M} round')
            self.run(None)
            self.post_process()
            for order in self.orders:
                self._bring_to_rest(order)
                self.check()
            self.run(None)
            self.check()
            if all(self._is_at_rest(order) for order in self.orders):
                break
        for order in self.orders:
            self.test.assertTrue(self._is_at_rest(order), order.name)
            self._check_books(order)

    def _bring_to_rest(self, order):
        self.decide(order)
        if order.billing_status == 'paused':
            self.resume(order)
        self.open_bank_page(order)
        for tx in order._billing_get_open_authentication():
            for intent, values in self.pages:
                if intent == tx.provider_reference:
                    self._confirm(intent, values, 'complete')
                    break
        self.poll(order)
        if order._billing_get_refusal_to_collect():
            self.register_card(order)
            self.gateway.treat_card_as(self.cards[-1:].stripe_payment_method, GOOD)
        self.test.env.invalidate_all()
        self.pay(order)
        self.poll(order)

    @staticmethod
    def _is_at_rest(order):
        return not (
            order._billing_is_collection_under_way()
            or order._billing_get_open_authentication()
            or order.billing_event_ids.filtered(lambda event: event.status in DECLINED)
            or order.billing_change_ids.filtered(lambda change: change.state == 'under_way')
            or order.billing_event_ids.transaction_ids.filtered(
                lambda tx: tx.state in {'draft', 'pending'} or not tx.is_post_processed
            )
        )
