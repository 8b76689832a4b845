// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references of the stack format look like that
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { createActions } from './actions/index.ts';
import { loadStack } from './load.ts';

const text = readFileSync(fileURLToPath(new URL('../../../tests/support/stacks/sql.yaml', import.meta.url)), 'utf8');
const actions = createActions({ inspectSqlite: () => Promise.reject(new Error('not here')) });
const load = (yaml: string) => loadStack('sql.yaml', yaml, actions, 'sql.yaml');
const swap = (from: string, to: string) => {
  if (!text.includes(from)) throw new Error(`the stack does not say: ${from}`);
  return text.replace(from, () => to);
};

describe('the statements of a stack', () => {
  it('stand, whole, in the steps that name them, so that a plan’s hash covers them', () => {
    const stack = load(text);
    const step = stack.definition.runbooks.find(({ id }) => id === 'revoke-family-devices')?.steps[0];
    expect(step?.with['definition']).toContain("SET status = 'revoked'");
    expect(step?.with['statement']).toBeUndefined();
    const changed = load(swap("SET status = 'revoked'", "SET status = 'gone'"));
    expect(changed.hash).not.toBe(stack.hash);
  });

  it.each([
    ['two statements in one', "SET status = 'revoked'", "SET status = 'revoked'; DROP TABLE x", /without a semicolon/],
    ['a command of the client', "SET status = 'revoked'", "SET status = 'revoked' \\! touch x", /backslash command/],
    ['another kind of statement', 'DELETE FROM public', 'TRUNCATE public', /must begin with UPDATE or DELETE/],
    [
      'a preview that changes something',
      'preview: SELECT id, name FROM public.registered_devices WHERE name = :name',
      'preview: DELETE FROM x',
      /must begin with SELECT/,
    ],
    ['a parameter nobody gives', 'WHERE name = :name\n    sql', 'WHERE name = :nam\n    sql', /no parameter nam; did you mean name/],
    ['an UPDATE without what it changes', '    snapshot: [status]\n    max_rows: 50\n', '    max_rows: 50\n', /snapshot names the columns/],
    ['a table that is no name', 'table: public.registered_devices', 'table: public.x; DROP', /a table, or schema\.table/],
    ['a reference in its text', 'WHERE name = :name\n    sql', 'WHERE name = ${inputs.database}\n    sql', /a reference cannot stand here/],
    [
      'a statement that is not there',
      'statement: delete-by-name',
      'statement: delete-by-nam',
      /no statement delete-by-nam; did you mean delete-by-name/,
    ],
    ['too few values', "values: ['${run.name}'], ", '', /takes 1 values, in this order: name/],
    [
      'a text in the step itself',
      'statement: delete-by-name, ',
      "statement: delete-by-name, definition: '{}', ",
      /under `statements` only/,
    ],
    [
      'a text from a run',
      'statement: delete-by-name, ',
      "statement: delete-by-name, definition: '${run.name}', ",
      /under `statements` only/,
    ],
    ['a statement chosen by a run', 'statement: delete-by-name, ', "statement: '${run.name}', ", /no statement/],
  ])('%s is refused', (_what, from, to, message) => {
    expect(() => load(swap(from, to))).toThrow(message);
  });
});
