import { addTour } from '@billpro_portal/../tests/tours/tour';

const PAY_BUTTON = 'button[name="o_payment_submit_button"]';
const ENTER_CARD = {
    content: "Enter a card",
    trigger: '#customer_input',
    run: 'edit 4242424242424242',
};
const USE_SAVED_CARD = {
    content: "The card that the instalments are charged to is there",
    trigger: 'input[name="o_payment_radio"][data-payment-option-type="token"]:checked',
};

/**
 * Steps from the page of a product to the cart.
 *
 * @param {string} terms - What the page says of its terms.
 * @return {Array<object>} The steps.
 */
function putIntoCart(terms) {
    return [
        {
            content: "The page says how it is paid",
            trigger: terms ? `.o_billpro_shop_text:contains("${terms}")` : '#add_to_cart',
        },
        {
            content: "Put it into the cart",
            trigger: '#add_to_cart',
            run: 'click',
        },
        {
            content: "Go to the cart",
            trigger: '.o_wsale_my_cart .my_cart_quantity:contains("1")',
            run: () => window.location.assign('/shop/cart'),
            expectUnloadPage: true,
        },
    ];
}

/**
 * Steps from the cart to the checkout.
 *
 * @param {object} due
 * @param {string} due.today - What the cart says is due today.
 * @param {string} due.later - What it says of later.
 * @return {Array<object>} The steps.
 */
function goToCheckout({ today, later }) {
    return [
        {
            content: "The cart says what is due today",
            trigger: `.o_billpro_cart_term:contains("To pay today"):contains("${today}")`,
        },
        {
            content: "And later",
            trigger: later ? `.o_billpro_cart_term:contains("${later}")` : '.o_cart_total',
        },
        {
            content: "Go on",
            trigger: 'a[name="website_sale_main_button"]',
            run: 'click',
            expectUnloadPage: true,
        },
    ];
}

/**
 * Steps from the checkout to the success page.
 *
 * @param {object} card - The step that chooses the card.
 * @return {Array<object>} The steps.
 */
function pay(card) {
    return [
        {
            content: "The checkout is the last step of the shop",
            trigger: '.o_billpro_checkout .o_wizard .fw-bold:contains("Payment")',
        },
        {
            content: "Agree",
            trigger: 'input[name="billpro_consent"]:not(:checked)',
            run: 'click',
        },
        card,
        {
            content: "Pay",
            trigger: `${PAY_BUTTON}:enabled:contains("Order with obligation to pay")`,
            run: 'click',
            expectUnloadPage: true,
        },
        {
            content: "It is paid",
            trigger: '.o_billpro_success h1:contains("Thank you")',
        },
    ];
}

/**
 * Steps that open another page.
 *
 * @param {string} path - Its path.
 * @return {Array<object>} The steps.
 */
function open(path) {
    return [
        {
            content: `Open ${path}`,
            trigger: 'body',
            run: () => window.location.assign(path),
            expectUnloadPage: true,
        },
    ];
}

addTour('shop_subscription', () => [
    {
        content: "The price is that of a month",
        trigger: '.product_price:contains("20.00"):contains("/ month")',
    },
    ...putIntoCart("Charged today and then every month."),
    ...goToCheckout({ today: "20.00", later: "20.00 every month" }),
    {
        content: "Who buys",
        trigger: 'input[name="name"]',
        run: 'edit Nora Jacobs',
    },
    { trigger: 'input[name="email"]', run: 'edit nora@customer.example.com' },
    { trigger: 'input[name="phone"]', run: 'edit 0470123457' },
    { trigger: 'input[name="street"]', run: 'edit 1 Linden Street' },
    { trigger: 'input[name="zip"]', run: 'edit 9000' },
    { trigger: 'input[name="city"]', run: 'edit Ghent' },
    { trigger: 'select[name="country_id"]', run: 'selectByLabel Belgium' },
    {
        trigger: 'a[name="website_sale_main_button"]',
        run: 'click',
        expectUnloadPage: true,
    },
    ...pay(ENTER_CARD),
    {
        content: "Go to the order portal",
        trigger: '.o_billpro_success a.btn-primary',
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "The subscription has begun",
        trigger: '.o_billpro_overview_status .o_billpro_badge:contains("Active")',
    },
]);

addTour('shop_instalments', () => [
    ...putIntoCart("10 % today, the rest in 9 instalments, every month."),
    ...open('/shop?search=Handbook'),
    {
        trigger: '.oe_product a:contains("Handbook")',
        run: 'click',
        expectUnloadPage: true,
    },
    {
        content: "It can't be bought together with the course",
        trigger: '#add_to_cart',
        run: 'click',
    },
    {
        content: "The shop says so",
        trigger: ':contains("are paid in different ways")',
    },
    ...open('/shop/cart'),
    ...goToCheckout({ today: "100.00", later: "9 × $ 100.00" }),
    ...pay(ENTER_CARD),
    ...open('/shop?search=Handbook'),
    {
        trigger: '.oe_product a:contains("Handbook")',
        run: 'click',
        expectUnloadPage: true,
    },
    ...putIntoCart(),
    ...goToCheckout({ today: "33.33" }),
    ...pay(USE_SAVED_CARD),
]);
