// The error of a configuration that cannot be used: every problem at once, each with the place it
// comes from (file and line, environment variable or flag). Runs in main only, before any thread is
// started. The message is what the user sees; the command line prints it and exits with 78.

export class ConfigError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
    const lines = problems.map((problem) => `  ${problem.replaceAll('\n', '\n    ')}`);
    super(`The configuration has ${count}:\n${lines.join('\n')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }
}
