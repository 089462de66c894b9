// What must be said below a table: turns that were not clean, operations that failed, how stuck
// consumers stood. Report process, cold.
// Invariant: nothing that went wrong is left out because the medians look fine.
import type { TurnRecord } from './records.ts';

const OTHER_CORES_MAX = 0.1;

/** Turns that other work, a busy broker or an alarm may have spoilt. */
export function noiseWarning(turns: readonly TurnRecord[]): string | undefined {
  // The generator's own part is unknown while it only holds idle connections.
  const noisy = turns.filter(
    (turn) => turn.idleConnections === undefined && turn.otherCores > OTHER_CORES_MAX,
  ).length;
  const unsettled = turns.filter((turn) => !turn.settled).length;
  const blocked = turns.filter((turn) => (turn.load?.blocked ?? 0) > 0).length;
  if (noisy + unsettled + blocked === 0) return undefined;
  return (
    `Not clean: of ${turns.length} turns, ${noisy} had over ${OTHER_CORES_MAX} cores of other ` +
    `work on the machine, ${unsettled} began before the brokers were idle, ${blocked} met an alarm.`
  );
}

/** Connections and operations that failed, by broker and text. */
export function failureNote(turns: readonly TurnRecord[]): string | undefined {
  const lines = turns.flatMap(({ broker, connects, churn }) => {
    const { failed = 0, failures = {} } = connects ?? churn ?? {};
    if (failed === 0) return [];
    const texts = Object.entries(failures).map(([text, count]) => `${count} x ${text}`);
    return [`- ${broker}: ${texts.join('; ')}`];
  });
  return lines.length === 0 ? undefined : `Failures, by turn:\n${lines.join('\n')}`;
}

/** Whether the brokers kept the consumers that never read, and what these were sent. */
export function stuckNote(turns: readonly TurnRecord[]): string | undefined {
  const lines = turns.flatMap(({ broker, load }) => {
    if (load?.stuck === undefined) return [];
    const { consumers, consumersLeft, publishedBytes } = load.stuck;
    const mebibytes = (publishedBytes / 2 ** 20).toFixed(0);
    const undelivered = `${load.undelivered ?? 0} of the other messages undelivered`;
    return [
      `- ${broker}: ${consumersLeft} of ${consumers} left, ${mebibytes} MiB sent, ${undelivered}`,
    ];
  });
  return lines.length === 0 ? undefined : `Stuck consumers, by turn:\n${lines.join('\n')}`;
}
