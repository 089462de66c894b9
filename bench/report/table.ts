// Plain text tables for terminals, also valid Markdown. Any thread, cold.
// Invariant: the first column is aligned left, all others right; widths count characters.

export function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) =>
    Math.max(3, title.length, ...rows.map((row) => (row[column] ?? '').trim().length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${widths.map((width, column) => pad(cells[column] ?? '', width, column)).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => ruleOf(width, column)).join('|')}|`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

function pad(cell: string, width: number, column: number): string {
  return column === 0 ? cell.trim().padEnd(width) : cell.trim().padStart(width);
}

/** Markdown's own mark for right alignment is the colon at the end. */
function ruleOf(width: number, column: number): string {
  return column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`;
}
