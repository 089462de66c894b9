// What one acceptor thread owns, and its turn. Acceptor thread.
//
// Reading happens in the sockets' callbacks; a turn follows them (setImmediate) and makes their
// work visible to the shards, frames what the shards have sent, reports confirms, and writes every
// connection's output once. Deliveries and acks are thus served at least once per round of reads,
// and a read is bounded by the shared read buffer, so that a publisher flat out starves nobody.
import type { Socket } from 'node:net';
import { createLogger, type Logger } from '../base/logger.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { KnownTables } from '../protocol/known-tables.ts';
import { WireWriter } from '../protocol/wire-writer.ts';
import type { Change } from '../routing/change.ts';
import { VhostRoutes } from '../routing/vhost-routes.ts';
import { Slab } from '../../shards/mailbox/slab.ts';
import { SlabAllocator } from '../../shards/mailbox/slab-allocator.ts';
import { inlineBytesMaxOf } from '../../shards/mailbox/to-shard-layout.ts';
import { DoorbellRinger } from '../../shards/ring/doorbell.ts';
import type { ThreadWork } from '../../shards/ring/thread-loop.ts';
import { vhostDeleted } from './access-changes.ts';
import type { ChannelConfirms } from './channel-confirms.ts';
import { ChannelPlaces } from './channel-places.ts';
import { closeConnections } from './close-connections.ts';
import type { ClientConsumer } from './client-consumer.ts';
import { Connection } from './connection.ts';
import { globalConnectionId } from './connection-ids.ts';
import { acceptorReport } from './acceptor-report.ts';
import type { AccessCounts } from './connection-access.ts';
import type { ControlLink } from './control-link.ts';
import { Forwarding } from './forwarding.ts';
import type { ConfirmSink } from './unconfirmed-publishes.ts';
import { Listeners } from './listeners.ts';
import type { AcceptorBoot, AcceptorReport } from './control-messages.ts';
import { Deliveries } from './deliveries.ts';
import { HeldBuffers } from './held-buffers.ts';
import { IdAllocator } from './id-allocator.ts';
import { OutputPool } from './output.ts';
import { ReadRuns } from './read-run.ts';
import { SlabBlock } from './publish-block.ts';
import { IncomingPublish, Publisher } from './publisher.ts';
import { PublishRates } from './publish-rates.ts';
import { QueuePaces } from './queue-paces.ts';
import { ReadBudget } from './read-budget.ts';
import { ShardLink } from './shard-link.ts';
import { ShardRequests } from './shard-requests.ts';
import { StalledContents } from './stalled-contents.ts';
import { SlabNotices } from './slab-notices.ts';
import { Tracer } from './tracer.ts';
import { UserChannelPlaces } from './user-channel-places.ts';
import { VhostContext } from './vhost-context.ts';
import { VhostContexts } from './vhost-contexts.ts';

const SWEEP_MILLIS = 500;
/** How long publishers that wait for a pace or for room are left alone at most. */
const RETRY_MILLIS = 1;

export class Acceptor implements ThreadWork {
  readonly index: number;
  readonly config: BrokerConfig;
  readonly control: ControlLink;
  readonly log: Logger;
  /** By shard. */
  readonly links: readonly ShardLink[];
  /** By acceptor: where bodies lie that do not fit a ring record. */
  readonly slabs: readonly Slab[];
  readonly slab: SlabAllocator;
  readonly readRuns: ReadRuns;
  readonly slabBlock: SlabBlock;
  readonly requests: ShardRequests;
  readonly ids: IdAllocator;
  readonly deliveries: Deliveries;
  readonly publisher: Publisher;
  readonly forwarding: Forwarding;
  readonly paces: QueuePaces;
  readonly publishRates: PublishRates;
  readonly outputPool: OutputPool;
  readonly heldBuffers: HeldBuffers;
  /** Reused by every publish and every method written. */
  readonly incoming: IncomingPublish;
  readonly writer: WireWriter;
  readonly inlineBytesMax: number;
  readonly consumers: Map<number, ClientConsumer>;
  readonly stalled: Set<Connection>;
  readonly noVhost: VhostContext;
  channelCount: number;
  /** Open channels of all acceptors. */
  readonly channelPlaces: ChannelPlaces;
  readonly userChannelPlaces: UserChannelPlaces;
  /** What its clients tell of themselves. */
  readonly clientTables: KnownTables;
  readonly accessCounts: AccessCounts;
  readonly connections: Set<Connection>;
  readonly listeners: Listeners;
  readonly vhosts: VhostContexts;
  private readonly touchedConfirms: ChannelConfirms[];
  private readonly noteConfirms: (confirms: ConfirmSink) => void;
  private readonly readBudget: ReadBudget;
  private toFlush: Connection[];
  private flushing: Connection[];
  private retryTimer: NodeJS.Timeout | undefined;
  private readonly sweepTimer: NodeJS.Timeout;
  private readonly stalledContents: StalledContents;
  private readonly slabNotices: SlabNotices;
  /** Sweeps have come since the last retry of stalled connections. */
  private hasSwept: boolean;
  unreadCount: number;
  /** Set by the worker: asks the loop for a turn. */
  scheduleTurn: () => void;

  constructor(boot: AcceptorBoot, control: ControlLink) {
    this.index = boot.acceptor;
    this.config = boot.config;
    this.control = control;
    this.log = createLogger(`acceptor-${this.index}`, boot.config.logLevel, (record) => {
      control.notify({ kind: 'log', record });
    });
    this.links = boot.mailboxes.map(
      (mailbox, shard) =>
        new ShardLink(shard, mailbox, new DoorbellRinger(boot.shardDoorbells[shard])),
    );
    this.slabs = boot.slabs.map((slab) => new Slab(slab));
    this.slab = new SlabAllocator(boot.slabs[this.index]);
    this.readRuns = new ReadRuns(this.slab);
    this.slabBlock = new SlabBlock(this.slab);
    this.requests = new ShardRequests();
    this.ids = new IdAllocator();
    this.deliveries = new Deliveries(this);
    this.paces = new QueuePaces();
    this.publishRates = new PublishRates(boot.config);
    this.outputPool = new OutputPool();
    this.heldBuffers = new HeldBuffers();
    this.incoming = new IncomingPublish();
    this.writer = new WireWriter();
    const { inlineBodyBytesMax, messageBytesMax } = boot.config;
    const { recordBytesMax } = this.links[0].work;
    this.inlineBytesMax = inlineBytesMaxOf(inlineBodyBytesMax, messageBytesMax, recordBytesMax);
    this.publisher = new Publisher(
      this.links,
      this.paces,
      this.slab,
      this.inlineBytesMax,
      boot.config,
    );
    this.forwarding = new Forwarding(this);
    this.consumers = new Map();
    this.stalled = new Set();
    this.noVhost = new VhostContext(new VhostRoutes(''));
    this.channelCount = 0;
    this.channelPlaces = new ChannelPlaces(
      boot.channelCounter,
      boot.config.channelMaxPerNode || undefined,
    );
    this.userChannelPlaces = new UserChannelPlaces();
    this.clientTables = new KnownTables();
    this.accessCounts = { refused: 0 };
    this.connections = new Set();
    this.listeners = new Listeners(this);
    this.vhosts = new VhostContexts(new Tracer(this));
    this.touchedConfirms = [];
    this.noteConfirms = (confirms) => this.touchedConfirms.push(confirms as ChannelConfirms);
    this.readBudget = new ReadBudget(boot.config.readBudgetBytes);
    this.toFlush = [];
    this.flushing = [];
    this.retryTimer = undefined;
    this.sweepTimer = setInterval(() => this.sweep(), SWEEP_MILLIS);
    this.stalledContents = new StalledContents(this.slab);
    this.slabNotices = new SlabNotices(this.slab, this.publisher.transactions, control);
    this.hasSwept = false;
    this.unreadCount = 0;
    this.scheduleTurn = () => {};
  }

  // --- identities -----------------------------------------------------------------------------

  globalIdOf(connectionId: number): number {
    return globalConnectionId(this.index, connectionId);
  }

  // --- topology -------------------------------------------------------------------------------

  vhost(name: string): VhostContext | undefined {
    return this.vhosts.get(name);
  }

  apply(changes: readonly Change[]): void {
    for (const change of changes) {
      this.vhosts.apply(change);
      if (change.kind === 'vhost-deleted') vhostDeleted(this.connections, change.vhost);
      if (change.kind === 'queue-deleted') this.paces.forget(change.queue.id);
    }
    this.forwarding.topologyChanged();
    this.scheduleTurn();
  }

  // --- connections ----------------------------------------------------------------------------

  connect(socket: Socket, name: string): Connection {
    const connection = new Connection(this, socket, this.ids.take(), name);
    this.connections.add(connection);
    return connection;
  }

  /** A read of `count` bytes has been handled; `goesOn`: others may follow in this turn. */
  hasRead(connection: Connection, count: number, goesOn: boolean): void {
    if (this.isCongested()) connection.flow.stall();
    this.readBudget.count(connection, count, goesOn);
    this.scheduleTurn();
  }

  forgetConnection(connection: Connection): void {
    this.connections.delete(connection);
    this.ids.release(connection.id);
    this.control.notify({ kind: 'connection-closed', connectionId: connection.globalId });
  }

  forgetConsumer(consumer: ClientConsumer): void {
    consumer.isGone = true;
    if (this.consumers.delete(consumer.id)) this.ids.release(consumer.id);
  }

  confirmsTouched(confirms: ChannelConfirms): void {
    this.touchedConfirms.push(confirms);
  }

  readyToFlush(connection: Connection): void {
    this.toFlush.push(connection);
    this.scheduleTurn();
  }

  // --- the turn -------------------------------------------------------------------------------

  turn(): boolean {
    const { links } = this;
    for (let i = 0; i < links.length; i += 1) links[i].flush();
    let isBusy = false;
    for (let i = 0; i < links.length; i += 1) {
      links[i].lookAtConfirms();
      if (this.forwarding.hasTopology && this.deliveries.drain(links[i])) isBusy = true;
      links[i].collectConfirms(this.noteConfirms);
    }
    for (let i = 0; i < this.touchedConfirms.length; i += 1) this.touchedConfirms[i].flush();
    this.touchedConfirms.length = 0;
    if (this.forwarding.isWaiting && this.forwarding.retry() && this.hasSpace()) isBusy = true;
    this.flushOutputs();
    const isPaced = this.paces.refill() || this.publishRates.waitingCount > 0;
    if (this.stalled.size > 0) this.retryStalled(isPaced);
    this.readBudget.renew();
    this.slabNotices.changed();
    // Credit, acks and operations that this turn has produced.
    for (let i = 0; i < links.length; i += 1) {
      links[i].flush();
      // What is parked goes on when the shard has made room, whether or not a client waits for it.
      if (links[i].isCongested && links[i].wantSpace()) isBusy = true;
    }
    return isBusy;
  }

  hasInput(): boolean {
    for (const link of this.links) {
      if (link.hasConfirms()) return true;
      if (this.forwarding.hasTopology && link.deliveries.refresh()) return true;
    }
    return this.toFlush.length > 0;
  }

  /** Some ring has room; those that have none will wake us. */
  private hasSpace(): boolean {
    let hasRoom = false;
    for (const link of this.links) if (link.wantSpace()) hasRoom = true;
    return hasRoom;
  }

  private isCongested(): boolean {
    for (let i = 0; i < this.links.length; i += 1) if (this.links[i].isCongested) return true;
    return false;
  }

  private flushOutputs(): void {
    const ready = this.toFlush;
    this.toFlush = this.flushing;
    this.flushing = ready;
    for (let i = 0; i < ready.length; i += 1) ready[i].output.flush();
    ready.length = 0;
  }

  private retryStalled(isPaced: boolean): void {
    const isForced = this.hasSwept;
    this.hasSwept = false;
    if (!this.isCongested()) {
      for (const connection of [...this.stalled]) connection.flow.retry(isForced);
    }
    let waitsForMoments = false;
    for (const { flow } of this.stalled) if (!flow.isBlocked) waitsForMoments = true;
    if (!waitsForMoments) return;
    const hasRoom = this.hasSpace();
    // Room wakes us by the doorbell, the end of a block by main or a shard; a pace or a slow socket
    // only by the clock.
    if ((isPaced || hasRoom) && this.retryTimer === undefined) {
      this.retryTimer = setTimeout(() => {
        this.retryTimer = undefined;
        this.scheduleTurn();
      }, RETRY_MILLIS);
    }
  }

  /** Heartbeats, time limits and clients that do not read, twice a second. */
  private sweep(): void {
    const now = performance.now();
    this.publishRates.sweep();
    this.listeners.sweep(now);
    this.unreadCount = 0;
    for (const connection of this.connections) {
      connection.sweep(now);
      if (connection.isUnread) this.unreadCount += 1;
    }
    this.hasSwept = true;
    this.stalledContents.refuse(this.connections, now);
    if (this.stalled.size > 0) this.scheduleTurn();
  }

  // --- the end --------------------------------------------------------------------------------

  async stop(reason: string, millisMax: number): Promise<void> {
    this.listeners.stop();
    await this.suspend(reason, millisMax);
    await this.forwarding.finish(millisMax);
    clearInterval(this.sweepTimer);
    clearTimeout(this.retryTimer);
    this.slabNotices.stop();
  }

  /** Listens no more and closes all with 320; resolves when they are gone or time is up. */
  async suspend(reason: string, millisMax: number): Promise<void> {
    this.listeners.close();
    const closed = closeConnections(this.connections, reason, millisMax);
    this.scheduleTurn();
    await closed;
  }

  report(): Omit<AcceptorReport, 'pluginFaults'> {
    return acceptorReport(this);
  }
}
