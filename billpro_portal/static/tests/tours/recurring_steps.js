// Steps that the tours of the recurring purchase types share.

import { fitsWindowAndPhone } from './phone_layout';
import { looking, waitUntilRight } from './tour';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';

/**
 * Step that compares the texts of some elements, whitespace aside, with what they must be.
 *
 * @param {string} selector - The elements.
 * @param {Array<string>} expected - The text of each, in the order of the page.
 * @return {object} The step.
 */
export function checkTexts(selector, expected) {
    return {
        content: `${selector} says: ${expected.join(" | ")}`,
        trigger: selector,
        run: looking(async () => {
            const wanted = JSON.stringify(expected);
            await waitUntilRight(() => {
                const texts = JSON.stringify(
                    [...document.querySelectorAll(selector)].map(
                        (element) => element.innerText.replaceAll(/\s+/g, " ").trim()
                    )
                );
                return texts === wanted ? "" : `${selector} says ${texts} and not ${wanted}`;
            });
        }),
    };
}

/**
 * Steps from an open checkout to the success page, with a card that the Demo provider accepts.
 *
 * @param {string} payLabel - The label of the payment button.
 * @return {Array<object>} The steps.
 */
export function enterCard(payLabel) {
    return [
        {
            content: "The customer is told that the card is saved, and can't choose otherwise",
            trigger:
                '.o_billpro_pay:contains("Your card is saved and charged for the later payments")'
                + ':not(:has(input[name="o_payment_tokenize_checkbox"]))',
        },
        {
            content: "The payment button waits for the consent",
            trigger: `body[is-ready=true]:has(${PAY_BUTTON}:disabled)`,
        },
        fitsWindowAndPhone,
        {
            content: "Agree",
            trigger: 'input[name="billpro_consent"]:not(:checked)',
            run: 'click',
        },
        {
            content: "Enter a card",
            trigger: '#customer_input',
            run: 'edit 4242424242424242',
        },
        {
            content: "Send it",
            trigger: `${PAY_BUTTON}:enabled:contains("${payLabel}")`,
            run: 'click',
            expectUnloadPage: true,
        },
    ];
}

/**
 * Steps from the success page to the order portal, where the order is active.
 *
 * @param {string} message - What has been achieved.
 * @param {Array<string>} terms - What the success page says about later payments.
 * @return {Array<object>} The steps.
 */
export function goToOrderPortal(message, terms) {
    return [
        {
            content: "It worked, and the page says what comes later",
            trigger:
                `.o_billpro_success:has([role="status"]:contains("${message}"))`
                + terms.map((term) => `:contains("${term}")`).join(''),
        },
        fitsWindowAndPhone,
        {
            content: "Go to the order portal",
            trigger: '.o_billpro_success a.btn-primary:contains("Go to order portal")',
            run: 'click',
            expectUnloadPage: true,
        },
        {
            content: "The order is active",
            trigger: '.o_billpro_overview_status:contains("Active")',
        },
    ];
}

export const cardIsShown = {
    content: "The card is shown",
    trigger:
        '.o_billpro_payment_method:contains("•••• 4242")'
        + ':contains("This card is charged for this order.")',
};
