import { Macro, waitUntil } from '@web/core/macro';
import { notificationService } from '@web/core/notifications/notification_service';
import { registry } from '@web/core/registry';
import { patch } from '@web/core/utils/patch';

import { tourState } from '@web_tour/js/tour_state';

const PREFIX = 'billpro_portal.';
// Milliseconds for what a step waits for; the machine may be busy. It is the most that Odoo allows.
const STEP_TIMEOUT = 60000;
// Of each tour of ours, whether its steps only look.
const looks = new Map();

/**
 * Add a tour whose steps wait long enough.
 *
 * @param {string} name - Its name, after `billpro_portal.`.
 * @param {Function} getSteps - Returns its steps.
 * @return {void}
 */
export function addTour(name, getSteps) {
    registry.category('web_tour.tours').add(PREFIX + name, {
        steps() {
            const steps = getSteps();
            looks.set(PREFIX + name, steps.map(isLook));
            return steps.map((step) => ({ timeout: STEP_TIMEOUT, ...step }));
        },
    });
}

/**
 * Tell whether a step changes nothing.
 *
 * @param {object} step - The step.
 * @return {boolean}
 */
function isLook({ run, expectUnloadPage }) {
    return !expectUnloadPage && (!run || Boolean(run.isLook));
}

/**
 * Mark what a step does as only looking.
 *
 * @param {Function} run - What it does.
 * @return {Function} The same.
 */
export function looking(run) {
    return Object.assign(run, { isLook: true });
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

patch(Macro.prototype, {

    /**
     * Look at once: Odoo waits before each step, as it must before those that do something.
     *
     * @override method from @web/core/macro
     */
    async start() {
        // For each step of a tour that is left the macro has one that names it, and one that does it.
        const looksLeft = (looks.get(tourState.getCurrentTour()) ?? []).slice(-this.steps.length / 2);
        this.steps = this.steps.map((step, index) =>
            step.trigger && looksLeft[Math.floor(index / 2)] ? withoutDelay(step) : step
        );
        await super.start(...arguments);
    },

});

/**
 * Return a step of a macro that waits for its trigger in its action, before which there is no delay.
 *
 * @param {object} step - The step.
 * @return {object} The other one.
 */
function withoutDelay({ trigger, action, ...step }) {
    return { ...step, action: async () => action(await waitUntil(trigger)) };
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
