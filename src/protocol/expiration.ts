// The expiration property: milliseconds to live, as decimal digits in a short string. Any thread,
// hot for messages that have one. https://www.rabbitmq.com/docs/ttl#per-message-ttl-in-publishers

/** Ten years, RabbitMQ's limit for anything that expires (rabbit_misc:check_expiry). */
const EXPIRY_MILLIS_MAX = 315_360_000_000;
const PLUS = 0x2b;
const ZERO = 0x30;
const NINE = 0x39;

/** The milliseconds at [at, at + byteCount), or -1 when they are no number of 0 to ten years. */
export function expirationMillis(bytes: Uint8Array, at: number, byteCount: number): number {
  const from = byteCount > 1 && bytes[at] === PLUS ? at + 1 : at;
  if (byteCount === 0) return -1;
  let millis = 0;
  for (let i = from; i < at + byteCount; i += 1) {
    const digit = bytes[i];
    if (digit < ZERO || digit > NINE) return -1;
    millis = millis * 10 + digit - ZERO;
    if (millis > EXPIRY_MILLIS_MAX) return -1;
  }
  return millis;
}

/** RabbitMQ's term for what is wrong with an expiration that `expirationMillis` refuses. */
export function expirationProblem(text: string): string {
  const [, digits, rest] = /^([+-]?\d+)(.*)$/s.exec(text) ?? [];
  if (digits === undefined) return 'no_integer';
  if (rest !== '') return `{leftover_string,"${rest}"}`;
  const number = BigInt(digits);
  return number < 0n ? `{value_negative,${number}}` : `{value_too_large,${number}}`;
}
