"""`./dev protocol`: has Spin search the charge protocol and the checkout, and their mistakes."""

import subprocess
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from devtools import console, paths

PACKAGES = ['gcc', 'libc6-dev', 'spin']
_MODELS = paths.CHECKOUT / 'docs/protocol'
CHARGE = _MODELS / 'charge.pml'
CHECKOUT = _MODELS / 'checkout.pml'
ADVICE = "docs/protocol/README.md says what the model is of, and how to read a trace."

# Exact: states are compressed, none is left out.
_COMPILE = ('gcc', '-w', '-O2', '-DCOLLAPSE', '-DNOFAIR', '-DMEMLIM=4000')
_DEPTH = 3_000_000
_ONE_ATTEMPT = 'ATTEMPTS=1'
_LATE = 'LATE_APPROVAL'


class Search(NamedTuple):
    """One exhaustive search: what it is of, by what the model is told."""

    title: str
    flags: tuple[str, ...]
    model: Path = CHARGE
    # Looks for endless courses in which nothing fails, too, besides what must never be.
    of_progress: bool = False


SEARCHES = (
    Search("one attempt, all parties", (_ONE_ATTEMPT,)),
    Search("two attempts and the customer", ('WITHOUT_STAFF',)),
    Search("two attempts and staff", ('WITHOUT_CUSTOMER',)),
    Search("declines that are approved late", (_LATE, 'WITHOUT_STAFF', 'WITHOUT_CUSTOMER')),
    Search(
        "a provider without a search, and a person",
        (_ONE_ATTEMPT, 'WITHOUT_SEARCH', 'WITHOUT_CUSTOMER'),
    ),
    Search(
        "no endless course without a fault",
        ('WITHOUT_STAFF', 'WITHOUT_CUSTOMER'),
        of_progress=True,
    ),
    Search("two debits that are returned", ('DEBIT', 'WITHOUT_STAFF', 'WITHOUT_CUSTOMER')),
    Search("the checkout: two tabs and staff", (), CHECKOUT),
)
# Each is a mistake in one of the models; the model checker must find what it leads to.
MISTAKES = (
    ('MUTATION_NO_KEY',),
    ('MUTATION_TIMEOUT_IS_DECLINE',),
    ('MUTATION_SENT_BEFORE_COMMIT', _ONE_ATTEMPT),
    ('MUTATION_OPENED_WITHOUT_LOOKING_AGAIN', 'WITHOUT_STAFF', 'WITHOUT_CUSTOMER'),
    (
        'MUTATION_OPENED_WITHOUT_LOOKING_AGAIN',
        'MUTATION_NO_UNIQUE_INDEX',
        'WITHOUT_STAFF',
        'WITHOUT_CUSTOMER',
    ),
    ('MUTATION_REFUSED_AGAIN_IS_UNTRIED',),
    ('MUTATION_SENT_TAKEN_BACK', _ONE_ATTEMPT),
    ('MUTATION_NO_INQUIRIES', _ONE_ATTEMPT),
    ('MUTATION_SENT_BESIDE_APPROVED', _LATE),
    ('MUTATION_DEBITS_ARE_NOT_ASKED_ABOUT', 'DEBIT', _ONE_ATTEMPT),
    ('MUTATION_RETURNS_ARE_NOT_ASKED_FOR', 'DEBIT', _ONE_ATTEMPT),
    ('HOLE_RESENT_IN_KEYS_LAST_HOUR',),
    ('HOLE_SEARCH_TRUSTED_AT_ONCE',),
    ('HOLE_RESENT_UNMARKED', _ONE_ATTEMPT),
    ('HOLE_SENT_AFTER_CANCELLATION', _ONE_ATTEMPT),
    ('HOLE_CHANGED_WITH_OLD_VIEW',),
    ('HOLE_SENT_LEFT_BEHIND', _LATE),
    ('HOLE_RESENT_FOR_PAID', _LATE),
)
MISTAKES_AT_CHECKOUT = (
    ('MUTATION_GIVEN_UP_IN_THE_BOOKS_ALONE',),
    ('MUTATION_UNANSWERED_IS_ENDED',),
    ('MUTATION_NOT_LOCKED',),
    ('MUTATION_NOBODY_ASKS',),
    ('MUTATION_ONLY_WHAT_IS_BEGUN_IS_ASKED_ABOUT',),
)


def run() -> int:
    """Search the models and each of their mistakes, and tell what was found.

    :return: The exit code: 0 if the models have no error and each mistake has one.
    :raise Failure: If a search can't be done.
    """
    failed = []
    for search in SEARCHES:
        begin = time.monotonic()
        result = _search(search.model, search.flags, of_progress=search.of_progress)
        seconds = time.monotonic() - begin
        print(f"{search.title}: {_describe(result)}, {seconds:.0f} s", flush=True)
        if _has_error(result):
            failed.append(search.title)
    mistakes = [(CHARGE, flags) for flags in MISTAKES]
    mistakes += [(CHECKOUT, flags) for flags in MISTAKES_AT_CHECKOUT]
    for model, flags in mistakes:
        result = _search(model, flags)
        is_found = _has_error(result)
        print(f"{' '.join(flags)}: {'found' if is_found else 'NOT FOUND'}", flush=True)
        if not is_found:
            failed.append(' '.join(flags))
    if failed:
        print(f"\nFailed: {'; '.join(failed)}\n{ADVICE}")
    return bool(failed)


def _search(model: Path, flags: tuple[str, ...], of_progress: bool = False) -> str:
    """Search a model, until the first error or to the end.

    :param model: The model.
    :param flags: What the model is told.
    :param of_progress: Whether endless courses without a fault are looked for.
    :return: What the search reports.
    :raise Failure: If the model is wrong, or the search didn't come to its end.
    """
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        console.run(
            ['spin', *(f'-D{flag}' for flag in flags), '-a', model],
            "Spin doesn't understand the model",
            ADVICE,
            cwd=directory,
        )
        kind = '-DNP' if of_progress else '-DSAFETY'
        console.run(
            [*_COMPILE, kind, '-o', 'pan', 'pan.c'],
            "The model's search can't be compiled",
            ADVICE,
            cwd=directory,
        )
        command = ['./pan', f'-m{_DEPTH}', *(['-l'] if of_progress else [])]
        report = subprocess.run(
            command, check=False, capture_output=True, text=True, cwd=directory
        ).stdout
    if not _has_error(report) and ('errors: 0' not in report or 'not completed' in report):
        raise console.Failure(f"The search didn't come to its end:\n{report}", ADVICE)
    return report


def _has_error(report: str) -> bool:
    """Return whether a search has found an error of the protocol.

    :param report: What the search reports.
    """
    return 'errors: 1' in report


def _describe(report: str) -> str:
    """Return the result of a search in a few words.

    :param report: What the search reports.
    """
    lines = report.splitlines()
    states = next((line.split()[0] for line in lines if 'states, stored' in line), '?')
    error = next((line for line in lines if line.startswith('pan:1:')), '')
    return f"{error or 'no error'}, {states} states"
