"""The routes of Stripe's API, and how a request to them is answered."""

from __future__ import annotations

import base64
import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from fake_gateway import (
    api_versions,
    apple_pay_domains,
    balance_transactions,
    charges,
    customers,
    disputes,
    events,
    files,
    idempotency,
    mandates,
    parameters,
    payment_intents,
    payment_methods,
    payouts,
    refunds,
    rendering,
    search,
    setup_intents,
    webhook_endpoints,
)
from fake_gateway.errors import ApiError, NotExecuted
from fake_gateway.faults import Fault, Faults
from fake_gateway.parameters import EXPAND, Fields, RawParameters
from fake_gateway.records import Record, Values
from fake_gateway.store import Caller, Session, Store, new_token


@dataclass
class Request:
    """A request to the API, as it came."""

    method: str
    path: str
    parameters: RawParameters
    headers: dict[str, str]
    base_url: str


@dataclass
class Answer:
    """An answer of the API."""

    status: int
    body: Record
    headers: dict[str, str]


class ConnectionDropped(Exception):
    """The connection is to be closed without an answer."""


@dataclass(frozen=True)
class Route:
    """What is done at a path; `for_browsers` means that a publishable key is enough."""

    method: str
    path: str
    function: Callable[..., Record]
    fields: Fields
    for_browsers: bool = False

    def match(self, method: str, path: str) -> dict[str, str] | None:
        """Return the ids in a path, or None if the route is another one.

        :param str method: The HTTP method.
        :param str path: The path, without `/v1/`.
        :rtype: dict | None
        """
        pattern = re.sub(r"<(\w+)>", r"(?P<\1>\\w+)", self.path)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return found.groupdict() if found else None


def _resource(
    path: str, name: str, module: ModuleType, *, update: bool = False, delete: bool = False
) -> list[Route]:
    """Return the routes that most kinds of objects have."""
    routes = [
        Route('GET', path, module.list_all, module.LIST_FIELDS),
        Route('GET', f'{path}/<{name}>', module.retrieve, EXPAND),
    ]
    if update:
        fields = module.UPDATE_FIELDS
        routes.append(Route('POST', f'{path}/<{name}>', module.update, fields))
    if delete:
        routes.append(Route('DELETE', f'{path}/<{name}>', module.delete, {}))
    return routes


def _intent_routes(path: str, name: str, module: ModuleType) -> list[Route]:
    """Return the routes of payment intents or setup intents that a browser uses too."""
    return [
        Route('GET', path, module.list_all, module.LIST_FIELDS),
        Route('POST', path, module.create, module.CREATE_FIELDS),
        Route('POST', f'{path}/<{name}>/confirm', module.confirm, module.CONFIRM_FIELDS, True),
        Route('POST', f'{path}/<{name}>/cancel', module.cancel, module.CANCEL_FIELDS),
        Route('GET', f'{path}/<{name}>', module.retrieve, module.RETRIEVE_FIELDS, True),
    ]


ROUTES = [
    Route('POST', 'customers', customers.create, customers.FIELDS),
    *_resource('customers', 'customer', customers, delete=True),
    Route('POST', 'customers/<customer>', customers.update, customers.FIELDS),
    Route(
        'GET',
        'customers/<customer>/payment_methods',
        payment_methods.list_of_customer,
        payment_methods.OF_CUSTOMER_LIST_FIELDS,
    ),
    Route('POST', 'payment_methods', payment_methods.create, payment_methods.CREATE_FIELDS, True),
    *_resource('payment_methods', 'payment_method', payment_methods, update=True),
    Route(
        'POST',
        'payment_methods/<payment_method>/attach',
        payment_methods.attach,
        payment_methods.ATTACH_FIELDS,
    ),
    Route('POST', 'payment_methods/<payment_method>/detach', payment_methods.detach, EXPAND),
    Route('GET', 'payment_intents/search', payment_intents.search_all, search.FIELDS),
    *_intent_routes('payment_intents', 'payment_intent', payment_intents),
    Route(
        'POST',
        'payment_intents/<payment_intent>',
        payment_intents.update,
        payment_intents.UPDATE_FIELDS,
    ),
    Route(
        'POST',
        'payment_intents/<payment_intent>/capture',
        payment_intents.capture,
        payment_intents.CAPTURE_FIELDS,
    ),
    *_intent_routes('setup_intents', 'setup_intent', setup_intents),
    Route('POST', 'refunds', refunds.create, refunds.CREATE_FIELDS),
    *_resource('refunds', 'refund', refunds, update=True),
    *_resource('charges', 'charge', charges),
    *_resource('disputes', 'dispute', disputes, update=True),
    *_resource('balance_transactions', 'balance_transaction', balance_transactions),
    *_resource('payouts', 'payout', payouts),
    *_resource('events', 'event', events),
    Route('POST', 'apple_pay/domains', apple_pay_domains.create, apple_pay_domains.CREATE_FIELDS),
    Route('POST', 'files', files.create, files.CREATE_FIELDS),
    Route('GET', 'mandates/<mandate>', mandates.retrieve, EXPAND),
    Route('POST', 'webhook_endpoints', webhook_endpoints.create, webhook_endpoints.CREATE_FIELDS),
    *_resource(
        'webhook_endpoints', 'webhook_endpoint', webhook_endpoints, update=True, delete=True
    ),
]


class Api:
    """Answers requests to the API."""

    def __init__(self, store: Store, faults: Faults) -> None:
        """Answer from a store.

        :param Store store: The objects.
        :param Faults faults: What is to go wrong.
        """
        self._store = store
        self._faults = faults
        self._keys = idempotency.IdempotencyKeys(store)

    def answer(self, request: Request) -> Answer:
        """Answer a request.

        :param Request request: The request.
        :rtype: Answer
        :raise ConnectionDropped: If a fault keeps the answer from the client.
        """
        fault = self._faults.take(request.method, request.path, request.parameters)
        kind = fault.kind if fault else ''
        request_id = f'req_{new_token(14)}'
        headers = {'Request-Id': request_id}
        try:
            if fault and kind == 'rate_limit':
                self._hold(fault)
                raise rate_limit_error()
            status, body, replayed = self._execute(request, request_id, fault)
            if replayed:
                headers['Idempotent-Replayed'] = 'true'
        except ApiError as error:
            status, body = error.status, error.body()
        if fault and kind.endswith('_after'):
            self._hold(fault)
        if kind == 'drop_after':
            raise ConnectionDropped
        if status in {409, 429}:
            headers['Stripe-Should-Retry'] = 'true'
        return Answer(status, body, headers)

    def _hold(self, fault: Fault) -> None:
        """Wait as long as a fault says."""
        if fault.seconds:
            self._faults.hold(fault.seconds)

    def _execute(
        self, request: Request, request_id: str, fault: Fault | None
    ) -> tuple[int, Record, bool]:
        """Do what a request asks for, unless it was done before.

        :return: The HTTP status, the body, and whether the answer was stored before.
        :rtype: tuple[int, dict, bool]
        """
        caller = self._caller(request, request_id)
        values = {name: v for name, v in request.parameters.items() if name != 'key'}
        route, ids = _find_route(request, caller)
        key = caller.idempotency_key
        with self._keys.using(key):
            if fault and fault.kind.endswith('_before'):
                self._hold(fault)
                if fault.kind == 'drop_before':
                    raise ConnectionDropped
                if fault.kind == 'error_before':
                    raise internal_error()
            stored = self._keys.stored(key, request.path, values)
            if stored:
                return *stored, True
            cleaned = parameters.clean(route.fields, values, caller.version)
            with self._store.session(caller) as session:
                status, body = _run(session, route, cleaned, ids)
                if fault and fault.kind == 'error_after':
                    status, body = 500, internal_error().body()
                idempotency.store(session, request.path, values, status, body)
            return status, body, False

    def _caller(self, request: Request, request_id: str) -> Caller:
        """Return who asks.

        :raise NotExecuted: If the key is missing or of no use.
        """
        api_key = _api_key(request)
        if not api_key.startswith(('sk_test_', 'rk_test_', 'pk_test_')):
            raise NotExecuted(401, 'invalid_request_error', _key_problem(api_key))
        settings = self._store.settings
        if api_key in settings.revoked_keys:
            raise NotExecuted(
                401,
                'invalid_request_error',
                f"Expired API Key provided: {api_key[:8]}{'*' * 12}",
                code='api_key_expired',
            )
        if api_key.startswith('rk_') and not any(
            fnmatch.fnmatchcase(request.path, path) for path in settings.allowed_paths
        ):
            raise NotExecuted(
                403,
                'invalid_request_error',
                f"The provided key '{api_key[:8]}{'*' * 12}' does not have the required permissions"
                " for this endpoint.",
            )
        version = request.headers.get('stripe-version') or api_versions.ACCOUNT_DEFAULT
        return Caller(
            version=api_versions.check(version),
            is_publishable=api_key.startswith('pk_'),
            idempotency_key=(
                request.headers.get('idempotency-key') if request.method == 'POST' else None
            ),
            request_id=request_id,
            base_url=request.base_url,
        )


def _api_key(request: Request) -> str:
    """Return the key that a request brings along."""
    scheme, _space, credentials = request.headers.get('authorization', '').partition(' ')
    if scheme.lower() == 'bearer':
        return credentials.strip()
    if scheme.lower() == 'basic':
        return base64.b64decode(credentials).decode().partition(':')[0]
    key = request.parameters.get('key', '')
    return key if isinstance(key, str) and key.startswith('pk_') else ''


def _key_problem(api_key: str) -> str:
    """Return what is wrong with a key, without telling the key."""
    if not api_key:
        return (
            "You did not provide an API key. You need to provide your API key in the"
            " Authorization header, using Bearer auth (e.g. 'Authorization: Bearer"
            " YOUR_SECRET_KEY')."
        )
    return f"Invalid API Key provided: {api_key[:8]}{'*' * 12}"


def _find_route(request: Request, caller: Caller) -> tuple[Route, dict[str, str]]:
    """Return the route of a request, and the ids in its path."""
    path = request.path.removeprefix('/v1/')
    for route in ROUTES:
        ids = route.match(request.method, path)
        if ids is not None:
            if caller.is_publishable and not route.for_browsers:
                raise NotExecuted(
                    401,
                    'invalid_request_error',
                    "This API call cannot be made with a publishable API key. Please use a secret"
                    " API key.",
                    code='secret_key_required',
                )
            return route, ids
    raise NotExecuted(
        404,
        'invalid_request_error',
        f"Unrecognized request URL ({request.method}: {request.path}).",
    )


def _run(session: Session, route: Route, values: Values, ids: dict[str, str]) -> tuple[int, Record]:
    """Do what a request asks for.

    :return: The HTTP status and the body.
    :rtype: tuple[int, dict]
    """
    try:
        record = route.function(session, values, **ids)
        shown = rendering.render(session, record, session.caller.version)
        return 200, rendering.expand(session, shown, values.get('expand'))
    except ApiError as error:
        if not error.keeps_changes:
            session.discard()
        return error.status, error.body()


def rate_limit_error() -> NotExecuted:
    """Return the error of a client that asks too often.

    :rtype: NotExecuted
    """
    return NotExecuted(
        429,
        'invalid_request_error',
        "Request rate limit exceeded. Learn more here https://stripe.com/docs/rate-limits",
        code='rate_limit',
    )


def internal_error() -> NotExecuted:
    """Return the error of a gateway that is out of order.

    :rtype: NotExecuted
    """
    return NotExecuted(
        500,
        'api_error',
        "An unknown error occurred. Please contact us if the problem persists.",
    )
