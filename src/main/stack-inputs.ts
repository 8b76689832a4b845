import { parseReference } from './stacks/references.ts';
import type { StackDefinition } from './stacks/schema.ts';

/** Value of a stack's input for an environment: what was set, else the stack's default, else empty. */
export function inputValue(stack: Pick<StackDefinition, 'inputs'>, inputs: Readonly<Record<string, string>>, name: string): string {
  const own = Object.hasOwn(inputs, name) ? (inputs[name] ?? '') : '';
  return own.trim() === '' ? (stack.inputs.find((input) => input.name === name)?.default ?? '').trim() : own.trim();
}

/** A value of the stack that is a literal, or one whole reference to an input. */
export function inputOrLiteral(stack: Pick<StackDefinition, 'inputs'>, inputs: Readonly<Record<string, string>>, value: string): string {
  const reference = parseReference(value);
  if (reference === undefined) return value.trim();
  return reference !== 'malformed' && reference.kind === 'inputs' ? inputValue(stack, inputs, reference.name) : '';
}
