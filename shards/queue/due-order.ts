// Walks a binary heap from its first place on in order, without changing it. Shard thread, cold:
// what is to be read ahead, and listings. What it costs grows with the places that are asked for,
// not with the heap.
//
//   heap: 0 | 1 2 | 3 4 5 6 | ...    frontier: the places whose parents have been shown

/** `isBefore`: whether what stands at one place comes before what stands at another. */
export function* placesInOrder(
  length: number,
  isBefore: (place: number, other: number) => boolean,
): Generator<number, undefined> {
  const frontier: number[] = length > 0 ? [0] : [];
  while (frontier.length > 0) {
    const place = frontier[0];
    yield place;
    const child = place * 2 + 1;
    // A child takes its parent's place: it can only have to sink.
    if (child < length) replaceFirst(frontier, child, isBefore);
    else removeFirst(frontier, isBefore);
    if (child + 1 < length) add(frontier, child + 1, isBefore);
  }
}

type IsBefore = (place: number, other: number) => boolean;

function removeFirst(frontier: number[], isBefore: IsBefore): void {
  const last = frontier.pop()!;
  if (frontier.length > 0) replaceFirst(frontier, last, isBefore);
}

function replaceFirst(frontier: number[], place: number, isBefore: IsBefore): void {
  let at = 0;
  for (;;) {
    let child = at * 2 + 1;
    if (child >= frontier.length) break;
    const hasTwo = child + 1 < frontier.length;
    if (hasTwo && isBefore(frontier[child + 1], frontier[child])) child += 1;
    if (!isBefore(frontier[child], place)) break;
    frontier[at] = frontier[child];
    at = child;
  }
  frontier[at] = place;
}

function add(frontier: number[], place: number, isBefore: IsBefore): void {
  let at = frontier.length;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!isBefore(place, frontier[parent])) break;
    frontier[at] = frontier[parent];
    at = parent;
  }
  frontier[at] = place;
}
