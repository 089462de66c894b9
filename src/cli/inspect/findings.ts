// What is wrong with a store, one entry per place. Main thread, pure. A torn write is nothing
// wrong: a crash cut it off, and nobody had been told that it was done.
import type { CheckpointReport, FileReport, Finding, LogReport, TopologyReport } from './report.ts';

export function findingsOf(
  logs: readonly LogReport[],
  topology: TopologyReport | undefined,
  isInUse: boolean,
): Finding[] {
  const findings: Finding[] = [];
  for (const log of logs) {
    if (log.problem !== undefined) findings.push({ file: log.name, text: log.problem });
    for (const file of [...log.segments, ...log.checkpoints]) {
      // A broker recycles what it needs no more; nobody else may.
      if (file.isGone !== true || isInUse) continue;
      findings.push({ file: file.file, text: 'went away while the directory was read' });
    }
    for (const file of log.segments) addFile(findings, file);
    if (log.lost !== undefined) {
      const { file, from, to } = log.lost;
      const text = `no records, but ${to - from} bytes of them were there at the last stop`;
      findings.push({ file, from, to, text });
    }
    for (const checkpoint of log.checkpoints) {
      addFile(findings, checkpoint);
      if (isIncomplete(checkpoint)) {
        const text = 'the checkpoint is not all there; the one before it counts, if there is one';
        findings.push({ file: checkpoint.file, text });
      }
    }
  }
  for (const problem of topology?.problems ?? []) {
    findings.push({ file: 'topology', text: problem });
  }
  return findings;
}

function addFile(findings: Finding[], { file, corrupt, problem }: FileReport): void {
  if (problem !== undefined) findings.push({ file, text: `cannot be read: ${problem}` });
  for (const { from, to } of corrupt) {
    findings.push({ file, from, to, text: `${to - from} bytes are corrupt` });
  }
}

function isIncomplete({ position, isGone, problem }: CheckpointReport): boolean {
  return position === undefined && isGone !== true && problem === undefined;
}
