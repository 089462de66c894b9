// Test thread. Waits for what a broker does in its own time.
const LOOK_MILLIS = 10;
const LOOKS_MAX = 1000;

/** Resolves with the first answer of `look` that is not undefined. */
export async function eventually<Value>(
  what: string,
  look: () => Promise<Value | undefined> | Value | undefined,
): Promise<Value> {
  for (let i = 0; i < LOOKS_MAX; i += 1) {
    const found = await look();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_MILLIS));
  }
  throw new Error(`${what} has not come`);
}
