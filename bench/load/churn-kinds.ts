// The kinds of churn: what one operation of each is. Generator's process.
// Invariants: an operation leaves nothing behind but what `churnQueues` names; all names of a loop
// are its own, so that loops do not disturb each other; bodies are ready-made.
import { LoadConnection, type Endpoint } from './connection.ts';
import { consume } from './consuming.ts';
import type { FrameSink } from './frame-stepper.ts';
import { METHOD, methodFrame, publishFrames, readU32, shortString, u16, u8 } from './frames.ts';
import { bindQueue, declareQueue, deleteQueue, unbindQueue } from './topology.ts';

export interface ChurnClient {
  readonly connection: LoadConnection;
  /** One operation and its reverse; `round` is different each time. */
  operate(round: number): Promise<void>;
}

export interface ChurnKind {
  readonly name: string;
  connect(endpoint: Endpoint, worker: number): Promise<ChurnClient>;
}

/** A loop uses so many names in turn, so that names are neither always new nor always the same. */
const NAMES = 16;
const TOPIC_EXCHANGE = 'amq.topic';
const BODY_SIZES = [16, 1024, 64 * 1024, 1024 * 1024];

export const CHURN_KINDS: readonly ChurnKind[] = [
  { name: 'connection', connect: connectionChurn },
  { name: 'channel', connect: channelChurn },
  { name: 'queue', connect: queueChurn },
  { name: 'binding', connect: bindingChurn },
  { name: 'consumer', connect: consumerChurn },
  { name: 'publish', connect: publishChurn },
];

function queueOf(kind: string, worker: number): string {
  return `warren-bench-churn-${kind}-${worker}`;
}

/** Every queue that loop `worker` of any kind may leave behind. */
export function churnQueues(worker: number): readonly string[] {
  const named = ['binding', 'consumer', 'publish'].map((kind) => queueOf(kind, worker));
  return [...named, ...Array.from({ length: NAMES }, (_, index) => ownQueue(worker, index))];
}

function ownQueue(worker: number, round: number): string {
  return `${queueOf('queue', worker)}-${round % NAMES}`;
}

async function openWithChannel(
  endpoint: Endpoint,
  onFailure: (error: Error) => void = () => undefined,
): Promise<LoadConnection> {
  const connection = await LoadConnection.open(endpoint, onFailure);
  await connection.openChannel();
  return connection;
}

async function connectionChurn(endpoint: Endpoint): Promise<ChurnClient> {
  // The loop's own connection only stands by: its loss shows that the broker drops clients.
  const connection = await openWithChannel(endpoint);
  return {
    connection,
    async operate() {
      const another = await LoadConnection.open(endpoint, () => undefined);
      await another.close();
    },
  };
}

async function channelChurn(endpoint: Endpoint): Promise<ChurnClient> {
  const connection = await openWithChannel(endpoint);
  return {
    connection,
    async operate(round) {
      const channel = 2 + (round % NAMES);
      const open = methodFrame(channel, METHOD.channelOpen, shortString(''));
      await connection.call(open, METHOD.channelOpenOk);
      const reason = [u16(200), shortString('done'), u16(0), u16(0)];
      const close = methodFrame(channel, METHOD.channelClose, ...reason);
      await connection.call(close, METHOD.channelCloseOk);
    },
  };
}

async function queueChurn(endpoint: Endpoint, worker: number): Promise<ChurnClient> {
  const connection = await openWithChannel(endpoint);
  return {
    connection,
    async operate(round) {
      const queue = ownQueue(worker, round);
      await connection.call(declareQueue(queue, false), METHOD.queueDeclareOk);
      await connection.call(deleteQueue(queue), METHOD.queueDeleteOk);
    },
  };
}

async function bindingChurn(endpoint: Endpoint, worker: number): Promise<ChurnClient> {
  const connection = await openWithChannel(endpoint);
  const queue = queueOf('binding', worker);
  await connection.call(declareQueue(queue, false), METHOD.queueDeclareOk);
  return {
    connection,
    async operate(round) {
      const key = `churn.${worker}.${round % NAMES}.*.#`;
      await connection.call(bindQueue(queue, TOPIC_EXCHANGE, key), METHOD.queueBindOk);
      await connection.call(unbindQueue(queue, TOPIC_EXCHANGE, key), METHOD.queueUnbindOk);
    },
  };
}

async function consumerChurn(endpoint: Endpoint, worker: number): Promise<ChurnClient> {
  const connection = await openWithChannel(endpoint);
  const queue = queueOf('consumer', worker);
  await connection.call(declareQueue(queue, false), METHOD.queueDeclareOk);
  return {
    connection,
    async operate() {
      await consume(connection, queue, 0, true);
      const cancel = methodFrame(1, METHOD.basicCancel, shortString('c'), u8(0));
      await connection.call(cancel, METHOD.basicCancelOk);
    },
  };
}

/** Publishes a body of each size and waits until all have come back. */
async function publishChurn(endpoint: Endpoint, worker: number): Promise<ChurnClient> {
  const queue = queueOf('publish', worker);
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(() => undefined); // Heard by whatever operation is under way, if any.
  const connection = await openWithChannel(endpoint, lost.reject);
  await connection.call(declareQueue(queue, false), METHOD.queueDeclareOk);
  const receiver = new BodyReceiver(connection);
  connection.sendFramesTo(receiver);
  await consume(connection, queue, 0, true);
  const publishes = BODY_SIZES.map(
    (size) => publishFrames('', queue, size, false, connection.frameBytesMax).bytes,
  );
  return {
    connection,
    async operate() {
      const back = receiver.expect(BODY_SIZES.length);
      for (const publish of publishes) connection.socket.write(publish);
      await Promise.race([back, lost.promise]);
    },
  };
}

/** Counts bodies, without looking at them. */
class BodyReceiver implements FrameSink {
  readonly #connection: LoadConnection;
  #bodyBytesLeft: number;
  #bodiesLeft: number;
  #arrived: () => void;

  constructor(connection: LoadConnection) {
    this.#connection = connection;
    this.#bodyBytesLeft = 0;
    this.#bodiesLeft = 0;
    this.#arrived = () => undefined;
  }

  expect(bodies: number): Promise<void> {
    this.#bodiesLeft = bodies;
    return new Promise((resolve) => {
      this.#arrived = resolve;
    });
  }

  onMethod(bytes: Buffer, start: number, end: number): void {
    this.#connection.onMethod(bytes, start, end);
  }

  onContentHeader(bytes: Buffer, start: number): void {
    this.#bodyBytesLeft = readU32(bytes, start + 8);
  }

  onBody(_bytes: Buffer, start: number, end: number): void {
    this.#bodyBytesLeft -= end - start;
    if (this.#bodyBytesLeft > 0) return;
    this.#bodiesLeft -= 1;
    if (this.#bodiesLeft === 0) this.#arrived();
  }

  onChunkEnd(): void {}
}
