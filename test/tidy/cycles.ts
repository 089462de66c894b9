// Test thread. Cycles in a directed graph: its strongly connected components of more than one node
// (Tarjan, "Depth-first search and linear graph algorithms", 1972).

/** Each cycle's nodes in alphabetical order; `edges` are pairs of from and to. */
export function findCycles(edges: Iterable<readonly [string, string]>): string[][] {
  const graph = new Map<string, string[]>();
  for (const [from, to] of edges) {
    graph.set(from, [...(graph.get(from) ?? []), to]);
  }
  const search = new Search(graph);
  for (const node of graph.keys()) search.visit(node);
  return search.cycles.map((cycle) => cycle.toSorted());
}

class Search {
  readonly cycles: string[][] = [];
  private readonly graph: ReadonlyMap<string, readonly string[]>;
  private readonly order = new Map<string, number>();
  private readonly lowest = new Map<string, number>();
  private readonly stack: string[] = [];

  constructor(graph: ReadonlyMap<string, readonly string[]>) {
    this.graph = graph;
  }

  visit(node: string): void {
    if (this.order.has(node)) return;
    this.order.set(node, this.order.size);
    this.lowest.set(node, this.order.get(node)!);
    this.stack.push(node);
    for (const next of this.graph.get(node) ?? []) {
      this.visit(next);
      if (this.stack.includes(next)) {
        this.lowest.set(node, Math.min(this.lowest.get(node)!, this.lowest.get(next)!));
      }
    }
    if (this.lowest.get(node) !== this.order.get(node)) return;
    const component = this.stack.splice(this.stack.indexOf(node));
    if (component.length > 1) this.cycles.push(component);
  }
}
