"""The adversary: strangers, foreign messages, open tabs, clerks and accountants.

All that it does goes through Odoo's server or the gateway, as it would come from outside. What is
refused is as good as what is accepted, if only books and ledger are right in the end.
"""

from __future__ import annotations

import html
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from pathlib import Path
from typing import Any, TypedDict

import requests
from requests.adapters import HTTPAdapter

from devtools.torture.plan import Act
from fake_gateway import FakeGateway
from fake_gateway.ledger import Movement

# Names the payments that a stranger has made at the gateway: they are none of Odoo's.
STRANGER = {'stranger': 'yes'}
OTHER_DATABASE = '11111111-2222-3333-4444-555555555555'
APPROVED_CARD = 'pm_card_visa'
DECLINED_CARD = 'pm_card_chargeDeclined'
API_VERSION = '2019-05-16'
SECONDS_TO_ANSWER = 90
SECONDS_OF_AN_OLD_SIGNATURE = 3600
# Returns that name no payment of Stripe's.
ELSEWHERE = ('../charges/ch_1', 'pi_1/../../charges/ch_1', 'ch_1', 'seti_1', '', 'pi_1?x=1')
# By what the ways of writing are called: a model, and which of its records.
WRITTEN: dict[str, tuple[str, list[Any]]] = {
    'order': ('sale.order', [('purchase_type', '!=', False)]),
    'event': ('billpro.billing.event', []),
    'attempt': ('payment.transaction', [('billing_order_id', '!=', False)]),
    'card': ('payment.token', []),
    'invoice': ('account.move', [('billing_order_id', '!=', False)]),
    'payment': ('account.payment', [('payment_transaction_id', '!=', False)]),
}
SAMPLE = 80


def is_of_stranger(movement: Movement) -> bool:
    """Return whether a movement is of a payment that a stranger has made at the gateway.

    :param Movement movement: A movement of the ledger.
    :rtype: bool
    """
    return STRANGER.items() <= movement.metadata.items()


class Checkout(TypedDict):
    """An order that can be paid by its link."""

    id: int
    link: str
    name: str


class World(TypedDict):
    """What there is for the adversary, see `host.Host.prepare_adversary`."""

    database: str
    provider_id: int
    payment_method_id: int
    checkouts: list[Checkout]
    logins: dict[str, str]
    password: str
    guarded: dict[str, list[str]]


class Refused(Exception):
    """What was asked for was refused in words."""


class Broken(Exception):
    """The server has answered with an error of its own."""


class _FromAddress(HTTPAdapter):
    """Connections from one of this machine's own addresses, as each visitor has another."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, **options, source_address=(self._address, 0))


class Visitor:
    """A browser, with cookies of its own."""

    def __init__(self, server: str, address: str = '127.0.0.1') -> None:
        """Open a browser.

        :param str server: Where Odoo answers.
        :param str address: Where its requests come from.
        """
        self._server = server
        self._session = requests.Session()
        self._session.mount('http://', _FromAddress(address))

    def get(self, path: str, **parameters: str) -> requests.Response:
        """Open an address, and don't follow where it leads.

        :raise Broken: If the server fails.
        """
        response = self._session.get(
            self._server + path,
            params=parameters,
            allow_redirects=False,
            timeout=SECONDS_TO_ANSWER,
        )
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Broken(f"{path} answered {response.status_code}")
        return response

    def call(self, path: str, **parameters: Any) -> Any:
        """Call a JSON-RPC route.

        :return: Its result.
        :raise Refused: If it says why not.
        :raise Broken: If the server fails.
        """
        answer = self._session.post(
            self._server + path,
            json={'jsonrpc': '2.0', 'method': 'call', 'params': parameters},
            timeout=SECONDS_TO_ANSWER,
        ).json()
        if error := answer.get('error'):
            data = error.get('data') or {}
            name, message = str(data.get('name')), str(data.get('message'))
            is_lost_race = 'could not serialize' in message or 'could not obtain lock' in message
            if name.startswith(('odoo.exceptions.', 'werkzeug.exceptions.')) or is_lost_race:
                raise Refused(message)
            raise Broken(f"{path}: {name}: {message}: {data.get('debug')}")
        return answer.get('result')


class Clerk(Visitor):
    """Somebody who has a login, and calls methods by RPC."""

    def log_in(self, database: str, login: str, password: str) -> None:
        """Log in."""
        self.call('/web/session/authenticate', db=database, login=login, password=password)

    def do(self, model: str, method: str, *arguments: Any, **options: Any) -> Any:
        """Call a public method.

        :raise Refused: If it may not be called, or says why not.
        """
        return self.call(
            f'/web/dataset/call_kw/{model}/{method}',
            model=model,
            method=method,
            args=arguments,
            kwargs=options,
        )


class Tab(Visitor):
    """A tab in which the checkout of an order is open."""

    def __init__(self, world: World, gateway: FakeGateway, server: str, checkout: Checkout) -> None:
        """Keep what is paid.

        :param dict world: What there is.
        :param FakeGateway gateway: What answers for Stripe.
        :param str server: Where Odoo answers.
        :param dict checkout: The order.
        """
        number = checkout['id']
        super().__init__(server, f'127.{1 + number // 65536}.{number // 256 % 256}.{number % 256}')
        self._world = world
        self._gateway = gateway
        self._checkout = checkout
        self._shown: dict[str, str] = {}
        self._begun: dict[str, str] = {}

    def open(self) -> None:
        """Look at the page.

        :raise Refused: If it can't be paid.
        """
        page = self.get(self._checkout['link']).text
        shown = re.search(r'data-shown="([^"]*)"', page)
        version = re.search(r'<input[^>]*billpro_consent[^>]*value="([^"]*)"', page)
        token = re.search(r'data-access-token="([^"]*)"', page)
        if not (shown and version and token):
            raise Refused("The page shows no checkout.")
        self._shown = {
            'shown': html.unescape(shown[1]),
            'consent_version': html.unescape(version[1]),
            'access_token': token[1],
        }

    def begin(self, saves_card: bool = False) -> None:
        """Begin to pay: the payment form is told what to pay at Stripe.

        :raise Refused: If it can't be paid now.
        """
        self._begun = self.call(
            f'/order/{self._checkout["id"]}/transaction',
            **self._shown,
            provider_id=self._world['provider_id'],
            payment_method_id=self._world['payment_method_id'],
            token_id=None,
            flow='direct',
            tokenization_requested=saves_card,
            landing_route='/',
            is_validation=False,
            amount=0,
        )

    def pay(self, card: str = APPROVED_CARD) -> None:
        """Enter a card, and come back from Stripe whatever it says."""
        secret = self._begun['client_secret']
        number = secret.split('_secret')[0]
        requests.post(
            f'{self._gateway.url}/v1/payment_intents/{number}/confirm',
            data={
                'client_secret': secret,
                'payment_method': card,
                'return_url': 'https://shop.example.com',
            },
            headers={
                'Authorization': f'Bearer {self._gateway.publishable_key}',
                'Stripe-Version': API_VERSION,
            },
            timeout=SECONDS_TO_ANSWER,
        )
        self.get(
            '/payment/stripe/return', reference=self._begun['reference'], payment_intent=number
        )
        self.call('/payment/status/poll')

    def walk_through(self, saves_card: bool = False, card: str = APPROVED_CARD) -> None:
        """Open the checkout and pay.

        :raise Refused: If it can't be paid.
        """
        self.open()
        self.begin(saves_card)
        self.pay(card)


class Adversary:
    """Does what the plan has drawn, beside the workers, one act after the other."""

    def __init__(
        self, world: World, gateway: FakeGateway, server: str, numbers: random.Random, log: Path
    ) -> None:
        """Keep who is attacked.

        :param dict world: What there is.
        :param FakeGateway gateway: The gateway.
        :param str server: Where Odoo answers.
        :param random.Random numbers: What the choices depend on.
        :param Path log: The file that takes a line for each act.
        """
        self._world = world
        self._gateway = gateway
        self._server = server
        self._log = log
        self._numbers = numbers
        self._checkouts = iter(world['checkouts'])
        self._clerks: dict[str, Clerk] = {}
        self._course: Future[None] | None = None
        self.counts: Counter[str] = Counter()
        self.problems: list[str] = []

    # === THE COURSE === #

    def begin(self, acts: Iterable[Act]) -> None:
        """Begin to act, and don't wait for the end.

        :param list acts: What to do.
        """
        pool = ThreadPoolExecutor(1, thread_name_prefix='adversary')
        self._course = pool.submit(self._act, list(acts))
        pool.shutdown(wait=False)

    def end(self) -> None:
        """Wait until all is done."""
        if self._course:
            self._course.result()

    def _act(self, acts: list[Act]) -> None:
        with self._log.open('w') as log:
            for act in acts:
                outcome, reason = self._try(act)
                self.counts[act.kind] += 1
                self.counts[outcome] += 1
                print(f"{act}: {outcome} {reason}".strip(), file=log, flush=True)

    def _try(self, act: Act) -> tuple[str, str]:
        """Do something; return what came of it, and why."""
        try:
            getattr(self, f'_{act.kind}')(act.way)
        except (Refused, requests.RequestException) as refusal:
            return 'refused', str(refusal)
        except Broken as error:
            self.problems.append(f"{act}: {error}")
            return 'broken', str(error)
        return 'accepted', ''

    # === RETURNS === #

    def _returns(self, way: str) -> None:
        """Come back from Stripe with what isn't the payment of the transaction."""
        reference = self._choose_reference()
        number = {
            'another': lambda: self._choose_charge().payment_intent,
            'declined': lambda: self._make_payment(card=DECLINED_CARD, description=reference),
            'refunded': self._make_refunded,
            'made_up': lambda: f'pi_{self._numbers.getrandbits(64):x}',
            'elsewhere': lambda: self._numbers.choice(ELSEWHERE),
            'again': lambda: self._choose_paid(reference),
        }[way]()
        Visitor(self._server).get(
            '/payment/stripe/return', reference=reference, payment_intent=number
        )

    def _choose_reference(self) -> str:
        """Return the reference of something that the gateway was asked to charge."""
        return str(self._choose_charge().description)

    def _choose_charge(self) -> Movement:
        """Return a charge that Odoo has asked for, or a customer at the checkout."""
        charges = self._gateway.ledger.movements(kind='charge')
        return self._numbers.choice([one for one in charges if not is_of_stranger(one)])

    def _choose_paid(self, reference: str) -> str:
        """Return the number of a payment of a reference."""
        paid = self._gateway.ledger.movements(kind='charge', description=reference)
        return self._numbers.choice(paid).payment_intent

    def _make_payment(self, card: str = APPROVED_CARD, **values: Any) -> str:
        """Pay at the gateway what Odoo knows nothing of; return its number."""
        metadata = {**STRANGER, **values.pop('metadata', {})}
        intent = self._ask_gateway(
            'payment_intents',
            **{
                'amount': 2420,
                'currency': 'usd',
                'payment_method_types[]': 'card',
                'payment_method': card,
                **{f'metadata[{name}]': value for name, value in metadata.items()},
                **values,
            },
        )
        number = str(intent['id'])
        self._ask_gateway(f'payment_intents/{number}/confirm', is_refusal_right=True)
        return number

    def _make_refunded(self) -> str:
        number = self._make_payment()
        self._ask_gateway('refunds', payment_intent=number)
        return number

    def _ask_gateway(self, path: str, is_refusal_right: bool = False, **values: Any) -> Any:
        """Ask the gateway for something with the account's secret key."""
        response = requests.post(
            f'{self._gateway.url}/v1/{path}',
            data=values,
            headers={
                'Authorization': f'Bearer {self._gateway.secret_key}',
                'Stripe-Version': API_VERSION,
            },
            timeout=SECONDS_TO_ANSWER,
        )
        if not is_refusal_right:
            response.raise_for_status()
        return response.json()

    # === MESSAGES === #

    def _messages(self, way: str) -> None:
        """Have the gateway tell of what isn't ours, or somebody else tell of what is.

        What is paid at the gateway is told by its own messages, late, twice and in any order.
        """
        if way in {'unsigned', 'wrong_signature', 'old'}:
            self._forge_message(way)
            return
        charge = self._choose_charge()
        metadata = dict(charge.metadata)
        values = {'amount': charge.amount, 'currency': charge.currency}
        if way == 'other_database':
            metadata['odoo_database'] = OTHER_DATABASE
        elif way == 'no_database':
            metadata.pop('odoo_database', None)
        elif way == 'no_marks':
            metadata = {}
        elif way == 'other_amount':
            values['amount'] += self._numbers.choice([-1, 1, 1000])
        elif way == 'other_currency':
            values['currency'] = 'eur'
        self._make_payment(description=charge.description, metadata=metadata, **values)

    def _forge_message(self, way: str) -> None:
        webhooks = self._gateway.webhooks
        options: dict[str, Any] = {
            'unsigned': {'unsigned': True},
            'wrong_signature': {'secret': 'whsec_of_somebody_else'},
            'old': {'signed_at': int(self._gateway.clock.now()) - SECONDS_OF_AN_OLD_SIGNATURE},
        }[way]
        webhooks.resend(self._numbers.choice(webhooks.event_ids()), **options)

    # === TABS === #

    def _tabs(self, way: str) -> None:
        """Pay an order in several tabs, or while somebody changes it."""
        checkout = next(self._checkouts)
        first, second = self._open_tab(checkout), self._open_tab(checkout)
        if way == 'at_once':
            self._do_at_once(
                first.walk_through,
                lambda: second.walk_through(saves_card=self._numbers.random() < 0.5),
            )
        elif way == 'after_given_up':
            first.open()
            first.begin()
            second.open()
            second.begin(saves_card=True)
            self._do_at_once(first.pay, second.pay)
        elif way == 'twice':
            first.walk_through()
            first.pay()
            second.walk_through()
        elif way == 'after_a_decline':
            first.walk_through(card=DECLINED_CARD)
            self._do_at_once(first.pay, second.walk_through)
        else:
            first.open()
            first.begin()
            change = self._cancel_order if way == 'while_cancelled' else self._change_order
            self._do_at_once(first.pay, lambda: change(checkout['id']))
            second.walk_through()

    def _open_tab(self, checkout: Checkout) -> Tab:
        return Tab(self._world, self._gateway, self._server, checkout)

    def _do_at_once(self, *deeds: Callable[[], None]) -> None:
        """Do several things at once; some of them may be refused.

        :raise Refused: If all of them are.
        """
        with ThreadPoolExecutor(len(deeds)) as pool:
            futures = [pool.submit(deed) for deed in deeds]
        errors = [future.exception() for future in futures]
        for error in errors:
            if error and not isinstance(error, Refused):
                raise error
        if all(errors):
            raise Refused("Nothing of it was done.")

    def _cancel_order(self, order_id: int) -> None:
        self._get_clerk('billing').do('sale.order', 'action_cancel', [order_id])

    def _change_order(self, order_id: int) -> None:
        clerk = self._get_clerk('sales')
        lines = clerk.do('sale.order.line', 'search', [('order_id', '=', order_id)])
        clerk.do('sale.order.line', 'write', lines, {'price_unit': 99})

    # === WRITES === #

    def _get_clerk(self, role: str) -> Clerk:
        """Return somebody with a login."""
        if role not in self._clerks:
            clerk = Clerk(self._server)
            clerk.log_in(
                self._world['database'], self._world['logins'][role], self._world['password']
            )
            self._clerks[role] = clerk
        return self._clerks[role]

    def _writes(self, way: str) -> None:
        """Write by RPC what decides about money."""
        model, domain = WRITTEN[way]
        role = self._numbers.choice(sorted(self._world['logins']))
        clerk = self._get_clerk(role)
        found = clerk.do(model, 'search', domain, limit=SAMPLE, order='id desc')
        if not found:
            raise Refused("There is nothing to write.")
        record_id = self._numbers.choice(found)
        name = self._numbers.choice(self._world['guarded'][model])
        kinds = clerk.do(model, 'fields_get', [name], attributes=['type', 'selection'])
        value = self._choose_value(kinds[name]) if name in kinds else 1
        clerk.do(model, 'write', [record_id], {name: value})
        self.problems.append(f"{role} wrote {name} = {value!r} of {model} {record_id}")

    def _choose_value(self, field: dict[str, Any]) -> Any:
        """Return something that a field of some type takes."""
        if field['type'] == 'selection':
            return self._numbers.choice(field['selection'])[0]
        if field['type'] in {'one2many', 'many2many'}:
            return [(5,)]
        return {
            'many2one': 1,
            'boolean': self._numbers.random() < 0.5,
            'date': '2020-01-01',
            'datetime': '2020-01-01 00:00:00',
            'char': 'x',
            'text': 'x',
        }.get(field['type'], 1)

    # === INVOICES === #

    def _invoices(self, way: str) -> None:
        """Make invoices by hand, have them paid by hand, and pay back in Odoo's own ways."""
        if way == 'of_event':
            self._pay_invoice_of_event()
            return
        checkout = next(self._checkouts)
        tab = self._open_tab(checkout)
        if way == 'before_the_tab':
            self._invoice_and_pay(checkout['id'])
            tab.walk_through()
        elif way == 'beside_the_tab':
            self._do_at_once(tab.walk_through, lambda: self._invoice_and_pay(checkout['id']))
        elif way == 'after_the_tab':
            tab.walk_through()
            self._invoice_and_pay(checkout['id'])
        else:
            tab.walk_through()
            refund = self._refund_payment if way == 'refund_of_payment' else self._credit_invoice
            refund(checkout['id'])

    def _invoice_and_pay(self, order_id: int) -> None:
        """Confirm an order, invoice it, and register that it was paid in cash."""
        clerk = self._get_clerk('accounting')
        state = clerk.do('sale.order', 'read', [order_id], ['state'])[0]['state']
        if state in {'draft', 'sent'}:
            clerk.do('sale.order', 'action_confirm', [order_id])
        context = {'active_model': 'sale.order', 'active_ids': [order_id], 'active_id': order_id}
        wizard = clerk.do(
            'sale.advance.payment.inv',
            'create',
            {'advance_payment_method': 'delivered', 'sale_order_ids': [(6, 0, [order_id])]},
            context=context,
        )
        clerk.do('sale.advance.payment.inv', 'create_invoices', [wizard], context=context)
        order = clerk.do('sale.order', 'read', [order_id], ['invoice_ids'])[0]
        self._register_payment(clerk, order['invoice_ids'])

    def _register_payment(self, clerk: Clerk, invoice_ids: list[int]) -> None:
        drafts = clerk.do(
            'account.move', 'search', [('id', 'in', invoice_ids), ('state', '=', 'draft')]
        )
        if drafts:
            clerk.do('account.move', 'action_post', drafts)
        context = {'active_model': 'account.move', 'active_ids': invoice_ids}
        wizard = clerk.do('account.payment.register', 'create', {}, context=context)
        clerk.do('account.payment.register', 'action_create_payments', [wizard], context=context)

    def _pay_invoice_of_event(self) -> None:
        """Post the invoice that a run has prepared, and register that it was paid in cash."""
        clerk = self._get_clerk('accounting')
        drafts = clerk.do(
            'account.move',
            'search',
            [('billing_order_id', '!=', False), ('state', '=', 'draft')],
            limit=SAMPLE,
        )
        if not drafts:
            raise Refused("No invoice is prepared.")
        self._register_payment(clerk, [self._numbers.choice(drafts)])

    def _refund_payment(self, order_id: int) -> None:
        clerk = self._get_clerk('accounting')
        attempts = clerk.do(
            'payment.transaction',
            'search_read',
            [('billing_order_id', '=', order_id), ('state', '=', 'done')],
            ['payment_id'],
        )
        for attempt in attempts:
            self._do_at_once(
                lambda attempt=attempt: clerk.do(
                    'payment.transaction', 'action_refund', [attempt['id']], 5
                ),
                lambda attempt=attempt: self._refund_by_dialog(clerk, attempt['payment_id'][0]),
            )

    def _refund_by_dialog(self, clerk: Clerk, payment_id: int) -> None:
        """Pay back with the dialog of Odoo's own payments."""
        wizard = clerk.do(
            'payment.refund.wizard',
            'create',
            {'payment_id': payment_id, 'amount_to_refund': 7},
            context={'active_model': 'account.payment', 'active_id': payment_id},
        )
        clerk.do('payment.refund.wizard', 'action_refund', [wizard])

    def _credit_invoice(self, order_id: int) -> None:
        """Credit the invoice of an order with the dialog of Odoo's own invoices."""
        clerk = self._get_clerk('accounting')
        order = clerk.do('sale.order', 'read', [order_id], ['invoice_ids'])[0]
        invoices = order['invoice_ids'][:1]
        wizard = clerk.do(
            'account.move.reversal',
            'create',
            {'journal_id': False, 'reason': "Goodwill", 'move_ids': [(6, 0, invoices)]},
            context={'active_model': 'account.move', 'active_ids': invoices},
        )
        action = clerk.do('account.move.reversal', 'refund_moves', [wizard])
        clerk.do('account.move', 'action_post', [action['res_id']])
