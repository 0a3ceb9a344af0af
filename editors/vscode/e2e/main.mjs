// Runs the cases, two at once, each in an editor of its own: one line each, and the counts at the end.

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

import { cases, pictureCases, tracedCases, untrustedCases } from './cases.mjs';
import { CodeServer, Editor, installExtensions, linkBuiltInExtensions, startBrowser } from './editor.mjs';
import { pack } from './pack.mjs';

const here = path.dirname(new URL(import.meta.url).pathname);
const vsix = path.join(here, '..', 'streaming-code-generator.vsix');
const CASE_MS = Number(process.env.SCG_CASE_MS ?? 90_000);
const WORKERS = Number(process.env.SCG_WORKERS ?? 2);
const words = process.argv.slice(2);

/**
 * Each file in `cases/` exports `cases`, for the usual session, or `tracedCases`; and it may export `sessions`,
 * which need settings of their own. Sessions that name the same `window` follow each other in it.
 */
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
    // What is held back comes when the case is done with the rest, which takes a busy machine its time.
    'streamingCodeGenerator.stallTimeoutSeconds': 120,
    // Only where it is looked at: every key would be a request.
    'streamingCodeGenerator.inlineCompletion': 'off',
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

/** Run a session's cases until none is left; another worker may take some of them. Returns the window that is left. */
async function run(list, editor, open, context) {
  for (let next = list.shift(); next; next = list.shift()) {
    const { name, body, ms = CASE_MS } = next;
    const start = Date.now();
    try {
      await within(ms, body(editor, context));
      context.model.release();
      await editor.idle(15_000);
      await editor.tidy();
      counts.passed += 1;
      console.log(`ok      ${name} (${((Date.now() - start) / 1000).toFixed(1)} s)`);
    } catch (error) {
      counts.failed += 1;
      console.log(`FAILED  ${name}: ${error.message.split('\n').slice(0, 12).join('\n        ')}`);
      const picture = path.join(context.folder, `failed-${name.replaceAll(/\W+/g, '-')}.png`);
      await editor.shot(picture).catch(() => undefined);
      console.log(`        ${picture}`);
      // What one case leaves behind is not the next one's.
      context.model.release();
      await editor.close();
      editor = await open();
    }
  }
  return editor;
}

async function runWindow({ name, sessions, trust = false, prepare, level, environment = {}, opened }, worker) {
  const start = Date.now();
  const folder = path.join(everything, `${name}-${worker.number}`);
  const workspace = path.join(folder, 'workspace');
  fs.mkdirSync(workspace, { recursive: true });
  const [model, other] = await Promise.all([startModel(folder, 'model'), startModel(folder, 'other')]);
  prepare?.({ workspace, other, folder });
  // What depends on the session's folder is made there.
  const made = (value) => (typeof value === 'function' ? value(folder) : value);
  const settings = ({ name: part, override = {} }) => ({ ...settingsFor(model), ...made(override), 'window.title': part });
  const environments = { OPENAI_API_KEY: 'key-of-the-environment', ...made(environment) };
  const server = await CodeServer.start({
    folder, extensions, builtIn, settings: settings(sessions[0]), environment: environments, trust, level,
  });
  const open = async () => {
    const editor = await Editor.open(worker.browser, server, workspace, opened?.(workspace));
    console.log(`        (${name}: a window after ${((Date.now() - start) / 1000).toFixed(1)} s)`);
    return editor;
  };
  try {
    let editor = await open();
    for (const session of sessions) {
      if (session.list.length === 0) {
        continue; // the other worker has taken them
      }
      if (session !== sessions[0]) {
        // What a notification offers may be waited for, though it is hidden.
        await editor.clearNotifications();
        server.set(settings(session));
      }
      // The title is the last of the settings: what comes after it is done with all of them.
      await editor.seen(`the settings of ${session.name}`, (title) => document.title === title, session.name);
      editor = await run(session.list, editor, open, { folder, workspace, model, other, server });
    }
    await editor.close();
  } finally {
    await server.stop();
    model.stop();
    other.stop();
  }
}

/** Take windows until none is left: the first worker from the front, the second from the back. */
async function work(number) {
  const browser = await startBrowser();
  try {
    for (;;) {
      const left = windows.filter(({ sessions: parts, isTaken, isShared }) =>
        parts.some(({ list }) => list.length > 0) && (isShared || !isTaken));
      const next = left.at(number % 2 === 0 ? 0 : -1);
      if (!next) {
        return;
      }
      next.isTaken = true;
      await runWindow(next, { number, browser });
    }
  } catch (error) {
    counts.failed += 1;
    console.log(`FAILED  the editor: ${error.stack}`);
  } finally {
    await browser.close();
  }
}

const everything = fs.mkdtempSync(path.join(process.env.SCG_EDITOR_LAB, 'run-'));
const extensions = installExtensions(everything, [vsix, pack(path.join(here, 'helper'), everything)]);
// What is photographed is VS Code as it comes.
const builtIn = process.env.SCG_SCREENSHOTS === '1' ? undefined : linkBuiltInExtensions(everything);
const counts = { passed: 0, failed: 0 };
const traced = { override: { 'streamingCodeGenerator.trace.server': 'verbose' }, level: 'trace', window: 'troubles' };
const sessions = [
  // Each worker has an editor of its own for them.
  { name: 'usual', cases: [...cases, ...themeCases], isShared: true },
  { name: 'untrusted', cases: untrustedCases, trust: true, prepare: plantSettings },
  ...themeSessions,
  { name: 'traced', cases: [...tracedCases, ...themes.flatMap((theme) => theme.tracedCases ?? [])], ...traced },
  ...(process.env.SCG_SCREENSHOTS === '1' ? [{ name: 'pictures', cases: pictureCases }] : []),
].map((each) => ({ ...each, list: chosen(each.cases) })).filter(({ list }) => list.length > 0);
const windows = Object.entries(Object.groupBy(sessions, ({ name, window }) => window ?? name)).map(([name, together]) =>
  Object.assign({}, ...together, { name, sessions: together }));
const expected = sessions.reduce((sum, { list }) => sum + list.length, 0);
await Promise.all(Array.from({ length: WORKERS }, (_, number) => work(number)));
if (counts.passed + counts.failed < expected) {
  counts.failed += 1;
  console.log(`FAILED  ${expected} cases were to run`);
}
if (counts.failed === 0) {
  fs.rmSync(everything, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
} else {
  console.log(`left for a look: ${everything}`);
}
console.log(`${counts.passed} passed, ${counts.failed} failed in ${(performance.now() / 1000).toFixed(0)} s`);
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
