// Topic exchange (specification 3.1.3.3): keys are words between dots; in a binding key `*` stands
// for exactly one word and `#` for zero or more. As in RabbitMQ (rabbit_db_topic_exchange:
// split_topic_key_binary) the empty key has no words at all, while "a." and ".a" have two, one of
// them empty. Runs in each thread that keeps a replica, on a route-cache miss.
//
// Binding keys form a trie. A key is matched word by word with the set of nodes that the words so
// far can have led to, each node at most once per word: words x nodes at worst, never exponential,
// however many `#` there are.
//
//     a.*.c   a.#      (root) -a-> ( ) -*-> ( ) -c-> (1)
//                                    \-#-> (2), which stays in the set on every word
import { DestinationCounts } from '../destination-counts.ts';
import type { ExchangeMatcher, MatchSink } from '../exchange-matcher.ts';
import type { RoutedMessage } from '../routed-message.ts';
import type { Binding, Destination } from '../topology-node.ts';

class TrieNode {
  /** The word on the edge from the parent. */
  readonly word: string;
  readonly parent: TrieNode | undefined;
  readonly isHash: boolean;
  // Both are absent when empty: a trie is mostly leaves, and an empty Map costs 200 bytes.
  /** Children by word; neither `*` nor `#` is ever among them. */
  private literals: Map<string, TrieNode> | undefined = undefined;
  private destinations: DestinationCounts | undefined = undefined;
  star: TrieNode | undefined = undefined;
  hash: TrieNode | undefined = undefined;
  /** The last step (one word of one match) that put this node into the set. */
  step = 0;

  constructor(word: string, parent: TrieNode | undefined) {
    this.word = word;
    this.parent = parent;
    this.isHash = parent !== undefined && word === '#';
  }

  literal(word: string): TrieNode | undefined {
    return this.literals?.get(word);
  }

  child(word: string): TrieNode | undefined {
    if (word === '*') return this.star;
    if (word === '#') return this.hash;
    return this.literal(word);
  }

  addChild(word: string): TrieNode {
    const node = new TrieNode(word, this);
    if (word === '*') this.star = node;
    else if (word === '#') this.hash = node;
    else (this.literals ??= new Map()).set(word, node);
    return node;
  }

  removeChild(word: string): void {
    if (word === '*') this.star = undefined;
    else if (word === '#') this.hash = undefined;
    else if (this.literals?.delete(word) && this.literals.size === 0) this.literals = undefined;
  }

  addDestination(destination: Destination): void {
    this.destinations ??= new DestinationCounts();
    this.destinations.add(destination);
  }

  removeDestination(destination: Destination): void {
    this.destinations?.remove(destination);
    if (this.destinations?.isEmpty) this.destinations = undefined;
  }

  reportTo(sink: MatchSink): void {
    this.destinations?.reportTo(sink);
  }

  get isUseless(): boolean {
    return (
      this.destinations === undefined &&
      this.literals === undefined &&
      this.star === undefined &&
      this.hash === undefined
    );
  }
}

/** The words of a routing key or binding key; the empty key has none. */
export function splitTopicKey(key: string): string[] {
  return key === '' ? [] : key.split('.');
}

export class TopicMatcher implements ExchangeMatcher {
  readonly isCacheable = true;
  readonly isAskedOnce = false;
  private readonly root = new TrieNode('', undefined);
  private step = 0;

  bind(binding: Binding): void {
    let node = this.root;
    for (const word of splitTopicKey(binding.spec.routingKey)) {
      node = node.child(word) ?? node.addChild(word);
    }
    node.addDestination(binding.destination);
  }

  unbind(binding: Binding): void {
    let node: TrieNode | undefined = this.root;
    for (const word of splitTopicKey(binding.spec.routingKey)) {
      node = node.child(word);
      if (node === undefined) return;
    }
    node.removeDestination(binding.destination);
    while (node.parent !== undefined && node.isUseless) {
      node.parent.removeChild(node.word);
      node = node.parent;
    }
  }

  match(routingKey: string, _message: RoutedMessage, sink: MatchSink): void {
    let reached: TrieNode[] = [];
    this.step += 1;
    this.reach(this.root, reached);
    for (const word of splitTopicKey(routingKey)) {
      const next: TrieNode[] = [];
      this.step += 1;
      for (const node of reached) {
        this.reach(node.literal(word), next);
        this.reach(node.star, next);
        if (node.isHash) this.reach(node, next);
      }
      if (next.length === 0) return;
      reached = next;
    }
    for (const node of reached) node.reportTo(sink);
  }

  /** Puts a node into the set, and with it the `#` nodes below it, which may stand for no words. */
  private reach(start: TrieNode | undefined, into: TrieNode[]): void {
    let node = start;
    while (node !== undefined && node.step !== this.step) {
      node.step = this.step;
      into.push(node);
      node = node.hash;
    }
  }
}
