import { registry } from '@web/core/registry';
import { Interaction } from '@web/public/interaction';

/**
 * Send a form once, however often its button is pressed.
 */
export class SubmitOnce extends Interaction {
    static selector = '.o_billpro form[method="post"]';
    dynamicContent = {
        _window: { 't-on-pageshow': this.onPageShow },
        _root: {
            't-on-submit': this.onSubmit,
            't-att-aria-busy': () => this.isSubmitted && 'true',
        },
        'button[type="submit"]': { 't-att-disabled': () => this.isSubmitted },
    };

    // #=== INTERACTION LIFECYCLE ===#

    setup() {
        this.isSubmitted = false;
    }

    // #=== EVENT HANDLERS ===#

    /**
     * Note that the form is sent, which disables its button until the page is left.
     *
     * @param {SubmitEvent} ev
     * @return {void}
     */
    onSubmit(ev) {
        if (this.isSubmitted) {
            ev.preventDefault();
        }
        this.isSubmitted = true;
    }

    /**
     * Enable the button again when the page is restored from the bfcache.
     *
     * @param {PageTransitionEvent} ev
     * @return {void}
     */
    onPageShow(ev) {
        if (ev.persisted) {
            this.isSubmitted = false;
        }
    }
}

registry.category('public.interactions').add('billpro_portal.submit_once', SubmitOnce);
