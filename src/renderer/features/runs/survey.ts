import type { RunbookInput, SurveyFinding } from '../../../contract/runs.ts';

/** What the host offers for one input, from all that was found for it. */
export interface Offer {
  readonly choices: readonly { readonly value: string; readonly label: string }[];
  readonly min: string | undefined;
  readonly max: string | undefined;
  readonly findings: readonly SurveyFinding[];
}

/** One input, and what the host offers for it. */
export interface InputProps {
  readonly input: RunbookInput;
  readonly value: string;
  readonly problem: string | undefined;
  readonly offer: Offer;
  readonly onValue: (value: string) => void;
}

const latest = (texts: readonly string[], better: (a: number, b: number) => boolean): string | undefined =>
  texts.reduce<string | undefined>((best, text) => (best === undefined || better(amount(text), amount(best)) ? text : best), undefined);

/** A bound as a number: a time in milliseconds, or the number it is. */
function amount(text: string): number {
  return /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number(text);
}

/** Joins what several steps found for one input: all choices, and the narrowest bounds. */
export function offerFor(findings: readonly SurveyFinding[], input: string): Offer {
  const own = findings.filter((finding) => finding.input === input);
  const choices = new Map(own.flatMap((finding) => finding.choices ?? []).map((choice) => [choice.value, choice]));
  return {
    choices: [...choices.values()],
    min: latest(
      own.flatMap(({ min }) => (min === undefined ? [] : [min])),
      (a, b) => a > b,
    ),
    max: latest(
      own.flatMap(({ max }) => (max === undefined ? [] : [max])),
      (a, b) => a < b,
    ),
    findings: own,
  };
}

/** Why a value will be refused, as far as the bounds tell; undefined when they do not. */
export function outside(input: RunbookInput, value: string, { min, max }: Pick<Offer, 'min' | 'max'>): string | undefined {
  if (value === '' || (input.type !== 'timestamp' && input.type !== 'number')) return undefined;
  const chosen = amount(value);
  if (!Number.isFinite(chosen)) return `${input.title} is not ${input.type === 'number' ? 'a number' : 'a time'}.`;
  const words = (bound: string): string => (input.type === 'timestamp' ? timeWords(bound) : bound);
  if (min !== undefined && chosen < amount(min)) return `${input.title} is before what the host has: it begins at ${words(min)}.`;
  if (max !== undefined && chosen > amount(max)) return `${input.title} is after what the host has: it ends at ${words(max)}.`;
  return undefined;
}

/** `2026-11-27 03:00:00 UTC` for an RFC 3339 time. */
export function timeWords(text: string): string {
  const at = Date.parse(text);
  return Number.isNaN(at) ? text : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `2026-11-27T03:00:00Z` as it is typed: `2026-11-27 03:00:00`. Anything else as it stands. */
export function toField(value: string): string {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) ? value.replace('T', ' ').replace(/Z$/, '') : value;
}

/** What was typed, as a time in UTC: seconds may be left out, and a zone may be given. What is no time stays as it was typed. */
export function fromField(text: string): string {
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(:\d\d(?:\.\d{1,6})?)? ?(Z|UTC|[+-]\d\d:\d\d)?$/i.exec(text.trim());
  if (match === null) return text.trim();
  const [, day = '', clock = '', seconds = ':00', zone = 'Z'] = match;
  return `${day}T${clock}${seconds}${/^(Z|UTC)$/i.test(zone) ? 'Z' : zone}`;
}
