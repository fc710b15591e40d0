from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

from freezegun import freeze_time

from odoo.addons.billpro_portal.tests.common.gateway import DUE
from odoo.addons.billpro_portal.tests.common.subscription import SubscriptionCommon

from . import server

APPROVED = 'approved'


class OtherProviderCommon(SubscriptionCommon):
    """Subscriptions whose cards another provider answers for, as it documents it."""

    code = ''
    api_class = None
    provider_values = {}
    token_values = {}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.api = cls.api_class()
        cls.api.currency = cls.company.currency_id.name
        cls.addClassCleanup(cls.api.stop)
        cls.provider = cls.env.ref(f'payment.payment_provider_{cls.code}').copy(
            {'company_id': cls.company.id}
        )
        cls.payment_method = cls.env.ref('payment.payment_method_card')
        if 'mercado_pago_account_country_id' in cls.provider._fields:
            cls.provider.mercado_pago_account_country_id = cls.env.ref('base.ar')
        cls.provider.write(
            {
                **cls.provider_values,
                'state': 'test',
                'is_published': True,
                'allow_tokenization': True,
            }
        )

    def setUp(self):
        super().setUp()
        self.api.reset()

    @classmethod
    def _request_handler(cls, s, r, /, **kw):
        """Override: what is sent to the provider reaches the server of the tests."""
        url = urlsplit(r.url)
        if (url.hostname or '').endswith(cls.api_class.host):
            r.url = urlunsplit(url._replace(scheme='http', netloc=cls.api.get_url()))
        return super()._request_handler(s, r, **kw)

    @classmethod
    def _create_token(cls, state=APPROVED, partner=None):
        card = APPROVED if state == 'done' else state
        return cls.env['payment.token'].create(
            {
                'provider_id': cls.provider.id,
                'payment_method_id': cls.payment_method.id,
                'partner_id': (partner or cls.customer).id,
                'provider_ref': cls._get_token_reference(card),
                'payment_details': '4242',
                **cls.token_values,
            }
        )

    @classmethod
    def _get_token_reference(cls, card):
        return card

    @classmethod
    def _create_active_order(cls, *lines, state='done', **terms):
        with freeze_time(DUE - timedelta(days=31)):
            order = cls._create_order(*(lines or [(cls.gym, 1)]))
            tx = cls._create_initial_transaction(order, token_id=cls._create_token(state).id)
            tx._set_done()
            tx._post_process()
        return order

    def _run_at(self, **delay):
        with freeze_time(DUE + timedelta(**delay)):
            self._run()


class AdyenCommon(OtherProviderCommon):
    """Adyen; its messages are what its controller makes of them."""

    code = 'adyen'
    api_class = server.AdyenApi
    provider_values = {
        'adyen_merchant_account': 'Aurora',
        'adyen_api_key': 'key',
        'adyen_client_key': 'client',
        'adyen_hmac_key': '00',
        'adyen_api_url_prefix': 'prefix-aurora',
    }
    token_values = {'adyen_shopper_reference': 'ODOO_PARTNER_1'}
    events = {
        'refunds': ('REFUND', 'Authorised'),
        'captures': ('CAPTURE', 'Authorised'),
        'cancels': ('CANCELLATION', 'Cancelled'),
    }

    def _deliver(self, tx, result=None, number=None):
        """Process the message about a change, which Adyen sends a while after it was received."""
        number = number or tx.provider_reference
        change, source, body = self.api.changes[number]
        event, good = self.events[change]
        message = {
            'eventCode': event,
            'success': 'true',
            'pspReference': number,
            'originalReference': source,
            'merchantReference': tx.reference,
            'amount': body.get('amount') or self.api.charges[source]['amount'],
            'resultCode': result or good,
            'paymentMethod': 'visa',
        }
        with freeze_time(DUE + timedelta(hours=1)):
            found = self.env['payment.transaction']._search_by_reference('adyen', message)
            found._process('adyen', message)
            (found | tx)._post_process()


class AuthorizeNetCommon(OtherProviderCommon):
    """Authorize.net."""

    code = 'authorize'
    api_class = server.AuthorizeNetApi
    provider_values = {
        'authorize_login': 'login',
        'authorize_transaction_key': 'key',
        'authorize_signature_key': 'key',
    }
    token_values = {'authorize_profile': '1234'}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.provider.available_currency_ids = cls.company.currency_id


class RazorpayCommon(OtherProviderCommon):
    """Razorpay."""

    code = 'razorpay'
    api_class = server.RazorpayApi
    provider_values = {'razorpay_key_id': 'rzp_test', 'razorpay_key_secret': 'secret'}

    @classmethod
    def _get_token_reference(cls, card):
        return f'cust_1,{card}'


class FlutterwaveCommon(OtherProviderCommon):
    """Flutterwave."""

    code = 'flutterwave'
    api_class = server.FlutterwaveApi
    provider_values = {
        'flutterwave_public_key': 'key',
        'flutterwave_secret_key': 'key',
        'flutterwave_webhook_secret': 'key',
    }
    token_values = {'flutterwave_customer_email': 'anna.peeters@customer.example.com'}


class WorldlineCommon(OtherProviderCommon):
    """Worldline."""

    code = 'worldline'
    api_class = server.WorldlineApi
    provider_values = {
        'worldline_pspid': 'aurora',
        'worldline_api_key': 'key',
        'worldline_api_secret': 'key',
        'worldline_webhook_key': 'key',
        'worldline_webhook_secret': 'key',
    }


class XenditCommon(OtherProviderCommon):
    """Xendit."""

    code = 'xendit'
    api_class = server.XenditApi
    provider_values = {
        'xendit_public_key': 'key',
        'xendit_secret_key': 'key',
        'xendit_webhook_token': 'key',
    }


class MercadoPagoCommon(OtherProviderCommon):
    """Mercado Pago."""

    code = 'mercado_pago'
    api_class = server.MercadoPagoApi
    provider_values = {
        'mercado_pago_access_token': 'token',
        'mercado_pago_public_key': 'key',
    }
    token_values = {'mercado_pago_customer_id': '1'}
