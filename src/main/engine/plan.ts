import { BackupName } from '../../contract/backups.ts';
import type { Environment } from '../../contract/environments.ts';
import { Problem } from '../../contract/problem.ts';
import type { RehearsalPlan } from '../../contract/rehearsals.ts';
import type { Plan, PlanStep, RunbookInput } from '../../contract/runs.ts';
import { parseReference, placeholder, resolveReferences } from '../stacks/references.ts';
import type { RunbookDefinition, StackDefinition } from '../stacks/schema.ts';
import type { Action, ActionRegistry } from './action.ts';
import { canonicalHash } from './canonical.ts';
import { newId } from './ids.ts';
import { utcInstant } from './instant.ts';
import type { Recipe, RecipeStep, StoredPlan } from './types.ts';
import { plainLine } from './words.ts';

/** Where an environment leads: a run made for one place never goes on at another. */
export function targetOf(environment: Environment): string {
  const { host, port, user } = environment.ssh.target;
  const hops = environment.ssh.jumps.map((hop) => `${hop.user}@${hop.host}:${hop.port}`);
  return canonicalHash({ host, port, user, hops, stack: environment.stack, inputs: environment.inputs });
}

/** The environment's inputs with the stack's defaults where nothing is set. */
export function environmentInputs(stack: StackDefinition, environment: Environment): Record<string, string> {
  return Object.fromEntries(
    stack.inputs.map((input) => {
      const set = environment.inputs[input.name];
      return [input.name, set === undefined || set === '' ? (input.default ?? '') : set];
    }),
  );
}

/** @throws Problem `bad-input` naming the input */
function runInputs(inputs: readonly RunbookInput[], given: Readonly<Record<string, string>>): Record<string, string> {
  const stray = Object.keys(given).find((name) => !inputs.some((input) => input.name === name));
  if (stray !== undefined)
    throw new Problem('bad-input', `This runbook has no input ${plainLine(stray, 60)}.`, { detail: { input: stray } });
  return Object.fromEntries(
    inputs.map((input) => {
      const value = given[input.name] ?? input.default ?? '';
      const bad = (why: string) => new Problem('bad-input', `${input.title}: ${why}.`, { detail: { input: input.name } });
      if (value === '') {
        if (input.required) throw bad('is needed');
        return [input.name, ''];
      }
      if (input.type === 'number' && !/^-?\d{1,15}(\.\d{1,6})?$/.test(value)) throw bad('must be a number');
      if (input.type === 'boolean' && value !== 'true' && value !== 'false') throw bad('must be true or false');
      if (input.type === 'choice' && input.choices?.includes(value) !== true) throw bad(`must be one of ${input.choices?.join(', ')}`);
      if (input.type === 'backup' && !BackupName.safeParse(value).success) throw bad('must be the name of a backup');
      if (input.type === 'timestamp') {
        const instant = utcInstant(value);
        if (instant === undefined) throw bad('must be a time with a zone, such as 2026-11-27T03:00:00Z');
        return [input.name, instant];
      }
      if (/\p{Cc}/u.test(value)) throw bad('must not contain control characters');
      return [input.name, value];
    }),
  );
}

/** What a person reads before the confirmation of a run that goes back by itself. */
const RETURNS =
  'When a step is seen to fail, what was done is undone at once, without asking. When it is not known how a step ended, nothing is undone: you probe, resume or revert.';
const SCRATCH = 'A scratch target is made; it is removed again by the steps’ own undo when the rehearsal is over.';

/** A step's parameters with what earlier steps will find out standing as `‹step.fact›`. */
export function shownInput(step: RecipeStep, action: Action): unknown {
  const given = resolveReferences(step.with, (reference) =>
    reference.kind === 'steps' ? placeholder(reference.step, reference.name) : '',
  );
  const checked = action.input.safeParse(given);
  if (checked.success) return checked.data;
  const issue = checked.error.issues[0];
  throw new Problem('bad-input', `Step ${step.id}: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not valid'}.`, {
    hint: "Check the environment's inputs and the runbook's.",
  });
}

/** Resolves a runbook. Pure: the same arguments give the same hash. @throws Problem `not-found`, `bad-input` */
export function makePlan(options: {
  environment: Environment;
  stack: StackDefinition;
  stackHash: string;
  runbookId: string;
  inputs: Readonly<Record<string, string>>;
  actions: ActionRegistry;
  now: number;
}): StoredPlan {
  const { environment, stack, actions, now } = options;
  const runbook = stack.runbooks.find(({ id }) => id === options.runbookId);
  if (runbook === undefined) throw new Problem('not-found', `The stack ${stack.title} has no runbook ${options.runbookId}.`);
  const inputs = runInputs(runbook.inputs as RunbookInput[], options.inputs);
  const values = environmentInputs(stack, environment);

  const recipe: Recipe = {
    stackId: stack.stack,
    stackHash: options.stackHash,
    environmentRevision: environment.revision,
    target: targetOf(environment),
    steps: runbook.steps.map((step) => ({
      id: step.id,
      action: step.action,
      with: resolveReferences(step.with, (reference) => {
        if (reference.kind === 'steps') return `\${steps.${reference.step}.${reference.name}}`;
        const value = (reference.kind === 'inputs' ? values : inputs)[reference.name] ?? '';
        // A value is data: one that looks like a reference must not become one when steps are resolved later.
        if (value.includes('${'))
          throw new Problem('bad-input', `${reference.name}: must not contain \${.`, { detail: { input: reference.name } });
        return value;
      }),
    })),
  };
  const steps = runbook.steps.map((definition, index) => planStep(definition, recipe.steps[index] as RecipeStep, environment, actions));
  const effects = new Set(steps.map(({ effect }) => effect));
  const effect = effects.has('destructive') ? 'destructive' : effects.has('write') ? 'write' : 'read';
  const shown = {
    environmentId: environment.id,
    environmentName: environment.name,
    tier: environment.tier,
    runbook: runbook.id,
    title: runbook.title,
    effect,
    inputs,
    blastRadius: [
      ...runbook.blast_radius,
      ...(runbook.on_failure === 'revert' ? [RETURNS] : []),
      ...(runbook.rehearsal !== undefined && steps.some(({ undo }) => undo.kind === 'undo') ? [SCRATCH] : []),
    ],
    steps,
    pointOfNoReturn: runbook.point_of_no_return ?? steps.find((step) => step.undo.kind === 'irreversible')?.id ?? null,
    requiresTypedName: effect === 'destructive' && environment.tier === 'production',
    ...(runbook.on_failure === undefined ? {} : { onFailure: runbook.on_failure }),
    ...(runbook.rehearsal === undefined ? {} : { rehearsal: rehearsalPlan(runbook.rehearsal) }),
  } satisfies Partial<Plan>;
  return { plan: { id: newId('plan', now), hash: canonicalHash({ shown, recipe }), ...shown, createdAt: now }, recipe };
}

function rehearsalPlan(given: NonNullable<RunbookDefinition['rehearsal']>): RehearsalPlan {
  const reference = given.data_time === undefined ? undefined : parseReference(given.data_time);
  const dataTime =
    reference === undefined || reference === 'malformed' || reference.kind !== 'steps'
      ? null
      : { step: reference.step, fact: reference.name };
  return { of: given.of, rtoTargetMs: given.rto, rpoTargetMs: given.rpo, everyMs: given.every, until: given.until, dataTime };
}

function planStep(
  definition: RunbookDefinition['steps'][number],
  step: RecipeStep,
  environment: Environment,
  actions: ActionRegistry,
): PlanStep {
  const action = actions.get(step.action);
  if (action === undefined) throw new Problem('stack-invalid', `There is no action ${step.action}.`);
  const input = shownInput(step, action);
  const { undo } = action;
  return {
    id: step.id,
    title: definition.title ?? action.title,
    action: action.id,
    effect: action.effect,
    commands: [...action.describe(input, environment)],
    undo:
      undo === 'nothing-to-undo'
        ? { kind: 'nothing-to-undo' }
        : 'kept' in undo
          ? { kind: 'kept', reason: undo.kept }
          : 'irreversible' in undo
            ? { kind: 'irreversible', reason: undo.irreversible }
            : { kind: 'undo', title: undo.title, commands: [...undo.describe(input, environment)] },
    ...(definition.why === undefined ? {} : { why: definition.why }),
  };
}
