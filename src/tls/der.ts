// Reads ASN.1 in its distinguished encoding, as far as certificates use it. Any thread, pure; cold.
// What is read here has been taken for a certificate by OpenSSL before; still every length is
// checked against the bytes that are there, and whatever is no DER throws.

export interface DerElement {
  readonly tag: number;
  readonly content: Uint8Array;
}

export const DER = {
  bitString: 0x03,
  octetString: 0x04,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  teletexString: 0x14,
  utcTime: 0x17,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

/** Character strings whose bytes are ASCII: numeric, printable, IA5 and visible ones. */
const ASCII_TAGS = new Set([0x12, 0x13, 0x16, 0x1a]);
const LENGTH_BYTES_MAX = 4;

/** The elements that stand one after the other in `bytes`. */
export function derElements(bytes: Uint8Array): DerElement[] {
  const elements: DerElement[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at];
    let length = bytes[at + 1];
    at += 2;
    if (length > 0x7f) {
      const count = length - 0x80;
      if (count > LENGTH_BYTES_MAX) throw new RangeError('not DER: a length of too many bytes');
      length = 0;
      for (let i = 0; i < count; i += 1) length = length * 256 + bytes[at + i];
      at += count;
    }
    // Not a number where the bytes have ended before.
    if (!(at + length <= bytes.length)) throw new RangeError('not DER: it is cut off');
    elements.push({ tag, content: bytes.subarray(at, at + length) });
    at += length;
  }
  return elements;
}

/** `2.5.4.3` and the like. */
export function objectIdentifier(content: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (byte > 0x7f) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(number / 40));
      numbers.push(first, number - first * 40);
    } else {
      numbers.push(number);
    }
    number = 0;
  }
  return numbers.join('.');
}

/** The text of a character string; of anything else its bytes, as RFC 4514 writes them. */
export function derText({ tag, content }: DerElement): string {
  const bytes = Buffer.from(content);
  if (tag === DER.utf8String || ASCII_TAGS.has(tag)) return bytes.toString('utf8');
  if (tag === DER.teletexString) return bytes.toString('latin1');
  if (tag === DER.bmpString && bytes.length % 2 === 0) return bytes.swap16().toString('utf16le');
  return `#${bytes.toString('hex')}`;
}

/** `2026-11-23T12:00:00Z`. */
export function derTime({ tag, content }: DerElement): string {
  const text = Buffer.from(content).toString('latin1');
  // Two digits are a year from 1950 to 2049 (RFC 5280, 4.1.2.5.1).
  const century = Number(text.slice(0, 2)) < 50 ? '20' : '19';
  const digits = tag === DER.utcTime ? century + text : text;
  return digits.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d).*$/u, '$1-$2-$3T$4:$5:$6Z');
}
