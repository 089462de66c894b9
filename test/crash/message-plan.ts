// Test process. What every message of a crash run looks like, from its publisher, its number and the
// run's seed alone: route, size, persistence and each byte of its body. So nothing has to be kept
// about a message to check it, and a body that is wrong in one bit is found by comparing bytes.
//
//   body: | publisher u32 LE | number u32 LE | body bytes u32 LE | seed u32 LE | piece of the pool

/** The smallest body: all of it stamp. */
export const STAMP_BYTES = 16;
const SMALL_BYTES_MAX = 8 * 1024;
const POOL_OFFSETS = 1024 * 1024;

export interface MessageMix {
  /** Queues by index; the first `fanoutQueues` of them are also bound to the fan-out exchange. */
  readonly queues: number;
  readonly fanoutQueues: number;
  /** Of 1000 messages: through the fan-out exchange, transient. */
  readonly fanoutPerMille: number;
  readonly transientPerMille: number;
  /** Of a million messages: sizes that do not fit in a frame, a ring or a record. */
  readonly largePerMillion: number;
  readonly hugePerMillion: number;
  /** The largest body that is neither large nor huge. */
  readonly smallBytesMax?: number;
  /** All bodies have this size instead. */
  readonly fixedBytes?: number;
}

export const USUAL_MIX: MessageMix = {
  queues: 6,
  fanoutQueues: 3,
  fanoutPerMille: 150,
  transientPerMille: 50,
  largePerMillion: 300,
  hugePerMillion: 50,
};

/** Bodies that the log writes in whole blocks past the system's cache, among others that it does not. */
export const LARGE_BODIES_MIX: MessageMix = {
  ...USUAL_MIX,
  largePerMillion: 60_000,
  hugePerMillion: 20_000,
};

const LARGE_BYTES = 300 * 1024;
const HUGE_BYTES = 2 * 1024 * 1024;

/** Well-mixed 32 bits of three numbers (the finalizer of MurmurHash3, in the public domain). */
function mixed(seed: number, publisher: number, number: number, salt: number): number {
  let hash = (seed ^ Math.imul(publisher + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) | 0;
  hash = (hash + Math.imul(salt, 0xc2b2ae35)) | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** A small generator of numbers from 0 to 1 that a seed repeats. */
export function seededRandom(seed: number): () => number {
  let count = 0;
  return () => {
    count += 1;
    return mixed(seed, 0x5eed, count, 7) / 2 ** 32;
  };
}

export class MessagePlan {
  readonly mix: MessageMix;
  readonly seed: number;
  /** Route r is queue r alone, through the default exchange; the last one is the fan-out. */
  readonly routes: readonly (readonly number[])[];
  readonly queues: readonly number[];
  /** What bodies are pieces of. */
  readonly pool: Buffer;

  constructor(seed: number, mix: MessageMix = USUAL_MIX) {
    this.seed = seed >>> 0;
    this.mix = mix;
    this.queues = Array.from({ length: mix.queues }, (_, index) => index);
    this.routes = [...this.queues.map((queue) => [queue]), this.queues.slice(0, mix.fanoutQueues)];
    const words = new Uint32Array((POOL_OFFSETS + HUGE_BYTES) / 4);
    for (let index = 0; index < words.length; index += 1) words[index] = mixed(seed, 1, index, 1);
    this.pool = Buffer.from(words.buffer);
  }

  route(publisher: number, number: number): number {
    const { queues, fanoutPerMille } = this.mix;
    if (mixed(this.seed, publisher, number, 2) % 1000 < fanoutPerMille) return queues;
    return mixed(this.seed, publisher, number, 3) % queues;
  }

  targets(publisher: number, number: number): readonly number[] {
    return this.routes[this.route(publisher, number)];
  }

  isPersistent(publisher: number, number: number): boolean {
    return mixed(this.seed, publisher, number, 4) % 1000 >= this.mix.transientPerMille;
  }

  /** As many of 16 to 32 bytes as of 4 to 8 KiB, and now and then one that is much larger. */
  bodyBytes(publisher: number, number: number): number {
    const { fixedBytes, hugePerMillion, largePerMillion } = this.mix;
    const { smallBytesMax = SMALL_BYTES_MAX } = this.mix;
    if (fixedBytes !== undefined) return fixedBytes;
    const draw = mixed(this.seed, publisher, number, 5) % 1_000_000;
    if (draw < hugePerMillion) return HUGE_BYTES;
    if (draw < hugePerMillion + largePerMillion) return LARGE_BYTES;
    const share = mixed(this.seed, publisher, number, 6) / 2 ** 32;
    return Math.floor(STAMP_BYTES * (smallBytesMax / STAMP_BYTES) ** share);
  }

  /** Where in the pool the byte behind the stamp comes from. */
  poolOffset(publisher: number, number: number): number {
    return mixed(this.seed, publisher, number, 7) % POOL_OFFSETS;
  }

  /** Writes the stamp, all that does not come from the pool. */
  writeStamp(body: Buffer, at: number, publisher: number, number: number, bytes: number): void {
    body.writeUInt32LE(publisher, at);
    body.writeUInt32LE(number, at + 4);
    body.writeUInt32LE(bytes, at + 8);
    body.writeUInt32LE(this.seed, at + 12);
  }
}
