// Regular expressions over names, as operators write them for RabbitMQ, that is in PCRE. Any
// thread. They match anywhere in the name unless anchored. What PCRE writes differently from
// JavaScript is translated; what JavaScript cannot do is refused, never taken for something else:
// `\A` would be a plain `A`.
// Whoever may set a pattern must not be able to stop the broker with one: see boundBacktracking.
import v8 from 'node:v8';

/** RabbitMQ's limits (rabbit_re). */
export const PATTERN_BYTES_MAX = 1024;
const BACKTRACKS_MAX = 50_000;

/** PCRE's escape -> JavaScript's. Others that JavaScript lacks are refused. */
const ESCAPES: Readonly<Record<string, string>> = {
  A: '(?<![\\s\\S])',
  z: '(?![\\s\\S])',
  Z: '(?=\\n?(?![\\s\\S]))',
  h: '[ \\t]',
  a: '\\x07',
  e: '\\x1b',
};
const SAME_IN_BOTH = 'bBcdDfknrsStuvwWx';

const POSIX_CLASSES: Readonly<Record<string, string>> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  word: '\\w',
  xdigit: 'a-fA-F0-9',
};

/**
 * From here on in this process a pattern that backtracks too much is run by V8's linear engine, as
 * RabbitMQ gives up on one at the same count. Look-around and back-references have no such engine.
 */
export function boundBacktracking(): void {
  v8.setFlagsFromString('--enable-experimental-regexp-engine-on-excessive-backtracks');
  v8.setFlagsFromString(`--regexp-backtracks-before-fallback=${BACKTRACKS_MAX}`);
}

/** The pattern, or why it is none. */
export function compileNamePattern(pattern: string): RegExp | string {
  const [, flags, rest] = /^(?:\(\?([ims]+)\))?([\s\S]*)$/u.exec(pattern)!;
  try {
    return new RegExp(translated(rest), [...new Set(flags ?? '')].join(''));
  } catch (error) {
    return (error as Error).message.replace(/^Invalid regular expression: /u, '');
  }
}

function translated(pattern: string): string {
  const quoted = pattern.replaceAll(/\\Q([\s\S]*?)(?:\\E|$)/gu, (_all, text: string) =>
    text.replaceAll(/[\\^$.*+?()[\]{}|/-]/gu, '\\$&'),
  );
  return (
    quoted
      .replaceAll(/\\([A-Za-z])/gu, (escape, letter: string) => translatedEscape(escape, letter))
      .replaceAll(/\[:(\^?)([a-z]+):\]/gu, (_all, negation: string, name: string) => {
        const members = POSIX_CLASSES[name];
        if (members === undefined || negation !== '')
          throw new Error(`unknown POSIX class ${name}`);
        return members;
      })
      .replaceAll('(?P<', '(?<')
      // The first bracket of a class belongs to it; JavaScript would take the class to be empty.
      .replaceAll(/(?<!\\)\[(\^?)\]/gu, '[$1\\]')
  );
}

function translatedEscape(escape: string, letter: string): string {
  if (SAME_IN_BOTH.includes(letter)) return escape;
  const meant = ESCAPES[letter];
  if (meant === undefined) throw new Error(`\\${letter} is not supported`);
  return meant;
}
