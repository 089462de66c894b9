// Whether an Accept header lets a media type through (RFC 9110, 12.5.1). Main thread, pure. Each
// resource has one type, so quality values matter only when they exclude it: among the ranges that
// match, the most specific one decides.

/** How specific a matching range is; undefined when it does not match. */
function specificity(range: string, mediaType: string): number | undefined {
  if (range === mediaType) return 2;
  if (range === `${mediaType.split('/')[0]}/*`) return 1;
  return range === '*/*' || range === '*' ? 0 : undefined;
}

export function isAcceptable(accept: string | undefined, mediaType: string): boolean {
  if (accept === undefined || accept.trim() === '') return true;
  let best = -1;
  let isWanted = false;
  for (const entry of accept.toLowerCase().split(',')) {
    const [range, ...parameters] = entry.split(';').map((part) => part.trim());
    const at = specificity(range, mediaType);
    if (at === undefined || at < best) continue;
    // A type can be listed twice with different parameters (versions): one that is wanted will do.
    const isExcluded = parameters.some((parameter) => /^q=0(?:\.0*)?$/u.test(parameter));
    isWanted = at === best ? isWanted || !isExcluded : !isExcluded;
    best = at;
  }
  return isWanted;
}
