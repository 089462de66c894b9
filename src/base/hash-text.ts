// A 32-bit hash of a text that is the same in every process and on every machine: queues are placed
// by it and hash exchanges route by it, so it must never change. Any thread, pure.
// FNV-1a over the UTF-16 code units, then the finalizer of MurmurHash3 (fmix32): FNV alone leaves
// the low bits of texts that differ only in their last digits too regular for a modulus.

const FNV_OFFSET_BASIS = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** 0 to 2^32 - 1. */
export function hashText(text: string): number {
  let hash = FNV_OFFSET_BASIS;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME);
  }
  return mixBits(hash);
}

/** Every bit of the result depends on every bit of `hash`; different inputs stay different. */
export function mixBits(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
