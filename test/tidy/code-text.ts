// Test thread. A source file's code without its comments and texts, so that rules about code do not
// trip over words. Comments and the contents of strings, templates and regular expressions become
// spaces; everything else stays at its line and column. A scanner, not a parser: it knows just
// enough of the language to tell where a text begins and ends (the tests beside it prove the odd
// cases).

/** Behind one of these a slash begins a regular expression; behind anything else it divides. */
const BEFORE_REGEX = /(?:[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void))$/;

export function codeText(text: string): string {
  return new Scanner(text).run();
}

class Scanner {
  private readonly text: string;
  private readonly kept: string[];
  private at: number;
  /** For each template we are inside of: how many braces are open in its current `${`. */
  private readonly templates: number[];

  constructor(text: string) {
    this.text = text;
    this.kept = [];
    this.at = 0;
    this.templates = [];
  }

  run(): string {
    while (this.at < this.text.length) this.step();
    return this.kept.join('');
  }

  private step(): void {
    const { text, at } = this;
    const char = text[at];
    if (text.startsWith('//', at)) this.blankUpTo(this.indexOf('\n', at));
    else if (text.startsWith('/*', at)) this.blankUpTo(this.indexOf('*/', at) + 2);
    else if (char === "'" || char === '"') this.quoted(char);
    else if (char === '`') this.template();
    else if (char === '/' && BEFORE_REGEX.test(this.codeBefore())) this.regex();
    else this.plain(char);
  }

  /** Code that stays, but for the braces that tell where a template goes on. */
  private plain(char: string): void {
    const depth = this.templates.length - 1;
    this.keep();
    if (depth < 0) return;
    if (char === '{') this.templates[depth] += 1;
    if (char !== '}') return;
    this.templates[depth] -= 1;
    if (this.templates[depth] > 0) return;
    this.templates.pop();
    this.templateText();
  }

  private template(): void {
    this.keep();
    this.templateText();
  }

  private templateText(): void {
    const { text } = this;
    while (this.at < text.length && text[this.at] !== '`') {
      if (text.startsWith('${', this.at)) {
        this.keep();
        this.keep();
        this.templates.push(1);
        return;
      }
      this.blank(text[this.at] === '\\' ? 2 : 1);
    }
    this.keep();
  }

  private quoted(quote: string): void {
    this.keep();
    while (this.at < this.text.length && this.text[this.at] !== quote) {
      this.blank(this.text[this.at] === '\\' ? 2 : 1);
    }
    this.keep();
  }

  private regex(): void {
    this.keep();
    let isInClass = false;
    while (this.at < this.text.length && this.text[this.at] !== '\n') {
      const char = this.text[this.at];
      if (char === '/' && !isInClass) break;
      if (char === '[') isInClass = true;
      if (char === ']') isInClass = false;
      this.blank(char === '\\' ? 2 : 1);
    }
    this.keep();
  }

  private codeBefore(): string {
    return this.kept.slice(-40).join('').trimEnd();
  }

  private indexOf(end: string, from: number): number {
    const found = this.text.indexOf(end, from);
    return found < 0 ? this.text.length : found;
  }

  private keep(): void {
    this.kept.push(this.text[this.at] ?? '');
    this.at += 1;
  }

  private blank(count: number): void {
    this.blankUpTo(this.at + count);
  }

  private blankUpTo(end: number): void {
    for (; this.at < end && this.at < this.text.length; this.at += 1) {
      this.kept.push(this.text[this.at] === '\n' ? '\n' : ' ');
    }
  }
}
