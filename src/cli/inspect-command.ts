// `warrenmq inspect DIR`: reads a data directory, checks every checksum, and says what is in it.
// Runs in main. It never writes, and works while a broker runs on the directory. Exit codes: 0 all
// is well, 1 something is corrupt, 2 there is no data directory. The reading parts are imported
// only when the command runs.
import path from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { NoDataDirectoryError } from './inspect/find-logs.ts';
import { ProgressBar } from './inspect/progress-bar.ts';
import { reportText } from './inspect/report-text.ts';
import type { InspectReport } from './inspect/report.ts';
import { EXIT, type Terminal } from './terminal.ts';

/** As fsck(8) and grep(1) have it: 1 is an answer, 2 says that there is none. */
const EXIT_NO_DATA_DIRECTORY = 2;
const LIMIT_DEFAULT = 100;

interface InspectFlags {
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly topology?: boolean;
  readonly queue?: string;
  readonly segment?: number;
  readonly limit: number;
}

export function inspectCommand(terminal: Terminal, finish: (code: number) => void): Command {
  return new Command('inspect')
    .description('Check a data directory and show what is in it, without changing anything.')
    .argument('<dir>', 'Data directory, or one log directory in it.')
    .option('--json', 'Print everything as JSON.')
    .option('--topology', 'List virtual hosts with their queues, exchanges, bindings and users.')
    .option('--queue <name>', "List the queue's messages.")
    .addOption(
      new Option('--segment <n>', 'List the records of segment n of each log.').argParser((text) =>
        wholeNumber(text, 1),
      ),
    )
    .addOption(
      new Option('--limit <n>', 'List at most n messages or records; 0 lists all.')
        .argParser((text) => wholeNumber(text, 0))
        .default(LIMIT_DEFAULT),
    )
    .option('--quiet', 'Show no progress.')
    .action(async (directory: string, flags: InspectFlags) => {
      finish(await runInspect(directory, flags, terminal));
    });
}

async function runInspect(
  directory: string,
  flags: InspectFlags,
  terminal: Terminal,
): Promise<number> {
  const { inspect } = await import('./inspect/inspection.ts');
  const isWatched = terminal.isErrorWatched && flags.quiet !== true;
  const bar = new ProgressBar(terminal);
  let report: InspectReport;
  try {
    report = await inspect({
      directory: path.resolve(terminal.cwd, directory),
      threads: terminal.cores,
      topology: flags.topology === true,
      queue: flags.queue,
      segment: flags.segment,
      limit: flags.limit === 0 ? Number.MAX_SAFE_INTEGER : flags.limit,
      onProgress: (done, total) => {
        if (isWatched) bar.show(done, total);
      },
    });
  } catch (error) {
    if (!(error instanceof NoDataDirectoryError)) throw error;
    terminal.error(`${error.message}\n`);
    return EXIT_NO_DATA_DIRECTORY;
  } finally {
    bar.clear();
  }
  const missing = missingText(report, flags);
  if (missing !== undefined) {
    terminal.error(`${missing}\n`);
    return EXIT.usage;
  }
  terminal.out(flags.json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return report.findings.length === 0 ? EXIT.ok : EXIT.failed;
}

/** What was to be listed and is not there, in words. */
function missingText(report: InspectReport, flags: InspectFlags): string | undefined {
  const { queues, logs, listings } = report;
  const { queue, segment } = flags;
  if (queue !== undefined && !queues.some(({ name, id }) => (name ?? String(id)) === queue)) {
    return (
      `There is no queue '${queue}' in ${report.directory}: it keeps durable queues only.\n` +
      'Without --queue all of them are shown; a queue without a name goes by its number.'
    );
  }
  if (segment === undefined || listings.length > 0) return undefined;
  const kept = logs.map(({ name, segments }) => {
    const numbers = segments.map(({ number }) => number);
    return `${name}: ${numbers.length === 0 ? 'none' : numbers.join(', ')}`;
  });
  return `No log has a segment ${segment}. Segments there are:\n  ${kept.join('\n  ')}`;
}

function wholeNumber(text: string, min: number): number {
  const number = /^\d{1,15}$/u.test(text) ? Number(text) : -1;
  if (number >= min) return number;
  throw new InvalidArgumentError(`expected a whole number from ${min} on, got '${text}'.`);
}
