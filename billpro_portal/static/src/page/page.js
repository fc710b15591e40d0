/** @odoo-module ignore **/

// What pages of an order do by themselves. Most of them load nothing else: no module of Odoo's.

(() => {
    const POLL_DELAY = 2000; // Milliseconds.
    const PATIENCE = 60000;

    /**
     * Ask one of our JSON routes.
     *
     * @param {string} route - The route.
     * @param {object} params - Its parameters.
     * @return {Promise<object>} What it answers.
     */
    async function ask(route, params) {
        const response = await fetch(route, {
            method: 'POST',
            headers: { 'Content-Type': 'application/json' },
            body: JSON.stringify({ jsonrpc: '2.0', method: 'call', params }),
        });
        const { result } = await response.json();
        if (!result) {
            throw new Error(`${route} was refused`);
        }
        return result;
    }

    /**
     * Bring what the last action did to the attention of keyboard and screen reader users.
     *
     * @return {void}
     */
    function tellNotice() {
        document.querySelector('.o_billpro_page_notice')?.focus();
    }

    /**
     * Send each form once, however often its button is pressed; the focus stays where it is.
     *
     * @return {void}
     */
    function sendFormsOnce() {
        document.addEventListener('submit', (ev) => {
            const form = ev.target;
            if (!form.matches('.o_billpro form[method="post"]')) {
                return;
            }
            if (form.ariaBusy === 'true') {
                ev.preventDefault();
                return;
            }
            form.ariaBusy = 'true';
            const working = document.querySelector('.o_billpro_working');
            working.textContent = working.dataset.message;
            for (const button of form.querySelectorAll('button[type="submit"]')) {
                button.ariaDisabled = 'true';
            }
        });
        window.addEventListener('pageshow', (ev) => {
            if (!ev.persisted) {
                return;
            }
            // The page is restored from the cache of the browser.
            for (const form of document.querySelectorAll('form[aria-busy="true"]')) {
                form.ariaBusy = null;
                document.querySelector('.o_billpro_working').textContent = '';
                for (const button of form.querySelectorAll('button[type="submit"]')) {
                    button.ariaDisabled = null;
                }
            }
        });
    }

    /**
     * Ask whether a payment that is being collected is done, again and again, and go on when it is.
     *
     * @param {HTMLElement} page - The page.
     * @param {number} end - When to give up, in milliseconds as of `Date.now`.
     * @return {Promise<void>}
     */
    async function followCollection(page, end) {
        const { progressRoute, accessToken, paying } = page.dataset;
        let progress = { done: false };
        try {
            progress = await ask(progressRoute, { 'access_token': accessToken, paying });
        } catch {
            // A lost answer is asked for again; the payment goes on without it.
        }
        const isSlow = Date.now() >= end;
        page.querySelector('.o_billpro_progress_slow').classList.toggle('d-none', !isSlow);
        for (const element of page.querySelectorAll(
            '.o_billpro_spinner, .o_billpro_lead, .o_billpro_progress_wait'
        )) {
            element.classList.toggle('d-none', isSlow);
        }
        if (progress.done) {
            window.location = progress.url;
        } else if (!isSlow) {
            setTimeout(() => followCollection(page, end), POLL_DELAY);
        }
    }

    /**
     * Ask whether the payment is still pending: often at first, then less and less, as it can stay
     * so for days. Reload the page when it no longer is.
     *
     * @param {HTMLElement} page - The page.
     * @param {string} message - What the page says as long as there is no news.
     * @param {number} count - How often it was asked.
     * @return {Promise<void>}
     */
    async function followPending(page, message, count) {
        const { stateRoute, accessToken, lostMessage, newsMessage } = page.dataset;
        const status = page.querySelector('.o_billpro_pending_status');
        try {
            const state = await ask(stateRoute, { 'access_token': accessToken });
            status.textContent = state.pending ? message : newsMessage;
            if (!state.pending) {
                window.location.reload();
                return;
            }
        } catch {
            status.textContent = lostMessage;
        }
        waitForNews(page, message, count + 1);
    }

    /**
     * Schedule the next question whether the payment is still pending.
     *
     * @param {HTMLElement} page - The page.
     * @param {string} message - What the page says as long as there is no news.
     * @param {number} count - How often it was asked.
     * @return {void}
     */
    function waitForNews(page, message, count) {
        const delay = count < 10 ? 3000 : count < 20 ? 10000 : 30000;
        setTimeout(() => followPending(page, message, count), delay);
    }

    /**
     * Show the whole of a field that is focused: browsers are content with its first line.
     *
     * @return {void}
     */
    function showFocused() {
        document.addEventListener('focusin', ({ target }) => {
            if (target.matches('.o_billpro textarea')) {
                target.scrollIntoView({ block: 'nearest' });
            }
        });
    }

    document.addEventListener('DOMContentLoaded', () => {
        tellNotice();
        sendFormsOnce();
        showFocused();
        const collected = document.querySelector('.o_billpro_progress');
        const pending = document.querySelector('.o_billpro_pending');
        if (collected) {
            collected.querySelector('.o_billpro_progress_wait').classList.remove('d-none');
            followCollection(collected, Date.now() + PATIENCE);
        }
        if (pending) {
            const status = pending.querySelector('.o_billpro_pending_status');
            waitForNews(pending, status.textContent, 0);
        }
    });
})();
