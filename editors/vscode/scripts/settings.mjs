// Writes the server's settings into package.json, as the server declares them, or checks them (`--check`).
// PYTHON names an interpreter that has the package; by default it is the checkout's own, or python3.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = new URL('..', import.meta.url);
const manifest = new URL('package.json', folder);
const own = JSON.parse(readFileSync(new URL('scripts/own-settings.json', folder), 'utf8'));
const checkout = fileURLToPath(new URL('../../.venv/bin/python', folder));
const python = process.env.PYTHON ?? (existsSync(checkout) ? checkout : 'python3');

const ask = (format) =>
  JSON.parse(execFileSync(python, ['-m', 'streaming_code_generator', 'settings', '--format', format], { encoding: 'utf8' }));
const isMachineScoped = ([, schema]) => schema.scope === 'machine';

const before = readFileSync(manifest, 'utf8');
const contents = JSON.parse(before);
contents.contributes.configuration.properties = { ...ask('vscode'), ...own };
contents.capabilities.untrustedWorkspaces.restrictedConfigurations = [
  ...ask('vscode-restricted'),
  ...Object.entries(own).filter(isMachineScoped).map(([name]) => name),
];
const after = `${JSON.stringify(contents, null, 2)}\n`;

if (after !== before && process.argv.includes('--check')) {
  console.error('package.json does not say what the server says of its settings: run `npm run settings`.');
  process.exit(1);
}
writeFileSync(manifest, after);
