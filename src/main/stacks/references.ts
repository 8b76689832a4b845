/** A whole-value reference of the stack format. */
export type Reference =
  | { readonly kind: 'inputs'; readonly name: string }
  | { readonly kind: 'run'; readonly name: string }
  | { readonly kind: 'steps'; readonly step: string; readonly name: string };

const WHOLE = /^\$\{(?:(inputs|run)\.([a-z][a-z0-9_]{0,39})|steps\.([a-z0-9][a-z0-9-]{0,63})\.([a-z][a-z0-9_]{0,39}))\}$/;

/** Reads a whole-value reference; undefined for a literal. `'malformed'`: it has `${` and is not a whole reference. */
export function parseReference(text: string): Reference | 'malformed' | undefined {
  if (!text.includes('${')) return undefined;
  const match = WHOLE.exec(text);
  if (match === null) return 'malformed';
  const [, kind, name, step, fact] = match;
  if (step !== undefined && fact !== undefined) return { kind: 'steps', step, name: fact };
  return { kind: kind as 'inputs' | 'run', name: name ?? '' };
}

/** How a fact that is not known yet stands in a plan. */
export function placeholder(step: string, name: string): string {
  return `‹${step}.${name}›`;
}

/** True for a text made by {@link placeholder}. */
export function isPlaceholder(value: unknown): boolean {
  return typeof value === 'string' && /^‹[a-z0-9-]+\.[a-z0-9_]+›$/.test(value);
}

/** One parameter of a step: a literal, or a list of texts. */
export type ParameterValue = string | number | boolean | readonly string[];
/** What a step is given, as the stack writes it. */
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Replaces every whole-value reference by what `look` says; literals stay as they are. */
export function resolveReferences(parameters: Parameters, look: (reference: Reference) => string): Record<string, ParameterValue> {
  const text = (value: string): string => {
    const reference = parseReference(value);
    if (reference === 'malformed') throw new TypeError(`not a whole reference: ${value}`);
    return reference === undefined ? value : look(reference);
  };
  return Object.fromEntries(
    Object.entries(parameters).map(([key, value]) => [
      key,
      typeof value === 'string' ? text(value) : Array.isArray(value) ? value.map(text) : value,
    ]),
  );
}
