// What is seen of code while it grows.

import assert from 'node:assert/strict';

import { sleep, until } from '../editor.mjs';

const CATEGORY = 'Streaming Code Generator';

const long = (count) => Array.from({ length: count }, (_, index) => `line ${index + 1}`).join('\n');

/** The lines that are seen, each with whether it has a mark of an extension's. */
async function marked(editor) {
  return editor.page.evaluate(() => {
    const shown = document.querySelector('.editor-group-container.active .editor-instance .monaco-editor');
    const rows = [...shown.querySelectorAll('.view-lines > .view-line')];
    const marks = [...shown.querySelectorAll('.view-overlays > div')].filter((row) =>
      [...row.children].some((each) => /^ced-/.test(each.className) || / ced-/.test(each.className)));
    const tops = marks.map((row) => row.style.top);
    return rows.map((row) => ({ text: row.textContent.replaceAll('\u00a0', ' '), isMarked: tops.includes(row.style.top) }));
  });
}

/** The lines' text as it is painted, with what decorations put behind it. */
async function painted(editor) {
  return editor.page.evaluate(() => {
    const shown = document.querySelector('.editor-group-container.active .editor-instance .monaco-editor');
    return [...shown.querySelectorAll('.view-lines > .view-line')]
      .flatMap((line) => [line, ...line.querySelectorAll('span')])
      .map((span) => getComputedStyle(span, '::after').content)
      .filter((content) => content !== 'none' && content !== 'normal')
      .join('\n');
  });
}

async function followsUnlessScrolled(editor, { model }) {
  await editor.file('follows.txt', `${long(50)}\n\n${long(50)}\n`, 51, 1);
  await editor.generate('[name=follows] [lines=90] [fast] [held]');
  await editor.shows('follows_89 = 89');
  await editor.settled(); // a scroll that meets the view's own is undone by it
  await until('the beginning', async () => {
    await editor.keyboard.press('Alt+PageUp'); // scrolls, and leaves the cursor where it is
    return (await editor.text()).startsWith('line 1\n');
  });
  assert.ok(!(await editor.isIdle()), 'it ended before the view was scrolled');
  model.release();
  await editor.idle();
  assert.ok((await editor.text()).startsWith('line 1\n'), 'the view was torn away');
  await editor.command(`${CATEGORY}: Go to Generated Code`);
  await until('the generated code', async () => (await editor.text()).includes('follows_'));
}

async function leadsToTheEndThatGrows(editor) {
  await editor.file('leads.txt', `${long(60)}\n\n`, 61, 1);
  await editor.generate('[name=leads] [lines=400]');
  await editor.shows('leads_1 = 1');
  await editor.keyboard.press('Control+Home');
  await until('the beginning', async () => (await editor.text()).startsWith('line 1\n'));
  const before = await editor.settled();
  assert.equal(before.includes('leads_'), false);
  await editor.page.locator('.statusbar-item[id*="streamingCodeGenerator"] a').click();
  await until('the growing end', async () => (await editor.text()).includes('leads_'), 5_000);
  const [first] = (await editor.text()).match(/leads_\d+/g).slice(-1);
  await until('it is followed', async () => (await editor.text()).match(/leads_\d+/g)?.at(-1) !== first, 5_000);
  await editor.command(`${CATEGORY}: Cancel`);
  await editor.idle();
}

async function leavesWhoTypesElsewhere(editor, { model }) {
  await editor.file('types.txt', `${long(30)}\n`, 20, 1);
  await editor.generate('[name=types] [lines=200] [fast] [held]');
  await editor.shows('types_1');
  await editor.keyboard.press('Control+Home');
  await editor.keyboard.type('typed ', { delay: 30 });
  assert.ok(!(await editor.isIdle()), 'it ended before anything was typed');
  model.release();
  await editor.idle();
  assert.ok((await editor.text()).startsWith('typed line 1\n'), 'the view was torn away from the cursor');
}

async function coloursTheLastLine(editor) {
  await editor.file('coloured.py', 'above = 1\n\nbelow = 2\n', 2, 1);
  await editor.generate('[name=coloured] [lines=36]');
  await editor.shows('coloured_2 = 2');
  let seen = 0;
  while (await editor.page.locator('.notification-toast', { hasText: 'Generating' }).count()) {
    const isRight = ({ text, isMarked }) => isMarked === /^coloured_/.test(text) || text === '';
    let rows = [];
    // The text and its colour are two messages: between them a busy machine may show the one without the other.
    const isColoured = async () => (rows = await marked(editor)).every(isRight) || editor.isIdle();
    await until('the colour', isColoured, 2_000).catch(() => assert.fail(JSON.stringify(rows)));
    seen += rows.some(({ isMarked }) => isMarked) ? 1 : 0;
    await sleep(60);
  }
  assert.ok(seen > 5, 'it was hardly looked at');
  await until('the colour is gone', async () => (await marked(editor)).every(({ isMarked }) => !isMarked));
}

async function showsWhatIsReplaced(editor, { model }) {
  await editor.file('replaced.py', 'keep = 0\nformer = 1\nolder = 2\noldest = 3\nkeep = 3\n', 2, 1);
  for (let row = 0; row < 3; row += 1) {
    await editor.keyboard.press('Shift+ArrowDown');
  }
  await editor.generate('[name=fresh] [lines=5] [slow] [held]');
  const struckOut = () => editor.page.evaluate(() =>
    [...document.querySelectorAll('.view-lines span')]
      .filter((span) => getComputedStyle(span).textDecorationLine === 'line-through')
      .map((span) => span.textContent.replaceAll('\u00a0', ' '))
      .join(''));
  await editor.shows('fresh_2 = 2');
  await until('what has gone beside what has come', async () => (await painted(editor)).includes('former = 1'), 5_000);
  // Each old line can be seen: in its place, struck out, or beside the code.
  const seen = `${await struckOut()}${await painted(editor)}`;
  assert.ok(['older = 2', 'oldest = 3'].every((line) => seen.includes(line) || /more line/.test(seen)), seen);
  model.release();
  await editor.idle();
  await until('nothing beside', async () => !/former|older|oldest/.test(await painted(editor)));
  assert.equal((await editor.saved('replaced.py')).includes('older'), false);
}

export const cases = [
  { name: 'the view follows growing code, unless it is scrolled', body: followsUnlessScrolled },
  { name: 'the status bar leads to the growing end', body: leadsToTheEndThatGrows },
  { name: 'the view stays where the user types', body: leavesWhoTypesElsewhere },
  { name: 'the last growing line is coloured', body: coloursTheLastLine },
  { name: 'replaced lines are seen beside what replaces them', body: showsWhatIsReplaced },
];
