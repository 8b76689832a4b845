import { checkStatement } from './actions/sql/guard.ts';
import type { StackDefinition } from './schema.ts';
import type { SourcePath, StackSource } from './source.ts';
import { didYouMean } from './suggest.ts';

/** Actions that carry out a named statement of the stack. */
const STATEMENT_ACTIONS = ['sql.statement@1', 'sql.preview@1'];

/**
 * Checks the stack's statements, and puts the text of each into the steps that name it (`definition`): so the hash of a plan covers it,
 * and nothing but the stack file can have written it. @throws Problem `stack-invalid`
 */
export function expandStatements(stack: StackDefinition, source: StackSource): StackDefinition {
  const ids = stack.statements.map(({ id }) => id);
  for (const [index, statement] of stack.statements.entries()) {
    const path: SourcePath = ['statements', index];
    if (ids.indexOf(statement.id) !== index) throw source.problem([...path, 'id'], `the statement ${statement.id} is there twice`);
    const names = statement.parameters.map(({ name }) => name);
    const twice = names.find((name, at) => names.indexOf(name) !== at);
    if (twice !== undefined) throw source.problem([...path, 'parameters'], `the parameter ${twice} is there twice`);
    for (const [key, kind] of [
      ['preview', 'reads'],
      ['sql', 'writes'],
    ] as const) {
      const checked = checkStatement(statement[key], statement.engine, kind);
      if ('refusal' in checked) throw source.problem([...path, key], `${key}, line ${checked.refusal.line}: ${checked.refusal.why}`);
      const stray = checked.parameters.find((name) => !names.includes(name));
      if (stray !== undefined) throw source.problem([...path, key], `${key}: there is no parameter ${stray}${didYouMean(stray, names)}`);
    }
    const deletes = /^\s*delete/i.test(statement.sql);
    if (deletes !== (statement.snapshot.length === 0))
      throw source.problem([...path, 'snapshot'], 'snapshot names the columns that an UPDATE changes, and is left out for a DELETE');
  }
  return {
    ...stack,
    runbooks: stack.runbooks.map((runbook, at) => ({
      ...runbook,
      steps: runbook.steps.map((step, position) => {
        if (!STATEMENT_ACTIONS.includes(step.action)) return step;
        const path: SourcePath = ['runbooks', at, 'steps', position, 'with'];
        if ('definition' in step.with)
          throw source.problem([...path, 'definition'], 'the text of a statement stands under `statements` only');
        const { statement: id, ...rest } = step.with;
        const found = stack.statements.find((statement) => statement.id === id);
        if (found === undefined)
          throw source.problem([...path, 'statement'], `there is no statement ${String(id)}${didYouMean(String(id), ids)}`);
        const values = rest['values'] ?? [];
        const given = Array.isArray(values) ? values.length : -1;
        if (given !== found.parameters.length)
          throw source.problem(
            [...path, 'values'],
            `${found.id} takes ${found.parameters.length} values, in this order: ${found.parameters.map(({ name }) => name).join(', ')}`,
          );
        return { ...step, with: { ...rest, definition: JSON.stringify(found) } };
      }),
    })),
  };
}
