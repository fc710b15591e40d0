import { registry } from '@web/core/registry';

import { checkTexts, noHorizontalScrolling } from './recurring_steps';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';

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
function portalShows({ status, notice, level = 'success' }) {
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
        noHorizontalScrolling,
    ];
}

/**
 * Steps in the order portal that check the bar with what needs the customer.
 *
 * @param {object} expected
 * @param {string} expected.level - `danger`, `warning` or `info`.
 * @param {string} expected.title - Its title.
 * @param {string} expected.text - Its text.
 * @param {Array<string>} expected.actions - The labels of its buttons.
 * @return {Array<object>} The steps.
 */
function attentionIs({ level, title, text, actions }) {
    return [
        {
            content: "One thing needs attention",
            trigger: `.o_billpro_attention .o_billpro_alert.alert-${level}:only-of-type`,
        },
        checkTexts('.o_billpro_attention .o_billpro_alert_title', [title]),
        checkTexts('.o_billpro_attention .o_billpro_alert p', [text]),
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
function press(label, within = '.o_billpro') {
    return {
        content: `Press "${label}"`,
        trigger: `${within} .btn:text("${label}")`,
        run: 'click',
        expectUnloadPage: true,
    };
}

const nothingNeedsAttention = {
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
function enterNewCard({ number, title, text, label, agree = [] }) {
    return [
        {
            content: "The provider's form is ready",
            trigger: 'body[is-ready=true] .fake-gateway-card-form input[name="number"]',
        },
        checkTexts('.o_billpro_card_page h1', [title]),
        checkTexts('.o_billpro_form_text', [text]),
        ...agree,
        noHorizontalScrolling,
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
function agreeToCollect(total, payments) {
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
 * Steps that check the payment methods: the name of each, and which one is charged.
 *
 * @param {Array<string>} names - The names, newest first.
 * @param {string} selected - The name of the one that is charged.
 * @return {Array<object>} The steps.
 */
function cardsAre(names, selected) {
    return [
        checkTexts('.o_billpro_payment_card_name', names),
        checkTexts(
            '.o_billpro_payment_card:has(.o_billpro_payment_card_used) h3', [selected]
        ),
        checkTexts('.o_billpro_payment_card_used', ["This card is charged for this order."]),
    ];
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
function waitForPayment(amount, card) {
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
        noHorizontalScrolling,
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
function historyIs(rows) {
    return checkTexts(
        '.o_billpro_history tbody .o_billpro_badge, .o_billpro_history td.o_billpro_history_amount',
        rows.flat(),
    );
}

registry.category('web_tour.tours').add('billpro_portal.soft_decline', {
    steps: () => [
        ...portalShows({ status: "Payment declined" }),
        ...attentionIs({
            level: 'warning',
            title: "Your payment was declined",
            text:
                "$ 24.20 are outstanding. We will try again on 02/11/2027; you can also pay now.",
            actions: ["Pay $ 24.20 with VISA •••• 4242", "Update card"],
        }),
        {
            content: "The schedule says the same",
            trigger:
                '.o_billpro_upcoming li:contains("02/10/2027"):contains("$ 24.20")'
                + ':has(.o_billpro_badge:text("Declined"))'
                + ':has(.o_billpro_upcoming_explanation:text("We will try again on 02/11/2027."))',
        },
        {
            content: "So does the history",
            trigger:
                '.o_billpro_history tbody tr:first-child'
                + ':has(.o_billpro_history_explanation:text("We will try again on 02/11/2027."))',
        },
        press("Pay $ 24.20 with VISA •••• 4242", '.o_billpro_attention'),
        ...waitForPayment("$ 24.20", "VISA •••• 4242"),
        ...portalShows({ status: "Active", notice: "Thank you, your payment was received." }),
        nothingNeedsAttention,
        historyIs([["Paid", "$ 24.20"], ["Declined", "$ 24.20"], ["Paid", "$ 24.20"]]),
        {
            content: "The payment has its documents, and the next one is announced",
            trigger:
                '.o_billpro_portal:has(.o_billpro_history tbody tr:first-child:contains("INV/")'
                + ':contains("Receipt")) .o_billpro_next_payment:contains("03/10/2027")'
                + ':contains("$ 24.20"):contains("VISA •••• 4242")',
        },
    ],
});

registry.category('web_tour.tours').add('billpro_portal.hard_decline', {
    steps: () => [
        ...portalShows({ status: "Suspended" }),
        ...attentionIs({
            level: 'danger',
            title: "Your payment was declined",
            text:
                "$ 72.60 are outstanding. The selected card was declined for good. Please add"
                + " another.",
            actions: ["Update card"],
        }),
        press("Update card", '.o_billpro_attention'),
        ...enterNewCard({
            number: '4242 4242 4242 4242',
            title: "Update card",
            text:
                "The new card is charged for the payments of this order from now on. $ 72.60 are"
                + " outstanding and are collected at once.",
            label: "Save card and pay $ 72.60",
            agree: agreeToCollect("$ 72.60", [
                ["02/10/2027 to 03/09/2027", "02/10/2027", "$ 24.20"],
                ["03/10/2027 to 04/09/2027", "03/10/2027", "$ 24.20"],
                ["04/10/2027 to 05/09/2027", "04/10/2027", "$ 24.20"],
            ]),
        }),
        ...waitForPayment("$ 72.60", "VISA •••• 4242"),
        ...portalShows({ status: "Active", notice: "Thank you, your payment was received." }),
        nothingNeedsAttention,
        ...cardsAre(["VISA •••• 4242", "VISA •••• 9987"], "VISA •••• 4242"),
        historyIs([["Paid", "$ 72.60"], ["Declined", "$ 24.20"], ["Paid", "$ 24.20"]]),
        {
            content: "The next payment is announced",
            trigger: '.o_billpro_next_payment:contains("05/10/2027"):contains("$ 24.20")',
        },
    ],
});

// #=== BANK ===#

/**
 * Steps from the order portal to the bank's question.
 *
 * @return {Array<object>} The steps.
 */
function goToBank() {
    return [
        ...portalShows({ status: "Payment declined" }),
        ...attentionIs({
            level: 'warning',
            title: "Please confirm your payment",
            text: "Your bank wants you to confirm the payment of $ 24.20.",
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
        noHorizontalScrolling,
    ];
}

/**
 * Steps that answer the bank.
 *
 * @param {string} button - The id of the button on the bank's page.
 * @param {boolean} [isConfirmed] - Whether the page is left then.
 * @return {Array<object>} The steps.
 */
function answerBank(button, isConfirmed = false) {
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

const goBackToOrder = {
    content: "Go back to the order",
    trigger: '.o_billpro_back a:contains("Back to order")',
    run: 'click',
    expectUnloadPage: true,
};

registry.category('web_tour.tours').add('billpro_portal.bank_refuses', {
    steps: () => [
        ...goToBank(),
        ...answerBank('test-source-fail-3ds'),
        {
            content: "The customer is told, and can try again",
            trigger:
                '.o_billpro_authenticate:has(.o_billpro_authenticate_button:enabled)'
                + ' .o_billpro_authenticate_error[role="alert"]:contains("We are unable to'
                + ' authenticate your payment method.")',
        },
        noHorizontalScrolling,
        ...answerBank('test-source-fail-3ds'),
        {
            content: "The customer is told again",
            trigger:
                '.o_billpro_authenticate:has(.o_billpro_authenticate_button:enabled)'
                + ' .o_billpro_authenticate_error:contains("We are unable to authenticate your'
                + ' payment method.")',
        },
        goBackToOrder,
        {
            content: "The order still waits for the bank",
            trigger: '.o_billpro_attention .btn:text("Confirm with your bank")',
        },
    ],
});

registry.category('web_tour.tours').add('billpro_portal.bank_confirms', {
    steps: () => [
        ...goToBank(),
        ...answerBank('test-source-authorize-3ds', true),
        ...waitForPayment("$ 24.20", "VISA •••• 3184"),
        ...portalShows({ status: "Active", notice: "Thank you, your payment was received." }),
        nothingNeedsAttention,
        historyIs([["Paid", "$ 24.20"], ["Paid", "$ 24.20"]]),
    ],
});

// #=== OTHER CARDS ===#

registry.category('web_tour.tours').add('billpro_portal.expired_card', {
    steps: () => [
        ...portalShows({ status: "Active" }),
        ...attentionIs({
            level: 'danger',
            title: "Your card has expired",
            text: "VISA •••• 4242 can't be charged any more. Please enter a new one.",
            actions: ["Update card"],
        }),
        checkTexts('.o_billpro_payment_card .o_billpro_badge', ["Expired"]),
        press("Update card", '.o_billpro_attention'),
        {
            content: "There is nothing to agree to",
            trigger:
                '.o_billpro_card_page:not(:has(.o_billpro_outstanding, input[name="collect"]))',
        },
        ...enterNewCard({
            number: '5555 5555 5555 4444',
            title: "Update card",
            text:
                "The new card is charged for the payments of this order from now on. Nothing is"
                + " charged today.",
            label: "Save card",
        }),
        ...portalShows({
            status: "Active",
            notice: "Your card is saved and charged from now on.",
        }),
        nothingNeedsAttention,
        ...cardsAre(["MasterCard •••• 4444", "VISA •••• 4242"], "MasterCard •••• 4444"),
        {
            content: "The new card has an expiry",
            trigger:
                '.o_billpro_payment_card_selected .o_billpro_payment_card_text:text("Expires'
                + ' 12/2034")',
        },
        {
            content: "It is charged next",
            trigger:
                '.o_billpro_next_payment:contains("02/10/2027"):contains("MasterCard •••• 4444")',
        },
        historyIs([["Paid", "$ 24.20"]]),
    ],
});

registry.category('web_tour.tours').add('billpro_portal.new_card_declined', {
    steps: () => [
        press("Update card", '.o_billpro_attention'),
        ...enterNewCard({
            number: '4000 0000 0000 0341',
            title: "Update card",
            text:
                "The new card is charged for the payments of this order from now on. $ 48.40 are"
                + " outstanding and are collected at once.",
            label: "Save card and pay $ 48.40",
            agree: agreeToCollect("$ 48.40", [
                ["02/10/2027 to 03/09/2027", "02/10/2027", "$ 24.20"],
                ["03/10/2027 to 04/09/2027", "03/10/2027", "$ 24.20"],
            ]),
        }),
        ...waitForPayment("$ 48.40", "VISA •••• 0341"),
        ...portalShows({
            status: "Payment declined",
            notice: "The payment was not collected. Nothing was charged.",
            level: 'danger',
        }),
        ...attentionIs({
            level: 'warning',
            title: "Your payment was declined",
            text:
                "$ 48.40 are outstanding. We will try again on 03/11/2027; you can also pay now.",
            actions: ["Pay $ 48.40 with VISA •••• 0341", "Update card"],
        }),
        ...cardsAre(["VISA •••• 0341", "VISA •••• 9987"], "VISA •••• 0341"),
        historyIs([["Declined", "$ 48.40"], ["Declined", "$ 24.20"], ["Paid", "$ 24.20"]]),
    ],
});

/**
 * Return the row of a card.
 *
 * @param {string} name - Its name.
 * @return {string} A selector.
 */
function cardRow(name) {
    return `.o_billpro_payment_card:has(h3:text("${name}"))`;
}

registry.category('web_tour.tours').add('billpro_portal.remove_cards', {
    steps: () => [
        ...cardsAre(
            ["VISA •••• 0003", "VISA •••• 0002", "VISA •••• 0001"], "VISA •••• 0001"
        ),
        {
            content: "The selected card can be neither selected nor removed",
            trigger: `${cardRow("VISA •••• 0001")}:not(:has(form))`,
        },
        {
            content: "Another order's card can be selected, but not removed; it says why",
            trigger:
                `${cardRow("VISA •••• 0002")}:has(form[action*="/card/select"])`
                + ':not(:has(form[action*="/card/remove"]))'
                + ' .o_billpro_payment_card_text:text("Charged for GYM-2, too.")',
        },
        {
            content: "A spare card can be removed, after a confirmation",
            trigger:
                `${cardRow("VISA •••• 0003")}:not(:has(button:text("Remove card VISA •••• 0003")`
                + ':visible)) summary:text("Remove VISA •••• 0003")',
            run: 'click',
        },
        {
            content: "The confirmation says what happens",
            trigger:
                `${cardRow("VISA •••• 0003")} details[open] p:text("The card is deleted. To use it`
                + ' again, you have to enter it anew.")',
        },
        noHorizontalScrolling,
        {
            content: "Ask to remove the other order's card instead",
            trigger:
                `${cardRow("VISA •••• 0003")} form[action*="/card/remove"] button[type="submit"]`,
            run({ click }) {
                const form = this.anchor.form;
                const cards = [...document.querySelectorAll('.o_billpro_payment_card')];
                const used = cards.find((card) => card.textContent.includes("Charged for GYM-2"));
                form.elements['token_id'].value = used.querySelector('[name="token_id"]').value;
                return click(this.anchor);
            },
            expectUnloadPage: true,
        },
        ...portalShows({
            status: "Active",
            notice:
                "VISA •••• 0002 can't be removed: it is charged for GYM-2. Choose another card"
                + " there first.",
            level: 'danger',
        }),
        {
            content: "Open the confirmation",
            trigger: 'summary:text("Remove VISA •••• 0003")',
            run: 'click',
        },
        {
            content: "Remove the spare card",
            trigger: 'details[open] button:text("Remove card VISA •••• 0003")',
            run: 'click',
            expectUnloadPage: true,
        },
        ...portalShows({ status: "Active", notice: "The card was removed." }),
        ...cardsAre(["VISA •••• 0002", "VISA •••• 0001"], "VISA •••• 0001"),
    ],
});

// #=== LEAVING ===#

/**
 * Steps from the order portal that cancel the subscription.
 *
 * @param {Array<string>} consequences - What the page says will happen.
 * @param {Array<object>} [fillIn] - Steps before it is confirmed.
 * @return {Array<object>} The steps.
 */
function cancel(consequences, fillIn = []) {
    return [
        ...portalShows({ status: "Active" }),
        nothingNeedsAttention,
        press("Cancel subscription"),
        {
            content: "The page says what it is about",
            trigger: '.o_billpro_heading h1:text("Cancel your subscription")',
        },
        checkTexts('.o_billpro_consequences li', consequences),
        noHorizontalScrolling,
        ...fillIn,
        press("Cancel subscription", '.o_billpro_form'),
    ];
}

registry.category('web_tour.tours').add('billpro_portal.cancel_and_undo', {
    steps: () => [
        ...cancel(
            [
                "You keep access until 02/09/2027, the last day you have paid for.",
                "Nothing more is charged to your card.",
                "What you have paid already is not refunded.",
                "You can change your mind until then.",
            ],
            [
                {
                    content: "Say why",
                    trigger: '.o_billpro_form label:text("I don\'t use it enough")',
                    run: 'click',
                },
                {
                    content: "Say more",
                    trigger: '.o_billpro_form textarea[name="note"]',
                    run: 'edit The pool is closed.',
                },
            ],
        ),
        ...portalShows({
            status: "Cancelled – access until 02/09/2027",
            notice: "Your subscription is cancelled. A confirmation is on its way.",
        }),
        {
            content: "No payment is announced any more, and no card said to be charged",
            trigger:
                '.o_billpro_portal:not(:has(.o_billpro_next_payment, .o_billpro_upcoming,'
                + ' .o_billpro_payment_method)):not(:has(.btn:text("Cancel subscription")))',
        },
        ...attentionIs({
            level: 'info',
            title: "Your subscription is cancelled",
            text: "You have access until 02/09/2027. Nothing more is charged.",
            actions: ["Keep my subscription"],
        }),
        press("Keep my subscription", '.o_billpro_attention'),
        ...portalShows({ status: "Active", notice: "Your subscription continues." }),
        nothingNeedsAttention,
        {
            content: "The next payment is announced again",
            trigger: '.o_billpro_next_payment:contains("02/10/2027"):contains("$ 24.20")',
        },
        ...cardsAre(["VISA •••• 4242"], "VISA •••• 4242"),
    ],
});

registry.category('web_tour.tours').add('billpro_portal.cancel_at_once', {
    steps: () => [
        ...cancel([
            "Your subscription ends at once.",
            "Nothing more is charged to your card.",
            "What you have paid already is not refunded.",
        ]),
        ...portalShows({
            status: "Cancelled",
            notice: "Your subscription is cancelled. A confirmation is on its way.",
        }),
        nothingNeedsAttention,
        {
            content: "Nothing is left to pay, to choose or to cancel",
            trigger:
                '.o_billpro_portal:not(:has(.o_billpro_next_payment, .o_billpro_upcoming,'
                + ' .o_billpro_payment_method, form)):not(:has(.btn:text("Cancel subscription")))',
        },
        historyIs([["Paid", "$ 24.20"], ["Paid", "$ 24.20"]]),
    ],
});

registry.category('web_tour.tours').add('billpro_portal.contact', {
    steps: () => [
        ...portalShows({ status: "Active" }),
        {
            content: "It can't be cancelled here",
            trigger: '.o_billpro_portal:not(:has(a[href*="/cancel"]))',
        },
        press("Contact us about this order"),
        checkTexts('.o_billpro_heading h1', ["Contact us about this order"]),
        checkTexts('.o_billpro_form_text', [
            "Do you want to end or change this order? Write to us: we will answer by mail.",
        ]),
        noHorizontalScrolling,
        {
            content: "Write a message",
            trigger: '.o_billpro_form textarea[name="message"]:required',
            run: 'edit May I stop in <b>March</b>?',
        },
        press("Send message", '.o_billpro_form'),
        ...portalShows({
            status: "Active",
            notice: "Your message was sent. We will answer it.",
        }),
    ],
});
