import type { Environment, SshAuth, SshHop, SshRoute, Tier } from '../../../contract/environments.ts';
import { EnvironmentDraft } from '../../../contract/environments.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import type { StackInfo } from '../../../contract/stacks.ts';
import { fieldProblems } from '../../app/problem.ts';

/** A hop as it is typed: the port is text until it is saved. `key` is only for the list on the screen. */
export interface HopForm {
  readonly key: number;
  readonly host: string;
  readonly port: string;
  readonly user: string;
  readonly auth: readonly SshAuth[];
}

/** The environment form as it is typed. */
export interface EnvironmentFormState {
  readonly name: string;
  readonly tier: Tier;
  readonly target: HopForm;
  readonly jumps: readonly HopForm[];
  readonly stack: string;
  readonly inputs: Readonly<Record<string, string>>;
  readonly notes: string;
}

let nextKey = 1;

export function emptyHop(): HopForm {
  nextKey += 1;
  return { key: nextKey, host: '', port: '22', user: '', auth: [{ kind: 'agent' }] };
}

function hopForm(hop: SshHop): HopForm {
  return { ...emptyHop(), host: hop.host, port: String(hop.port), user: hop.user, auth: hop.auth };
}

/** A form without anything, or with the route of an imported host. */
export function emptyForm(stack: string, name = '', route?: SshRoute): EnvironmentFormState {
  return {
    name,
    tier: 'staging',
    target: route === undefined ? emptyHop() : hopForm(route.target),
    jumps: route?.jumps.map(hopForm) ?? [],
    stack,
    inputs: {},
    notes: '',
  };
}

/** The form of what is stored. */
export function formOf({ name, tier, ssh, stack, inputs, notes }: EnvironmentDraft | Environment): EnvironmentFormState {
  return { name, tier, target: hopForm(ssh.target), jumps: ssh.jumps.map(hopForm), stack, inputs, notes };
}

const hopOf = ({ host, port, user, auth }: HopForm): unknown => ({
  host: host.trim(),
  port: /^\d{1,5}$/.test(port.trim()) ? Number(port.trim()) : Number.NaN,
  user: user.trim(),
  auth,
});

const plain: readonly [RegExp, string][] = [
  [/^name$/, 'Give it a name of one line, up to 80 characters.'],
  [/\.host$/, 'A host name or an IP address, without spaces.'],
  [/\.port$/, 'A port between 1 and 65535.'],
  [/\.user$/, 'A login name without spaces.'],
  [/\.auth\.\d+\.path$/, 'The path of the private key file.'],
];

/** Checks the form as the host will. Problems are by path: `ssh.target.host`, `inputs.base_url`. */
export function readForm(
  form: EnvironmentFormState,
  stack: StackInfo | undefined,
): { draft?: EnvironmentDraft; problems: Readonly<Record<string, string>> } {
  const known = new Set(stack?.inputs.map(({ name }) => name));
  const inputs = Object.fromEntries(Object.entries(form.inputs).filter(([name, value]) => known.has(name) && value.trim() !== ''));
  const parsed = EnvironmentDraft.safeParse({
    name: form.name,
    tier: form.tier,
    ssh: { target: hopOf(form.target), jumps: form.jumps.map(hopOf) },
    stack: form.stack,
    inputs,
    notes: form.notes,
  });
  const problems: Record<string, string> = {};
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      const at = path.map(String).join('.');
      problems[at] ??= plain.find(([pattern]) => pattern.test(at))?.[1] ?? message;
    }
  }
  for (const input of stack?.inputs ?? []) {
    const value = inputs[input.name] ?? input.default ?? '';
    if (input.required && value.trim() === '') problems[`inputs.${input.name}`] ??= `${input.title} is needed.`;
  }
  return parsed.success && Object.keys(problems).length === 0 ? { draft: parsed.data, problems } : { problems };
}

/** Problems of single fields as the host named them, whatever prefix its call puts before the path. */
export function hostProblems(problem: ProblemData | undefined): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(fieldProblems(problem)).map(([path, reason]) => [path.replace(/^draft\./, ''), reason]));
}
