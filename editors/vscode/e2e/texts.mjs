/** What the scripted model answers to `[name=NAME] [lines=COUNT]`. */
export const lines = (name, count) =>
  Array.from({ length: count }, (_, index) => `${name}_${index + 1} = ${index + 1}\n`).join('');
