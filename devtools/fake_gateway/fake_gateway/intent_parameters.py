"""Parameters and rules that payment intents and setup intents have in common."""

from __future__ import annotations

from fake_gateway import api_versions, bank_accounts
from fake_gateway.errors import InvalidParameter, InvalidRequest
from fake_gateway.parameters import Array, Boolean, Choice, Fields, Hash
from fake_gateway.records import Record, Values
from fake_gateway.store import Session

# Of these only those in `bank_accounts.TYPES` can be used here; the others can be named.
PAYMENT_METHOD_TYPES = (
    'acss_debit', 'affirm', 'afterpay_clearpay', 'alipay', 'amazon_pay', 'au_becs_debit',
    'bacs_debit', 'bancontact', 'blik', 'boleto', 'card', 'cashapp', 'customer_balance', 'eps',
    'fpx', 'giropay', 'grabpay', 'ideal', 'klarna', 'konbini', 'link', 'mobilepay', 'oxxo',
    'p24', 'paynow', 'paypal', 'pix', 'promptpay', 'revolut_pay', 'sepa_debit', 'sofort',
    'swish', 'twint', 'us_bank_account', 'wechat_pay', 'zip',
)  # fmt: skip
TYPES = Array(item=Choice(choices=PAYMENT_METHOD_TYPES))
METHOD_FIELDS: Fields = {
    'payment_method_types': TYPES,
    'allowed_payment_method_types': Array(
        since=api_versions.ALLOWED_PAYMENT_METHOD_TYPES,
        item=Choice(choices=PAYMENT_METHOD_TYPES),
    ),
    'automatic_payment_methods': Hash(
        fields={
            'enabled': Boolean(required=True),
            'allow_redirects': Choice(choices=('always', 'never')),
        }
    ),
}
THREE_D_SECURE = Choice(choices=('any', 'automatic', 'challenge'))


def methods(session: Session, values: Values) -> Record:
    """Return which payment methods a new intent takes.

    :param Session session: What is known.
    :param dict values: The request's parameters.
    :return: `payment_method_types` and `automatic_payment_methods`.
    :rtype: dict
    :raise InvalidRequest: If the parameters contradict each other.
    """
    check_types_allowed(session, values)
    given = [name for name in METHOD_FIELDS if values.get(name)]
    if len(given) > 1:
        raise InvalidRequest(
            f"You may only specify one of these parameters: {', '.join(given)}.", param=given[0]
        )
    if values.get('payment_method_types'):
        return {
            'payment_method_types': values['payment_method_types'],
            'automatic_payment_methods': None,
        }
    if values.get('allowed_payment_method_types'):
        usable = [
            kind for kind in values['allowed_payment_method_types'] if kind in bank_accounts.TYPES
        ]
        if not usable:
            raise InvalidRequest(
                "None of the allowed payment method types can be used.",
                param='allowed_payment_method_types',
            )
        return {'payment_method_types': usable, 'automatic_payment_methods': None}
    automatic = values.get('automatic_payment_methods')
    if automatic is None:
        automatic = {'enabled': session.caller.version >= api_versions.AUTOMATIC_PAYMENT_METHODS}
    if not automatic['enabled']:
        return {'payment_method_types': ['card'], 'automatic_payment_methods': None}
    return {
        'payment_method_types': ['card', 'link'],
        'automatic_payment_methods': {'allow_redirects': 'always', **automatic},
    }


def check_types_allowed(session: Session, values: Values) -> None:
    """Check that the API version still takes `payment_method_types`.

    :param Session session: What is known.
    :param dict values: The request's parameters.
    :raise InvalidParameter: If it doesn't.
    """
    if (
        'payment_method_types' in values
        and session.caller.version >= api_versions.WITHOUT_PAYMENT_METHOD_TYPES
    ):
        raise InvalidParameter(
            "The parameter payment_method_types is no longer supported.",
            code='payment_method_types_no_longer_supported',
            param='payment_method_types',
        )


def check_return_url(intent: Record, values: Values) -> None:
    """Check that a customer whom a payment method may send away can come back.

    :param dict intent: The intent to confirm.
    :param dict values: The request's parameters.
    :raise InvalidRequest: If a `return_url` is missing.
    """
    automatic = intent['automatic_payment_methods']
    if automatic and automatic['allow_redirects'] == 'always' and not values.get('return_url'):
        raise InvalidRequest(
            "This intent is configured to accept payment methods enabled in your Dashboard."
            " Because some of these payment methods might redirect your customer off of your"
            " page, you must provide a `return_url`. If you don't want to accept redirect-based"
            " payment methods, set `automatic_payment_methods[enabled]` to `true` and"
            " `automatic_payment_methods[allow_redirects]` to `never`.",
            param='return_url',
        )


def check_takes(intent: Record, method: Record) -> None:
    """Check that an intent can be paid by a payment method.

    :param dict intent: The intent.
    :param dict method: The payment method.
    :raise InvalidRequest: If it can't.
    """
    if method['type'] not in intent['payment_method_types']:
        raise InvalidRequest(
            f"The PaymentMethod provided ({method['type']}) is not allowed for this intent. Please"
            " attach a PaymentMethod of one of these types:"
            f" {', '.join(intent['payment_method_types'])}.",
            param='payment_method',
        )


def check_client_secret(session: Session, intent: Record, values: Values) -> None:
    """Check that the browser, which has no secret key, knows the intent's own secret.

    :param Session session: Who asks.
    :param dict intent: The intent.
    :param dict values: The request's parameters.
    :raise InvalidRequest: If it doesn't.
    """
    secret = values.get('client_secret')
    if (session.caller.is_publishable or secret) and secret != intent['client_secret']:
        raise InvalidRequest(
            "The client_secret provided does not match any associated intent on this account.",
            404,
            code='resource_missing',
            param='client_secret',
        )


def authentication_action(session: Session, intent: Record, values: Values) -> Record:
    """Return what the customer has to do to authenticate.

    :param Session session: Who asks.
    :param dict intent: The intent.
    :param dict values: The request's parameters `return_url` and `use_stripe_sdk`.
    :return: The field `next_action`.
    :rtype: dict
    """
    url = f'{session.caller.base_url}/3d_secure/{intent["id"]}'
    url += f'?client_secret={intent["client_secret"]}'
    if values.get('return_url') and not values.get('use_stripe_sdk'):
        return {
            'type': 'redirect_to_url',
            'redirect_to_url': {'url': url, 'return_url': values['return_url']},
        }
    return {
        'type': 'use_stripe_sdk',
        'use_stripe_sdk': {'type': 'three_d_secure_redirect', 'stripe_js': url},
    }
