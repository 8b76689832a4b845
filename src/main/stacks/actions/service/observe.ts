import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import type { SshSession } from '../../../drivers/ssh/types.ts';
import { plainLine } from '../../../engine/words.ts';
import type { ScriptEnd } from '../job.ts';
import { look } from '../job.ts';
import type { ComposeProject } from './compose-project.ts';
import { parseProject } from './compose-project.ts';
import { serviceStatus } from './control.ts';
import { containerLife, INSPECT_FORMAT, isOneOff, parseInspected } from './docker-inspect.ts';
import type { Life } from './life.ts';
import type { ServiceRef } from './ref.ts';
import { composePrelude, processTicks } from './scripts.ts';
import { parseUnit, UNIT_PROPERTIES, unitLife } from './systemd-unit.ts';

/** How a service stands. Of a compose project: what others need comes first. */
export interface ServiceView {
  readonly lives: readonly Life[];
  readonly project?: ComposeProject;
}

const ProjectName = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,127}$/);

/** How it is looked at. `known`: the project as a look a moment ago found it; saves reading its file again. */
export interface ObserveOptions {
  readonly signal?: AbortSignal;
  readonly known?: ComposeProject | undefined;
}

/** `$1` name of the project: what compose itself marks its containers with. */
const markedScript = `command -v docker >/dev/null 2>&1 || exit 41
ids=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$1") || exit 48
for id in $ids; do docker inspect --type container --format '${INSPECT_FORMAT}' -- "$id" || exit 45; done
echo ---
`;

const inspectScript = `command -v docker >/dev/null 2>&1 || exit 41
docker inspect --type container --format '${INSPECT_FORMAT}' -- "$1"
`;

/** The ids first and the file's text last: nothing in a project's file can pass for a container. */
const projectScript = `${composePrelude}
ids=$(compose ps -a -q) || exit 44
for id in $ids; do docker inspect --type container --format '${INSPECT_FORMAT}' -- "$id" || exit 45; done
echo ---
[ "$1" = brief ] || compose config || exit 43
`;

const unitScript = `command -v systemctl >/dev/null 2>&1 || exit 46
systemctl show --property='${UNIT_PROPERTIES}' -- "$1"
`;

const processScript = `${processTicks}
printf 'ticks=%s\\n' "$(ticks_of "$1")"
`;

const meanings: Readonly<Record<number, string>> = {
  41: 'docker is not on the host',
  42: 'the project’s folder can’t be entered',
  43: 'the compose file is not valid',
  44: 'the compose file is not valid, or the engine does not answer',
  45: 'a container went away while it was looked at',
  46: 'systemctl is not on the host',
  47: 'neither docker compose nor docker-compose is on the host',
  48: 'the engine does not answer',
};

/** The words for a look that did not work. A service of which nothing is known is never taken for one that does not run. */
function lookFailed(end: ScriptEnd, what: string): Problem {
  const why = meanings[end.exitCode] ?? `the look ended with exit code ${end.exitCode}`;
  const words = plainLine(end.stderr.trim(), 400);
  return new Problem('remote-command-failed', `How ${what} stands can’t be told: ${why}${words === '' ? '.' : `: ${words}`}`, {
    hint: 'Nothing was changed. Look at it on the host by hand.',
  });
}

async function observeContainer(session: SshSession, container: string, { signal }: ObserveOptions): Promise<Life> {
  const end = await look(session, { script: inspectScript, args: [container] }, { timeoutMs: 30_000, ...(signal && { signal }) });
  const absent: Life = {
    name: `container ${container}`,
    id: '',
    state: 'absent',
    said: 'absent',
    instance: '',
    pid: '',
    startedAt: '',
    restarts: undefined,
    health: 'none',
  };
  if (end.exitCode !== 0) {
    if (end.exitCode === 1 && /No such (container|object)/i.test(end.stderr)) return absent;
    throw lookFailed(end, `the container ${container}`);
  }
  const found = parseInspected(end.stdout.trim());
  // A word that is the beginning of another container's id names that one too, for docker.
  return found.name === `/${container}` || found.id === container ? containerLife(found) : absent;
}

async function observeCompose(session: SshSession, ref: ServiceRef, { signal, known }: ObserveOptions): Promise<ServiceView> {
  const end = await look(
    session,
    known?.name === undefined
      ? { script: projectScript, args: [ref.project_dir, ref.compose_file, known === undefined ? '' : 'brief'] }
      : { script: markedScript, args: [known.name] },
    { timeoutMs: 60_000, ...(signal && { signal }) },
  );
  if (end.exitCode !== 0) throw lookFailed(end, `the project in ${ref.project_dir}`);
  const cut = end.stdout.indexOf('---\n');
  const found = end.stdout
    .slice(0, cut)
    .split('\n')
    .filter((line) => line !== '')
    .map(parseInspected);
  const read = known ?? parseProject(end.stdout.slice(cut + 4), end.stderr);
  const name = read.name ?? found.flatMap(({ labels }) => ProjectName.safeParse(labels?.['com.docker.compose.project']).data ?? [])[0];
  const project: ComposeProject = name === undefined ? read : { ...read, name };
  const lives = found.filter((one) => !isOneOff(one)).map(containerLife);
  const wanted = ref.service === '' ? project.services : project.services.filter(({ name }) => name === ref.service);
  if (wanted.length === 0)
    throw new Problem('bad-input', `The project in ${ref.project_dir} has no service ${ref.service}.`, {
      hint: `It has: ${project.services.map(({ name }) => name).join(', ') || 'none'}.`,
    });
  return {
    project,
    lives: wanted.flatMap(({ name, oneShot }): Life[] => {
      const own = lives.filter(({ service }) => service === name).sort((a, b) => a.name.localeCompare(b.name));
      if (own.length > 0) return oneShot ? own.map((life) => ({ ...life, oneShot })) : own;
      const nothing = { id: '', instance: '', pid: '', startedAt: '', restarts: undefined, health: 'none' } as const;
      return [{ name: `service ${name}`, service: name, state: 'absent', said: 'absent', ...nothing }];
    }),
  };
}

async function observeProcess(session: SshSession, control: string): Promise<Life> {
  const status = await serviceStatus(session, control);
  const base = { name: 'service', id: 'process', restarts: undefined, health: 'none' } as const;
  if (status.state === 'stopped') return { ...base, state: 'stopped', said: 'stopped', instance: '', pid: '', startedAt: '' };
  const end = await look(session, { script: processScript, args: [status.pid] }, { timeoutMs: 20_000 });
  if (end.exitCode !== 0) throw lookFailed(end, 'its process');
  const ticks = end.facts['ticks'] ?? '';
  const alive = ticks !== '';
  return {
    ...base,
    state: 'running',
    said: 'running',
    ...(alive ? {} : { unseen: true as const }),
    instance: `${status.pid} ${ticks} ${status.started}`,
    pid: status.pid,
    startedAt: status.started,
  };
}

async function observeUnit(session: SshSession, unit: string): Promise<Life> {
  const end = await look(session, { script: unitScript, args: [unit] }, { timeoutMs: 30_000 });
  if (end.exitCode !== 0) throw lookFailed(end, `the unit ${unit}`);
  return unitLife(unit, parseUnit(end.stdout));
}

/**
 * How a service stands now. Reads only. An engine that does not answer, a project's file that is not valid or an answer that is not
 * understood is a problem, never an empty list. @throws Problem
 */
export async function observe(session: SshSession, ref: ServiceRef, options: ObserveOptions = {}): Promise<ServiceView> {
  switch (ref.kind) {
    case 'process':
      return { lives: [await observeProcess(session, ref.control)] };
    case 'systemd':
      return { lives: [await observeUnit(session, ref.unit)] };
    case 'container':
      return { lives: [await observeContainer(session, ref.container, options)] };
    case 'compose':
      return observeCompose(session, ref, options);
  }
}
