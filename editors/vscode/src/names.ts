/** Names that more than one module spells. */

export const NAME = 'Streaming Code Generator';

/** The palette's commands. They differ from the server's, which the language client registers itself. */
export const Command = {
  generate: 'streamingCodeGenerator.client.generate',
  generateFromComment: 'streamingCodeGenerator.client.generateFromComment',
  generateWithProfile: 'streamingCodeGenerator.client.generateWithProfile',
  /** Not in the palette: a code action runs it, with what it can generate. */
  chooseProfile: 'streamingCodeGenerator.client.chooseProfile',
  cancel: 'streamingCodeGenerator.client.cancel',
  accept: 'streamingCodeGenerator.client.accept',
  remove: 'streamingCodeGenerator.client.remove',
  retry: 'streamingCodeGenerator.client.retry',
  goToCode: 'streamingCodeGenerator.client.goToCode',
  /** Not in the palette: the key for undo runs it where code is to be taken back in one step. */
  undo: 'streamingCodeGenerator.client.undo',
  redo: 'streamingCodeGenerator.client.redo',
  /** Not in the palette: keys of the prompt box. */
  earlierPrompt: 'streamingCodeGenerator.client.earlierPrompt',
  laterPrompt: 'streamingCodeGenerator.client.laterPrompt',
  toggleGhostText: 'streamingCodeGenerator.client.toggleGhostText',
  showUsage: 'streamingCodeGenerator.client.showUsage',
  showLog: 'streamingCodeGenerator.client.showLog',
  restartServer: 'streamingCodeGenerator.client.restartServer',
  installServer: 'streamingCodeGenerator.client.installServer',
  installModel: 'streamingCodeGenerator.client.installModel',
  checkSetup: 'streamingCodeGenerator.client.checkSetup',
  setApiKey: 'streamingCodeGenerator.client.setApiKey',
  clearApiKey: 'streamingCodeGenerator.client.clearApiKey',
} as const;
