// Opens files and runs commands for the driver; and a file system in memory, with a command that opens a file of it.

const net = require('node:net');
const { createInterface } = require('node:readline');

const vscode = require('vscode');

/** What the driver asks for, a line of JSON each; each is answered by a line when it is done. */
const REQUESTS = {
  open: async ({ file, place }) => {
    const at = place && new vscode.Position(place[0] - 1, place[1] - 1);
    const selection = at && new vscode.Range(at, at);
    // Not `showTextDocument`: the editor would keep the document for minutes after its tab is closed.
    await vscode.commands.executeCommand('vscode.open', vscode.Uri.file(file), { preview: false, selection });
  },
  // As other extensions do: the editor keeps the document for minutes after its tab is closed.
  keep: async ({ file }) => {
    await vscode.window.showTextDocument(vscode.Uri.file(file));
  },
  run: async ({ command }) => {
    await vscode.commands.executeCommand(command);
  },
};

function connect() {
  const socket = net.connect(Number(process.env.SCG_HELPER_PORT), '127.0.0.1');
  createInterface(socket).on('line', async (line) => {
    const { id, method, ...params } = JSON.parse(line);
    const error = await REQUESTS[method](params).then(() => undefined, String);
    socket.write(`${JSON.stringify({ id, error })}\n`);
  });
  return new vscode.Disposable(() => socket.destroy());
}

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
    connect(),
    vscode.workspace.registerFileSystemProvider('memfs', files, { isCaseSensitive: true }),
    vscode.commands.registerCommand('memoryFiles.open', async () => {
      const uri = vscode.Uri.parse('memfs:/memory.py');
      files.writeFile(uri, Buffer.from('before = 1\n\nafter = 2\n'));
      const editor = await vscode.window.showTextDocument(uri);
      editor.selection = new vscode.Selection(1, 0, 1, 0);
    }),
  );
};
