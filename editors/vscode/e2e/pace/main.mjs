// Compares the pace of edits with that of the language client as it comes, in one editor and in turns.
//
//   e2e/pace.sh [ROUNDS] [MARKS]     e.g. 3 '[fast] [lines=150]'

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { CodeServer, Editor, installExtensions, startBrowser, until } from '../editor.mjs';
import { pack } from '../pack.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
const root = path.join(here, '..', '..');
const [rounds = '3', marks = '[fast] [lines=150]'] = process.argv.slice(2);
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'pace-'));

const server = [process.env.PYTHON, '-m', 'streaming_code_generator', 'serve'];
const tapped = (name) => [process.env.PYTHON, path.join(here, 'tap.py'), path.join(folder, `${name}.jsonl`), ...server];

async function startModel() {
  const child = spawn(process.env.PYTHON, [path.join(here, '..', 'model_server.py'), path.join(folder, 'prompts')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const baseUrl = await new Promise((resolve) => createInterface(child.stdout).once('line', resolve));
  return { baseUrl, stop: () => child.stdin.end() };
}

function figures(name) {
  const lines = fs.readFileSync(path.join(folder, `${name}.jsonl`), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  fs.writeFileSync(path.join(folder, `${name}.jsonl`), '');
  const of = (what) => lines.filter((line) => line.what === what);
  const ms = of('change').map(({ seconds }) => seconds * 1000).sort((a, b) => a - b);
  const at = (share) => ms[Math.min(ms.length - 1, Math.floor(ms.length * share))]?.toFixed(0);
  const span = of('change').at(-1).at - of('change')[0].at;
  return `${name}: ${(ms.length / span).toFixed(1)} edits/s, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, ${ms.length} edits, ${of('refused').length} refused`;
}

const model = await startModel();
fs.mkdirSync(path.join(folder, 'workspace'));
const settings = {
  'streamingCodeGenerator.server.command': tapped('ours'),
  'streamingCodeGenerator.baseUrl': model.baseUrl,
  'streamingCodeGenerator.model': 'loopback-model',
  'bareClient.command': [...tapped('bare'), '--stdio'],
  'bareClient.prompt': `[name=bare] ${marks}`,
};
// The extension adds `serve --stdio` itself.
settings['streamingCodeGenerator.server.command'].pop();
const environment = { OPENAI_API_KEY: 'key-of-the-environment', OPENAI_BASE_URL: model.baseUrl };
const vsix = [process.env.SCG_VSIX ?? path.join(root, 'streaming-code-generator.vsix'), ...[path.join(here, 'bare'), path.join(here, '..', 'helper')].map((each) => pack(each, folder))];
const extensions = installExtensions(folder, vsix);
const code = await CodeServer.start({ folder, extensions, settings, environment, level: 'info' });
const browser = await startBrowser();
const editor = await Editor.open(browser, code, path.join(folder, 'workspace'));
const size = Number(process.env.SCG_PACE_LINES ?? 20);
const text = Array.from({ length: size }, (_, line) => `line_${line} = ${line}\n`).join('');
try {
  for (let round = 0; round < Number(rounds); round += 1) {
    for (const name of ['ours', 'bare']) { // in turns: the machine's other load is the same for both
      await editor.file(`${name}${round}.py`, text, 2, 1);
      if (name === 'ours') {
        await editor.generate(`[name=ours] ${marks}`);
        await until('the beginning', async () => !(await editor.isIdle()));
        await editor.idle(120_000);
      } else {
        await editor.command('Bare Client: Generate');
        await editor.notification('bare client: done', 120_000);
      }
      console.log(figures(name));
      await editor.tidy();
      await editor.saved(`${name}${round}.py`);
    }
  }
} finally {
  await browser.close();
  await code.stop();
  model.stop();
}
fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
process.exit(0);
