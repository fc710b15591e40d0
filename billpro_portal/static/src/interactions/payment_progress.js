import { rpc } from '@web/core/network/rpc';
import { registry } from '@web/core/registry';
import { Interaction } from '@web/public/interaction';

const POLL_DELAY = 2000; // Milliseconds.
const PATIENCE = 60000;

export class PaymentProgress extends Interaction {
    static selector = '.o_billpro_progress';
    dynamicContent = {
        '.o_billpro_spinner': { 't-att-class': () => ({ 'd-none': this.isSlow }) },
        '.o_billpro_lead': { 't-att-class': () => ({ 'd-none': this.isSlow }) },
        '.o_billpro_progress_wait': { 't-att-class': () => ({ 'd-none': this.isSlow }) },
        '.o_billpro_progress_slow': { 't-att-class': () => ({ 'd-none': !this.isSlow }) },
    };

    // #=== INTERACTION LIFECYCLE ===#

    setup() {
        this.isSlow = false;
    }

    start() {
        this.waitForTimeout(() => {
            this.isSlow = true;
        }, PATIENCE);
        this._poll();
    }

    // #=== POLLING ===#

    /**
     * Ask whether the payment is done: go on if it is, and ask again in a moment if not.
     *
     * @private
     * @return {void}
     */
    async _poll() {
        const { progressRoute, accessToken } = this.el.dataset;
        let progress = { done: false };
        try {
            progress = await this.waitFor(
                rpc(progressRoute, { 'access_token': accessToken }, { silent: true })
            );
        } catch {
            // A lost answer is asked for again; the payment goes on without it.
        }
        if (progress.done) {
            window.location = progress.url;
        } else if (!this.isSlow) {
            this.waitForTimeout(this._poll, POLL_DELAY);
        }
    }
}

registry.category('public.interactions').add('billpro_portal.payment_progress', PaymentProgress);
