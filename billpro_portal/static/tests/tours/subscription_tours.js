import { openBillingTab } from './back_office_steps';
import { fitsWindowAndPhone } from './phone_layout';
import { cardIsShown, enterCard, goToOrderPortal } from './recurring_steps';
import { addTour } from './tour';

/**
 * Steps from the success page to the order portal, which shows what comes next.
 *
 * @param {object} expected
 * @param {string} expected.message - What has been achieved.
 * @param {Array<string>} expected.terms - What the success page says about later payments.
 * @param {string} expected.label - What the next payment is called.
 * @param {string} expected.day - Its date in words.
 * @param {string} expected.date - Its date in the list.
 * @param {string} expected.amount - Its amount.
 * @return {Array<object>} The steps.
 */
function visitOrderPortal({ message, terms, label, day, date, amount }) {
    return [
        ...goToOrderPortal(message, terms),
        {
            content: "The answer is the next payment and its card",
            trigger:
                `.o_billpro_answer:contains("${label}"):contains("${amount} on ${day}")`
                + ':contains("•••• 4242")',
        },
        {
            content: "It is the only one to come",
            trigger:
                `.o_billpro_upcoming li:only-child:contains("${date}"):contains("${amount}")`
                + ':contains("•••• 4242")',
        },
        cardIsShown,
        fitsWindowAndPhone,
    ];
}

/**
 * Steps in the order portal after some payments were collected, to the details of the last one.
 *
 * @param {object} expected
 * @param {number} expected.count - How many payments the history lists.
 * @param {string} expected.date - The date of the last payment.
 * @param {string} expected.period - The period that it pays.
 * @param {string} expected.day - The date of the next payment in words.
 * @param {string} expected.next - That date in the list.
 * @return {Array<object>} The steps.
 */
function checkHistory({ count, date, period, day, next }) {
    return [
        {
            content: "The history lists all payments",
            trigger: `.o_billpro_history:has(tbody tr:nth-child(${count}):last-child)`,
        },
        {
            content: "The last payment is on top, with its documents",
            trigger:
                `.o_billpro_history tbody tr:first-child:contains("${date}")`
                + ':contains("24.20"):contains("Paid"):contains("INV/"):contains("Receipt")',
        },
        {
            content: "The next payment is announced",
            trigger: `.o_billpro_answer:contains("Next payment"):contains("24.20 on ${day}")`,
        },
        {
            content: "There is no other",
            trigger: `.o_billpro_upcoming li:only-child:contains("${next}")`,
        },
        {
            content: "Open the last payment",
            trigger: '.o_billpro_history tbody tr:first-child a[href*="/payment/"]',
            run: 'click',
            expectUnloadPage: true,
        },
        {
            content: "Its invoice names the period",
            trigger: `.o_billpro_payment:contains("INV/"):contains("${period}")`,
        },
    ];
}

addTour('subscription', () => [
    {
        content: "The checkout says what is paid today and later",
        trigger:
            '.o_billpro_pay:contains("To pay today"):contains("36.30")'
            + ':contains("24.20 every month"):contains("February 29, 2028")'
            + ':contains("until cancelled"):not(:contains("Nothing is charged today"))',
    },
    ...enterCard("Order with obligation to pay"),
    ...visitOrderPortal({
        message: "We received your payment of",
        terms: ["24.20 every month", "until cancelled", "February 29, 2028"],
        label: "Next payment",
        day: "February 29",
        date: "Feb 29, 2028",
        amount: "24.20",
    }),
]);

addTour('subscription_trial', () => [
    {
        content: "The checkout says that nothing is charged today",
        trigger:
            '.o_billpro_today_note:contains("Nothing is charged today. Your card is saved for'
            + ' the later payments.")',
    },
    {
        content: "It says when the trial ends",
        trigger: '.o_billpro_pay:contains("Free trial until"):contains("February 13, 2028")',
    },
    ...enterCard("Order with obligation to pay"),
    ...visitOrderPortal({
        message: "Your card is registered",
        terms: ["Free trial until", "February 13, 2028", "24.20 every month", "February 14, 2028"],
        label: "First payment",
        day: "February 14",
        date: "Feb 14, 2028",
        amount: "24.20",
    }),
    {
        content: "No payment was made",
        trigger: '.o_billpro_portal:contains("No payments yet")',
    },
]);

// From 31 January of a leap year over the beginning of daylight saving time.
for (const [tour, expected] of Object.entries({
    subscription_february: {
        count: 2,
        date: "Feb 29, 2028",
        period: "02/29/2028 to 03/30/2028",
        day: "March 31",
        next: "Mar 31, 2028",
    },
    subscription_march: {
        count: 3,
        date: "Mar 31, 2028",
        period: "03/31/2028 to 04/29/2028",
        day: "April 30",
        next: "Apr 30, 2028",
    },
    subscription_april: {
        count: 4,
        date: "Apr 30, 2028",
        period: "04/30/2028 to 05/30/2028",
        day: "May 31",
        next: "May 31, 2028",
    },
})) {
    addTour(tour, () => checkHistory(expected));
}

addTour('execute_now', () => [
    ...openBillingTab,
    {
        content: "The agreed terms can't be changed",
        trigger: '.o_form_view .o_readonly_modifier[name="billing_interval_count"]',
    },
    {
        content: "Only managers decide about unknown payments",
        trigger: '.o_form_view:not(:has(button[name="action_was_charged"]))',
    },
    {
        content: "Execute the scheduled payment now",
        trigger:
            '.o_form_view div[name="billing_event_ids"] button[name="action_execute_now"]',
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
    {
        content: "It is completed, and the next one is scheduled",
        trigger:
            '.o_form_view div[name="billing_event_ids"]:contains("Completed")'
            + ':contains("Scheduled")',
    },
]);

addTour('run_now', () => [
    {
        content: "Run now",
        trigger: '.o_list_view button:contains("Run now")',
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
    {
        content: "The run is reported",
        trigger: '.o_list_view .o_data_row td[name="charged_count"]:contains("1")',
    },
]);
