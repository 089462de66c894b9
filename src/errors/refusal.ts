// A refusal is the broker's "no": a reply code, the scope it closes (channel or connection), and a
// text of at most 255 bytes. Runs in every thread. Each kind of refusal is defined once, in this
// folder, through `defineRefusal`, so the whole catalogue can be listed and documented.
// Codes: AMQP 0-9-1 specification, section 1.2 (constants); RabbitMQ's use of them is followed.

/**
 * What a refusal closes (specification 4.2.7: soft errors close channels, hard ones connections).
 */
export type RefusalScope = 'channel' | 'connection';

/** Plain data, so that it can cross threads. `text` fits an AMQP short string. */
export interface Refusal {
  readonly id: string;
  readonly code: number;
  readonly scope: RefusalScope;
  readonly text: string;
}

/** One line of the catalogue: what the documentation shows about a kind of refusal. */
export interface RefusalKind {
  readonly id: string;
  readonly code: number;
  readonly scope: RefusalScope;
  /** What the person who meets it should do, in one sentence. */
  readonly remedy: string;
}

const CODE_NAMES: Readonly<Record<number, string>> = {
  311: 'CONTENT_TOO_LARGE',
  312: 'NO_ROUTE',
  313: 'NO_CONSUMERS',
  320: 'CONNECTION_FORCED',
  402: 'INVALID_PATH',
  403: 'ACCESS_REFUSED',
  404: 'NOT_FOUND',
  405: 'RESOURCE_LOCKED',
  406: 'PRECONDITION_FAILED',
  501: 'FRAME_ERROR',
  502: 'SYNTAX_ERROR',
  503: 'COMMAND_INVALID',
  504: 'CHANNEL_ERROR',
  505: 'UNEXPECTED_FRAME',
  506: 'RESOURCE_ERROR',
  530: 'NOT_ALLOWED',
  540: 'NOT_IMPLEMENTED',
  541: 'INTERNAL_ERROR',
};

/** The code's name in the specification, which every reply text starts with. */
export function codeName(code: number): string {
  return CODE_NAMES[code];
}

const SHORT_STRING_BYTES_MAX = 255;
const catalogue: RefusalKind[] = [];

/** Every kind of refusal defined so far, in the order of definition. */
export function refusalCatalogue(): readonly RefusalKind[] {
  return catalogue;
}

/**
 * Adds a kind of refusal to the catalogue and returns the function that makes one.
 * `text` builds the part after "CODE_NAME - "; the result is cut to 255 bytes of UTF-8.
 */
export function defineRefusal<Args extends readonly unknown[]>(
  kind: RefusalKind,
  text: (...args: Args) => string,
): (...args: Args) => Refusal {
  catalogue.push(kind);
  return (...args) => ({
    id: kind.id,
    code: kind.code,
    scope: kind.scope,
    text: cutToShortString(`${codeName(kind.code)} - ${text(...args)}`),
  });
}

/** At most 255 bytes of UTF-8: what fits an AMQP short string. */
export function cutToShortString(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  if (bytes.length <= SHORT_STRING_BYTES_MAX) return text;
  let end = SHORT_STRING_BYTES_MAX - 3;
  // Step back over continuation bytes, so that no character is cut in half.
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end -= 1;
  return `${bytes.toString('utf8', 0, end)}...`;
}

/** Thrown by cold code (handlers, decoders) to refuse what a client asked for. */
export class AmqpError extends Error {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.text);
    this.name = 'AmqpError';
    this.refusal = refusal;
  }
}
