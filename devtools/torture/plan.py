"""The crash matrix: where workers die, and what is wrong with the gateway meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle
from random import Random

# What is charged for.
PURCHASE_TYPES = ('subscription', 'instalment', 'metered')
# Where a worker can die in each phase, in the order in which a run gets there.
FIRST_CHARGE_PHASES = {
    'open': ('open.before_commit', 'open.after_commit'),
    'charge': (
        'sent.before_commit',
        'sent.after_commit',
        'call.before',
        'call.after',
        'outcome.before_commit',
        'outcome.after_commit',
    ),
    'book': ('book.before_commit', 'book.after_commit'),
}
# The same, while an attempt without an answer is sent again.
INQUIRY_PHASES = {
    'inquiry': (
        'inquiry.call.before',
        'inquiry.call.after',
        'inquiry.outcome.before_commit',
        'inquiry.outcome.after_commit',
    )
}
# What was found out is booked at once; with a fault nothing is found out.
INQUIRY_BOOKING_BOUNDARIES = ('inquiry.book.before_commit', 'inquiry.book.after_commit')
# While a bank takes back a debit that was paid; nothing listens, nothing is learnt of it.
RETURN_BOUNDARIES = ('return.before_commit', 'return.after_commit')
# While a worker closes periods of usage.
USAGE_BOUNDARIES = ('usage.before_commit', 'usage.after_commit')
NO_FAULT = 'none'
# The gateway's own faults, see its `faults.py`.
FAULTS = (
    'drop_before',
    'drop_after',
    'error_before',
    'error_after',
    'rate_limit',
    'hang_before',
    'hang_after',
)
# Nothing listens at the gateway's port.
REFUSED = 'refused'
# The process is killed from outside while its request is at the gateway; the second word says
# when the gateway goes on: before the next worker starts, or while it asks for the same payment.
DURING_CALL = tuple(
    f'call.during.{release}' for release in ('released_before_retry', 'released_during_retry')
)
HANGS = ('hang_before', 'hang_after')
# How many charges a fault spoils.
EVERY_CHARGE = 1_000_000
# What others do meanwhile, and in which ways, see `adversary.py`.
ADVERSARY = {
    'returns': ('another', 'declined', 'refunded', 'made_up', 'elsewhere', 'again'),
    'messages': (
        'other_database',
        'no_database',
        'no_marks',
        'other_amount',
        'other_currency',
        'unsigned',
        'wrong_signature',
        'old',
    ),
    'tabs': (
        'at_once',
        'after_given_up',
        'twice',
        'after_a_decline',
        'while_cancelled',
        'while_changed',
    ),
    'writes': ('order', 'event', 'attempt', 'card', 'invoice', 'payment'),
    'invoices': (
        'before_the_tab',
        'beside_the_tab',
        'after_the_tab',
        'of_event',
        'refund_of_payment',
        'credit_note',
    ),
}
# The boundaries that a run passes before its first call: a fault can only have happened earlier
# if they are passed again.
_BEFORE_FIRST_CALL = {
    'open.before_commit': 2,
    'open.after_commit': 2,
    'sent.before_commit': 3,
    'sent.after_commit': 3,
    'call.before': 3,
    'inquiry.call.before': 2,
}


@dataclass(frozen=True)
class Cell:
    """One cell of the matrix: both workers die at a boundary while a fault lasts."""

    boundary: str
    fault: str

    def __str__(self) -> str:
        return f'{self.boundary} × {self.fault}'

    @property
    def is_inquiry(self) -> bool:
        """Whether attempts without an answer are needed to get there."""
        return self.boundary.startswith('inquiry.')

    @property
    def is_return(self) -> bool:
        """Whether a debit must be returned to get there."""
        return self.boundary in RETURN_BOUNDARIES

    @property
    def needs_answered_attempt(self) -> bool:
        """Whether an attempt must have been answered before, or there is nothing to book."""
        return self._is_booking and self.fault == REFUSED

    @property
    def _is_booking(self) -> bool:
        return self.boundary.startswith('book.')

    @property
    def spoiled_charges(self) -> int:
        """How many requests the fault spoils: what is booked must have been answered after it."""
        return 1 if self._is_booking or self.is_return else EVERY_CHARGE

    def passes(self, numbers: Random) -> int:
        """Return the how-manieth time a worker dies when it gets there.

        :param random.Random numbers: Where the choice comes from.
        :rtype: int
        """
        if self.fault != NO_FAULT and self.boundary in _BEFORE_FIRST_CALL:
            return _BEFORE_FIRST_CALL[self.boundary]
        if self._is_booking and self.fault in FAULTS:
            # A run begins with booking what others left, before the fault can have happened.
            return 2
        if self.needs_answered_attempt or self.is_inquiry or self.is_return:
            return 1
        return numbers.randint(1, 2)


@dataclass(frozen=True)
class Act:
    """Something that somebody does who isn't part of the charge run, in one of its ways."""

    kind: str
    way: str

    def __str__(self) -> str:
        return f'{self.kind}.{self.way}'

    @property
    def needs_checkout(self) -> bool:
        """Whether it takes an order that nobody has paid yet."""
        return self.kind == 'tabs' or (self.kind == 'invoices' and self.way != 'of_event')


def adversary(numbers: Random, count: int) -> list[Act]:
    """Return acts of the adversary: each of them before any comes a second time.

    :param random.Random numbers: Where the order comes from.
    :param int count: How many; each act is there at least once.
    :rtype: list[Act]
    """
    every = [Act(kind, way) for kind, ways in ADVERSARY.items() for way in ways]
    acts: list[Act] = []
    while len(acts) < max(count, len(every)):
        acts += numbers.sample(every, len(every))
    return acts[: max(count, len(every))]


def matrix(numbers: Random) -> list[Cell]:
    """Return all cells, first charges before inquiries, otherwise in random order.

    :param random.Random numbers: Where the order comes from.
    :rtype: list[Cell]
    """
    faults = (NO_FAULT, REFUSED, *FAULTS)
    first_charges = _combine(_boundaries(FIRST_CHARGE_PHASES), faults)
    first_charges += _combine(DURING_CALL, HANGS)
    inquiries = _combine(_boundaries(INQUIRY_PHASES), faults)
    inquiries += _combine(INQUIRY_BOOKING_BOUNDARIES, [NO_FAULT])
    return _shuffle(first_charges, numbers) + _shuffle(inquiries, numbers)


def cover(numbers: Random) -> list[Cell]:
    """Return each boundary without a fault, and each fault at some boundary of each phase.

    A death during the call needs a gateway that hangs: there each boundary has a fault.

    :param random.Random numbers: Where the choice of boundaries and the order come from.
    :return: Cells of the matrix, in an order as it has them.
    :rtype: list[Cell]
    """
    faults = (REFUSED, *FAULTS)
    first_charges = _combine(_boundaries(FIRST_CHARGE_PHASES), [NO_FAULT])
    for boundaries in FIRST_CHARGE_PHASES.values():
        first_charges += _pair(boundaries, faults, numbers)
    first_charges += _pair(DURING_CALL, HANGS, numbers)
    inquiries = _combine([*_boundaries(INQUIRY_PHASES), *INQUIRY_BOOKING_BOUNDARIES], [NO_FAULT])
    for boundaries in INQUIRY_PHASES.values():
        inquiries += _pair(boundaries, faults, numbers)
    return _shuffle(first_charges, numbers) + _shuffle(inquiries, numbers)


def returns(numbers: Random, cells: str) -> list[Cell]:
    """Return each boundary of a return without a fault, and some faults or all at one of them.

    :param random.Random numbers: Where the choice and the order come from.
    :param str cells: A key of `CHOICES`: of a cover two faults are left.
    :rtype: list[Cell]
    """
    faults = numbers.sample(FAULTS, 2) if cells == 'cover' else FAULTS
    found = _combine(RETURN_BOUNDARIES, [NO_FAULT]) + _pair(RETURN_BOUNDARIES, faults, numbers)
    return _shuffle(found, numbers)


# What `--cells` can ask for.
CHOICES: dict[str, Callable[[Random], list[Cell]]] = {'cover': cover, 'all': matrix}


def _boundaries(phases: Mapping[str, Sequence[str]]) -> list[str]:
    """Return the boundaries of some phases."""
    return [boundary for boundaries in phases.values() for boundary in boundaries]


def _combine(boundaries: Iterable[str], faults: Sequence[str]) -> list[Cell]:
    """Return each boundary with each fault."""
    return [Cell(boundary, fault) for boundary in boundaries for fault in faults]


def _pair(boundaries: Sequence[str], faults: Sequence[str], numbers: Random) -> list[Cell]:
    """Return each fault once, and with it boundaries that take turns."""
    turns = cycle(numbers.sample(boundaries, len(boundaries)))
    shuffled = numbers.sample(faults, len(faults))
    return [Cell(boundary, fault) for boundary, fault in zip(turns, shuffled, strict=False)]


def _shuffle(cells: list[Cell], numbers: Random) -> list[Cell]:
    """Return cells in random order."""
    return numbers.sample(cells, len(cells))
