// A small memory of byte strings that have been allowed. Acceptor thread, hot path: looking
// compares bytes and makes nothing. It has a fixed number of places, each for the newest string of
// its hash, so it forgets and never grows: what is forgotten is only checked again.

const PLACES = 32;
const EMPTY = Buffer.alloc(0);

export class AllowedKeys {
  private readonly places: Buffer[];
  /** The one found last: most publishes go where the one before went. */
  private last: Buffer;

  constructor() {
    this.places = new Array<Buffer>(PLACES).fill(EMPTY);
    this.last = EMPTY;
  }

  /** `count` is at least 1. */
  has(bytes: Buffer<ArrayBufferLike>, from: number, count: number): boolean {
    if (isSame(this.last, bytes, from, count)) return true;
    const found = this.places[placeOf(bytes, from, count)];
    if (!isSame(found, bytes, from, count)) return false;
    this.last = found;
    return true;
  }

  add(bytes: Buffer<ArrayBufferLike>, from: number, count: number): void {
    this.last = Buffer.from(bytes.subarray(from, from + count));
    this.places[placeOf(bytes, from, count)] = this.last;
  }
}

function isSame(key: Buffer, bytes: Buffer<ArrayBufferLike>, from: number, count: number): boolean {
  if (key.length !== count) return false;
  for (let i = 0; i < count; i += 1) if (key[i] !== bytes[from + i]) return false;
  return true;
}

function placeOf(bytes: Buffer<ArrayBufferLike>, from: number, count: number): number {
  let hash = count;
  for (let i = from; i < from + count; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return (hash ^ (hash >>> 15)) & (PLACES - 1);
}
