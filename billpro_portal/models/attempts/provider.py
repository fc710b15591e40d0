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

    @api.model
    def _get_authorization_days(self):
        """Return how long authorisations last, for the providers that tell.

        :return: The days by the provider's code.
        :rtype: dict[str, int]
        """
        names = self.env.registry.descendants([self._name], '_inherit')
        return {
            name.removeprefix(f'{self._name}.'): days
            for name in sorted(names)
            if (days := self.env[name]._authorization_days)
        }

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
