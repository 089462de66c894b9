// Test support: reads what a FRAMES record carries, by the specification alone (1.8.3.13, 2.3.5), and
// fails on anything that is not exactly a row of basic.deliver with its content.

export interface FramedDelivery {
  readonly isRedelivered: boolean;
  readonly exrk: string;
  readonly props: string;
  readonly body: string;
  readonly costBytes: number;
}

const DELIVER = 0x003c003c;

class Frames {
  at = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.at === this.bytes.length;
  }

  take(type: number): Buffer {
    const size = this.bytes.readUInt32BE(this.at + 3);
    const end = this.at + 7 + size;
    if (this.bytes[this.at] !== type) throw new Error(`frame type ${this.bytes[this.at]}`);
    if (this.bytes[end] !== 0xce) throw new Error(`frame end ${this.bytes[end]}`);
    const payload = this.bytes.subarray(this.at + 7, end);
    this.at = end + 1;
    return payload;
  }
}

/** All deliveries in `bytes`; each costs its connection's window the bytes it takes. */
export function splitDeliveries(bytes: Buffer): FramedDelivery[] {
  const frames = new Frames(bytes);
  const deliveries: FramedDelivery[] = [];
  while (!frames.isAtEnd) {
    const start = frames.at;
    const method = frames.take(1);
    if (method.readUInt32BE(0) !== DELIVER) throw new Error('not a basic.deliver');
    const tagEnd = 5 + method[4];
    if (method.readBigUInt64BE(tagEnd) !== 0n) throw new Error('a delivery tag from the shard');
    const header = frames.take(2);
    const bodyBytes = Number(header.readBigUInt64BE(4));
    const pieces: Buffer[] = [];
    while (Buffer.concat(pieces).length < bodyBytes) pieces.push(frames.take(3));
    const body = Buffer.concat(pieces);
    if (body.length !== bodyBytes) throw new Error('more body than announced');
    deliveries.push({
      isRedelivered: method[tagEnd + 8] === 1,
      exrk: method.toString('utf8', tagEnd + 9),
      props: header.toString('utf8', 12),
      body: body.toString('utf8'),
      costBytes: frames.at - start,
    });
  }
  return deliveries;
}
