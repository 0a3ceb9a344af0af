// A real VS Code in a browser: the server side (code-server), and the page that a user sees.

import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';

const lab = process.env.SCG_EDITOR_LAB;
const { chromium } = createRequire(path.join(lab, 'playwright/'))('playwright-core');

/** Where a picture of the documentation lies. */
export const pictureOf = (name) => path.join(process.env.SCG_IMAGES, `vscode-${name}.png`);

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait until a function gives something true, and return it; what takes long is looked at less often. */
export async function until(what, check, ms = 20_000) {
  const start = Date.now();
  for (;;) {
    const result = await check();
    if (result) {
      return result;
    }
    if (Date.now() - start > ms) {
      throw new Error(`waited ${ms} ms for: ${what}`);
    }
    await sleep(Math.min(100, 20 + (Date.now() - start) / 10));
  }
}

/** The driver's end of the connection to the test helper in a window's extension host; the last to connect counts. */
class Helper {
  #answers = new Map();
  #connected = Promise.withResolvers();

  static async listen() {
    const helper = new Helper();
    helper.server = net.createServer((socket) => helper.#take(socket));
    await new Promise((resolve) => helper.server.listen(0, '127.0.0.1', resolve));
    helper.port = helper.server.address().port;
    return helper;
  }

  #take(socket) {
    socket.on('error', () => undefined); // a window that is closed ends it in its own way
    createInterface(socket).on('line', (line) => {
      const { id, error } = JSON.parse(line);
      const { resolve, reject } = this.#answers.get(id);
      this.#answers.delete(id);
      (error ? reject : resolve)(new Error(error));
    });
    this.socket = socket;
    this.#connected.resolve();
  }

  /** Wait for a window's helper instead of that of the window before. */
  expectAnother() {
    this.#connected = Promise.withResolvers();
  }

  async request(method, params) {
    await this.#connected.promise;
    const id = randomUUID();
    const answer = Promise.withResolvers();
    this.#answers.set(id, answer);
    this.socket.write(`${JSON.stringify({ id, method, ...params })}\n`);
    await answer.promise;
  }
}

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const binary = path.join(lab, 'code-server/node_modules/.bin/code-server');

/** Install extensions into a folder, which several servers may share. */
export function installExtensions(folder, files) {
  const installs = files.flatMap((file) => ['--install-extension', file]);
  const dirs = ['--user-data-dir', `${folder}/user`, '--extensions-dir', `${folder}/extensions`];
  const env = { ...process.env, ...ownFolders(folder) };
  execFileSync(binary, [...dirs, ...installs, '--force'], { env, stdio: 'pipe' });
  return `${folder}/extensions`;
}

/**
 * What the cases need of the hundred extensions that come with VS Code: each costs every window something.
 *
 * The formatter's TypeScript lies in `node_modules` beside them.
 */
const BUILT_IN = [
  'theme-defaults', 'theme-seti', 'python', 'javascript', 'typescript-basics', 'typescript-language-features', 'node_modules',
];

/** Make a folder with a few of the extensions that come with VS Code. */
export function linkBuiltInExtensions(folder) {
  const few = `${folder}/built-in`;
  fs.mkdirSync(few);
  for (const name of BUILT_IN) {
    fs.symlinkSync(path.join(lab, 'code-server/node_modules/code-server/lib/vscode/extensions', name), path.join(few, name));
  }
  return few;
}

function ownFolders(folder) {
  return {
    XDG_CONFIG_HOME: `${folder}/config`,
    XDG_DATA_HOME: `${folder}/data`,
    XDG_CACHE_HOME: `${folder}/cache`,
    EXTENSIONS_GALLERY: '{"serviceUrl":"","itemUrl":"","resourceUrlTemplate":""}',
  };
}

/**
 * VS Code's server with the extensions of a folder; where `trust` is asked for, workspaces are not trusted.
 *
 * What is set counts as the machine's: in a remote window VS Code takes settings of machine scope from there only.
 */
export class CodeServer {
  static async start({ folder, extensions, builtIn, settings, environment, trust = false, level = 'debug' }) {
    const server = new CodeServer();
    server.folder = folder;
    server.port = await freePort();
    const dirs = ['--user-data-dir', `${folder}/user`, '--extensions-dir', extensions];
    dirs.push(...(builtIn ? ['--builtin-extensions-dir', builtIn] : []));
    server.helper = await Helper.listen();
    const own = { ...ownFolders(folder), SCG_HELPER_PORT: String(server.helper.port) };
    const env = { ...process.env, ...environment, ...own };
    fs.mkdirSync(`${folder}/user/User`, { recursive: true });
    fs.mkdirSync(`${folder}/user/Machine`, { recursive: true });
    fs.writeFileSync(`${folder}/user/User/settings.json`, JSON.stringify(QUIET, null, 2));
    server.set(settings);
    fs.writeFileSync(`${folder}/user/User/keybindings.json`, JSON.stringify(KEYS, null, 2));
    const flags = ['--log', level, '--auth', 'none', '--disable-telemetry', '--disable-update-check', '--disable-proxy'];
    flags.push('--disable-getting-started-override', '--reconnection-grace-time', '2');
    server.log = fs.openSync(`${folder}/code-server.log`, 'a');
    server.child = spawn(
      binary,
      ['--bind-addr', `127.0.0.1:${server.port}`, ...dirs, ...flags, ...(trust ? [] : ['--disable-workspace-trust'])],
      { env, stdio: ['ignore', server.log, server.log], detached: true },
    );
    await until('code-server', () => fetch(`http://127.0.0.1:${server.port}/healthz`).then((r) => r.ok, () => false));
    return server;
  }

  /** Write the machine's settings; the windows that are open take them a moment later. */
  set(settings) {
    fs.writeFileSync(`${this.folder}/user/Machine/settings.json`, JSON.stringify(settings, null, 2));
  }

  /** What the extension has written to its output channel, from its log files. */
  extensionLog() {
    const files = fs.globSync(`${this.folder}/user/logs/**/streaming-code-generator.streaming-code-generator/*.log`);
    return files.map((file) => fs.readFileSync(file, 'utf8')).join('');
  }

  async stop() {
    const gone = new Promise((resolve) => this.child.once('exit', resolve));
    process.kill(-this.child.pid, 'SIGTERM');
    await Promise.race([gone, sleep(5_000)]);
    this.helper.server.close();
    fs.closeSync(this.log);
  }
}

const QUIET = {
  'workbench.startupEditor': 'none',
  'telemetry.telemetryLevel': 'off',
  'update.mode': 'none',
  'extensions.autoUpdate': false,
  'extensions.autoCheckUpdates': false,
  'chat.disableAIFeatures': true,
  'workbench.enableExperiments': false,
  'workbench.tips.enabled': false,
  // What moves by itself is painted by the processor, sixty times a second.
  'workbench.reduceMotion': 'on',
  'editor.cursorBlinking': 'solid',
  // Small letters in a small window: as many lines are seen, and half as much is painted.
  'editor.fontSize': 10,
  'editor.lineHeight': 14,
  // What is looked for at every key, and looked at by no case.
  'breadcrumbs.enabled': false,
  'editor.stickyScroll.enabled': false,
  'editor.occurrencesHighlight': 'off',
  'editor.selectionHighlight': false,
  'editor.matchBrackets': 'never',
  'editor.bracketPairColorization.enabled': false,
  'editor.guides.indentation': false,
  'editor.folding': false,
  'editor.links': false,
  'editor.colorDecorators': false,
  'editor.renderLineHighlight': 'none',
  'editor.lightbulb.enabled': 'off',
  'workbench.secondarySideBar.defaultVisibility': 'hidden',
  'window.commandCenter': false,
  'git.enabled': false,
  'editor.minimap.enabled': false,
  'editor.wordBasedSuggestions': 'off',
  'editor.quickSuggestions': { other: 'off', comments: 'off', strings: 'off' },
  'editor.autoClosingBrackets': 'never',
  'editor.autoClosingQuotes': 'never',
  'files.hotExit': 'off',
  'files.autoSave': 'off',
  'security.workspace.trust.startupPrompt': 'never',
  // TypeScript formats, and does nothing else here.
  'js/ts.tsserver.useSyntaxServer': 'always',
  'js/ts.tsserver.automaticTypeAcquisition.enabled': false,
};

/** Another key for the editor's own undo: the usual one runs a command of the extension's. */
const KEYS = [{ key: 'ctrl+alt+z', command: 'undo' }];

/** Start a browser, in which each window has a profile of its own. */
export function startBrowser() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}

/** Stop what turns and slides for as long as something runs: each step of it is painted by the processor. */
function stopAnimations() {
  const still = new CSSStyleSheet();
  still.replaceSync('*, *::before, *::after { animation: none !important; }');
  document.adoptedStyleSheets.push(still);
}

/** What is read of a page, in it: each way from the driver to the page and back costs both. */
function addReaders() {
  const all = (selector) => [...document.querySelectorAll(selector)];
  globalThis.shownStatus = () => document.querySelector('.statusbar-item[id*="streamingCodeGenerator"]')?.innerText.trim() ?? '';
  globalThis.shownNotifications = () => all('.notification-toast').map((toast) => toast.innerText);
  globalThis.shownText = () =>
    all('.editor-group-container.active .editor-instance .monaco-editor .view-lines > .view-line')
      .map((line) => [parseFloat(line.style.top), line.textContent.replaceAll('\u00a0', ' ')])
      .sort(([a], [b]) => a - b)
      .map(([, text]) => text)
      .join('\n');
}

const POLL_MS = 40;
const SETTLED_MS = 400;

/** One window with a folder opened. */
export class Editor {
  static async open(browser, server, workspace, opened = `folder=${workspace}`) {
    // Code-server compresses twenty megabytes anew for each window.
    const extraHTTPHeaders = { 'Accept-Encoding': 'identity' };
    const context = await browser.newContext({ viewport: { width: 1000, height: 560 }, extraHTTPHeaders });
    const editor = new Editor();
    server.helper.expectAnother();
    Object.assign(editor, { context, server, workspace, page: await context.newPage() });
    await editor.page.addInitScript(addReaders);
    await editor.page.addInitScript(stopAnimations);
    await editor.page.goto(`http://127.0.0.1:${server.port}/?${opened}`, { timeout: 90_000 });
    await editor.page.waitForSelector('.monaco-workbench', { timeout: 90_000 });
    await editor.hasStatus('Generator', 60_000);
    await editor.run('workbench.action.closeSidebar');
    return editor;
  }

  async close() {
    await this.context.close();
  }

  get keyboard() {
    return this.page.keyboard;
  }

  get #quickInput() {
    return this.page.locator('.quick-input-widget:visible input.input');
  }

  /** Wait for what a function of the page finds in it, and return that. */
  async seen(what, find, argument, ms = 20_000) {
    const found = this.page.waitForFunction(find, argument, { timeout: ms, polling: POLL_MS });
    const handle = await found.catch((error) => {
      throw new Error(`waited ${ms} ms for: ${what}`, { cause: error });
    });
    return handle.jsonValue();
  }

  /** The extension's item in the status bar: `Generator`, or what runs. */
  status() {
    return this.page.evaluate(() => globalThis.shownStatus());
  }

  hasStatus(text, ms) {
    return this.seen(`the status ${text}`, (wanted) => globalThis.shownStatus() === wanted, text, ms);
  }

  async isIdle() {
    return !(await this.status()).startsWith('Generating');
  }

  idle(ms = 30_000) {
    return this.seen('the end of all generations', () => !globalThis.shownStatus().startsWith('Generating'), null, ms);
  }

  /** Run a command by its identifier, where it is not what is looked at. */
  run(command) {
    return this.server.helper.request('run', { command });
  }

  clearNotifications() {
    return this.run('notifications.clearAll');
  }

  /** Run a command of the palette by its full title. */
  async command(title) {
    for (let attempt = 0; attempt < 3; attempt += 1) {
      await this.keyboard.press('F1');
      await this.#quickInput.waitFor({ timeout: 5_000 });
      await this.#quickInput.fill(`>${title}`);
      const row = this.page.locator('.quick-input-list .monaco-list-row').first();
      await row.waitFor();
      const found = await until('the command in the palette', async () =>
        (await row.getAttribute('aria-label'))?.startsWith(title), 2_000).catch(() => false);
      if (found) {
        await this.keyboard.press('Enter');
        return;
      }
      await this.keyboard.press('Escape');
    }
    throw new Error(`no such command: ${title}`);
  }

  /** Make a file with a text, open it and place the cursor in it (1-based). */
  async file(name, text, line = 1, column = 1) {
    fs.writeFileSync(path.join(this.workspace, name), text);
    await this.show(name, [line, column]);
    // A window that is still busy with the tab before may leave the cursor at the beginning.
    await this.#at(line, column).catch(async () => {
      await this.show(name, [line, column]);
      await this.#at(line, column);
    });
  }

  /** Have another extension show the file of the active tab. */
  async keep(name) {
    await this.server.helper.request('keep', { file: path.join(this.workspace, name) });
  }

  /** Open a file of the workspace, or show its tab; with the cursor at a place, if one is given. */
  async show(name, place) {
    await this.server.helper.request('open', { file: path.join(this.workspace, name), place });
    await this.page.waitForSelector(`.tab.active[data-resource-name="${path.basename(name)}"]`);
    await this.focus();
  }

  /** Wait until keys go into the text; after a quick input the focus returns late. */
  async focus() {
    await this.seen('the focus in the text', () => Boolean(document.activeElement?.closest('.editor-instance .monaco-editor')), null, 5_000);
  }

  async cursor(line, column) {
    await this.#goTo(`:${line}:${column}`);
    await this.#at(line, column);
  }

  async #goTo(place) {
    await this.keyboard.press('Control+G');
    await this.#quickInput.waitFor();
    await this.#quickInput.fill(place);
    await sleep(120);
    await this.keyboard.press('Enter');
  }

  async #at(line, column) {
    const place = `Ln ${line}, Col ${column}`;
    await this.seen('the cursor', (text) => document.querySelector('[id="status.editor.selection"]')?.textContent.startsWith(text), place, 5_000);
    await this.focus();
  }

  /** Run Generate and give it a prompt. */
  async generate(prompt) {
    await this.focus();
    await this.keyboard.press('Control+K');
    await this.keyboard.press('g');
    await this.promptBox();
    await this.answer(prompt);
  }

  async promptBox(ms = 30_000) {
    const isPrompt = () =>
      /Generate code|Replace/.test(document.querySelector('.quick-input-widget:not([style*="display: none"]) .quick-input-title')?.textContent);
    await this.seen('the prompt box', isPrompt, null, ms);
    return this.#quickInput;
  }

  async answer(prompt) {
    await this.#quickInput.fill(prompt);
    await this.keyboard.press('Enter');
  }

  /** The text of the dialog that is shown. */
  dialog(part, ms = 30_000) {
    const box = this.page.locator('.monaco-dialog-box');
    return until(`the dialog ${part}`, async () => (await box.allInnerTexts()).find((text) => text.includes(part)), ms);
  }

  async press(button) {
    await this.page.locator('.monaco-dialog-box').getByRole('button', { name: button, exact: true }).click();
  }

  /** The text of the active editor as it is shown; for texts that fit on the screen. */
  async text() {
    return this.page.evaluate(() => globalThis.shownText());
  }

  /** The first text of a window comes late on a busy machine: the server starts for it. */
  shows(part, ms = 40_000) {
    return this.seen(`${JSON.stringify(part)} in the editor`, (wanted) => globalThis.shownText().includes(wanted), part, ms);
  }

  lacks(part, ms) {
    return this.seen(`no ${JSON.stringify(part)} in the editor`, (unwanted) => !globalThis.shownText().includes(unwanted), part, ms);
  }

  /** Save the active file and return what is on disk. */
  async saved(name) {
    // A key would return before the file, which is emptied first, is written.
    await this.run('workbench.action.files.save');
    const unsaved = `.tab.active.dirty[data-resource-name="${name}"]`;
    await this.seen(`${name} is saved`, (tab) => !document.querySelector(tab), unsaved);
    return fs.readFileSync(path.join(this.workspace, name), 'utf8');
  }

  async undo() {
    const before = await this.text();
    await this.keyboard.press('Control+Z');
    await until('an undo', async () => (await this.settled()) !== before, 5_000);
  }

  /** Wait until the text has not changed for a while, and return it. */
  async settled() {
    const isSettled = ([quietMs, key]) => {
      const [now, text] = [performance.now(), globalThis.shownText()];
      const last = globalThis.settling;
      if (last?.key !== key || last.text !== text) {
        globalThis.settling = { key, text, since: now };
      }
      return now - globalThis.settling.since >= quietMs;
    };
    await this.seen('the text has settled', isSettled, [SETTLED_MS, randomUUID()]);
    return this.text();
  }

  /** Press the Cancel button of the progress notification. */
  async cancelByNotification() {
    const toast = this.page.locator('.notification-toast', { hasText: 'Generating code' }).first();
    await toast.waitFor();
    await toast.getByRole('button', { name: 'Cancel' }).click();
  }

  async notification(part, ms = 15_000) {
    const find = (wanted) => globalThis.shownNotifications().find((text) => text.includes(wanted));
    return this.seen(`the notification ${part}`, find, part, ms);
  }

  async shot(file) {
    await this.page.screenshot({ path: file });
  }

  /** Leave whatever a case has left open. */
  async tidy() {
    for (let press = 0; press < 3; press += 1) {
      await this.keyboard.press('Escape');
    }
    await this.clearNotifications();
  }
}
