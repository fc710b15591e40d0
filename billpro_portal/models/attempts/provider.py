import requests

from odoo import api, models
from odoo.exceptions import ValidationError

from ...billing import http_errors
from ...billing.decline_reasons import DeclineReason
from ...billing.declines import SOFT
from ...billing.request_outcomes import DECLINED, classify_failed_request
from ..lifecycle.kinds import find_kinds
from ..rights.own_context import INSIDE


class BillproProvider(models.AbstractModel):
    """What the billing of orders asks about a provider, answered for those it knows nothing of.

    Another addon answers for a provider by adding a model `billpro.provider.<code>` that inherits
    this one and overrides what differs; the core names no provider. What Odoo's own payment methods
    ask (`_send_payment_request`, `_send_refund_request`, `_send_capture_request`,
    `_send_void_request`, `_apply_updates`) is answered there: a provider whose captures need a key,
    for instance, extends these.

    *What an answer may be.* Whatever is asked here either tells what the provider has said, or
    that nothing is known: None or False. Nothing is guessed, nothing is taken for a decline that
    the provider didn't call one, and no method raises because the provider doesn't answer. Outcomes
    are taken in by `payment.transaction._process` alone, which refuses what is of another payment.
    The caller holds the locks of order and transaction, and commits.

    `tests/common/provider_contract.py` holds each provider's model to it.
    """

    _name = 'billpro.provider'
    _description = "Provider in the Billing of Orders"

    # Requests that are answered with the first one's result when they are repeated for the same
    # transaction, by `payment.transaction.operation`; captures and voids are `capture` and `void`.
    _repeatable_operations = frozenset()
    # For how many hours after a request was first sent the provider knows it again by its key. No
    # deadline to choose: later it would be executed once more.
    _key_hours = 0
    # After how many hours that `_look_up` finds nothing proves that nothing was executed: nothing
    # can arrive under the key any more, and a search that lags has learned of it.
    _search_hours = 0
    # Whether `_fetch_outcome` asks it, or only answers that there is no answer.
    _tells_outcomes = False
    # Whether `_look_up` finds a request without its number, by the reference.
    _finds_requests = False
    # Whether `_find_mismatch` knows a payment from any other one, also from those that Odoo's own
    # links and invoices begin.
    _tells_payments_apart = False
    # Whether a begun payment that is asked for once more is the same payment. Others make one of
    # each request, and of all but the last one the transaction knows nothing more.
    _resumes_payments = False
    # Whether what a customer has begun stays at the provider under its number, where it can be
    # finished later, asked about and ended.
    _keeps_begun_payments = False
    # Whether it can be told, payment by payment, to collect at once.
    _collects_at_once = False
    # Whether it releases by itself what a capture leaves; others are captured in whole.
    _captures_in_part = False
    # Whether an authorised payment can be released before it ends by itself.
    _releases = True
    # Whether Odoo's requests name the payment that is paid back, captured or released by the number
    # of the refund, capture or release itself.
    _children_lend_number = False
    # The paths of requests that only prepare a charge: no money has moved when one of them fails.
    _preparing_endpoints = frozenset()
    # How long an authorisation lasts, in days; 0 if that isn't known.
    _authorization_days = 0
    # Whether what is pending is a transfer that a person sees on the bank account: nobody can ask.
    _awaits_transfer = False
    # The codes of payment methods that it stores for later payments, besides those of which Odoo
    # says that they can be stored.
    _kept_methods = frozenset()
    # The fields of `payment.token` under which the provider charges a card.
    _token_fields = ('provider_ref',)

    # === WHO ANSWERS === #

    @api.model
    def _of(self, code):
        """Return what answers for a provider.

        :param str code: The provider's code.
        :return: An empty record of the provider's own model, else of the one for all.
        :rtype: billpro.provider
        """
        name = f'billpro.provider.{code}'
        return self.env[name if name in self.env else 'billpro.provider']

    @api.model
    def _get_providers(self):
        """Return the models of the providers that something is known of, by their codes.

        :rtype: dict[str, billpro.provider]
        """
        return {
            provider._name.removeprefix(f'{self._name}.'): provider for provider in find_kinds(self)
        }

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
    def _get_codes_of_transfers(self):
        """Return the codes of the providers whose money a person finds on the bank account.

        :rtype: list[str]
        """
        providers = self._get_providers().items()
        return [code for code, provider in providers if provider._awaits_transfer]

    @api.model
    def _get_keeping_codes(self):
        """Return the codes of the providers that keep what a customer has begun.

        :rtype: list[str]
        """
        providers = self._get_providers().items()
        return [code for code, provider in providers if provider._keeps_begun_payments]

    @api.model
    def _get_telling_codes(self):
        """Return the codes of the providers that can be asked what became of a payment.

        :rtype: list[str]
        """
        providers = self._get_providers().items()
        return [code for code, provider in providers if provider._tells_outcomes]

    # === TRANSFERS === #

    @api.model
    def _begin_transfer(self, tx):
        """Prepare what a customer is told who is to transfer the money.

        Asked of providers whose transfers are awaited, as is the rest here.

        :param payment.transaction tx: The transaction that waits for the money.
        :return: What the customer is to write on the transfer; False if that is the transaction's
                 own reference.
        :rtype: str|bool
        """
        return False

    @api.model
    def _get_transfer_instructions(self, tx):
        """Return how the money is to be transferred, in the present language.

        :param payment.transaction tx: The transaction that waits for the money.
        :return: Bank accounts and whatever else the company writes; False if it wrote nothing.
        :rtype: markupsafe.Markup|bool
        """
        return False

    @api.model
    def _get_transfer_qr_code(self, tx):
        """Return the transfer as a picture that banking apps read.

        :param payment.transaction tx: The transaction that waits for the money.
        :return: The picture as the address of an `img`; None if there is none.
        :rtype: str|None
        """
        return

    # === REQUESTS === #

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
    def _classify_failure(self, error):
        """Return what a failed request leaves of the payment.

        `DECLINED` needs proof: the provider has answered, and its answer is a refusal of this very
        payment. `NOT_ATTEMPTED` needs it, too: nothing was sent, or it was turned away unread.
        Everything else is `UNKNOWN`.

        :param Exception|None error: What the library that sends requests has raised; None if the
                                     request failed for a reason that nobody has told.
        :return: One of the outcomes in `billing/request_outcomes.py`.
        :rtype: str
        """
        return classify_failed_request(error)

    @api.model
    def _send_refund(self, tx):
        """Send a refund, and take in the answer, where Odoo's own method won't do.

        :param payment.transaction tx: The refund.
        :return: Whether it was sent here.
        :rtype: bool
        :raise ValidationError: If it fails.
        """
        return False

    @api.model
    def _find_error(self, tx, payment_data):
        """Return the failure that an ordinary answer is, for providers that answer so.

        :param payment.transaction tx: The transaction, whose request was sent from here.
        :param dict payment_data: The answer, as `_process` takes it.
        :return: What `_classify_failure` and its neighbours are asked about; None if it tells what
                 became of the transaction.
        :rtype: AnsweredError|None
        """
        return

    @api.model
    def _is_about_first_request(self, outcome, error):
        """Return whether a failure of a repeated request says what became of the first one.

        A decline does, where the provider answers under the same idempotency key. That the request
        was turned away, or can't be had by now, says nothing: keys or amounts may be others since.

        :param str outcome: What the failure leaves, as `_classify_failure` has it.
        :param Exception|None error: What the request raised.
        :rtype: bool
        """
        return outcome == DECLINED

    @api.model
    def _decline_of(self, error):
        """Return what the provider says about a request that it has declined.

        :param Exception|None error: What the request raised, classified as `DECLINED`.
        :return: The decline; None if the provider gives no reason.
        :rtype: Decline|None
        """
        return

    # === WHAT IS REPORTED === #

    @api.model
    def _find_mismatch(self, tx, payment_data):
        """Return why what is reported is of another payment than the transaction's.

        Amounts that Odoo can read are compared besides, for all providers.

        :param payment.transaction tx: The transaction.
        :param dict payment_data: What is reported, as `_process` takes it, from anywhere.
        :return: The reason; None if it is of this one, or if that can't be told.
        :rtype: str|None
        """
        return

    @api.model
    def _find_without_number(self, payment_data):
        """Return the transaction of ours that a message is about, where Odoo knows it by number.

        It has none if the answer to its request was lost: Odoo would make another one.

        :param dict payment_data: What is reported.
        :return: The transaction; empty if Odoo finds it.
        :rtype: payment.transaction
        """
        return self.env['payment.transaction']

    @api.model
    def _get_number(self, tx, payment_data):
        """Return the provider's number of what is reported, by which it can be asked about.

        :param payment.transaction tx: The transaction.
        :param dict payment_data: What is reported, as `_process` takes it.
        :return: The number; None if there is none, or none that stays the same.
        :rtype: str|None
        """
        return

    @api.model
    def _correct_report(self, tx, payment_data):
        """Return what is reported of a payment of an order as it is meant.

        :param payment.transaction tx: The transaction.
        :param dict payment_data: What is reported, as `_process` takes it.
        :rtype: dict
        """
        return payment_data

    @api.model
    def _reported_decline_of(self, tx, payment_data):
        """Return the decline that is reported of a payment, for providers that give codes.

        :param payment.transaction tx: The transaction.
        :param dict payment_data: What is reported, as `_process` takes it.
        :return: The decline; None if none is reported, or the provider gives no codes.
        :rtype: Decline|None
        """
        return

    @api.model
    def _is_processing(self, payment_data):
        """Return whether the provider reports that it has a payment, which takes days.

        :param dict payment_data: What is reported, as `_process` takes it.
        :rtype: bool
        """
        return False

    @api.model
    def _capture_or_void_of(self, tx, payment_data):
        """Return how an authorised payment was settled, if the provider reports it of that payment.

        Others report it of the capture or release itself.

        :param payment.transaction tx: The payment that was authorised.
        :param dict payment_data: What is reported, as `_process` takes it.
        :return: What was captured or released; None if it reports something else.
        :rtype: CaptureOrVoid|None
        """
        return

    @api.model
    def _class_without_codes(self, tx):
        """Return what a decline means for the saved card if the provider gave no codes.

        :param payment.transaction tx: The transaction.
        :return: `SOFT`, `HARD` or `AUTHENTICATION`, see `billing/declines.py`.
        :rtype: str
        """
        return SOFT

    @api.model
    def _get_decline_reason(self, codes):
        """Return what to tell the customer about why a payment was declined.

        :param DeclineCodes codes: What the provider has said.
        :rtype: DeclineReason
        """
        return DeclineReason.UNKNOWN

    # === WHAT IT IS ASKED === #

    @api.model
    def _fetch_outcome(self, tx):
        """Ask what became of a payment whose number is known, and take it in. No money moves.

        :param payment.transaction tx: The transaction, which has the provider's number.
        :return: Whether there was an answer; never where the provider can't be asked.
        :rtype: bool
        """
        return False

    @api.model
    def _look_up(self, tx):
        """Look a lost request up at the provider, and take in what became of it. No money moves.

        Refunds and captures that take days are looked up as well.

        :param payment.transaction tx: The transaction that was requested.
        :return: Whether the provider has it; None if that can't be learned, or it has several.
                 False is proof only after `_search_hours`.
        :rtype: bool|None
        """
        return

    @api.model
    def _withdraw(self, tx):
        """Withdraw a payment that waits for the customer's bank, and take in what it is then.

        :param payment.transaction tx: The transaction, which has the provider's number.
        :return: Whether there was an answer; the state of the transaction says which.
        :rtype: bool
        """
        return False

    @api.model
    def _get_confirmation_values(self, tx):
        """Return what a browser needs to confirm a payment with the customer's bank.

        :param payment.transaction tx: The transaction, which has the provider's number.
        :return: The values for the script of the page; None if it can't be confirmed (any more).
        :rtype: dict|None
        """
        return

    @api.model
    def _ask(self, tx, endpoint, **request):
        """Send a request that moves no money, by Odoo's own method.

        :param payment.transaction tx: The transaction that it is about.
        :param str endpoint: The path of the request.
        :param request: Its other arguments.
        :return: The answer; None if there is none.
        :rtype: dict|None
        """
        quiet = tx.with_context(billing_moves_no_money=INSIDE)
        try:
            return quiet._send_api_request('GET', endpoint, **request)
        except (ValidationError, requests.exceptions.RequestException, LookupError, TypeError):
            return None

    # === WHAT CUSTOMERS HAVE BEGUN === #

    @api.model
    def _end(self, tx):
        """End what a customer has begun, so that nobody can finish it; take in what was finished.

        :param payment.transaction tx: The transaction that was begun.
        :return: Whether it has ended without being paid. No answer is no end.
        :rtype: bool
        """
        return not tx._billing_is_at_payment_page()

    @api.model
    def _is_open(self, tx):
        """Return whether what a customer has begun can be gone on with.

        :param payment.transaction tx: The transaction, which has the provider's number.
        :rtype: bool
        """
        return True

    @api.model
    def _process_finished(self, tx):
        """Take in what became of a payment whose customer didn't come back, if it is finished.

        Asked of providers that keep what was begun.

        :param payment.transaction tx: The transaction, which has the provider's number.
        :return: Whether there was an answer; never where the provider can't be asked.
        :rtype: bool
        """
        return False

    @api.model
    def _count_declines(self, txs):
        """Return how many cards were declined at payments that customers have begun.

        :param payment.transaction txs: The transactions, all of the provider.
        :return: The numbers, as far as they are known.
        :rtype: dict[payment.transaction, int]
        """
        return {}

    # === CARDS === #

    @api.model
    def _prepare_token_values(self, values):
        """Return what is known of a card from the values with which its token is created.

        :param dict values: The values.
        :return: Values of `payment.token`.
        :rtype: dict
        """
        return {}

    @api.model
    def _prepare_card_values(self, payment_data):
        """Return what is reported of the card that a payment or registration has stored.

        :param dict payment_data: What is reported, as `_process` takes it.
        :return: Values of `payment.token`: brand, digits, expiry, wallet and fingerprint, as far as
                 they are there.
        :rtype: dict
        """
        return {}

    @api.model
    def _fetch_mandate(self, token):
        """Ask for the mandate under which an account is debited. No money moves.

        :param payment.token token: The stored account.
        :return: Values of `payment.token`: `billing_mandate_reference` and, if the mandate names
                 it, `billing_mandate_creditor`; none if there is no answer.
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
        return http_errors.find_refusal(error, self._classify_failure(error))

    @api.model
    def _find_amount_refusal(self, amount, currency):
        """Return why the provider takes no payment of an amount, as far as that is known.

        :param float amount: The amount.
        :param res.currency currency: Its currency.
        :return: The reason, as a sentence for staff; None if nothing is known against it.
        :rtype: str|None
        """
        return

    @api.model
    def _get_smallest_amount(self, currency):
        """Return the smallest amount that the provider charges, as far as that is known.

        :param res.currency currency: The currency of the amount.
        :rtype: float
        """
        return 0.0

    @api.model
    def _get_step_of_amounts(self, currency):
        """Return what amounts must be multiples of, besides the currency's own smallest unit.

        :param res.currency currency: The currency of the amounts.
        :return: The step; 0 if there is none.
        :rtype: float
        """
        return 0.0
