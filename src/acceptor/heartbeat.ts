// The clocks of one connection: heartbeats both ways, and the time limits of opening and closing.
// Acceptor thread; looked at by the acceptor's sweep twice a second, so nothing here sets a timer.
// https://www.rabbitmq.com/docs/heartbeats: frames about every half interval, and a peer from which
// nothing has come for two intervals is gone.

/** RabbitMQ gives a client this long to answer connection.close. */
const CLOSE_OK_MILLIS = 10_000;

export type HeartbeatNeed = 'nothing' | 'send' | 'handshake-timeout' | 'missed' | 'drop';

export class Heartbeat {
  intervalMillis: number;
  /** Not a heartbeat matter, but a limit on the same clock; 0 when there is none. */
  private deadline: number;
  private isClosing: boolean;
  private lastReceived: number;
  private lastSent: number;
  private now: number;

  constructor(handshakeTimeoutMillis: number) {
    this.now = performance.now();
    this.intervalMillis = 0;
    this.deadline = this.now + handshakeTimeoutMillis;
    this.isClosing = false;
    this.lastReceived = this.now;
    this.lastSent = this.now;
  }

  /** Opening has succeeded: from now on the negotiated interval counts (0: none). */
  start(intervalSeconds: number): void {
    this.intervalMillis = intervalSeconds * 1000;
  }

  /** Opening has begun before this connection was made, and so it ends earlier. */
  openBy(deadline: number): void {
    this.deadline = deadline;
  }

  opened(): void {
    this.deadline = 0;
  }

  expectCloseOk(): void {
    this.isClosing = true;
    this.intervalMillis = 0;
    this.deadline = performance.now() + CLOSE_OK_MILLIS;
  }

  /** The connection is to be dropped without further words after `millis`. */
  dropAfter(millis: number): void {
    this.isClosing = true;
    this.intervalMillis = 0;
    this.deadline = performance.now() + millis;
  }

  /** Times are those of the last sweep: exact enough, and free. */
  received(): void {
    this.lastReceived = this.now;
  }

  sent(): void {
    this.lastSent = this.now;
  }

  sweep(now: number): HeartbeatNeed {
    this.now = now;
    if (this.deadline !== 0 && now >= this.deadline) {
      return this.isClosing ? 'drop' : 'handshake-timeout';
    }
    if (this.intervalMillis === 0) return 'nothing';
    if (now - this.lastReceived > this.intervalMillis * 2) return 'missed';
    return now - this.lastSent >= this.intervalMillis / 2 ? 'send' : 'nothing';
  }
}
