// Test process. Did the broker keep its word? The total-queue checker of Jepsen, with more: order,
// the redelivered flag, confirms, whole bodies, acks that held, and nothing that comes back from the
// dead. Told of every attempt, confirm, delivery and ack, through any number of the broker's lives.
// Invariants: a message is (publisher, number), a copy is one of its queues; one byte per message and
// one per copy, so that millions fit; a verdict is only given after everything was drained.
// Source: Jepsen's total-queue; RabbitMQ "Consumer Acknowledgements and Publisher Confirms".

export const KINDS = [
  'lost',
  'unexpected',
  'duplicated',
  'resurrected',
  'order',
  'flag',
  'confirm',
  'survived',
] as const;
export type Kind = (typeof KINDS)[number];

/** An ack is only known to have been kept when it was sent this long before the broker's end. */
export const ACK_UNSURE_MILLIS = 1000;
/** Targets per message at most. */
const SLOTS = 3;
const TEXTS_PER_KIND = 5;

// Per message.
const CONFIRMED = 1;
const NACKED = 2;
// Per copy.
const DELIVERED = 1;
const ACKED = 2;
const ACK_UNSURE = 4;
const OUTSTANDING = 8;

export interface CheckedMessages {
  readonly publishers: number;
  targets(publisher: number, number: number): readonly number[];
  isPersistent(publisher: number, number: number): boolean;
  /** Counted, but no failure: what a rival does not promise. */
  readonly tolerated?: readonly Kind[];
  /** Younger acks than that may be forgotten by a crash; ACK_UNSURE_MILLIS by default. */
  readonly ackUnsureMillis?: number;
}

/** What one consumer has seen; made anew with every consumer. */
export interface OrderMark {
  readonly queue: number;
  /** Redelivered messages count, too: for a sole consumer of a queue where nothing is requeued. */
  readonly strict: boolean;
  /** Per publisher, -1 at first. */
  readonly last: Int32Array;
}

/** Whom a consumer tells what it gets and does. */
export interface Judge {
  newMark(queue: number, strict: boolean): OrderMark;
  /** A message has arrived whole; false when it is none of ours, which is a violation. */
  delivered(
    mark: OrderMark,
    publisher: number,
    number: number,
    isRedelivered: boolean,
    isIntact: boolean,
  ): boolean;
  /** A message that does not even name its publisher. */
  foreign(queue: number, text: string): void;
  /** The consumer has sent its ack. */
  acked(queue: number, publisher: number, number: number, nowMillis: number): void;
  /** The consumer gives the message back, or its connection is gone. */
  released(queue: number, publisher: number, number: number): void;
}

export interface Counts {
  attempted: number;
  confirmed: number;
  nacked: number;
  deliveries: number;
  redelivered: number;
  acked: number;
  /** Came although their outcome was never known: allowed. */
  recovered: number;
  /** Came again although acked shortly before a crash: allowed. */
  ackedAgain: number;
}

export class Checker implements Judge {
  readonly counts: Counts = {
    attempted: 0,
    confirmed: 0,
    nacked: 0,
    deliveries: 0,
    redelivered: 0,
    acked: 0,
    recovered: 0,
    ackedAgain: 0,
  };
  readonly violations: Record<Kind, number> = {
    lost: 0,
    unexpected: 0,
    duplicated: 0,
    resurrected: 0,
    order: 0,
    flag: 0,
    confirm: 0,
    survived: 0,
  };
  /** The first violations, in words. */
  readonly texts: string[] = [];
  /** Copies that were published and not acked since the last drain. */
  backlog = 0;
  readonly #messages: CheckedMessages;
  readonly #next: Int32Array;
  readonly #lifeFirst: Int32Array;
  readonly #drained: Int32Array;
  readonly #outcomes: Uint8Array[];
  readonly #copies: Uint8Array[];
  #ackPublishers = new Uint16Array(1024);
  #ackCopies = new Uint32Array(1024);
  #ackMillis = new Float64Array(1024);
  #ackCount = 0;

  constructor(messages: CheckedMessages) {
    this.#messages = messages;
    this.#next = new Int32Array(messages.publishers);
    this.#lifeFirst = new Int32Array(messages.publishers);
    this.#drained = new Int32Array(messages.publishers);
    this.#outcomes = Array.from(this.#next, () => new Uint8Array(1024));
    this.#copies = Array.from(this.#next, () => new Uint8Array(1024 * SLOTS));
  }

  get isClean(): boolean {
    const { tolerated = [] } = this.#messages;
    return KINDS.every((kind) => this.violations[kind] === 0 || tolerated.includes(kind));
  }

  newMark(queue: number, strict: boolean): OrderMark {
    return { queue, strict, last: new Int32Array(this.#messages.publishers).fill(-1) };
  }

  /** The publisher sends its next message; the number of it. */
  attempted(publisher: number): number {
    const number = this.#next[publisher];
    this.#next[publisher] = number + 1;
    if (number >= this.#outcomes[publisher].length) this.#grow(publisher);
    this.counts.attempted += 1;
    this.backlog += this.#messages.targets(publisher, number).length;
    return number;
  }

  /** basic.ack or basic.nack of the broker for one message. */
  settled(publisher: number, number: number, isAck: boolean): void {
    if (number >= this.#next[publisher]) {
      this.#violation('confirm', publisher, number, 'was confirmed but never sent');
      return;
    }
    if (this.#outcomes[publisher][number] !== 0) {
      this.#violation('confirm', publisher, number, 'was confirmed twice');
      return;
    }
    this.#outcomes[publisher][number] = isAck ? CONFIRMED : NACKED;
    if (isAck) this.counts.confirmed += 1;
    else this.counts.nacked += 1;
  }

  /** A confirm for a delivery tag that no publish has, or none any more. */
  strayConfirm(publisher: number, text: string): void {
    this.#violation('confirm', publisher, -1, text);
  }

  delivered(
    mark: OrderMark,
    publisher: number,
    number: number,
    isRedelivered: boolean,
    isIntact: boolean,
  ): boolean {
    this.counts.deliveries += 1;
    if (isRedelivered) this.counts.redelivered += 1;
    const slot = this.#slotOf(publisher, number, mark.queue);
    if (slot < 0 || !isIntact) {
      const text = slot < 0 ? 'was never published to' : 'has a wrong body in';
      this.#violation('unexpected', publisher, number, `${text} queue ${mark.queue}`);
      return slot >= 0;
    }
    const index = number * SLOTS + slot;
    const isFirst = (this.#copies[publisher][index] & DELIVERED) === 0 && !isRedelivered;
    this.#checkCopy(index, publisher, number, mark.queue, isRedelivered);
    this.#copies[publisher][index] = DELIVERED | OUTSTANDING;
    if (isFirst || mark.strict) this.#checkOrder(mark, publisher, number);
    return true;
  }

  foreign(queue: number, text: string): void {
    this.counts.deliveries += 1;
    this.#violation('unexpected', -1, -1, `${text} came from queue ${queue}`);
  }

  acked(queue: number, publisher: number, number: number, nowMillis: number): void {
    const index = number * SLOTS + this.#slotOf(publisher, number, queue);
    this.#copies[publisher][index] = DELIVERED | ACKED;
    this.counts.acked += 1;
    this.backlog -= 1;
    if (this.#ackCount === this.#ackCopies.length) this.#growAcks();
    this.#ackPublishers[this.#ackCount] = publisher;
    this.#ackCopies[this.#ackCount] = index;
    this.#ackMillis[this.#ackCount] = nowMillis;
    this.#ackCount += 1;
  }

  released(queue: number, publisher: number, number: number): void {
    const index = number * SLOTS + this.#slotOf(publisher, number, queue);
    this.#copies[publisher][index] &= ~OUTSTANDING;
  }

  /** The broker has ended, or was told to, at `millis`. */
  lifeEnded(millis: number): void {
    const { ackUnsureMillis = ACK_UNSURE_MILLIS } = this.#messages;
    for (let at = this.#ackCount - 1; at >= 0; at -= 1) {
      if (this.#ackMillis[at] < millis - ackUnsureMillis) break;
      const copies = this.#copies[this.#ackPublishers[at]];
      if ((copies[this.#ackCopies[at]] & ACKED) !== 0) copies[this.#ackCopies[at]] |= ACK_UNSURE;
    }
    this.#ackCount = 0;
    this.#lifeFirst.set(this.#next);
  }

  /** Every queue was seen empty and nothing is unacked: what should have come, has come. */
  drained(): void {
    for (let publisher = 0; publisher < this.#next.length; publisher += 1) {
      for (let number = this.#drained[publisher]; number < this.#next[publisher]; number += 1) {
        this.#judge(publisher, number);
      }
      this.#drained[publisher] = this.#next[publisher];
    }
    this.backlog = 0;
  }

  /** One line per kind of violation that occurred, and the first of them. */
  report(): string {
    const counted = KINDS.filter((kind) => this.violations[kind] > 0);
    const lines = counted.map((kind) => `${kind}: ${this.violations[kind]}`);
    return [...lines, ...this.texts].join('\n');
  }

  #judge(publisher: number, number: number): void {
    const targets = this.#messages.targets(publisher, number);
    const isConfirmed = this.#outcomes[publisher][number] === CONFIRMED;
    const mustBeThere = isConfirmed && this.#messages.isPersistent(publisher, number);
    const copies = this.#copies[publisher];
    let deliveredCopies = 0;
    for (let slot = 0; slot < targets.length; slot += 1) {
      const index = number * SLOTS + slot;
      if ((copies[index] & DELIVERED) !== 0) deliveredCopies += 1;
      if (mustBeThere && (copies[index] & ACKED) === 0) {
        const how = (copies[index] & DELIVERED) === 0 ? 'never came' : 'came once, was not acked';
        this.#violation('lost', publisher, number, `${how} from queue ${targets[slot]}`);
      }
      // Whatever its ack was: it is not in the queue any more.
      copies[index] &= ~ACK_UNSURE;
    }
    if (!isConfirmed && deliveredCopies > 0) this.counts.recovered += 1;
  }

  #checkCopy(
    index: number,
    publisher: number,
    number: number,
    queue: number,
    isRedelivered: boolean,
  ): void {
    const before = this.#copies[publisher][index];
    if ((before & OUTSTANDING) !== 0) {
      this.#violation('duplicated', publisher, number, `is twice out of queue ${queue}`);
    } else if ((before & ACK_UNSURE) !== 0) {
      this.counts.ackedAgain += 1;
      this.backlog += 1;
    } else if ((before & ACKED) !== 0) {
      this.#violation('duplicated', publisher, number, `came after its ack, queue ${queue}`);
      this.backlog += 1;
    }
    if (number < this.#drained[publisher] && (before & DELIVERED) === 0) {
      this.#violation('resurrected', publisher, number, `came after a drain of queue ${queue}`);
    }
    if ((before & DELIVERED) !== 0 && !isRedelivered) {
      this.#violation('flag', publisher, number, `came again unflagged, queue ${queue}`);
    }
    if (number < this.#lifeFirst[publisher] && !this.#messages.isPersistent(publisher, number)) {
      this.#violation('survived', publisher, number, `is transient, queue ${queue}`);
    }
  }

  #checkOrder(mark: OrderMark, publisher: number, number: number): void {
    const last = mark.last[publisher];
    if (number <= last) {
      this.#violation('order', publisher, number, `came behind ${last} from queue ${mark.queue}`);
    } else {
      mark.last[publisher] = number;
    }
  }

  /** Which copy of the message is in the queue; -1 when there is no such message. */
  #slotOf(publisher: number, number: number, queue: number): number {
    if (publisher >= this.#next.length || number >= this.#next[publisher]) return -1;
    return this.#messages.targets(publisher, number).indexOf(queue);
  }

  #violation(kind: Kind, publisher: number, number: number, text: string): void {
    this.violations[kind] += 1;
    if (this.violations[kind] > TEXTS_PER_KIND) return;
    this.texts.push(`${kind}: message ${number} of publisher ${publisher} ${text}`);
  }

  #grow(publisher: number): void {
    const outcomes = new Uint8Array(this.#outcomes[publisher].length * 2);
    outcomes.set(this.#outcomes[publisher]);
    this.#outcomes[publisher] = outcomes;
    const copies = new Uint8Array(outcomes.length * SLOTS);
    copies.set(this.#copies[publisher]);
    this.#copies[publisher] = copies;
  }

  #growAcks(): void {
    const length = this.#ackCopies.length * 2;
    const publishers = new Uint16Array(length);
    publishers.set(this.#ackPublishers);
    const copies = new Uint32Array(length);
    copies.set(this.#ackCopies);
    const millis = new Float64Array(length);
    millis.set(this.#ackMillis);
    this.#ackPublishers = publishers;
    this.#ackCopies = copies;
    this.#ackMillis = millis;
  }
}
