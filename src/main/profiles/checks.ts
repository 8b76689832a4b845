import { isAbsolute } from 'node:path';
import type { EnvironmentDraft, SshRoute } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { StackInput } from '../../contract/stacks.ts';

/** One broken rule: where, and what was expected. Never the value. */
export interface Issue {
  readonly path: string;
  readonly reason: string;
}

/** The part of a stack that says what its environments must be given. */
export interface StackInputs {
  readonly inputs: readonly StackInput[];
}

/** Where stacks are looked up. */
export interface StackLookup {
  get(id: string): StackInputs | undefined;
}

/**
 * A draft as it is stored: inputs trimmed and completed with the stack's defaults.
 * @throws Problem `bad-input` naming every field that breaks a rule, with `prefix` before its path.
 */
export function checkedDraft(draft: EnvironmentDraft, stacks: StackLookup, prefix = ''): EnvironmentDraft {
  const stack = stacks.get(draft.stack);
  if (stack === undefined) throw refused([{ path: `${prefix}stack`, reason: 'names a stack this Quarterdeck does not have' }]);
  const inputs = completed(draft.inputs, stack.inputs);
  const issues = [...routeIssues(draft.ssh), ...inputIssues(inputs, stack.inputs)].map((issue) => ({
    ...issue,
    path: prefix + issue.path,
  }));
  if (issues.length > 0) throw refused(issues);
  return { ...draft, name: draft.name.trim(), inputs };
}

/** The `bad-input` of broken rules. */
function refused(issues: readonly Issue[]): Problem {
  const shown = issues.slice(0, 5).map(({ path, reason }) => `“${path}” ${reason}`);
  const more = issues.length > 5 ? `; and ${issues.length - 5} more` : '';
  return new Problem('bad-input', `The environment can’t be saved: ${shown.join('; ')}${more}.`, {
    detail: { issues: issues.slice(0, 20).map(({ path, reason }) => ({ path, reason })) },
  });
}

function completed(given: Readonly<Record<string, string>>, declared: readonly StackInput[]): Record<string, string> {
  const inputs: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) inputs[name] = value.trim();
  // Given and empty stays empty: that is how an optional source is switched off.
  for (const { name, default: standard } of declared) if (!Object.hasOwn(inputs, name) && standard !== undefined) inputs[name] = standard;
  return inputs;
}

function inputIssues(inputs: Readonly<Record<string, string>>, declared: readonly StackInput[]): Issue[] {
  const unknown = Object.keys(inputs).filter((name) => !declared.some((input) => input.name === name));
  return [
    ...unknown.map((name) => ({ path: `inputs.${name}`, reason: 'is not an input of this stack' })),
    ...declared.flatMap((input) => {
      const value = inputs[input.name] ?? '';
      const reason = value === '' ? (input.required ? 'is required' : undefined) : valueRule(input, value);
      return reason === undefined ? [] : [{ path: `inputs.${input.name}`, reason }];
    }),
  ];
}

function valueRule(input: StackInput, value: string): string | undefined {
  if (/\p{Cc}/u.test(value)) return 'must be one line without control characters';
  switch (input.type) {
    case 'url':
      return urlRule(value);
    case 'path':
      // A path on the deployment's host, whatever this machine's own paths look like.
      return value.startsWith('/') ? undefined : 'must be an absolute path on the host, beginning with /';
    case 'number':
      return /^-?\d+(\.\d+)?$/.test(value) ? undefined : 'must be a number';
    case 'choice':
      return input.choices?.includes(value) === true ? undefined : `must be one of: ${(input.choices ?? []).join(', ')}`;
    case 'text':
      return undefined;
  }
}

function urlRule(value: string): string | undefined {
  const url = URL.parse(value);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return 'must be an http:// or https:// address';
  if (url.username !== '' || url.password !== '') return 'must not hold a user name or a password; set them as secrets';
  if (url.hash !== '' || url.search !== '') return 'must not hold a query or a fragment';
  return undefined;
}

function routeIssues({ target, jumps }: SshRoute): Issue[] {
  return [{ hop: target, at: 'ssh.target' }, ...jumps.map((hop, index) => ({ hop, at: `ssh.jumps.${index}` }))].flatMap(({ hop, at }) =>
    hop.auth.flatMap((auth, index) => {
      if (auth.kind !== 'key') return [];
      const path = `${at}.auth.${index}.path`;
      if (/\p{Cc}/u.test(auth.path)) return [{ path, reason: 'must not hold control characters' }];
      return isAbsolute(auth.path) || auth.path.startsWith('~/') ? [] : [{ path, reason: 'must be an absolute path, or begin with ~/' }];
    }),
  );
}
