// Builds streaming-code-generator.vsix, with the server's wheel in it. Needs uv, or a Python with pip ($PYTHON, python3).
// The README's pictures lie with the documentation, outside of what is packaged: they are packaged under out/, and the
// packaged README points there.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

buildWheel('out/server', '../..');

const options = ['--no-dependencies', '--allow-missing-repository', '--no-rewrite-relative-links'];
const files = ['--readme-path', 'out/README.md', '--out', 'streaming-code-generator.vsix'];
execFileSync('node_modules/.bin/vsce', ['package', ...options, ...files], { stdio: 'inherit' });

/** Build the server's wheel by the first of the usual tools that is here. */
function buildWheel(out, root) {
  rmSync(out, { recursive: true, force: true });
  const interpreters = [process.env.PYTHON, 'python3', 'python'].filter(Boolean);
  const ways = [
    ...['uv', `${root}/.venv/bin/uv`].map((uv) => [uv, 'build', '--quiet', '--wheel', '--out-dir', out, root]),
    ...interpreters.map((python) => [python, '-m', 'uv', 'build', '--quiet', '--wheel', '--out-dir', out, root]),
    ...interpreters.map((python) => [python, '-m', 'pip', 'wheel', '--quiet', '--no-deps', '--wheel-dir', out, root]),
  ];
  const said = [];
  for (const [tool, ...args] of ways) {
    try {
      execFileSync(tool, args, { stdio: 'pipe' });
    } catch (error) {
      said.push(`${[tool, ...args].join(' ')}: ${(error.stderr || error.message).toString().trim()}`);
    }
    if (existsSync(out) && readdirSync(out).some((name) => name.endsWith('.whl'))) {
      return;
    }
  }
  console.error(`The server's wheel cannot be built: neither uv nor pip did it.\n${said.join('\n')}`);
  process.exit(1);
}
