// `warrenmq server`: loads the configuration, starts the broker, prints the banner and waits for
// the end. Runs in main. Exit codes: 0 stopped by a signal, 1 could not start or failed, 78 the
// configuration is wrong. The broker is imported only after the configuration has been accepted.
import { Command, Option } from 'commander';
import { createLogger, type Logger, writeLogRecord } from '../base/logger.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { type LoadedConfig, loadConfig } from '../config/load-config.ts';
import { printConfig } from '../config/print-config.ts';
import { schema } from '../config/schema.ts';
import { flagText, type ParsedFlags } from '../config/setting.ts';
import { ConfigError } from '../errors/config-errors.ts';
import type { RunningBroker } from '../main.ts';
import { bannerText } from './banner.ts';
import { hangUp } from './hangup.ts';
import { startFailureText } from './start-failure.ts';
import { stopRequests } from './stop-requests.ts';
import { EXIT, type Terminal } from './terminal.ts';

export interface ServerFlags extends ParsedFlags {
  readonly printConfig?: boolean | undefined;
}

/** What src/main.ts exports. */
export interface BrokerModule {
  startBroker(config: BrokerConfig, log: Logger): Promise<RunningBroker>;
}

const PLACEHOLDERS = { dataDir: 'dir', managementPort: 'n', shards: 'n', acceptors: 'n' } as const;

export function serverCommand(terminal: Terminal, finish: (code: number) => void): Command {
  const command = new Command('server')
    .description('Start the broker.')
    .addOption(new Option('--config <file>', 'Configuration file, in the syntax of rabbitmq.conf.'))
    .addOption(new Option('--host <host>', 'Address to listen on for AMQP; :: is every address.'))
    .addOption(new Option('--port <n>', 'Port to listen on for AMQP.'));
  for (const { flag, description } of schema) {
    if (flag === undefined) continue;
    command.addOption(new Option(`${flagText(flag)} <${PLACEHOLDERS[flag]}>`, description));
  }
  return command
    .addOption(
      new Option('--set <key=value>', 'Set any key of the configuration; repeatable.')
        .argParser((value, earlier: string[]) => [...earlier, value])
        .default([], 'nothing'),
    )
    .option('--print-config', 'Print the effective configuration with its sources, and exit.')
    .action(async (flags: ServerFlags) => finish(await runServer(flags, terminal)));
}

export async function runServer(
  flags: ServerFlags,
  terminal: Terminal,
  loadBroker: () => Promise<BrokerModule> = () => import('../main.ts'),
): Promise<number> {
  const loaded = loadOrExplain(flags, terminal);
  if (loaded === undefined) return EXIT.configuration;
  const { config, warnings } = loaded;
  if (flags.printConfig === true) {
    for (const warning of warnings) terminal.error(`warning: ${warning}\n`);
    terminal.out(printConfig(loaded));
    return EXIT.ok;
  }
  const log = createLogger('main', config.logLevel, writeLogRecord);
  for (const warning of warnings) log.warn(warning);

  const stops = stopRequests(terminal);
  let broker: RunningBroker | undefined;
  terminal.onHangup(() => hangUp(broker, log));
  try {
    broker = await (await loadBroker()).startBroker(config, log);
  } catch (error) {
    terminal.error(`${startFailureText(error)}\n`);
    return EXIT.failed;
  }
  terminal.out(bannerText(config, broker));
  return await runUntilEnd(broker, stops, terminal);
}

function loadOrExplain(flags: ServerFlags, terminal: Terminal): LoadedConfig | undefined {
  const { env, cwd, cores, readFile } = terminal;
  try {
    return loadConfig({ args: flags, env, cwd, cores, readFile });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    terminal.error(`${error.message}\nNothing was started.\n`);
    return undefined;
  }
}

async function runUntilEnd(
  broker: RunningBroker,
  stops: Promise<string>,
  terminal: Terminal,
): Promise<number> {
  const end = await Promise.race([stops, broker.failed]);
  if (end instanceof Error) {
    terminal.error(`WarrenMQ has failed and ends now: ${end.stack ?? end.message}\n`);
    return EXIT.failed;
  }
  terminal.out(`Stopping (${end}); once more to stop at once.\n`);
  try {
    await broker.stop(end);
  } catch (error) {
    terminal.error(`WarrenMQ could not stop in order: ${(error as Error).stack}\n`);
    return EXIT.failed;
  }
  terminal.out('Stopped.\n');
  return EXIT.ok;
}
