// The rules for our JavaScript; `./dev lint` runs them.

import { createRequire } from 'node:module';

// The packages are in the cache, in a folder that NODE_PATH names, and `import` doesn't look there.
const require = createRequire(import.meta.url);
const js = require('@eslint/js');
const globals = require('globals');

export default [
    js.configs.recommended,
    {
        linterOptions: { reportUnusedDisableDirectives: 'error', reportUnusedInlineConfigs: 'error' },
        rules: {
            'array-callback-return': 'error',
            'consistent-return': 'error',
            curly: 'error',
            'default-case-last': 'error',
            eqeqeq: 'error',
            'no-alert': 'error',
            'no-await-in-loop': 'error',
            'no-console': 'error',
            'no-constructor-return': 'error',
            'no-else-return': 'error',
            'no-eval': 'error',
            'no-implicit-coercion': 'error',
            'no-implicit-globals': 'error',
            'no-implied-eval': 'error',
            'no-lonely-if': 'error',
            'no-new-wrappers': 'error',
            'no-param-reassign': 'error',
            'no-promise-executor-return': 'error',
            'no-return-assign': 'error',
            'no-self-compare': 'error',
            'no-sequences': 'error',
            'no-shadow': 'error',
            'no-throw-literal': 'error',
            'no-unneeded-ternary': 'error',
            'no-unused-expressions': 'error',
            'no-unused-vars': ['error', { args: 'all', argsIgnorePattern: '^_' }],
            'no-use-before-define': ['error', { functions: false }],
            'no-useless-concat': 'error',
            'no-useless-rename': 'error',
            'no-useless-return': 'error',
            'no-var': 'error',
            'object-shorthand': 'error',
            'prefer-arrow-callback': 'error',
            'prefer-const': 'error',
            'prefer-spread': 'error',
            radix: 'error',
        },
    },
    {
        files: ['billpro_portal*/static/**/*.js'],
        languageOptions: {
            sourceType: 'module',
            globals: { ...globals.browser, luxon: 'readonly', odoo: 'readonly' },
        },
    },
    {
        files: ['billpro_portal*/static/tests/**/*.js'],
        // An error on the console is how a tour fails.
        rules: { 'no-console': ['error', { allow: ['error'] }] },
    },
    {
        files: ['devtools/fake_gateway/**/*.js', 'devtools/odoo_addons/**/*.js'],
        languageOptions: { sourceType: 'script', globals: globals.browser },
    },
    {
        files: ['devtools/eslint/*.mjs'],
        languageOptions: { globals: globals.nodeBuiltin },
    },
];
