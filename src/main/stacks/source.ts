import type { Document, Node } from 'yaml';
import { isAlias, isCollection, isMap, isPair, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { Problem } from '../../contract/problem.ts';

/** Longest stack file, in bytes. */
export const MAX_STACK_BYTES = 256 * 1024;
const MAX_DEPTH = 12;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** A path into the document, as zod reports it. */
export type SourcePath = readonly PropertyKey[];

/** A parsed file that still knows its lines. */
export interface StackSource {
  readonly file: string;
  readonly value: unknown;
  /** `friendlyface.yaml:12:5` of the deepest thing on the path that exists; `key`: of the key rather than its value. */
  at(path: SourcePath, key?: boolean): string;
  /** A `stack-invalid` problem that begins with the place. */
  problem(path: SourcePath, message: string, key?: boolean): Problem;
}

const invalid = (place: string, message: string) =>
  new Problem('stack-invalid', `${place}: ${message}`.slice(0, 2000), {
    hint: 'Correct the stack file; docs/stack-format.md describes the format.',
  });

/**
 * Parses a stack file as plain data. Refused: too long, too deep, more than one document, duplicate keys, anchors and aliases
 * (a few lines of them can stand for gigabytes), tags, and keys that mean something to JavaScript.
 * @throws Problem `stack-invalid` with file, line and column
 */
export function parseStackSource(file: string, text: string): StackSource {
  if (Buffer.byteLength(text) > MAX_STACK_BYTES) throw invalid(file, `the file is longer than ${MAX_STACK_BYTES / 1024} KiB`);
  const lines = new LineCounter();
  const place = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${Math.max(line, 1)}:${Math.max(col, 1)}`;
  };
  let document: Document.Parsed;
  try {
    document = parseDocument(text, {
      version: '1.2',
      schema: 'core',
      strict: true,
      uniqueKeys: true,
      lineCounter: lines,
      prettyErrors: false,
      logLevel: 'error',
    });
  } catch (error) {
    // Deep nesting ends the parser's recursion before it ends ours.
    if (error instanceof RangeError) throw invalid(`${file}:1:1`, 'nested too deep');
    throw error;
  }
  const first = document.errors[0] ?? document.warnings[0];
  if (first !== undefined) throw invalid(place(first.pos[0]), first.message.split('\n')[0] ?? 'not YAML');
  const offset = (node: unknown): number => (node as Node | undefined)?.range?.[0] ?? 0;
  visit(document, {
    Node(_key, node, path) {
      if (isAlias(node)) throw invalid(place(offset(node)), 'aliases are not allowed in a stack');
      if (node.anchor !== undefined) throw invalid(place(offset(node)), 'anchors are not allowed in a stack');
      if (node.tag !== undefined) throw invalid(place(offset(node)), `tags such as ${node.tag} are not allowed in a stack`);
      if (path.filter(isCollection).length > MAX_DEPTH) throw invalid(place(offset(node)), `nested deeper than ${MAX_DEPTH}`);
    },
    Pair(_key, pair) {
      const key = isScalar(pair.key) ? pair.key.value : undefined;
      if (typeof key !== 'string') throw invalid(place(offset(pair.key)), 'keys must be plain words');
      if (FORBIDDEN_KEYS.has(key)) throw invalid(place(offset(pair.key)), `the key ${key} is not allowed`);
    },
  });

  const find = (path: SourcePath, key: boolean): number => {
    let node: unknown = document.contents;
    let found = offset(node);
    for (const [index, step] of path.entries()) {
      if (!isCollection(node)) break;
      const pair = isMap(node) ? node.items.find((item) => isPair(item) && isScalar(item.key) && item.key.value === step) : undefined;
      const next: unknown = pair === undefined ? node.get(step as string | number, true) : pair.value;
      const keyWanted = pair !== undefined && key && index === path.length - 1;
      if (next === undefined && pair === undefined) break;
      found = keyWanted || (next as Node | null)?.range == null ? offset(pair?.key) : offset(next);
      node = next;
    }
    return found;
  };
  const at = (path: SourcePath, key = false) => place(find(path, key));
  return {
    file,
    value: document.toJS({ maxAliasCount: 0 }) as unknown,
    at,
    problem: (path, message, key) => invalid(at(path, key), message),
  };
}
