// Field tables of which equal ones come again and again, kept once for all: what clients tell of
// themselves (client properties), which a fleet of them tells in the same words. Any thread.
// Invariant: tables handed in are never changed. Only the newest different ones are kept, so that
// clients which are all different cost a few comparisons and no memory.
import { type FieldTable, tablesEqual } from './field-table.ts';

const TABLES_MAX = 16;

export class KnownTables {
  private readonly tables: FieldTable[];
  /** Where the next unknown one goes, in place of the oldest. */
  private next: number;

  constructor() {
    this.tables = [];
    this.next = 0;
  }

  /** A known table that equals this one; else this one, which is known from now on. */
  shared(table: FieldTable): FieldTable {
    const known = this.tables.find((other) => tablesEqual(other, table));
    if (known !== undefined) return known;
    this.tables[this.next] = table;
    this.next = (this.next + 1) % TABLES_MAX;
    return table;
  }
}
