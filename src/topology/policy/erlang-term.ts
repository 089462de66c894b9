// JSON values as RabbitMQ shows them in the texts about policies (io_lib's ~p): strings as
// binaries, objects as maps. Main thread. Client test suites and scripts compare these texts.

export function erlangTerm(value: unknown): string {
  if (typeof value === 'string') return binary(value);
  if (Array.isArray(value)) return `[${value.map(erlangTerm).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const members = Object.entries(value).map(
      ([key, item]) => `${binary(key)} => ${erlangTerm(item)}`,
    );
    return `#{${members.join(',')}}`;
  }
  return String(value);
}

/** A list of pairs, which is what the settings of a policy are to RabbitMQ. */
export function erlangPairs(pairs: readonly (readonly [string, unknown])[]): string {
  return `[${pairs.map(([key, value]) => `{${binary(key)},${erlangTerm(value)}}`).join(',')}]`;
}

function binary(text: string): string {
  return `<<"${text.replaceAll(/["\\]/gu, '\\$&')}">>`;
}
