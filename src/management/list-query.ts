// What a query can do to any listing: filter by name, sort, take a page, choose columns. Main
// thread, pure. Parameters, bounds, errors and the form of a page are RabbitMQ's
// (https://www.rabbitmq.com/docs/http-api-reference, "Pagination"; rabbit_mgmt_util).
import { badRequest, HttpRefusal } from './http-refusal.ts';
import { JsonList } from './json-list.ts';

const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 500;

type Item = Readonly<Record<string, unknown>>;

/** The answer to a GET as the query wants it; what is no listing has only columns to choose. */
export function applyQuery(query: URLSearchParams, answer: unknown): unknown {
  const isAsked = ['page', 'name', 'sort', 'columns'].some((key) => query.has(key));
  if (!isAsked) return answer;
  const columns = columnsOf(query);
  if (!(answer instanceof JsonList) && !Array.isArray(answer)) {
    return columns === undefined ? answer : pick(answer as Item, columns);
  }
  const all = answer instanceof JsonList ? answer.values() : answer;
  const items = sorted(query, all as Item[]);
  const chosen = (item: Item): Item => (columns === undefined ? item : pick(item, columns));
  if (!query.has('page')) return new JsonList(items, chosen);
  return page(query, items, chosen);
}

function columnsOf(query: URLSearchParams): string[][] | undefined {
  const columns = query.get('columns');
  if (columns === null || columns === '') return undefined;
  return columns.split(',').map((column) => column.split('.'));
}

/** Members by their paths: `columns=name,message_stats.publish`. What is not there is left out. */
function pick(item: Item, columns: readonly (readonly string[])[]): Item {
  const picked: Record<string, unknown> = {};
  for (const path of columns) {
    const value = valueAt(item, path);
    if (value === undefined) continue;
    let at = picked;
    for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Record<string, unknown>;
    at[path[path.length - 1]] = value;
  }
  return picked;
}

function valueAt(item: unknown, path: readonly string[]): unknown {
  let at = item;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Item)[key];
  }
  return at;
}

function sorted(query: URLSearchParams, items: Item[]): Item[] {
  const sort = query.get('sort');
  if (sort === null || sort === '') return items;
  const path = sort.split('.');
  const keyed = items.map((item) => ({ item, key: valueAt(item, path) }));
  keyed.sort((one, other) => compareValues(one.key, other.key));
  if (query.get('sort_reverse') === 'true') keyed.reverse();
  return keyed.map(({ item }) => item);
}

/** Numbers before text, and what has no value first: one order for everything. */
function compareValues(one: unknown, other: unknown): number {
  const [a, b] = [one, other].map((value) =>
    typeof value === 'object' && value !== null ? JSON.stringify(value) : value,
  );
  if (a === b) return 0;
  if (a === undefined || a === null) return -1;
  if (b === undefined || b === null) return 1;
  if (typeof a === typeof b) return (a as string) < (b as string) ? -1 : 1;
  return typeof a === 'number' ? -1 : 1;
}

/** Which page the query asks for, the first one if it does not say; refuses what makes no sense. */
export function pageAsked(query: URLSearchParams): { number: number; size: number } {
  const number = query.has('page') ? Number(query.get('page')) : 1;
  const size = query.has('page_size') ? Number(query.get('page_size')) : PAGE_SIZE_DEFAULT;
  const isWrong = (value: number): boolean => !Number.isSafeInteger(value) || value < 1;
  if (isWrong(number) || isWrong(size) || size > PAGE_SIZE_MAX) {
    throw new HttpRefusal(400, {
      error: 'invalid_pagination_parameters',
      reason:
        `Invalid pagination parameters: page number ${query.get('page') ?? number} and page size ` +
        `${query.get('page_size') ?? size}. Pages begin with 1, sizes are 1 to ${PAGE_SIZE_MAX}.`,
    });
  }
  return { number, size };
}

export function pageOutOfRange(number: number, size: number, length: number): HttpRefusal {
  return new HttpRefusal(400, {
    error: 'page_out_of_range',
    reason: `Page out of range, page: ${number} page size: ${size}, len: ${length}`,
  });
}

function page(query: URLSearchParams, items: Item[], chosen: (item: Item) => Item): object {
  const { number, size } = pageAsked(query);
  const filtered = items.filter(nameFilter(query));
  const pages = Math.max(1, Math.ceil(filtered.length / size));
  if (number > pages) throw pageOutOfRange(number, size, filtered.length);
  const shown = filtered.slice((number - 1) * size, number * size);
  return {
    total_count: items.length,
    item_count: shown.length,
    filtered_count: filtered.length,
    page: number,
    page_size: size,
    page_count: pages,
    items: shown.map(chosen),
  };
}

/** As in RabbitMQ a name filters only pages. */
function nameFilter(query: URLSearchParams): (item: Item) => boolean {
  const wanted = query.get('name') ?? '';
  if (wanted === '') return () => true;
  const nameOf = (item: Item): string => String(item['name'] ?? '');
  if (query.get('use_regex') !== 'true') {
    const lower = wanted.toLowerCase();
    return (item) => nameOf(item).toLowerCase().includes(lower);
  }
  let expression: RegExp;
  try {
    expression = new RegExp(wanted, 'iu');
  } catch {
    throw badRequest(`name is no regular expression: ${wanted}`);
  }
  return (item) => expression.test(nameOf(item));
}
