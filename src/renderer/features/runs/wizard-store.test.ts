import { describe, expect, it } from 'vitest';
import { Problem } from '../../../contract/problem.ts';
import type { Plan, Preflight, Runbook } from '../../../contract/runs.ts';
import type { Client } from '../../app/services.tsx';
import type { WizardState } from './wizard-store.ts';
import { createWizard, initialValues, mayStart, missingInputs } from './wizard-store.ts';

const runbook: Runbook = {
  id: 'restore-backup',
  title: 'Restore',
  description: '',
  effect: 'destructive',
  inputs: [
    { name: 'backup', title: 'Backup', type: 'backup', required: true },
    { name: 'label', title: 'Label', type: 'text', required: false, default: 'before' },
    { name: 'dry', title: 'Dry run', type: 'boolean', required: false },
  ],
};
const hash = 'a'.repeat(64);
const plan: Plan = {
  id: 'plan-1',
  hash,
  environmentId: 'e',
  environmentName: 'eu',
  tier: 'production',
  runbook: runbook.id,
  title: 'Restore',
  effect: 'destructive',
  inputs: {},
  blastRadius: [],
  steps: [],
  pointOfNoReturn: null,
  requiresTypedName: true,
  createdAt: 0,
};
const passed: Preflight = { planId: plan.id, planHash: hash, at: 0, ok: true, items: [] };

/** A host that notes what it was asked, and answers as told. */
function hostWith(answers: { preflight?: Preflight; confirm?: () => never } = {}) {
  const asked: string[] = [];
  const client = {
    runs: {
      plan: async ({ inputs }: { inputs: Record<string, string> }) => {
        asked.push(`plan ${JSON.stringify(inputs)}`);
        return plan;
      },
      preflight: async () => {
        asked.push('preflight');
        return answers.preflight ?? passed;
      },
      confirm: async ({ typedName, planHash }: { typedName?: string; planHash: string }) => {
        asked.push(`confirm ${planHash === hash} ${typedName ?? 'no name'}`);
        answers.confirm?.();
        return { token: 't', expiresAt: 0 };
      },
      start: async () => {
        asked.push('start');
        return { id: 'run-1' };
      },
    },
  } as unknown as Client;
  return { client, asked };
}

describe('inputs', () => {
  it('come from the link first, then from the runbook', () => {
    expect(initialValues(runbook, { backup: 'b.db' })).toEqual({ backup: 'b.db', label: 'before', dry: 'false' });
  });

  it('that are required must say something', () => {
    expect(missingInputs(runbook, { backup: '  ' })).toEqual(['backup']);
    expect(missingInputs(runbook, { backup: 'b.db' })).toEqual([]);
  });
});

describe('may start', () => {
  const ready: WizardState = {
    values: {},
    stage: 'confirm',
    plan,
    preflight: passed,
    typedName: 'eu',
    busy: undefined,
    missing: [],
    survey: { status: 'idle', findings: [] },
  };
  it.each<[string, Partial<WizardState>, boolean]>([
    ['with everything right', {}, true],
    ['without a plan', { plan: undefined }, false],
    ['without a preflight', { preflight: undefined }, false],
    ['with a preflight that stops', { preflight: { ...passed, ok: false } }, false],
    ['with the preflight of another plan', { preflight: { ...passed, planHash: 'b'.repeat(64) } }, false],
    ['with a wrong name', { typedName: 'EU' }, false],
    ['with a name that is not finished', { typedName: 'e' }, false],
    ['while something is under way', { busy: 'starting' }, false],
  ])('%s', (_name, change, expected) => expect(mayStart({ ...ready, ...change })).toBe(expected));

  it('without a name where none is asked', () =>
    expect(mayStart({ ...ready, plan: { ...plan, requiresTypedName: false }, typedName: '' })).toBe(true));
});

describe('the way to a run', () => {
  it('asks nothing of the host while an input is missing', async () => {
    const { client, asked } = hostWith();
    const wizard = createWizard(client, 'e', runbook);
    await wizard.makePlan();
    expect(asked).toEqual([]);
    expect(wizard.store.getState().missing).toEqual(['backup']);
  });

  it('plans, checks, confirms with the typed name, starts', async () => {
    const { client, asked } = hostWith();
    const wizard = createWizard(client, 'e', runbook, { backup: 'b.db' });
    await wizard.makePlan();
    expect(await wizard.start()).toBeUndefined();
    wizard.setTypedName('eu');
    expect(await wizard.start()).toEqual({ id: 'run-1' });
    expect(asked).toEqual(['plan {"backup":"b.db","label":"before","dry":"false"}', 'preflight', 'confirm true eu', 'start']);
  });

  it('throws plan, checks and name away when an input changes', async () => {
    const { client } = hostWith();
    const wizard = createWizard(client, 'e', runbook, { backup: 'b.db' });
    await wizard.makePlan();
    wizard.setTypedName('eu');
    wizard.setValue('backup', 'other.db');
    expect(wizard.store.getState()).toMatchObject({ plan: undefined, preflight: undefined, typedName: '' });
  });

  it('shows a refused confirmation and starts nothing', async () => {
    const { client, asked } = hostWith({
      confirm: () => {
        throw new Problem('plan-stale', 'The facts have changed.');
      },
    });
    const wizard = createWizard(client, 'e', runbook, { backup: 'b.db' });
    await wizard.makePlan();
    wizard.setTypedName('eu');
    expect(await wizard.start()).toBeUndefined();
    expect(wizard.store.getState()).toMatchObject({ busy: undefined, problem: { code: 'plan-stale' } });
    expect(asked).not.toContain('start');
  });
});
