import { plainLine } from '../../../engine/words.ts';

/**
 * How a service stands. `restarting`: it ended by itself and will be started again (between two crashes it runs for a moment).
 * `unclear`: what is said of it does not fit together.
 */
export type LifeState = 'running' | 'starting' | 'restarting' | 'stopping' | 'paused' | 'stopped' | 'failed' | 'absent' | 'unclear';

/** How it ended the last time. */
export interface LifeEnd {
  readonly exitCode: number | undefined;
  /** `SIGKILL`; undefined when no signal ended it. */
  readonly signal: string | undefined;
  readonly outOfMemory: boolean;
}

/** One process, unit or container, as it was seen. Texts of the host are plain and capped. */
export interface Life {
  /** What it is called, in words. */
  readonly name: string;
  /** What it is addressed by: id of the container, name of the unit, `process`. Empty when there is none. */
  readonly id: string;
  /** Service of a compose project. */
  readonly service?: string;
  /** Another service waits for its end: it is done when it has ended well. */
  readonly oneShot?: true;
  readonly state: LifeState;
  /** Its control says that it runs, and a process of that number is not seen: it may be one of a container, or be gone. */
  readonly unseen?: true;
  /** The host's own word for it. */
  readonly said: string;
  /** Another text for each time it was started. */
  readonly instance: string;
  /** As the host counts; empty when it does not run. */
  readonly pid: string;
  /** As the host writes it; empty when it is not told. */
  readonly startedAt: string;
  /** Of a container: `always`, `on-failure:5`. */
  readonly policy?: string;
  /** Of a container: when it was made, and given its environment. */
  readonly createdAt?: string;
  /** Times it was started again without being asked; undefined when the host does not count. */
  readonly restarts: number | undefined;
  readonly health: 'none' | 'starting' | 'healthy' | 'unhealthy';
  readonly image?: { readonly id: string; readonly tag: string };
  readonly end?: LifeEnd;
}

const SIGNALS: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  3: 'SIGQUIT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  8: 'SIGFPE',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
};

/** `SIGKILL` for 9. */
export const signalName = (number: number) => SIGNALS[number] ?? `signal ${number}`;

/** An exit code as a container shows it: above 128 it stands for a signal. */
export function endOfExitCode(exitCode: number, outOfMemory: boolean): LifeEnd {
  return { exitCode, signal: exitCode > 128 && exitCode < 160 ? signalName(exitCode - 128) : undefined, outOfMemory };
}

/** True when it was killed, which no stop is that deserves the name graceful. */
export const wasKilled = (end: LifeEnd | undefined) => end !== undefined && (end.signal === 'SIGKILL' || end.outOfMemory);

/** `exit code 137 (SIGKILL, out of memory)`; empty when nothing is known. */
export function endWords(end: LifeEnd | undefined): string {
  if (end === undefined) return '';
  const why = [end.signal, end.outOfMemory ? 'out of memory' : undefined].filter((word) => word !== undefined).join(', ');
  if (end.exitCode === undefined) return why;
  return `exit code ${end.exitCode}${why === '' ? '' : ` (${why})`}`;
}

/** One sentence's worth: how it stands. */
export function lifeWords(life: Life): string {
  const id = life.image?.id.replace(/^sha256:/, '').slice(0, 12);
  const facts = [
    life.state === 'running' && life.pid !== '' ? `process ${life.pid}` : '',
    life.startedAt === '' || life.state !== 'running' ? '' : `since ${plainLine(life.startedAt, 40)}`,
    life.restarts === undefined || life.state === 'absent' ? '' : `${life.restarts} restart${life.restarts === 1 ? '' : 's'}`,
    life.health === 'none' ? '' : life.health,
    life.image === undefined ? '' : `image ${life.image.tag} (${id ?? ''})`,
    life.state === 'running' || life.state === 'absent' ? '' : endWords(life.end),
  ].filter((text) => text !== '');
  const state = life.state === 'absent' ? 'not there' : life.state;
  return `${life.name}: ${state}${facts.length === 0 ? '' : `, ${facts.join(', ')}`}`;
}

/** True when it runs, or has ended well and was meant to end. */
export const isUp = (life: Life) =>
  life.state === 'running' || (life.oneShot === true && life.state === 'stopped' && life.end?.exitCode === 0);

/** True when nothing of it runs and nothing will start it by itself. */
export const isDown = (life: Life) => life.state === 'stopped' || life.state === 'failed' || life.state === 'absent';
