// What is done with the bytes that a socket brings: they are its connection's, and its acceptor's
// clocks and budgets hear of them. Acceptor thread, hot; one per connection.
import type { Acceptor } from './acceptor.ts';
import type { Connection } from './connection.ts';
import { greet } from './protocol-header.ts';
import type { ReadRun } from './read-run.ts';
import type { ReadMemory, SocketReader } from './socket-reader.ts';

/** Only a socket that brings much at a time is worth pages of its own. */
const READ_BYTES_MIN = 64 * 1024;

export class ConnectionReader implements SocketReader {
  private readonly acceptor: Acceptor;
  private readonly connection: Connection;
  /** Lent to the socket. */
  private run: ReadRun | undefined;

  constructor(connection: Connection) {
    this.acceptor = connection.acceptor;
    this.connection = connection;
    this.run = undefined;
  }

  received({ bytes, view }: ReadMemory, count: number, goesOn: boolean): void {
    const { acceptor, connection } = this;
    if (connection.state === 'header') greet(connection, bytes, count);
    else connection.receive(bytes, view, count);
    acceptor.hasRead(connection, count, goesOn);
  }

  lendRun(count: number): ReadRun | undefined {
    const { acceptor, connection } = this;
    if (count < READ_BYTES_MIN || !connection.input.isHuge) return undefined;
    if (connection.flow.isStalled || !connection.isUsable) return undefined;
    this.run = acceptor.readRuns.lend();
    return this.run;
  }

  receivedRun(count: number, goesOn: boolean): void {
    const run = this.run!;
    const { readRuns } = this.acceptor;
    this.run = undefined;
    readRuns.returned(run);
    readRuns.current = run;
    this.received(run, count, goesOn);
    readRuns.current = undefined;
    run.end();
  }

  get wantsLargeReads(): boolean {
    return this.connection.input.isLarge;
  }

  ended(): void {
    if (this.run !== undefined) {
      this.acceptor.readRuns.returned(this.run);
      this.run.end();
      this.run = undefined;
    }
    this.connection.ended();
    this.acceptor.scheduleTurn();
  }
}
