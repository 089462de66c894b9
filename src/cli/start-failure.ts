// What to tell a person whose broker did not start. Runs in main. Failures that have a known cure
// are told in sentences, without a stack; anything else is a defect and shows its stack.
import { DataDirectoryError } from '../base/data-directory.ts';
import { PluginError } from '../errors/plugin-error.ts';
import { TlsFileError } from '../errors/tls-file-error.ts';

/** The fields Node puts on errors of `listen`. */
interface ListenError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
}

export function startFailureText(error: unknown): string {
  if (!(error instanceof Error)) return `WarrenMQ could not start: ${String(error)}`;
  if (error instanceof DataDirectoryError) return error.message;
  if (error instanceof PluginError) return pluginText(error);
  if (error instanceof TlsFileError) return tlsText(error);
  const { code, address, port } = error as ListenError;
  const where = port === undefined ? 'The address' : `Port ${port}${onAddress(address)}`;
  switch (code) {
    case 'EADDRINUSE':
      return (
        `${where} is already in use, perhaps by another broker.\n` +
        `Stop it, or choose another port (--port, --management-port, listeners.ssl.NAME). ` +
        whoHolds(port)
      );
    case 'EACCES':
      return (
        `${where} may not be used by this account: ports below 1024 need a privilege.\n` +
        'Choose a higher port (--port, --management-port, listeners.ssl.NAME).'
      );
    case 'EADDRNOTAVAIL':
      return (
        `${where}: this machine does not have that address.\n` +
        'Choose one it has (--host, listeners.tcp.NAME, listeners.ssl.NAME, management.tcp.ip); ' +
        ':: is every address.'
      );
    default:
      return `WarrenMQ could not start: ${error.stack ?? error.message}`;
  }
}

/** The stack of what the plugin itself has thrown; that of a module not found says nothing. */
function pluginText({ message, cause }: PluginError): string {
  const isItsOwn = cause instanceof Error && (cause as NodeJS.ErrnoException).code === undefined;
  const stack = isItsOwn ? `\n${cause.stack ?? ''}` : '';
  return `WarrenMQ did not start: ${message}\nplugins.on_error = skip starts without it.${stack}`;
}

function tlsText({ problems }: TlsFileError): string {
  const lines = problems.map((problem) => `  ${problem}`);
  return `WarrenMQ did not start: TLS listeners cannot use their files.\n${lines.join('\n')}`;
}

function onAddress(address: string | undefined): string {
  return address === undefined ? '' : ` on ${address}`;
}

function whoHolds(port: number | undefined): string {
  return port === undefined ? '' : `\`ss -ltnp sport = :${port}\` shows who holds it.`;
}
