// Test process. Did the broker keep its word where messages move by themselves from queue to queue? What
// was confirmed must be found in one of the places where its lane may bring it, or in all of them;
// a message counts as found when it came whole and was acked for good. One that is found twice, in
// one place or in two, is a repetition: allowed once something was cut off, and always counted.
// Invariants: one byte per message and outcome, one per message and place.
import type { Lane } from './lanes.ts';

const KINDS = ['lost', 'unexpected', 'refused', 'repeated'] as const;
type Kind = (typeof KINDS)[number];

const TEXTS_PER_KIND = 5;
const CONFIRMED = 1;
const NACKED = 2;
const ROLLED_BACK = 3;

export interface LedgerCounts {
  published: number;
  confirmed: number;
  nacked: number;
  found: number;
  /** Found again where they had been found before, and in another place. */
  repeated: number;
  elsewhere: number;
  /** Found although their outcome was never known. */
  recovered: number;
}

class LaneLedger {
  readonly lane: Lane;
  outcomes = new Uint8Array(1024);
  found = new Uint8Array(1024);
  next = 0;

  constructor(lane: Lane) {
    this.lane = lane;
  }

  grow(): void {
    const outcomes = new Uint8Array(this.outcomes.length * 2);
    outcomes.set(this.outcomes);
    this.outcomes = outcomes;
    const found = new Uint8Array(outcomes.length);
    found.set(this.found);
    this.found = found;
  }
}

export class Ledger {
  readonly counts: LedgerCounts = {
    published: 0,
    confirmed: 0,
    nacked: 0,
    found: 0,
    repeated: 0,
    elsewhere: 0,
    recovered: 0,
  };
  readonly violations: Record<Kind, number> = { lost: 0, unexpected: 0, refused: 0, repeated: 0 };
  readonly texts: string[] = [];
  /** Nothing was cut off yet: every message must be found once. */
  isStrict = true;
  readonly #lanes: readonly LaneLedger[];

  constructor(lanes: readonly Lane[]) {
    this.#lanes = lanes.map((lane) => new LaneLedger(lane));
  }

  get isClean(): boolean {
    return KINDS.every((kind) => this.violations[kind] === 0);
  }

  /** The number of the next message of a lane, which is about to be sent. */
  published(lane: number): number {
    const ledger = this.#lanes[lane];
    const number = ledger.next;
    ledger.next += 1;
    if (number >= ledger.outcomes.length) ledger.grow();
    this.counts.published += 1;
    return number;
  }

  confirmed(lane: number, number: number): void {
    this.#lanes[lane].outcomes[number] = CONFIRMED;
    this.counts.confirmed += 1;
  }

  nacked(lane: number, number: number): void {
    this.#lanes[lane].outcomes[number] = NACKED;
    this.counts.nacked += 1;
  }

  rolledBack(lane: number, number: number): void {
    this.#lanes[lane].outcomes[number] = ROLLED_BACK;
  }

  /** Whether such a message may come from this queue at all. */
  mayBeIn(queue: string, lane: number, number: number): boolean {
    const ledger = this.#lanes[lane];
    if (ledger === undefined || number >= ledger.next) return false;
    return ledger.lane.places.includes(queue);
  }

  unexpected(queue: string, text: string): void {
    this.#violation('unexpected', `${text} came from ${queue}`);
  }

  /** A message was taken from a queue for good. */
  found(queue: string, lane: number, number: number): void {
    const ledger = this.#lanes[lane];
    const { places, refusedTo, name } = ledger.lane;
    const bit = 1 << places.indexOf(queue);
    const outcome = ledger.outcomes[number];
    const isRefused = outcome === ROLLED_BACK || (outcome === NACKED && refusedTo !== queue);
    if (isRefused) this.#violation('refused', `message ${number} of ${name} is in ${queue}`);
    const before = ledger.found[number];
    ledger.found[number] = before | bit;
    this.counts.found += 1;
    if ((before & bit) !== 0) this.counts.repeated += 1;
    else if (before !== 0 && !this.#isFanned(ledger.lane, before | bit)) this.counts.elsewhere += 1;
    else return;
    if (this.isStrict) this.#violation('repeated', `message ${number} of ${name} in ${queue}`);
  }

  /** Confirmed messages that have not been found yet. */
  missing(): number {
    let count = 0;
    for (const ledger of this.#lanes) {
      for (let number = 0; number < ledger.next; number += 1) {
        if (this.#isMissing(ledger, number)) count += 1;
      }
    }
    return count;
  }

  /** Everything was drained: what is missing is lost. */
  drained(): void {
    this.counts.recovered = 0;
    for (const ledger of this.#lanes) {
      for (let number = 0; number < ledger.next; number += 1) {
        if (this.#isMissing(ledger, number)) this.#lost(ledger, number);
        else if (ledger.outcomes[number] === 0 && ledger.found[number] > 0) {
          this.counts.recovered += 1;
        }
      }
    }
  }

  report(): string {
    const counted = KINDS.filter((kind) => this.violations[kind] > 0);
    return [...counted.map((kind) => `${kind}: ${this.violations[kind]}`), ...this.texts].join(
      '\n',
    );
  }

  /** Several copies are right where a fan-out exchange made them. */
  #isFanned({ places, every }: Lane, found: number): boolean {
    if (every === undefined) return false;
    return places.every((place, at) => (found & (1 << at)) === 0 || every.includes(place));
  }

  #isMissing({ lane, outcomes, found }: LaneLedger, number: number): boolean {
    if (outcomes[number] !== CONFIRMED) return false;
    const { places, every } = lane;
    const mask = found[number];
    if (every === undefined) return mask === 0;
    const isEverywhere = every.every((place) => (mask & (1 << places.indexOf(place))) !== 0);
    return (mask & 1) === 0 && !isEverywhere;
  }

  #lost({ lane, found }: LaneLedger, number: number): void {
    const places = lane.places.filter((_, at) => (found[number] & (1 << at)) !== 0);
    const where = places.length === 0 ? 'nowhere' : places.join(', ');
    this.#violation('lost', `message ${number} of ${lane.name} was found in: ${where}`);
  }

  #violation(kind: Kind, text: string): void {
    this.violations[kind] += 1;
    if (this.violations[kind] <= TEXTS_PER_KIND) this.texts.push(`${kind}: ${text}`);
  }
}
