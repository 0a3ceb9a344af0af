// Every rule of eslint's and typescript-eslint's strict sets, but for those below, each with why it is off.

import js from '@eslint/js';
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';

/** What runs in Node or, inside `page.evaluate`, in the browser. */
const SCRIPT_GLOBALS = Object.fromEntries(
  [
    ...['Buffer', 'URL', 'clearTimeout', 'console', 'fetch', 'process', 'setTimeout'],
    ...['CSSStyleSheet', 'document', 'getComputedStyle', 'performance', 'requestAnimationFrame'],
  ].map((name) => [name, 'readonly']),
);

export default defineConfig(
  globalIgnores(['out/']),
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['src/**/*.ts', 'test/**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      // `button.onDidPress(() => log.show())` reads better than braces around it.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      // A test that is registered need not be waited for.
      '@typescript-eslint/no-floating-promises': ['error', { allowForKnownSafeCalls: [{ from: 'package', package: 'node:test', name: ['test', 'describe', 'it'] }] }],
      // Disposables of the editor are of several classes, of which only `dispose` is wanted.
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
      // A setting that is an empty string is not set: `||` is meant.
      '@typescript-eslint/prefer-nullish-coalescing': ['error', { ignorePrimitives: { string: true } }],
      // Numbers in messages are shown as they are.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
    },
  },
  {
    files: ['**/*.mjs'],
    languageOptions: { globals: SCRIPT_GLOBALS },
  },
  {
    files: ['**/*.js'],
    languageOptions: { sourceType: 'commonjs', globals: SCRIPT_GLOBALS },
  },
);
