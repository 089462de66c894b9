// Columns of text that are aligned, for people. Main thread, pure.

/** Rows of cells under headings; columns named in `right` are numbers. */
export function textTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly string[],
): string {
  const widths = headings.map((heading, column) =>
    rows.reduce((width, row) => Math.max(width, row[column].length), heading.length),
  );
  const isRight = headings.map((heading) => right.includes(heading));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (isRight[i] ? cell.padStart(widths[i]) : cell.padEnd(widths[i])))
      .join('  ')
      .trimEnd();
  return [headings, ...rows].map((row) => `  ${line(row)}\n`).join('');
}

/** 1234567 as "1,234,567". */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}

/** "1 queue", "2 queues". */
export function counted(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`;
}

/** Names come from clients: nothing in them may steer a terminal. */
export function printable(name: string): string {
  if (name === '') return '""';
  return name.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (character) => {
    return `\\u{${character.codePointAt(0)!.toString(16)}}`;
  });
}
