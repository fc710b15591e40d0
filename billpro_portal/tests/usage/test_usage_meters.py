from datetime import datetime
from decimal import Decimal

from freezegun import freeze_time

from odoo import Command
from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import tagged

from ...billing.rating import Graduated, Package, Percentage, PerUnit, Tier, Usage
from ..common.usage import UsageCommon

CENT = Decimal('0.01')


@tagged('post_install', '-at_install')
class TestUsageMeters(UsageCommon):
    """What is counted and what it costs stays as it was begun, and agreed to."""

    def test_a_meter_in_use_is_defined_anew_for_the_next_period(self):
        self._ingest(self._make_record('a', 3), self._make_record('b', 5))
        with freeze_time('2027-01-25 10:00:00'):
            self.calls.aggregation = 'max'
        with freeze_time('2027-02-25 10:00:00'):
            self.calls.aggregation = 'count'
        for start, aggregation in (
            (datetime(2027, 1, 10), 'sum'),
            (datetime(2027, 1, 25, 10), 'max'),
            (datetime(2027, 2, 10), 'max'),
            (datetime(2027, 3, 10), 'count'),
        ):
            definition = self.calls._get_definition(start)
            self.assertEqual(definition.aggregation, aggregation)
        self.assertEqual(self._count(self.calls), 2)
        running = self.calls._get_definition(datetime(2027, 1, 10))
        self.assertEqual(self._count(self.calls, definition=running), 8)

    def test_a_meter_that_never_counted_is_defined_anew_at_once(self):
        self.storage.write({'aggregation': 'last', 'code': 'disk'})
        self.assertFalse(self.storage.version_ids)
        self._ingest(self._make_record('a', meter='disk'))
        self.storage.write({'aggregation': 'last', 'code': 'disk', 'name': "Disk"})
        self.assertFalse(self.storage.version_ids)

    def test_what_senders_rely_on_stays(self):
        self._ingest(self._make_record('a'))
        for values in ({'code': 'calls'}, {'uom_id': self.env.ref('uom.product_uom_dozen').id}):
            with self.assertRaisesRegex(UserError, "“API calls” has counted already"):
                self.calls.write(values)

    def test_definitions_that_lack_something(self):
        for values in (
            {'aggregation': 'unique_count'},
            {'filter_property': 'region'},
            {'filter_value': 'eu'},
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                self.calls.write(values)

    # === CHARGES === #

    def test_terms_are_the_decimals_that_were_entered(self):
        charge = self._create_charge(self.calls, unit_price=0.00001667, allowance=400000)
        self.assertEqual(
            charge._get_rules(),
            PerUnit(unit_price=Decimal('0.00001667'), allowance=Decimal(400000)),
        )
        charge.write({'kind': 'package', 'package_size': 1000, 'maximum': 12.5})
        rules = charge._get_rules()
        self.assertIsInstance(rules, Package)
        self.assertEqual((rules.size, rules.maximum), (1000, Decimal('12.5')))
        tiers = self._create_charge(
            self.calls, (0.1, 10, 2), (1, 5, 0), (0, 2, 0), kind='graduated', block_size=0
        )
        self.assertEqual(
            tiers._get_rules(),
            Graduated(
                tiers=(
                    Tier(Decimal('0.1'), Decimal(10), Decimal(2)),
                    Tier(Decimal(1), Decimal(5), Decimal(0)),
                    Tier(None, Decimal(2), Decimal(0)),
                )
            ),
        )
        percentage = self._create_charge(self.calls, kind='percentage', percent=2.99, event_fee=1)
        self.assertIsInstance(percentage._get_rules(), Percentage)
        usage = Usage(Decimal(10), (Decimal(10),))
        self.assertEqual(percentage._get_rules().rate(usage, CENT).amount, Decimal('1.30'))

    def test_terms_that_contradict_each_other(self):
        for text, tiers, values in (
            ("can't be negative", (), {'unit_price': -1}),
            ("needs a size", (), {'kind': 'package'}),
            ("the last tier has no end", (), {'kind': 'volume'}),
            (
                "must end after the one before",
                ((5, 1, 0), (5, 1, 0), (0, 1, 0)),
                {'kind': 'volume'},
            ),
            ("less than the minimum", (), {'minimum': 2, 'maximum': 1}),
            (
                "cost less at most",
                (),
                {'kind': 'percentage', 'event_minimum': 2, 'event_maximum': 1},
            ),
        ):
            with (
                self.subTest(text),
                self.assertRaisesRegex(ValidationError, text),
                self.env.cr.savepoint(),
            ):
                self._create_charge(self.calls, *tiers, **values)
        with self.assertRaisesRegex(ValidationError, "must add their"), self.env.cr.savepoint():
            self._create_charge(self.storage, kind='percentage', percent=1, event_fee=1)

    def test_the_checkout_says_what_usage_costs(self):
        tiers = ((1000, 0.1, 0), (0, 0.00001, 5))
        for expected, kind, values in (
            (
                [("API access", "$ 0.02 per Units"), ("included in each period", "100 Units")],
                None,
                {},
            ),
            (
                [("API access", "$ 1.25 per started 1,000,000 Units")],
                'package',
                {'unit_price': 1.25, 'package_size': 10**6},
            ),
            (
                [
                    ("up to 1,000", "$ 0.10 per Units"),
                    ("beyond", "$ 0.00001 per Units and $ 5.00 once"),
                    ("at least in each period", "$ 10.00"),
                    ("at most in each period", "$ 20.00"),
                ],
                'graduated',
                {'minimum': 10, 'maximum': 20},
            ),
            (
                [
                    ("if it is up to 1,000, for all", "$ 0.10 per 0.5 Units"),
                    ("if it is more, for all", "$ 0.00001 per 0.5 Units and $ 5.00 once"),
                ],
                'volume',
                {'block_size': 0.5},
            ),
            (
                [("API access", "1.3%, $ 2.00 each, at most $ 9.00 each, the first 3 free")],
                'percentage',
                {'percent': 1.3, 'event_fee': 2, 'event_maximum': 9, 'free_events': 3},
            ),
        ):
            with self.subTest(kind):
                if kind:
                    some = tiers if kind in {'graduated', 'volume'} else ()
                    charge = self._create_charge(self.calls, *some, kind=kind, **values)
                    self.api.billing_charge_id = charge
                order = self._create_order((self.api, 1))
                rows = order._get_purchase()._get_later_terms(order)
                self.assertEqual(
                    [
                        (
                            row['label'].removeprefix("API access, "),
                            row['value'].replace('\xa0', ' '),
                        )
                        for row in rows
                    ],
                    [
                        *expected,
                        ("Usage is charged", "every month, for what was used; amounts vary"),
                        ("Added to prices of usage", "VAT 6%"),
                    ],
                )
        order.write({'billing_initial_amount': 20, 'billing_usage_cap': 80})
        self.assertLessEqual(
            {
                ("We ask you first", "if a payment is more than $\xa080.00"),
                (
                    "Of the amount of today",
                    "$\xa020.00 is for the beginning; usage is charged besides",
                ),
            },
            set(order._billing_get_agreement()),
        )

    def test_what_a_customer_has_agreed_to_stays(self):
        self.assertEqual(self.order.order_line.billing_charge_id, self.calls_charge)
        for values in ({'unit_price': 0.01}, {'allowance': 0}):
            with self.assertRaisesRegex(UserError, "it can't be changed any more"):
                self.calls_charge.write(values)
        self.calls_charge.name = "Calls"
        cheaper = self.calls_charge.copy()
        self.assertEqual((cheaper.name, cheaper.unit_price), ("Calls (copy)", 0.02))
        cheaper.unit_price = 0.01
        # The next order has what the product has then.
        self.api.billing_charge_id = cheaper
        self.assertEqual(self.order.order_line.billing_charge_id, self.calls_charge)
        order = self._create_order((self.api, 1))
        self.assertEqual(order.order_line.billing_charge_id, cheaper)
        cheaper.unit_price = 0.005

    def test_tiers_make_sense_whoever_writes_them(self):
        charge = self._create_charge(self.calls, (10, 1, 0), (0, 2, 0), kind='graduated')
        first, last = charge.tier_ids.with_user(self.billing_manager)
        for act in (
            lambda: first.write({'up_to': -1}),
            lambda: first.write({'unit_price': -1}),
            lambda: last.write({'up_to': 5}),
            last.unlink,
            lambda: last.create({'charge_id': charge.id, 'up_to': 3}),
        ):
            with self.assertRaises(ValidationError), self.env.cr.savepoint():
                act()
        # All of them together, one after the other.
        charge.with_user(self.billing_manager).write(
            {
                'tier_ids': [
                    Command.update(last.id, {'up_to': 20}),
                    Command.create({'up_to': 0, 'unit_price': 3}),
                    Command.delete(first.id),
                ]
            }
        )
        self.assertEqual(charge.tier_ids.mapped('up_to'), [20, 0])
        # What nobody has agreed to isn't put where somebody has.
        with self.assertRaisesRegex(UserError, "have agreed"):
            last.write({'charge_id': self.calls_charge.id})

    def test_tiers_that_a_customer_has_agreed_to_stay(self):
        charge = self._create_charge(self.calls, (5, 7, 0), (0, 6, 0), kind='graduated')
        self.api.billing_charge_id = charge
        with freeze_time('2027-01-10 10:00:00'):
            self._create_active_order((self.api, 1))
        tier = charge.tier_ids[0].with_user(self.billing_manager)
        for change in (
            lambda: tier.write({'unit_price': 8}),
            tier.unlink,
            lambda: tier.create({'charge_id': charge.id, 'up_to': 3}),
        ):
            with self.assertRaisesRegex(UserError, "it can't be changed any more"):
                change()

    def test_usage_is_charged_in_the_currency_of_the_order(self):
        order = self._create_order((self.api, 1), currency='EUR', sent=False)
        with self.assertRaisesRegex(ValidationError, "is in USD, order .* in EUR"):
            order._get_purchase()._check_order(order)

    def test_u35_taxes_are_those_of_odoo(self):
        """getlago/lago-api 1b1c24a, taxes_on_invoice: a coupon of 10 by the share of each line."""
        invoice = self.env['account.move'].create(
            {
                'move_type': 'out_invoice',
                'partner_id': self.customer.id,
                'invoice_line_ids': [
                    Command.create(
                        {
                            'name': "Usage",
                            'price_unit': amount,
                            'discount': 5,  # 10 of 200.
                            'tax_ids': [
                                Command.set(
                                    self._create_vat(f'{percent}% of {amount}', percent).ids
                                )
                            ],
                        }
                    )
                    for amount, percent in ((100, 10), (50, 0), (30, 20), (20, 20))
                ],
            }
        )
        taxes = [line.price_total - line.price_subtotal for line in invoice.invoice_line_ids]
        self.assertEqual([round(tax, 2) for tax in taxes], [9.5, 0, 5.7, 3.8])
        self.assertEqual(invoice.amount_total, 209)

    def test_other_types_have_no_charge(self):
        self.gym.billing_charge_id = self.calls_charge
        order = self._create_order((self.gym, 1))
        self.assertFalse(order.order_line.billing_charge_id)

    def test_who_may_set_up_meters_and_charges(self):
        for record in (self.storage, self._create_charge(self.calls)):
            with self.assertRaises(AccessError):
                record.with_user(self.salesperson).name = "Mine"
            record.with_user(self.billing_manager).name = "Ours"
            with self.assertRaises(AccessError):
                record.with_user(self.billing_manager).unlink()
