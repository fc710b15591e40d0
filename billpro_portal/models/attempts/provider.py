from odoo import api, models


class BillproProvider(models.AbstractModel):
    """What the billing of orders asks about a provider, answered for those it knows nothing of.

    Another addon answers for a provider by adding a model `billpro.provider.<code>` that inherits
    this one and overrides what differs.
    """

    _name = 'billpro.provider'
    _description = "Provider in the Billing of Orders"

    # Requests that are answered with the first one's result when they are repeated for the same
    # transaction, by `payment.transaction.operation`; captures and voids are `capture` and `void`.
    _repeatable_operations = frozenset()
    # Whether a begun payment that is asked for once more is the same payment. Others make one of
    # each request, and of all but the last one the transaction knows nothing more.
    _resumes_payments = False
    # Whether it releases by itself what a capture leaves; others are captured in whole.
    _captures_in_part = False
    # Whether it can be told, payment by payment, to collect at once.
    _collects_at_once = False
    # How long an authorisation lasts, in days; 0 if that isn't known.
    _authorization_days = 0
    # For how many hours after a request was first sent the provider knows it again by its key. No
    # deadline to choose: later it would be executed once more.
    _key_hours = 0
    # After how many hours that `_look_up` finds nothing proves that nothing was executed: nothing
    # can arrive under the key any more, and a search that lags has learned of it.
    _search_hours = 0
    # Whether what a customer has begun stays at the provider under its number, where it can be
    # finished later, asked about and ended.
    _keeps_begun_payments = False

    @api.model
    def _get_authorization_days(self):
        """Return how long authorisations last, for the providers that tell.

        :return: The days by the provider's code.
        :rtype: dict[str, int]
        """
        return {
            code: provider._authorization_days
            for code, provider in self._get_providers().items()
            if provider._authorization_days
        }

    @api.model
    def _get_keeping_codes(self):
        """Return the codes of the providers that keep what a customer has begun.

        :rtype: list[str]
        """
        providers = self._get_providers().items()
        return [code for code, provider in providers if provider._keeps_begun_payments]

    @api.model
    def _get_providers(self):
        """Return the models of the providers that something is known of, by their codes.

        :rtype: dict[str, billpro.provider]
        """
        names = self.env.registry.descendants([self._name], '_inherit') - {self._name}
        return {name.removeprefix(f'{self._name}.'): self.env[name] for name in sorted(names)}

    @api.model
    def _prepare_request(self, tx, method, endpoint, request):
        """Complete a request about a payment of an order before it is sent.

        :param payment.transaction tx: The transaction.
        :param str method: The HTTP method.
        :param str endpoint: The path of the request.
        :param dict request: Its other arguments; they are changed.
        :raise ValidationError: If it must not be sent.
        """

    @api.model
    def _end(self, tx):
        """End what a customer has begun, so that nobody can finish it; take in what was finished.

        :param payment.transaction tx: The transaction that was begun.
        :return: Whether it has ended without being paid.
        :rtype: bool
        """
        return not tx._is_at_payment_page()

    @api.model
    def _is_open(self, tx):
        """Return whether what a customer has begun can be gone on with.

        :param payment.transaction tx: The transaction, which has the provider's number.
        :rtype: bool
        """
        return True

    @api.model
    def _take_in_finished(self, tx):
        """Take in what became of a payment whose customer didn't come back, if it is finished.

        Asked of providers that keep what was begun.

        :param payment.transaction tx: The transaction, which has the provider's number.
        """

    @api.model
    def _look_up(self, tx):
        """Look a lost request up at the provider, and take in what became of it.

        :param payment.transaction tx: The transaction that was requested.
        :return: Whether the provider has it; None if that can't be learned.
        :rtype: bool|None
        """
        return

    @api.model
    def _extract_error(self, error):
        """Return what the provider says about a request that it refused.

        :param Exception|None error: What the request raised.
        :return: The codes, named as Stripe names them (Stripe API reference, "Errors"); empty if
                 the provider doesn't say any.
        :rtype: dict
        """
        return {}

    @api.model
    def _find_refusal(self, error):
        """Return what a refusal is about that no card is to blame for.

        :param Exception|None error: What the request raised.
        :return: A value of `payment.transaction.billing_refusal`; None if it isn't one, or nothing
                 is known of it.
        :rtype: str|None
        """
        return

    @api.model
    def _find_amount_refusal(self, amount, currency):
        """Return why the provider takes no payment of an amount, as far as that is known.

        :param float amount: The amount.
        :param res.currency currency: Its currency.
        :return: The reason, as a sentence for staff; None if nothing is known against it.
        :rtype: str|None
        """
        return
