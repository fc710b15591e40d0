import { _t } from '@web/core/l10n/translation';
import { rpc } from '@web/core/network/rpc';
import { registry } from '@web/core/registry';
import { Interaction } from '@web/public/interaction';

export class PaymentPending extends Interaction {
    static selector = '.o_billpro_pending';
    dynamicContent = {
        '.o_billpro_pending_status': { 't-out': () => this.statusMessage },
    };

    // #=== INTERACTION LIFECYCLE ===#

    setup() {
        this.pollCount = 0;
        this.statusMessage = this.constructor.INITIAL_VALUE;
    }

    start() {
        this._poll();
    }

    // #=== POLLING ===#

    /**
     * Schedule the next question whether the payment is still pending.
     *
     * @private
     * @return {void}
     */
    _poll() {
        this.waitForTimeout(this._checkState, this._getDelay());
        this.pollCount++;
    }

    /**
     * Ask whether the payment is still pending, and reload the page when it no longer is.
     *
     * @private
     * @return {void}
     */
    async _checkState() {
        const { stateRoute, accessToken } = this.el.dataset;
        let state;
        try {
            state = await this.waitFor(
                rpc(stateRoute, { 'access_token': accessToken }, { silent: true })
            );
        } catch {
            this.statusMessage = _t("We could not get any news. We will try again in a moment.");
            this.updateContent();
            this._poll();
            return;
        }
        if (state.pending) {
            this.statusMessage = this.constructor.INITIAL_VALUE;
            this._poll();
        } else {
            this.statusMessage = _t("There is news about your payment. The page is reloading.");
            this.updateContent();
            window.location.reload();
        }
    }

    /**
     * Ask often at first, then less and less, as a payment can stay pending for days.
     *
     * @private
     * @return {number} The delay before the next question, in milliseconds.
     */
    _getDelay() {
        if (this.pollCount < 10) {
            return 3000;
        }
        return this.pollCount < 20 ? 10000 : 30000;
    }
}

registry.category('public.interactions').add('billpro_portal.payment_pending', PaymentPending);
