// What pages of an order must be on a phone, checked where a tour stands.

import { waitUntil } from '@web/core/macro';

const PHONE_WIDTH = 360;
const PHONE_HEIGHT = 740;
const MIN_BUTTON_HEIGHT = 44;
const PAGE = '.o_billpro';
const CONTROLS = 'a[href], button, summary, input, select, textarea';
// What providers show in their forms, Odoo's marks of payment methods, whose names stand beside them,
// and what companies write of how to pay.
const NOT_OURS = [
    '[name="o_payment_inline_form"]', '#o_payment_form img', '.o_billpro_instructions',
];

/**
 * Have the window resized by the browser of the tests, and wait until the page knows.
 *
 * @param {object | null} size - `width` and `height`; none for the size that the test has chosen.
 * @param {number} width - The width that the window must have then.
 * @return {Promise<void>}
 */
async function resize(size, width) {
    window.billproResize(JSON.stringify(size));
    await waitUntil(() => window.innerWidth === width);
    await new Promise(requestAnimationFrame); // Observers of sizes were told.
}

/**
 * Return the elements of the page that are seen and can be used.
 *
 * @return {Array<HTMLElement>} The elements.
 */
function findControls() {
    return [...document.querySelectorAll(`${PAGE} :is(${CONTROLS})`)].filter(
        (control) =>
            control.checkVisibility({ visibilityProperty: true }) && !control.matches(':disabled')
    );
}

/**
 * Return the words that are seen on the page.
 *
 * @return {Set<string>} The words.
 */
function findWords() {
    const words = document.querySelector(PAGE).innerText.split(/\s+/);
    return new Set(words.filter((word) => /[\p{L}\p{N}]/u.test(word)));
}

/**
 * Describe an element so that it is found again.
 *
 * @param {HTMLElement} element - The element.
 * @return {string} Its tag with what it says.
 */
function describe(element) {
    return `<${element.tagName.toLowerCase()}> "${element.innerText || element.name || ""}"`;
}

/**
 * Find what is wider than the window, or than what shows it.
 *
 * @return {Array<string>} What is wrong.
 */
function findOverflows() {
    const problems = [];
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth > clientWidth) {
        problems.push(`The page is ${scrollWidth} px wide in a window of ${clientWidth} px`);
    }
    for (const element of document.querySelectorAll(`${PAGE}, ${PAGE} *`)) {
        const { overflowX } = getComputedStyle(element);
        if (overflowX !== 'visible' && element.scrollWidth > element.clientWidth + 1) {
            // Hidden labels of screen readers are one pixel wide on purpose.
            if (element.clientWidth > 1) {
                problems.push(`${describe(element)} is cut at ${element.clientWidth} px`);
            }
        }
    }
    return problems;
}

/**
 * Find controls that fingers don't reach: out of the window, too small, or below something else.
 *
 * @param {Array<HTMLElement>} controls - The controls.
 * @return {Array<string>} What is wrong.
 */
function findUnreachable(controls) {
    const problems = [];
    const { scrollX, scrollY } = window;
    for (const control of controls) {
        const parts = [control, ...(control.labels ?? [])];
        control.scrollIntoView({ block: 'center', behavior: 'instant' });
        // A link that breaks over lines has a box for each.
        const [box] = control.getClientRects();
        if (!box || box.left < 0 || box.right > document.documentElement.clientWidth) {
            problems.push(`${describe(control)} is out of the window`);
            continue;
        }
        if (control.matches('.btn') && box.height < MIN_BUTTON_HEIGHT) {
            problems.push(`${describe(control)} is ${box.height} px high`);
        }
        const top = document.elementFromPoint(
            box.left + box.width / 2, box.top + box.height / 2
        );
        if (!parts.some((part) => part.contains(top))) {
            problems.push(`${describe(control)} is below ${top && describe(top)}`);
        }
    }
    window.scrollTo({ left: scrollX, top: scrollY, behavior: 'instant' });
    return problems;
}

/**
 * Find what is wrong with the page in the window as it is.
 *
 * @return {Array<string>} What is wrong.
 */
export function findLayoutProblems() {
    return [...findOverflows(), ...findUnreachable(findControls())];
}

/**
 * Find what keeps people from using the page, by the rules of WCAG 2.0 to 2.2 A and AA and by what
 * is best practice besides. It takes a script that the browser of the tests has; without it, nothing
 * is looked for.
 *
 * @return {Promise<Array<string>>} What is wrong.
 */
export async function findBarriers() {
    if (!window.axe) {
        return [];
    }
    for (const animation of document.getAnimations()) {
        if (animation instanceof CSSTransition) {
            animation.finish(); // Colors on their way to others are nobody's.
        }
    }
    const { violations } = await window.axe.run({ exclude: NOT_OURS }, {
        iframes: false,
        resultTypes: ['violations'],
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
}

/**
 * Check the page in the window as it is.
 *
 * @return {void}
 */
function checkLayout() {
    const problems = findLayoutProblems();
    if (problems.length) {
        throw new Error(`At ${window.innerWidth} px: ${problems.join("; ")}`);
    }
}

/** Step that checks that all can use the page, in the window and, with all of it, on a phone. */
export const fitsWindowAndPhone = {
    content: "All can use the page, in the window and on a phone",
    trigger: `body[is-ready=true] ${PAGE}`,
    async run() {
        checkLayout();
        const barriers = await findBarriers();
        if (barriers.length) {
            throw new Error(`Not everybody can use the page: ${barriers.join("; ")}`);
        }
        const { innerWidth } = window;
        const controls = findControls();
        const words = findWords();
        await resize({ width: PHONE_WIDTH, height: PHONE_HEIGHT }, PHONE_WIDTH);
        checkLayout();
        const shownControls = findControls();
        const shownWords = findWords();
        const hidden = controls.filter((control) => !shownControls.includes(control));
        const missing = [...words].filter((word) => !shownWords.has(word));
        if (hidden.length || missing.length) {
            throw new Error(
                `On a phone the page lacks: ${[...hidden.map(describe), ...missing].join(", ")}`
            );
        }
        await resize(null, innerWidth);
    },
};
