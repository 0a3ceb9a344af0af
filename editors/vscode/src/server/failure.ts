/** Pure: what an installer's output says of why it failed, and what to do about it. */

/** Its message is the reason, to follow "because"; the step is a sentence. */
export class InstallationError extends Error {
  constructor(
    reason: string,
    readonly nextStep: string,
  ) {
    super(reason);
  }
}

interface Known {
  sign: RegExp;
  reason: string;
  nextStep: string;
}

const KNOWN: readonly Known[] = [
  {
    sign: /ensurepip is not available|No module named '?(ensurepip|venv)/i,
    reason: 'this Python cannot make environments',
    nextStep: 'Install its part `venv` (Debian and Ubuntu: `sudo apt install python3-venv`), or uv.',
  },
  {
    sign: /No space left on device|ENOSPC|not enough space/i,
    reason: 'there is no room left on the disk',
    nextStep: 'Make room, about 300 MB, and install again.',
  },
  {
    sign: /Permission denied|EACCES|Access is denied/i,
    reason: "the extension's folder cannot be written to",
    nextStep: 'The log names the file.',
  },
  {
    sign: /dns error|Name or service not known|Temporary failure in name resolution|getaddrinfo|Connection (refused|reset)|Could not connect|error sending request|Network is unreachable|Max retries exceeded|NewConnectionError|timed out|ProxyError|certificate/i,
    reason: 'the package index cannot be reached',
    nextStep: "Check the network; a proxy or a company's index is set up as for pip (`HTTPS_PROXY`, `pip.conf`) or uv.",
  },
  {
    sign: /No matching distribution found|No solution found|has no wheels|not a supported wheel|Failed building wheel/i,
    reason: 'the package index has not all packages for this Python and system',
    nextStep: 'The log names the package; another Python (3.11 to 3.13) may help.',
  },
];

/** Return what an installer failed with, by its output. */
export function failureOf(lines: readonly string[], executable: string): InstallationError {
  const output = lines.join('\n');
  const known = KNOWN.find(({ sign }) => sign.test(output));
  if (known) {
    return new InstallationError(known.reason, known.nextStep);
  }
  const said = lines.findLast((line) => /\berror\b/i.test(line)) ?? lines.at(-1) ?? 'it said nothing';
  return new InstallationError(`\`${executable}\` failed (${said.trim()})`, 'The log has all that it said.');
}
