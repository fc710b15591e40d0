from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from odoo.addons.payment.controllers.post_processing import PaymentPostProcessing

from ..billing import references
from ..billing.lifecycle import BEFORE_APPROVAL
from .confirmation import remember_browser
from .order_access import OrderAccess
from .order_route import order_route


class Checkout(OrderAccess):
    """The checkout: Odoo's payment form for the initial payment of an order."""

    def _billpro_render_checkout(self, order):
        """Return the checkout page.

        :param sale.order order: The order, in superuser mode.
        :rtype: odoo.http.Response
        """
        order._billing_follow_predecessor()
        values = {
            **order.env['billpro.checkout.page']._get_checkout_values(order),
            **self._billpro_get_payment_form_values(order),
        }
        values['consent']['checked'] = (
            request.session.get(f'billpro_consent_{order.id}') == order._billing_get_consent_key()
        )
        values['preview'] = values['preview'] or self._billpro_looks_on(order)
        values['changes'] = request.session.pop(f'billpro_changes_{order.id}', [])
        return self._billpro_render_private('billpro_portal.checkout_page', values)

    def _billpro_get_payment_form_values(self, order):
        """Return the context of Odoo's payment form for the order's initial payment.

        :param sale.order order: The order, in superuser mode.
        :rtype: dict
        """
        purchase = order._get_purchase()
        return {
            **self._billpro_get_form_values(
                order, order._billing_get_amount_asked(), purchase._requires_card(order)
            ),
            'transaction_route': f'/order/{order.id}/transaction',
            'landing_route': order._billing_get_order_link('/result'),
        }

    def _billpro_get_form_values(self, order, amount, requires_card):
        """Return what the context of Odoo's payment form has in common wherever it is shown.

        The payer is the order's customer, whoever has opened the link. Stored cards are offered to
        the customer's own login only: whoever was given the link may pay, but not with them.

        :param sale.order order: The order, in superuser mode.
        :param float amount: What is paid, in the currency of the order; 0 registers a card only.
        :param bool requires_card: Whether the card must be saved.
        :rtype: dict
        """
        is_validation = order.currency_id.is_zero(amount)
        partner = order.partner_invoice_id
        availability_report = {}
        context = {'sale_order_id': order.id, 'report': availability_report}
        providers_sudo = (
            request.env['payment.provider']
            .sudo()
            ._get_compatible_providers(
                order.company_id.id,
                partner.id,
                amount,
                currency_id=order.currency_id.id,
                force_tokenization=requires_card,
                is_validation=is_validation,
                **context,
            )
            .filtered(lambda provider: provider.is_published and provider._billing_can_pay_orders())
        )
        payment_methods_sudo = (
            request.env['payment.method']
            .sudo()
            ._get_compatible_payment_methods(
                providers_sudo.ids,
                partner.id,
                currency_id=order.currency_id.id,
                **context,
            )
            .filtered(
                lambda method: (
                    not requires_card
                    or method.provider_ids.filtered(lambda one: one in providers_sudo)[
                        :1
                    ]._billing_can_keep(method)
                )
            )
        )
        tokens_sudo = request.env['payment.token'].sudo()
        if not is_validation and self._billpro_is_customer(order):
            tokens_sudo = tokens_sudo._get_available_tokens(
                providers_sudo.ids, partner.id, sale_order_id=order.id
            ).filtered(lambda token: token.card_state != 'expired')
        return {
            'mode': 'validation' if is_validation else 'payment',
            'payment_form': bool(payment_methods_sudo or tokens_sudo),
            'amount': amount,
            'currency': order.currency_id,
            'partner_id': partner.id,
            'providers_sudo': providers_sudo,
            'payment_methods_sudo': payment_methods_sudo,
            'tokens_sudo': tokens_sudo,
            'availability_report': availability_report,
            'show_tokenize_input_mapping': self._compute_show_tokenize_input_mapping(
                providers_sudo, sale_order_id=order.id
            ),
            'access_token': order._portal_ensure_token(),
            'sale_order_id': order.id,
        }

    @order_route('/state', type='jsonrpc', by_customer=False)
    def billpro_order_state(self, order, shown=None):
        """Tell the checkout in an open tab whether the order can still be paid as it is shown.

        If it was changed, the page that is opened next says what.

        :param sale.order order: The order.
        :param str shown: What the page shows, see `sale.order._billing_get_shown`; None if it
                          offers no payment.
        :return: ``payable`` and ``pending`` (bools) and the ``url`` to go to if not payable.
        :rtype: dict
        :raise UserError: If the page has sent something else than what it showed.
        """
        payable = not order._billing_get_not_payable_reason()
        if payable and shown and (changes := order._billing_get_changes_since(shown)):
            request.session[f'billpro_changes_{order.id}'] = changes
            payable = False
        return {
            'payable': payable,
            'pending': bool(order._billing_get_payment_in_progress()),
            'url': order._billing_get_order_link(),
        }

    @order_route('/transaction', type='jsonrpc', by_customer=True, deed='pay')
    def billpro_order_transaction(
        self,
        order,
        provider_id,
        payment_method_id,
        token_id,
        flow,
        tokenization_requested,
        consent_version=None,
        shown=None,
        wants_start=False,
        **kwargs,
    ):
        """Begin the initial payment, or go on with the one that was begun.

        :param sale.order order: The order.
        :param int provider_id: The chosen provider.
        :param int|None payment_method_id: The chosen payment method, or None for a saved card.
        :param int|None token_id: The saved card, or None.
        :param str flow: `redirect`, `direct` or `token`.
        :param bool tokenization_requested: Whether the customer wants to save the card.
        :param str consent_version: The version of the text the customer agreed to.
        :param str shown: What the page showed, see `sale.order._billing_get_shown`.
        :param bool wants_start: Whether the service is to begin before the withdrawal period ends.
        :param dict kwargs: What else Odoo's payment form sends; amounts, routes and ids in it are
                            not used.
        :return: The values for processing the transaction.
        :rtype: dict
        :raise UserError: If the order can't be paid now, is not what the page showed, or the
                          consent is missing.
        """
        self._validate_transaction_kwargs(kwargs)
        order._lock_billing()
        if reason := order._billing_get_not_payable_reason():
            raise UserError(reason)
        order._billing_follow_predecessor()
        address = request.httprequest.remote_addr
        request.session[f'billpro_consent_{order.id}'] = order._billing_record_consent(
            consent_version, shown, address, bool(wants_start)
        )
        form_values = self._billpro_get_payment_form_values(order)
        self._billpro_check_payment_option(
            form_values, provider_id, payment_method_id, token_id, flow
        )
        provider_sudo = form_values['providers_sudo'].filtered(lambda p: p.id == provider_id)
        self._billpro_check_can_be_booked(order, provider_sudo)
        if tx_sudo := self._billpro_find_open_attempt(
            order, form_values, provider_sudo, payment_method_id, flow, tokenization_requested
        ):
            PaymentPostProcessing.monitor_transaction(tx_sudo)
            values = tx_sudo._get_processing_values()
            if tx_sudo.state in {'pending', 'authorized', 'done'}:
                self._billpro_refuse_while_under_way()
            return values
        if reason := order._billing_get_attempt_limit_reason(address):
            raise UserError(reason)
        self._billpro_give_up_attempts(order)
        attempt = len(order._billing_get_initial_attempts()) + 1
        is_validation = form_values['mode'] == 'validation'
        request.update_context(delay_token_charge=True)
        tx_sudo = self._create_transaction(
            provider_id=provider_id,
            payment_method_id=payment_method_id,
            token_id=token_id,
            amount=None if is_validation else form_values['amount'],
            currency_id=None if is_validation else order.currency_id.id,
            is_validation=is_validation,
            partner_id=form_values['partner_id'],
            flow=flow,
            tokenization_requested=tokenization_requested,
            landing_route=form_values['landing_route'],
            reference_prefix=references.initial_payment(order.name, attempt),
            sale_order_id=order.id,
            custom_create_values={
                'billing_order_id': order.id,
                'billing_ip_address': address,
                'tokenize': flow != 'token'
                and self._billpro_keeps_method(
                    order, form_values, provider_sudo, payment_method_id, tokenization_requested
                ),
            },
        )
        if flow == 'token':
            tx_sudo._billing_charge_initial_payment()
        return tx_sudo._get_processing_values()

    @staticmethod
    def _billpro_keeps_method(
        order, form_values, provider_sudo, payment_method_id, tokenization_requested
    ):
        """Return whether what the customer pays with is to be stored.

        :param sale.order order: The order, in superuser mode.
        :param dict form_values: The context of the payment form.
        :param payment.provider provider_sudo: The chosen provider.
        :param int payment_method_id: The chosen payment method.
        :param bool tokenization_requested: Whether the customer wants to save it.
        :rtype: bool
        """
        payment_method_sudo = form_values['payment_methods_sudo'].filtered(
            lambda pm: pm.id == payment_method_id
        )
        return bool(
            (tokenization_requested or order._get_purchase()._requires_card(order))
            and provider_sudo._billing_can_keep(payment_method_sudo)
        )

    @classmethod
    def _billpro_find_open_attempt(
        cls, order, form_values, provider_sudo, payment_method_id, flow, tokenization_requested
    ):
        """Return what was begun before in the same way, and can be gone on with.

        :param sale.order order: The order, in superuser mode, locked.
        :param dict form_values: The context of the payment form.
        :param payment.provider provider_sudo: The chosen provider.
        :param int payment_method_id: The chosen payment method.
        :param str flow: The chosen flow.
        :param bool tokenization_requested: Whether the customer wants to save the card.
        :return: The attempt; nothing if another one is to be begun.
        :rtype: payment.transaction|None
        """
        if flow == 'token':
            return None
        tokenize = cls._billpro_keeps_method(
            order, form_values, provider_sudo, payment_method_id, tokenization_requested
        )
        for tx in order._billing_get_initial_attempts():
            if (
                tx._is_billing_reusable(
                    provider_sudo.id,
                    payment_method_id,
                    flow,
                    tokenize,
                    form_values['amount'],
                    form_values['mode'] == 'validation',
                )
                and tx._billing_is_still_open()
            ):
                return tx
        return None

    @staticmethod
    def _billpro_give_up_attempts(order):
        """Give up what was begun in other tabs, before another payment is begun.

        :param sale.order order: The order, in superuser mode, locked.
        :raise UserError: If a payment is under way.
        """
        if order._billing_give_up_attempts():
            Checkout._billpro_refuse_while_under_way()

    @staticmethod
    def _billpro_refuse_while_under_way():
        """Refuse a request because a payment is under way, and keep what is known of that.

        :raise UserError: Always.
        """
        # What the provider has told of it is kept, though nothing else comes of the request.
        request.env.cr.commit()  # pylint: disable=invalid-commit
        raise UserError(
            request.env._(
                "A payment of this order is under way already, and nothing else was begun."
                " Please reload this page in a minute to see what came of it."
            )
        )

    @staticmethod
    def _billpro_check_can_be_booked(order, provider):
        """Check that the books can take the initial payment, before anything is paid.

        :param sale.order order: The order, in superuser mode, locked.
        :param payment.provider provider: Who would collect it.
        :raise UserError: If not. Staff are told why; it says nothing to customers.
        """
        books = request.env['billpro.books'].sudo()
        if reason := books._get_refusal_of_order(order, provider):
            books._note_unpayable(order, reason)
            # Staff are told, though nothing else comes of the request.
            request.env.cr.commit()  # pylint: disable=invalid-commit
            raise UserError(
                request.env._(
                    "Payment isn't possible just now, and nothing was charged. We have been told"
                    " and see to it. Please try again later."
                )
            )

    @staticmethod
    def _billpro_check_payment_option(form_values, provider_id, payment_method_id, token_id, flow):
        """Check that the request names what the payment form offered.

        :param dict form_values: The context of the payment form.
        :param int provider_id: The provider of the request.
        :param int payment_method_id: The payment method of the request.
        :param int token_id: The saved card of the request.
        :param str flow: The flow of the request.
        :raise UserError: If it was not on offer.
        """
        if flow == 'token':
            token_sudo = form_values['tokens_sudo'].filtered(lambda token: token.id == token_id)
            offered = token_sudo.provider_id.id == provider_id and bool(token_sudo)
        else:
            offered = (
                flow in {'redirect', 'direct'}
                and provider_id in form_values['providers_sudo'].ids
                and payment_method_id in form_values['payment_methods_sudo'].ids
            )
        if not offered:
            raise UserError(
                request.env._(
                    "This payment method is not available any more. Please reload the page and"
                    " choose again."
                )
            )

    def _billpro_process_finished_payments(self, order):
        """Learn what became of the initial payment before a page says how the order stands.

        :param sale.order order: The order.
        """
        if (
            order.billing_status in BEFORE_APPROVAL
            and not self._billpro_looks_on(order)
            and not request.env['ir.http'].is_a_bot()
        ):
            order._billing_process_finished_payments()
            order.invalidate_recordset()

    @order_route('/other-way', methods=['POST'], by_customer=True, deed='pay')
    def billpro_order_other_way(self, order, transaction_id=None, **kwargs):
        """Let the customer choose another way to pay than the transfer that the page has shown.

        :param sale.order order: The order.
        :param str transaction_id: The transfer.
        :rtype: odoo.http.Response
        """
        order._lock_billing()
        order._billing_pay_another_way(self._cast_as_int(transaction_id))
        return request.redirect(order._billing_get_order_link())

    @order_route('/result', methods=['GET'])
    def billpro_order_result(self, order, **kwargs):
        """Show what came of the initial payment: the way back from every provider.

        :param sale.order order: The order.
        :rtype: odoo.http.Response
        """
        self._billpro_process_finished_payments(order)
        if order.billing_status in BEFORE_APPROVAL | {'cancelled'}:
            return request.redirect(order._billing_get_order_link())
        begun_here = PaymentPostProcessing()._get_monitored_transaction()
        if begun_here.state in {'authorized', 'done'} and (
            begun_here in order._billing_get_initial_attempts()
        ):
            remember_browser(order)
        return self._billpro_render_private(
            'billpro_portal.success_page',
            order.env['billpro.checkout.page']._get_success_values(order),
        )


class PendingPaymentStatus(PaymentPostProcessing):
    @http.route()
    def poll_status(self, **kwargs):
        """Override of `payment`: a payment that can't be booked is received all the same.

        What fails is noted and tried again, and the customer goes on to the order's own page.
        """
        tx = self._get_monitored_transaction()
        if tx.billing_order_id and tx.state == 'done' and not tx.is_post_processed:
            request.env['billpro.failure'].sudo()._leave_out_waiting(
                tx, 'book'
            )._billing_book_alone()
            if not tx.is_post_processed:
                return {
                    'provider_code': tx.provider_code,
                    'state': tx.state,
                    'landing_route': tx.landing_route,
                }
        return super().poll_status(**kwargs)

    @http.route()
    def display_status(self, **kwargs):
        """Override of `payment`: a pending payment of an order shows on the order's own page.

        Odoo's status page waits for a final answer, which may take days.
        """
        tx = self._get_monitored_transaction()
        if tx.billing_order_id and tx._billing_waits_for_customer():
            link = tx.billing_order_id._billing_get_order_link(f'/authenticate/{tx.id}')
            return request.redirect(link)
        if tx.billing_order_id and tx.state == 'pending':
            return request.redirect(tx.landing_route)
        return super().display_status(**kwargs)
