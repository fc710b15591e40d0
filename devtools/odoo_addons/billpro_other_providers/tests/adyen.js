/**
 * Stands in for Adyen's Web components: what Odoo's payment_adyen uses of them for cards.
 * See docs.adyen.com, "Card Component integration" and "Testing: encrypted test card data".
 */
window.AdyenWeb = {
    AdyenCheckout: async (configuration) => configuration,

    createComponent(type, configuration) {
        const input = document.createElement("input");
        Object.assign(input, { name: "number", className: "form-control", inputMode: "numeric" });
        input.setAttribute("aria-label", "Card number");
        const component = {
            get isValid() {
                return /^\d{12,19}$/.test(input.value);
            },
            mount(container) {
                container.replaceChildren(input);
                return component;
            },
            submit() {
                if (!component.isValid) {
                    return;
                }
                const paymentMethod = { type, encryptedCardNumber: `test_${input.value}` };
                const data = { paymentMethod, browserInfo: { userAgent: navigator.userAgent } };
                const actions = {
                    resolve: ({ resultCode }) =>
                        resultCode === "Authorised"
                            ? configuration.onPaymentCompleted({ resultCode }, component)
                            : configuration.onPaymentFailed({ resultCode }, component),
                    reject: () => configuration.onError(new Error("Rejected"), component),
                };
                configuration.onSubmit({ data, isValid: true }, component, actions);
            },
        };
        return component;
    },
};
