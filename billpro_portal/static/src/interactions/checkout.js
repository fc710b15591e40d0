import { _t } from '@web/core/l10n/translation';
import { rpc } from '@web/core/network/rpc';
import { registry } from '@web/core/registry';
import { patch } from '@web/core/utils/patch';
import { Interaction } from '@web/public/interaction';

import { PaymentForm } from '@payment/interactions/payment_form';

const CHECKOUT_SELECTOR = '.o_billpro_checkout';
const CONSENT_SELECTOR = 'input[name="billpro_consent"]';
const WISH_SELECTOR = 'input[name="billpro_wants_start"]';

export class Checkout extends Interaction {
    static selector = CHECKOUT_SELECTOR;
    dynamicContent = {
        'a[href="#billpro_payment"]': { 't-on-click': this.onGoToPayment },
    };

    // #=== INTERACTION LIFECYCLE ===#

    setup() {
        this.paymentSection = this.el.querySelector('.o_billpro_pay');
    }

    start() {
        // Bring what went wrong to the attention of keyboard and screen reader users.
        this.el.querySelector('.o_billpro_changed, .o_billpro_declined')?.focus();

        this._keepPaymentSectionInView();
    }

    // #=== EVENT HANDLERS ===#

    /**
     * Move the focus along when a link leads to the payment section.
     *
     * @return {void}
     */
    onGoToPayment() {
        this.paymentSection?.focus({ preventScroll: true }); // The link itself scrolls.
    }

    // #=== DOM MANIPULATION ===#

    /**
     * Tell the stylesheet the height of the payment section, which sticks to the top of the window
     * if it fits in, and to the bottom otherwise, so that the payment button is never out of reach.
     *
     * @private
     * @return {void}
     */
    _keepPaymentSectionInView() {
        if (!this.paymentSection) {
            return;
        }
        const observer = new ResizeObserver(() => {
            this.paymentSection.style.setProperty(
                '--o-billpro-pay-height', `${this.paymentSection.offsetHeight}px`
            );
        });
        observer.observe(this.paymentSection);
        this.registerCleanup(() => observer.disconnect());
    }
}

patch(PaymentForm.prototype, {

    /**
     * Ask whether the order can still be paid before the payment is initiated: it may have been
     * paid in another tab, closed or changed since the page was loaded.
     *
     * @override method from @payment/interactions/payment_form
     */
    async _initiatePaymentFlow() {
        const checkout = this.el.closest(CHECKOUT_SELECTOR);
        if (checkout && !(await this._isOrderPayable(checkout))) {
            return;
        }
        await super._initiatePaymentFlow(...arguments);
    },

    /**
     * Add the version of the terms that the customer agreed to, what the page shows, and whether
     * the service is to begin at once.
     *
     * @override method from @payment/interactions/payment_form
     * @return {object} The transaction route params.
     */
    _prepareTransactionRouteParams() {
        const transactionRouteParams = super._prepareTransactionRouteParams(...arguments);
        const checkout = this.el.closest(CHECKOUT_SELECTOR);
        if (checkout) {
            transactionRouteParams['shown'] = checkout.dataset.shown;
        }
        const consentCheckbox = checkout?.querySelector(CONSENT_SELECTOR);
        if (consentCheckbox?.checked) {
            transactionRouteParams['consent_version'] = consentCheckbox.value;
        }
        if (checkout?.querySelector(WISH_SELECTOR)?.checked) {
            transactionRouteParams['wants_start'] = true;
        }
        return transactionRouteParams;
    },

    /**
     * Check whether the order can still be paid, and lead the customer to where it stands if not.
     *
     * @private
     * @param {HTMLElement} checkout - The checkout of the order.
     * @return {boolean} Whether the payment can be initiated.
     */
    async _isOrderPayable(checkout) {
        const { stateRoute, accessToken, shown } = checkout.dataset;
        let state;
        try {
            state = await this.waitFor(rpc(stateRoute, { 'access_token': accessToken, shown }));
        } catch {
            this._displayErrorDialog(
                _t("Your payment could not be started"),
                _t("You have not been charged. Please check your connection and try again."),
            );
            this._enableButton(); // The button has been disabled before initiating the flow.
            return false;
        }
        if (!state.payable) {
            window.location = state.url; // The UI stays blocked until the page is left.
        }
        return state.payable;
    },

});

registry.category('public.interactions').add('billpro_portal.checkout', Checkout);
