// A permission's regular expression, as RabbitMQ takes it: PCRE, unanchored (`re:run`), the empty
// one standing for `^$` (rabbit_auth_backend_internal:check_resource_access). Any thread, pure but
// for compiling late. What PCRE writes otherwise than JavaScript is turned into it; what JavaScript
// cannot say (possessive quantifiers, atomic groups, recursion) makes a pattern unusable.
// Invariant: an unusable pattern matches nothing. Only its size is bounded: names have at most 255
// bytes, and whoever sets permissions is an administrator.

const PATTERN_CHARACTERS_MAX = 4096;
const EVERYTHING = new Set(['.*', '^.*', '.*$', '^.*$']);
const NOTHING_BUT_EMPTY = /^$/;

/** What stands for itself in JavaScript: `[[:alpha:]]` is no class of classes there. */
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
  xdigit: '0-9A-Fa-f',
};

/** One part of a pattern at a time: an escape, the head of a class, a class name, anything else. */
const PART =
  /\\[AzZhe]|\\Q[\s\S]*?(?:\\E|$)|\\[\s\S]|\(\?P<|\(\?#[^)]*\)|\[:(\w+):\]|\[\^?\]?|\]|[\s\S]/g;

const ESCAPES: Readonly<Record<string, string>> = {
  '\\A': '^',
  '\\z': '$',
  '\\Z': '$',
  '\\h': '[ \\t]',
  '\\e': '\\x1b',
};

export class Pattern {
  /** Matches every name there can be: nobody has to look. */
  readonly isEverything: boolean;
  private readonly text: string;
  private compiled: RegExp | undefined;
  private isCompiled: boolean;

  constructor(text: string) {
    this.text = text;
    this.isEverything = EVERYTHING.has(text);
    this.compiled = undefined;
    this.isCompiled = false;
  }

  matches(name: string): boolean {
    if (this.isEverything) return true;
    if (!this.isCompiled) {
      this.compiled = compile(this.text);
      this.isCompiled = true;
    }
    return this.compiled?.test(name) === true;
  }
}

/** What is wrong with a pattern that somebody wants to set; undefined when nothing is. */
export function patternProblem(text: string): string | undefined {
  if (text.length > PATTERN_CHARACTERS_MAX) {
    return `longer than ${PATTERN_CHARACTERS_MAX} characters`;
  }
  return compile(text) === undefined ? 'no regular expression that can be used here' : undefined;
}

function compile(text: string): RegExp | undefined {
  if (text === '') return NOTHING_BUT_EMPTY;
  if (text.length > PATTERN_CHARACTERS_MAX) return undefined;
  // PCRE sets options of the whole by a prefix, JavaScript by flags.
  const options = /^\(\?([ims]+)\)/.exec(text);
  const flags = [...new Set(options?.[1])].join('');
  try {
    return new RegExp(inJavaScript(text.slice(options?.[0].length ?? 0)), flags);
  } catch {
    return undefined;
  }
}

function inJavaScript(text: string): string {
  let isInClass = false;
  return text.replaceAll(PART, (part: string, posix: string | undefined) => {
    if (part.startsWith('\\Q')) return literally(part.slice(2).replace(/\\E$/, ''));
    if (isInClass) {
      if (posix !== undefined) return POSIX_CLASSES[posix] ?? part;
      if (part === ']') isInClass = false;
      // A bracket inside a class is itself; what was taken for the head of another is not.
      return part.startsWith('[') ? classRest(part, () => (isInClass = false)) : part;
    }
    // PCRE refuses the name of a class outside of one; so does what is left open.
    if (posix !== undefined) return '[';
    if (part.startsWith('[')) {
      isInClass = true;
      // The first bracket of a class belongs to it.
      return part.endsWith(']') ? `${part.slice(0, -1)}\\]` : part;
    }
    if (part === '(?P<') return '(?<';
    if (part.startsWith('(?#')) return '';
    return ESCAPES[part] ?? part;
  });
}

function classRest(part: string, end: () => void): string {
  if (part.endsWith(']')) end();
  return `\\${part}`;
}

function literally(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}
