/**
 * Stands in for Stripe.js: the part of its interface that Odoo's payment_stripe uses, and what is
 * needed to confirm a payment that was declined for want of authentication.
 * See Stripe's documentation, "Stripe.js reference".
 */
(() => {
    const GATEWAY = new URL(document.currentScript.src).origin;
    const API_VERSION = "2019-05-16";

    /** Ask the gateway; resolve to `{ object }` or `{ error }`. */
    async function request(key, method, path, parameters, apiVersion) {
        const form = new URLSearchParams({ key });
        addParameters(form, "", parameters);
        const url = new URL(path, GATEWAY);
        const options = { method, headers: { "Stripe-Version": apiVersion } };
        if (method === "GET") {
            url.search = form;
        } else {
            options.body = form;
        }
        let response;
        try {
            response = await fetch(url, options);
        } catch {
            return { error: { type: "api_connection_error", message: "Network error." } };
        }
        const answer = await response.json();
        return response.ok ? { object: answer } : { error: answer.error };
    }

    /** Add nested parameters to a form, as `a[b]=c`. */
    function addParameters(form, prefix, parameters) {
        for (const [name, value] of Object.entries(parameters)) {
            const key = prefix ? `${prefix}[${name}]` : name;
            if (value !== null && typeof value === "object") {
                addParameters(form, key, value);
            } else if (value !== undefined && value !== null && value !== "") {
                form.append(key, value);
            }
        }
    }

    /** Return the path of an intent, which its client secret names. */
    function intentPath(clientSecret) {
        const id = clientSecret.split("_secret_")[0];
        return `/v1/${id.startsWith("seti_") ? "setup_intents" : "payment_intents"}/${id}`;
    }

    function validationError(code, message) {
        return { type: "validation_error", code, message };
    }

    // What customers enter, by the type of the payment method: name, label, example, autofill.
    const FIELDS = {
        card: [
            ["number", "Card number", "4242 4242 4242 4242", "cc-number"],
            ["expiry", "Expiration date (MM / YY)", "12 / 34", "cc-exp"],
            ["cvc", "Security code", "123", "cc-csc"],
        ],
        sepa_debit: [
            ["iban", "IBAN", "DE89 3704 0044 0532 0130 00", "off"],
            ["name", "Full name", "", "name"],
        ],
        bacs_debit: [
            ["sort_code", "Sort code", "10-88-00", "off"],
            ["account_number", "Account number", "00012345", "off"],
        ],
        us_bank_account: [
            ["routing_number", "Routing number", "110000000", "off"],
            ["account_number", "Account number", "000123456789", "off"],
        ],
    };

    /** An element; only the payment element and the card element show something. */
    class StripeElement {
        constructor(type, options = {}, kind = "card") {
            this.type = type;
            this.kind = kind;
            this.options = options;
            this.handlers = {};
            this.form = null;
        }

        on(event, handler) {
            (this.handlers[event] ??= []).push(handler);
            return this;
        }

        off(event) {
            delete this.handlers[event];
            return this;
        }

        once(event, handler) {
            return this.on(event, handler);
        }

        mount(target) {
            const container =
                typeof target === "string" ? document.querySelector(target) : target;
            if (!container) {
                throw new Error(`There is no element ${target} to mount on.`);
            }
            this.form = document.createElement("div");
            this.form.className = "fake-gateway-card-form";
            for (const [name, label, placeholder, autocomplete] of FIELDS[this.kind] ?? []) {
                const labelElement = document.createElement("label");
                labelElement.textContent = label;
                labelElement.style.cssText = "display:block;margin-bottom:.5rem";
                const input = document.createElement("input");
                const inputMode = this.kind === "sepa_debit" ? "text" : "numeric";
                Object.assign(input, { name, placeholder, autocomplete, inputMode });
                input.className = "form-control";
                input.addEventListener("input", () =>
                    this._trigger("change", { complete: !this.problem(), empty: !input.value })
                );
                labelElement.append(input);
                this.form.append(labelElement);
            }
            container.replaceChildren(this.form);
            queueMicrotask(() => this._trigger("ready", { elementType: this.type }));
        }

        unmount() {
            this.form?.remove();
            this.form = null;
        }

        destroy() {
            this.unmount();
        }

        update(options) {
            Object.assign(this.options, options);
        }

        focus() {
            this.form?.querySelector("input").focus();
        }

        blur() {
            this.form?.querySelector("input:focus")?.blur();
        }

        clear() {
            this.form?.querySelectorAll("input").forEach((input) => (input.value = ""));
        }

        _trigger(event, payload) {
            for (const handler of this.handlers[event] ?? []) {
                handler({ elementType: this.type, ...payload });
            }
        }

        value(name) {
            return this.form?.querySelector(`input[name="${name}"]`)?.value.trim() ?? "";
        }

        /** Return what is wrong with what was typed, or null. */
        problem() {
            if (this.kind !== "card") {
                const isEmpty = (FIELDS[this.kind] ?? []).some(([name]) => !this.value(name));
                return isEmpty
                    ? validationError("incomplete", "Your bank account details are incomplete.")
                    : null;
            }
            if (!/^[\d ]{12,23}$/.test(this.value("number"))) {
                return validationError("incomplete_number", "Your card number is incomplete.");
            }
            if (!/^\d\d? ?\/? ?\d{2}(\d{2})?$/.test(this.value("expiry"))) {
                return validationError(
                    "incomplete_expiry",
                    "Your card's expiration date is incomplete."
                );
            }
            if (!/^\d{3,4}$/.test(this.value("cvc"))) {
                return validationError(
                    "incomplete_cvc",
                    "Your card's security code is incomplete."
                );
            }
            return null;
        }

        /** Return the parameter `payment_method_data`. */
        methodData() {
            if (this.kind !== "card") {
                return this.otherMethodData();
            }
            const [, month, year] = this.value("expiry").match(/^(\d\d?) ?\/? ?(\d+)$/);
            const details = this.options.defaultValues?.billingDetails ?? {};
            const { name, email, phone, address } = details;
            return {
                type: "card",
                billing_details: { name, email, phone, address },
                card: {
                    number: this.value("number").replaceAll(" ", ""),
                    exp_month: month,
                    exp_year: year,
                    cvc: this.value("cvc"),
                },
            };
        }

        /** Return the same of a payment method that isn't a card. */
        otherMethodData() {
            const { name, email, phone, address } =
                this.options.defaultValues?.billingDetails ?? {};
            const details = {};
            for (const [field] of FIELDS[this.kind] ?? []) {
                if (field !== "name") {
                    details[field] = this.value(field).replaceAll(" ", "");
                }
            }
            return {
                type: this.kind,
                billing_details: { name: this.value("name") || name, email, phone, address },
                [this.kind]: details,
            };
        }
    }

    /** The elements of one payment. */
    class StripeElements {
        constructor(options = {}) {
            this.options = { ...options };
            this.elements = [];
        }

        create(type, options) {
            const kind = this.options.paymentMethodTypes?.[0];
            const element = new StripeElement(type, options, kind);
            this.elements.push(element);
            return element;
        }

        getElement(type) {
            return this.elements.find((element) => element.type === type) ?? null;
        }

        update(options) {
            Object.assign(this.options, options);
        }

        async submit() {
            const error = this.form().problem();
            return error ? { error } : { selectedPaymentMethod: this.form().kind };
        }

        async fetchUpdates() {
            return {};
        }

        form() {
            return this.elements.find(({ type }) => ["payment", "card"].includes(type));
        }

        /** Return why these elements can't confirm an intent, or null. */
        mismatch(intent) {
            const { mode, amount, currency, setupFutureUsage } = this.options;
            let field;
            if (mode === "payment" && amount !== intent.amount) {
                field = "amount";
            } else if (mode === "payment" && currency !== intent.currency) {
                field = "currency";
            } else if (
                mode === "payment" &&
                (setupFutureUsage ?? null) !== intent.setup_future_usage
            ) {
                field = "setup_future_usage";
            }
            return (
                field && {
                    type: "invalid_request_error",
                    message:
                        `The ${field} of the Elements does not match the ${field} of the` +
                        " PaymentIntent.",
                }
            );
        }
    }

    /** Ask the customer to authenticate, as a bank does; resolve to the choice. */
    function askToAuthenticate() {
        return new Promise((resolve) => {
            const dialog = document.createElement("div");
            dialog.className = "fake-gateway-3d-secure";
            dialog.setAttribute("role", "dialog");
            dialog.setAttribute("aria-label", "Test authentication");
            dialog.tabIndex = -1;
            dialog.style.cssText =
                "position:fixed;inset:0;z-index:2147483647;background:#0008;display:grid;" +
                "place-items:center";
            const box = document.createElement("div");
            box.style.cssText = "background:#fff;color:#000;padding:2rem;max-width:24rem";
            const title = document.createElement("h2");
            title.textContent = "Test authentication";
            const text = document.createElement("p");
            text.textContent = "The bank of a test card asks whether it is really you who pays.";
            box.append(title, text);
            const buttons = [
                ["complete", "Complete", "test-source-authorize-3ds"],
                ["fail", "Fail", "test-source-fail-3ds"],
            ];
            for (const [outcome, label, id] of buttons) {
                const button = document.createElement("button");
                Object.assign(button, { type: "button", id, textContent: label });
                button.style.cssText = "padding:.5rem 1rem;margin-right:.5rem";
                button.addEventListener("click", () => {
                    dialog.remove();
                    resolve(outcome);
                });
                box.append(button);
            }
            dialog.append(box);
            document.body.append(dialog);
            dialog.focus(); // A dialog takes the focus, and loses it when it is removed.
        });
    }

    /** What `Stripe(key)` returns. */
    class StripeObject {
        constructor(key, options = {}) {
            this.key = key;
            this.apiVersion = options.apiVersion ?? API_VERSION;
        }

        elements(options) {
            return new StripeElements(options);
        }

        /** Wallets are not available. */
        paymentRequest() {
            return {
                canMakePayment: async () => null,
                on: () => {},
                show: () => {},
                update: () => {},
            };
        }

        async confirmPayment(options) {
            return this._result("paymentIntent", await this._confirmElements(options), options);
        }

        async confirmSetup(options) {
            return this._result("setupIntent", await this._confirmElements(options), options);
        }

        async confirmCardPayment(clientSecret, data = {}, options = {}) {
            const answer = await this._confirmCard(clientSecret, data, options);
            return this._result("paymentIntent", answer);
        }

        async confirmCardSetup(clientSecret, data = {}, options = {}) {
            const answer = await this._confirmCard(clientSecret, data, options);
            return this._result("setupIntent", answer);
        }

        async handleNextAction({ clientSecret }) {
            const answer = await this._authenticate(await this._retrieve(clientSecret));
            const isSetup = clientSecret.startsWith("seti_");
            return this._result(isSetup ? "setupIntent" : "paymentIntent", answer);
        }

        async handleCardAction(clientSecret) {
            return this.handleNextAction({ clientSecret });
        }

        async retrievePaymentIntent(clientSecret) {
            return this._result("paymentIntent", await this._retrieve(clientSecret));
        }

        async retrieveSetupIntent(clientSecret) {
            return this._result("setupIntent", await this._retrieve(clientSecret));
        }

        async createPaymentMethod({ elements, type, card }) {
            const form = elements?.form() ?? (type && card);
            const error = form.problem();
            if (error) {
                return { error };
            }
            const answer = await this._request("POST", "/v1/payment_methods", form.methodData());
            return this._result("paymentMethod", answer);
        }

        // Inner workings

        _request(method, path, parameters) {
            return request(this.key, method, path, parameters, this.apiVersion);
        }

        _retrieve(clientSecret) {
            const parameters = { client_secret: clientSecret };
            return this._request("GET", intentPath(clientSecret), parameters);
        }

        async _confirmElements({ elements, clientSecret, confirmParams = {} }) {
            const parameters = { ...confirmParams };
            const secret = clientSecret ?? elements?.options.clientSecret;
            if (elements) {
                const { object: intent, error } = await this._retrieve(secret);
                const problem = error ?? elements.form().problem() ?? elements.mismatch(intent);
                if (problem) {
                    return { error: problem };
                }
                const data = elements.form().methodData();
                const given = parameters.payment_method_data?.billing_details;
                Object.assign(data.billing_details, given);
                parameters.payment_method_data = data;
            }
            return this._authenticate(await this._confirm(secret, parameters));
        }

        async _confirmCard(clientSecret, data, { handleActions = true }) {
            const parameters = { ...data };
            if (typeof parameters.payment_method === "object") {
                const { card, billing_details } = parameters.payment_method;
                delete parameters.payment_method;
                const error = card.problem();
                if (error) {
                    return { error };
                }
                parameters.payment_method_data = card.methodData();
                Object.assign(parameters.payment_method_data.billing_details, billing_details);
            }
            const answer = await this._confirm(clientSecret, parameters);
            return handleActions ? this._authenticate(answer) : answer;
        }

        _confirm(clientSecret, parameters) {
            return this._request("POST", `${intentPath(clientSecret)}/confirm`, {
                ...parameters,
                client_secret: clientSecret,
                use_stripe_sdk: true,
            });
        }

        /** Have the customer authenticate if the intent needs it. */
        async _authenticate(answer) {
            const intent = answer.object;
            if (intent?.status !== "requires_action") {
                return answer;
            }
            if (intent.next_action.type === "redirect_to_url") {
                window.location.assign(intent.next_action.redirect_to_url.url);
                return new Promise(() => {}); // The page is being left.
            }
            const outcome = await askToAuthenticate();
            const response = await fetch(new URL(`/3d_secure/${intent.id}`, GATEWAY), {
                method: "POST",
                headers: { Accept: "application/json", "Stripe-Version": this.apiVersion },
                body: new URLSearchParams({ client_secret: intent.client_secret, outcome }),
            });
            const object = await response.json();
            const error = object.error ?? object.last_payment_error ?? object.last_setup_error;
            return error ? { error } : { object };
        }

        /** Return what the caller gets; with a return URL, the browser leaves instead. */
        _result(name, { object, error }, options = {}) {
            if (error) {
                return { error };
            }
            const returnUrl = options.confirmParams?.return_url;
            if (!returnUrl || options.redirect === "if_required") {
                return { [name]: object };
            }
            const kind = object.object;
            const url = new URL(returnUrl);
            url.searchParams.set(kind, object.id);
            url.searchParams.set(`${kind}_client_secret`, object.client_secret);
            url.searchParams.set("redirect_status", "succeeded");
            window.location.assign(url);
            return new Promise(() => {}); // The page is being left.
        }
    }

    window.Stripe = (key, options) => {
        if (!key) {
            throw new Error("Please call Stripe() with your publishable key.");
        }
        return new StripeObject(key, options);
    };
    window.Stripe.version = 3;
})();
