// Exchange and routing key bytes -> where the message goes, for one virtual host. Acceptor thread,
// hot
// path: a hit costs a hash over the key bytes and one compare, no string and no allocation.
//
// The key is `exrk`: both short strings as they stand in basic.publish, lengths included. Open
// addressing over an Int32Array of entry numbers; key bytes lie one behind the other in one buffer.
// Routing keys are chosen by clients, so the cache is bounded in entries and in bytes and starts
// over when either is used up; the hash is seeded, so that nobody can aim for collisions. Any
// change of the vhost's topology empties it.
import { randomInt } from 'node:crypto';

const ENTRIES_MAX = 1 << 15;
const TABLE_SIZE = ENTRIES_MAX * 2;
const TABLE_MASK = TABLE_SIZE - 1;
const TABLE_SIZE_INITIAL = 1 << 8;
const KEY_BYTES_MAX = 1 << 20;
const KEY_BYTES_INITIAL = 1 << 12;
const EMPTY = 0;
const NONE = -1;

export class RouteCache<Route> {
  private readonly seed: number;
  /** Slot -> entry number + 1, or EMPTY. */
  private table: Int32Array;
  private mask: number;
  private readonly hashes: number[];
  private readonly keyStarts: number[];
  private readonly keyLengths: number[];
  private readonly routes: Route[];
  private keys: Buffer;
  private keysEnd: number;
  /** The hash that the last `find` computed, for `add`. */
  private lastHash: number;
  /** The entry that the last `find` found, or NONE. */
  private lastFound: number;

  constructor() {
    this.seed = randomInt(1, 0x7fff_ffff);
    this.table = new Int32Array(TABLE_SIZE_INITIAL);
    this.mask = TABLE_SIZE_INITIAL - 1;
    this.hashes = [];
    this.keyStarts = [];
    this.keyLengths = [];
    this.routes = [];
    this.keys = Buffer.alloc(KEY_BYTES_INITIAL);
    this.keysEnd = 0;
    this.lastHash = 0;
    this.lastFound = NONE;
  }

  get size(): number {
    return this.routes.length;
  }

  /** The route of the key at `bytes[start, start + length)`, or undefined. */
  find(bytes: Buffer, start: number, length: number): Route | undefined {
    // Most publishes go where the one before went: one compare, no hash.
    const last = this.lastFound;
    if (last >= 0 && this.matches(last, bytes, start, length)) return this.routes[last];
    return this.lookUp(bytes, start, length);
  }

  private lookUp(bytes: Buffer, start: number, length: number): Route | undefined {
    let hash = this.seed;
    const end = start + length;
    for (let i = start; i < end; i += 1) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    hash ^= hash >>> 15;
    this.lastHash = hash;
    const { table, mask } = this;
    let slot = hash & mask;
    for (;;) {
      const entry = table[slot];
      if (entry === EMPTY) return undefined;
      if (this.hashes[entry - 1] === hash && this.matches(entry - 1, bytes, start, length)) {
        this.lastFound = entry - 1;
        return this.routes[entry - 1];
      }
      slot = (slot + 1) & mask;
    }
  }

  /** Remembers the route of the key that `find` has just not found. */
  add(bytes: Buffer, start: number, length: number, route: Route): void {
    if (this.routes.length >= ENTRIES_MAX || this.keysEnd + length > KEY_BYTES_MAX) {
      this.clear();
    }
    if (this.keysEnd + length > this.keys.length) this.growKeys(length);
    if ((this.routes.length + 1) * 2 > this.mask + 1) this.growTable();
    bytes.copy(this.keys, this.keysEnd, start, start + length);
    this.hashes.push(this.lastHash);
    this.keyStarts.push(this.keysEnd);
    this.keyLengths.push(length);
    this.routes.push(route);
    this.keysEnd += length;
    this.insert(this.lastHash, this.routes.length);
  }

  clear(): void {
    if (this.routes.length === 0) return;
    this.lastFound = NONE;
    this.table.fill(EMPTY);
    this.hashes.length = 0;
    this.keyStarts.length = 0;
    this.keyLengths.length = 0;
    this.routes.length = 0;
    this.keysEnd = 0;
  }

  private matches(entry: number, bytes: Buffer, start: number, length: number): boolean {
    if (this.keyLengths[entry] !== length) return false;
    const keys = this.keys;
    const keyStart = this.keyStarts[entry];
    for (let i = 0; i < length; i += 1) {
      if (keys[keyStart + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  private insert(hash: number, entry: number): void {
    let slot = hash & this.mask;
    while (this.table[slot] !== EMPTY) slot = (slot + 1) & this.mask;
    this.table[slot] = entry;
  }

  private growTable(): void {
    const size = Math.min(TABLE_SIZE, (this.mask + 1) * 4);
    this.table = new Int32Array(size);
    this.mask = Math.min(TABLE_MASK, size - 1);
    for (let entry = 0; entry < this.hashes.length; entry += 1) {
      this.insert(this.hashes[entry], entry + 1);
    }
  }

  private growKeys(length: number): void {
    const grown = Buffer.alloc(Math.max(this.keys.length * 2, this.keysEnd + length));
    this.keys.copy(grown, 0, 0, this.keysEnd);
    this.keys = grown;
  }
}
