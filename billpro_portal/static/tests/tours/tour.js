import { waitUntil } from '@web/core/macro';
import { notificationService } from '@web/core/notifications/notification_service';
import { registry } from '@web/core/registry';
import { patch } from '@web/core/utils/patch';

import { tourState } from '@web_tour/js/tour_state';

const PREFIX = 'billpro_portal.';
// Milliseconds for what a step waits for; the machine may be busy. It is the most that Odoo allows.
const STEP_TIMEOUT = 60000;

/**
 * Add a tour whose steps wait long enough.
 *
 * @param {string} name - Its name, after `billpro_portal.`.
 * @param {Function} getSteps - Returns its steps.
 * @return {void}
 */
export function addTour(name, getSteps) {
    registry.category('web_tour.tours').add(PREFIX + name, {
        steps: () => getSteps().map((step) => ({ timeout: STEP_TIMEOUT, ...step })),
    });
}

/**
 * Wait until something on the page is as it must be.
 *
 * @param {Function} findProblem - Returns what is wrong; nothing if all is right.
 * @return {Promise<void>}
 */
export async function waitUntilRight(findProblem) {
    // Before the step is given up, which says nothing of why.
    const deadline = Date.now() + STEP_TIMEOUT / 2;
    let problem;
    await waitUntil(() => {
        problem = findProblem();
        return !problem || Date.now() > deadline;
    });
    if (problem) {
        throw new Error(problem);
    }
}

patch(notificationService, {

    /**
     * Keep notifications until a tour of ours has read them: on a busy machine they would be gone.
     *
     * @override method from @web/core/notifications/notification_service
     */
    start() {
        const service = super.start(...arguments);
        const { add } = service;
        service.add = (message, options) => {
            const isTour = tourState.getCurrentTour()?.startsWith(PREFIX);
            return add(message, isTour ? { ...options, sticky: true } : options);
        };
        return service;
    },

});
