import random
from dataclasses import dataclass, field

# Prices with which rounding, exemption and halves come out in every way.
PRICES = (0.01, 0.335, 1.0, 9.99, 12.345678, 33.33, 50.0, 100.0, 118.105, 499.5, 1000.0)
QUANTITIES = (1, 1, 1, 2, 3, 7, 0.5, 0.333333, 1.25)
DISCOUNTS = (0, 0, 0, 5, 12.5, 33.3333)
# Sets of taxes that a line may have, by the names in `BooksCommon.taxes`.
TAXES = (
    ('21',),
    ('21',),
    ('6',),
    ('12',),
    ('exempt',),
    (),
    ('included 19',),
    ('included 10',),
    ('fixed',),
    ('21', 'fixed'),
    ('fixed in base', '21'),
    ('group',),
    ('21', 'withholding'),
    ('cash basis',),
    ('division',),
    ('reverse charge',),
    ('reverse charge',),
)
CURRENCIES = ('EUR', 'EUR', 'EUR', 'JPY', 'KWD', 'CHF')
# What one euro is worth; in half of the orders as much as one of theirs.
RATES = {'JPY': 163.4, 'KWD': 0.3367, 'CHF': 0.9412}
# What staff and cards do before a payment is due.
ACTS = ('skip', 'merge', 'refund', 'refund', 'invoice', 'pay by bank', 'decline')
TERMS = ('none', 'none', '30 days', 'two parts', 'discount included', 'discount mixed')


@dataclass
class DrawnLine:
    """A line of an order: what Odoo's tax computation makes its amounts of."""

    price: float
    quantity: float
    discount: float
    taxes: tuple[str, ...]


@dataclass
class DrawnOrder:
    """A company's way to compute, and an order to which it is applied; all follows from a seed."""

    seed: int
    rounding: str = ''
    currency: str = ''
    term: str = ''
    policy: str = ''
    purchase_type: str = ''
    has_account: bool = False
    deposit: float = 0  # A share of the total.
    payments: int = 1
    lines: list[DrawnLine] = field(default_factory=list)
    amounts: list[float] = field(default_factory=list)  # Of metered payments.
    acts: dict[int, str] = field(default_factory=dict)  # By the number of the payment.
    share: float = 0  # How much of a payment is refunded.
    rates: list[float] = field(default_factory=list)  # Of the currency, month by month.

    def __post_init__(self):
        """Draw everything else."""
        # Not for security: the same seed is to give the same order.
        draw = random.Random(self.seed)
        self.rounding = draw.choice(('round_per_line', 'round_globally', 'round_globally'))
        self.currency = draw.choice(CURRENCIES)
        self.term = draw.choice(TERMS)
        self.policy = draw.choice(('order', 'order', 'delivery'))
        self.purchase_type = draw.choice(('single', 'instalment', 'instalment', 'subscription'))
        self.has_account = draw.random() < 0.3
        self.deposit = draw.choice((0, 0, 0.1, 1 / 3, 0.5))
        self.payments = draw.choice((1, 2, 3, 6, 7) if self.purchase_type != 'single' else (1,))
        scale = {'JPY': 100, 'KWD': 0.5}.get(self.currency, 1)
        self.lines = [
            DrawnLine(
                draw.choice(PRICES) * scale,
                draw.choice(QUANTITIES),
                draw.choice(DISCOUNTS),
                draw.choice(TAXES),
            )
            for _number in range(draw.choice((1, 1, 2, 2, 3, 4)))
        ]
        self._draw_course()
        self._draw_rates()

    def _draw_course(self):
        """Draw what happens on the way; half of all orders are left alone."""
        draw = random.Random(f'course {self.seed}')
        if draw.random() < 0.15:
            self.purchase_type = 'metered'
            scale = {'JPY': 100, 'KWD': 0.5}.get(self.currency, 1)
            self.amounts = [draw.choice(PRICES[1:]) * scale for _number in range(self.payments)]
        if draw.random() < 0.5:
            self.share = draw.choice((0.01, 1 / 3, 0.5, 1))
            self.acts = {
                number: draw.choice(ACTS) for number in range(self.payments) if draw.random() < 0.5
            }

    def _draw_rates(self):
        """Draw what the order's currency is worth to a company in euros, if that isn't the same."""
        draw = random.Random(f'rates {self.seed}')
        if self.currency in RATES and draw.random() < 0.5:
            rate = RATES[self.currency]
            self.rates = [rate * draw.choice((0.9, 0.98, 1, 1.03)) for _month in range(9)]

    def get_features(self):
        """Return what the order stands for: its choices, some of them together with its type."""
        # What is paid at once has no course on which something could happen.
        acts = self.acts.values() if self.purchase_type != 'single' else ()
        by_type = {(self.purchase_type, choice) for choice in (self.rounding, self.currency, *acts)}
        own = {
            (name, getattr(self, name))
            for name in ('term', 'policy', 'has_account', 'deposit', 'payments', 'share')
        }
        own.add(('rates', bool(self.rates)))
        lines = {
            (name, getattr(line, name))
            for line in self.lines
            for name in ('quantity', 'discount', 'taxes')
        }
        return by_type | own | lines
