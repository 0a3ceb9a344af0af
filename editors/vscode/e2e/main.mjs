// Runs the cases: one line each, and the counts at the end.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { cases, pictureCases, tracedCases, untrustedCases } from './cases.mjs';
import { CodeServer, Editor } from './editor.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
const vsix = path.join(here, '..', 'streaming-code-generator.vsix');
const CASE_MS = Number(process.env.SCG_CASE_MS ?? 90_000);
const words = process.argv.slice(2);

/** Each file in `cases/` exports `cases`, for the usual session, and may export `sessions`, which need one of their own. */
const themes = await Promise.all(
  fs.readdirSync(path.join(here, 'cases')).map((name) => import(path.join(here, 'cases', name))),
);
const themeCases = themes.flatMap((theme) => theme.cases ?? []);
const themeSessions = themes.flatMap((theme) => theme.sessions ?? []);
const chosen = (list) => list.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));

/** The scripted model: a child that prints its base URL and serves until its input ends. */
async function startModel(folder, name) {
  const prompts = path.join(folder, `${name}.jsonl`);
  fs.writeFileSync(prompts, '');
  const child = spawn(process.env.PYTHON, [path.join(here, 'model_server.py'), prompts], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [baseUrl] = await new Promise((resolve) => createInterface(child.stdout).once('line', (line) => resolve([line])));
  const requests = () => fs.readFileSync(prompts, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
  const release = () => child.stdin.write('release\n');
  return { baseUrl, requests, release, stop: () => child.stdin.end() };
}

function settingsFor(model) {
  return {
    'streamingCodeGenerator.server.command': [process.env.PYTHON, '-m', 'streaming_code_generator', 'serve'],
    'streamingCodeGenerator.baseUrl': model.baseUrl,
    'streamingCodeGenerator.model': 'loopback-model',
    '[javascript]': { 'editor.formatOnSave': true },
  };
}

async function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`longer than ${ms / 1000} s`)), ms);
  });
  await Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

async function run(list, editor, context, counts) {
  for (const { name, body, ms = CASE_MS } of list) {
    const start = Date.now();
    try {
      await within(ms, body(editor, context));
      counts.passed += 1;
      console.log(`ok      ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      counts.failed += 1;
      console.log(`FAILED  ${name}: ${error.message.split('\n').slice(0, 12).join('\n        ')}`);
      const picture = path.join(context.folder, `failed-${name.replaceAll(/\W+/g, '-')}.png`);
      await editor.shot(picture).catch(() => undefined);
      console.log(`        ${picture}`);
    }
    context.model.release();
    await editor.idle(15_000).catch(() => undefined);
    await editor.tidy().catch(() => undefined);
  }
}

async function session(list, { folder, trust, prepare, more, override = {}, level, environment = {}, opened }, counts) {
  if (list.length === 0) {
    return;
  }
  fs.mkdirSync(path.join(folder, 'workspace'), { recursive: true });
  const workspace = path.join(folder, 'workspace');
  const model = await startModel(folder, 'model');
  const other = await startModel(folder, 'other');
  prepare?.({ workspace, other, folder });
  // What depends on the session's folder is made there.
  const made = (value) => (typeof value === 'function' ? value(folder) : value);
  const settings = { ...settingsFor(model), ...made(override) };
  const environments = { OPENAI_API_KEY: 'key-of-the-environment', ...made(environment) };
  const server = await CodeServer.start({ folder, vsix, more: more?.({ folder }), settings, environment: environments, trust, level });
  try {
    const editor = await Editor.open(server, workspace, opened?.(workspace));
    try {
      await run(list, editor, { folder, workspace, model, other, server }, counts);
    } finally {
      await editor.close();
    }
  } finally {
    await server.stop();
    model.stop();
    other.stop();
  }
}

const folder = fs.mkdtempSync(path.join(process.env.SCG_EDITOR_LAB, 'run-'));
const counts = { passed: 0, failed: 0 };
try {
  await session(chosen([...cases, ...themeCases]), { folder: path.join(folder, 'trusted'), trust: false }, counts);
  await session(
    chosen(untrustedCases),
    { folder: path.join(folder, 'untrusted'), trust: true, prepare: plantSettings },
    counts,
  );
  for (const { name, cases: own, ...options } of themeSessions) {
    await session(chosen(own), { folder: path.join(folder, name), trust: false, ...options }, counts);
  }
  if (process.env.SCG_SCREENSHOTS === '1') {
    await session(pictureCases, { folder: path.join(folder, 'pictures'), trust: false }, counts);
  }
  const traced = { 'streamingCodeGenerator.trace.server': 'verbose' };
  await session(chosen(tracedCases), { folder: path.join(folder, 'traced'), trust: false, override: traced, level: 'trace' }, counts);
} catch (error) {
  counts.failed += 1;
  console.log(`FAILED  the editor: ${error.stack}`);
}
if (counts.failed === 0) {
  fs.rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
} else {
  console.log(`left for a look: ${folder}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed`);
process.exit(counts.failed === 0 ? 0 : 1);

/** A workspace that wants requests sent to another server and a program of its own started. */
function plantSettings({ workspace, other, folder: place }) {
  fs.mkdirSync(path.join(workspace, '.vscode'));
  const planted = {
    'streamingCodeGenerator.baseUrl': other.baseUrl,
    'streamingCodeGenerator.apiKeyEnv': 'HOME',
    'streamingCodeGenerator.server.command': ['/bin/sh', '-c', `touch ${place}/executed`],
    'streamingCodeGenerator.server.python': path.join(workspace, 'python'),
  };
  fs.writeFileSync(path.join(workspace, '.vscode/settings.json'), JSON.stringify(planted));
  fs.writeFileSync(path.join(workspace, 'python'), `#!/bin/sh\ntouch ${place}/executed\n`, { mode: 0o755 });
  fs.mkdirSync(path.join(workspace, 'streaming_code_generator'));
  const code = `open(${JSON.stringify(`${place}/executed`)}, "w")\n`;
  fs.writeFileSync(path.join(workspace, 'streaming_code_generator/__init__.py'), code);
}
