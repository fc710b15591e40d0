import { openBillingTab } from './back_office_steps';
import { fitsWindowAndPhone } from './phone_layout';
import { cardIsShown, enterCard, goToOrderPortal } from './recurring_steps';
import { addTour } from './tour';

/**
 * Steps in the order form that enter a payment in the dialog of the button "Take a Payment".
 *
 * @param {string} amount - The amount with taxes.
 * @param {string} note - What it is for.
 * @return {Array<object>} The steps.
 */
function enterPayment(amount, note) {
    return [
        {
            content: "Take a payment",
            trigger: '.o_form_view button[name="action_open_take_payment"]:enabled',
            run: 'click',
        },
        {
            content: "Enter the amount",
            trigger: '.modal div[name="amount"] input',
            run: `edit ${amount}`,
        },
        {
            content: "Say what it is for",
            trigger: '.modal div[name="note"] input',
            run: `edit ${note}`,
        },
    ];
}

addTour('metered', () => [
    {
        content: "The checkout says that nothing is charged today",
        trigger:
            '.o_billpro_today_note:contains("Nothing is charged today. Your card is saved for'
            + ' the later payments.")',
    },
    {
        content: "It says how usage is charged",
        trigger: '.o_billpro_purchase:contains("Metered billing"):contains("the amounts vary")',
    },
    {
        content: "It says what usage costs",
        trigger: '.o_billpro_pay .o_billpro_amount:contains("Water"):contains("2.50 per")',
    },
    ...enterCard("Order with obligation to pay"),
    ...goToOrderPortal("Your card is registered", ["Water", "2.50 per"]),
    cardIsShown,
    {
        content: "Nothing was paid, and nothing is planned",
        trigger:
            '.o_billpro_portal:contains("No payments yet")'
            + ':not(:has(.o_billpro_answer_label, .o_billpro_upcoming))',
    },
    fitsWindowAndPhone,
]);

addTour('metered_take_payments', () => [
    ...enterPayment("17.43", "Usage in January"),
    {
        content: "Collect it now",
        trigger: '.modal div[name="when"] .o_radio_item:contains("Now") input',
        run: 'click',
    },
    {
        content: "There is no date to choose",
        trigger: '.modal:not(:has(div[name="due_date"])) button:contains("Collect Now")',
        run: 'click',
    },
    {
        content: "Confirm it",
        trigger: '.modal:contains("charged at once") .modal-footer .btn-primary:contains("Ok")',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("1 charged, 0 declined, 0 unknown.")',
    },
    ...openBillingTab,
    {
        content: "It is completed",
        trigger:
            '.o_form_view div[name="billing_event_ids"] .o_data_row'
            + ':contains("Usage in January"):contains("17.43"):contains("Completed")',
    },
    ...enterPayment("8.00", "Usage in February"),
    {
        content: "Schedule it for the day that is proposed",
        trigger: '.modal:has(div[name="due_date"]) button:contains("Schedule")',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("The payment is scheduled.")',
    },
    {
        content: "It is scheduled",
        trigger:
            'body:not(:has(.modal)) .o_form_view div[name="billing_event_ids"] .o_data_row'
            + ':contains("Usage in February"):contains("8.00"):contains("Scheduled")',
    },
]);

addTour('metered_scheduled', () => [
    {
        content: "The answer announces the scheduled payment",
        trigger:
            '.o_billpro_answer:contains("Next payment"):contains("8.00 on February 11")'
            + ':contains("•••• 4242")',
    },
    {
        content: "It is the only one to come",
        trigger:
            '.o_billpro_upcoming li:only-child:contains("Feb 11, 2028"):contains("8.00")'
            + ':contains("•••• 4242")',
    },
    {
        content: "The other one is the only one in the history",
        trigger:
            '.o_billpro_history tbody tr:only-child:contains("Feb 10, 2028")'
            + ':contains("17.43"):contains("Paid")',
    },
    fitsWindowAndPhone,
]);

addTour('metered_collected', () => [
    {
        content: "The order is still active",
        trigger: '.o_billpro_overview_status:contains("Active")',
    },
    {
        content: "Nothing is to come, and it says so",
        trigger:
            '.o_billpro_portal:not(:has(.o_billpro_answer_label, .o_billpro_upcoming))'
            + ' .o_billpro_answer_title:text("Nothing is to be paid now")',
    },
    {
        content: "The history lists both, the last one on top, with its documents",
        trigger:
            '.o_billpro_history tbody:has(tr:nth-child(2):last-child:contains("Feb 10, 2028")'
            + ':contains("17.43"):contains("Paid")) tr:first-child:contains("Feb 11, 2028")'
            + ':contains("8.00"):contains("Paid"):contains("INV/"):contains("Receipt")',
    },
    cardIsShown,
    fitsWindowAndPhone,
    {
        content: "Open the last payment",
        trigger: '.o_billpro_history tbody tr:first-child a[href*="/payment/"]',
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "Its invoice says what it is for",
        trigger:
            '.o_billpro_payment:contains("INV/"):contains("Usage in February")'
            + ' .o_billpro_amount_strong:contains("Total"):contains("8.00")',
    },
    fitsWindowAndPhone,
]);
