// A file system in memory, and a command that opens a file of it.

const vscode = require('vscode');

class MemoryFiles {
  constructor() {
    this.files = new Map();
    this.onDidChangeFile = new vscode.EventEmitter().event;
  }

  stat({ path }) {
    const data = this.files.get(path);
    if (!data && path !== '/') {
      throw vscode.FileSystemError.FileNotFound();
    }
    return { type: data ? vscode.FileType.File : vscode.FileType.Directory, ctime: 0, mtime: 0, size: data?.length ?? 0 };
  }

  readFile({ path }) {
    return this.files.get(path);
  }

  writeFile({ path }, content) {
    this.files.set(path, content);
  }

  watch() {
    return new vscode.Disposable(() => undefined);
  }

  readDirectory() {
    return [];
  }

  createDirectory() {}
  delete() {}
  rename() {}
}

exports.activate = (context) => {
  const files = new MemoryFiles();
  context.subscriptions.push(
    vscode.workspace.registerFileSystemProvider('memfs', files, { isCaseSensitive: true }),
    vscode.commands.registerCommand('memoryFiles.open', async () => {
      const uri = vscode.Uri.parse('memfs:/memory.py');
      files.writeFile(uri, Buffer.from('before = 1\n\nafter = 2\n'));
      const editor = await vscode.window.showTextDocument(uri);
      editor.selection = new vscode.Selection(1, 0, 1, 0);
    }),
  );
};
