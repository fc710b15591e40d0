import { notOffered, openBillingTab } from './back_office_steps';
import { addTour } from './tour';

const SCHEDULE = '.o_form_view div[name="billing_event_ids"]';

/**
 * Return the selector of a row of the schedule.
 *
 * @param {number} number - The place in the list, from 1.
 * @return {string} The selector.
 */
function row(number) {
    return `${SCHEDULE} tbody .o_data_row:nth-child(${number})`;
}

/**
 * Step that checks what a row of the schedule says when no dialog is open.
 *
 * @param {number} number - The place in the list, from 1.
 * @param {Array<string>} texts - What it says.
 * @return {object} The step.
 */
function rowSays(number, texts) {
    return {
        content: `Payment ${number} says: ${texts.join(", ")}`,
        trigger:
            'body:not(:has(.modal)) '
            + row(number)
            + texts.map((text) => `:contains("${text}")`).join(''),
    };
}

/**
 * Step that presses a button in a row of the schedule.
 *
 * @param {number} number - The place in the list, from 1.
 * @param {string} button - The name of the button.
 * @return {object} The step.
 */
function press(number, button) {
    return {
        content: `Press ${button} of payment ${number}`,
        trigger: `${row(number)} button[name="${button}"]`,
        run: 'click',
    };
}

addTour('schedule_actions', () => [
    ...openBillingTab,
    rowSays(1, ["33.33", "Soft declined"]),
    notOffered('.o_form_view', [
        'action_mark_complete', 'action_open_refund', 'action_was_charged',
    ]),
    notOffered(row(2), ['action_open_transaction', 'action_open_invoice']),
    {
        content: "A declined payment is retried, a scheduled one executed",
        trigger:
            `${row(1)}:has(button[data-tooltip="Retry"]):has(button[name="action_open_transaction"])`,
    },
    press(2, 'action_open_reschedule'),
    {
        content: "There are no later periods to follow",
        trigger: '.modal:not(:has(div[name="scope"])) div[name="amount"] input',
        run: 'edit 90.00 && press Tab',
    },
    {
        content: "It is too much, and the dialog says so",
        trigger: '.modal div[name="effect"]:contains("nothing would be left")',
    },
    {
        content: "Enter what is possible",
        trigger: '.modal div[name="amount"] input',
        run: 'edit 43.33 && press Tab',
    },
    {
        content: "The last instalment gives it",
        trigger: '.modal div[name="effect"]:contains("23.34")',
    },
    {
        content: "Reschedule",
        trigger: '.modal button[name="action_reschedule"]',
        run: 'click',
    },
    rowSays(2, ["43.33", "Scheduled"]),
    rowSays(3, ["23.34", "Scheduled"]),
    press(1, 'action_open_skip'),
    {
        content: "Say why",
        trigger: '.modal:contains("can\'t be undone") div[name="reason"] input',
        run: 'edit Goodwill',
    },
    {
        content: "Skip",
        trigger: '.modal button[name="action_skip"]',
        run: 'click',
    },
    rowSays(1, ["33.33", "Skipped"]),
    {
        content: "The totals say so",
        trigger: '.o_form_view div[name="billing_skipped"]:contains("33.33")',
    },
    notOffered(row(1), ['action_execute_now', 'action_open_reschedule', 'action_open_skip']),
    {
        content: "Merge the others",
        trigger: '.o_form_view button[name="action_open_merge"]',
        run: 'click',
    },
    {
        content: "Both are chosen, and add up",
        trigger: '.modal div[name="amount"]:contains("66.67")',
    },
    {
        content: "Merge",
        trigger: '.modal button[name="action_merge"]',
        run: 'click',
    },
    {
        content: "There is nothing more to merge",
        trigger: 'body:not(:has(.modal)) .o_form_view:not(:has(button[name="action_open_merge"]))',
    },
    {
        content: "The new payment is scheduled",
        trigger: `${SCHEDULE} .o_data_row:contains("66.67"):contains("Scheduled")`,
    },
    {
        content: "The others are merged",
        trigger: `${SCHEDULE} .o_data_row:contains("43.33"):contains("Merged")`,
    },
]);

addTour('schedule_retry', () => [
    ...openBillingTab,
    {
        content: "Retry",
        trigger: `${row(1)} button[data-tooltip="Retry"]`,
        run: 'click',
    },
    {
        content: "Confirm it",
        trigger: '.modal:contains("charged at once") .modal-footer .btn-primary',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("1 charged, 0 declined, 0 unknown.")',
    },
    rowSays(1, ["Recovered"]),
    notOffered(row(1), ['action_execute_now', 'action_open_reschedule', 'action_open_skip']),
    {
        content: "Its receipt can be had",
        trigger: `${row(1)} button[name="action_print_receipt"]`,
    },
    press(1, 'action_open_transaction'),
    {
        content: "The attempt is opened",
        trigger: '.o_form_view div[name="reference"]:contains("-A2")',
    },
]);

addTour('schedule_later_ones', () => [
    ...openBillingTab,
    press(1, 'action_open_reschedule'),
    {
        content: "Enter the amount",
        trigger: '.modal div[name="amount"] input',
        run: 'edit 30.00',
    },
    {
        content: "All later ones follow",
        trigger: '.modal div[name="scope"] .o_radio_item:contains("all later ones") input',
        run: 'click',
    },
    {
        content: "Reschedule",
        trigger: '.modal button[name="action_reschedule"]',
        run: 'click',
    },
    rowSays(1, ["30.00", "Scheduled"]),
]);

addTour('schedule_manager', () => [
    ...openBillingTab,
    {
        content: "Managers may refund",
        trigger: '.o_form_view button[name="action_open_refund"]',
    },
    {
        content: "Open the payments",
        trigger: '.o_form_view button[name="action_open_billing_payments"]',
        run: 'click',
    },
    {
        content: "They are listed",
        trigger: '.o_list_view .o_data_row:contains("-P1")',
    },
    {
        content: "Back to the order",
        trigger: '.o_back_button a:contains("S0")',
        run: 'click',
    },
    {
        content: "Complete the order",
        trigger: '.o_form_view button[name="action_mark_complete"]',
        run: 'click',
    },
    {
        content: "Confirm it",
        trigger: '.modal:contains("can\'t be undone") .modal-footer .btn-primary',
        run: 'click',
    },
    {
        content: "The order is complete",
        trigger: '.o_form_view div[name="billing_status"]:contains("Complete")',
    },
    notOffered('.o_form_view', [
        'action_mark_complete',
        'action_open_merge',
        'action_execute_now',
        'action_open_reschedule',
        'action_open_skip',
    ]),
]);

addTour('schedule_accountant', () => [
    ...openBillingTab,
    {
        content: "Accountants see the schedule, and open what they book",
        trigger: `${row(1)}:contains("Completed"):has(button[name="action_open_invoice"])`,
    },
    notOffered('.o_form_view', [
        'action_execute_now',
        'action_open_reschedule',
        'action_open_skip',
        'action_open_merge',
        'action_open_refund',
        'action_mark_complete',
        'action_open_charge_card',
        'action_was_charged',
    ]),
    {
        content: "Open the invoices",
        trigger: '.o_form_view button[name="action_open_billing_invoices"]',
        run: 'click',
    },
    {
        content: "They are listed",
        trigger: '.o_list_view .o_data_row:contains("INV/")',
    },
]);

addTour('charge_card', () => [
    {
        content: "Charge a stored card",
        trigger: '.o_form_view button[name="action_open_charge_card"]:enabled',
        run: 'click',
    },
    {
        content: "The amount is what the checkout would collect",
        trigger: '.modal div[name="amount"]:contains("24.20")',
    },
    {
        content: "Without the customer's consent",
        trigger: '.modal button[name="action_charge"]',
        run: 'click',
    },
    {
        content: "It is refused",
        trigger: '.modal:contains("Confirm that the customer agreed") .modal-footer .btn-primary',
        run: 'click',
    },
    {
        content: "They agreed",
        trigger: '.modal div[name="has_consent"] input',
        run: 'click',
    },
    {
        content: "Charge it",
        trigger: '.modal button[name="action_charge"]',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("The initial payment is approved.")',
    },
    {
        content: "The order is active",
        trigger:
            'body:not(:has(.modal)) .o_form_view div[name="billing_status"]:contains("Active")',
    },
]);
