"""What usage costs, by the examples that other billing systems publish, and by law.

U1 to U48 name the examples. S1, S2: docs.stripe.com (tiered pricing, transform quantities). L:
getlago/lago-api 1b1c24a, spec/services and spec/scenarios. LD: getlago.com/docs/guide. C1:
chargebee.com, package pricing. K: killbill/killbill cb60779, tests of invoice and beatrix. O:
openmeterio/openmeter 7e57a39, openmeter/billing/rating/service/rate. A1: AWS S3 FAQ. A2:
aws.amazon.com/lambda/pricing. Z3: docs.zuora.com, tiered pricing mode. X1: zuplo.com, pricing
models. X2: docs.oracle.com, tier based amount. X6: leyaa.ai, lambda pricing.

U25 to U28, U36, U42 and U43 are in `test_metering.py`. U35 is about taxes,
which are Odoo's: `usage/test_usage_meters.py`.
"""

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..billing.rating import (
    BILLED,
    Graduated,
    InvalidCharge,
    Package,
    Percentage,
    PerUnit,
    Tier,
    Usage,
    Volume,
    round_half_up,
)

CENT = Decimal('0.01')


def tiers(*parts):
    """Return tiers of pairs or triples: last quantity, unit price and flat fee."""
    return tuple(
        Tier(None if end is None else Decimal(end), Decimal(price), Decimal((*flat, '0')[0]))
        for end, price, *flat in parts
    )


def cost(charge, quantity, coin=CENT, **options):
    """Return what a quantity costs."""
    return charge.rate(Usage(Decimal(quantity)), coin, **options).amount


def cost_of_events(charge, *amounts, coin=CENT):
    """Return what events cost."""
    events = tuple(Decimal(amount) for amount in amounts)
    return charge.rate(Usage(sum(events, Decimal(0)), events), coin).amount


@tagged('post_install', '-at_install')
class TestRatingExamples(BaseCase):
    def check(self, charge, **expected):
        """Check what quantities cost: ``q5_001='150'`` is 5.001 units."""
        for name, amount in expected.items():
            quantity = name[1:].replace('_', '.')
            with self.subTest(quantity=quantity):
                self.assertEqual(cost(charge, quantity), Decimal(amount))

    # === VOLUME AND GRADUATED TIERS === #

    def test_u1_all_units_cost_what_the_tier_reached_says(self):
        """S1."""
        volume = Volume(tiers=tiers(('5', '7'), ('10', '6.5'), (None, '6')))
        self.check(volume, q1='7', q5='35', q6='39', q25='150')

    def test_u2_each_tier_has_its_own_rate(self):
        """S1."""
        graduated = Graduated(tiers=tiers(('5', '7'), ('10', '6.5'), (None, '6')))
        self.check(graduated, q1='7', q5='35', q6='41.50', q25='157.50')

    def test_u3_no_usage_costs_the_first_flat_fee(self):
        """S1; its labels "10-15" and "15-20" overlap, the bounds are right."""
        parts = (('5', '5', '10'), ('10', '4', '20'), ('15', '3', '30'), ('20', '2', '40'))
        self.check(Volume(tiers=tiers(*parts, (None, '1', '50'))), q0='10', q12='66')

    def test_u5_flat_fees_add_up_tier_by_tier(self):
        """L graduated."""
        graduated = Graduated(tiers=tiers(('10', '10', '2'), ('20', '5', '3'), (None, '5', '3')))
        self.check(graduated, q0='2', q1='12', q10='102', q11='110', q21='163')

    def test_u6_borders_of_tiers_may_be_fractions(self):
        """L graduated."""
        graduated = Graduated(tiers=tiers(('0.1', '10'), ('1', '5'), (None, '2')))
        self.check(graduated, q0_05='0.50')

    def test_u7_a_volume_total_may_fall(self):
        """L volume."""
        volume = Volume(tiers=tiers(('100', '2', '10'), ('200', '1'), (None, '0.5', '50')))
        self.check(volume, q0='10', q1='12', q100='210', q101='101', q300='200')

    def test_u10_tiers_given_as_sizes_are_bounds_when_added_up(self):
        """K Consumable."""
        parts = tiers(('10', '1.5'), ('110', '1'), (None, '0.5'))
        self.check(Graduated(tiers=parts), q111='115.50')
        self.check(Volume(tiers=parts), q111='55.50')

    def test_u11_tiers_count_started_blocks(self):
        """K Consumable."""
        volume = Volume(tiers=tiers(('10', '10'), (None, '1')), block=Decimal(100))
        self.check(volume, q2000='20', q1999='20', q1000='100')

    def test_u14_tiers_of_two_meters(self):
        """K Consumable. Its tiers are sizes; ours are bounds, and the last has no end."""
        foo = Graduated(tiers=tiers(('10', '1'), ('60', '10'), (None, '100')))
        bar = Graduated(tiers=tiers(('100', '2'), (None, '20')))
        self.assertEqual(cost(foo, '5') + cost(bar, '101'), 225)

    def test_u15_what_was_billed_before_is_taken_off(self):
        """O graduated."""
        parts = (('5', '0', '100'), ('10', '0', '50'), ('15', '5'), (None, '1'))
        graduated = Graduated(tiers=tiers(*parts))
        self.check(graduated, q22='182', q12='160')
        rest = graduated.rate(Usage(Decimal(22)), CENT).less(Decimal(160))
        self.assertEqual(rest.amount, 22)
        self.assertEqual((rest.lines[-1].kind, rest.lines[-1].amount), (BILLED, -160))

    def test_u16_a_hair_over_the_border_touches_the_next_tier(self):
        """O graduated."""
        parts = (('5', '0', '100'), ('10', '0', '50'), ('15', '10'), (None, '5'))
        self.check(Graduated(tiers=tiers(*parts)), q0='100', q5='100', q5_001='150', q12='170')

    def test_u24_sixty_five_thousand(self):
        """LD volume."""
        parts = (('10000', '0.001', '10'), ('50000', '0.0008', '10'), ('100000', '0.0006', '10'))
        self.check(Volume(tiers=tiers(*parts, (None, '0.0004', '10'))), q65000='49.00')

    def test_u30_tiers_of_seats_by_days(self):
        """L prorated_graduated. We prorate no tiers: each is a level of its own, its fee whole."""
        parts = (('5', '10', '100'), ('15', '5', '50'), (None, '2'))
        graduated = Graduated(tiers=tiers(*parts))
        levels = [(2, Fraction(6, 30)), (7, Fraction(4, 30)), (1, Fraction(11, 30))]
        for count, expected in ((1, '114'), (2, '184'), (3, '165.67')):
            with self.subTest(changes=count):
                used = levels[:count]
                days = sum(share for _level, share in used[:-1])
                used[-1] = (used[-1][0], Fraction(21, 30) - days)
                weighted = [Fraction(0)] * 3
                for level, share in used:
                    for number, part in enumerate(graduated.spread(Decimal(level))):
                        weighted[number] += Fraction(part) * share
                fees = sum(
                    tier.flat_fee
                    for tier, _part in zip(
                        graduated.tiers,
                        graduated.spread(Decimal(max(level for level, _share in used))),
                        strict=False,
                    )
                )
                exact = sum(
                    part * Fraction(tier.unit_price)
                    for tier, part in zip(graduated.tiers, weighted, strict=True)
                )
                self.assertEqual(fees + round_half_up(exact, CENT), Decimal(expected))

    def test_u39_a_free_tier_is_an_allowance(self):
        """Z3."""
        self.check(Graduated(tiers=tiers(('100', '0'), (None, '2'))), q130='60.00')
        self.check(PerUnit(unit_price=Decimal(2), allowance=Decimal(100)), q130='60.00')

    def test_u40_fifteen_thousand(self):
        """X1."""
        parts = tiers(('1000', '.10'), ('10000', '.05'), (None, '.01'))
        self.check(Graduated(tiers=parts), q15000='600')
        self.check(Volume(tiers=parts), q15000='150')

    def test_u41_a_thousand(self):
        """X2."""
        parts = tiers(('250', '1'), ('500', '2'), (None, '3'))
        self.check(Graduated(tiers=parts), q1000='2250')
        self.check(Volume(tiers=parts), q1000='3000')

    def test_u47_storage(self):
        """A1 of 2011."""
        graduated = Graduated(tiers=tiers(('1024', '.14'), ('51200', '.125'), (None, '.11')))
        self.check(graduated, q52900='6602.36')
        amounts = [line.amount for line in graduated.rate(Usage(Decimal(52900)), CENT).lines]
        self.assertEqual(amounts, [Decimal('143.36'), Decimal('6272.00'), Decimal('187.00')])

    # === PACKAGES === #

    def test_u4_started_hours_of_counted_minutes(self):
        """S2, rounded up; we have no whole packages that are rounded down."""
        self.check(Package(price=Decimal(10), size=Decimal(60)), q150='30.00')

    def test_u8_started_packages_after_free_units(self):
        """L package."""
        price, size = Decimal(100), Decimal(10)
        self.check(Package(price=price, size=size), q121='1300')
        self.check(Package(price=price, size=size, allowance=Decimal(10)), q121='1200')

    def test_u9_a_started_million(self):
        """C1, which charges a package without usage, too; we charge none."""
        package = Package(price=Decimal('1.25'), size=Decimal(1000000))
        self.check(package, q0='0', q10='1.25', q1000000='1.25', q1500000='2.50')

    def test_u12_two_meters_on_one_invoice(self):
        """K Consumable."""
        minutes = Package(price=Decimal('0.5'), size=Decimal(1000))
        data = Package(price=Decimal('0.3'), size=Decimal(512))
        self.assertEqual(cost(minutes, '1000') + cost(data, '30720'), Decimal('18.50'))

    def test_u13_records_are_added_before_packages_are_counted(self):
        """K Consumable."""
        package = Package(price=Decimal(1), size=Decimal(100))
        first = package.rate(Usage(Decimal(130 + 271)), CENT).less(Decimal(1))
        second = package.rate(Usage(Decimal(199)), CENT).less(Decimal(1))
        self.assertEqual((first.amount, second.amount), (4, 1))

    def test_u18_started_tens(self):
        """O package."""
        package = Package(price=Decimal(15), size=Decimal(10))
        self.check(package, q0='0', q1='15', q9='15', q10='15', q11='30')
        billed = cost(package, '17')
        self.assertEqual(package.rate(Usage(Decimal(22)), CENT).less(billed).amount, 15)

    def test_u45_free_units_never_make_less_than_nothing(self):
        """LD package, L package."""
        package = Package(price=Decimal(5), size=Decimal(100), allowance=Decimal(100))
        self.check(package, q201='10')
        package = Package(price=Decimal(100), size=Decimal(10), allowance=Decimal(200))
        self.check(package, q121='0')

    # === UNITS === #

    def test_u19_rounded_once_on_the_line(self):
        """O dynamic."""
        self.check(PerUnit(unit_price=Decimal('1.33333')), q10='13.33')

    def test_u29_a_seat_of_twenty_two_days(self):
        """LD prorated-vs-full, which says 7.33 of a month of 30 days, but July has 31."""
        usage = Usage(Fraction(22, 31))
        rating = PerUnit(unit_price=Decimal(10)).rate(usage, CENT)
        self.assertEqual(rating.amount, Decimal('7.10'))

    def test_u37_each_line_is_rounded(self):
        """A1; the exact sum is 1.798."""
        first = cost(PerUnit(unit_price=Decimal('0.000005')), '310000')
        second = cost(PerUnit(unit_price=Decimal('0.0000004')), '620000')
        self.assertEqual((first, second), (Decimal('1.55'), Decimal('0.25')))

    def test_u38_gigabyte_seconds_and_requests(self):
        """A2."""
        seconds = PerUnit(unit_price=Decimal('0.00001667'), allowance=Decimal(400000))
        requests = PerUnit(unit_price=Decimal('0.0000002'), allowance=Decimal(1000000))
        self.check(seconds, q1500000='18.34')
        self.check(requests, q3000000='0.40')

    def test_u48_all_seconds_are_free(self):
        """X6."""
        seconds = PerUnit(unit_price=Decimal('0.00001667'), allowance=Decimal(400000))
        requests = PerUnit(unit_price=Decimal('0.0000002'), allowance=Decimal(1000000))
        self.check(seconds, q300000='0')
        self.check(requests, q3000000='0.40')

    # === PERCENTAGES === #

    def test_u20_a_percentage_and_a_fee_for_each_event(self):
        """L percentage."""
        amounts = ('100', '200', '100', '400')
        charge = Percentage(percent=Decimal('1.3'), event_fee=Decimal(2))
        self.assertEqual(cost_of_events(charge, *amounts), Decimal('18.40'))
        charge = Percentage(percent=Decimal('1.3'), event_fee=Decimal(2), free_events=3)
        self.assertEqual(cost_of_events(charge, *amounts), Decimal('7.20'))

    def test_u21_bounds_are_those_of_each_event(self):
        """L percentage."""
        amounts, coin = ('10', '80', '10000'), Decimal('0.001')
        charge = Percentage(percent=Decimal('2.99'))
        self.assertEqual(cost_of_events(charge, *amounts, coin=coin), Decimal('301.691'))
        charge = Percentage(
            percent=Decimal('2.99'), event_minimum=Decimal('1.75'), event_maximum=Decimal(12)
        )
        self.assertEqual(cost_of_events(charge, *amounts, coin=coin), Decimal('16.142'))

    def test_percentages_of_large_amounts_are_exact(self):
        """With 28 digits the sum would be half a cent more, and be rounded up."""
        charge = Percentage(percent=Decimal(100), event_minimum=Decimal('.000001'))
        amounts = ['999999999999999'] * 10 + ['10000.004999999999']
        self.assertEqual(cost_of_events(charge, *amounts), Decimal('10000000000009990.00'))
        charge = Percentage(percent=Decimal(1), event_fee=Decimal('.01'), allowance=Decimal(50))
        # 50 are included: the first, and 20 of the second; fees for two.
        self.assertEqual(cost_of_events(charge, '30', '120', '0.5'), Decimal('1.03'))

    def test_u22_u46_graduated_percentages(self):
        """L graduated_percentage."""
        parts = (('10', '.01', '200'), ('20', '.02', '300'), (None, '.03', '400'))
        graduated = Graduated(tiers=tiers(*parts))
        self.check(graduated, q0='200', q10='200.10', q11='500.12', q12='500.14', q21='900.33')

    def test_u23_payments_in_turn_cost_the_difference_of_totals(self):
        """LD graduated-percentage."""
        parts = (('1000', '.01', '200'), ('10000', '.02', '300'), (None, '.03', '400'))
        graduated = Graduated(tiers=tiers(*parts))
        billed, paid, costs = Decimal(0), Decimal(0), []
        for amount in (500, 550, 4000):
            paid += amount
            costs.append(graduated.rate(Usage(paid), CENT).less(billed).amount)
            billed += costs[-1]
        self.assertEqual(costs, [205, 306, 80])

    # === MINIMUM AND MAXIMUM === #

    def test_u17_the_minimum_is_charged_at_the_end(self):
        """O graduated."""
        parts = (('5', '0', '100'), ('10', '0', '50'), ('15', '5'), (None, '1'))
        graduated = Graduated(tiers=tiers(*parts), minimum=Decimal(1000))
        self.assertEqual(cost(graduated, '0', is_final=False), 100)
        self.assertEqual(graduated.rate(Usage(Decimal(0)), CENT).less(Decimal(100)).amount, 900)

    def test_u31_what_is_missing_to_the_minimum(self):
        """LD spending-minimum."""
        charge = PerUnit(unit_price=Decimal('0.01'), minimum=Decimal(100))
        amounts = [line.amount for line in charge.rate(Usage(Decimal(5000)), CENT).lines]
        self.assertEqual(amounts, [50, 50])

    def test_u32_the_minimum_of_a_short_period(self):
        """L spending_minimum; its taxes and its credit aren't of usage."""
        charge = PerUnit(unit_price=Decimal(1), minimum=Decimal(10))
        rating = charge.rate(Usage(Decimal(8)), CENT, share=Fraction(25, 28))
        self.assertEqual([line.amount for line in rating.lines], [8, Decimal('0.93')])

    def test_u33_a_commitment_of_a_short_period(self):
        """L commitments: 10,000 less a plan of 1,000 is our minimum of 9,000."""
        charge = PerUnit(unit_price=Decimal(1), minimum=Decimal(9000))
        self.assertEqual(cost(charge, '0', share=Fraction(25, 28)), Decimal('8035.71'))
        self.assertEqual(cost(charge, '0', share=Fraction(56, 90)), Decimal('5600.00'))

    def test_u34_usage_billed_at_a_threshold(self):
        """L progressive_billing: the plan of 31 is a line of its own."""
        charge = PerUnit(unit_price=Decimal(1))
        at_once = cost(charge, '200', is_final=False)
        self.assertEqual(at_once, 200)
        self.assertEqual(31 + charge.rate(Usage(Decimal(400)), CENT).less(at_once).amount, 231)

    def test_u44_a_monthly_minimum(self):
        """LD contract-billing."""
        charge = PerUnit(unit_price=Decimal(1), minimum=Decimal(1000))
        for quantity, amounts in (('800', [800, 200]), ('1300', [1300])):
            lines = charge.rate(Usage(Decimal(quantity)), CENT).lines
            self.assertEqual([line.amount for line in lines], amounts)

    # === OURS === #

    def test_the_maximum_is_taken_off_and_prorated(self):
        charge = PerUnit(unit_price=Decimal(1), maximum=Decimal(100))
        amounts = [line.amount for line in charge.rate(Usage(Decimal(130)), CENT).lines]
        self.assertEqual(amounts, [130, -30])
        self.assertEqual(cost(charge, '130', share=Fraction(1, 3)), Decimal('33.33'))
        self.assertEqual(cost(charge, '130', is_final=False), 100)

    def test_an_allowance_of_amounts_is_used_up_by_the_earliest_events(self):
        charge = Percentage(percent=Decimal(1), event_fee=Decimal(2), allowance=Decimal(150))
        rating = charge.rate(Usage(Decimal(400), (Decimal(100), Decimal(200), Decimal(100))), CENT)
        self.assertEqual((rating.counted, rating.included, rating.charged), (400, 150, 250))
        self.assertEqual(rating.amount, Decimal('6.50'))

    def test_charges_that_contradict_themselves(self):
        one, minus = Decimal(1), Decimal(-1)
        endless = tiers((None, '1'))
        for problem, kind, options in (
            ('negative', PerUnit, {'unit_price': minus}),
            ('negative', PerUnit, {'unit_price': one, 'allowance': minus}),
            ('negative', Graduated, {'tiers': tiers((None, '1', '-1'))}),
            ('negative', Percentage, {'percent': one, 'event_fee': minus}),
            ('bounds', PerUnit, {'unit_price': one, 'minimum': 2 * one, 'maximum': one}),
            ('size', Package, {'price': one, 'size': Decimal(0)}),
            ('size', Volume, {'tiers': endless, 'block': Decimal(0)}),
            ('last_tier', Volume, {'tiers': ()}),
            ('last_tier', Volume, {'tiers': tiers(('5', '1'))}),
            ('tiers', Volume, {'tiers': (*endless, *endless)}),
            ('tiers', Volume, {'tiers': tiers(('5', '1'), ('5', '1'), (None, '1'))}),
            (
                'event_bounds',
                Percentage,
                {'percent': one, 'event_minimum': 2 * one, 'event_maximum': one},
            ),
        ):
            with (
                self.subTest(problem=problem, options=options),
                self.assertRaises(InvalidCharge) as caught,
            ):
                kind(**options)
            self.assertEqual(caught.exception.problem, problem)


# === LAWS === #

coins = st.sampled_from([Decimal(1), CENT, Decimal('0.001'), Decimal('0.05')])
quantities = st.decimals(min_value=0, max_value=10**9, places=6)
prices = st.decimals(min_value=0, max_value=100, places=8)
fees = st.decimals(min_value=0, max_value=100, places=2)
shares = st.fractions(min_value=0, max_value=1, max_denominator=366)


@st.composite
def tier_lists(draw, flat_fees=fees):
    """Return tiers with rising bounds; the last has none."""
    bounds = sorted(draw(st.sets(quantities.filter(bool), max_size=4)))
    return tuple(Tier(bound, draw(prices), draw(flat_fees)) for bound in (*bounds, None))


@st.composite
def charges(draw, kinds=('per_unit', 'package', 'graduated', 'volume', 'percentage')):
    """Return any charge with any terms."""
    minimum = draw(fees)
    terms = {
        'allowance': draw(quantities),
        'minimum': minimum,
        'maximum': draw(st.none() | fees.map(lambda more: minimum + more)),
    }
    kind = draw(st.sampled_from(kinds))
    if kind == 'per_unit':
        return PerUnit(unit_price=draw(prices), **terms)
    if kind == 'package':
        size = draw(st.decimals(min_value=1, max_value=10**6, places=2))
        return Package(price=draw(prices), size=size, **terms)
    if kind == 'percentage':
        return Percentage(percent=draw(prices), **terms)
    tiered = Graduated if kind == 'graduated' else Volume
    return tiered(tiers=draw(tier_lists()), **terms)


growing = charges(kinds=('per_unit', 'package', 'graduated', 'percentage'))


@tagged('post_install', '-at_install')
class TestRatingLaws(BaseCase):
    @given(charges(), quantities, coins, shares, st.booleans())
    def test_lines_have_whole_coins_and_cost_what_they_say(
        self, charge, quantity, coin, share, is_final
    ):
        rating = charge.rate(Usage(quantity), coin, share=share, is_final=is_final)
        self.assertEqual(sum(line.amount for line in rating.lines), rating.amount)
        for line in rating.lines:
            self.assertEqual(line.amount % coin, 0)
            exact = Fraction(line.quantity) * Fraction(line.unit_price)
            self.assertLessEqual(abs(exact - Fraction(line.amount)), Fraction(coin) / 2)
        self.assertGreaterEqual(rating.amount, 0)

    @given(charges(), quantities)
    def test_what_is_included_and_charged_was_counted(self, charge, quantity):
        rating = charge.rate(Usage(quantity), CENT)
        self.assertEqual(rating.counted, quantity)
        self.assertEqual(Fraction(rating.included) + Fraction(rating.charged), Fraction(quantity))
        self.assertLessEqual(rating.included, charge.allowance)

    @given(growing, quantities, quantities, coins)
    def test_more_usage_never_costs_less(self, charge, quantity, more, coin):
        self.assertLessEqual(
            charge.rate(Usage(quantity), coin).amount,
            charge.rate(Usage(quantity + more), coin).amount,
        )

    @given(tier_lists(flat_fees=st.just(Decimal(0))), st.data())
    def test_graduated_tiers_have_no_steps(self, tier_list, data):
        graduated = Graduated(tiers=tier_list)
        borders = [tier.up_to for tier in tier_list[:-1]]
        border = data.draw(st.sampled_from(borders)) if borders else Decimal(1)
        hair = Decimal('0.000001')
        step = cost(graduated, border + hair) - cost(graduated, border)
        self.assertLessEqual(step, max(tier.unit_price for tier in tier_list) * hair + CENT)

    @given(tier_lists(), quantities)
    def test_graduated_tiers_share_all_units(self, tier_list, quantity):
        parts = Graduated(tiers=tier_list).spread(quantity)
        self.assertEqual(sum(map(Fraction, parts)), Fraction(quantity))
        for tier, part in zip(tier_list, parts, strict=False):
            self.assertTrue(part > 0 or not quantity)
            self.assertTrue(tier.up_to is None or part <= tier.up_to)

    @given(charges(), st.lists(quantities, min_size=1, max_size=6), coins)
    def test_billing_in_parts_changes_nothing(self, charge, parts, coin):
        total, billed = Decimal(0), Decimal(0)
        for number, part in enumerate(parts, start=1):
            total += part
            rating = charge.rate(Usage(total), coin, is_final=number == len(parts))
            billed += rating.less(billed).amount
        self.assertEqual(billed, charge.rate(Usage(total), coin).amount)

    @given(charges(), quantities, coins, shares)
    def test_a_short_period_costs_within_its_part_of_the_bounds(
        self, charge, quantity, coin, share
    ):
        amount = charge.rate(Usage(quantity), coin, share=share).amount
        least = round_half_up(Fraction(charge.minimum) * share, coin)
        self.assertGreaterEqual(amount, least)
        if charge.maximum is not None:
            self.assertLessEqual(amount, round_half_up(Fraction(charge.maximum) * share, coin))

    @given(st.lists(fees, max_size=8), fees, fees, st.integers(min_value=0, max_value=4))
    def test_each_event_costs_within_its_bounds(self, amounts, least, more, free):
        charge = Percentage(
            percent=Decimal(3), event_minimum=least, event_maximum=least + more, free_events=free
        )
        charged = max(len(amounts) - free, 0)
        amount = cost_of_events(charge, *amounts)
        self.assertTrue(least * charged <= amount <= (least + more) * charged)

    # Within the 28 digits of `decimal`.
    @given(st.fractions(min_value=-(10**15), max_value=10**15), coins)
    def test_halves_are_rounded_away_from_zero(self, amount, coin):
        rounded = round_half_up(amount, coin)
        self.assertEqual(rounded % coin, 0)
        self.assertLessEqual(abs(Fraction(rounded) - amount), Fraction(coin) / 2)
        self.assertEqual(round_half_up(-amount, coin), -rounded)
        half = Fraction(coin) / 2
        self.assertEqual(round_half_up(half, coin), coin)
