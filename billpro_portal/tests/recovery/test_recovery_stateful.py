import logging
from collections import Counter
from datetime import timedelta
from unittest.mock import patch

from freezegun import freeze_time

from odoo.tests import tagged
from odoo.tools import mute_logger

from ...billing.lifecycle import EVENT_TRANSITIONS, ORDER_TRANSITIONS
from ..common.cards import GOOD
from ..common.gateway import GatewayCommon
from ..common.nightly import IS_NIGHTLY
from ..common.recovery_course import MOODS, START, Course

_logger = logging.getLogger(__name__)

# Each course is one customer with two orders. Together, these few do all that there is to do.
SEEDS = range(24) if IS_NIGHTLY else (0, 5, 12, 13)
# In these staff adjust subscriptions, too, and raise prices.
ADJUSTING_SEEDS = range(50, 62) if IS_NIGHTLY else (50,)
# 5,760 steps each night.
STEPS = 240 if IS_NIGHTLY else 90


@tagged('post_install', '-at_install')
class TestRecoveryStateful(GatewayCommon):
    """Customers, staff, runs, webhooks and a moody gateway, in any order."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env['ir.config_parameter'].set_param('billpro_portal.charges_per_second', 100000)
        cls.gym.product_tmpl_id.billing_family_id = family = cls.env['billpro.plan.family'].create(
            {'name': "Gym", 'company_id': cls.company.id}
        )
        larger = cls._create_sold_product("Gym and pool", 35.0, cls.tax_21, 'subscription')
        cls.quarterly = cls._create_sold_product("Gym a quarter", 50.0, cls.tax_21, 'subscription')
        cls.quarterly.billing_interval_count = 3
        (larger | cls.quarterly).product_tmpl_id.billing_family_id = family
        weekly = cls._create_sold_product("Weekly box", 10.0, cls.tax_6, 'subscription')
        weekly.billing_interval_unit = 'week'
        bike = cls._create_sold_product("Bike", 300.0, cls.tax_21 | cls.tax_6, 'instalment')
        bike.write({'billing_instalment_count': 4, 'billing_deposit': 81})
        power = cls._create_sold_product("Power", 0.3, cls.tax_21, 'metered')
        cls.products = {
            'monthly': cls.gym,
            'weekly': weekly,
            'instalment': bike,
            'metered': power,
        }
        cls.gateway.add_webhook('http://127.0.0.1/', 'whsec_test', api_version='2019-05-16')
        cls.counts = Counter()
        cls.addClassCleanup(cls._check_counts)
        cls._watch('billpro.billing.event', 'status', EVENT_TRANSITIONS)
        cls._watch('sale.order', 'billing_status', ORDER_TRANSITIONS)

    @classmethod
    def _watch(cls, model, field, transitions):
        """Check that a status changes only as its table says."""
        write = cls.registry[model].write

        def watched(records, vals):
            for record in records if field in vals else ():
                old, new = record[field], vals[field]
                if new != old and new not in transitions[old].values():
                    raise AssertionError(f'{record.display_name}: from {old} to {new}')
            return write(records, vals)

        cls.startClassPatcher(patch.object(cls.registry[model], 'write', watched))

    @classmethod
    def _check_counts(cls):
        """Check that the courses had something to check, if all were followed."""
        if cls.counts['courses'] == len(SEEDS) + len(ADJUSTING_SEEDS):
            for name, least in (('charges', 3 * len(SEEDS)), ('automatic retries', len(SEEDS))):
                assert cls.counts[name] >= least, f'{name}: {cls.counts[name]}'
            done = {*cls.products, *MOODS, *Course.WEIGHTS, *Course.ADJUSTING}
            assert done <= set(cls.counts), f'never: {done - set(cls.counts)}'

    def _follow(self, seed):
        """Follow a random course to its end."""
        course = Course(self, seed, is_adjusting=seed in ADJUSTING_SEEDS)
        with (
            freeze_time(START) as clock,
            mute_logger('odoo.addons.payment', 'odoo.addons.billpro_portal'),
        ):
            try:
                course.begin(clock)
                for _step in range(STEPS):
                    course.step()
                course.rest()
            except Exception as error:
                course.log.append(f'seed {seed} failed: {error!r}')
                raise AssertionError('\n'.join(course.log)) from error
        self.counts.update(course.counts)
        _logger.info("Seed %s: %s %s", seed, dict(course.counts), dict(course.refusals))

    # What the courses found, reduced.

    @mute_logger('odoo.addons.payment')
    def test_late_money_of_a_cancelled_trial(self):
        course = Course(self, seed=0)
        with freeze_time(START) as clock:
            course.begin(clock)
            order = self._create_order((self.gym, 1))
            order.billing_trial_days = 5
            card = self._create_token()
            tx = self._create_initial_transaction(
                order, token_id=card.id, amount=0, operation='validation'
            )
            tx._set_done()
            tx._post_process()
            course.orders, course.cards, course.initial = order, card, {order.id: 0}
            self.gateway.treat_card_as(card.stripe_payment_method, MOODS['needs bank'])
            course.log.append('run')
            course.set_time(START + timedelta(days=6))
            course.run(order)
            self.assertEqual(order.billing_event_ids[0].status, 'action_required')
            course.open_bank_page(order)
            order._billing_cancel_subscription(at_once=True)
            self.assertEqual(set(order.billing_event_ids.mapped('status')), {'cancelled'})
            course._confirm(*course.pages[-1], 'complete')
            course.deliver(course.inbox[-1])
            course.post_process()
            course.check()
            self.assertEqual(order.billing_event_ids[0].status, 'recovered')
            self.assertEqual(order.billing_paid, 24.2)
            self._assert_books_closed(order)

    def test_declined_instalments_are_paid_together(self):
        course = Course(self, seed=0)
        with freeze_time(START) as clock, mute_logger('odoo.addons.payment'):
            course.begin(clock)
            order = course._create_order('instalment')
            card = order.billing_token_id
            course.orders, course.cards = order, card
            course.initial = {order.id: order.billing_paid}
            self.gateway.treat_card_as(card.stripe_payment_method, MOODS['no funds'])
            course.log.append('run')
            self.company.write({'billing_retry_days': '', 'billing_auto_suspend': False})
            for days in (35, 65):
                course.set_time(START + timedelta(days=days))
                course.run(order)
            declined = order.billing_event_ids.filtered(lambda e: e.status == 'soft_declined')
            self.assertEqual(len(declined), 2)
            self.assertTrue(all(event.invoice_id for event in declined))
            self.gateway.treat_card_as(card.stripe_payment_method, GOOD)
            with course.acting(order) as acting:
                acting._billing_request_collection(150.0)
            course.run(order)
            course.check()
            self.assertEqual(order.billing_paid, 231.0)


def _add_tests():
    """Give each seed a test of its own, so that it can be repeated alone with `-k`."""
    for seed in (*SEEDS, *ADJUSTING_SEEDS):

        def test_course(self, seed=seed):
            self._follow(seed)

        name = f'test_course_{seed:02}'
        test_course.__name__ = name
        setattr(TestRecoveryStateful, name, test_course)


_add_tests()
