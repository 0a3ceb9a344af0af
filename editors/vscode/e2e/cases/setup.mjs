// From an editor without a server to generated code, and what happens to the server after that.

import { execFileSync } from 'node:child_process';
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';

import { until } from '../editor.mjs';

const CATEGORY = 'Streaming Code Generator';
const INSTALLATION_MS = 480_000;

/** The processes of the language server that this editor has started. */
export function serverProcesses(server) {
  const rows = execFileSync('ps', ['-e', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
  const processes = rows.map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row)).filter(Boolean);
  const parents = new Map(processes.map(([, pid, parent]) => [pid, parent]));
  const isOurs = (pid) => pid !== undefined && (Number(pid) === server.child.pid || isOurs(parents.get(pid)));
  return processes.filter(([, pid, , args]) => args.includes('streaming_code_generator serve') && isOurs(pid)).map(([, pid]) => Number(pid));
}

const ownEnvironment = (server) =>
  path.join(server.folder, 'user/User/globalStorage/streaming-code-generator.streaming-code-generator/server');

async function installsWhereNoServerIs(editor, { server }) {
  await editor.file('fresh.py', 'before = 1\n\nafter = 2\n', 2, 1);
  await editor.command(`${CATEGORY}: Generate…`);
  const offer = await editor.dialog('needs its language server');
  assert.match(offer, /python3 \(the PATH\) does not have the package/);
  assert.match(offer, /embedded model/);
  assert.match(await editor.status(), /not installed/);
  await editor.press('Install');
  await editor.notification('installing the server');
  await editor.promptBox(INSTALLATION_MS);
  await editor.answer('a function that adds two numbers');
  await until('code', async () => (await editor.text()).length > 'before = 1\n\nafter = 2\n'.length + 10, 60_000);
  await editor.idle(60_000);
  assert.match(await editor.saved('fresh.py'), /^before = 1\n[^]+after = 2\n$/);
  assert.match(server.extensionLog(), /Starting .*globalStorage.* from the extension's own environment/);
}

async function updatesTheServerWithTheExtension(editor, { server }) {
  await editor.file('updated.py', '\n', 1, 1);
  const stamp = path.join(ownEnvironment(server), 'installed.json');
  const before = fs.readFileSync(stamp, 'utf8');
  fs.writeFileSync(stamp, JSON.stringify({ wheel: 'an older one', sha256: 'of an older one' }));
  const [entry] = fs.globSync(`${ownEnvironment(server)}/lib/python*/site-packages/streaming_code_generator/__main__.py`);
  fs.rmSync(entry); // without it, nothing runs until the package is installed anew
  await editor.command(`${CATEGORY}: Restart Server`);
  await editor.notification('updating the server', 30_000);
  await until('the new stamp', () => fs.readFileSync(stamp, 'utf8') === before, INSTALLATION_MS);
  await editor.generate('a function that adds two numbers');
  await until('code', async () => (await editor.text()).trim().length > 10, 60_000);
  await editor.idle(60_000);
}

async function saysWhyAnInstallationFails(editor) {
  await editor.file('unreachable.py', '', 1, 1);
  await editor.command(`${CATEGORY}: Generate…`);
  await editor.dialog('needs its language server');
  await editor.press('Install');
  const text = await editor.notification('failed, because', INSTALLATION_MS);
  assert.match(text, /the package index cannot be reached\. Check the network/);
  assert.match(text, /Try Again/);
  assert.equal(await editor.page.locator('.quick-input-title:visible').count(), 0, 'a prompt was asked for in vain');
  await editor.keyboard.press('Escape'); // hides the notification, and answers nothing
  await editor.command(`${CATEGORY}: Generate…`);
  await editor.dialog('needs its language server');
  await editor.press('Cancel');
}

async function saysThatTheNamedPythonWillNotDo(editor) {
  await editor.file('named.py', '', 1, 1);
  await editor.command(`${CATEGORY}: Generate…`);
  const text = await editor.dialog('the Python that the setting `server.python` names cannot run the server');
  assert.match(text, /old-python \(the setting `server\.python`\) is Python 3\.9\.2, and 3\.11 or newer is needed/);
  await editor.press('Cancel');
}

/** Settings with which no server is found but the one that is installed. */
const NO_SERVER = { 'streamingCodeGenerator.server.command': [] };
const NO_MODEL = { 'streamingCodeGenerator.baseUrl': '', 'streamingCodeGenerator.model': '' };

/** A PATH with a Python that has no package; pip keeps its settings and its cache, which hang on folders that differ here. */
function plainPython(folder) {
  const plain = path.join(folder, 'plain');
  const python = execFileSync(process.env.PYTHON, ['-c', 'import sys; print(sys._base_executable)'], { encoding: 'utf8' }).trim();
  execFileSync(python, ['-m', 'venv', '--without-pip', plain]);
  const cache = process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache');
  const configuration = path.join(process.env.XDG_CONFIG_HOME ?? path.join(homedir(), '.config'), 'pip/pip.conf');
  return {
    OPENAI_API_KEY: undefined,
    PATH: [path.join(plain, 'bin'), path.dirname(process.execPath), '/usr/bin', '/bin'].join(':'),
    PIP_CACHE_DIR: process.env.PIP_CACHE_DIR ?? path.join(cache, 'pip'),
    ...(fs.existsSync(configuration) ? { PIP_CONFIG_FILE: process.env.PIP_CONFIG_FILE ?? configuration } : {}),
  };
}

function oldPython(folder) {
  const file = path.join(folder, 'old-python');
  fs.writeFileSync(file, '#!/bin/sh\necho python 3 9 2 False\n', { mode: 0o755 });
  return file;
}

export const sessions = [
  {
    name: 'fresh',
    cases: [
      { name: 'installs the server and a model where none is, and generates', body: installsWhereNoServerIs, ms: 600_000 },
      { name: 'updates the server with the extension', body: updatesTheServerWithTheExtension, ms: 600_000 },
    ],
    override: { ...NO_SERVER, ...NO_MODEL },
    environment: plainPython,
  },
  {
    name: 'unreachable',
    window: 'troubles',
    cases: [{ name: 'says why an installation fails', body: saysWhyAnInstallationFails, ms: 600_000 }],
    override: NO_SERVER,
    environment: (folder) => ({
      ...plainPython(folder),
      OPENAI_API_KEY: 'key-of-the-environment',
      PIP_CONFIG_FILE: '/dev/null',
      PIP_FIND_LINKS: undefined,
      PIP_INDEX_URL: 'http://127.0.0.1:9/simple',
      PIP_RETRIES: '1',
      UV_DEFAULT_INDEX: 'http://127.0.0.1:9/simple',
      UV_INDEX_URL: undefined,
      UV_HTTP_RETRIES: '0',
    }),
  },
  {
    name: 'named',
    window: 'troubles',
    cases: [{ name: 'says that the Python that is named will not do', body: saysThatTheNamedPythonWillNotDo }],
    override: (folder) => ({ ...NO_SERVER, 'streamingCodeGenerator.server.python': oldPython(folder) }),
  },
];
