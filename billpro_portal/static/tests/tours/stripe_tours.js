// Stripe's published test cards, entered in the card form at the checkout.

import { rpc } from '@web/core/network/rpc';

import { fitsWindowAndPhone } from './phone_layout';
import { answerBank } from './self_service_steps';
import { addTour } from './tour';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';
const CARD_FORM = '.fake-gateway-card-form';
const BANK = '.fake-gateway-3d-secure';
const COMPLETE = 'test-source-authorize-3ds';
const FAIL = 'test-source-fail-3ds';

const DECLINED = "Your card was declined.";
const NO_FUNDS = "Your card has insufficient funds.";
const NOT_AUTHENTICATED = "We are unable to authenticate your payment method.";
// In the order of Stripe's documentation, "Testing"; with the bank's question first, if it asks.
const DECLINES = [
    { number: '4000000000000002', message: DECLINED },
    { number: '4000000000009995', message: NO_FUNDS },
    { number: '4000000000009987', message: DECLINED },
    { number: '4000000000009979', message: DECLINED },
    { number: '4000000000000069', message: "Your card has expired." },
    { number: '4000000000000127', message: "Your card's security code is incorrect." },
    { number: '4000000000000119', message: "An error occurred while processing your card." },
    { number: '4000000000006975', message: "making repeated attempts too frequently" },
    { number: '4100000000000019', message: DECLINED },
    { number: '4000000000000341', message: DECLINED },
    { number: '4000008260003178', message: NO_FUNDS, answer: COMPLETE },
    { number: '4000008400001629', message: DECLINED, answer: COMPLETE },
];

// #=== STEPS ===#

const agree = [
    {
        content: "The payment button waits for the consent",
        trigger: `body[is-ready=true]:has(${CARD_FORM}):has(${PAY_BUTTON}:disabled)`,
    },
    fitsWindowAndPhone,
    {
        content: "Agree",
        trigger: 'input[name="billpro_consent"]:not(:checked)',
        run: 'click',
    },
];

/**
 * Steps that enter a card and send it.
 *
 * @param {object} card
 * @param {string} card.number - The number of a test card.
 * @param {string} [card.answer] - The id of the button that answers the bank, if it asks.
 * @param {boolean} [isApproved] - Whether the page is left then.
 * @return {Array<object>} The steps.
 */
function pay({ number, answer }, isApproved = true) {
    const leave = isApproved && { expectUnloadPage: true };
    const steps = [];
    for (const [name, value] of [['number', number], ['expiry', '12 / 34'], ['cvc', '123']]) {
        steps.push({
            content: `Enter the ${name} of the card that ends in ${number.slice(-4)}`,
            trigger: `${CARD_FORM} input[name="${name}"]`,
            run: `edit ${value}`,
        });
    }
    steps.push({
        content: "Send it",
        trigger: `${PAY_BUTTON}:enabled:contains("Order with obligation to pay")`,
        run: 'click',
        ...(!answer && leave),
    });
    if (answer) {
        steps.push({
            content: "Answer the bank",
            trigger: `${BANK} #${answer}`,
            run: 'click',
            ...leave,
        });
    }
    return steps;
}

/**
 * Steps that read why a card was refused, and find the checkout as it was.
 *
 * @param {string} message - The reason.
 * @return {Array<object>} The steps.
 */
function readDecline(message) {
    return [
        {
            content: `The customer reads: ${message}`,
            trigger:
                '.modal:has(.modal-title:contains("Payment processing failed"))'
                + ` .modal-body:contains("${message}")`,
        },
        {
            content: "Close it",
            trigger: '.modal .modal-footer .btn-primary',
            run: 'click',
        },
        {
            content: "The order can still be paid, and nothing is under way",
            trigger: `body:not(:has(.modal)) .o_billpro_checkout:has(${PAY_BUTTON}:enabled)`,
            async run() {
                const { stateRoute, accessToken } = this.anchor.dataset;
                const state = await rpc(stateRoute, { 'access_token': accessToken });
                if (!state.payable || state.pending) {
                    console.error(`After "${message}" the state is ${JSON.stringify(state)}`);
                }
            },
        },
    ];
}

/**
 * Steps from the success page to the order portal.
 *
 * @param {string} status - The status that it shows.
 * @param {string} [message] - What the success page says.
 * @return {Array<object>} The steps.
 */
function arrive(status, message = "We received your payment of") {
    return [
        {
            content: "It worked",
            trigger: `.o_billpro_success [role="status"]:contains("${message}")`,
        },
        {
            content: "Go to the order portal",
            trigger: '.o_billpro_success a.btn-primary:contains("Go to order portal")',
            run: 'click',
            expectUnloadPage: true,
        },
        {
            content: `The order is ${status}`,
            trigger: `.o_billpro_overview_status:contains("${status}")`,
        },
    ];
}

// #=== TOURS ===#

/**
 * Add a tour that begins at an open checkout.
 *
 * @param {string} name - Its name, after `billpro_portal.stripe_`.
 * @param {Function} steps - Gives the steps that follow the consent.
 * @return {void}
 */
function addCheckoutTour(name, steps) {
    addTour(`stripe_${name}`, () => [...agree, ...steps()]);
}

for (const [name, card] of Object.entries({
    visa: { number: '4242 4242 4242 4242' },
    mastercard: { number: '5555555555554444' },
    amex: { number: '3782 822463 10005' },
    disputed: { number: '4000000000000259' },
    bank_always: { number: '4000002760003184', answer: COMPLETE },
    bank_requested: { number: '4000000000003220', answer: COMPLETE },
})) {
    addCheckoutTour(name, () => [...pay(card), ...arrive("Complete")]);
}

for (const [name, card] of Object.entries({
    mastercard: { number: '5555555555554444' },
    bank_once: { number: '4000002500003155', answer: COMPLETE },
    bank_always: { number: '4000002760003184', answer: COMPLETE },
})) {
    addCheckoutTour(`subscription_${name}`, () => [...pay(card), ...arrive("Active")]);
}

for (const [name, card] of Object.entries({
    charge_fails: { number: '4000000000000341' },
    bank_once: { number: '4000002500003155', answer: COMPLETE },
})) {
    addCheckoutTour(`register_${name}`, () => [
        ...pay(card),
        ...arrive("Active", "Your card is registered"),
    ]);
}

addCheckoutTour('register_declines', () => [
    ...DECLINES.slice(0, 2).flatMap((card) => [
        ...pay(card, false),
        ...readDecline(card.message),
    ]),
    ...pay({ number: '4000002500003155', answer: FAIL }, false),
    ...readDecline(NOT_AUTHENTICATED),
    ...pay({ number: '4242424242424242' }),
    ...arrive("Active", "Your card is registered"),
]);

addCheckoutTour('declines', () => [
    ...DECLINES.flatMap((card) => [...pay(card, false), ...readDecline(card.message)]),
    fitsWindowAndPhone,
    ...pay({ number: '4242424242424242' }),
    ...arrive("Complete"),
]);

addCheckoutTour('bank_refuses', () => [
    ...pay({ number: '4000002760003184', answer: FAIL }, false),
    ...readDecline(NOT_AUTHENTICATED),
    fitsWindowAndPhone,
    ...pay({ number: '4000002760003184', answer: COMPLETE }),
    ...arrive("Complete"),
]);

addCheckoutTour('bank_left', () => [
    ...pay({ number: '4000002760003184' }, false),
    {
        content: "The customer leaves the bank's question, and comes back",
        trigger: BANK,
        run: () => window.location.reload(),
        expectUnloadPage: true,
    },
    {
        content: "The checkout is open, with the consent as it was given",
        trigger:
            `body[is-ready=true]:not(:has(${BANK})):has(${CARD_FORM})`
            + ' input[name="billpro_consent"]:checked',
    },
    ...pay({ number: '4242424242424242' }),
    ...arrive("Complete"),
]);

addTour('stripe_stored_card', () => [
    {
        content: "Choose the stored card",
        trigger:
            'body[is-ready=true] input[name="o_payment_radio"]'
            + '[data-payment-option-type="token"]',
        run: 'click',
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
        content: "Look at the checkout before the bank is asked",
        trigger: '.o_billpro_back a:contains("Back to order")',
        run: 'click',
        expectUnloadPage: true,
    },
    fitsWindowAndPhone,
    {
        content: "It leads to the bank",
        trigger:
            '.o_billpro_checkout .alert:contains("Your bank wants you to confirm the payment of'
            + ' $ 24.20") a:contains("Confirm with your bank")',
        run: 'click',
        expectUnloadPage: true,
    },
    ...answerBank(COMPLETE, true),
    ...arrive("Active"),
]);
