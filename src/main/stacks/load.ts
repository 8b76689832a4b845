import type { Runbook } from '../../contract/runs.ts';
import type { StackInfo } from '../../contract/stacks.ts';
import type { ActionRegistry } from '../engine/action.ts';
import { canonicalHash } from '../engine/canonical.ts';
import { checkStack, runbookEffect } from './check.ts';
import { StackDefinition } from './schema.ts';
import { schemaProblem } from './schema-errors.ts';
import { parseStackSource } from './source.ts';
import { expandStatements } from './statements.ts';

/** A stack that was read, checked and found good. */
export interface LoadedStack {
  readonly definition: StackDefinition;
  /** SHA-256 of its canonical JSON: a changed stack makes plans stale. */
  readonly hash: string;
  readonly info: StackInfo;
  readonly runbooks: readonly Runbook[];
}

/** What crosses the boundary has no `undefined` members. */
const present = <T extends object>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

/**
 * Reads one stack file. @param source `shipped`, or the file it came from
 * @throws Problem `stack-invalid` whose message begins with file, line and column
 */
export function loadStack(file: string, text: string, actions: ActionRegistry, source: string): LoadedStack {
  const parsed = parseStackSource(file, text);
  const checked = StackDefinition.safeParse(parsed.value);
  if (!checked.success) throw schemaProblem(parsed, StackDefinition, checked.error.issues);
  const definition = expandStatements(checked.data, parsed);
  checkStack(definition, parsed, actions);
  return {
    definition,
    hash: canonicalHash(definition),
    info: present({
      id: definition.stack,
      title: definition.title,
      description: definition.description,
      source,
      inputs: definition.inputs,
      secrets: definition.secrets.map(({ encrypts_backups: _ofTheHost, ...shown }) => shown),
      features: { probes: definition.probes.length > 0, logs: definition.logs.length > 0, backups: definition.backups !== undefined },
    }),
    runbooks: definition.runbooks.map((runbook) =>
      present({
        id: runbook.id,
        title: runbook.title,
        description: runbook.description,
        effect: runbookEffect(runbook, actions),
        inputs: runbook.inputs,
        rehearses: runbook.rehearsal?.of,
      }),
    ),
  };
}
