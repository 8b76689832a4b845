import { z } from 'zod';
import type { PlanCommand } from '../../../../contract/runs.ts';
import { RemotePath } from '../tools.ts';

/** Empty counts as not given: that is what an optional input of a stack is when nobody has set it. */
const maybe = <T extends z.ZodType<string, string>>(schema: T) => z.union([z.literal(''), schema]).default('');

/** Name of a container, also of a compose service; the engine's own rule. */
export const ContainerName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/, 'a name of letters, digits, dots, hyphens and underscores');
const UnitName = z.string().regex(/^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]{0,199}$/, 'a systemd unit such as shop.service');
const ComposeFile = z.string().regex(/^[^-\p{Cc}][^\p{Cc}]{0,1023}$/u, 'a file, relative to the project’s folder or absolute');

/** The parameters that name a service. Part of every action's input; see {@link checkRef}. */
export const serviceShape = {
  kind: z.enum(['process', 'systemd', 'container', 'compose']).default('process'),
  /** Of a process: a script that takes `start`, `stop` and `status`. */
  control: maybe(RemotePath),
  unit: maybe(UnitName),
  container: maybe(ContainerName),
  project_dir: maybe(RemotePath),
  /** Compose's own choice of files when empty. */
  compose_file: maybe(ComposeFile),
  /** One service of the project; all of them when empty. */
  service: maybe(ContainerName),
};

const Ref = z.strictObject(serviceShape);
/** What every action on a service is told of it. */
export type ServiceRef = z.infer<typeof Ref>;

const needed = { process: 'control', systemd: 'unit', container: 'container', compose: 'project_dir' } as const;

/** Refines an input with {@link serviceShape}: what its kind needs is there. */
export function checkRef(ref: ServiceRef, context: { addIssue(issue: { code: 'custom'; path: string[]; message: string }): void }): void {
  const name = needed[ref.kind];
  if (ref[name] === '') context.addIssue({ code: 'custom', path: [name], message: `needed for a service of kind ${ref.kind}` });
}

/** What it is, in words that fit into a sentence. */
export function serviceName(ref: ServiceRef): string {
  switch (ref.kind) {
    case 'process':
      return 'the service';
    case 'systemd':
      return `the unit ${ref.unit}`;
    case 'container':
      return `the container ${ref.container}`;
    case 'compose':
      return ref.service === '' ? `the project in ${ref.project_dir}` : `the service ${ref.service} of ${ref.project_dir}`;
  }
}

/** Commands as a plan shows them. */
export const shown = (...texts: string[]): PlanCommand[] => texts.map((text) => ({ kind: 'ssh', text }));

/** How compose is called for a project, as a plan shows it: whichever of its two forms the host has. */
export function composeCommand(ref: ServiceRef, ...words: string[]): string {
  const file = ref.compose_file === '' ? [] : ['-f', ref.compose_file];
  return [`cd ${ref.project_dir} &&`, 'docker compose', ...file, ...words, ...(ref.service === '' ? [] : [ref.service])].join(' ');
}
