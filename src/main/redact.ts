/** Masks known secret values in text that is about to be written: the second line of defence behind never passing them on. */
export interface Redactor {
  /** From now on this value is masked in every encoding it might be written in. */
  add(value: string): void;
  redact(text: string): string;
}

/** Shorter values would mask ordinary words. */
const SHORTEST = 6;

/** A redactor that knows no secret yet. */
export function createRedactor(): Redactor {
  const known = new Set<string>();
  let ordered: string[] = [];
  return {
    add(value) {
      if (value.length < SHORTEST) return;
      for (const form of encodings(value)) known.add(form);
      // The longest first: a secret that holds another must not leave its own rest behind.
      ordered = [...known].sort((a, b) => b.length - a.length);
    },
    redact: (text) => ordered.reduce((masked, form) => masked.replaceAll(form, '‹secret›'), text),
  };
}

function encodings(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8');
  return [value, JSON.stringify(value).slice(1, -1), encodeURIComponent(value), bytes.toString('base64').replace(/=+$/, ''), bytes.toString('base64url'), bytes.toString('hex')];
}
