// Byte vectors in tests: written as hex with blanks and quoted text, the way a frame dump reads.

/** Bytes from hex digits (blanks ignored) and 'quoted' text: `bytesOf("0003 'abc' ce")`. */
export function bytesOf(dump: string): Uint8Array {
  const parts = dump.split("'");
  const chunks = parts.map((part, index) =>
    index % 2 === 1 ? Buffer.from(part, 'utf8') : Buffer.from(part.replaceAll(/\s/g, ''), 'hex'),
  );
  return new Uint8Array(Buffer.concat(chunks));
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
