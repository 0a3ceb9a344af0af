// A window with several folders, of which some have settings of their own.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';

import { until } from '../editor.mjs';

async function usesTheSettingsOfTheDocumentsFolder(editor, { model, other, workspace }) {
  const generated = async (folder, name) => {
    fs.writeFileSync(path.join(workspace, folder, `${name}.py`), '');
    await editor.show(`${folder}/${name}.py`);
    await editor.generate(`[name=${name}] [lines=2]`);
    await editor.shows(`${name}_2 = 2`);
    await editor.idle();
    return model.requests().at(-1);
  };
  const inFirst = await generated('first', 'one');
  assert.equal(inFirst.model, 'loopback-model');
  const inSecond = await generated('second', 'two');
  assert.equal(inSecond.model, "the second folder's model");
  assert.equal(inSecond.system, 'The second folder speaks.');
  const again = await generated('first', 'three');
  assert.equal(again.model, 'loopback-model');
  assert.equal(again.system, inFirst.system);
  assert.deepEqual(other.requests(), [], 'a folder has chosen the endpoint');
  await until('idle', () => editor.isIdle());
}

function prepareFolders({ workspace, other }) {
  fs.mkdirSync(path.join(workspace, 'first'));
  fs.mkdirSync(path.join(workspace, 'second/.vscode'), { recursive: true });
  const settings = {
    'streamingCodeGenerator.model': "the second folder's model",
    'streamingCodeGenerator.systemPrompt': 'The second folder speaks.',
    'streamingCodeGenerator.baseUrl': other.baseUrl,
  };
  fs.writeFileSync(path.join(workspace, 'second/.vscode/settings.json'), JSON.stringify(settings));
  const folders = [{ path: 'first' }, { path: 'second' }];
  fs.writeFileSync(path.join(workspace, 'several.code-workspace'), JSON.stringify({ folders }));
}

export const sessions = [
  {
    name: 'folders',
    cases: [{ name: "a document has its folder's settings", body: usesTheSettingsOfTheDocumentsFolder }],
    prepare: prepareFolders,
    opened: (workspace) => `workspace=${workspace}/several.code-workspace`,
  },
];
