import { rpc } from '@web/core/network/rpc';

import { openBillingTab } from './back_office_steps';
import { fitsWindowAndPhone } from './phone_layout';
import { addTour } from './tour';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';

/**
 * Steps from an open checkout to the click on the payment button.
 *
 * @param {string} state - The answer of the Demo provider: done, pending, cancel or error.
 * @return {Array<object>} The steps.
 */
function pay(state = 'done') {
    return [
        {
            content: "Wait for the page to be ready",
            trigger: 'body[is-ready=true] .o_billpro_checkout',
        },
        {
            content: "Choose how the Demo provider answers",
            trigger: '#simulated_payment_state',
            run: `select ${state}`,
        },
        {
            content: "Pay",
            trigger: `${PAY_BUTTON}:enabled:contains("Order with obligation to pay")`,
            run: 'click',
            expectUnloadPage: true,
        },
    ];
}

/**
 * Steps that tick the consent box, which the payment button waits for.
 *
 * @return {Array<object>} The steps.
 */
function consent() {
    return [
        {
            content: "The payment button waits for the consent",
            trigger: `body[is-ready=true]:has(${PAY_BUTTON}:disabled)`,
        },
        {
            content: "Agree",
            trigger: 'input[name="billpro_consent"]:not(:checked)',
            run: 'click',
        },
    ];
}

/**
 * Steps from the success page to the order portal and back from a payment's details.
 *
 * @return {Array<object>} The steps.
 */
function visitOrderPortal() {
    return [
        {
            content: "The payment is confirmed",
            trigger: '.o_billpro_success [role="status"]:contains("We received your payment of")',
        },
        {
            content: "Go to the order portal",
            trigger: '.o_billpro_success a.btn-primary:contains("Go to order portal")',
            run: 'click',
            expectUnloadPage: true,
        },
        {
            content: "The order is complete",
            trigger: '.o_billpro:contains("Complete"):contains("Billing history")',
        },
        {
            content: "Open the payment",
            trigger: '.o_billpro_history_title a[href*="/payment/"]',
            run: 'click',
            expectUnloadPage: true,
        },
        {
            content: "The payment shows its invoice",
            trigger: '.o_billpro:contains("INV/"):contains("Receipt")',
        },
    ];
}

addTour('pay', () => [
    fitsWindowAndPhone,
    ...consent(),
    ...pay(),
    fitsWindowAndPhone,
    ...visitOrderPortal(),
    fitsWindowAndPhone,
]);

addTour('declined_then_paid', () => [
    ...consent(),
    ...pay('error'),
    {
        content: "The reason is told and the consent is still given",
        trigger:
            '.o_billpro_checkout:has(input[name="billpro_consent"]:checked)'
            + ' .o_billpro_declined:contains("demo payment status: error")',
    },
    ...pay(),
    ...visitOrderPortal(),
]);

addTour('pending_then_paid', () => [
    ...consent(),
    ...pay('pending'),
    {
        content: "The payment is shown as pending and can't be made again",
        trigger: 'body:not(:has(#o_payment_form)) .o_billpro_pending',
        async run() {
            const reference = document.querySelector('.o_billpro_pending').textContent
                .match(/S\d+-P\d+/)[0];
            await rpc('/payment/demo/simulate_payment', {
                reference, simulated_state: 'done', payment_details: '1234',
            });
            await rpc('/payment/status/poll', {});
        },
        expectUnloadPage: true,
    },
    {
        content: "The page resolves by itself",
        trigger: '.o_billpro:contains("Complete"):contains("Billing history")',
    },
]);

addTour('second_tab', () => [
    ...consent(),
    {
        content: "The order is paid in another tab",
        trigger: '#o_payment_form',
        async run() {
            const form = document.querySelector('#o_payment_form');
            const option = form.querySelector('input[name="o_payment_radio"]');
            const { reference } = await rpc(form.dataset.transactionRoute, {
                access_token: form.dataset.accessToken,
                provider_id: Number(option.dataset.providerId),
                payment_method_id: Number(option.dataset.paymentOptionId),
                token_id: null,
                flow: 'direct',
                tokenization_requested: false,
                landing_route: form.dataset.landingRoute,
                amount: Number(form.dataset.amount),
                is_validation: false,
                consent_version: document.querySelector('input[name="billpro_consent"]').value,
                shown: document.querySelector('.o_billpro_checkout').dataset.shown,
            });
            await rpc('/payment/demo/simulate_payment', {
                reference, simulated_state: 'done', payment_details: '1234',
            });
            await rpc('/payment/status/poll', {});
        },
    },
    ...pay(),
    {
        content: "This tab is led to the order portal",
        trigger: '.o_billpro:contains("Complete"):contains("Billing history")',
    },
]);

addTour('refund', () => [
    {
        content: "Open the refund dialog",
        trigger: '.o_form_view button[name="action_open_refund"]',
        run: 'click',
    },
    {
        content: "Refund a part",
        trigger: '.modal div[name="amount"] input',
        run: 'edit 21.00',
    },
    {
        content: "Refund",
        trigger: '.modal button[name="action_refund"]',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("21.00 were refunded")',
    },
    {
        content: "The dialog is closed",
        trigger: 'body:not(:has(.modal))',
    },
]);

addTour('refund_rest', () => [
    {
        content: "Open the refund dialog again",
        trigger: '.o_form_view button[name="action_open_refund"]',
        run: 'click',
    },
    {
        content: "The rest is proposed",
        trigger: '.modal div[name="refundable_amount"]:contains("100.00")',
    },
    {
        content: "Refund it",
        trigger: '.modal button[name="action_refund"]',
        run: 'click',
    },
    {
        content: "It worked",
        trigger: '.o_notification:contains("100.00 were refunded")',
    },
    ...openBillingTab,
    {
        content: "Both refunds are in the totals",
        trigger: '.o_form_view div[name="billing_refunded"]:contains("121.00")',
    },
]);

addTour('order_link_dialog', () => [
    {
        content: "Open the order link",
        trigger: '.o_form_view button[name="action_open_order_link"]',
        run: 'click',
    },
    {
        content: "The link and its QR code are shown",
        trigger: '.modal div[name="link"]:contains("/order/")',
    },
    {
        content: "The QR code is a picture",
        trigger: '.modal div[name="qr_code"] img[src*="qr_code"], .modal div[name="qr_code"] img[src^="data:image/png"]',
    },
    {
        content: "Send it by SMS",
        trigger: '.modal button[name="action_send_sms"]',
        run: 'click',
    },
    {
        content: "It is on its way",
        trigger: '.o_notification:contains("The SMS to +32470123456 is on its way")',
    },
    {
        content: "The order is pending",
        trigger: '.o_form_view div[name="billing_status"]:contains("Pending")',
    },
]);
