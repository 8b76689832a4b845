import type { z } from 'zod';
import type { Problem } from '../../contract/problem.ts';
import type { SourcePath, StackSource } from './source.ts';
import { didYouMean } from './suggest.ts';

/** `probes[0].http`. */
export function pathText(path: SourcePath): string {
  return (
    path.reduce<string>(
      (text, step) => (typeof step === 'number' ? `${text}[${step}]` : text === '' ? String(step) : `${text}.${String(step)}`),
      '',
    ) || 'the stack'
  );
}

type AnySchema = { readonly _zod: { readonly def: Record<string, unknown> } };

/** The keys a schema knows at a path; empty where it is not an object. */
function knownKeys(schema: unknown, path: SourcePath): string[] {
  let node = schema as AnySchema | undefined;
  const unwrap = () => {
    for (let def = node?._zod.def; def !== undefined && (def['innerType'] !== undefined || def['in'] !== undefined); def = node?._zod.def)
      node = (def['innerType'] ?? def['in']) as AnySchema;
  };
  const options = (found: AnySchema | undefined): AnySchema[] =>
    (found?._zod.def['options'] as AnySchema[] | undefined) ?? (found === undefined ? [] : [found]);
  unwrap();
  for (const step of path) {
    const def: Record<string, unknown> = node?._zod.def ?? {};
    if (typeof step === 'number') node = def['element'] as AnySchema | undefined;
    else {
      const shapes = options(node).map((option) => option._zod.def['shape'] as Record<string, AnySchema> | undefined);
      node = shapes.find((shape) => shape?.[String(step)] !== undefined)?.[String(step)] ?? (def['valueType'] as AnySchema | undefined);
    }
    unwrap();
  }
  return options(node).flatMap((option) => Object.keys((option._zod.def['shape'] as object | undefined) ?? {}));
}

/** The first thing a schema did not like, as a problem with file, line and column. `base` is where the checked value stands. */
export function schemaProblem(source: StackSource, schema: unknown, issues: readonly z.core.$ZodIssue[], base: SourcePath = []): Problem {
  const issue = issues[0];
  if (issue === undefined) return source.problem(base, 'not valid');
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? '';
    return source.problem(
      [...path, key],
      `unknown key \`${key}\` in ${pathText(path)}${didYouMean(key, knownKeys(schema, issue.path))}`,
      true,
    );
  }
  return source.problem(path, `${pathText(path)}: ${issue.message}`);
}
