import uuid

import pytest

from devtools import log_secrets
from fake_gateway.cards import CARDS

TOKEN = str(uuid.UUID(int=0x1234567890ABCDEF1234567890ABCDEF))
PREFIX = '2026-01-02 03:04:05,678 9 INFO db werkzeug: '


@pytest.mark.parametrize(
    ('text', 'kind'),
    [
        ("Authorization: Bearer sk_" + "test_51Habc", "a key of Stripe"),
        ("{'stripe_secret_key': 'sk_" + "live_51Habc'}", "a key of Stripe"),
        ("key rk_" + "live_9", "a key of Stripe"),
        ("secret whsec_" + "abc123", "a webhook's secret"),
        ("GET /return?a=pi_3Nx_secret_" + "Yz HTTP/1.1", "the client secret of a payment"),
        ('"client_secret": "seti_1A_secret_' + 'b"', "the client secret of a payment"),
        (f'"GET /order/7?access_token={TOKEN} HTTP/1.1"', "the token of an order link"),
        (f"/web/login?redirect=/order/7%3Faccess_token%3D{TOKEN}", "the token of an order link"),
        (f'{{"access_token": "{TOKEN}"}}', "the token of an order link"),
        (f"{{'order': 7, 'access_token': '{TOKEN}'}}", "the token of an order link"),
        (rf'"{{\"access_token\":\"{TOKEN}\"}}"', "the token of an order link"),
        ("edit 4242 4242 4242 4242", log_secrets.CARD_NUMBER),
        ("card=4000-0000-0000-9995&", log_secrets.CARD_NUMBER),
        ("Amex 3782 822463 10005", log_secrets.CARD_NUMBER),
        ("other 4539578763621486.", log_secrets.CARD_NUMBER),
        ("2720991000000005", log_secrets.CARD_NUMBER),
    ],
)
def test_each_kind_is_found_and_not_repeated(tmp_path, text, kind):
    log = tmp_path / 'odoo.log'
    log.write_text(f"{PREFIX}begins\n{PREFIX}{text}\n{PREFIX}ends\n")
    assert log_secrets.search(log) == [f"{log}, line 2: {kind} was logged."]


def test_every_test_card_is_found():
    for card in CARDS:
        assert log_secrets.find_kinds(f"number {card.number},") == [log_secrets.CARD_NUMBER]


@pytest.mark.parametrize(
    'text',
    [
        "GET /order/7?access_token=[redacted]&page=2",
        f"session {TOKEN}",
        "Visa •••• 4242",
        "the keys are called sk_test_ and whsec_",
        "pi_3NxAbCdEfGh was confirmed",
        "4242424242424241",  # The check digit is wrong.
        "0.4242424242424242 seconds",
        "1767312245678 and 1767312245678000001",
        "4f4242424242424242",
        "5f3c1b2a-4242424242424242",
        "order 42424242424242424242424242",
    ],
)
def test_what_is_no_secret(text):
    assert log_secrets.find_kinds(PREFIX + text) == []


def test_a_log_with_two_secrets_in_a_line_and_broken_bytes(tmp_path):
    log = tmp_path / 'odoo.log'
    log.write_bytes(b"\xff broken\nsk_" + b"test_a and 4242424242424242\n")
    assert log_secrets.search(log) == [
        f"{log}, line 2: a key of Stripe was logged.",
        f"{log}, line 2: a card number was logged.",
    ]
