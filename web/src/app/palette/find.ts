// Finding among many things by a few letters: every word must be there; the beginning of the label counts most. Pure.
export interface Findable {
  label: string;
  /** Further words it is found by. */
  words: string;
}

const folded = (text: string): string => text.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();

/** 0: not found; the more, the better. */
export function score({ label, words }: Findable, query: string): number {
  const [head, rest] = [folded(label), folded(words)];
  let sum = 0;
  for (const word of folded(query).split(/\s+/).filter(Boolean)) {
    const one = head.startsWith(word)
      ? 8
      : begins(head, word)
        ? 6
        : head.includes(word)
          ? 3
          : begins(rest, word)
            ? 2
            : rest.includes(word)
              ? 1
              : 0;
    if (one === 0) return 0;
    sum += one;
  }
  return sum === 0 ? 1 : sum;
}

const begins = (text: string, word: string): boolean =>
  text.split(/[\s_/.:-]+/).some((part) => part.startsWith(word));

/** The best first; equals stay in their order. */
export function find<T extends Findable>(things: readonly T[], query: string, most: number): T[] {
  if (query.trim() === '') return things.slice(0, most);
  return things
    .map((thing) => ({ thing, points: score(thing, query) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points)
    .slice(0, most)
    .map(({ thing }) => thing);
}
