import { loadJS } from '@web/core/assets';
import { _t } from '@web/core/l10n/translation';
import { patch } from '@web/core/utils/patch';

import { PaymentForm } from '@payment/interactions/payment_form';
// Its patch must be there first: ours loads what it needs.
import '@payment_stripe/interactions/payment_form';

patch(PaymentForm.prototype, {
    /**
     * Load Stripe's script when its form is to be shown, if the page hasn't.
     *
     * @override method from payment_stripe
     * @private
     * @param {number} _providerId - The id of the selected payment option's provider.
     * @param {string} providerCode - The code of the selected payment option's provider.
     * @param {number} _optionId - The id of the selected payment option.
     * @param {string} _methodCode - The code of the selected payment method, if any.
     * @param {string} flow - The online payment flow of the selected payment option.
     * @return {void}
     */
    async _prepareInlineForm(_providerId, providerCode, _optionId, _methodCode, flow) {
        if (providerCode === 'stripe' && flow !== 'token' && !window.Stripe) {
            const radio = this.el.querySelector('input[name="o_payment_radio"]:checked');
            const { billproScriptUrl } = this._getInlineForm(radio).querySelector(
                '[name="o_stripe_element_container"]'
            ).dataset;
            try {
                await this.waitFor(loadJS(billproScriptUrl));
            } catch {
                this._displayErrorDialog(
                    _t("Cannot display the payment form"),
                    _t(
                        "The payment provider could not be reached. Please check your connection"
                        + " and reload the page."
                    ),
                );
                await new Promise(() => {}); // The button stays disabled.
            }
            if (!radio.checked) {
                return; // Another option was chosen meanwhile.
            }
        }
        await super._prepareInlineForm(...arguments);
    },
});
