// Packs the small extensions that only the tests need.

import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

const root = path.join(path.dirname(new URL(import.meta.url).pathname), '..');
const tool = (name) => path.join(root, 'node_modules', '.bin', name);

/** Pack a folder as an extension, bundled from `extension.ts` if it has one, and return the package's path. */
export function pack(folder, target) {
  const name = path.basename(folder);
  const copy = path.join(target, name);
  fs.cpSync(folder, copy, { recursive: true });
  const source = path.join(folder, 'extension.ts');
  if (fs.existsSync(source)) {
    const flags = ['--bundle', '--platform=node', '--format=cjs', '--external:vscode'];
    execFileSync(tool('esbuild'), [source, ...flags, `--outfile=${copy}/extension.js`], { cwd: root, stdio: 'pipe' });
  }
  const vsix = path.join(target, `${name}.vsix`);
  const flags = ['--no-dependencies', '--skip-license', '--allow-missing-repository'];
  execFileSync(tool('vsce'), ['package', ...flags, '--out', vsix], { cwd: copy, stdio: 'pipe' });
  return vsix;
}
