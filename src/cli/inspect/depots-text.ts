// The depots of delayed messages in words, for `warrenmq inspect`. Main thread, pure.
import { readableSize } from '../../base/readable-size.ts';
import type { DepotReport } from './report.ts';
import { counted, grouped, printable, textTable } from './text-table.ts';

const FILES_SHOWN = 20;
const HEADINGS = ['period from', 'to', 'messages', 'done with', 'bytes', 'file'];

export function depotsText(depots: readonly DepotReport[]): string {
  return depots.map((depot) => depotText(depot)).join('\n');
}

function depotText(depot: DepotReport): string {
  const { name, queue, queueId, vhost, isOrphan, messages, bytes, firstDue, files } = depot;
  const whose =
    queue === undefined
      ? `queue ${queueId}${isOrphan ? ', which is no more: a start removes it' : ''}`
      : `${printable(queue)} in ${printable(vhost ?? '?')}`;
  const due = firstDue === undefined ? '' : `, the first due at ${timeText(firstDue)}`;
  const count = counted(messages, 'delayed message');
  const title = `${name}: ${whose}: ${count}, ${readableSize(bytes)}${due}`;
  const shown = files.toSorted((a, b) => a.from - b.from).slice(0, FILES_SHOWN);
  const rows = shown.map((file) => [
    timeText(file.from),
    timeText(file.to),
    grouped(file.messages),
    grouped(file.entries - file.messages),
    readableSize(file.fileBytes),
    file.file.slice(name.length + 1),
  ]);
  const right = ['messages', 'done with', 'bytes'];
  const table = rows.length === 0 ? '' : textTable(HEADINGS, rows, right);
  const hidden = files.length - shown.length;
  const more = hidden === 0 ? '' : `  ... and ${grouped(hidden)} more files (--json has all)\n`;
  const dead = depot.deadFiles.length;
  const copies = dead === 0 ? '' : `  ${counted(dead, 'file')} that a start removes\n`;
  return `${title}\n${table}${more}${copies}`;
}

function timeText(millis: number): string {
  return new Date(millis).toISOString();
}
