// The error of certificates and keys that cannot be used: every problem at once, each with the key
// of the configuration and the file. Runs in main only, before any thread is started.

export class TlsFileError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'TlsFileError';
    this.problems = problems;
  }
}
