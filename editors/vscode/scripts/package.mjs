// Builds streaming-code-generator.vsix. The README's pictures lie with the documentation, outside of what is packaged:
// they are packaged under out/, and the packaged README points there.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const PICTURES = '../../docs/images/';
const folder = fileURLToPath(new URL('..', import.meta.url));
process.chdir(folder);

mkdirSync('out/images', { recursive: true });
const readme = readFileSync('README.md', 'utf8');
for (const [, name] of readme.matchAll(/\.\.\/\.\.\/docs\/images\/([\w.-]+)/g)) {
  cpSync(`${PICTURES}${name}`, `out/images/${name}`);
}
writeFileSync('out/README.md', readme.replaceAll(PICTURES, 'out/images/'));

const options = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
const files = ['--readme-path', 'out/README.md', '--out', 'streaming-code-generator.vsix'];
execFileSync('node_modules/.bin/vsce', ['package', ...options, ...files], { stdio: 'inherit' });
