from datetime import datetime, timedelta

from freezegun import freeze_time

from ...billing.stripe_messages import EVENT_TYPES
from .webhook import WebhookCommon

# When the subscription is bought.
BOUGHT = datetime(2027, 1, 2, 10)
GOOD, EMPTY, RETURNED = 'AT611904300234573201', 'AT981904300002222227', 'AT591904300235473203'


class DebitCommon(WebhookCommon):
    """Subscriptions that are paid by SEPA debit, as the fake gateway carries them out."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sepa = cls.env.ref('payment.payment_method_sepa_direct_debit')
        cls.sepa.active = True
        cls.provider.payment_method_ids |= cls.sepa

    def _begin(self, order, **values):
        """Choose SEPA debit at the checkout."""
        values = {'payment_method_id': self.sepa.id, 'tokenize': True, **values}
        tx = self._create_initial_transaction(order, **values)
        tx._get_processing_values()
        return tx

    def _activate(self, code):
        """Offer another payment method; return it."""
        method = self.env.ref(f'payment.payment_method_{code}')
        method.active = True
        self.provider.payment_method_ids |= method
        return method

    def _enter(self, tx, iban=GOOD):
        """Enter a bank account in the browser, and come back from Stripe."""
        self._confirm_in_browser(
            tx,
            **{
                'payment_method_data[type]': 'sepa_debit',
                'payment_method_data[sepa_debit][iban]': iban,
                'payment_method_data[billing_details][name]': "Anna Peeters",
                'payment_method_data[billing_details][email]': "anna@example.com",
            },
        )
        tx._billing_process_stripe_return(tx.provider_reference)

    def _confirm_in_browser(self, tx, **values):
        kind = 'setup_intents' if tx.operation == 'validation' else 'payment_intents'
        intent = self.gateway.find(kind.removesuffix('s'), tx.provider_reference)
        return self._post(
            f'{kind}/{intent["id"]}/confirm',
            key=self.gateway.publishable_key,
            client_secret=intent['client_secret'],
            return_url='https://example.com',
            **values,
        )

    def _buy(self, iban=GOOD):
        """Buy a subscription by SEPA debit, and let the money arrive."""
        with freeze_time(BOUGHT):
            order = self._create_order((self.gym, 1), currency='EUR')
            tx = self._begin(order)
            self._enter(tx, iban)
        self._let_days_pass(BOUGHT + timedelta(days=8))
        return order

    def _let_days_pass(self, moment):
        """Let the gateway decide what is due until then, and tell of it."""
        with freeze_time(moment):
            known = {event['id'] for event in self.gateway.find_all('event')}
            self.gateway.advance(0)
            self._tell_since(known)

    def _tell_since(self, known):
        """Deliver and process what has happened at the gateway since then."""
        messages = [
            one
            for one in self.gateway.find_all('event')[::-1]
            if one['id'] not in known and one['type'] in EVENT_TYPES
        ]
        self._deliver_all(messages)
        self._process()
        self.env.invalidate_all()

    def _return_at(self, moment, tx, reason):
        """Let the bank take back what was paid."""
        with freeze_time(moment):
            known = {event['id'] for event in self.gateway.find_all('event')}
            self.gateway.return_debit(tx.provider_reference, reason=reason)
            self._tell_since(known)

    def _run_until(self, moment):
        with freeze_time(moment):
            self._run()
