import { fitsWindowAndPhone } from './phone_layout';
import { cardIsShown, enterCard, goToOrderPortal } from './recurring_steps';
import { addTour } from './tour';

// From 31 January of a leap year over the beginning of daylight saving time.
const DATES = ["February 29, 2028", "March 31, 2028", "April 30, 2028"];
// As the order portal writes them, and in its answer.
const ROW_DATES = ["Feb 29, 2028", "Mar 31, 2028", "Apr 30, 2028"];
const DAYS = ["February 29", "March 31", "April 30"];

/**
 * Return a selector for what shows an amount and no other number.
 *
 * @param {string} amount - The amount without its currency.
 * @return {string} The selector.
 */
function showing(amount) {
    return `:contains(/^\\D*${amount.replace('.', '\\.')}\\D*$/)`;
}

/**
 * Steps on an open checkout: what is paid in all and today, the dated schedule and the balance.
 *
 * @param {object} expected
 * @param {string} expected.today - What is charged today.
 * @param {Array<string>} expected.amounts - The amounts of the instalments.
 * @param {string} expected.balance - What is left to pay.
 * @return {Array<object>} The steps.
 */
function checkTerms({ today, amounts, balance }) {
    const [first, , last] = amounts;
    const rows = [
        ["Order total", showing("121.00")],
        [
            "Instalments",
            ["2 ×", first, "and", last, "every month"]
                .map((text) => `:contains("${text}")`)
                .join(''),
        ],
        ...DATES.map((date, index) => [date, showing(amounts[index])]),
        ["Balance after today", showing(balance)],
    ];
    return [
        {
            content: "The checkout says what is paid today",
            trigger: `.o_billpro_today:contains("To pay today") dd${showing(today)}`,
        },
        ...rows.map(([label, selector], index) => ({
            content: `The checkout lists: ${label}`,
            trigger:
                `.o_billpro_pay .o_billpro_amount:nth-child(${index + 1})`
                + `:has(dt:contains("${label}")):has(dd${selector})`,
        })),
        {
            content: "It lists nothing else",
            trigger: `.o_billpro_pay .o_billpro_amount:nth-child(${rows.length}):last-child`,
        },
    ];
}

/**
 * Steps in the order portal: what was paid, what is left, and the payments still to come.
 *
 * @param {object} expected
 * @param {string} expected.paid - What was paid.
 * @param {string} expected.balance - What is left to pay.
 * @param {Array<string>} expected.amounts - The amounts of all instalments.
 * @param {number} expected.collected - How many of them were collected.
 * @return {Array<object>} The steps.
 */
function checkSchedule({ paid, balance, amounts, collected = 0 }) {
    const rows = ROW_DATES.map((date, index) => [date, amounts[index]]).slice(collected);
    const [[, amount]] = rows;
    return [
        {
            content: "The order is active",
            trigger: '.o_billpro_overview_status:contains("Active")',
        },
        checkProgress(paid, balance, collected),
        {
            content: "The answer is the next payment and its card",
            trigger:
                `.o_billpro_answer:contains("Next payment"):contains("${DAYS[collected]}")`
                + `:contains("${amount}"):contains("•••• 4242")`,
        },
        ...rows.map(([date, value], index) => ({
            content: `The payment of ${date} is to come`,
            trigger:
                `.o_billpro_upcoming li:nth-child(${index + 1}):contains("${date}")`
                + `:contains("${value}"):contains("•••• 4242")`
                + `:contains("Instalment ${collected + index + 1} of 3")`,
        })),
        {
            content: "There is no other",
            trigger: `.o_billpro_upcoming li:nth-child(${rows.length}):last-child`,
        },
        cardIsShown,
        fitsWindowAndPhone,
    ];
}

/**
 * Step in the order portal that reads how much of the order is paid.
 *
 * @param {string} paid - What was paid.
 * @param {string} balance - What is left to pay.
 * @param {number} collected - How many instalments were collected.
 * @return {object} The step.
 */
function checkProgress(paid, balance, collected) {
    return {
        content: "The answer says how much is paid",
        trigger:
            `.o_billpro_answer:contains("${collected} of 3 instalments are paid")`
            + `:has(.o_billpro_scale span:first-child${showing(paid)}:contains("paid"))`
            + `:has(.o_billpro_scale span:last-child${showing(balance)}:contains("to go"))`
            + `:has(.o_billpro_steps > :nth-child(3):last-child)`,
    };
}

/**
 * Steps in the order portal after an instalment was collected.
 *
 * @param {string} date - The date of the last payment.
 * @param {string} amount - The amount of the last payment.
 * @param {number} count - How many payments the history lists.
 * @return {Array<object>} The steps.
 */
function checkHistory(date, amount, count) {
    return [
        {
            content: "The history lists all payments",
            trigger: `.o_billpro_history:has(tbody tr:nth-child(${count}):last-child)`,
        },
        {
            content: "The last payment is on top, with its documents",
            trigger:
                `.o_billpro_history tbody tr:first-child:contains("${date}")`
                + `:contains("${amount}"):contains("Paid"):contains("INV/"):contains("Receipt")`,
        },
        {
            content: "The deposit is at the bottom",
            trigger:
                '.o_billpro_history tbody tr:last-child:contains("Jan 31, 2028"):contains("21.00")',
        },
    ];
}

const AMOUNTS = ["33.33", "33.33", "33.34"];
const AMOUNTS_WITHOUT_DEPOSIT = ["40.33", "40.33", "40.34"];

addTour('instalments', () => [
    ...checkTerms({
        today: "21.00",
        amounts: AMOUNTS,
        balance: "100.00",
    }),
    ...enterCard("Order with obligation to pay"),
    ...goToOrderPortal("We received your payment of", ["Instalments", ...DATES, "33.34"]),
    ...checkSchedule({ paid: "21.00", balance: "100.00", amounts: AMOUNTS }),
]);

addTour('instalments_without_deposit', () => [
    {
        content: "The checkout says that nothing is charged today",
        trigger:
            '.o_billpro_today_note:contains("Nothing is charged today. Your card is saved for'
            + ' the later payments.")',
    },
    ...checkTerms({
        today: "0.00",
        amounts: AMOUNTS_WITHOUT_DEPOSIT,
        balance: "121.00",
    }),
    ...enterCard("Order with obligation to pay"),
    ...goToOrderPortal("Your card is registered", ["Instalments", ...DATES, "40.34"]),
    ...checkSchedule({ paid: "0.00", balance: "121.00", amounts: AMOUNTS_WITHOUT_DEPOSIT }),
    {
        content: "No payment was made",
        trigger: '.o_billpro_portal:contains("No payments yet")',
    },
]);

for (const [tour, date, figures] of [
    ['instalments_february', ROW_DATES[0], { paid: "54.33", balance: "66.67", collected: 1 }],
    ['instalments_march', ROW_DATES[1], { paid: "87.66", balance: "33.34", collected: 2 }],
]) {
    addTour(tour, () => [
        ...checkHistory(date, AMOUNTS[figures.collected - 1], figures.collected + 1),
        ...checkSchedule({ ...figures, amounts: AMOUNTS }),
    ]);
}

addTour('instalments_complete', () => [
    {
        content: "The order is complete",
        trigger: '.o_billpro_overview_status:contains("Complete")',
    },
    checkProgress("121.00", "0.00", 3),
    {
        content: "Nothing is to come, and no card is charged any more",
        trigger:
            '.o_billpro_portal:not(:has(.o_billpro_answer_label, .o_billpro_upcoming,'
            + ' .o_billpro_payment_card_used))',
    },
    ...checkHistory(ROW_DATES[2], AMOUNTS[2], 4),
    fitsWindowAndPhone,
    {
        content: "Open the last payment",
        trigger: '.o_billpro_history tbody tr:first-child a[href*="/payment/"]',
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "Its invoice deducts what was paid before",
        trigger:
            '.o_billpro_payment:contains("INV/"):contains("Course")'
            + ' .o_billpro_amount_strong:contains("Total"):contains("33.34")',
    },
    fitsWindowAndPhone,
]);
