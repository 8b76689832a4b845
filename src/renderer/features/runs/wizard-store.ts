import type { StoreApi } from 'zustand/vanilla';
import { createStore } from 'zustand/vanilla';
import type { ProblemData } from '../../../contract/problem.ts';
import type { Plan, Preflight, Run, Runbook, SurveyFinding } from '../../../contract/runs.ts';
import { problemOf } from '../../app/problem.ts';
import type { Client } from '../../app/services.tsx';

export const stages = ['inputs', 'plan', 'preflight', 'confirm'] as const;
export type Stage = (typeof stages)[number];

/** What the host offers for the inputs, as far as it was asked. */
export interface Survey {
  readonly status: 'idle' | 'looking' | 'ready' | 'failed';
  readonly findings: readonly SurveyFinding[];
  readonly problem?: ProblemData | undefined;
}

/** A run as it is being prepared. What runs is the engine's; here is only what was typed and what the host answered to it. */
export interface WizardState {
  readonly values: Readonly<Record<string, string>>;
  readonly stage: Stage;
  readonly plan?: Plan | undefined;
  readonly preflight?: Preflight | undefined;
  readonly typedName: string;
  /** Warnings of the preflight were read. */
  readonly busy: 'planning' | 'checking' | 'starting' | undefined;
  readonly problem?: ProblemData | undefined;
  /** Inputs that miss a value, shown after the first try. */
  readonly missing: readonly string[];
  readonly survey: Survey;
}

export interface Wizard {
  readonly store: StoreApi<WizardState>;
  setValue(name: string, value: string): void;
  setTypedName(name: string): void;
  /** Asks the host what it offers for the inputs as they are now; an older answer under way is dropped. Reads only. */
  look(): Promise<void>;
  /** Asks for the plan, then for the preflight. */
  makePlan(): Promise<void>;
  runPreflight(): Promise<void>;
  goTo(stage: Stage): void;
  /** Confirms the plan that was shown and begins the run. */
  start(): Promise<Run | undefined>;
}

/** Values for all inputs: what the link brought, else the runbook's defaults. */
export function initialValues(runbook: Runbook, given: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    runbook.inputs.map(({ name, default: preset, type }) => [name, given[name] ?? preset ?? (type === 'boolean' ? 'false' : '')]),
  );
}

const filled = (values: Readonly<Record<string, string>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ''));

/** Names of required inputs without a value. */
export function missingInputs(runbook: Runbook, values: Readonly<Record<string, string>>): string[] {
  return runbook.inputs.filter(({ name, required }) => required && (values[name] ?? '').trim() === '').map(({ name }) => name);
}

/** True when the run may be begun: the checks are through and the name is right where it is asked for. */
export function mayStart({ plan, preflight, typedName, busy }: WizardState): boolean {
  if (plan === undefined || preflight === undefined || busy !== undefined) return false;
  if (!preflight.ok || preflight.planHash !== plan.hash) return false;
  return !plan.requiresTypedName || typedName === plan.environmentName;
}

/** Prepares one run of one runbook. */
export function createWizard(
  client: Client,
  environmentId: string,
  runbook: Runbook,
  given: Readonly<Record<string, string>> = {},
): Wizard {
  const store = createStore<WizardState>(() => ({
    values: initialValues(runbook, given),
    stage: 'inputs',
    typedName: '',
    busy: undefined,
    missing: [],
    survey: { status: 'idle', findings: [] },
  }));
  let looking: AbortController | undefined;
  const fail = (error: unknown): void => store.setState({ busy: undefined, problem: problemOf(error) });

  const runPreflight = async (): Promise<void> => {
    const { plan } = store.getState();
    if (plan === undefined) return;
    store.setState({ busy: 'checking', preflight: undefined, problem: undefined });
    try {
      const preflight = await client.runs.preflight({ planId: plan.id });
      if (store.getState().plan === plan) store.setState({ busy: undefined, preflight });
    } catch (error) {
      if (store.getState().plan === plan) fail(error);
    }
  };

  return {
    store,
    setValue: (name, value) =>
      store.setState(({ values, missing }) => ({
        values: { ...values, [name]: value },
        plan: undefined,
        preflight: undefined,
        typedName: '',
        problem: undefined,
        missing: missing.filter((other) => other !== name),
      })),
    setTypedName: (typedName) => store.setState({ typedName }),
    async makePlan() {
      const { values, busy } = store.getState();
      if (busy !== undefined) return;
      const missing = missingInputs(runbook, values);
      if (missing.length > 0) return store.setState({ missing, stage: 'inputs' });
      store.setState({ busy: 'planning', problem: undefined, missing: [], plan: undefined, preflight: undefined });
      try {
        const inputs = filled(values);
        const plan = await client.runs.plan({ environmentId, runbook: runbook.id, inputs });
        store.setState({ plan, busy: undefined, stage: 'plan' });
        await runPreflight();
      } catch (error) {
        fail(error);
      }
    },
    async look() {
      looking?.abort();
      const mine = new AbortController();
      looking = mine;
      const { values, survey } = store.getState();
      store.setState({ survey: { status: 'looking', findings: survey.findings } });
      try {
        const findings = await client.runs.survey({ environmentId, runbook: runbook.id, inputs: filled(values) }, { signal: mine.signal });
        if (looking === mine) store.setState({ survey: { status: 'ready', findings } });
      } catch (error) {
        // What was seen before stays: it was seen.
        if (looking === mine) store.setState({ survey: { status: 'failed', findings: survey.findings, problem: problemOf(error) } });
      }
    },
    runPreflight,
    goTo: (stage) => store.setState({ stage, problem: undefined }),
    async start() {
      const state = store.getState();
      const { plan, typedName } = state;
      if (plan === undefined || !mayStart(state)) return undefined;
      store.setState({ busy: 'starting', problem: undefined });
      try {
        const { token } = await client.runs.confirm({
          planId: plan.id,
          planHash: plan.hash,
          ...(plan.requiresTypedName ? { typedName } : {}),
        });
        return await client.runs.start({ planId: plan.id, token });
      } catch (error) {
        fail(error);
        return undefined;
      }
    },
  };
}
