// `warrenmqctl` and `warrenmq ctl`: rabbitmqctl's verbs, flags and exit codes over the management
// HTTP API. Runs in main. Global flags may stand before or behind the verb, as with rabbitmqctl.
import { Command, CommanderError, Option } from 'commander';
import type { Terminal } from '../terminal.ts';
import { alarmVerbs } from './alarm-verbs.ts';
import { ApiClient } from './api-client.ts';
import { connectionVerbs } from './connection-verbs.ts';
import { CtlError, EXIT_CODES } from './ctl-error.ts';
import { delayedVerbs } from './delayed-verbs.ts';
import { definitionVerbs } from './definition-verbs.ts';
import { limitVerbs } from './limit-verbs.ts';
import { listingVerbs } from './listing-verbs.ts';
import { nodeVerbs } from './node-verbs.ts';
import { FORMATTERS } from './output.ts';
import { permissionVerbs } from './permission-verbs.ts';
import { policyAndParameterVerbs } from './policy-verbs.ts';
import { queueVerbs } from './queue-verbs.ts';
import { userVerbs } from './user-verbs.ts';
import { CtlContext, type CtlFlags, type Verb } from './verb.ts';
import { vhostVerbs } from './vhost-verbs.ts';

const DEFAULTS = { url: 'http://127.0.0.1:15672', user: 'guest', password: 'guest' } as const;
const TIMEOUT_SECONDS_DEFAULT = 60;

interface GlobalFlags extends CtlFlags {
  readonly apiUrl?: string;
  readonly apiUser?: string;
  readonly apiPassword?: string;
}

export const verbs: readonly Verb[] = [
  ...nodeVerbs,
  ...userVerbs,
  ...vhostVerbs,
  ...permissionVerbs,
  ...policyAndParameterVerbs,
  ...limitVerbs,
  ...listingVerbs,
  ...queueVerbs,
  ...delayedVerbs,
  ...connectionVerbs,
  ...definitionVerbs,
  ...alarmVerbs,
];

/** Runs one command line (without node, script and `ctl`) and returns the exit code. */
export async function runCtl(args: readonly string[], terminal: Terminal): Promise<number> {
  const program = programOf(terminal);
  if (args.length === 0) {
    terminal.error(program.helpInformation());
    return EXIT_CODES.usage;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage;
    if (!(error instanceof CtlError)) throw error;
    terminal.error(`Error:\n${error.message}\n`);
    return error.exitCode;
  }
}

function programOf(terminal: Terminal): Command {
  const program = new Command('warrenmqctl')
    .description("RabbitMQ's rabbitmqctl for WarrenMQ: it speaks to the management HTTP API.")
    .helpOption('-h, --help', 'Print help.')
    .helpCommand('help [command]', 'Print help about a command.')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
    .showHelpAfterError('Run `warrenmqctl help` to see what there is.')
    .exitOverride()
    .option('-n, --node <node>', 'Taken for the sake of scripts: there is one node.')
    .option('-l, --longnames', 'Taken for the sake of scripts.')
    .option('-q, --quiet', 'Print results only.')
    .option('-s, --silent', 'As --quiet, and no headers either.')
    .option('-p, --vhost <vhost>', 'The virtual host.', '/')
    .option(
      '-t, --timeout <seconds>',
      'How long to wait; 0 is for ever.',
      `${TIMEOUT_SECONDS_DEFAULT}`,
    )
    .option('--no-table-headers', 'Print no headers.')
    .option('--dry-run', 'Taken and not looked at.')
    .addOption(
      new Option('--formatter <name>', 'How to print.').choices(FORMATTERS).default('table'),
    )
    .option('--api-url <url>', `The management API; WARRENMQCTL_URL; ${DEFAULTS.url}`)
    .option('--api-user <name>', 'An administrator; WARRENMQCTL_USER; guest')
    .option('--api-password <password>', 'WARRENMQCTL_PASSWORD; guest');
  for (const verb of verbs) program.addCommand(commandOf(verb, program, terminal));
  return program;
}

function commandOf(verb: Verb, program: Command, terminal: Terminal): Command {
  const command = new Command(verb.name)
    .description(verb.description)
    .copyInheritedSettings(program)
    .allowExcessArguments(false);
  if (verb.arguments !== undefined) command.arguments(verb.arguments);
  verb.options?.(command);
  return command.action(async () => {
    const flags = program.opts<GlobalFlags>();
    const context = new CtlContext(apiOf(flags, terminal), terminal, flags);
    await verb.run(context, command.args, command.opts());
  });
}

function apiOf(flags: GlobalFlags, { env }: Terminal): ApiClient {
  const seconds = Number(flags.timeout);
  return new ApiClient({
    url: flags.apiUrl ?? env['WARRENMQCTL_URL'] ?? DEFAULTS.url,
    user: flags.apiUser ?? env['WARRENMQCTL_USER'] ?? DEFAULTS.user,
    password: flags.apiPassword ?? env['WARRENMQCTL_PASSWORD'] ?? DEFAULTS.password,
    timeoutMillis: Number.isFinite(seconds) ? seconds * 1000 : 0,
  });
}
