import assert from 'node:assert/strict';
import { test } from 'node:test';

import { looksLikeComment } from '../src/generations/comments';

const at = (text: string, line: number) => {
  const lines = text.split('\n');
  return looksLikeComment((each) => lines[each] ?? '', line);
};

test('a comment on the line or above it is seen, in the usual languages', () => {
  for (const comment of ['# add two numbers', '// add', '  /* add */', '-- add', '; add', '<!-- add -->', '% add']) {
    assert.ok(at(comment, 0), comment);
    assert.ok(at(`${comment}\n\n\n`, 2), comment);
    assert.ok(at(`${comment}\ndef add():`, 1), comment);
  }
  assert.ok(at('x = 1  # a number', 0));
});

test('code is none, nor is a comment far above', () => {
  for (const code of ['x = 1', '', '#!/bin/sh', '#include <stdio.h>', 'a - b', 'a // b'.replace(' // ', '//')]) {
    assert.ok(!at(code, 0), code);
  }
  assert.ok(!at('# add\n\n\n\n\n\n', 5));
});
