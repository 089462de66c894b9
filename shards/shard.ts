// A shard's turn: acks first, then what waited for room, then a bounded share of new work, then
// deliveries, then everything becomes visible to the acceptors at once. Shard thread.
import { PUBLISH } from './mailbox/to-shard-layout.ts';
import type { Port } from './port.ts';
import type { ThreadWork } from './ring/thread-loop.ts';
import type { ShardState } from './shard-state.ts';
import { AckTimeouts } from './work/ack-timeouts.ts';
import { AckWork } from './work/acks.ts';
import { OperationWork } from './work/operations.ts';
import { PublishWork } from './work/publish.ts';

/**
 * Work records per acceptor and turn: enough to amortise the turn, few enough to stay responsive.
 */
const RECORDS_PER_TURN = 512;

export class Shard implements ThreadWork {
  private readonly state: ShardState;
  readonly ackTimeouts: AckTimeouts;
  private readonly acks: AckWork;
  private readonly operations: OperationWork;
  private readonly publishes: PublishWork;

  constructor(state: ShardState) {
    this.state = state;
    this.acks = new AckWork(state);
    this.ackTimeouts = new AckTimeouts(state, this.acks);
    this.operations = new OperationWork(state, this.acks);
    this.publishes = new PublishWork(state);
  }

  turn(): boolean {
    const { ports, runList } = this.state;
    let isBusy = false;
    this.state.deadlines.turn();
    // An operation must find every ack that its client sent before it. The acceptor publishes acks
    // first, so looking at the work ring first and then draining all acks keeps that order.
    for (const port of ports) port.work.refresh();
    for (const port of ports) if (this.acks.drain(port)) port.doorbell.ring();
    for (const port of ports) {
      if (port.outlet.retry()) isBusy = true;
      this.operations.retryGets(port);
    }
    for (const port of ports) if (this.work(port)) isBusy = true;
    runList.runAll();
    this.state.governor.tick();
    this.state.memoryChanged();
    if (this.state.forwards.turn()) isBusy = true;
    this.state.storage?.turn();
    for (const port of ports) {
      const { outlet } = port;
      const hasRecords = outlet.publish();
      // An acceptor that sees a confirm has to have seen before what was refused.
      const moved = !outlet.hasParked && port.confirms.publish();
      if (hasRecords || moved) port.doorbell.ring();
      // Who was blocked in this turn is woken when the acceptor makes room, whatever else happens.
      const isWanted = port.outlet.isWanted || port.hasGetThatWantsRoom;
      if (isWanted && port.outlet.waitForSpace()) isBusy = true;
    }
    return isBusy || !runList.isEmpty;
  }

  hasInput(): boolean {
    for (const port of this.state.ports) {
      if (port.work.refresh() || port.acks.refresh()) return true;
    }
    return false;
  }

  /** Handles a share of one acceptor's work; true when more is waiting. */
  private work(port: Port): boolean {
    const ring = port.work;
    const words = ring.words;
    for (let count = 0; count < RECORDS_PER_TURN; count += 1) {
      const at = ring.next();
      if (at < 0) break;
      if (words[at + 1] === PUBLISH) this.publishes.handle(port, at);
      else this.operations.handle(port, at);
    }
    if (ring.release()) port.doorbell.ring();
    return ring.hasMore;
  }
}
