// What a query does to a listing: RabbitMQ's parameters, bounds and errors.
import { describe, expect, it } from 'vitest';
import { HttpRefusal } from '../../../src/management/http-refusal.ts';
import { JsonList } from '../../../src/management/json-list.ts';
import { applyQuery } from '../../../src/management/list-query.ts';

const ITEMS = [
  { name: 'b', vhost: '/', stats: { publish: 5, deliver: 1 } },
  { name: 'A1', vhost: '/', stats: { publish: 10 } },
  { name: 'a2', vhost: 'x' },
];

function ask(query: string, answer: unknown = ITEMS): unknown {
  const result = applyQuery(new URLSearchParams(query), answer);
  return result instanceof JsonList ? result.values() : result;
}

function refusal(query: string): object {
  try {
    ask(query);
  } catch (error) {
    if (error instanceof HttpRefusal) return { status: error.status, ...error.body };
    throw error;
  }
  throw new Error('not refused');
}

const names = (items: unknown): string[] => (items as typeof ITEMS).map(({ name }) => name);

describe('columns', () => {
  it('are chosen by path; what is not there is left out', () => {
    expect(ask('columns=name,stats.publish')).toEqual([
      { name: 'b', stats: { publish: 5 } },
      { name: 'A1', stats: { publish: 10 } },
      { name: 'a2' },
    ]);
  });

  it('are chosen of single objects too, and of lists that are made later', () => {
    expect(ask('columns=a.b', { a: { b: 1, c: 2 }, d: 3 })).toEqual({ a: { b: 1 } });
    const list = new JsonList(ITEMS, ({ name }) => ({ name, more: true }));
    expect(ask('columns=name', list)).toEqual([{ name: 'b' }, { name: 'A1' }, { name: 'a2' }]);
  });

  it('do not reach what objects inherit', () => {
    expect(ask('columns=constructor.name', { a: 1 })).toEqual({});
  });
});

describe('sorting', () => {
  it.each([
    ['sort=name', ['A1', 'a2', 'b']],
    ['sort=name&sort_reverse=true', ['b', 'a2', 'A1']],
    ['sort=stats.publish', ['a2', 'b', 'A1']],
    ['sort=nothing', ['b', 'A1', 'a2']],
  ])('by %s', (query, expected) => {
    expect(names(ask(query))).toEqual(expected);
  });

  it('leaves the listing itself as it is', () => {
    ask('sort=name');
    expect(names(ITEMS)).toEqual(['b', 'A1', 'a2']);
  });
});

describe('pages', () => {
  it('say how much there is', () => {
    expect(ask('page=2&page_size=2&columns=name')).toEqual({
      total_count: 3,
      item_count: 1,
      filtered_count: 3,
      page: 2,
      page_size: 2,
      page_count: 2,
      items: [{ name: 'a2' }],
    });
    expect(ask('page=1', [])).toMatchObject({ page_size: 100, page_count: 1, items: [] });
  });

  it.each([
    ['page=1&name=A', ['A1', 'a2']],
    ['page=1&name=^a\\d&use_regex=true', ['A1', 'a2']],
    ['page=1&name=2$&use_regex=true', ['a2']],
    ['page=1&name=2$', []],
  ])('hold those whose name fits: %s', (query, expected) => {
    const page = ask(query) as { items: object[]; filtered_count: number; total_count: number };
    expect(names(page.items)).toEqual(expected);
    expect([page.filtered_count, page.total_count]).toEqual([expected.length, 3]);
  });

  it.each([
    ['page=0', 'invalid_pagination_parameters'],
    ['page=x', 'invalid_pagination_parameters'],
    ['page=1&page_size=501', 'invalid_pagination_parameters'],
    ['page=1&page_size=0', 'invalid_pagination_parameters'],
    ['page=2', 'page_out_of_range'],
    ['page=1&name=(&use_regex=true', 'bad_request'],
  ])('are refused: %s', (query, error) => {
    expect(refusal(query)).toMatchObject({ status: 400, error });
  });
});

it('nothing asked for, nothing changed', () => {
  expect(applyQuery(new URLSearchParams('x=1&page_size=3'), ITEMS)).toBe(ITEMS);
});
