// UTF-8 text to and from wire bytes. Runs in any thread; reads from shared memory too.
// Invariants: nothing is read outside [start, end); a byte order mark is text like any other (it
// must survive a round trip), so the decoders keep it.

const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenientDecoder = new TextDecoder('utf-8', { ignoreBOM: true });
const encoder = new TextEncoder();

/** The text of bytes [start, end), or undefined when they are not valid UTF-8. */
export function readUtf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  if (isAscii(bytes, start, end)) return readAscii(bytes, start, end);
  try {
    return strictDecoder.decode(bytes.subarray(start, end));
  } catch (error) {
    // The decoder's way to say "not UTF-8" is a TypeError with this code.
    if ((error as NodeJS.ErrnoException).code === 'ERR_ENCODING_INVALID_ENCODED_DATA') {
      return undefined;
    }
    throw error;
  }
}

/** The text of bytes [start, end), with U+FFFD for what is not UTF-8. */
export function readUtf8Lenient(bytes: Uint8Array, start: number, end: number): string {
  if (isAscii(bytes, start, end)) return readAscii(bytes, start, end);
  return lenientDecoder.decode(bytes.subarray(start, end));
}

/** How many bytes `writeUtf8` will write. */
export function utf8Bytes(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/**
 * Writes `text` at `offset`, where `utf8Bytes(text)` bytes are free; returns the offset after it.
 */
export function writeUtf8(bytes: Uint8Array, offset: number, text: string): number {
  return offset + encoder.encodeInto(text, bytes.subarray(offset)).written;
}

function isAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    if (bytes[index] > 0x7f) return false;
  }
  return true;
}

function readAscii(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1');
}
