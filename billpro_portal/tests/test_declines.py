from datetime import datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.decline_reasons import DeclineReason
from ..billing.declines import (
    AUTHENTICATION,
    BACKUP,
    CEILING,
    CEILING_DAYS,
    CEILING_REACHED,
    EXHAUSTED,
    HARD,
    NEEDS_CARD,
    NEEDS_CUSTOMER,
    RETRY,
    RETRY_PAUSE,
    SOFT,
    DeclineCodes,
    Verdict,
    decide_retry,
    may_attempt,
    parse_retry_days,
)
from ..billing.demo_declines import classify_simulated_state
from ..billing.stripe_declines import classify_decline, find_decline_reason, read_return

# The whole table of Stripe's documentation, "Stripe decline codes" (cards).
AUTHENTICATION_DECLINE_CODES = (
    'authentication_not_handled',
    'authentication_required',
    'mobile_device_authentication_required',
)
HARD_DECLINE_CODES = (
    'card_not_supported',
    'currency_not_supported',
    'do_not_try_again',
    'expired_card',
    'fraudulent',
    'incorrect_number',
    'invalid_account',
    'invalid_expiry_month',
    'invalid_expiry_year',
    'invalid_number',
    'lost_card',
    'merchant_blacklist',
    'pickup_card',
    'restricted_card',
    'revocation_of_all_authorizations',
    'revocation_of_authorization',
    'stolen_card',
    'stop_payment_order',
    'testmode_decline',
    'transaction_not_allowed',
)
SOFT_DECLINE_CODES = (
    'approve_with_id',
    'call_issuer',
    'card_velocity_exceeded',
    'do_not_honor',
    'duplicate_transaction',
    'generic_decline',
    'incorrect_address',
    'incorrect_cvc',
    'incorrect_pin',
    'incorrect_zip',
    'insufficient_funds',
    'invalid_amount',
    'invalid_cvc',
    'invalid_pin',
    'issuer_not_available',
    'new_account_information_available',
    'no_action_taken',
    'not_permitted',
    'offline_pin_required',
    'online_or_offline_pin_required',
    'pin_try_exceeded',
    'processing_error',
    'reenter_transaction',
    'security_violation',
    'service_not_allowed',
    'try_again_later',
    'withdrawal_count_limit_exceeded',
)
ERROR_CODES = {
    'authentication_required': AUTHENTICATION,
    'payment_intent_action_required': AUTHENTICATION,
    'payment_intent_authentication_failure': AUTHENTICATION,
    'expired_card': HARD,
    'incorrect_number': HARD,
    'india_recurring_payment_mandate_canceled': HARD,
    'invalid_expiry_month': HARD,
    'invalid_expiry_year': HARD,
    'invalid_number': HARD,
    'payment_intent_mandate_invalid': HARD,
    'account_closed': HARD,
    'account_number_invalid': HARD,
    'bank_account_restricted': HARD,
    'bank_account_unusable': HARD,
    'debit_not_authorized': HARD,
    'mandate_invalid': HARD,
    'no_account': HARD,
    'card_decline_rate_limit_exceeded': SOFT,
    'card_declined': SOFT,
    'incorrect_cvc': SOFT,
    'processing_error': SOFT,
}
# "Issuer will never approve", and some of what Visa lets merchants try again.
VISA_CATEGORY_1 = ('04', '07', '12', '14', '15', '41', '43', '46', '57', 'R0', 'R1', 'R3')
VISA_OTHERS = ('03', '05', '19', '51', '59', '61', '62', '65', '75', '78', '82', '91', '93', '96')
MASTERCARD_SOFT_ADVICE = ('01', '02', '04', '22', *map(str, range(24, 31)), '40', '41', '43')
BRANDS = ('visa', 'mastercard', 'amex', 'cartes_bancaires', 'unknown', None)

NOW = datetime(2027, 3, 1, 9)

moments = st.integers(-2000, 2000).map(lambda hours: NOW + timedelta(hours=hours))
histories = st.lists(moments, max_size=25)
retry_days = st.lists(st.integers(1, 30), unique=True, max_size=10).map(sorted).map(tuple)
decline_classes = st.sampled_from([*[SOFT] * 20, HARD, AUTHENTICATION])
# Mostly the bursts and pauses that come close to the limits.
actions = st.one_of(
    st.tuples(st.just('wait'), st.sampled_from([1, 23, 24, 25, 71, 400, 697])),
    st.tuples(st.just('set_back'), st.sampled_from([1, 24, 200])),
    st.tuples(st.just('attempt'), st.lists(decline_classes, min_size=1, max_size=6)),
    st.tuples(st.just('retry'), decline_classes),
    st.tuples(st.just('retry_when_due'), decline_classes),
    st.tuples(st.just('retry_when_due'), decline_classes),
    st.tuples(st.just('change_card'), st.none()),
)


def ago(**values):
    return NOW - timedelta(**values)


class Payment:
    """A payment that is never approved, collected as the rules allow it."""

    def __init__(self, days):
        self.days = days
        self.now = NOW
        self.attempts = []
        self.retries = []
        self.series = []  # The declines of the present card, as (moment, class, was automatic).
        self.all_series = [self.series]

    def act(self, action, value):
        getattr(self, f'do_{action}')(value)

    def do_wait(self, hours):
        self.now += timedelta(hours=hours)

    def do_set_back(self, hours):
        self.now -= timedelta(hours=hours)

    def do_attempt(self, outcomes):
        for decline_class in outcomes:
            if may_attempt(self.now, self.attempts):
                self.decline(decline_class, is_automatic=False)

    def do_retry(self, decline_class):
        verdict = self.verdict
        if verdict and verdict.kind == RETRY and self.now >= verdict.date:
            self.retry(decline_class)

    def do_retry_when_due(self, decline_class):
        verdict = self.verdict
        if verdict and verdict.kind == RETRY:
            self.now = max(self.now, verdict.date)
            self.retry(decline_class)

    def do_change_card(self, _value):
        self.series = []
        self.all_series.append(self.series)

    @property
    def verdict(self):
        if not self.series:
            return None
        classes = [decline_class for _moment, decline_class, _automatic in self.series]
        return decide_retry(
            HARD if HARD in classes else classes[-1],
            self.series[0][0],
            self.attempts,
            sum(is_automatic for _moment, _class, is_automatic in self.series),
            self.days,
        )

    def retry(self, decline_class):
        if may_attempt(self.now, self.attempts):
            self.retries.append(self.now)
            self.decline(decline_class, is_automatic=True)

    def decline(self, decline_class, *, is_automatic):
        self.attempts.append(self.now)
        self.series.append((self.now, decline_class, is_automatic))


@tagged('post_install', '-at_install')
class TestDeclineClasses(BaseCase):
    def test_what_the_customer_is_told(self):
        for reason, codes in (
            (DeclineReason.FUNDS, ('card_declined', 'insufficient_funds')),
            (DeclineReason.LIMIT, ('card_declined', 'card_velocity_exceeded')),
            (DeclineReason.EXPIRED, ('expired_card', None)),
            (DeclineReason.DATA, ('incorrect_cvc', 'incorrect_cvc')),
            (DeclineReason.ACCOUNT, ('account_closed', None)),
            (DeclineReason.ACCOUNT, ('debit_returned', 'debit_not_authorized')),
            (DeclineReason.UNREACHABLE, ('card_declined', 'issuer_not_available')),
            (DeclineReason.UNKNOWN, ('card_declined', 'generic_decline')),
            (DeclineReason.UNKNOWN, ('card_declined', 'a_code_of_tomorrow')),
            (DeclineReason.UNKNOWN, (None, None)),
        ):
            with self.subTest(codes=codes):
                self.assertIs(find_decline_reason(DeclineCodes(*codes)), reason)
        # Stripe documentation, "Stripe decline codes": shown as any other decline.
        for code in ('lost_card', 'stolen_card', 'fraudulent', 'pickup_card', 'merchant_blacklist'):
            with self.subTest(code=code):
                codes = DeclineCodes('card_declined', code)
                self.assertIs(find_decline_reason(codes), DeclineReason.UNKNOWN)

    def test_every_decline_code(self):
        for expected, codes in (
            (AUTHENTICATION, AUTHENTICATION_DECLINE_CODES),
            (HARD, HARD_DECLINE_CODES),
            (SOFT, SOFT_DECLINE_CODES),
        ):
            for code in codes:
                for brand in BRANDS:
                    decline = DeclineCodes('card_declined', decline_code=code, brand=brand)
                    self.assertEqual(classify_decline(decline), expected, code)
        table = {*AUTHENTICATION_DECLINE_CODES, *HARD_DECLINE_CODES, *SOFT_DECLINE_CODES}
        self.assertEqual(len(table), 50)

    def test_what_stripe_never_retries_is_not_soft(self):
        for code in (
            'authentication_required',
            'highest_risk_level',
            'incorrect_number',
            'lost_card',
            'pickup_card',
            'revocation_of_all_authorizations',
            'revocation_of_authorization',
            'stolen_card',
            'transaction_not_allowed',
        ):
            self.assertNotEqual(classify_decline(DeclineCodes(decline_code=code)), SOFT, code)

    def test_error_codes(self):
        for code, expected in ERROR_CODES.items():
            self.assertEqual(classify_decline(DeclineCodes(error_code=code)), expected, code)

    def test_advice_codes(self):
        for code, expected in (
            ('do_not_try_again', HARD),
            ('try_again_later', SOFT),
            ('confirm_card_data', SOFT),
        ):
            self.assertEqual(classify_decline(DeclineCodes(advice_code=code)), expected, code)

    def test_network_codes_by_brand(self):
        for brand in BRANDS:
            is_visa = brand in {'visa', 'unknown', None}
            for code in VISA_CATEGORY_1:
                self.assert_class(HARD if is_visa else SOFT, network_code=code, brand=brand)
            for code in VISA_OTHERS:
                self.assert_class(SOFT, network_code=code, brand=brand)
            self.assert_class(AUTHENTICATION if is_visa else SOFT, network_code='1A', brand=brand)

    def test_reasons_of_banks_by_kind_of_debit(self):
        """EPC173-14, "Guidance on reason codes for SEPA Direct Debit R-transactions"; others."""
        for kind, hard, soft in (
            (
                'sepa_debit',
                ('AC01', 'AC04', 'AC06', 'AC13', 'AG01', 'MD01', 'MD02', 'MD06', 'MD07', 'MS02'),
                ('AM04', 'MS03', 'AM05', 'R02'),
            ),
            ('us_bank_account', ('R02', 'R05', 'R10', 'R20'), ('R01', 'R09', 'AC04')),
            ('bacs_debit', ('1', '2', '3', '5', '6', 'B'), ('0', 'AC04')),
        ):
            for code in hard:
                self.assert_class(HARD, network_code=code, brand=kind)
                self.assert_class(SOFT, network_code=code, brand='visa')
                self.assert_class(SOFT, network_code=code)
            for code in soft:
                self.assert_class(SOFT, network_code=code, brand=kind)

    def test_returned_debits(self):
        """Stripe API reference, "The Dispute object", `reason`."""
        for reason, expected in (
            ('insufficient_funds', SOFT),
            ('bank_cannot_process', SOFT),
            ('general', SOFT),
            ('debit_not_authorized', HARD),
            ('customer_initiated', HARD),
            ('incorrect_account_details', HARD),
        ):
            decline = read_return(reason, 'sepa_debit')
            self.assertEqual(decline.decline_class, expected, reason)
            self.assertEqual(
                (decline.codes.error_code, decline.codes.decline_code), ('debit_returned', reason)
            )

    def test_network_advice_by_brand(self):
        for brand in BRANDS:
            is_mastercard = brand in {'mastercard', 'unknown', None}
            for code in ('03', '21'):
                expected = HARD if is_mastercard else SOFT
                self.assert_class(expected, network_advice_code=code, brand=brand)
            for code in MASTERCARD_SOFT_ADVICE:
                self.assert_class(SOFT, network_advice_code=code, brand=brand)

    def test_codes_of_one_field_mean_nothing_in_another(self):
        for code in VISA_CATEGORY_1:
            if code not in {'03', '21'}:
                self.assert_class(SOFT, network_advice_code=code, brand='visa')
        self.assert_class(SOFT, network_code='03', brand='mastercard')
        self.assert_class(SOFT, network_code='21', brand='mastercard')
        self.assert_class(SOFT, network_code='lost_card', brand='visa')
        self.assert_class(SOFT, decline_code='41', brand='visa')

    def test_precedence(self):
        hard = {'decline_code': 'lost_card', 'network_code': '41', 'brand': 'visa'}
        self.assert_class(AUTHENTICATION, error_code='authentication_required', **hard)
        self.assert_class(
            AUTHENTICATION,
            decline_code='authentication_required',
            advice_code='do_not_try_again',
            network_advice_code='03',
            brand='mastercard',
        )
        self.assert_class(AUTHENTICATION, **{**hard, 'network_code': '1A'})
        self.assert_class(HARD, advice_code='try_again_later', **hard)
        self.assert_class(HARD, decline_code='insufficient_funds', network_code='46', brand='visa')
        self.assert_class(
            HARD, decline_code='do_not_honor', network_advice_code='03', brand='mastercard'
        )
        self.assert_class(
            HARD, decline_code='generic_decline', advice_code='do_not_try_again', brand='amex'
        )
        self.assert_class(
            HARD, decline_code='expired_card', advice_code='confirm_card_data', network_code='54'
        )

    def test_unknown_codes_are_soft(self):
        self.assert_class(SOFT)
        self.assert_class(
            SOFT,
            error_code='new_error',
            decline_code='new_code',
            advice_code='new_advice',
            network_code='ZZ',
            network_advice_code='99',
            brand='new_brand',
        )

    def test_demo_provider(self):
        self.assertEqual(classify_simulated_state('error'), SOFT)
        self.assertEqual(classify_simulated_state('cancel'), HARD)

    def assert_class(self, expected, **values):
        self.assertEqual(classify_decline(DeclineCodes(**values)), expected, values)


@tagged('post_install', '-at_install')
class TestRetries(BaseCase):
    def test_only_soft_declines_are_tried_again(self):
        for decline_class, kind in ((HARD, NEEDS_CARD), (AUTHENTICATION, NEEDS_CUSTOMER)):
            for count in (0, 3, 9):
                verdict = decide_retry(decline_class, NOW, [NOW], count, (1, 3, 7))
                self.assertEqual(verdict, Verdict(kind))
        verdicts = {
            decline_class: decide_retry(decline_class, NOW, [NOW], 3, (1, 3, 7), has_backup=True)
            for decline_class in (HARD, AUTHENTICATION, SOFT)
        }
        self.assertEqual(
            {decline_class: verdict.kind for decline_class, verdict in verdicts.items()},
            {HARD: BACKUP, AUTHENTICATION: NEEDS_CUSTOMER, SOFT: EXHAUSTED},
        )
        for decline_class in (None, False, 'declined'):
            with self.assertRaises(ValueError):
                decide_retry(decline_class, NOW, [NOW], 0, (1,))

    def test_retry_days_count_from_the_first_decline(self):
        attempts = [NOW]
        for count, day in enumerate((1, 3, 7)):
            date = NOW + timedelta(days=day)
            self.assertEqual(
                decide_retry(SOFT, NOW, attempts, count, (1, 3, 7)), Verdict(RETRY, date)
            )
            attempts.append(date)
        self.assertEqual(decide_retry(SOFT, NOW, attempts, 3, (1, 3, 7)), Verdict(EXHAUSTED))
        self.assertEqual(decide_retry(SOFT, NOW, [NOW], 0, ()), Verdict(EXHAUSTED))

    def test_pause_after_the_last_attempt(self):
        for hours, day, expected in (
            (0, 1, 24),  # On the day itself: exactly a day later.
            (5, 1, 29),  # Staff tried five hours after the decline.
            (47, 3, 72),
            (48, 3, 72),
            (49, 3, 73),
            (300, 3, 324),  # The run was late, or stood still.
        ):
            attempts = [NOW + timedelta(hours=hours), NOW]
            verdict = decide_retry(SOFT, NOW, attempts, 0, (day,))
            self.assertEqual(verdict, Verdict(RETRY, NOW + timedelta(hours=expected)), hours)

    def test_a_decline_without_recorded_attempts(self):
        self.assertEqual(
            decide_retry(SOFT, NOW, [], 0, (1,)), Verdict(RETRY, NOW + timedelta(days=1))
        )

    def test_ceiling_of_a_retry(self):
        full = [NOW - timedelta(hours=hour) for hour in range(CEILING)]
        self.assertEqual(decide_retry(SOFT, NOW, full, 0, (3,)), Verdict(CEILING_REACHED))
        self.assertEqual(decide_retry(SOFT, NOW, full[1:], 0, (3,)).kind, RETRY)
        # By the day of the retry the oldest of them is 30 days old.
        self.assertEqual(decide_retry(SOFT, NOW, full, 0, (29,)).kind, CEILING_REACHED)
        self.assertEqual(decide_retry(SOFT, NOW, full, 0, (30,)).kind, RETRY)

    def test_ceiling_of_any_attempt(self):
        window = timedelta(days=CEILING_DAYS)
        self.assertTrue(may_attempt(NOW, []))
        self.assertTrue(may_attempt(NOW, [NOW] * 14))
        self.assertFalse(may_attempt(NOW, [NOW] * 15))
        self.assertFalse(may_attempt(NOW, iter([NOW] * 15)))
        self.assertTrue(may_attempt(NOW, [NOW - window] * 15))
        self.assertTrue(may_attempt(NOW, [*[NOW - window] * 20, *[ago(days=29)] * 14]))
        self.assertFalse(may_attempt(NOW, [NOW - window + timedelta(seconds=1)] * 15))

    def test_a_clock_that_was_set_back_opens_no_second_window(self):
        self.assertFalse(may_attempt(NOW, [NOW + timedelta(days=2)] * 15))

    @settings(max_examples=200)
    @given(retry_days | st.just((1, 3, 7)), st.lists(actions, min_size=10, max_size=50))
    def test_no_history_breaks_the_rules(self, days, history):
        payment = Payment(days)
        for action in history:
            payment.act(*action)
        for retry, later in pairwise(payment.retries):
            self.assertGreaterEqual(later - retry, timedelta(days=1))
        moments = sorted(payment.attempts)
        for first, sixteenth in zip(moments, moments[15:], strict=False):
            self.assertGreaterEqual(sixteenth - first, timedelta(days=30))
        for series in payment.all_series:
            self.assertLessEqual(sum(is_automatic for *_, is_automatic in series), len(days))
            for (_moment, decline_class, _automatic), later in pairwise(series):
                if later[2]:
                    self.assertEqual(decline_class, SOFT)
            for position, (_moment, decline_class, _automatic) in enumerate(series):
                if decline_class == HARD:
                    self.assertFalse(any(later[2] for later in series[position:][1:]))

    def test_the_simulation_comes_to_every_limit(self):
        payment = Payment((1, 3, 7))
        payment.act('attempt', [SOFT])
        for _retry in range(5):
            payment.act('retry_when_due', SOFT)
        self.assertEqual([(retry - NOW).days for retry in payment.retries], [1, 3, 7])
        self.assertEqual(payment.verdict.kind, EXHAUSTED)
        payment.act('change_card', None)
        payment.act('attempt', [SOFT] * 20)
        self.assertEqual(len(payment.attempts), CEILING)
        self.assertEqual(payment.verdict.kind, CEILING_REACHED)
        payment.act('wait', 24 * 30)
        payment.act('change_card', None)
        payment.act('attempt', [SOFT])
        payment.act('retry_when_due', AUTHENTICATION)
        self.assertEqual(payment.verdict.kind, NEEDS_CUSTOMER)
        payment.act('attempt', [HARD, SOFT])
        self.assertEqual(payment.verdict.kind, NEEDS_CARD)

    @given(moments, histories, st.integers(0, 11), retry_days, st.integers(0, 2000))
    def test_dates_of_retries(self, first_declined, attempts, count, days, hours):
        verdict = decide_retry(SOFT, first_declined, attempts, count, days)
        if verdict.kind != RETRY:
            self.assertIsNone(verdict.date)
            self.assertEqual(verdict.kind == EXHAUSTED, count >= len(days))
            return
        self.assertGreaterEqual(verdict.date, first_declined + timedelta(days=days[count]))
        for attempt in attempts:
            self.assertGreaterEqual(verdict.date, attempt + RETRY_PAUSE)
        # What was promised is still allowed when the run is late.
        self.assertTrue(may_attempt(verdict.date + timedelta(hours=hours), attempts))

    @given(moments, histories, retry_days)
    def test_the_order_of_attempts_does_not_matter(self, first_declined, attempts, days):
        self.assertEqual(
            decide_retry(SOFT, first_declined, attempts, 0, days),
            decide_retry(SOFT, first_declined, sorted(attempts), 0, days),
        )

    @given(moments, histories, moments)
    def test_another_attempt_never_allows_more(self, now, attempts, another):
        if may_attempt(now, [*attempts, another]):
            self.assertTrue(may_attempt(now, attempts))


@tagged('post_install', '-at_install')
class TestRetryDays(BaseCase):
    def test_settings(self):
        for text, expected in (
            ('1, 3, 7', (1, 3, 7)),
            ('1,3,7', (1, 3, 7)),
            (' 1 ,\t3\n', (1, 3)),
            ('30', (30,)),
            ('1,2,3,4,5,6,7,8,9,10', tuple(range(1, 11))),
            ('', ()),
            ('  ', ()),
            (False, ()),
        ):
            self.assertEqual(parse_retry_days(text), expected, repr(text))

    def test_what_is_refused(self):
        for text in (
            '0',
            '-1',
            '31',
            '1, 31',
            '1, 1',
            '3, 1',
            '1.5',
            '1;3',
            '1 3',
            '1,,3',
            '1,',
            ',',
            '+1',
            '1_0',
            '1e1',
            '0x1',
            '١',
            '²',
            "daily",
            '9' * 5000,
            '1,2,3,4,5,6,7,8,9,10,11',
        ):
            with self.assertRaises(ValueError, msg=text):
                parse_retry_days(text)

    @given(retry_days, st.sampled_from([',', ', ', ' , ']))
    def test_round_trip(self, days, separator):
        self.assertEqual(parse_retry_days(separator.join(map(str, days))), days)

    @given(st.text(alphabet='0123, -+_.²١', max_size=20))
    def test_whatever_is_read_is_a_schedule(self, text):
        try:
            days = parse_retry_days(text)
        except ValueError:
            return
        self.assertEqual(days, tuple(sorted(set(days))))
        self.assertLessEqual(len(days), 10)
        self.assertTrue(all(1 <= day <= 30 for day in days))
