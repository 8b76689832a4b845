import type { Environment } from '../../contract/environments.ts';
import type { PreflightItem } from '../../contract/runs.ts';
import type { SshSession } from '../drivers/ssh/types.ts';
import type { Action, ActionContext, ActionRegistry } from './action.ts';
import { holderText, readLockState } from './host-lock.ts';
import { shownInput } from './plan.ts';
import type { RunStore } from './run-store.ts';
import { sessionsVerdict } from './sessions.ts';
import type { StoredPlan } from './types.ts';
import { toProblem } from './words.ts';

const SKEW_WARNED_MS = 30_000;
const unresolved = (run: { state: string }) => run.state === 'interrupted' || run.state === 'unknown' || run.state === 'paused';

/** A look of which nothing may be concluded when it throws: `unknown`, which stops the run. */
async function look(id: string, title: string, work: () => Promise<Omit<PreflightItem, 'id' | 'title'>>): Promise<PreflightItem> {
  try {
    return { id, title, ...(await work()) };
  } catch (error) {
    const { message, hint } = toProblem(error);
    return { id, title, verdict: 'unknown', detail: hint === undefined ? message : `${message} ${hint}` };
  }
}

/** What is looked at before any plan, then what each step's action looks at. Reads only. */
export async function runPreflight(options: {
  stored: StoredPlan;
  environment: Environment;
  actions: ActionRegistry;
  runs: RunStore;
  operator: string;
  clock: () => number;
  contextFor: (stepId: string) => ActionContext;
}): Promise<PreflightItem[]> {
  const { stored, environment, actions, runs, clock } = options;
  const { plan, recipe } = stored;
  const mutating = plan.effect !== 'read';
  const context = options.contextFor('preflight');
  const items: PreflightItem[] = [
    {
      id: 'policy',
      title: 'Policy',
      verdict: 'pass',
      detail: plan.requiresTypedName
        ? `This is a ${environment.tier} environment: its name, ${environment.name}, must be typed.`
        : `${environment.tier}: ${plan.effect === 'read' ? 'reads only' : 'a confirmation is asked'}.`,
    },
  ];

  let session: SshSession | undefined;
  items.push(
    await look('connection', 'Connection', async () => {
      session = await context.session();
      return { verdict: 'pass', detail: `Connected; host key ${session.server.hostKeyType} ${session.server.fingerprint}.` };
    }),
  );
  // Without a connection every other look would say the same thing again.
  if (session === undefined) return items;
  const connected = session;

  if (mutating) {
    items.push(await look('lock', 'Host lock', () => lockVerdict(connected, runs, options.operator)));
    items.push(await look('clock', 'Clocks', () => clockVerdict(connected, clock)));
  }
  items.push(await look('sessions', 'Who else is connected', () => sessionsVerdict(connected)));
  for (const [index, step] of recipe.steps.entries()) {
    const action = actions.get(step.action) as Action;
    if (action.preflight === undefined) continue;
    const title = plan.steps[index]?.title ?? action.title;
    try {
      const found = await action.preflight(options.contextFor(step.id), shownInput(step, action));
      items.push(...found.map((item) => ({ ...item, id: `${step.id}-${item.id}`.slice(0, 64) })));
    } catch (error) {
      items.push({ id: step.id, title, verdict: 'unknown', detail: toProblem(error).message });
    }
  }
  return items;
}

async function lockVerdict(session: SshSession, runs: RunStore, operator: string): Promise<Omit<PreflightItem, 'id' | 'title'>> {
  const { holder, place, shared } = await readLockState(session);
  if (holder === undefined)
    return shared
      ? { verdict: 'pass', detail: `Nobody else is changing this host (${place} is free).` }
      : {
          verdict: 'warn',
          detail: `Nobody else of this account is changing this host (${place} is free). It has no folder that all its accounts share, so operators with other logins are not seen: ask them.`,
        };
  const own = runs.find(holder.runId);
  if (own === undefined || holder.operator !== operator)
    return { verdict: 'block', detail: `${holderText(holder)} Nothing can be changed until it is given back.` };
  if (own.state === 'running' || own.state === 'reverting')
    return { verdict: 'block', detail: 'A run of yours is changing this host right now.' };
  if (unresolved(own)) return { verdict: 'block', detail: `Your run ${own.id} is ${own.state}: resume or revert it first.` };
  return { verdict: 'warn', detail: `Your run ${own.id} has ended (${own.state}) and could not give its lock back; it will be released.` };
}

async function clockVerdict(session: SshSession, clock: () => number): Promise<Omit<PreflightItem, 'id' | 'title'>> {
  const before = clock();
  const outcome = await session.exec({ script: 'date +%s\n' }, { timeoutMs: 10_000 });
  const after = clock();
  const remote = outcome.outcome === 'done' && outcome.exitCode === 0 ? Number(outcome.stdout.toString('utf8').trim()) * 1000 : Number.NaN;
  if (!Number.isFinite(remote)) return { verdict: 'warn', detail: "The host's clock could not be read; nothing is decided by it." };
  const skew = Math.round((remote + 500 - (before + after) / 2) / 1000);
  const words = `The host's clock is ${Math.abs(skew)} s ${skew < 0 ? 'behind' : 'ahead of'} this laptop's`;
  return Math.abs(skew) * 1000 > SKEW_WARNED_MS
    ? { verdict: 'warn', detail: `${words}. Times in logs and backup names will differ; nothing is decided by them.` }
    : { verdict: 'pass', detail: `${words}.` };
}
