// Steps that the tours of the back office share.

import { looking, waitUntilRight } from './tour';

/**
 * Step that checks that some actions aren't offered.
 *
 * @param {string} where - Where they would be.
 * @param {Array<string>} buttons - The names of their buttons.
 * @return {object} The step.
 */
export function notOffered(where, buttons) {
    return {
        content: `Not offered: ${buttons.join(", ")}`,
        trigger: where,
        run: looking(async () => {
            await waitUntilRight(() => {
                const offered = buttons.filter((name) =>
                    document.querySelector(`${where} button[name="${name}"]`)
                );
                return offered.length ? `${where} offers ${offered.join(", ")}` : "";
            });
        }),
    };
}

/**
 * Steps that open an order of the list, and step back to the list when it was looked at.
 *
 * @param {string} name - The name of the order.
 * @param {Array<object>} steps - What is done in its form.
 * @return {Array<object>} The steps.
 */
export function inOrder(name, steps) {
    return [
        {
            content: `Open ${name}`,
            trigger: `.o_list_view .o_data_row td[name="name"]:contains("${name}")`,
            run: 'click',
        },
        {
            content: `${name} is opened`,
            trigger: `.o_form_view .oe_title:contains("${name}")`,
        },
        ...steps,
        {
            content: "Back to the list",
            trigger: 'body:not(:has(.modal)) .o_back_button a',
            run: 'click',
        },
        {
            content: "The list is shown",
            trigger: '.o_action_manager:not(:has(.o_form_view)) .o_list_view .o_data_row',
        },
    ];
}

/** Steps that list all orders, not grouped by their status. */
export const listOrders = [
    {
        content: "List all orders",
        trigger: '.o_list_view:has(.o_group_header) .o_searchview_facet .o_facet_remove',
        run: 'click',
    },
    {
        content: "They are listed",
        trigger: '.o_list_view:not(:has(.o_group_header)) .o_data_row',
    },
];

/** Steps that open the tab of an order with its schedule. */
export const openBillingTab = [
    {
        content: "Open the tab Billing",
        trigger: 'body:not(:has(.modal)) .o_form_view a.nav-link[name="billing"]',
        run: 'click',
    },
    {
        content: "It is open",
        trigger: '.o_form_view a.nav-link.active[name="billing"]',
    },
];

/**
 * Step that presses a button of an order.
 *
 * @param {string} name - The name of the button.
 * @return {object} The step.
 */
export function pressInOrder(name) {
    return {
        content: `Press ${name}`,
        trigger: `body:not(:has(.modal)) .o_form_view button[name="${name}"]:enabled`,
        run: 'click',
    };
}

/**
 * Step that presses a button of the dialog.
 *
 * @param {string} name - The name of the button.
 * @return {object} The step.
 */
export function pressInDialog(name) {
    return {
        content: `Press ${name} in the dialog`,
        trigger: `.modal button[name="${name}"]:enabled`,
        run: 'click',
    };
}

/**
 * Step that agrees to what a dialog asks or says.
 *
 * @param {string} text - What it says.
 * @return {object} The step.
 */
export function agree(text) {
    return {
        content: `Agree to: ${text}`,
        trigger: `.modal:contains("${text}") .modal-footer .btn-primary`,
        run: 'click',
    };
}

/**
 * Step that checks the status of an order when no dialog is open.
 *
 * @param {string} label - The status.
 * @return {object} The step.
 */
export function statusIs(label) {
    return {
        content: `The order is ${label}`,
        trigger:
            'body:not(:has(.modal)) .o_form_view'
            + ` div[name="billing_status"]:contains("${label}")`,
    };
}

/**
 * Step that reads a notification and closes it.
 *
 * @param {string} text - What it says.
 * @return {object} The step.
 */
export function isTold(text) {
    return {
        content: `It says: ${text}`,
        trigger: `.o_notification:contains("${text}") .o_notification_close`,
        run: 'click',
    };
}
