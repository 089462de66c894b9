// What to tell a person whose broker did not start. Runs in main. Failures that have a known cure
// are told in sentences, without a stack; anything else is a defect and shows its stack.
import { DataDirectoryError } from '../base/data-directory.ts';

/** The fields Node puts on errors of `listen`. */
interface ListenError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
}

export function startFailureText(error: unknown): string {
  if (!(error instanceof Error)) return `WarrenMQ could not start: ${String(error)}`;
  if (error instanceof DataDirectoryError) return error.message;
  const { code, address, port } = error as ListenError;
  const where = port === undefined ? 'The address' : `Port ${port}${onAddress(address)}`;
  switch (code) {
    case 'EADDRINUSE':
      return (
        `${where} is already in use, perhaps by another broker.\n` +
        `Stop it, or choose another port (--port, --management-port). ${whoHolds(port)}`
      );
    case 'EACCES':
      return (
        `${where} may not be used by this account: ports below 1024 need a privilege.\n` +
        'Choose a higher port (--port, --management-port).'
      );
    case 'EADDRNOTAVAIL':
      return (
        `${where}: this machine does not have that address.\n` +
        'Choose one it has (--host, listeners.tcp.NAME, management.tcp.ip); :: is every address.'
      );
    default:
      return `WarrenMQ could not start: ${error.stack ?? error.message}`;
  }
}

function onAddress(address: string | undefined): string {
  return address === undefined ? '' : ` on ${address}`;
}

function whoHolds(port: number | undefined): string {
  return port === undefined ? '' : `\`ss -ltnp sport = :${port}\` shows who holds it.`;
}
