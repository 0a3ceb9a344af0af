// What a user does, and what must come of it.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';

import { serverProcesses } from './cases/setup.mjs';
import { pictureOf, sleep, until } from './editor.mjs';

const CATEGORY = 'Streaming Code Generator';

const lines = (name, count) => Array.from({ length: count }, (_, index) => `${name}_${index + 1} = ${index + 1}\n`).join('');

const plain = (text) => text.replaceAll(/\s/g, ' ');

async function generatesAtTheCursor(editor, { model }) {
  await editor.file('cursor.py', 'before = 1\n\nafter = 2\n', 2, 1);
  await editor.command(`${CATEGORY}: Generate…`);
  await editor.promptBox();
  await editor.answer('[name=cursor] six numbers [held]');
  await editor.shows('cursor_2 = 2');
  await editor.seen('the speed', () => /^Generating 1, \d+ tokens\/s$/.test(globalThis.shownStatus()));
  await editor.notification('tokens/s');
  model.release();
  await editor.idle();
  assert.equal((await editor.status()).trim(), 'Generator');
  assert.equal(await editor.saved('cursor.py'), `before = 1\n${lines('cursor', 6)}\nafter = 2\n`.replace('6\n\n', '6\n'));
  assert.ok(model.requests().some(({ prompt }) => prompt.includes('[name=cursor] six numbers [held]')));
}

async function takesBackInOneUndo(editor) {
  const text = 'before = 1\n\nafter = 2\n';
  await editor.file('undo.py', text, 2, 1);
  await editor.generate('[name=undo] [lines=12] numbers');
  await editor.idle();
  await editor.shows('undo_12 = 12');
  await editor.undo();
  assert.equal(await editor.saved('undo.py'), text);
}

async function takesBackInOneUndoAfterClicksAndSave(editor, { model }) {
  const text = 'before = 1\n\nafter = 2\n';
  await editor.file('clicks.py', text, 2, 1);
  await editor.generate('[name=clicks] [lines=14] [held]');
  await editor.shows('clicks_2 = 2');
  for (const row of [1, 3, 1]) {
    await editor.page.locator('.editor-instance .view-lines > .view-line').nth(row - 1).click();
    await sleep(250);
  }
  await editor.keyboard.press('Control+S');
  model.release();
  await editor.idle();
  await editor.shows('clicks_14 = 14');
  assert.ok((await editor.text()).includes('clicks_14 = 14'));
  await editor.undo();
  assert.equal(await editor.saved('clicks.py'), text);
}

async function generatesFromAComment(editor, { model }) {
  await editor.file('comment.py', '# [name=comment] three things [lines=3]\n', 2, 1);
  await editor.command(`${CATEGORY}: Generate from Comment or Selection`);
  await editor.shows('comment_3 = 3');
  await editor.idle();
  const comment = '# [name=comment] three things [lines=3]\n';
  assert.equal(await editor.saved('comment.py'), comment + lines('comment', 3));
  assert.ok(model.requests().at(-1).prompt.includes('three things'));
}

async function replacesASelection(editor) {
  const text = 'keep = 0\nold = 1\nolder = 2\nkeep = 3\n';
  await editor.file('selection.py', text, 2, 1);
  await editor.keyboard.press('Shift+ArrowDown');
  await editor.keyboard.press('Shift+ArrowDown');
  await editor.generate('[name=fresh] [lines=4] instead');
  await editor.shows('fresh_4 = 4');
  await editor.idle();
  assert.equal(await editor.saved('selection.py'), `keep = 0\n${lines('fresh', 4)}keep = 3\n`);
  await editor.undo();
  assert.equal(await editor.saved('selection.py'), text);
}

async function cancelsByTheNotification(editor) {
  await editor.file('cancel.py', 'a = 1\n\n', 2, 1);
  await editor.generate('[name=cancel] [lines=400] [slow]');
  await editor.shows('cancel_2 = 2');
  await editor.cancelByNotification();
  await editor.idle(5_000);
  const kept = await editor.saved('cancel.py');
  assert.match(kept, /^a = 1\ncancel_1 = 1\ncancel_2 = 2\n/);
  assert.ok(!kept.includes('cancel_400'));
  await editor.settled();
  assert.equal(await editor.saved('cancel.py'), kept);
}

async function removesGeneratedCode(editor) {
  const text = 'def f():\n    old()\n    return 1\n';
  await editor.file('remove.py', text, 2, 1);
  await editor.keyboard.press('Shift+End');
  await editor.generate('[name=remove] [lines=3] instead');
  await editor.shows('remove_3 = 3');
  await editor.idle();
  await editor.cursor(1, 9);
  await editor.keyboard.type('  # mine');
  await editor.command(`${CATEGORY}: Remove Generated Code`);
  await editor.lacks('remove_');
  assert.equal(await editor.saved('remove.py'), text.replace('f():', 'f():  # mine'));
}

async function runsTwoAtOnce(editor, { model }) {
  const text = 'a = 1\n\nb = 2\n\n';
  await generateTwo(editor, model, 'two.py', text);
  await editor.undo();
  const one = await editor.saved('two.py');
  assert.ok(one.includes('first_8') !== one.includes('second_8'), `one of both is left, as it was: ${one}`);
  await editor.undo();
  assert.equal(await editor.saved('two.py'), text);
}

async function removesOneAfterUndoingTheOther(editor, { model }) {
  const text = 'a = 1\n\nb = 2\n\n';
  await generateTwo(editor, model, 'other.py', text);
  await editor.undo();
  // Until they are laid out anew, those of the undone one stay, and the other one's say Cancel.
  const lenses = editor.page.locator('.codelens-decoration');
  await until('the lenses of only the other one', async () => {
    const shown = await lenses.allInnerTexts();
    return shown.length === 1 && shown[0].includes('Remove');
  });
  await lenses.locator('a', { hasText: 'Remove' }).click();
  await editor.lacks('first_');
  await editor.lacks('second_');
  assert.equal(await editor.saved('other.py'), text);
}

async function generateTwo(editor, model, name, text) {
  await editor.file(name, text, 2, 1);
  await editor.generate('[name=first] [lines=8] [held]');
  await editor.shows('first_1 = 1');
  await editor.keyboard.press('Control+End');
  await editor.generate('[name=second] [lines=8] [held]');
  await editor.shows('second_1 = 1');
  await editor.seen('both run', () => globalThis.shownStatus().startsWith('Generating 2'));
  model.release();
  await editor.idle();
  await editor.shows('second_8 = 8');
  const both = `a = 1\n${lines('first', 8)}b = 2\n\n${lines('second', 8)}`;
  assert.equal((await editor.saved(name)).replaceAll(/\n+/g, '\n').trim(), both.replaceAll(/\n+/g, '\n').trim());
}

async function keepsWhatIsTypedMeanwhile(editor, { model }) {
  const text = 'top\n\n\nbottom\n';
  await editor.file('typing.txt', text, 3, 1);
  await editor.generate('[name=typing] [lines=18] [slow] [held]');
  await editor.shows('typing_1 = 1');
  await editor.cursor(1, 4);
  await editor.keyboard.type(' typed while code arrives', { delay: 60 });
  assert.ok(!(await editor.isIdle()), 'the generation ended before the typing did');
  model.release();
  await editor.idle();
  await editor.shows('typing_18 = 18');
  const typed = 'top typed while code arrives\n\n';
  const all = `${typed}${lines('typing', 18)}bottom\n`;
  assert.equal(await editor.saved('typing.txt'), all);
  await editor.keyboard.type('and since');
  assert.ok((await editor.saved('typing.txt')).includes('and since'));
  await until('undone what was typed since', async () => {
    await editor.undo();
    return (await editor.saved('typing.txt')) === all;
  });
  await editor.undo();
  assert.equal(await editor.saved('typing.txt'), `${typed}\nbottom\n`);
  await editor.undo();
  assert.equal(await editor.saved('typing.txt'), text);
}

async function keepsWhatIsTypedRightAfterAnUndo(editor, { model }) {
  for (const delay of [0, 20]) {
    const name = `after${delay}`;
    await editor.file(`${name}.txt`, 'top\n\nbottom\n', 2, 1);
    await editor.generate(`[name=${name}] [lines=14] [held]`);
    await editor.shows(`${name}_1 = 1`);
    await editor.keyboard.press('Control+Home');
    await editor.keyboard.type('typed meanwhile, ', { delay: 25 });
    assert.ok(!(await editor.isIdle()), 'the generation ended before the typing did');
    model.release();
    await editor.idle();
    await editor.shows(`${name}_14 = 14`);
    await editor.keyboard.press('Control+Z');
    await editor.keyboard.type('QXYZJK', { delay });
    await editor.settled();
    const text = await editor.saved(`${name}.txt`);
    const all = `typed meanwhile, top\n${lines(name, 14)}bottom\n`;
    assert.equal(text.match(/[QXYZJK]/g)?.length, 6, text);
    assert.ok([all, 'typed meanwhile, top\n\nbottom\n'].includes(text.replaceAll(/[QXYZJK]/g, '')), text);
  }
}

async function losesNothingToAFastTypist(editor) {
  await editor.file('fast.txt', 'top\n\nbottom\n', 2, 1);
  await editor.generate('[name=fast] [lines=30] [fast]');
  await editor.shows('fast_1 = 1');
  await editor.keyboard.press('Control+Home');
  const typed = 'the quick brown fox jumps over the lazy dog '.repeat(2);
  await editor.keyboard.type(typed, { delay: 15 });
  await editor.idle();
  await editor.shows('fast_30 = 30');
  assert.equal(await editor.saved('fast.txt'), `${typed}top\n${lines('fast', 30)}bottom\n`);
}

async function goesOnInAHiddenTab(editor, { model }) {
  const text = 'a = 1\n\n';
  await editor.file('elsewhere.txt', 'elsewhere\n');
  await editor.file('hidden.py', text, 2, 1);
  await editor.generate('[name=hidden] [lines=10] [held]');
  await editor.shows('hidden_1 = 1');
  await editor.show('elsewhere.txt');
  model.release();
  await editor.idle();
  assert.equal(await editor.text(), 'elsewhere\n');
  await editor.show('hidden.py');
  assert.equal(await editor.saved('hidden.py'), `a = 1\n${lines('hidden', 10)}`);
  await editor.undo();
  assert.equal(await editor.saved('hidden.py'), text);
}

async function survivesAFormatterOnSave(editor, { model }) {
  await editor.file('format.js', 'let  first=1\n\nfunction f() { return 1 }\n', 1, 1);
  const isFormatted = async () => (await editor.text()).startsWith('let first = 1');
  // The first saves start the formatter, and format nothing yet.
  await until('the formatter', async () => {
    await editor.keyboard.type(' ');
    await editor.keyboard.press('Control+S');
    return until('the formatting', isFormatted, 1_000).catch(() => false);
  }, 40_000);
  await editor.keyboard.press('Home');
  await editor.keyboard.type('  ');
  await editor.cursor(2, 1);
  await editor.generate('[name=format] [lines=14] [slow] [held] [javascript]');
  await editor.shows('format_2 = 2');
  // An edit that comes while the formatter works makes the editor throw the formatting away.
  await until('the formatting', async () => {
    await editor.keyboard.press('Control+S');
    return until('it', isFormatted, 5_000).catch(() => false);
  }, 40_000);
  assert.ok(!(await editor.isIdle()), 'the formatter came after the end');
  model.release();
  await editor.idle();
  await editor.shows('format_14 = 14');
  assert.equal(await editor.saved('format.js'), `let first = 1\n${lines('format', 14)}function f() { return 1 }\n`);
}

async function sendsAPromptWithQuotes(editor, { model }) {
  await editor.file('quotes.py', '', 1, 1);
  await editor.generate(`[name=quotes] [lines=1] say "hi" to 'me' with \`ticks\` & <tags> \\ €😀`);
  await editor.shows('quotes_1 = 1');
  await editor.idle();
  assert.ok(model.requests().at(-1).prompt.includes(`say "hi" to 'me' with \`ticks\` & <tags> \\ €😀`));
}

async function remembersPrompts(editor) {
  await editor.file('again.py', '', 1, 1);
  await editor.generate('[name=again] [lines=1]');
  await editor.shows('again_1 = 1');
  await editor.idle();
  await editor.command(`${CATEGORY}: Generate…`);
  await editor.page.locator('.quick-input-widget:visible .codicon-history').click();
  await until('the earlier prompts', async () => (await editor.page.locator('.quick-input-title:visible').innerText()) === 'Earlier prompts');
  await editor.page.locator('.quick-input-list .monaco-list-row', { hasText: '[name=again]' }).first().click();
  const box = editor.page.locator('.quick-input-widget:visible input.input');
  await until('it in the box', async () => (await box.inputValue()) === '[name=again] [lines=1]');
  await box.fill('[name=again] [lines=3]');
  await editor.keyboard.press('Enter');
  await editor.shows('again_3 = 3');
}

async function writesTotalsToTheOutput(editor, { server }) {
  await editor.file('totals.py', '', 1, 1);
  await editor.generate('[name=totals] [lines=4]');
  await editor.shows('totals_4 = 4');
  await editor.idle();
  const totals = /Generated \d+ tokens \(27 prompt \+ \d+ completion\) in [\d.]+ s, [\d.]+ tokens\/s/;
  await until('the totals', () => totals.test(server.extensionLog()));
  await editor.command(`${CATEGORY}: Show Log`);
  const panel = editor.page.locator('.part.panel .view-lines');
  await until('the totals on the screen', async () => /Generated \d+ tokens/.test(plain(await panel.innerText())));
  await editor.command('View: Toggle Panel Visibility');
}

async function restartsAServerThatEnds(editor, { model }) {
  await editor.file('restart.py', '', 1, 1);
  await editor.command(`${CATEGORY}: Restart Server`);
  await editor.hasStatus('Generator', 30_000);
  await editor.generate('[name=restart] [lines=2]');
  await editor.shows('restart_2 = 2');
  assert.equal(model.requests().at(-1).authorization, 'Bearer key-of-the-environment');
}

async function usesTheStoredKey(editor, { model, server }) {
  await editor.file('key.py', '', 1, 1);
  const starts = () => server.extensionLog().match(/Starting /g)?.length ?? 0;
  const before = starts();
  await editor.command(`${CATEGORY}: Restart Server`);
  await until('a start without it', () => starts() > before, 60_000);
  await editor.command(`${CATEGORY}: Set API Key`);
  const input = editor.page.locator('.quick-input-widget:visible input.input');
  await until('the box for the key', async () => (await input.getAttribute('type')) === 'password');
  await input.fill('stored-key-0123456789');
  await editor.keyboard.press('Enter');
  await until('a start with it', () => starts() >= before + 2, 60_000);
  await editor.hasStatus('Generator', 30_000);
  await editor.focus();
  await editor.generate('[name=key] [lines=2]');
  await editor.shows('key_2 = 2');
  await editor.idle();
  assert.equal(model.requests().at(-1).authorization, 'Bearer stored-key-0123456789');
  const log = server.extensionLog();
  assert.match(log, /"apiKey": "•••"/, 'the trace does not show what the server was started with');
  assert.ok(!log.includes('stored-key'), 'the key is in the log');
  await editor.command(`${CATEGORY}: Clear API Key`);
  await editor.notification('removed');
}

async function restartsAServerThatCrashes(editor, { server }) {
  await editor.file('crash.py', '', 1, 1);
  await editor.generate('[name=crash] [lines=400] [slow]');
  await editor.shows('crash_2 = 2');
  process.kill(serverProcesses(server)[0], 'SIGKILL');
  await editor.notification('ended unexpectedly and is restarted in 1 s');
  await editor.hasStatus('Generator', 30_000);
  assert.ok((await editor.text()).startsWith('crash_1 = 1\ncrash_2 = 2'), 'what had arrived was lost');
  await editor.file('crashed.py', '', 1, 1);
  await editor.generate('[name=crashed] [lines=2]');
  await editor.shows('crashed_2 = 2');
}

async function removesByTheLens(editor) {
  await editor.file('lens.py', 'a = 1\n\nb = 2\n', 2, 1);
  await editor.generate('[name=lens] [lines=3]');
  await editor.shows('lens_3 = 3');
  await editor.idle();
  await editor.page.locator('.codelens-decoration a', { hasText: 'Retry' }).first().click();
  await editor.lacks('lens_3 = 3');
  await editor.shows('lens_3 = 3');
  await editor.idle();
  assert.equal((await editor.text()).match(/lens_1/g).length, 1);
  await sleep(1_000); // the lenses of the first time are still shown for a moment
  await editor.page.locator('.codelens-decoration a', { hasText: 'Remove' }).first().click();
  await editor.lacks('lens_');
  assert.equal(await editor.saved('lens.py'), 'a = 1\n\nb = 2\n');
}

async function hasAKeyOfItsOwn(editor) {
  await editor.file('keys.py', '# [name=keys] [lines=2]\n', 2, 1);
  await editor.keyboard.press('Control+K');
  await editor.keyboard.press('Shift+G');
  await editor.shows('keys_2 = 2');
  await editor.idle();
  await editor.keyboard.press('Control+K');
  await editor.keyboard.press('Backspace');
  await editor.lacks('keys_2');
  await editor.keyboard.press('Control+K');
  await editor.keyboard.press('g');
  await until('the prompt box', async () => (await editor.page.locator('.quick-input-title:visible').innerText()).includes('Generate'));
}

/** Makes the pictures of the documentation. */
async function isPhotographed(editor, { server }) {
  await editor.file('shapes.py', `"Shapes and their areas."\n\nimport math\nfrom dataclasses import dataclass\n\n\n`, 6, 1);
  await editor.command(`${CATEGORY}: Generate…`);
  const input = editor.page.locator('.quick-input-widget:visible input.input');
  await until('the prompt box', async () => (await editor.page.locator('.quick-input-title:visible').count()) > 0);
  await input.fill('dataclasses for a circle and a rectangle, each with its area');
  await sleep(400);
  await editor.shot(pictureOf('prompt'));
  await editor.keyboard.press('Enter');
  await editor.shows('class Rectangle', 30_000);
  await editor.notification('tokens/s');
  await editor.shot(pictureOf('growing'));
  await editor.idle();
  await editor.command(`${CATEGORY}: Show Log`);
  await until('the totals', () => /Generated \d+ tokens/.test(server.extensionLog()));
  await editor.settled();
  await editor.shot(pictureOf('totals'));
}

async function cannotRedirectFromTheWorkspace(editor, { model, other, folder }) {
  const banner = editor.page.locator('.statusbar-item', { hasText: 'Restricted Mode' });
  await until('restricted mode', async () => (await banner.count()) > 0);
  await editor.file('untrusted.py', '', 1, 1);
  await editor.generate('[name=untrusted] [lines=2]');
  await editor.shows('untrusted_2 = 2');
  assert.deepEqual(other.requests(), []);
  assert.equal(model.requests().length, 1);
  assert.equal(model.requests()[0].authorization, 'Bearer key-of-the-environment');
  assert.ok(!existsSync(path.join(folder, 'executed')), 'something of the workspace was executed');
}

export const cases = [
  { name: 'generates at the cursor by a prompt', body: generatesAtTheCursor },
  { name: 'one undo takes it all back', body: takesBackInOneUndo },
  { name: 'one undo, though there were clicks and a save meanwhile', body: takesBackInOneUndoAfterClicksAndSave },
  { name: 'generates from a comment', body: generatesFromAComment },
  { name: 'replaces a selection, and undo brings it back', body: replacesASelection },
  { name: 'the notification cancels midway', body: cancelsByTheNotification },
  { name: 'remove puts back what stood there', body: removesGeneratedCode },
  { name: 'two at once, one undo each', body: runsTwoAtOnce },
  { name: 'one of two undone, the other removed', body: removesOneAfterUndoingTheOther },
  { name: 'typing meanwhile is kept, as a step of its own', body: keepsWhatIsTypedMeanwhile },
  { name: 'a fast typist loses nothing', body: losesNothingToAFastTypist },
  { name: 'typing right after an undo', body: keepsWhatIsTypedRightAfterAnUndo },
  { name: 'goes on in a hidden tab', body: goesOnInAHiddenTab },
  { name: 'a formatter on save meanwhile', body: survivesAFormatterOnSave },
  { name: 'a prompt with quotes', body: sendsAPromptWithQuotes },
  { name: 'remembers prompts', body: remembersPrompts },
  { name: 'totals in the output channel', body: writesTotalsToTheOutput },
  { name: 'restarts the server', body: restartsAServerThatEnds },
  { name: 'restarts a server that crashes', body: restartsAServerThatCrashes },
  { name: 'retries and removes by the lenses', body: removesByTheLens },
  { name: 'has keys of its own', body: hasAKeyOfItsOwn },
];

/** In a workspace of its own, so that only what belongs there is in the pictures. */
export const pictureCases = [{ name: 'pictures for the documentation', body: isPhotographed }];

/** With every message traced. */
export const tracedCases = [{ name: 'uses the stored key, and keeps it out of the log', body: usesTheStoredKey }];

export const untrustedCases = [
  { name: 'an untrusted workspace redirects nothing', body: cannotRedirectFromTheWorkspace },
];
