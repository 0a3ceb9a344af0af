// Bundles the extension, or (with `--test`) the unit tests. `--minify` for the package.
import { build } from 'esbuild';
import { readdirSync } from 'node:fs';

const isTest = process.argv.includes('--test');
const isMinified = process.argv.includes('--minify');
const tests = readdirSync('test').filter((name) => name.endsWith('.test.ts'));

await build({
  entryPoints: isTest ? tests.map((name) => `test/${name}`) : ['src/extension.ts'],
  outdir: isTest ? 'out/test' : 'out',
  bundle: true,
  format: 'cjs',
  platform: 'node',
  target: 'node20',
  external: ['vscode'],
  minify: isMinified,
  sourcemap: isMinified ? false : 'inline',
  logLevel: 'warning',
});
