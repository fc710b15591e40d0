"""The script that stands in for Stripe.js, in a real browser and as payment_stripe uses it."""

import json
import queue
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from fake_gateway import FakeGateway

PAGE = """<!DOCTYPE html>
<html lang="en">
<body><div id="form"></div></body>
<script src="%(script)s"></script>
<script>
    const values = %(values)s;

    /** Fill in what the customer types. */
    function type(name, text) {
        const input = document.querySelector(`#form input[name="${name}"]`);
        input.value = text;
        input.dispatchEvent(new Event("input"));
    }

    /** Click a button as soon as it is there. */
    function clickWhenThere(id) {
        new MutationObserver(() => document.getElementById(id)?.click()).observe(
            document.body, { childList: true, subtree: true }
        );
    }

    async function run(stripe) {
        %(steps)s
    }

    run(Stripe(values.key, { apiVersion: "2019-05-16", locale: "en" }))
        .catch((error) => ({ crash: String(error) }))
        .then((result) => fetch("/report", { method: "POST", body: JSON.stringify(result) }))
        .then(() => window.location.assign("/next"));
</script>
</html>
"""
# What payment_stripe's payment form does.
PAY = """
    const elements = stripe.elements({
        appearance: { theme: "stripe" },
        currency: "usd",
        captureMethod: "automatic",
        paymentMethodTypes: ["card"],
        mode: values.mode,
        amount: values.amount,
        setupFutureUsage: values.mode === "setup" ? "off_session" : undefined,
    });
    const billingDetails = { name: "Ada", email: "", phone: "", address: { city: "Paris" } };
    const element = elements.create("payment", { defaultValues: { billingDetails } });
    element.on("loaderror", () => {});
    element.mount(document.getElementById("form"));
    elements.update({ setupFutureUsage: values.usage });
    type("number", values.number);
    type("expiry", values.expiry ?? "12 / 34");
    type("cvc", "123");
    const submitted = await elements.submit();
    if (submitted.error) {
        return submitted;
    }
    if (values.button) {
        clickWhenThere(values.button);
    }
    const options = {
        elements,
        clientSecret: values.secret,
        confirmParams: { return_url: `${window.location.origin}/return?reference=S1` },
    };
    return values.mode === "setup"
        ? await stripe.confirmSetup(options)
        : await stripe.confirmPayment(options);
"""
COMPLETE = 'test-source-authorize-3ds'
FAIL = 'test-source-fail-3ds'


class Shop(ThreadingHTTPServer):
    """A shop with one page after the other; a browser reports what came of each."""

    daemon_threads = True

    def __init__(self):
        self.pages: queue.Queue[str] = queue.Queue()
        self.reports: queue.Queue[dict[str, Any]] = queue.Queue()
        self.visited = threading.Event()
        super().__init__(('127.0.0.1', 0), ShopHandler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def run(self, page):
        self.pages.put(page)
        return self.reports.get(timeout=60)


class ShopHandler(BaseHTTPRequestHandler):
    server: Shop

    def do_GET(self):
        url = urlsplit(self.path)
        if url.path == '/next':
            self.server.visited.set()
            self.reply(200, self.server.pages.get())
        elif url.path == '/return':
            self.server.reports.put({'returned': dict(parse_qsl(url.query))})
            self.reply(303, '', Location='/next')
        else:
            self.reply(404, '')

    def do_POST(self):
        body = self.rfile.read(int(self.headers['Content-Length']))
        self.server.reports.put(json.loads(body))
        self.reply(200, '')

    def reply(self, status, text, **headers):
        content = text.encode()
        self.send_response(status)
        self.send_header('Content-Type', 'text/html; charset=utf-8')
        self.send_header('Content-Length', str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope='module')
def gateway():
    with FakeGateway() as gateway:
        yield gateway


@pytest.fixture(scope='module')
def shop(tmp_path_factory):
    shop = Shop()
    browser = subprocess.Popen(
        [
            # Odoo limits its memory, which would be too little for a browser.
            *('sh', '-c', 'ulimit -S -v "$(ulimit -H -v)"; exec "$@"', 'sh'),
            'google-chrome',
            '--headless',
            '--no-sandbox',
            '--disable-gpu',
            '--disable-dev-shm-usage',
            '--no-first-run',
            f'--user-data-dir={tmp_path_factory.mktemp("browser")}',
            f'http://127.0.0.1:{shop.server_port}/next',
        ],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert shop.visited.wait(60), f"The browser did not start: {browser.poll()}"
        yield shop
    finally:
        browser.terminate()
        browser.wait()
        shop.shutdown()
        shop.server_close()


@pytest.fixture
def browse(gateway, shop):
    """Return a function that runs steps in the browser and returns what came of them."""

    def run(steps, **values):
        shown = {
            'script': gateway.script_url,
            'values': json.dumps(values | {'key': gateway.publishable_key}),
            'steps': steps,
        }
        return shop.run(PAGE % shown)

    return run


@pytest.fixture
def intent(client):
    """Return a function that makes the intent of a checkout."""

    def create(**values):
        customer = client.v1.customers.create({})
        return client.v1.payment_intents.create(
            {
                'amount': 1000,
                'currency': 'usd',
                'customer': customer.id,
                'payment_method_types': ['card'],
                **values,
            },
            {'stripe_version': '2019-05-16'},
        )

    return create


def pay(browse, intent, number, **values):
    return browse(
        PAY,
        **{'mode': 'payment', 'amount': 1000, 'number': number, 'usage': None}
        | {'secret': intent.client_secret}
        | values,
    )


def test_a_payment_returns_to_the_shop(gateway, client, browse, intent):
    made = intent(setup_future_usage='off_session')

    result = pay(browse, made, '4242 4242 4242 4242', usage='off_session')

    assert result['returned'] == {
        'reference': 'S1',
        'payment_intent': made.id,
        'payment_intent_client_secret': made.client_secret,
        'redirect_status': 'succeeded',
    }
    paid = client.v1.payment_intents.retrieve(made.id, {'expand': ['payment_method']})
    assert paid.status == 'succeeded'
    assert paid.payment_method.customer == made.customer
    assert paid.payment_method.card.exp_year == 2034
    assert paid.payment_method.billing_details.name == "Ada"
    assert paid.payment_method.billing_details.address.city == "Paris"


def test_a_decline_is_told_and_can_be_repaired(client, browse, intent):
    made = intent()
    declined = pay(browse, made, '4000 0000 0000 9995')
    assert declined['error']['decline_code'] == 'insufficient_funds'
    assert declined['error']['message'] == "Your card has insufficient funds."
    assert 'returned' in pay(browse, made, '4242424242424242')
    assert client.v1.payment_intents.retrieve(made.id).status == 'succeeded'


def test_incomplete_input_never_reaches_the_gateway(gateway, browse, intent):
    made = intent()
    asked = len(gateway.requests)
    assert pay(browse, made, '4242')['error']['code'] == 'incomplete_number'
    wrong_expiry = pay(browse, made, '4242424242424242', expiry='12')
    assert wrong_expiry['error']['code'] == 'incomplete_expiry'
    assert len(gateway.requests) == asked


def test_elements_that_do_not_match_the_intent(browse, intent):
    made = intent()
    assert 'amount' in pay(browse, made, '4242424242424242', amount=999)['error']['message']
    other_usage = pay(browse, made, '4242424242424242', usage='off_session')
    assert 'setup_future_usage' in other_usage['error']['message']


def test_authentication(client, browse, intent):
    made = intent()
    failed = pay(browse, made, '4000002760003184', button=FAIL)
    assert failed['error']['code'] == 'payment_intent_authentication_failure'
    assert client.v1.payment_intents.retrieve(made.id).status == 'requires_payment_method'
    assert 'returned' in pay(browse, made, '4000002760003184', button=COMPLETE)
    assert client.v1.payment_intents.retrieve(made.id).status == 'succeeded'


def test_a_decline_after_authentication(browse, intent):
    declined = pay(browse, intent(), '4000008260003178', button=COMPLETE)
    assert declined['error']['decline_code'] == 'insufficient_funds'


def test_a_card_is_saved_without_payment(client, browse):
    customer = client.v1.customers.create({})
    made = client.v1.setup_intents.create(
        {'customer': customer.id, 'payment_method_types': ['card']},
        {'stripe_version': '2019-05-16'},
    )
    result = browse(
        PAY,
        mode='setup',
        number='4000002500003155',
        usage='off_session',
        secret=made.client_secret,
        button=COMPLETE,
    )
    assert result['returned']['setup_intent'] == made.id
    [method] = client.v1.customers.payment_methods.list(customer.id)
    assert method.card.last4 == '3155'


def test_a_customer_comes_back_to_authenticate(gateway, client, browse, saved_card, intent):
    """The bank wants to see the customer of an off-session payment: the same intent is paid."""
    customer, method = saved_card('pm_card_authenticationRequired')
    made = intent(customer=customer.id)
    payments = len(gateway.ledger.movements())

    result = browse(
        """
        clickWhenThere(values.button);
        return await stripe.confirmCardPayment(values.secret, { payment_method: values.method });
        """,
        secret=made.client_secret,
        method=method.id,
        button=COMPLETE,
    )

    assert result['paymentIntent']['status'] == 'succeeded'
    assert len(gateway.ledger.movements()) == payments + 1


def test_the_next_action_of_an_intent(client, browse, intent):
    made = intent(payment_method='pm_card_authenticationRequired', confirm=True)
    result = browse(
        """
        const before = await stripe.retrievePaymentIntent(values.secret);
        clickWhenThere(values.button);
        const after = await stripe.handleNextAction({ clientSecret: values.secret });
        return [before.paymentIntent.status, after.paymentIntent.status];
        """,
        secret=made.client_secret,
        button=COMPLETE,
    )
    assert result == ['requires_action', 'succeeded']


def test_there_are_no_wallets(browse):
    result = browse("return { can: await stripe.paymentRequest({}).canMakePayment() };")
    assert result == {'can': None}
