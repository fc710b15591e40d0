import { fitsWindowAndPhone } from './phone_layout';
import { checkTexts } from './recurring_steps';
import {
    agreeToCollect,
    answerBank,
    attentionIs,
    cancel,
    cardRow,
    cardsAre,
    change,
    enterNewCard,
    goBackToOrder,
    goToBank,
    historyIs,
    nothingNeedsAttention,
    portalShows,
    press,
    unfoldSpareCards,
    waitForPayment,
} from './self_service_steps';
import { addTour } from './tour';

// #=== PAYMENTS ===#

addTour('soft_decline', () => [
    ...portalShows({ status: "Payment declined" }),
    ...attentionIs({
        level: 'warning',
        title: "$ 24.20 is still to pay",
        text:
            "Your bank declined VISA •••• 4242. There was not enough money in the account."
            + " If you do nothing, we try again on February 11.",
        actions: ["Pay $ 24.20 with VISA •••• 4242", "Update card"],
    }),
    {
        content: "The schedule says the same",
        trigger:
            '.o_billpro_upcoming li:contains("Feb 10, 2027"):contains("$ 24.20")'
            + ':has(.o_billpro_badge:text("Declined"))'
            + ':has(.o_billpro_upcoming_explanation:text("We will try again on February 11."))',
    },
    {
        content: "So does the history",
        trigger:
            '.o_billpro_history tbody tr:first-child'
            + ':has(.o_billpro_history_explanation:contains("not enough money in the account."))'
            + ':has(.o_billpro_history_explanation:contains("We will try again on February 11."))',
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
            + ':contains("Receipt")) .o_billpro_answer:contains("Next payment")'
            + ':contains("$ 24.20 on March 10"):contains("From VISA •••• 4242.")',
    },
]);

addTour('hard_decline', () => [
    ...portalShows({ status: "Suspended" }),
    ...attentionIs({
        level: 'danger',
        title: "Pay $ 72.60 and it goes on at once",
        text:
            "Your bank declined VISA •••• 9987. Your bank can tell you why."
            + " The selected card was declined for good. Please add another."
            + " Nothing is charged by itself while it is stopped.",
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
            ["Feb 10 – Mar 9, 2027", "Feb 10, 2027", "$ 24.20"],
            ["Mar 10 – Apr 9, 2027", "Mar 10, 2027", "$ 24.20"],
            ["Apr 10 – May 9, 2027", "Apr 10, 2027", "$ 24.20"],
        ]),
    }),
    ...waitForPayment("$ 72.60", "VISA •••• 4242"),
    ...portalShows({ status: "Active", notice: "Thank you, your payment was received." }),
    nothingNeedsAttention,
    ...cardsAre("VISA •••• 4242", "1 more saved card"),
    historyIs([["Paid", "$ 72.60"], ["Declined", "$ 24.20"], ["Paid", "$ 24.20"]]),
    {
        content: "The next payment is announced",
        trigger: '.o_billpro_answer:contains("Next payment"):contains("$ 24.20 on May 10")',
    },
]);

// #=== BANK ===#

addTour('bank_refuses', () => [
    ...goToBank(),
    ...answerBank('test-source-fail-3ds'),
    {
        content: "The customer is told, and can try again",
        trigger:
            '.o_billpro_authenticate:has(.o_billpro_authenticate_button:enabled)'
            + ' .o_billpro_authenticate_error[role="alert"]:contains("We are unable to'
            + ' authenticate your payment method.")',
    },
    fitsWindowAndPhone,
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
]);

addTour('bank_confirms', () => [
    ...goToBank(),
    ...answerBank('test-source-authorize-3ds', true),
    ...waitForPayment("$ 24.20", "VISA •••• 3184"),
    ...portalShows({ status: "Active", notice: "Thank you, your payment was received." }),
    nothingNeedsAttention,
    historyIs([["Paid", "$ 24.20"], ["Paid", "$ 24.20"]]),
]);

// #=== OTHER CARDS ===#

addTour('expired_card', () => [
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
    ...cardsAre("MasterCard •••• 4444", "1 more saved card"),
    {
        content: "The new card has an expiry",
        trigger:
            '.o_billpro_payment_card_selected .o_billpro_payment_card_text:text("Expires'
            + ' 12/2034")',
    },
    {
        content: "It is charged next",
        trigger:
            '.o_billpro_answer:contains("$ 24.20 on February 10")'
            + ':contains("From MasterCard •••• 4444.")',
    },
    historyIs([["Paid", "$ 24.20"]]),
]);

addTour('new_card_declined', () => [
    press("Update card", '.o_billpro_attention'),
    ...enterNewCard({
        number: '4000 0000 0000 0341',
        title: "Update card",
        text:
            "The new card is charged for the payments of this order from now on. $ 48.40 are"
            + " outstanding and are collected at once.",
        label: "Save card and pay $ 48.40",
        agree: agreeToCollect("$ 48.40", [
            ["Feb 10 – Mar 9, 2027", "Feb 10, 2027", "$ 24.20"],
            ["Mar 10 – Apr 9, 2027", "Mar 10, 2027", "$ 24.20"],
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
        title: "$ 48.40 is still to pay",
        text:
            "Your bank declined VISA •••• 0341. Your bank can tell you why."
            + " If you do nothing, we try again on March 11.",
        actions: ["Pay $ 48.40 with VISA •••• 0341", "Update card"],
    }),
    ...cardsAre("VISA •••• 0341", "1 more saved card"),
    historyIs([["Declined", "$ 48.40"], ["Declined", "$ 24.20"], ["Paid", "$ 24.20"]]),
]);

addTour('remove_cards', () => [
    ...cardsAre("VISA •••• 0001", "2 more saved cards"),
    unfoldSpareCards,
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
    fitsWindowAndPhone,
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
    unfoldSpareCards,
    {
        content: "Open the confirmation",
        trigger: 'summary:text("Remove VISA •••• 0003")',
        run: 'click',
    },
    {
        content: "Remove the spare card",
        trigger: 'details[open] details[open] button:text("Remove card VISA •••• 0003")',
        run: 'click',
        expectUnloadPage: true,
    },
    ...portalShows({ status: "Active", notice: "The card was removed." }),
    ...cardsAre("VISA •••• 0001", "1 more saved card"),
]);

// #=== LEAVING ===#

addTour('cancel_and_undo', () => [
    ...cancel(
        [
            "You keep access until February 9, 2027, the last day you have paid for.",
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
        status: "Cancelled – access until February 9",
        notice: "Your subscription is cancelled. A confirmation is on its way.",
    }),
    {
        content: "No payment is announced any more, and no card said to be charged",
        trigger:
            '.o_billpro_portal:not(:has(.o_billpro_answer_label, .o_billpro_upcoming,'
            + ' .o_billpro_payment_method)):not(:has(a:text("Cancel subscription")))',
    },
    ...attentionIs({
        level: 'info',
        title: "Yours until February 9",
        text: "Nothing more is charged. Until then you can take the cancellation back.",
        actions: ["Keep my subscription"],
    }),
    press("Keep my subscription", '.o_billpro_attention'),
    ...portalShows({ status: "Active", notice: "Your subscription continues." }),
    nothingNeedsAttention,
    {
        content: "The next payment is announced again",
        trigger: '.o_billpro_answer:contains("Next payment"):contains("$ 24.20 on February 10")',
    },
    ...cardsAre("VISA •••• 4242"),
]);

addTour('cancel_at_once', () => [
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
        content: "Nothing is left to pay, to choose or to cancel; the card can be removed",
        trigger:
            '.o_billpro_portal:not(:has(.o_billpro_answer_label, .o_billpro_upcoming,'
            + ' .o_billpro_payment_card_used, .o_billpro_attention, [action*="/card/select"]))'
            + ':not(:has(a:text("Cancel subscription")))'
            + ' .o_billpro_payment_card summary:contains("Remove")',
    },
    historyIs([["Paid", "$ 24.20"], ["Paid", "$ 24.20"]]),
]);

addTour('contact', () => [
    ...portalShows({ status: "Active" }),
    {
        content: "It can't be cancelled here",
        trigger: '.o_billpro_portal:not(:has(a[href*="/cancel"]))',
    },
    change("Contact us about this order"),
    checkTexts('.o_billpro_heading h1', ["Contact us about this order"]),
    checkTexts('.o_billpro_form_text', [
        "Do you want to end or change this order? Write to us: we will answer by mail.",
    ]),
    fitsWindowAndPhone,
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
]);
