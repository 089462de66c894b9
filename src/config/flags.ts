// What the flags of `warrenmq server` set. Runs in main only. Named flags and --set are one layer:
// giving the same key two different values there is a mistake, and is reported (load-config.ts).
import { type Assignment, HOST_KEY, PORT_KEY } from './assignment.ts';
import { schema } from './schema.ts';
import { flagText, type ParsedFlags } from './setting.ts';

export function readFlags(flags: ParsedFlags): {
  readonly assignments: readonly Assignment[];
  readonly problems: readonly string[];
} {
  const assignments: Assignment[] = [];
  const problems: string[] = [];
  const add = (key: string, value: string | undefined, place: string) => {
    if (value !== undefined) assignments.push({ layer: 'flags', key, value, place });
  };
  add(HOST_KEY, flags.host, `flag ${flagText('host')}`);
  add(PORT_KEY, flags.port, `flag ${flagText('port')}`);
  for (const { key, flag } of schema) {
    if (flag !== undefined) add(key, flags[flag], `flag ${flagText(flag)}`);
  }
  for (const text of flags.set ?? []) {
    const equals = text.indexOf('=');
    if (equals < 1) problems.push(`flag --set: expected key=value, found ${JSON.stringify(text)}`);
    else add(text.slice(0, equals).trim(), text.slice(equals + 1).trim(), 'flag --set');
  }
  return { assignments, problems };
}
