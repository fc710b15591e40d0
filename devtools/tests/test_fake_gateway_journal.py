import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import requests
import stripe

from fake_gateway import FakeGateway
from fake_gateway.clock import Clock
from fake_gateway.store import Caller, Store

CHECKOUT = Path(__file__).parents[2]


def pay(url, key, description="S1"):
    return requests.post(
        f'{url}/v1/payment_intents',
        data={
            'amount': 1000,
            'currency': 'eur',
            'payment_method': 'pm_card_visa',
            'confirm': 'true',
            'description': description,
        },
        headers={'Authorization': 'Bearer sk_test_x', 'Idempotency-Key': key},
        timeout=10,
    ).json()


@pytest.fixture
def run():
    """Return a function that runs the gateway as a program."""
    processes = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, '-m', 'fake_gateway', *arguments],
            stdout=subprocess.PIPE,
            text=True,
            cwd=CHECKOUT,
        )
        processes.append(process)
        return process, process.stdout.readline().strip()

    yield start
    for process in processes:
        process.terminate()
        process.wait()
        process.stdout.close()


def test_everything_survives_a_kill(run, tmp_path):
    journal = tmp_path / 'journal'
    process, url = run('--journal', str(journal))
    first = pay(url, 'k')
    process.send_signal(signal.SIGKILL)
    process.wait()

    port = url.rpartition(':')[2]
    _process, again = run('--journal', str(journal), '--port', port)

    assert again == url
    assert pay(url, 'k') == first
    pay(url, 'k2', "S2")
    movements = requests.get(f'{url}/_control/ledger', timeout=10).json()['movements']
    assert [one['description'] for one in movements] == ["S1", "S2"]
    one = requests.get(f'{url}/_control/ledger', params={'description': "S2"}, timeout=10)
    assert len(one.json()['movements']) == 1


def test_a_torn_line_is_dropped(tmp_path):
    journal = tmp_path / 'journal'
    with FakeGateway(journal=journal) as gateway:
        pay(gateway.url, 'k')
        pay(gateway.url, 'k2')
    journal.write_bytes(journal.read_bytes()[:-10])
    with FakeGateway(journal=journal) as gateway:
        assert [one.idempotency_key for one in gateway.ledger.movements()] == ['k']
        pay(gateway.url, 'k2')
    with FakeGateway(journal=journal) as gateway:
        assert len(gateway.ledger.movements()) == 2
        client = stripe.StripeClient('sk_test_x', base_addresses={'api': gateway.url})
        assert len(client.v1.payment_intents.list().data) == 2


def test_a_session_is_alone(tmp_path):
    store = Store(Clock(), tmp_path / 'journal')
    taken = []

    def try_to_take():
        taken.append(store.lock.acquire(blocking=False))

    with store.session(Caller(version='2019-05-16')):
        thread = threading.Thread(target=try_to_take)
        thread.start()
        thread.join()
    store.close()
    assert taken == [False]


def test_a_webhook_is_added_once(tmp_path):
    options = {'journal': tmp_path / 'journal', 'webhook_url': 'http://127.0.0.1:9/webhook'}
    for _start in range(2):
        with FakeGateway(**options, webhook_secret='whsec_x') as gateway:
            assert len(gateway.find_all('webhook_endpoint')) == 1


def test_the_program_ends_when_told(run):
    process, url = run()
    assert requests.get(f'{url}/v1/customers', timeout=10).status_code == 401
    process.terminate()
    assert process.wait(10) == 0
