import type { Problem } from '../../contract/problem.ts';

/** Where a command writes. Answers on `out`; progress, hints and problems for people on `err`. */
export interface Output {
  readonly json: boolean;
  /** One answer: its JSON on one line, or the words. */
  answer(value: unknown, words: () => string): void;
  /** Words for people only. */
  say(words: string): void;
  problem(problem: Problem): void;
}

/** Writes to the given streams. With `json`, stdout carries one JSON value a line and nothing else. */
export function createOutput(
  json: boolean,
  out: NodeJS.WritableStream = process.stdout,
  err: NodeJS.WritableStream = process.stderr,
): Output {
  return {
    json,
    answer: (value, words) => {
      out.write(`${json ? JSON.stringify(value) : words()}\n`);
    },
    say: (words) => {
      err.write(`${words}\n`);
    },
    problem: ({ data }) => {
      if (json) out.write(`${JSON.stringify({ problem: data })}\n`);
      err.write(`quarterdeck: ${data.message} [${data.code}]\n${data.hint === undefined ? '' : `  → ${data.hint}\n`}`);
      const question = data.detail?.['question'];
      if (!json && question !== undefined) err.write(`  ${describeHostKey(question)}\n`);
    },
  };
}

function describeHostKey(question: unknown): string {
  const { offered, known } = question as {
    offered?: { type: string; fingerprint: string };
    known?: { type: string; fingerprint: string; source: string }[];
  };
  const lines = [`offered now: ${offered?.type ?? '?'} ${offered?.fingerprint ?? '?'}`];
  for (const key of known ?? []) lines.push(`on record:   ${key.type} ${key.fingerprint} (${key.source})`);
  return lines.join('\n  ');
}

/** Rows as columns two spaces apart; the last one is not padded. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) => row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0))).join('  ')).join('\n');
}

/** `2026-11-21 03:04:05Z`: one form, no zone to guess. */
export function time(at: number | null | undefined): string {
  return at === null || at === undefined ? '-' : `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}Z`;
}
