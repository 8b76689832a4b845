import type { ProblemData } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';

const CONTROLS = /[\p{Cc}\p{Cf}\u2028\u2029]+/gu;

/** Remote text as one plain line: no controls, no invisible or bidi characters, at most `max` characters. */
export function plainLine(text: string, max = 300): string {
  const line = text
    .slice(0, max * 8)
    .replace(CONTROLS, ' ')
    .trim();
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

// biome-ignore-start lint/suspicious/noControlCharactersInRegex: control characters are what this is about.
const TERMINAL =
  /(?:\u001b\]|\u009d)[^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|(?:\u001b\[|\u009b)[0-?]*[ -/]*[@-~]?|\u001b[ -/]*[0-~]?/g;
// biome-ignore-end lint/suspicious/noControlCharactersInRegex: as above
const NO_TEXT = /(?!\t)[\p{Cc}\p{Cf}\u2028\u2029]/gu;

/** One line of a program's output as harmless text: no terminal control language, no control, invisible or bidi characters; tabs stay. */
export function outputLine(text: string, max: number): string {
  const line = text
    .slice(0, max * 8)
    .replace(TERMINAL, '')
    .replace(NO_TEXT, '');
  return line.length > max ? `${line.slice(0, max - 1)}…` : line;
}

/** Any thrown thing as a problem; what was not thrown on purpose becomes `fallback`'s code, in words. */
export function toProblem(error: unknown, fallback: ProblemData['code'] = 'internal-error'): ProblemData {
  if (error instanceof Problem) return error.data;
  return {
    code: fallback,
    message: plainLine(error instanceof Error ? error.message : String(error), 1000) || 'Something went wrong.',
    retryable: false,
  };
}
