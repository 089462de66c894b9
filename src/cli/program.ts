// The commands of `warrenmq` and what is said about wrong usage. Runs in main only. A command is a
// file that returns a commander Command; its action tells its exit code through `finish`.
import { Command, CommanderError } from 'commander';
import { inspectCommand } from './inspect-command.ts';
import { serverCommand } from './server-command.ts';
import { EXIT, type Terminal } from './terminal.ts';
import { versionCommand, versionText } from './version-command.ts';

/** Runs one command line (without node and script) and returns the exit code. */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.ok;
  const finish = (code: number) => {
    exitCode = code;
  };
  // It has flags and exit codes of its own, those of rabbitmqctl.
  if (args[0] === 'ctl')
    return await (await import('./ctl/ctl-command.ts')).runCtl(args.slice(1), terminal);
  const program = new Command('warrenmq')
    .description('An AMQP 0-9-1 message broker that RabbitMQ clients can use unchanged.')
    .version(versionText(), '-V, --version', 'Print the version.')
    .helpOption('-h, --help', 'Print help.')
    .helpCommand('help [command]', 'Print help about a command.')
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.error })
    .showHelpAfterError('Run `warrenmq help` to see what there is.')
    .exitOverride();
  const commands = [
    serverCommand(terminal, finish),
    inspectCommand(terminal, finish),
    versionCommand(terminal),
    ctlCommand(),
  ];
  for (const command of commands) {
    program.addCommand(command.copyInheritedSettings(program));
  }
  if (args.length === 0) {
    terminal.out(program.helpInformation());
    return EXIT.ok;
  }
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version end in the same way as mistakes do, with code 0; commander has said why.
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  return exitCode;
}

/** For the list of commands only. */
function ctlCommand(): Command {
  return new Command('ctl')
    .description("Operate a running broker: rabbitmqctl's commands (also `warrenmqctl`).")
    .argument('[command...]');
}
