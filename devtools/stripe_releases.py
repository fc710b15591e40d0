"""`./dev stripe`: what talks to Stripe, with the oldest and the newest release of its library.

The newest is the locked one, which all tests have; the oldest is laid over it.
"""

import hashlib
import re
from pathlib import Path

from devtools import console, locks, odoo_server, paths, python_environment, test_run

LOCK = paths.CHECKOUT / 'devtools/stripe-oldest.lock'
MANIFEST = paths.ADDON / '__manifest__.py'
# What of the library is used: its client and errors, and the signatures of messages.
TESTS = [
    'billpro_portal/tests/test_request_outcomes.py',
    *(
        f'billpro_portal/tests/stripe/{name}'
        for name in (
            'test_stripe_requests.py::TestStripeRequests',
            'test_stripe_refusals.py::TestInvalidRequests::test_a_customer_who_was_deleted',
            'test_stripe_refusals.py::TestInvalidRequests::test_an_amount_that_is_too_small',
            'test_stripe_refusals.py::TestRefusedKeys::test_a_revoked_key',
            'test_stripe_refusals.py::TestRefusedKeys::test_too_many_requests',
            'test_webhook.py::TestWebhookVerification',
            'test_webhook.py::TestWebhookRegistration',
        )
    ),
]


def run(odoo: odoo_server.Odoo) -> int:
    """Run the tests with both releases.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :return: The exit code.
    """
    return max(run_oldest(odoo), _run_with(odoo, None))


def run_oldest(odoo: odoo_server.Odoo) -> int:
    """Run the tests with the oldest release.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :return: The exit code.
    """
    return _run_with(odoo, prepare_oldest(odoo.environment))


def _run_with(odoo: odoo_server.Odoo, overlay: Path | None) -> int:
    """Run the tests with a release.

    :param odoo: Odoo and its PostgreSQL cluster, which must run.
    :param overlay: The folder of the release; None for the locked one.
    :return: The exit code.
    """
    odoo.overlay = overlay
    try:
        release = console.run(
            [odoo.environment / 'bin/python', '-c', 'import stripe; print(stripe.VERSION)'],
            "Stripe's library can't be loaded",
            env=odoo.variables(),
        ).strip()
        if overlay and release != oldest():
            raise console.Failure(f"Stripe's library is {release} instead of {oldest()}.", "")
        print(f"With stripe {release}:", flush=True)
        return test_run.run(odoo, TESTS)
    finally:
        odoo.overlay = None


def oldest() -> str:
    """Return the oldest release that the manifest allows."""
    found = re.search(r"'stripe>=([\d.]+)'", MANIFEST.read_text())
    if not found:
        raise console.Failure(f"{MANIFEST} names no oldest release of Stripe's library.", "")
    return found.group(1)


def prepare_oldest(environment: Path) -> Path:
    """Fetch the oldest release, if it is not in the cache yet.

    :param environment: The folder of the Python environment that it is laid over.
    :return: The folder that the release is in.
    :raise Failure: If it can't be fetched or isn't the one that was locked.
    """
    lock_hash = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    directory = paths.cache_directory() / f'stripe-oldest-{lock_hash[:12]}'
    if not locks.is_finished(directory, [lock_hash]):
        with locks.build(directory, [lock_hash]), console.step("Fetching stripe's oldest release"):
            console.run(
                [
                    environment / 'bin/python',
                    *('-m', 'pip', 'install', '--target', directory),
                    *python_environment.VERIFIED,
                    *('--requirement', LOCK),
                ],
                "The oldest release of Stripe's library can't be installed",
                "Look at the network and pip's settings, then run the command again.",
            )
    return directory
