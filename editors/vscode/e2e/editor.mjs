// A real VS Code in a browser: the server side (code-server), and the page that a user sees.

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import net from 'node:net';
import path from 'node:path';

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
    const env = { ...process.env, ...environment, ...ownFolders(folder) };
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

/** One window with a folder opened. */
export class Editor {
  static async open(browser, server, workspace, opened = `folder=${workspace}`) {
    // Code-server compresses twenty megabytes anew for each window.
    const extraHTTPHeaders = { 'Accept-Encoding': 'identity' };
    const context = await browser.newContext({ viewport: { width: 1200, height: 720 }, extraHTTPHeaders });
    const editor = new Editor();
    Object.assign(editor, { context, server, workspace, page: await context.newPage() });
    await editor.page.goto(`http://127.0.0.1:${server.port}/?${opened}`, { timeout: 90_000 });
    await editor.page.waitForSelector('.monaco-workbench', { timeout: 90_000 });
    await until('the extension', async () => (await editor.status()) === 'Generator', 60_000);
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

  /** The extension's item in the status bar: `Generator`, or what runs. */
  async status() {
    const item = this.page.locator('.statusbar-item[id*="streamingCodeGenerator"]');
    return (await item.count()) === 1 ? (await item.innerText()).trim() : '';
  }

  async isIdle() {
    return !(await this.status()).startsWith('Generating');
  }

  idle(ms = 30_000) {
    return until('the end of all generations', () => this.isIdle(), ms);
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
    await this.show(name, `:${line}:${column}`);
    await this.#at(line, column);
  }

  /** Open a file, or show its tab; a place such as `:1:1` is gone to if it is given. */
  async show(name, place = '') {
    const tab = this.page.locator(`.tab[data-resource-name="${name}"]`);
    if ((await tab.count()) > 0) {
      await tab.first().click();
      if (place) {
        await this.#goTo(place);
      }
    } else {
      await until(`${name} in quick open`, () => this.#quickOpen(name, place), 20_000);
    }
    await this.page.waitForSelector(`.tab.active[data-resource-name="${name}"]`);
    await this.focus();
  }

  async #quickOpen(name, place) {
    await this.keyboard.press('Control+P');
    // Whatever takes the focus late, such as a command before, closes it again.
    if (!(await this.#quickInput.fill(`${name}${place}`, { timeout: 2_000 }).then(() => true, () => false))) {
      return false;
    }
    const row = this.page.locator(`.quick-input-list .monaco-list-row[aria-label^="${name}"]`).first();
    if (await row.waitFor({ timeout: 2_000 }).then(() => true, () => false)) {
      await row.click();
      return true;
    }
    await this.keyboard.press('Escape');
    return false;
  }

  /** Wait until keys go into the text; after a quick input the focus returns late. */
  async focus() {
    await this.page.waitForFunction(
      () => document.activeElement?.closest('.editor-instance .monaco-editor'),
      null,
      { timeout: 5_000 },
    );
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
    await until('the cursor', async () => (await this.position()).startsWith(`Ln ${line}, Col ${column}`), 5_000);
    await this.focus();
  }

  position() {
    return this.page.locator('.statusbar-item:has-text("Ln ")').first().innerText();
  }

  /** Run Generate and give it a prompt. */
  async generate(prompt) {
    await this.command('Streaming Code Generator: Generate…');
    await this.promptBox();
    await this.answer(prompt);
  }

  async promptBox(ms = 30_000) {
    const title = this.page.locator('.quick-input-title:visible');
    await until('the prompt box', async () => /Generate code|Replace/.test((await title.allInnerTexts()).join()), ms);
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
    return this.page.evaluate(() => {
      const editor = document.querySelector('.editor-group-container.active .editor-instance .monaco-editor');
      return [...(editor?.querySelectorAll('.view-lines > .view-line') ?? [])]
        .map((line) => [parseFloat(line.style.top), line.textContent.replaceAll('\u00a0', ' ')])
        .sort(([a], [b]) => a - b)
        .map(([, text]) => text)
        .join('\n');
    });
  }

  /** The first text of a window comes late on a busy machine: the server starts for it. */
  shows(part, ms = 40_000) {
    return until(`${JSON.stringify(part)} in the editor`, async () => (await this.text()).includes(part), ms);
  }

  /** Save the active file and return what is on disk. */
  async saved(name) {
    await this.keyboard.press('Control+S');
    const unsaved = this.page.locator(`.tab.active.dirty[data-resource-name="${name}"]`);
    await until(`${name} is saved`, async () => (await unsaved.count()) === 0);
    return fs.readFileSync(path.join(this.workspace, name), 'utf8');
  }

  async undo() {
    const before = await this.text();
    await this.keyboard.press('Control+Z');
    await until('an undo', async () => (await this.settled()) !== before, 5_000);
  }

  /** Wait until the text has not changed for a while, and return it. */
  async settled() {
    let [text, since] = [await this.text(), Date.now()];
    while (Date.now() - since < 500) {
      await sleep(50);
      const now = await this.text();
      if (now !== text) {
        [text, since] = [now, Date.now()];
      }
    }
    return text;
  }

  /** Press the Cancel button of the progress notification. */
  async cancelByNotification() {
    const toast = this.page.locator('.notification-toast', { hasText: 'Generating code' }).first();
    await toast.waitFor();
    await toast.getByRole('button', { name: 'Cancel' }).click();
  }

  async notification(part, ms = 15_000) {
    const list = this.page.locator('.notification-toast');
    return until(`the notification ${part}`, async () => (await list.allInnerTexts()).find((text) => text.includes(part)), ms);
  }

  async shot(file) {
    await this.page.screenshot({ path: file });
  }

  /** Leave whatever a case has left open. */
  async tidy() {
    for (let press = 0; press < 3; press += 1) {
      await this.keyboard.press('Escape');
    }
    if ((await this.page.locator('.notification-toast').count()) > 0) {
      await this.command('Notifications: Clear All Notifications');
    }
  }
}
