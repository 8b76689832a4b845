import type { z } from 'zod';
import { cleanText } from '../drivers/text.ts';
import type { JsonExpectation } from '../stacks/schema.ts';

type Expectation = z.infer<typeof JsonExpectation>;

/** The value at a dotted path; undefined when there is none. Looks at own members only: a body may be called anything. */
export function valueAt(body: unknown, path: string): unknown {
  let value = body;
  for (const part of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    value = (value as Record<string, unknown>)[part];
  }
  return value;
}

/** A JSON value as short, safe words. */
export function inWords(value: unknown, maxLength = 200): string {
  if (value === undefined) return 'absent';
  if (typeof value === 'string') return value === '' ? '(empty)' : cleanText(value, { maxLength });
  return cleanText(JSON.stringify(value) ?? 'absent', { maxLength });
}

function holds(expectation: Expectation, actual: unknown): boolean {
  if (expectation.equals !== undefined && actual !== expectation.equals) return false;
  if (expectation.one_of !== undefined && !expectation.one_of.some((wanted) => wanted === actual)) return false;
  if (expectation.at_least !== undefined && !(typeof actual === 'number' && actual >= expectation.at_least)) return false;
  return !(expectation.at_most !== undefined && !(typeof actual === 'number' && actual <= expectation.at_most));
}

/** `checks.database.status` is called `database`: the last word says nothing, the first ones only where. */
function subject(path: string): string {
  const parts = path
    .split('.')
    .filter((part, index, all) => !(index === all.length - 1 && all.length > 1 && /^(status|state|ok|valid|healthy)$/.test(part)));
  return parts.at(-1) ?? path;
}

/** What stands beside the value and says why: `detail`, `error`, `message`, `reason`. */
function explanation(body: unknown, path: string): string {
  const parent = path.includes('.') ? valueAt(body, path.slice(0, path.lastIndexOf('.'))) : body;
  for (const name of ['detail', 'error', 'message', 'reason']) {
    const text =
      typeof parent === 'object' && parent !== null && Object.hasOwn(parent, name) ? (parent as Record<string, unknown>)[name] : undefined;
    if (typeof text === 'string' && text !== '') return ` — ${cleanText(text, { maxLength: 300 })}`;
  }
  return '';
}

function wanted(expectation: Expectation): string {
  if (expectation.equals !== undefined) return inWords(expectation.equals);
  if (expectation.one_of !== undefined) return `one of ${expectation.one_of.map((one) => inWords(one)).join(', ')}`;
  if (expectation.at_least !== undefined) return `at least ${expectation.at_least}`;
  return `at most ${expectation.at_most}`;
}

/** Words for an assertion that does not hold; undefined when it does. */
export function broken(expectation: Expectation, body: unknown): string | undefined {
  const actual = valueAt(body, expectation.path);
  if (holds(expectation, actual)) return undefined;
  const why = explanation(body, expectation.path);
  if (expectation.otherwise !== undefined)
    return `${expectation.otherwise.replaceAll('{actual}', () => inWords(actual)).replace(/\.$/, why === '' ? '.' : '')}${why}`;
  const words = typeof actual === 'string' ? inWords(actual) : `${inWords(actual)}, not ${wanted(expectation)}`;
  return `${subject(expectation.path)}: ${words}${why}`;
}

/** The facts of a tile, each a short text. */
export function factsOf(body: unknown, paths: Readonly<Record<string, string>>): Record<string, string> {
  const found = Object.entries(paths).flatMap(([title, path]) => {
    const value = valueAt(body, path);
    return value === undefined ? [] : [[title, inWords(value)] as const];
  });
  return Object.fromEntries(found);
}
