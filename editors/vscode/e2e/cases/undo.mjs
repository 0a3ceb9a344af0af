// Undo and redo while code streams in.

import assert from 'node:assert/strict';

import { sleep, until } from '../editor.mjs';
import { lines } from '../texts.mjs';

const TEXT = 'top\n\nbottom\n';
const COUNT = 40;

/** Begin a generation in a document, type a word in its first line, and leave the code streaming. */
async function typeWhileCodeArrives(editor, name, typed) {
  await editor.file(`${name}.txt`, TEXT, 2, 1);
  await editor.generate(`[name=${name}] [lines=${COUNT}] [held]`);
  await editor.shows(`${name}_2 = 2`);
  await editor.cursor(1, 4);
  await editor.keyboard.type(typed, { delay: 40 });
  await editor.shows(`top${typed}`);
}

async function undoesTheUsersWord(editor, { model }) {
  await typeWhileCodeArrives(editor, 'word', ' first second');
  await editor.keyboard.press('Control+Z');
  await until('the second word is undone', async () => (await editor.text()).startsWith('top first\n'));
  await editor.keyboard.press('Control+Z');
  await until('the first word is undone', async () => (await editor.text()).startsWith('top\n'));
  await editor.keyboard.press('Control+Y');
  await until('the first word is there again', async () => (await editor.text()).startsWith('top first\n'));
  assert.ok(!(await editor.isIdle()), 'the generation ended');
  model.release();
  await editor.idle();
  assert.equal(await editor.saved('word.txt'), `top first\n${lines('word', COUNT)}bottom\n`);
  await editor.undo();
  assert.equal(await editor.saved('word.txt'), 'top first\n\nbottom\n', 'the code is one step');
}

/** All of the code is there, or none of it; what else was typed stays or was undone. */
async function assertNoHole(editor, name, typed = '') {
  await editor.idle();
  await sleep(300);
  const text = await editor.saved(`${name}.txt`);
  const all = lines(name, COUNT);
  const rest = text.replace(all, '\n');
  assert.ok([TEXT, TEXT.replace('top', `top${typed}`)].includes(rest), text);
}

async function undoesAtTheInsertionPoint(editor) {
  for (const round of [0, 1, 2]) {
    const name = `insertion${round}`;
    await editor.file(`${name}.txt`, TEXT, 2, 1);
    await editor.generate(`[name=${name}] [lines=${COUNT}] [fast]`);
    await editor.shows(`${name}_${3 + round} = `);
    await editor.keyboard.press('Control+Z');
    await assertNoHole(editor, name);
  }
}

async function undoesFromTheMenu(editor, { model }) {
  await typeWhileCodeArrives(editor, 'menu', ' word');
  await sleep(200);
  await editor.keyboard.press('Control+Alt+Z'); // the editor's own command
  model.release();
  await assertNoHole(editor, 'menu', ' word');
}

async function undoesAndRedoes(editor) {
  await editor.file('redone.txt', TEXT, 2, 1);
  await editor.generate(`[name=redone] [lines=${COUNT}] [fast]`);
  await editor.shows('redone_3 = 3');
  await editor.keyboard.press('Control+Z');
  await editor.keyboard.press('Control+Shift+Z');
  await assertNoHole(editor, 'redone');
}

async function tellsOfUndo(editor, { server }) {
  await editor.file('told.txt', TEXT, 2, 1);
  await editor.generate('[name=ready] [lines=1]');
  await editor.shows('ready_1 = 1');
  await editor.idle();
  await editor.cursor(1, 4);
  await editor.keyboard.type('word');
  await editor.shows('topword');
  await editor.keyboard.press('Control+Z');
  await editor.keyboard.press('Control+Shift+Z');
  await editor.settled();
  await editor.keyboard.press('Control+End');
  await editor.generate('[name=told] [lines=2]'); // whose summary brings the log to the disk
  await editor.shows('told_2 = 2');
  await editor.idle();
  // A request for something else may be cancelled in between.
  const sent = () => [...server.extensionLog().matchAll(/Sending notification '([^$'][^']*)'/g)].map(([, method]) => method);
  await until('the redo is told', () => sent().filter((method) => method.endsWith('didUndo')).length === 2);
  const first = sent().indexOf('streamingCodeGenerator/didUndo');
  const told = sent().slice(first, first + 4);
  const pair = ['streamingCodeGenerator/didUndo', 'textDocument/didChange'];
  assert.deepEqual(told, [...pair, ...pair]);
  assert.match(server.extensionLog(), /"kind": "undo"/);
  assert.match(server.extensionLog(), /"kind": "redo"/);
}

/** What the active editor shows in each frame for a while: how many of some words. */
function framesOf(editor, word, ms) {
  return editor.page.evaluate(
    ([shownWord, duration]) =>
      new Promise((resolve) => {
        const counts = [];
        const end = performance.now() + duration;
        const look = () => {
          const shown = document.querySelector('.editor-group-container.active .editor-instance .view-lines');
          counts.push(shown.textContent.split(shownWord).length - 1);
          if (performance.now() < end) {
            requestAnimationFrame(look);
          } else {
            resolve(counts);
          }
        };
        requestAnimationFrame(look);
      }),
    [word, ms],
  );
}

async function undoesALongDocumentInOneGo(editor, { model }) {
  const text = Array.from({ length: 20_000 }, (_, index) => (index === 10_000 ? '\n' : `line ${index}\n`)).join('');
  await editor.file('long.txt', text, 10_001, 1);
  await editor.generate('[name=long] [lines=8] [held]');
  await editor.shows('long_3 = 3');
  for (const row of [1, 3, 1]) {
    await editor.page.locator('.editor-instance .view-lines > .view-line').nth(row).click();
    await editor.keyboard.type('§§');
  }
  await editor.shows('long_7 = 7');
  model.release();
  await editor.idle();
  await editor.shows('long_8 = 8');
  await sleep(500); // so long the undo steps are put in order
  const frames = framesOf(editor, '§§', 1_500);
  await editor.keyboard.press('Control+Z');
  const seen = new Set(await frames);
  assert.ok(!(await editor.text()).includes('long_'), 'the code was not undone');
  assert.ok([...seen].every((count) => count === 0 || count === 3), `steps in between were seen: ${[...seen]}`);
  assert.ok(seen.has(3), 'what was typed has gone');
}

export const cases = [
  { name: 'undo mid-stream takes back what the user typed', body: undoesTheUsersWord },
  { name: 'undo mid-stream at the insertion point leaves no crumbs', body: undoesAtTheInsertionPoint },
  { name: 'undo mid-stream and redo at once leave no hole', body: undoesAndRedoes },
  { name: 'undo mid-stream past our own command leaves no hole', body: undoesFromTheMenu },
  { name: 'undo in 20,000 lines shows no steps in between', body: undoesALongDocumentInOneGo },
];

/** With every message traced. */
export const tracedCases = [{ name: 'undo and redo are told to the server before the change', body: tellsOfUndo }];
