// A permission's regular expression, as RabbitMQ takes it: PCRE, unanchored (`re:run`), the empty
// one standing for `^$` (rabbit_auth_backend_internal:check_resource_access). Any thread, pure but
// for compiling late. Invariant: a pattern that cannot be used matches nothing.
// Whole lists of names are written into permissions, so they may be longer than those of policies.
import { compileNamePattern } from '../base/name-pattern.ts';

const PATTERN_BYTES_MAX = 64 * 1024;
const EVERYTHING = new Set(['.*', '^.*', '.*$', '^.*$']);
const NOTHING_BUT_EMPTY = '^$';

export class Pattern {
  /** Matches every name there can be: nobody has to look. */
  readonly isEverything: boolean;
  private readonly text: string;
  /** Undefined: not needed so far. */
  private compiled: RegExp | string | undefined;

  constructor(text: string) {
    this.text = text;
    this.isEverything = EVERYTHING.has(text);
    this.compiled = undefined;
  }

  matches(name: string): boolean {
    if (this.isEverything) return true;
    this.compiled ??= compile(this.text);
    return typeof this.compiled !== 'string' && this.compiled.test(name);
  }
}

const ANY_NAME = new Pattern('.*');
const NO_NAME = new Pattern('');

/** The pattern of a text; the usual ones are there once, however many connections have them. */
export function patternOf(text: string): Pattern {
  if (text === '') return NO_NAME;
  return EVERYTHING.has(text) ? ANY_NAME : new Pattern(text);
}

/** What is wrong with a pattern that somebody wants to set; undefined when nothing is. */
export function patternProblem(text: string): string | undefined {
  const compiled = compile(text);
  return typeof compiled === 'string' ? compiled : undefined;
}

function compile(text: string): RegExp | string {
  if (Buffer.byteLength(text) > PATTERN_BYTES_MAX) return `longer than ${PATTERN_BYTES_MAX} bytes`;
  return compileNamePattern(text === '' ? NOTHING_BUT_EMPTY : text);
}
