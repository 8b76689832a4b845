import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { Run } from '../../contract/runs.ts';
import { ExitWith, exitCodes, exitOfRun } from './exit.ts';
import { describePlan, describePreflight, describeProgress, describeSaid, describeStep } from './run-words.ts';
import type { CommandWorld } from './runner.ts';

/** Progress is printed this often, in milliseconds. */
const PROGRESS_MS = 5000;

/** How far a command line may go. Without a word it only shows what would happen. */
export interface Consent {
  /** Show, and do nothing. */
  readonly plan?: boolean;
  /** Do what only writes. */
  readonly yes?: boolean;
  /** The environment's name: do this here, whatever it does. */
  readonly confirm?: string;
}

/** Makes the plan and the preflight, and carries them out as far as was said yes to; otherwise shows them and changes nothing. */
export async function carryOut(
  world: CommandWorld,
  environment: Environment,
  runbook: string,
  inputs: Record<string, string>,
  options: Consent,
): Promise<void> {
  const { client, output, signal } = world;
  const plan = await client.runs.plan({ environmentId: environment.id, runbook, inputs }, { signal });
  const preflight = await client.runs.preflight({ planId: plan.id }, { signal });
  const consent = options.confirm !== undefined || plan.effect === 'read' || (plan.effect === 'write' && options.yes === true);
  const held = !consent;
  if (options.plan === true || held) {
    output.answer({ plan, preflight }, () => `${describePlan(plan)}\n\n${describePreflight(preflight)}`);
    if (options.plan === true) {
      if (!preflight.ok) throw new ExitWith(exitCodes.failed);
      return;
    }
    const destroys = plan.effect === 'destructive';
    throw new Problem(
      'confirmation-required',
      `Nothing was done: this ${destroys ? 'destroys data if it goes wrong' : 'changes something'}.`,
      {
        hint: `When the plan above is what you want, add: ${destroys ? `--confirm "${environment.name}"` : '--yes'}`,
      },
    );
  }
  if (!preflight.ok) {
    output.say(describePreflight(preflight));
    throw new Problem('preflight-blocked', `"${plan.title}" can't be carried out on ${environment.name} now. Nothing was done.`, {
      hint: preflight.items.find(({ verdict }) => verdict === 'block' || verdict === 'unknown')?.detail ?? 'See the preflight above.',
    });
  }
  const typed = options.confirm === undefined ? {} : { typedName: options.confirm };
  if (options.confirm !== undefined && options.confirm !== environment.name) {
    throw new Problem('confirmation-wrong', `"${options.confirm}" is not the name of this environment. Nothing was done.`, {
      hint: `It is "${environment.name}".`,
    });
  }
  const { token } = await client.runs.confirm({ planId: plan.id, planHash: plan.hash, ...typed }, { signal });
  goOn(signal);
  await follow(world, await client.runs.start({ planId: plan.id, token }));
}

/** Ctrl-C before the first step means that there is none. @throws Problem `cancelled` */
export function goOn(signal: AbortSignal): void {
  if (signal.aborted) throw new Problem('cancelled', 'Stopped before it began. Nothing was done.');
}

/** Prints each step as it ends. Ctrl-C asks the run to stop before its next step; a second one leaves it to the journal. */
export async function follow({ client, output, signal }: CommandWorld, begun: Run): Promise<void> {
  const shown = new Set<string>();
  let last = begun;
  let told = performance.now();
  const cancel = (): void => {
    client.runs.cancel({ runId: begun.id }).then(
      ({ summary }) => output.say(`${summary} The step that runs is not interrupted.`),
      (error: unknown) => output.say(error instanceof Error ? error.message : String(error)),
    );
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  try {
    for await (const state of await client.runs.watch({ runId: begun.id })) {
      last = state;
      const now = performance.now();
      const progress = state.steps.find((step) => step.progress !== null)?.progress;
      if (progress != null && now - told > PROGRESS_MS) {
        told = now;
        output.say(`            ${describeProgress(progress)}`);
      }
      for (const step of state.steps) {
        const key = `${step.id} ${step.state}`;
        if (shown.has(key) || step.state === 'pending') continue;
        shown.add(key);
        output.say(describeStep(state, step));
        const said = describeSaid(step);
        if (said !== undefined) output.say(said);
      }
    }
    last = await client.runs.get({ runId: begun.id });
  } finally {
    signal.removeEventListener('abort', cancel);
  }
  output.answer(
    last,
    () =>
      `${last.plan.title} on ${last.plan.environmentName}: ${last.state}. ${last.summary}\nrun ${last.id}${last.allowed.length === 0 ? '' : ` (can: ${last.allowed.join(', ')})`}`,
  );
  const code = exitOfRun(last.state);
  if (code !== exitCodes.done) throw new ExitWith(code);
}
