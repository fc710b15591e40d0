import { registry } from '@web/core/registry';
import { Interaction } from '@web/public/interaction';

/**
 * Bring what the last action did to the attention of keyboard and screen reader users.
 */
export class PageNotice extends Interaction {
    static selector = '.o_billpro_page_notice';

    // #=== INTERACTION LIFECYCLE ===#

    start() {
        this.el.focus();
    }
}

registry.category('public.interactions').add('billpro_portal.page_notice', PageNotice);
