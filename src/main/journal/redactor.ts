const MASK = '‹secret›';
/** Shorter values would mask half of every text, and are no secrets. */
const SHORTEST = 4;

/** Second line of defence: masks known secret values wherever text is about to be written down. */
export interface Redactor {
  /** From now on `value`, and its URL-encoded, base64 and JSON-escaped forms, are masked. Kept in memory only. */
  register(value: string): void;
  text(text: string): string;
  /** Masks in every string of a JSON value, keys included. */
  json<T>(value: T): T;
}

const forms = (value: string): string[] => [
  value,
  encodeURIComponent(value),
  JSON.stringify(value).slice(1, -1),
  Buffer.from(value).toString('base64').replace(/=+$/, ''),
  Buffer.from(value).toString('base64url'),
];

/** Makes a {@link Redactor} that knows nothing yet. */
export function createRedactor(): Redactor {
  const known = new Set<string>();
  let longestFirst: string[] = [];

  const text = (input: string): string =>
    longestFirst.reduce((masked, secret) => (masked.includes(secret) ? masked.replaceAll(secret, MASK) : masked), input);
  const json = (value: unknown): unknown => {
    if (typeof value === 'string') return text(value);
    if (Array.isArray(value)) return value.map(json);
    if (typeof value === 'object' && value !== null)
      return Object.fromEntries(Object.entries(value).map(([key, member]) => [text(key), json(member)]));
    return value;
  };

  return {
    register(value) {
      if (value.length < SHORTEST) return;
      for (const form of forms(value)) known.add(form);
      longestFirst = [...known].sort((a, b) => b.length - a.length);
    },
    text,
    json: <T>(value: T): T => (known.size === 0 ? value : (json(value) as T)),
  };
}
