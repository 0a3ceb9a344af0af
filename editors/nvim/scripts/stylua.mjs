// Formats Lua as `.stylua.toml` says, or names the files that are not (`--check`): StyLua as npm has it, which
// is a library and no program.
//
//   node stylua.mjs [--check] FILE...     NODE_PATH names the folder that has @johnnymorganz/stylua
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const stylua = createRequire(import.meta.url)('@johnnymorganz/stylua');
const enums = {
  call_parentheses: stylua.CallParenType,
  indent_type: stylua.IndentType,
  line_endings: stylua.LineEndings,
  quote_style: stylua.QuoteStyle,
};
const options = readFileSync(new URL('../.stylua.toml', import.meta.url), 'utf8').matchAll(/^(\w+) = "?(\w+)"?$/gm);
const settings = [...options].map(([, name, value]) => [name, enums[name] ? enums[name][value] : Number(value)]);

function formatted(name, text) {
  const config = Object.assign(stylua.Config.new(), Object.fromEntries(settings)); // formatting uses one up
  try {
    return stylua.formatCode(text, config, undefined, stylua.OutputVerification.Full);
  } catch (error) {
    console.error(`${name}: ${error}`);
    process.exit(1);
  }
}

const names = process.argv.slice(2);
const isCheck = names[0] === '--check';
for (const name of isCheck ? names.slice(1) : names) {
  const before = readFileSync(name, 'utf8');
  const after = formatted(name, before);
  if (after === before) continue;
  if (isCheck) {
    console.error(`${name}: not as StyLua formats it`);
    process.exitCode = 1;
  } else {
    writeFileSync(name, after);
  }
}
