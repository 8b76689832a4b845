import { parse } from 'yaml';
import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { plainLine } from '../../../engine/words.ts';

const Config = z.object({
  version: z.union([z.string(), z.number()]).optional(),
  services: z.record(
    z.string().max(128),
    z.object({
      image: z.string().max(512).optional(),
      build: z.union([z.string(), z.object({ context: z.string().optional() })]).optional(),
      depends_on: z.union([z.array(z.string()), z.record(z.string(), z.unknown())]).optional(),
    }),
  ),
});

const Ended = z.object({ condition: z.literal('service_completed_successfully') });

/** One service of a project. */
export interface ComposeService {
  readonly name: string;
  /** As the file has it; undefined when compose makes a name of its own up. */
  readonly image: string | undefined;
  readonly built: boolean;
  readonly needs: readonly string[];
  /** Another service waits until it has ended well. */
  readonly oneShot?: true;
}

/** What `compose config` says of a project: services that others need come first. */
export interface ComposeProject {
  readonly services: readonly ComposeService[];
  /** What its containers are marked with; undefined while it has none. */
  readonly name?: string;
  /** The file's `version`, which an overriding file must repeat. */
  readonly version: string | undefined;
  /** Variables the file uses and nobody has set. */
  readonly unset: readonly string[];
}

/** Reads the output of `compose config`. Nothing but names is kept: the rest holds the services' environment. @throws Problem */
export function parseProject(stdout: string, stderr: string): ComposeProject {
  let parsed: unknown;
  try {
    parsed = parse(stdout, { maxAliasCount: 100 });
  } catch {
    parsed = undefined;
  }
  const checked = Config.safeParse(parsed);
  if (!checked.success) throw new Problem('remote-command-failed', 'What compose says of the project can’t be read.');
  const oneShots = new Set(
    Object.values(checked.data.services).flatMap(({ depends_on: needs }) =>
      needs === undefined || Array.isArray(needs)
        ? []
        : Object.entries(needs).flatMap(([name, how]) => (Ended.safeParse(how).success ? [name] : [])),
    ),
  );
  const services = Object.entries(checked.data.services).map(([name, service]): ComposeService => {
    const needs = service.depends_on ?? [];
    return {
      name: plainLine(name, 128),
      image: service.image,
      built: service.build !== undefined,
      needs: Array.isArray(needs) ? needs : Object.keys(needs),
      ...(oneShots.has(name) ? { oneShot: true as const } : {}),
    };
  });
  const unset = [...stderr.matchAll(/[Tt]he \\?"?([A-Za-z_][A-Za-z0-9_]{0,80})\\?"? variable is not set/g)].map(
    (match) => match[1] as string,
  );
  const version = checked.data.version;
  return { services: inOrder(services), version: version === undefined ? undefined : String(version), unset: [...new Set(unset)] };
}

/** What is needed before what needs it; a circle, which compose itself refuses, is left as it is. */
function inOrder(services: readonly ComposeService[]): ComposeService[] {
  const sorted: ComposeService[] = [];
  const seen = new Set<string>();
  const visit = (service: ComposeService): void => {
    if (seen.has(service.name)) return;
    seen.add(service.name);
    for (const name of service.needs) {
      const other = services.find((one) => one.name === name);
      if (other !== undefined) visit(other);
    }
    sorted.push(service);
  };
  for (const service of services) visit(service);
  return sorted;
}

/** Names of the services that need this one, by way of others too. */
export function dependents(project: ComposeProject, service: string): string[] {
  const found = new Set<string>();
  // In order: who needs a dependent comes after it.
  for (const one of project.services)
    if (one.name !== service && one.needs.some((name) => name === service || found.has(name))) found.add(one.name);
  return [...found];
}
