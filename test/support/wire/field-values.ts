// Test thread. Field tables (specification 4.2.5.5 with RabbitMQ's type letters, see its AMQP 0-9-1
// errata page) to bytes and back. A JavaScript value chooses the usual letter; `typed` names
// another. Decoding a table of unknown letters throws: the broker must never send one.

export class Typed {
  readonly letter: string;
  readonly value: number | bigint | string | readonly [number, number];

  constructor(letter: string, value: Typed['value']) {
    this.letter = letter;
    this.value = value;
  }
}

/** A field value with an explicit type letter, such as `typed('b', -1)`. */
export function typed(letter: string, value: Typed['value']): Typed {
  return new Typed(letter, value);
}

export type FieldValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Buffer
  | Typed
  | readonly FieldValue[]
  | FieldTable;

export interface FieldTable {
  readonly [key: string]: FieldValue;
}

export function encodeShortString(text: string | Buffer): Buffer {
  const bytes = Buffer.from(text as string);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

export function encodeLongString(bytes: Buffer | string): Buffer {
  const content = Buffer.from(bytes as string);
  return Buffer.concat([uint32(content.length), content]);
}

export function encodeTable(table: FieldTable): Buffer {
  const parts = Object.entries(table).map(([key, value]) =>
    Buffer.concat([encodeShortString(key), encodeFieldValue(value)]),
  );
  return encodeLongString(Buffer.concat(parts));
}

function encodeFieldValue(value: FieldValue): Buffer {
  if (value === null) return Buffer.from('V');
  if (typeof value === 'string') return tagged('S', encodeLongString(value));
  if (typeof value === 'boolean') return tagged('t', Buffer.from([value ? 1 : 0]));
  if (typeof value === 'number') return encodeNumber(Number.isInteger(value) ? 'I' : 'd', value);
  if (typeof value === 'bigint') return encodeNumber('l', value);
  if (value instanceof Typed) return encodeTyped(value);
  if (Buffer.isBuffer(value)) return tagged('x', encodeLongString(value));
  if (Array.isArray(value)) {
    return tagged('A', encodeLongString(Buffer.concat(value.map(encodeFieldValue))));
  }
  return tagged('F', encodeTable(value as FieldTable));
}

function encodeTyped({ letter, value }: Typed): Buffer {
  if (typeof value === 'string') return tagged(letter, encodeLongString(value));
  if (typeof value === 'object') {
    const [places, digits] = value;
    return tagged(letter, Buffer.concat([Buffer.from([places]), uint32(digits)]));
  }
  return encodeNumber(letter, value);
}

function encodeNumber(letter: string, value: number | bigint): Buffer {
  const out = Buffer.alloc(8);
  const number = Number(value);
  switch (letter) {
    case 'b':
      return tagged(letter, out.subarray(0, out.writeInt8(number)));
    case 'B':
      return tagged(letter, out.subarray(0, out.writeUInt8(number)));
    case 's':
      return tagged(letter, out.subarray(0, out.writeInt16BE(number)));
    case 'u':
      return tagged(letter, out.subarray(0, out.writeUInt16BE(number)));
    case 'I':
      return tagged(letter, out.subarray(0, out.writeInt32BE(number)));
    case 'i':
      return tagged(letter, out.subarray(0, out.writeUInt32BE(number)));
    case 'l':
      return tagged(letter, out.subarray(0, out.writeBigInt64BE(BigInt(value))));
    case 'T':
      return tagged(letter, out.subarray(0, out.writeBigUInt64BE(BigInt(value))));
    case 'f':
      return tagged(letter, out.subarray(0, out.writeFloatBE(number)));
    case 'd':
      return tagged(letter, out.subarray(0, out.writeDoubleBE(number)));
    default:
      throw new Error(`no number has the type letter ${letter}`);
  }
}

function tagged(letter: string, bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(letter), bytes]);
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Reads primitive values one after the other; running past the end throws a RangeError. */
export class ByteReader {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get done(): boolean {
    return this.at >= this.bytes.length;
  }

  octet(): number {
    this.at += 1;
    return this.bytes.readUInt8(this.at - 1);
  }

  short(): number {
    this.at += 2;
    return this.bytes.readUInt16BE(this.at - 2);
  }

  long(): number {
    this.at += 4;
    return this.bytes.readUInt32BE(this.at - 4);
  }

  longlong(): number {
    this.at += 8;
    return Number(this.bytes.readBigUInt64BE(this.at - 8));
  }

  take(count: number): Buffer {
    if (this.at + count > this.bytes.length) throw new RangeError('the broker sent too few bytes');
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  shortString(): string {
    return this.take(this.octet()).toString('utf8');
  }

  longString(): Buffer {
    return this.take(this.long());
  }

  table(): FieldTable {
    const reader = new ByteReader(this.longString());
    const table: Record<string, FieldValue> = {};
    while (!reader.done) {
      const key = reader.shortString();
      table[key] = reader.fieldValue();
    }
    return table;
  }

  fieldValue(): FieldValue {
    const letter = String.fromCharCode(this.octet());
    switch (letter) {
      case 't':
        return this.octet() !== 0;
      case 'b':
        return this.take(1).readInt8();
      case 'B':
        return this.octet();
      case 's':
        return this.take(2).readInt16BE();
      case 'u':
        return this.short();
      case 'I':
        return this.take(4).readInt32BE();
      case 'i':
        return this.long();
      case 'l':
        return this.take(8).readBigInt64BE();
      case 'f':
        return this.take(4).readFloatBE();
      case 'd':
        return this.take(8).readDoubleBE();
      case 'D':
        return typed('D', [this.octet(), this.long()]);
      case 'T':
        return typed('T', this.longlong());
      case 'S':
        return this.longString().toString('utf8');
      case 'x':
        return this.longString();
      case 'F':
        return this.table();
      case 'A':
        return this.#array();
      case 'V':
        return null;
      default:
        throw new Error(`the broker sent a field of unknown type ${letter}`);
    }
  }

  #array(): FieldValue[] {
    const reader = new ByteReader(this.longString());
    const values: FieldValue[] = [];
    while (!reader.done) values.push(reader.fieldValue());
    return values;
  }
}
