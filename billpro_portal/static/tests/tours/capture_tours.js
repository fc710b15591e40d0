import { addTour } from './tour';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';

addTour('authorize', () => [
    {
        content: "The checkout says that the amount is reserved only",
        trigger: 'body[is-ready=true] .o_billpro_purchase:contains("reserved on your card now")',
    },
    {
        content: "Agree",
        trigger: 'input[name="billpro_consent"]:not(:checked)',
        run: 'click',
    },
    {
        content: "Pay",
        trigger: `${PAY_BUTTON}:enabled:contains("Order with obligation to pay")`,
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "The amount is reserved and not charged",
        trigger:
            '.o_billpro_success [role="status"]:contains("121.00 are reserved on your card and'
            + ' not charged yet")',
    },
    {
        content: "Go to the order portal",
        trigger: '.o_billpro_success a.btn-primary:contains("Go to order portal")',
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "The order portal says so, too",
        trigger:
            '.o_billpro_attention:contains("Authorised, not charged yet"):contains("121.00")',
    },
    {
        content: "So does the billing history, without documents",
        trigger:
            '.o_billpro_history:contains("Authorised"):not(:contains("Receipt"))'
            + ' a[href*="/payment/"]',
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "The payment's page has no invoice",
        trigger: '.o_billpro_payment:contains("Authorised"):not(:contains("INV/"))',
    },
]);

addTour('capture', () => [
    {
        content: "Open the capture dialog",
        trigger: '.o_form_view button[name="action_open_capture"]',
        run: 'click',
    },
    {
        content: "The whole is proposed",
        trigger: '.modal div[name="authorized_amount"]:contains("121.00")',
    },
    {
        content: "Capture a part",
        trigger: '.modal div[name="amount"] input',
        run: 'edit 50.00 && press Tab',
    },
    {
        content: "The rest will be released",
        trigger: '.modal div[name="released_amount"]:contains("71.00")',
    },
    {
        content: "Capture",
        trigger: '.modal button[name="action_capture"]',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("50.00 were captured")',
    },
    {
        content: "The order is complete, and nothing is left to capture",
        trigger:
            '.o_form_view:has(div[name="billing_status"]:contains("Complete"))'
            + ':not(:has(button[name="action_open_capture"]))',
    },
]);

addTour('release', () => [
    {
        content: "Release the payment",
        trigger: '.o_form_view button[name="action_release"]',
        run: 'click',
    },
    {
        content: "Confirm it",
        trigger: '.modal button.btn-primary',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("121.00 were released")',
    },
    {
        content: "The order is complete",
        trigger: '.o_form_view div[name="billing_status"]:contains("Complete")',
    },
]);
