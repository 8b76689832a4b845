import { Problem } from '../../../../contract/problem.ts';
import { plainLine } from '../../../engine/words.ts';
import type { Life, LifeEnd, LifeState } from './life.ts';
import { signalName } from './life.ts';

/** What is asked of `systemctl show`. */
export const UNIT_PROPERTIES =
  'Id,LoadState,ActiveState,SubState,Result,MainPID,InvocationID,NRestarts,ExecMainCode,ExecMainStatus,ExecMainStartTimestamp,TimeoutStopUSec,RequiredBy,BoundBy';

/** A unit's properties, by name. @throws Problem when what was said is something else */
export function parseUnit(stdout: string): ReadonlyMap<string, string> {
  const properties = new Map<string, string>();
  for (const line of stdout.split('\n').slice(0, 100)) {
    const match = /^([A-Za-z]{1,60})=(.{0,2000})$/.exec(line);
    if (match !== null) properties.set(match[1] as string, plainLine(match[2] as string, 1000));
  }
  for (const name of ['LoadState', 'ActiveState', 'SubState', 'MainPID'])
    if (!properties.has(name)) throw new Problem('remote-command-failed', `systemctl show did not tell ${name}: ${plainLine(stdout, 200)}`);
  return properties;
}

const number = (text: string | undefined) => (text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined);

function unitState(load: string, active: string, sub: string, pid: string): LifeState {
  if (load === 'not-found') return 'absent';
  if (active === 'failed') return 'failed';
  if (active === 'inactive') return 'stopped';
  if (active === 'deactivating') return 'stopping';
  if (active === 'activating') return sub.startsWith('auto-restart') ? 'restarting' : 'starting';
  // `active (exited)` is what systemd says of a unit whose process is gone: that is not a running service.
  if (active === 'active' || active === 'reloading') return pid === '' ? 'unclear' : 'running';
  return 'unclear';
}

function unitEnd(properties: ReadonlyMap<string, string>): LifeEnd | undefined {
  // Codes of waitid(2): 1 exited, 2 killed, 3 killed with a core file.
  const code = properties.get('ExecMainCode');
  const status = number(properties.get('ExecMainStatus'));
  const outOfMemory = properties.get('Result') === 'oom-kill';
  if (status === undefined || code === undefined || code === '0') return undefined;
  const killed = code === '2' || code === '3' || code === 'killed' || code === 'dumped';
  return killed ? { exitCode: undefined, signal: signalName(status), outOfMemory } : { exitCode: status, signal: undefined, outOfMemory };
}

/** The unit's state, as an observer of services tells it. */
export function unitLife(unit: string, properties: ReadonlyMap<string, string>): Life {
  const of = (name: string) => properties.get(name) ?? '';
  const pid = of('MainPID') === '0' ? '' : of('MainPID');
  const end = unitEnd(properties);
  return {
    name: `unit ${unit}`,
    id: unit,
    state: unitState(of('LoadState'), of('ActiveState'), of('SubState'), pid),
    said: `${of('ActiveState')} (${of('SubState')})`,
    // Old versions of systemd give no invocation id.
    instance: `${of('InvocationID')} ${pid} ${of('ExecMainStartTimestamp')}`,
    pid,
    startedAt: of('ExecMainStartTimestamp'),
    restarts: number(properties.get('NRestarts')),
    health: 'none',
    ...(end === undefined || pid !== '' ? {} : { end }),
  };
}
