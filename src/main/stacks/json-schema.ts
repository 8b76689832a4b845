import { z } from 'zod';
import { StackDefinition } from './schema.ts';

/** The stack format as a JSON Schema, for editors. The text of `resources/stack.schema.json`. */
export function stackJsonSchema(): string {
  const schema = z.toJSONSchema(StackDefinition, { io: 'input', target: 'draft-2020-12' });
  return `${JSON.stringify({ ...schema, title: 'Quarterdeck stack, version 1' }, null, 2)}\n`;
}
