import { registry } from '@web/core/registry';
import { patch } from '@web/core/utils/patch';
import { Interaction } from '@web/public/interaction';

import { PaymentButton } from '@payment/interactions/payment_button';

const PAGE_SELECTOR = '.o_billpro_checkout, .o_billpro_card_page';
const TICK_SELECTOR = 'input[name="billpro_consent"], input[name="collect"]';
const HINT_SELECTOR = '#billpro_consent_hint, #billpro_collect_hint';

/**
 * The box that the customer must tick before the payment form can be sent, on pages that have one.
 */
export class PaymentTick extends Interaction {
    static selector = PAGE_SELECTOR;
    dynamicContent = {
        _window: { 't-on-pageshow': this.onPageShow },
        [TICK_SELECTOR]: {
            't-on-change': this.onTickChange,
            't-att-aria-describedby': () => this.hintId,
        },
        'button[name="o_payment_submit_button"]': {
            't-att-aria-describedby': () => this.hintId,
        },
        [HINT_SELECTOR]: { 't-att-class': () => ({ 'd-none': !this.hintId }) },
    };

    // #=== INTERACTION LIFECYCLE ===#

    setup() {
        this.checkbox = this.el.querySelector(TICK_SELECTOR);
        this.hint = this.el.querySelector(HINT_SELECTOR);
        this.isPaymentFormReady = true;
        this.isTogglingButton = false;
    }

    start() {
        // The payment form disables the button while it is busy: ticking the box must not enable it
        // before the form does.
        this.addListener(this.env.bus, 'enablePaymentButton', () => {
            this.isPaymentFormReady = true;
        });
        this.addListener(this.env.bus, 'disablePaymentButton', () => {
            this.isPaymentFormReady = this.isPaymentFormReady && this.isTogglingButton;
        });
    }

    // #=== EVENT HANDLERS ===#

    /**
     * Enable or disable the payment button when the box is ticked or unticked.
     *
     * @return {void}
     */
    onTickChange() {
        if (!this.isPaymentFormReady) {
            return; // The form enables the button itself when it is ready.
        }
        this.isTogglingButton = true;
        this.env.bus.trigger(
            this.checkbox.checked ? 'enablePaymentButton' : 'disablePaymentButton'
        );
        this.isTogglingButton = false;
    }

    /**
     * Reload the page when it is restored from the bfcache: the order may have been paid since.
     *
     * @param {PageTransitionEvent} ev
     * @return {void}
     */
    onPageShow(ev) {
        if (ev.persisted) {
            window.location.reload();
        }
    }

    // #=== GETTERS ===#

    /**
     * The id of the hint telling why the payment button is disabled, as long as it is needed.
     *
     * @return {string | undefined}
     */
    get hintId() {
        return this.checkbox?.checked ? undefined : this.hint?.id;
    }
}

patch(PaymentButton.prototype, {

    /**
     * Verify that the box is ticked before the payment button is enabled.
     *
     * @override method from @payment/interactions/payment_button
     * @return {boolean}
     */
    _canSubmit() {
        return super._canSubmit() && this._isTicked();
    },

    /**
     * Give the focus, which a disabled button loses, back to the button when it is enabled: not even
     * a dialog that tells of an error could, as it returns the focus to where it found it.
     *
     * @override method from @payment/interactions/payment_button
     * @return {void}
     */
    _setEnabled() {
        super._setEnabled();
        if (this.hasLostFocus && document.activeElement === document.body) {
            this.el.focus();
        }
        this.hasLostFocus = false;
    },

    /**
     * Note whether the button has the focus, on our pages.
     *
     * @override method from @payment/interactions/payment_button
     * @return {void}
     */
    _disable() {
        this.hasLostFocus ||= this.el.matches(`:is(${PAGE_SELECTOR}) :focus`);
        super._disable();
    },

    /**
     * Check whether the box is ticked. Pages other than ours, and some of ours, have none.
     *
     * @private
     * @return {boolean}
     */
    _isTicked() {
        const checkbox = this.el.closest(PAGE_SELECTOR)?.querySelector(TICK_SELECTOR);
        return !checkbox || checkbox.checked;
    },

});

registry.category('public.interactions').add('billpro_portal.payment_tick', PaymentTick);
