import { fitsWindowAndPhone } from './phone_layout';
import { cardIsShown, enterCard, goToOrderPortal } from './recurring_steps';
import { addTour } from './tour';

// From 31 January of a leap year over the beginning of daylight saving time.
const DATES = ["02/29/2028", "03/31/2028", "04/30/2028"];

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
    const rows = DATES.map((date, index) => [date, amounts[index]]).slice(collected);
    const [[next, amount]] = rows;
    return [
        {
            content: "The order is active",
            trigger: '.o_billpro_overview_status:contains("Active")',
        },
        ...checkFigures(paid, balance),
        {
            content: "The header shows the next payment and its card",
            trigger:
                `.o_billpro_next_payment:contains("${next}"):contains("${amount}")`
                + ':contains("•••• 4242")',
        },
        ...rows.map(([date, value], index) => ({
            content: `The payment of ${date} is to come`,
            trigger:
                `.o_billpro_upcoming li:nth-child(${index + 1}):contains("${date}")`
                + `:contains("${value}"):contains("Scheduled")`
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
 * Steps in the order portal that read the figures of its header.
 *
 * @param {string} paid - What was paid.
 * @param {string} balance - What is left to pay.
 * @return {Array<object>} The steps.
 */
function checkFigures(paid, balance) {
    return [["Order total", "121.00"], ["Paid", paid], ["Balance", balance]].map(
        ([label, value]) => ({
            content: `The header shows: ${label}`,
            trigger:
                `.o_billpro_figure:has(dt:contains("${label}"))`
                + `:has(dd${showing(value)})`,
        })
    );
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
                '.o_billpro_history tbody tr:last-child:contains("01/31/2028"):contains("21.00")',
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
    ...enterCard("Pay"),
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
    ...enterCard("Register card"),
    ...goToOrderPortal("Your card is registered", ["Instalments", ...DATES, "40.34"]),
    ...checkSchedule({ paid: "0.00", balance: "121.00", amounts: AMOUNTS_WITHOUT_DEPOSIT }),
    {
        content: "No payment was made",
        trigger: '.o_billpro_portal:contains("No payments yet")',
    },
]);

for (const [tour, date, figures] of [
    ['instalments_february', DATES[0], { paid: "54.33", balance: "66.67", collected: 1 }],
    ['instalments_march', DATES[1], { paid: "87.66", balance: "33.34", collected: 2 }],
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
    ...checkFigures("121.00", "0.00"),
    {
        content: "Nothing is to come, and no card is charged any more",
        trigger:
            '.o_billpro_portal:not(:has(.o_billpro_next_payment, .o_billpro_upcoming,'
            + ' .o_billpro_payment_method))',
    },
    ...checkHistory(DATES[2], AMOUNTS[2], 4),
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
