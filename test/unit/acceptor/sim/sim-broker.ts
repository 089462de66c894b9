// Test support: a whole broker (acceptors, shards, control plane) in one thread. A scheduler runs one
// step at a time: a thread's turn, one read of one socket, one completed write, one closed socket. The
// order is round robin, or random by a seed; either way an exception in broker code fails the test.
import { setImmediate, setTimeout } from 'node:timers/promises';
import { allocateConfirmCounter } from '../../../../shards/mailbox/confirm-counter.ts';
import type { ShardNotice } from '../../../../shards/mailbox/control-messages.ts';
import { allocateSlab } from '../../../../shards/mailbox/slab.ts';
import { allocateDoorbell } from '../../../../shards/ring/doorbell.ts';
import { allocateRing } from '../../../../shards/ring/ring-layout.ts';
import { Shard } from '../../../../shards/shard.ts';
import { ShardState } from '../../../../shards/shard-state.ts';
import { usersChanged } from '../../../../src/acceptor/access-changes.ts';
import { Acceptor } from '../../../../src/acceptor/acceptor.ts';
import { ControlLink } from '../../../../src/acceptor/control-link.ts';
import { ReadBuffer } from '../../../../src/acceptor/socket-reader.ts';
import type {
  AcceptorControl,
  AcceptorNotice,
  MemoryAlarm,
} from '../../../../src/acceptor/control-messages.ts';
import { InternalBackend } from '../../../../src/auth/backend.ts';
import { defaultUser } from '../../../../src/auth/users.ts';
import type { LogRecord } from '../../../../src/base/logger.ts';
import type { BrokerConfig } from '../../../../src/config/broker-config.ts';
import { defaultConfig } from '../../../../src/config/load-config.ts';
import { AlarmBoard } from '../../../../src/supervisor/alarm-board.ts';
import { ControlPlane } from '../../../../src/supervisor/control-plane.ts';
import { DiskWatch } from '../../../../src/supervisor/disk-watch.ts';
import { ConnectionPlaces, topologyLimitsOf } from '../../../../src/supervisor/limits.ts';
import { LiveLimits } from '../../../../src/supervisor/live-limits.ts';
import { Logins } from '../../../../src/supervisor/logins.ts';
import { MemoryWatch } from '../../../../src/supervisor/memory-watch.ts';
import { changedUser } from '../../../../src/supervisor/user-news.ts';
import { Questions } from '../../../../src/supervisor/questions.ts';
import { BrokerState } from '../../../../src/supervisor/facts/broker-state.ts';
import { Topology } from '../../../../src/topology/topology.ts';
import { type LoginOptions, SimClient } from './sim-client.ts';
import { SimSocket } from './sim-socket.ts';
import { SimThread } from './sim-thread.ts';

export interface SimOptions extends Partial<BrokerConfig> {
  readonly slabBytes?: number;
}

/** More steps than any test needs; a broker that is still busy then spins. */
const STEPS_MAX = 200_000;
/** The acceptor's own retry clock ticks every millisecond. */
const CLOCK_MILLIS = 3;
/** Threads tell main of their memory within 50 ms. */
const NOTICE_MILLIS = 60;

export class SimBroker {
  readonly config: BrokerConfig;
  readonly shards: readonly ShardState[];
  readonly acceptors: readonly Acceptor[];
  readonly control: ControlPlane;
  readonly memory: MemoryWatch;
  /** Its figures are the test's. */
  readonly disk: DiskWatch;
  readonly clients: SimClient[] = [];
  /** What acceptors have logged. */
  readonly logged: LogRecord[] = [];
  /** Chooses below `limit`; replaced by a test that wants a random order. */
  choose: (limit: number) => number;
  readonly shardThreads: readonly SimThread[];
  readonly acceptorThreads: readonly SimThread[];
  private readonly threads: readonly SimThread[];
  readonly state: BrokerState;
  readonly limits: LiveLimits;
  readonly logins: Logins;
  readonly places: ConnectionPlaces;
  private readonly questions: Questions;
  private readonly readBuffer: ReadBuffer;
  private openQuestions = 0;
  private steps = 0;

  constructor(options: SimOptions = {}) {
    const { slabBytes = 4 * 1024 * 1024, ...overrides } = options;
    this.config = defaultConfig({
      acceptors: 1,
      shards: 1,
      logLevel: 'none',
      heartbeatSeconds: 0,
      handshakeTimeoutMillis: 3_600_000,
      ...overrides,
    });
    const { acceptors, shards, ringBytes, readBudgetBytes } = this.config;
    this.readBuffer = new ReadBuffer(readBudgetBytes);
    this.choose = () => 0;
    const shardDoorbells = times(shards, () => allocateDoorbell());
    const acceptorDoorbells = times(acceptors, () => allocateDoorbell());
    const slabs = times(acceptors, () => allocateSlab(slabBytes));
    const mailboxes = times(acceptors, () =>
      times(shards, () => ({
        workRing: allocateRing(ringBytes),
        ackRing: allocateRing(ringBytes / 4),
        deliveryRing: allocateRing(ringBytes),
        confirmCounter: allocateConfirmCounter(),
      })),
    );
    const channelCounter = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const settings = {
      connectionWindowBytes: this.config.connectionWindowBytes,
      consumerWindowBytes: this.config.consumerWindowBytes,
      consumerTimeoutMillis: this.config.consumerTimeoutMillis,
      flowBacklogMessages: this.config.flowBacklogMessages,
      flowPublishRateFloor: this.config.flowPublishRateFloor,
      queueBudgetBytes: this.config.queueBudgetBytes,
      vhostBudgetBytes: this.config.vhostBudgetBytes,
      spinMicros: 0,
    };
    this.shards = shardDoorbells.map((doorbell, shard) => {
      const boot = {
        settings: { shard, ...settings },
        doorbell,
        mailboxes: mailboxes.map((byShard) => byShard[shard]),
        acceptorDoorbells,
      };
      return new ShardState(boot, (notice) => this.fromShard(shard, notice));
    });
    this.acceptors = acceptorDoorbells.map((doorbell, acceptor) => {
      const boot = {
        acceptor,
        config: this.config,
        doorbell,
        mailboxes: mailboxes[acceptor],
        shardDoorbells,
        slabs,
        spinMicros: 0,
        channelCounter,
        plugins: [],
      };
      const port = {
        // As a MessagePort does: what cannot be cloned throws here, in the broker's code.
        postMessage: (notice: AcceptorNotice) =>
          this.fromAcceptor(acceptor, structuredClone(notice)),
      };
      return new Acceptor(boot, new ControlLink(port as never));
    });
    this.shardThreads = this.shards.map(
      (state, index) => new SimThread(`shard-${index}`, new Shard(state), shardDoorbells[index]),
    );
    this.acceptorThreads = this.acceptors.map(
      (acceptor, index) => new SimThread(`acceptor-${index}`, acceptor, acceptorDoorbells[index]),
    );
    this.shards.forEach(({ deadlines }, index) => {
      deadlines.schedule = () => this.shardThreads[index].schedule();
    });
    this.acceptors.forEach((acceptor, index) => {
      acceptor.scheduleTurn = () => this.acceptorThreads[index].schedule();
    });
    this.threads = [...this.shardThreads, ...this.acceptorThreads];
    this.state = this.brokerState();
    this.limits = new LiveLimits(this.config, () => this.state);
    this.control = this.controlPlane();
    const board = this.alarmBoard();
    this.memory = this.memoryWatch(board);
    this.disk = new DiskWatch(this.config.diskFreeLimitBytes, {
      setAlarm: (alarm) => board.setDisk(alarm),
      raised: () => {},
      cleared: () => {},
    });
    const { users } = this.state;
    users.add(defaultUser('guest', 'guest', '/'));
    this.logins = new Logins(users, [new InternalBackend(users)], ['guest']);
    this.places = new ConnectionPlaces(this.config.connectionMax, this.limits);
    this.questions = new Questions(this.control, this.logins, this.places, this.limits);
  }

  static async start(options: SimOptions = {}): Promise<SimBroker> {
    const broker = new SimBroker(options);
    await broker.control.execute({ kind: 'create-vhost', vhost: '/' });
    await broker.settle();
    return broker;
  }

  /** A TCP connection; nothing is sent yet. */
  connect(acceptor = 0): SimClient {
    const socket = new SimSocket();
    socket.attach(this.acceptors[acceptor].listeners.accept(socket.asSocket()));
    const client = new SimClient(this, socket);
    this.clients.push(client);
    return client;
  }

  /** A client that has logged in and opened channels 1 .. `channels`. */
  async open(channels = 1, acceptor = 0, options: LoginOptions = {}): Promise<SimClient> {
    const client = this.connect(acceptor);
    client.login(options);
    for (let channel = 1; channel <= channels; channel += 1) client.method(channel, 'channel.open');
    await this.settle();
    client.take();
    return client;
  }

  /** Runs until everything sleeps: no thread, socket, question or clock has anything left to do. */
  async settle(): Promise<void> {
    for (let quiet = 0; quiet < 3; quiet += 1) {
      if (await this.run()) quiet = -1;
      await setTimeout(CLOCK_MILLIS);
    }
  }

  /** Runs every step that can be taken without waiting for a clock; false when there was none. */
  async run(): Promise<boolean> {
    let any = false;
    this.steps = 0;
    for (;;) {
      if (this.step()) any = true;
      else {
        await setImmediate();
        if (this.openQuestions === 0 && !this.canStep()) return any;
      }
    }
  }

  /** Requests to shards that an acceptor still waits for. */
  openRequests(acceptor: number): number {
    const { requests } = this.acceptors[acceptor];
    return (requests as unknown as { waiting: Map<number, unknown> }).waiting.size;
  }

  /** `settle`, and the figures on memory have gone round as well. */
  async settleMemory(): Promise<void> {
    for (let round = 0; round < 2; round += 1) {
      await this.settle();
      await setTimeout(NOTICE_MILLIS);
    }
    await this.settle();
  }

  /** Lets answers from main arrive. */
  async breathe(): Promise<void> {
    await setImmediate();
  }

  forgetClosedClients(): void {
    const open = this.clients.filter(({ socket }) => !socket.isClosed);
    this.clients.splice(0, this.clients.length, ...open);
  }

  private canStep(): boolean {
    return this.choices().length > 0;
  }

  /** Takes one step; false when there is none to take. */
  step(): boolean {
    const choices = this.choices();
    if (choices.length === 0) return false;
    this.steps += 1;
    if (this.steps > STEPS_MAX) {
      const busy = this.threads.filter((thread) => thread.isRunnable).map(({ name }) => name);
      throw new Error(`still busy after ${STEPS_MAX} steps: ${busy.join(', ')}`);
    }
    choices[this.choose(choices.length)]();
    return true;
  }

  private choices(): (() => void)[] {
    const choices: (() => void)[] = [];
    for (const client of this.clients) {
      const { socket } = client;
      if (socket.isClosing) choices.push(() => socket.close());
      else if (socket.hasInput) {
        choices.push(() => socket.deliver(this.readBuffer, client.readBytes()));
      }
      if (socket.hasWrites) choices.push(() => socket.takeWrites());
    }
    for (const thread of this.threads) if (thread.mayRun) choices.push(() => thread.run());
    return choices;
  }

  /** Ends all timers. */
  async stop(): Promise<void> {
    for (const { socket } of this.clients) socket.close();
    await this.settle();
    await Promise.all(this.acceptors.map((acceptor) => acceptor.stop('the test is over', 0)));
  }

  // --- main -----------------------------------------------------------------------------------

  private brokerState(): BrokerState {
    const limits = topologyLimitsOf(this.config, new LiveLimits(this.config, () => this.state));
    return new BrokerState(new Topology({ shardCount: this.config.shards, limits }));
  }

  private controlPlane(): ControlPlane {
    const replica = (thread: SimThread, apply: (changes: readonly never[]) => void) => {
      const made = {
        appliedRevision: 0,
        apply: (revision: number, changes: readonly unknown[]) => {
          apply(structuredClone(changes) as never);
          made.appliedRevision = revision;
          thread.schedule();
        },
      };
      return made;
    };
    return new ControlPlane(
      this.state,
      { append: () => Promise.resolve() },
      this.shards.map((state, index) =>
        replica(this.shardThreads[index], (changes) => state.apply(changes)),
      ),
      this.acceptors.map((acceptor, index) =>
        replica(this.acceptorThreads[index], (changes) => acceptor.apply(changes)),
      ),
      (names) => {
        const users = names.map((name) => changedUser(this.state.users, this.limits, name));
        for (const { connections } of this.acceptors) {
          usersChanged(connections, structuredClone(users));
        }
      },
    );
  }

  private alarmBoard(): AlarmBoard {
    const acceptors = this.acceptors.map((acceptor, index) => ({
      send: (message: unknown) => {
        const { alarms } = message as Extract<AcceptorControl, { kind: 'alarms' }>;
        acceptor.vhosts.setAlarms(structuredClone(alarms));
        this.acceptorThreads[index].schedule();
      },
    }));
    return new AlarmBoard(acceptors, { changed: () => {} });
  }

  private memoryWatch(board: AlarmBoard): MemoryWatch {
    const { memoryWatermarkBytes = Number.MAX_SAFE_INTEGER, vhostBudgetBytes } = this.config;
    const decisions = {
      setAlarms: (alarms: readonly MemoryAlarm[]) => board.setMemory(alarms),
      setSlowVhosts: (vhosts: readonly string[]) => {
        for (const shard of this.shards) shard.memories.setSlow(vhosts);
      },
      raised: () => {},
      cleared: () => {},
    };
    return new MemoryWatch(
      { brokerBytes: memoryWatermarkBytes, vhostBytes: vhostBudgetBytes },
      decisions,
    );
  }

  private fromShard(shard: number, notice: ShardNotice): void {
    if (notice.kind === 'memory') {
      this.memory.shardHolds(shard, notice.storeBytes, structuredClone(notice.vhosts));
      return;
    }
    if (notice.kind !== 'queue-gone') return;
    void this.track(this.control.execute({ kind: 'queue-gone', queueId: notice.queueId }));
  }

  private fromAcceptor(acceptor: number, notice: AcceptorNotice): void {
    if (notice.kind === 'slab-used') {
      this.memory.slabHolds(acceptor, notice.bytes);
    } else if (notice.kind === 'log') {
      this.logged.push(notice.record);
    } else if (notice.kind === 'connection-closed') {
      const { connectionId } = notice;
      this.places.giveBack(connectionId);
      this.logins.forget(connectionId);
      void this.track(this.control.execute({ kind: 'connection-closed', connectionId }));
    } else if (notice.kind === 'connection-leaving') {
      this.places.giveBack(notice.connectionId);
    } else if (notice.kind === 'ask') {
      const answering = this.questions.answer(notice.question).then(async (answer) => {
        await setImmediate();
        this.acceptors[acceptor].control.answered(notice.request, structuredClone(answer));
        this.acceptorThreads[acceptor].schedule();
      });
      void this.track(answering);
    }
  }

  private async track(work: Promise<unknown>): Promise<void> {
    this.openQuestions += 1;
    await work;
    this.openQuestions -= 1;
  }
}

function times<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make);
}
