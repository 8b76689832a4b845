import { z } from 'zod';
import { Problem } from '../../../../contract/problem.ts';
import { plainLine } from '../../../engine/words.ts';
import type { Life, LifeState } from './life.ts';
import { endOfExitCode } from './life.ts';

/**
 * What is asked of `docker inspect`, as the format of a constant script: the environment, where secrets are, is left out.
 * One line of JSON for each container.
 */
export const INSPECT_FORMAT = [
  '{"id":{{json .Id}},"name":{{json .Name}},"created":{{json .Created}},"state":{{json .State}},"restarts":{{json .RestartCount}}',
  '"policy":{{json .HostConfig.RestartPolicy}},"image":{{json .Image}},"tag":{{json .Config.Image}},"labels":{{json .Config.Labels}}}',
].join(',');

const ImageId = z.string().regex(/^(sha256:)?[0-9a-f]{12,64}$/);
const Inspected = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().max(300),
  created: z.string().max(64),
  state: z.object({
    Status: z.enum(['created', 'running', 'paused', 'restarting', 'removing', 'exited', 'dead', 'stopping']),
    Running: z.boolean(),
    Restarting: z.boolean(),
    OOMKilled: z.boolean(),
    Pid: z.int().nonnegative(),
    ExitCode: z.int(),
    StartedAt: z.string().max(64),
    FinishedAt: z.string().max(64),
    Health: z.object({ Status: z.enum(['none', 'starting', 'healthy', 'unhealthy', '']) }).optional(),
  }),
  restarts: z.int().nonnegative(),
  policy: z.object({ Name: z.string().max(40), MaximumRetryCount: z.int().nonnegative() }),
  image: ImageId,
  tag: z.string().max(512),
  labels: z.record(z.string(), z.string()).nullable(),
});
/** A container as the engine describes it, with what is used of it only. */
export type Inspected = z.infer<typeof Inspected>;

const STATES: Readonly<Record<Inspected['state']['Status'], LifeState>> = {
  created: 'stopped',
  running: 'running',
  paused: 'paused',
  restarting: 'restarting',
  removing: 'stopping',
  stopping: 'stopping',
  exited: 'stopped',
  dead: 'failed',
};

/** Reads one line of {@link INSPECT_FORMAT}. @throws Problem `remote-command-failed` when it is anything else */
export function parseInspected(line: string): Inspected {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    parsed = undefined;
  }
  const checked = Inspected.safeParse(parsed);
  if (checked.success) return checked.data;
  throw new Problem('remote-command-failed', `docker inspect said something else than a container: ${plainLine(line, 120)}`);
}

/** As `docker update --restart` takes it. */
const policyText = ({ Name, MaximumRetryCount }: Inspected['policy']) => {
  const name = /^(always|unless-stopped|on-failure)$/.test(Name) ? Name : 'no';
  return name === 'on-failure' && MaximumRetryCount > 0 ? `${name}:${MaximumRetryCount}` : name;
};

/** The container's state, as an observer of services tells it. */
export function containerLife(found: Inspected): Life {
  const { state } = found;
  const service = found.labels?.['com.docker.compose.service'];
  const never = state.StartedAt.startsWith('0001-');
  const name = plainLine(found.name.replace(/^\//, ''), 128);
  return {
    name: `container ${name}`,
    id: found.id,
    ...(service === undefined ? {} : { service: plainLine(service, 128) }),
    state: STATES[state.Status],
    said: state.Status,
    instance: `${found.id} ${state.StartedAt}`,
    pid: state.Running && state.Pid > 0 ? String(state.Pid) : '',
    startedAt: never ? '' : plainLine(state.StartedAt, 64),
    policy: policyText(found.policy),
    createdAt: plainLine(found.created, 64),
    restarts: found.restarts,
    health: state.Health === undefined || state.Health.Status === '' ? 'none' : state.Health.Status,
    image: { id: found.image, tag: plainLine(found.tag, 256) },
    ...(never || state.Status === 'running' ? {} : { end: endOfExitCode(state.ExitCode, state.OOMKilled) }),
  };
}

/** True for what `compose run` made: it belongs to no service that is kept up. */
export const isOneOff = (found: Inspected) => found.labels?.['com.docker.compose.oneoff']?.toLowerCase() === 'true';
