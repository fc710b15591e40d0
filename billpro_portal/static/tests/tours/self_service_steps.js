import { fitsWindowAndPhone } from './phone_layout';
import { checkTexts } from './recurring_steps';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';
const SPARE_CARDS = '.o_billpro_payment_method > .o_billpro_fold';

// #=== PAGES ===#

/**
 * Steps in the order portal that check what it says of the order as a whole.
 *
 * @param {object} expected
 * @param {string} expected.status - The order's status.
 * @param {string} [expected.notice] - What the last action did.
 * @param {string} [expected.level] - Whether that is a `success` or `danger`.
 * @return {Array<object>} The steps.
 */
export function portalShows({ status, notice, level = 'success' }) {
    const role = level === 'success' ? 'status' : 'alert';
    return [
        ...(notice
            ? [
                {
                    content: `The customer is told: ${notice}`,
                    trigger: `.o_billpro_page_notice.alert-${level}[role="${role}"]:focus`,
                },
                checkTexts('.o_billpro_page_notice_text', [notice]),
            ]
            : []),
        checkTexts('.o_billpro_overview_status .o_billpro_badge', [status]),
        fitsWindowAndPhone,
    ];
}

/**
 * Steps in the order portal that check the answer with what needs the customer.
 *
 * @param {object} expected
 * @param {string} expected.level - `danger`, `warning` or `info`.
 * @param {string} expected.title - Its title.
 * @param {string} expected.text - Its text.
 * @param {Array<string>} expected.actions - The labels of its buttons.
 * @return {Array<object>} The steps.
 */
export function attentionIs({ level, title, text, actions }) {
    return [
        {
            content: "One thing needs attention",
            trigger: `.o_billpro_attention.o_billpro_answer_${level}`,
        },
        checkTexts('.o_billpro_attention .o_billpro_answer_title', [title]),
        checkTexts('.o_billpro_attention .o_billpro_answer_text', [text]),
        checkTexts('.o_billpro_attention .btn', actions),
    ];
}

/**
 * Step that follows a link or sends a form.
 *
 * @param {string} label - The label of the link or button, as a whole.
 * @param {string} [within] - Where it is.
 * @return {object} The step.
 */
export function press(label, within = '.o_billpro') {
    return {
        content: `Press "${label}"`,
        trigger: `${within} .btn:text("${label}")`,
        run: 'click',
        expectUnloadPage: true,
    };
}

/**
 * Step that follows the link beside a fact, to what changes it.
 *
 * @param {string} label - The label of the link, as a whole.
 * @return {object} The step.
 */
export function change(label) {
    return {
        content: `Follow "${label}"`,
        trigger: `.o_billpro_fact_action a:text("${label}")`,
        run: 'click',
        expectUnloadPage: true,
    };
}

export const nothingNeedsAttention = {
    content: "Nothing needs attention",
    trigger: '.o_billpro_portal:not(:has(.o_billpro_attention))',
};

// #=== CARDS ===#

/**
 * Steps on the page of a new card, to the click on its button.
 *
 * @param {object} card
 * @param {string} card.number - The number of a test card.
 * @param {string} card.title - The title of the page.
 * @param {string} card.text - What it says will happen.
 * @param {string} card.label - The label of the button.
 * @param {Array<object>} [card.agree] - Steps before the card is entered.
 * @return {Array<object>} The steps.
 */
export function enterNewCard({ number, title, text, label, agree = [] }) {
    return [
        {
            content: "The provider's form is ready",
            trigger: 'body[is-ready=true] .fake-gateway-card-form input[name="number"]',
        },
        checkTexts('.o_billpro_card_page h1', [title]),
        checkTexts('.o_billpro_form_text', [text]),
        ...agree,
        fitsWindowAndPhone,
        {
            content: "Enter the number",
            trigger: '.fake-gateway-card-form input[name="number"]',
            run: `edit ${number}`,
        },
        {
            content: "Enter the expiry",
            trigger: '.fake-gateway-card-form input[name="expiry"]',
            run: 'edit 12 / 34',
        },
        {
            content: "Enter the security code",
            trigger: '.fake-gateway-card-form input[name="cvc"]',
            run: 'edit 123',
        },
        {
            content: "Send it",
            trigger: `${PAY_BUTTON}:enabled:text("${label}")`,
            run: 'click',
            expectUnloadPage: true,
        },
    ];
}

/**
 * Steps on the page of a new card that agree to collect what is outstanding with it.
 *
 * @param {string} total - The amount.
 * @param {Array<Array<string>>} payments - Period, date and amount of each payment.
 * @return {Array<object>} The steps.
 */
export function agreeToCollect(total, payments) {
    return [
        checkTexts('.o_billpro_outstanding li p', payments.flat()),
        checkTexts('.o_billpro_outstanding_total dd', [total]),
        checkTexts('label[for="billpro_collect"]', [`Charge ${total} to this card now`]),
        {
            content: "The button waits for the consent, and it says so",
            trigger:
                `.o_billpro_card_page:has(${PAY_BUTTON}[aria-describedby="billpro_collect_hint"]`
                + ':disabled) #billpro_collect_hint:text("Please tick the box to agree: the button'
                + ' stays disabled until you do.")',
        },
        {
            content: "Agree",
            trigger: 'input[name="collect"]:not(:checked)',
            run: 'click',
        },
        {
            content: "The button waits no more",
            trigger:
                `.o_billpro_card_page:has(${PAY_BUTTON}:enabled)`
                + ':has(#billpro_collect_hint.d-none)',
        },
    ];
}

/**
 * Steps that check the payment methods: the card that is charged, and what is behind the fold.
 *
 * @param {string} selected - The name of the card.
 * @param {string} [spare] - What the fold says, if there are other cards.
 * @return {Array<object>} The steps.
 */
export function cardsAre(selected, spare) {
    return [
        checkTexts('.o_billpro_payment_method > ul h3', [selected]),
        checkTexts('.o_billpro_payment_card_used', ["This card is charged for this order."]),
        ...(spare ? [checkTexts(`${SPARE_CARDS} > summary`, [spare])] : []),
    ];
}

/** Step that unfolds the cards which the order doesn't use. */
export const unfoldSpareCards = {
    content: "The spare cards are folded away",
    trigger: `${SPARE_CARDS}:not([open]) > summary`,
    run: 'click',
};

/**
 * Return the row of a card.
 *
 * @param {string} name - Its name.
 * @return {string} A selector.
 */
export function cardRow(name) {
    return `.o_billpro_payment_card:has(h3:text("${name}"))`;
}

// #=== PAYMENTS ===#

/**
 * Steps on the page on which the customer waits for a payment. The test lets the payment go on when
 * the cookie says that the page was seen.
 *
 * @param {string} amount - The amount.
 * @param {string} card - The name of the card.
 * @return {Array<object>} The steps.
 */
export function waitForPayment(amount, card) {
    return [
        {
            content: "The page says that the payment is being collected",
            trigger: '.o_billpro_progress h1:text("We are collecting your payment")',
        },
        checkTexts(
            '.o_billpro_lead', ["We are collecting your payment. Please stay on this page."]
        ),
        {
            content: "What is collected, with what",
            trigger:
                `.o_billpro_charge:has(dd:text("${amount}")):has(dd:text("${card}"))`,
        },
        fitsWindowAndPhone,
        {
            content: "It goes on by itself",
            trigger:
                '.o_billpro_progress_wait:text("This page goes on by itself as soon as there is a'
                + ' result.")',
            run() {
                document.cookie = 'billpro_progress_seen=1; path=/';
            },
            expectUnloadPage: true,
        },
    ];
}

/**
 * Step that checks the billing history, newest first: status and amount of each payment.
 *
 * @param {Array<Array<string>>} rows - Status and amount.
 * @return {object} The step.
 */
export function historyIs(rows) {
    return checkTexts(
        '.o_billpro_history tbody .o_billpro_badge, .o_billpro_history td.o_billpro_history_amount',
        rows.flat(),
    );
}

// #=== BANK ===#

/**
 * Steps from the order portal to the bank's question.
 *
 * @return {Array<object>} The steps.
 */
export function goToBank() {
    return [
        ...portalShows({ status: "Payment declined" }),
        ...attentionIs({
            level: 'warning',
            title: "$ 24.20 waits for your OK",
            text: "Your bank wants you to confirm it. Nothing is charged before.",
            actions: ["Confirm with your bank", "Update card"],
        }),
        press("Confirm with your bank", '.o_billpro_attention'),
        {
            content: "The page says what is to be confirmed",
            trigger: '.o_billpro_authenticate h1:text("Confirm your payment")',
        },
        checkTexts('.o_billpro_lead', [
            "Your bank asks you to confirm this payment. It is the same payment: you are charged"
            + " once.",
        ]),
        {
            content: "What is charged, and to what",
            trigger:
                '.o_billpro_charge:has(dd:text("$ 24.20")):has(dd:text("VISA •••• 3184"))',
        },
        fitsWindowAndPhone,
    ];
}

/**
 * Steps that answer the bank.
 *
 * @param {string} button - The id of the button on the bank's page.
 * @param {boolean} [isConfirmed] - Whether the page is left then.
 * @return {Array<object>} The steps.
 */
export function answerBank(button, isConfirmed = false) {
    return [
        {
            content: "Ask the bank",
            trigger: '.o_billpro_authenticate_button:enabled:text("Confirm with your bank")',
            run: 'click',
        },
        {
            content: "The button waits for the bank's answer",
            trigger: '.o_billpro_authenticate:has(.o_billpro_authenticate_button:disabled)',
        },
        {
            content: "Answer the bank",
            trigger: `.fake-gateway-3d-secure #${button}`,
            run: 'click',
            ...(isConfirmed && { expectUnloadPage: true }),
        },
    ];
}

export const goBackToOrder = {
    content: "Go back to the order",
    trigger: '.o_billpro_back a:contains("Back to order")',
    run: 'click',
    expectUnloadPage: true,
};

// #=== LEAVING ===#

/**
 * Steps from the order portal that cancel the subscription.
 *
 * @param {Array<string>} consequences - What the page says will happen.
 * @param {Array<object>} [fillIn] - Steps before it is confirmed.
 * @return {Array<object>} The steps.
 */
export function cancel(consequences, fillIn = []) {
    return [
        ...portalShows({ status: "Active" }),
        nothingNeedsAttention,
        change("Cancel subscription"),
        {
            content: "The page says what it is about",
            trigger: '.o_billpro_heading h1:text("Cancel your subscription")',
        },
        checkTexts('.o_billpro_consequences li', consequences),
        fitsWindowAndPhone,
        ...fillIn,
        press("Cancel subscription", '.o_billpro_form'),
    ];
}
