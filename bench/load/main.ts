// The load generator's entry: `node bench/load/main.ts --help`. Its own process, so that its cost
// is not the broker's; when forked it tells its parent when the measured window starts and ends.
// Exit codes: 0 done, 1 the run failed or verification did, 2 the arguments make no sense.
import { CommanderError } from 'commander';
import { runChurn } from './churn.ts';
import { runConnectRate } from './connect-rate.ts';
import { runIdle } from './idle.ts';
import { parseLoadOptions, type LoadOptions } from './options.ts';
import { runPipeline } from './pipeline.ts';
import { formatChurnResult, formatConnectResult, formatResult } from './result.ts';
import { runLoad } from './run.ts';
import type { LoadEvent } from './window-samples.ts';

function tellParent(event: LoadEvent): void {
  process.send?.({ event });
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function runAndPrint(options: LoadOptions): Promise<boolean> {
  // With --json, standard output is the result alone.
  const progress = (line: string): void => {
    process.stderr.write(`${line}\n`);
  };
  if (options.idleConnections > 0) {
    const idle = await runIdle(options, tellParent);
    const rate = Math.round(idle.idleConnections / idle.openSeconds);
    print(options.json ? JSON.stringify(idle) : `${idle.idleConnections} opened, ${rate}/s`);
    return true;
  }
  if (options.connectRate > 0) {
    const connects = await runConnectRate(options, tellParent);
    print(options.json ? JSON.stringify(connects) : formatConnectResult(connects));
    // By when they were due, not by when they were done: a slow broker is a result, not a failure.
    return connects.handshakeMicros.count > 0;
  }
  if (options.churn) {
    const churn = await runChurn(options, tellParent);
    print(options.json ? JSON.stringify(churn) : formatChurnResult(churn));
    return Object.values(churn.operations).some(({ count }) => count > 0);
  }
  const run = options.pipelineStages > 0 ? runPipeline : runLoad;
  const result = await run(options, tellParent, options.json ? progress : print);
  print(options.json ? JSON.stringify(result) : formatResult(result));
  return (result.verify?.correct ?? true) && (result.pipeline?.correct ?? true);
}

try {
  const succeeded = await runAndPrint(parseLoadOptions(process.argv.slice(2)));
  process.exitCode = succeeded ? 0 : 1;
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
  } else {
    process.stderr.write(`load: ${(error as Error).message}\n`);
    process.exitCode = 1;
  }
}
// Connections of a failed run may still be open; the parent's channel would keep us alive as well.
process.disconnect?.();
if (process.exitCode !== 0) process.exit();
