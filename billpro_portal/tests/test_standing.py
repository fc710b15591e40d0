from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing import references
from ..billing.lifecycle import (
    COLLECTABLE_ORDERS,
    DECLINED,
    EVENT_STATUSES,
    OPEN,
    next_order_status,
)
from ..billing.standing import PaymentFacts, get_resume_trigger, get_trigger, is_over

payments = st.lists(
    st.builds(
        PaymentFacts,
        status=st.sampled_from(EVENT_STATUSES),
        needs_card=st.booleans(),
        is_given_up=st.booleans(),
        was_declined=st.booleans(),
        is_merged=st.booleans(),
        is_due=st.booleans(),
    ),
    max_size=4,
)
statuses = st.sampled_from([*COLLECTABLE_ORDERS, 'review'])
excesses = st.sampled_from([-1, 0, 1])


@tagged('post_install', '-at_install')
class TestStanding(BaseCase):
    def _assert_becomes(self, expected, status, *present, **outcome):
        trigger = get_trigger(status, present, **outcome)
        self.assertEqual(trigger and next_order_status(status, trigger), expected)

    def test_an_order_follows_its_payments(self):
        soft, hard = PaymentFacts('soft_declined'), PaymentFacts('hard_declined')
        waiting = PaymentFacts('scheduled')
        self._assert_becomes(None, 'active', waiting)
        self._assert_becomes('failed', 'active', soft, waiting)
        self._assert_becomes('suspended', 'failed', soft, hard)
        self._assert_becomes(
            'suspended', 'failed', PaymentFacts('action_required', is_given_up=True)
        )
        self._assert_becomes('active', 'suspended', PaymentFacts('recovered'), waiting)
        # Another card is tried, by itself or with what was merged: nobody knows yet.
        self._assert_becomes(None, 'failed', PaymentFacts('processing', was_declined=True))
        self._assert_becomes(None, 'failed', PaymentFacts('unknown', is_merged=True))
        merged = PaymentFacts('scheduled', is_merged=True, is_due=True)
        self._assert_becomes(None, 'failed', merged)
        self._assert_becomes('active', 'failed', PaymentFacts('scheduled', is_merged=True))

    def test_an_order_ends_with_its_last_payment(self):
        paid = PaymentFacts('completed')
        self._assert_becomes('complete', 'active', paid, ends=True)
        self._assert_becomes(None, 'active', paid)
        self._assert_becomes('review', 'active', paid, ends=True, excess=-1)
        self._assert_becomes('review', 'active', PaymentFacts('scheduled'), excess=1)
        self._assert_becomes('active', 'review', paid, PaymentFacts('scheduled'), ends=True)

    def test_a_paused_order_goes_on_as_its_payments_are(self):
        for expected, declined in (
            ('active', PaymentFacts('cancelled', needs_card=True)),
            ('failed', PaymentFacts('soft_declined')),
            ('suspended', PaymentFacts('soft_declined', is_given_up=True)),
            ('suspended', PaymentFacts('hard_declined', needs_card=True)),
        ):
            trigger = get_resume_trigger([declined, PaymentFacts('paused')])
            self.assertEqual(next_order_status('paused', trigger), expected)

    @given(statuses, payments, st.booleans(), excesses)
    def test_whatever_the_payments_the_table_knows_the_way(self, status, present, ends, excess):
        trigger = get_trigger(status, present, ends=ends, excess=excess)
        becomes = next_order_status(status, trigger) if trigger else status
        if excess > 0:
            self.assertEqual(becomes, 'review')
        elif becomes == 'complete':
            self.assertTrue(ends and is_over(present) and not excess)
        elif becomes == 'active':
            self.assertFalse({payment.status for payment in present} & DECLINED)
        next_order_status('paused', get_resume_trigger(present))

    @given(payments)
    def test_nothing_open_is_declined(self, present):
        if is_over(present):
            self.assertEqual(get_resume_trigger(present), 'resume_active')
        self.assertLessEqual(DECLINED, OPEN)

    def test_references_name_the_order_first(self):
        self.assertEqual(references.initial_payment('S00042', 1), 'S00042-P1')
        self.assertEqual(references.card_registration('S00042', 2), 'S00042-C2')
        self.assertEqual(references.scheduled_payment('S00042', 7, 1), 'S00042-E7-A1')
