function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, substitution));
    }
    previous = row;
  }
  return previous[b.length] ?? 0;
}

/** `; did you mean …?` when one of the known words is close to what was written, else nothing. */
export function didYouMean(word: string, known: readonly string[]): string {
  const [best] = known.map((candidate) => ({ candidate, away: distance(word, candidate) })).sort((a, b) => a.away - b.away);
  return best !== undefined && best.away <= Math.ceil(Math.max(word.length, best.candidate.length) / 3)
    ? `; did you mean ${best.candidate}?`
    : '';
}
