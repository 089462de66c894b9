// Starts WarrenMQ, or anything that takes the same flags (another checkout, to compare two
// versions). Harness process, cold.
// Invariant: the command runs through `exec`, so the process id is the broker's own and no shell
// stands between it and our signal.
import { existsSync } from 'node:fs';
import { freePort, launch, makeWorkDirectory, type Broker } from './broker.ts';

const ENTRY = 'dist/src/cli/main.js';

export function warrenmqIsBuilt(): boolean {
  return existsSync(ENTRY);
}

/**
 * The shell command that starts the broker. `{port}`, `{dataDir}` and `{node}` are filled in; a
 * command without `{port}` gets the usual flags appended. `flags` always come last.
 */
export function warrenmqCommand(
  template: string,
  port: number,
  dataDirectory: string,
  flags: readonly string[],
): string {
  const standard = ' --port {port} --data-dir {dataDir} --management-port 0';
  const complete = template.includes('{port}') ? template : template + standard;
  const filled = complete
    .replaceAll('{port}', String(port))
    .replaceAll('{dataDir}', quote(dataDirectory))
    .replaceAll('{node}', quote(process.execPath));
  return [`exec ${filled}`, ...flags.map(quote)].join(' ');
}

export async function startWarrenmq(
  name: string,
  template: string,
  flags: readonly string[],
): Promise<Broker> {
  const port = await freePort();
  const directory = await makeWorkDirectory(name);
  const command = warrenmqCommand(template || `{node} ${ENTRY} server`, port, directory, flags);
  return await launch({
    name,
    command: 'sh',
    args: ['-c', command],
    environment: process.env,
    port,
    directory,
    companions: [],
  });
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
