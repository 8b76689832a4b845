import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { isPlaceholder } from '../../references.ts';
import type { StatementParameter } from '../../statement-schema.ts';
import { StatementDefinition } from '../../statement-schema.ts';

/** The statement that a stack file put into a step; never a run's input. */
export const Definition = z.string().transform((text, context) => {
  try {
    return StatementDefinition.parse(JSON.parse(text));
  } catch {
    context.addIssue({ code: 'custom', message: 'is not a statement of the stack' });
    return z.NEVER;
  }
});

const shapes: Readonly<Record<StatementParameter['type'], { readonly pattern: RegExp; readonly words: string }>> = {
  text: { pattern: /^[^\p{Cc}]{1,1000}$/u, words: 'a text of at most 1000 characters' },
  uuid: { pattern: /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, words: 'a UUID' },
  integer: { pattern: /^-?\d{1,18}$/, words: 'a whole number' },
  boolean: { pattern: /^(true|false)$/, words: 'true or false' },
  percentage: { pattern: /^(100|[1-9]?\d)$/, words: 'a percentage from 0 to 100' },
};

/** Checks each value by its parameter's type. @throws Problem `bad-input` naming it */
export function checkValues(parameters: readonly StatementParameter[], values: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    parameters.map(({ name, title, type }, index) => {
      const value = values[index] ?? '';
      if (!isPlaceholder(value) && !shapes[type].pattern.test(value))
        throw new Problem('bad-input', `${title}: must be ${shapes[type].words}.`, { detail: { input: name } });
      return [name, value];
    }),
  );
}
