// The running broker: its threads, what they report, and the order of starting and stopping. Main
// thread.
import path from 'node:path';
import type { AcceptorNotice, ConnectionInfo } from '../acceptor/control-messages.ts';
import type { Users } from '../auth/users.ts';
import { createLogger, type Logger, writeLogRecord } from '../base/logger.ts';
import type { BrokerConfig } from '../config/broker-config.ts';
import { openLog } from '../log/open-log.ts';
import type { LoadedPlugin } from '../plugins/load-plugins.ts';
import { MainPlugins } from '../plugins/main-plugins.ts';
import type { Certificates } from '../tls/certificates.ts';
import { KnownTables } from '../protocol/known-tables.ts';
import { hostOf } from '../topology/placement.ts';
import { Topology } from '../topology/topology.ts';
import type { ShardNotice } from '../../shards/mailbox/control-messages.ts';
import { acceptorBoot } from './acceptor-boot.ts';
import { AlarmBoard } from './alarm-board.ts';
import { AlarmLog } from './alarm-log.ts';
import { allocateBrokerMemory, type BrokerMemory } from './broker-memory.ts';
import { BrokerEvents } from './broker-events.ts';
import { BrokerThread } from './broker-thread.ts';
import { ControlPlane } from './control-plane.ts';
import { DiskControl } from './disk-control.ts';
import { BrokerState } from './facts/broker-state.ts';
import { FactStore } from './facts/fact-store.ts';
import { makeNew } from './first-facts.ts';
import { returnFreedMemory } from './freed-memory.ts';
import { ConnectionPlaces, topologyLimitsOf } from './limits.ts';
import { LiveLimits } from './live-limits.ts';
import { type BoundListener, Listening } from './listening.ts';
import { type Logins, loginsOf } from './logins.ts';
import { watchMemory } from './memory-control.ts';
import type { MemoryWatch } from './memory-watch.ts';
import { Operator } from './operator.ts';
import { Questions } from './questions.ts';
import { Reports } from './reports.ts';
import { removeOrphanDepots } from './orphan-depots.ts';
import { orphanLogs, removeLogs } from './orphan-logs.ts';
import { shardBoot } from './shard-boot.ts';
import { StorageNews } from './storage-news.ts';
import { userTeller } from './user-news.ts';

/** Workers are loaded from the sources in development and from the compiled files otherwise. */
const EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
const SHARD_FILE = new URL(`../../shards/worker${EXTENSION}`, import.meta.url);
const ACCEPTOR_FILE = new URL(`../acceptor/worker${EXTENSION}`, import.meta.url);

/** Acceptors say goodbye to their clients; shards write what is not yet on the disk. */
const ACCEPTOR_STOP_MILLIS = 5000;
const SHARD_STOP_MILLIS = 60_000;

/** What `BrokerThread` does not take care of itself. */
type AcceptorNews = Exclude<AcceptorNotice, { kind: 'started' | 'applied' | 'stopped' }>;

export class Broker {
  readonly control: ControlPlane;
  readonly users: Users;
  readonly logins: Logins;
  readonly limits: LiveLimits;
  readonly connections: Map<number, ConnectionInfo>;
  readonly reports: Reports;
  readonly memory: MemoryWatch;
  readonly disk: DiskControl;
  readonly storage: StorageNews;
  readonly plugins: MainPlugins;
  /** Rejects when a thread or the topology log fails. */
  readonly failed: Promise<never>;
  readonly store: FactStore;
  readonly operator: Operator;
  private readonly config: BrokerConfig;
  private readonly shards: readonly BrokerThread<ShardNotice>[];
  private readonly acceptors: readonly BrokerThread<AcceptorNotice>[];
  private readonly places: ConnectionPlaces;
  private readonly questions: Questions;
  private readonly events: BrokerEvents;
  private readonly listening: Listening;
  private readonly clientTables: KnownTables;

  constructor(config: BrokerConfig, plugins: readonly LoadedPlugin[], certificates: Certificates) {
    const logger = createLogger('main', config.logLevel, writeLogRecord);
    returnFreedMemory(process.env);
    this.config = config;
    this.plugins = new MainPlugins(plugins, logger);
    this.events = new BrokerEvents();
    if (this.plugins.hasListeners) this.events.subscribe((event) => this.plugins.happened(event));
    this.connections = new Map();
    this.clientTables = new KnownTables();
    this.storage = new StorageNews(config);
    const memory = allocateBrokerMemory(config);
    this.shards = this.shardThreads(memory);
    this.acceptors = this.acceptorThreads(memory);
    this.listening = new Listening(config, this.acceptors, certificates);
    const { defaultQueueType: defaultType, isQuorumRedeclarationRelaxed } = config;
    const limits = new LiveLimits(config, () => state);
    const topology = new Topology({
      shardCount: config.shards,
      limits: topologyLimitsOf(config, limits),
      queueRules: { defaultType, isQuorumRedeclarationRelaxed },
    });
    const state = new BrokerState(topology, config.operatorPolicies);
    this.store = this.factStore(state, logger);
    this.users = state.users;
    const tellUsers = userTeller(this.users, limits, this.acceptors);
    this.control = new ControlPlane(state, this.store, this.shards, this.acceptors, tellUsers);
    this.control.onRevision = (changes, facts) => this.events.changed(changes, facts);
    this.logins = loginsOf(config, this.users, this.plugins.authBackends);
    this.limits = limits;
    this.places = new ConnectionPlaces(config.connectionMax, limits);
    this.questions = new Questions(this.control, this.logins, this.places, limits);
    this.reports = new Reports(this.shards, this.acceptors);
    const board = new AlarmBoard(this.acceptors, this.alarmNews(new AlarmLog(logger)));
    this.memory = watchMemory(config, this.shards, board);
    this.disk = new DiskControl(config, this.shards, board);
    this.operator = new Operator({
      acceptors: this.acceptors,
      control: this.control,
      parameters: state.parameters,
      memory: this.memory,
      disk: this.disk,
      reports: this.reports,
      listenAgain: () => this.listening.again(),
      certificates,
    });
    this.failed = Promise.race(
      [...this.shards, ...this.acceptors, this.store].map(({ failed }) => failed),
    );
    this.failed.catch(() => {});
  }

  private alarmNews(log: AlarmLog): Pick<AlarmLog, 'changed'> {
    return {
      changed: (alarm, isSet) => {
        log.changed(alarm, isSet);
        this.events.alarm(alarm, isSet);
      },
    };
  }

  private shardThreads(memory: BrokerMemory): readonly BrokerThread<ShardNotice>[] {
    const onApplied = (): void => this.control.applied();
    return memory.shardDoorbells.map((_doorbell, shard) => {
      const boot = shardBoot(this.config, memory, shard);
      const receive = (notice: ShardNotice): void => this.fromShard(shard, notice);
      return new BrokerThread(`shard-${shard}`, SHARD_FILE, boot, receive, onApplied);
    });
  }

  private acceptorThreads(memory: BrokerMemory): readonly BrokerThread<AcceptorNotice>[] {
    const onApplied = (): void => this.control.applied();
    return memory.acceptorDoorbells.map((_doorbell, acceptor) => {
      const boot = acceptorBoot(this.config, memory, this.plugins.sources, acceptor);
      const receive = (notice: AcceptorNotice): void => {
        this.fromAcceptor(acceptor, notice as AcceptorNews);
      };
      return new BrokerThread(`acceptor-${acceptor}`, ACCEPTOR_FILE, boot, receive, onApplied);
    });
  }

  private factStore(state: BrokerState, logger: Logger): FactStore {
    const { dataDir, storageBackend } = this.config;
    return new FactStore(state, {
      directory: path.join(dataDir, 'topology'),
      openLog: (options, callbacks) => openLog(options, callbacks, storageBackend),
      logger,
      onSpace: (isShort) => this.disk.logIsShort('topology', isShort),
      faults: process.env['WARRENMQ_TEST_FAULTS'],
    });
  }

  /** Resolves with the addresses that are listened on. */
  async start(): Promise<readonly BoundListener[]> {
    const threads = [...this.shards, ...this.acceptors];
    await this.store.start((state) => makeNew(state, this.config));
    const { topology } = this.control;
    if (topology.completeCompanions()) await this.store.rewrite();
    removeOrphanDepots(this.config.dataDir, topology);
    const orphans = orphanLogs(this.config.dataDir, this.shards.length);
    for (const [shard, thread] of this.shards.entries()) {
      const hosted = orphans.filter((orphan) => hostOf(orphan.shard, this.shards.length) === shard);
      const changes = this.control.queuesOf(shard);
      thread.send({ kind: 'recover', changes, orphans: hosted } as never);
    }
    await Promise.race([Promise.all(threads.map((thread) => thread.started)), this.failed]);
    if (orphans.length > 0) {
      topology.moveQueues();
      await this.store.rewrite();
      removeLogs(orphans);
    }
    this.events.know(this.users.all(), topology);
    await this.control.restored();
    this.memory.start();
    await this.disk.start();
    return await this.listening.start();
  }

  /** No new connections, clients are told 320, then the threads leave. */
  async stop(reason: string): Promise<void> {
    this.disk.stop();
    const goodbye = { kind: 'stop', reason } as const;
    await Promise.all(this.acceptors.map((thread) => thread.stop(goodbye, ACCEPTOR_STOP_MILLIS)));
    await Promise.all(
      this.shards.map((thread) => thread.stop({ kind: 'stop' }, SHARD_STOP_MILLIS)),
    );
    await this.store.close();
  }

  private fromShard(shard: number, notice: ShardNotice): void {
    if (notice.kind === 'queue-gone') {
      void this.control.execute({ kind: 'queue-gone', queueId: notice.queueId });
    } else if (notice.kind === 'report') {
      this.reports.answered(notice.request, notice.report);
    } else if (notice.kind === 'consumers') {
      this.reports.answered(notice.request, notice.consumers);
    } else if (notice.kind === 'delayed') {
      this.reports.answered(notice.request, notice.answer);
    } else if (notice.kind === 'memory') {
      this.memory.shardHolds(shard, notice.storeBytes, notice.vhosts);
    } else if (notice.kind === 'log-space') {
      this.disk.logIsShort(`shard ${shard}`, notice.isShort);
    } else if (
      notice.kind !== 'started' &&
      notice.kind !== 'applied' &&
      notice.kind !== 'stopped'
    ) {
      this.storage.heard(shard, notice);
    }
  }

  private async answer(
    acceptor: number,
    { request, question }: Extract<AcceptorNews, { kind: 'ask' }>,
  ): Promise<void> {
    const answer = await this.questions.answer(question);
    if (question.kind === 'authenticate') {
      const { credentials, remoteAddress } = question;
      const isIn = answer.refusal === undefined;
      this.events.loginTried(credentials.username, isIn, remoteAddress);
    }
    this.acceptors[acceptor].send({ kind: 'answer', request, answer } as never);
  }

  private connectionOpened(opened: ConnectionInfo): void {
    const clientProperties = this.clientTables.shared(opened.clientProperties);
    const info = { ...opened, clientProperties };
    this.connections.set(info.id, info);
    this.events.connectionOpened(info);
  }

  private connectionClosed(id: number): void {
    const info = this.connections.get(id);
    // One that never logged in was never opened for anybody.
    if (info === undefined) return;
    this.connections.delete(id);
    this.events.connectionClosed(info);
  }

  private fromAcceptor(acceptor: number, notice: AcceptorNews): void {
    switch (notice.kind) {
      case 'ask':
        void this.answer(acceptor, notice);
        break;
      case 'connection-opened':
        this.connectionOpened(notice.info);
        break;
      case 'connection-leaving':
        this.places.giveBack(notice.connectionId);
        break;
      case 'connection-closed':
        this.connectionClosed(notice.connectionId);
        this.logins.forget(notice.connectionId);
        this.places.giveBack(notice.connectionId);
        void this.control.execute({
          kind: 'connection-closed',
          connectionId: notice.connectionId,
        });
        break;
      case 'listening':
      case 'listen-failed':
        this.listening.answered(notice);
        break;
      case 'report':
        this.reports.answered(notice.request, notice.report);
        break;
      case 'clients':
      case 'suspended':
        this.operator.answered(notice);
        break;
      case 'slab-used':
        this.memory.slabHolds(acceptor, notice.bytes);
        break;
      case 'log':
        writeLogRecord(notice.record);
        break;
    }
  }
}
