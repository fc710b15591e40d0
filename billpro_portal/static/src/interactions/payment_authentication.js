/* global Stripe */

import { loadJS } from '@web/core/assets';
import { _t } from '@web/core/l10n/translation';
import { registry } from '@web/core/registry';
import { Interaction } from '@web/public/interaction';

import { StripeOptions } from '@payment_stripe/interactions/stripe_options';

export class PaymentAuthentication extends Interaction {
    static selector = '.o_billpro_authenticate';
    dynamicContent = {
        _window: { 't-on-pageshow': this.onPageShow },
        '.o_billpro_authenticate_button': {
            't-on-click': this.onConfirm,
            't-att-disabled': () => this.isBusy,
            't-att-aria-busy': () => this.isBusy && 'true',
        },
        '.o_billpro_authenticate_error': { 't-out': () => this.errorMessage },
    };

    // #=== INTERACTION LIFECYCLE ===#

    setup() {
        this.isBusy = false;
        this.errorMessage = "";
    }

    start() {
        // Not waited for: it only saves time, and is tried again when the button is pressed.
        loadJS(this.el.dataset.scriptUrl).catch(() => {});
    }

    // #=== EVENT HANDLERS ===#

    /**
     * Have the customer confirm the payment with the bank, and go on to the result.
     *
     * @return {void}
     */
    async onConfirm() {
        if (this.isBusy) {
            return;
        }
        this.isBusy = true;
        this.errorMessage = "";
        this.updateContent(); // Empty the alert: the same error is announced again.
        const error = await this.waitFor(this._confirm());
        if (error) {
            this.errorMessage = error;
            this.isBusy = false;
            this.updateContent();
            this.el.querySelector('.o_billpro_authenticate_button').focus(); // Lost when disabled.
        } else {
            window.location = this.el.dataset.resultUrl; // The button stays disabled until then.
        }
    }

    /**
     * Reload the page when it is restored from the bfcache: the payment may be confirmed by now.
     *
     * @param {PageTransitionEvent} ev
     * @return {void}
     */
    onPageShow(ev) {
        if (ev.persisted) {
            window.location.reload();
        }
    }

    // #=== CONFIRMATION ===#

    /**
     * Ask the provider's script to confirm the payment, which shows what the bank wants to know.
     *
     * @private
     * @return {string | undefined} What went wrong, if anything.
     */
    async _confirm() {
        const { scriptUrl, publishableKey, clientSecret, paymentMethod } = this.el.dataset;
        try {
            await loadJS(scriptUrl);
        } catch {
            return _t("Your bank could not be reached. Please check your connection and retry.");
        }
        try {
            this.stripeJS ??= Stripe(
                publishableKey, new StripeOptions()._prepareStripeOptions(this.el.dataset)
            );
            const { error } = await this.stripeJS.confirmCardPayment(
                clientSecret, { payment_method: paymentMethod }
            );
            return error?.message;
        } catch {
            return _t("The payment could not be confirmed. Please try again.");
        }
    }
}

registry
    .category('public.interactions')
    .add('billpro_portal.payment_authentication', PaymentAuthentication);
