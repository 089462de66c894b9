// Where the messages of a log lie and how many queues hold each, in 28 bytes per message: a store
// may hold tens of millions. Main thread.
import type { LoggedMessage } from '../../log/message-walk.ts';
import type { LiveFigures } from './log-contents.ts';

const FIRST_ROWS = 1024;
const COLUMNS = 5;
const INNER = 0;
const FLAGS = 1;
const DATA_BYTES = 2;
const RECORD_BYTES = 3;
const REFERENCES = 4;

export class MessageTable {
  private positions: Float64Array;
  private columns: Int32Array;
  private count: number;

  constructor() {
    this.positions = new Float64Array(FIRST_ROWS);
    this.columns = new Int32Array(FIRST_ROWS * COLUMNS);
    this.count = 0;
  }

  /** A message that one queue holds; returns its row. */
  add(message: LoggedMessage): number {
    const row = this.count;
    if (row === this.positions.length) this.grow();
    this.count += 1;
    const at = row * COLUMNS;
    this.positions[row] = message.position;
    this.columns[at + INNER] = message.inner;
    this.columns[at + FLAGS] = message.flags;
    this.columns[at + DATA_BYTES] = message.dataBytes;
    this.columns[at + RECORD_BYTES] = message.recordBytes;
    this.columns[at + REFERENCES] = 1;
    return row;
  }

  addReference(row: number): void {
    this.columns[row * COLUMNS + REFERENCES] += 1;
  }

  dropReference(row: number): void {
    this.columns[row * COLUMNS + REFERENCES] -= 1;
  }

  position(row: number): number {
    return this.positions[row];
  }

  inner(row: number): number {
    return this.columns[row * COLUMNS + INNER];
  }

  flags(row: number): number {
    return this.columns[row * COLUMNS + FLAGS];
  }

  dataBytes(row: number): number {
    return this.columns[row * COLUMNS + DATA_BYTES];
  }

  /** All messages that any queue holds, each once. */
  live(): LiveFigures {
    let messages = 0;
    let dataBytes = 0;
    let recordBytes = 0;
    for (let row = 0; row < this.count; row += 1) {
      const at = row * COLUMNS;
      if (this.columns[at + REFERENCES] === 0) continue;
      messages += 1;
      dataBytes += this.columns[at + DATA_BYTES];
      recordBytes += this.columns[at + RECORD_BYTES];
    }
    return { messages, dataBytes, recordBytes };
  }

  private grow(): void {
    const positions = new Float64Array(this.positions.length * 2);
    positions.set(this.positions);
    this.positions = positions;
    const columns = new Int32Array(this.columns.length * 2);
    columns.set(this.columns);
    this.columns = columns;
  }
}
