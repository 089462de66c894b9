// How a warrenmqctl command fails: a text for stderr, and rabbitmqctl's exit code for scripts. Runs
// in main (RabbitMQ.CLI.Core.ExitCodes; numbers of sysexits).

export const EXIT_CODES = {
  usage: 64,
  data: 65,
  noUser: 67,
  unavailable: 69,
  software: 70,
  temporary: 75,
} as const;

export class CtlError extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CtlError';
    this.exitCode = exitCode;
  }
}

export function noSuchUser(user: string): CtlError {
  return new CtlError(EXIT_CODES.noUser, `User "${user}" does not exist`);
}

export function noSuchVhost(vhost: string): CtlError {
  return new CtlError(EXIT_CODES.data, `Virtual host '${vhost}' does not exist`);
}
