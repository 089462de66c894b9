// Ordered lists of names, as RabbitMQ writes them: `auth_mechanisms.1 = PLAIN`, `auth_mechanisms.2
// = AMQPLAIN`. Runs in main only. The entries of a layer (file, environment, flags) are the whole
// list, in the order of their numbers: those of a lower layer and the default are gone. The list
// can also be one value with commas.
import type { Assignment } from './assignment.ts';
import type { SettingType } from './setting.ts';

type NameList = Extract<SettingType, { kind: 'name-list' }>;

/** What the assignments of one layer to one list come to, or what one of them should have been. */
export function assignNames(
  key: string,
  type: NameList,
  assignments: readonly Assignment[],
):
  | { readonly names: readonly string[] }
  | { readonly wrong: Assignment; readonly expected: string } {
  const placed: { readonly at: number; readonly name: string }[] = [];
  for (const assignment of assignments) {
    const place = assignment.key.slice(key.length + 1);
    if (!/^\d*$/u.test(place)) {
      return { wrong: assignment, expected: 'given by a key that ends in a number, such as .1' };
    }
    if (type.orNone === true && place === '' && assignment.value === 'none') continue;
    const texts = place === '' ? assignment.value.split(',') : [assignment.value];
    for (const text of texts) {
      const name = type.aliases?.[text.trim()] ?? text.trim();
      if (name === '' || type.choices?.includes(name) === false) {
        return { wrong: assignment, expected: expectedOf(type) };
      }
      placed.push({ at: Number(place), name });
    }
  }
  placed.sort((one, other) => one.at - other.at);
  return { names: [...new Set(placed.map(({ name }) => name))] };
}

function expectedOf({ choices }: NameList): string {
  return choices === undefined ? 'a name' : `one of ${choices.join(', ')}`;
}
