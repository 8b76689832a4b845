import { ArrowLeft, ArrowRight, ListChecks, Play, RefreshCw } from 'lucide-react';
import type { FormEvent, ReactNode } from 'react';
import { useEffect, useMemo, useRef } from 'react';
import { useStore } from 'zustand';
import './runs.css';
import type { Environment } from '../../../contract/environments.ts';
import type { Runbook } from '../../../contract/runs.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices } from '../../app/services.tsx';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { shortHash } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import { useConnection } from '../connection/use-connection.ts';
import { confirmSentence, TypedName } from './confirm-fields.tsx';
import { DangerBand, inDanger } from './danger.tsx';
import { InputFields } from './input-fields.tsx';
import { LockBanner } from './lock-banner.tsx';
import { BlastRadius, PlanView } from './plan-view.tsx';
import { PreflightView } from './preflight-view.tsx';
import { SurveyView } from './survey-view.tsx';
import type { Stage, Wizard as WizardModel, WizardState } from './wizard-store.ts';
import { createWizard, mayStart, missingInputs, stages } from './wizard-store.ts';

/** How long an input rests before the host is asked again, in milliseconds. */
const SURVEY_MS = 700;

const stageTitles: Readonly<Record<Stage, string>> = { inputs: 'Inputs', plan: 'Plan', preflight: 'Preflight', confirm: 'Confirm' };

function Stages({ stage, reach, onStage }: { stage: Stage; reach: number; onStage: (stage: Stage) => void }) {
  const now = stages.indexOf(stage);
  return (
    <ol className="stages" aria-label="Stages">
      {stages.map((each, place) => (
        <li key={each} className={place < now ? 'is-past' : ''} aria-current={each === stage ? 'step' : undefined}>
          <button type="button" disabled={place > reach} onClick={() => onStage(each)}>
            <span className="plan-place" aria-hidden="true">
              {place + 1}
            </span>
            {stageTitles[each]}
          </button>
        </li>
      ))}
      <li>
        <span className="stages-end">
          <span className="plan-place" aria-hidden="true">
            5
          </span>
          Run
        </span>
      </li>
    </ol>
  );
}

/** The foot of each stage: the way on is a submit, so that Enter takes it. */
function StageForm({ title, onSubmit, children, foot }: { title: string; onSubmit: () => void; children: ReactNode; foot: ReactNode }) {
  const form = useRef<HTMLFormElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    if (form.current?.contains(document.activeElement) !== true) heading.current?.focus();
    const onKey = (event: KeyboardEvent): void => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) form.current?.requestSubmit();
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, []);
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    onSubmit();
  };
  return (
    <form ref={form} className="stage" onSubmit={submit} aria-label={title}>
      <div className="stage-body">
        <h2 ref={heading} tabIndex={-1}>
          {title}
        </h2>
        {children}
      </div>
      <div className="stage-foot">{foot}</div>
    </form>
  );
}

interface StageProps {
  readonly environment: Environment;
  readonly runbook: Runbook;
  readonly wizard: WizardModel;
  readonly state: WizardState;
  readonly onStarted: (runId: string) => void;
}

function StageView({ environment, runbook, wizard, state, onStarted }: StageProps) {
  const { stage, plan, preflight, busy, problem } = state;
  const trouble = problem !== undefined && (
    <ProblemView
      problem={problem}
      onRetry={problem.code === 'plan-stale' ? () => void wizard.makePlan() : undefined}
      retryTitle="Make the plan again"
    />
  );
  const back = (to: Stage): ReactNode => (
    <Button icon={ArrowLeft} onClick={() => wizard.goTo(to)}>
      Back
    </Button>
  );
  if (stage === 'inputs' || plan === undefined) {
    return (
      <StageForm
        key="inputs"
        title={`${runbook.title}: inputs`}
        onSubmit={() => void wizard.makePlan()}
        foot={
          <>
            <ButtonLink href={sectionLink(environment.id, 'runs')}>Cancel</ButtonLink>
            <Button type="submit" tone="primary" icon={ListChecks} keys="mod+enter" busy={busy === 'planning'}>
              Make the plan
            </Button>
            <span className="faint">Making a plan changes nothing.</span>
          </>
        }
      >
        <p className="muted">{runbook.description}</p>
        <InputFields
          environment={environment}
          runbook={runbook}
          values={state.values}
          missing={state.missing}
          survey={state.survey}
          onValue={wizard.setValue}
        />
        <SurveyView survey={state.survey} inputs={runbook.inputs} onRetry={() => void wizard.look()} />
        {trouble}
      </StageForm>
    );
  }
  if (stage === 'plan') {
    return (
      <StageForm
        key="plan"
        title={`${plan.title}: the plan`}
        onSubmit={() => wizard.goTo('preflight')}
        foot={
          <>
            {back('inputs')}
            <Button type="submit" tone="primary" icon={ArrowRight} keys="mod+enter">
              Continue to preflight
            </Button>
          </>
        }
      >
        <PlanView plan={plan} />
      </StageForm>
    );
  }
  if (stage === 'preflight') {
    const stopped = preflight !== undefined && !preflight.ok;
    return (
      <StageForm
        key="preflight"
        title={`${plan.title}: preflight`}
        onSubmit={() => {
          if (preflight?.ok === true) wizard.goTo('confirm');
        }}
        foot={
          <>
            {back('plan')}
            <Button icon={RefreshCw} busy={busy === 'checking'} onClick={() => void wizard.runPreflight()}>
              Check again
            </Button>
            <Button type="submit" tone="primary" icon={ArrowRight} keys="mod+enter" disabled={preflight?.ok !== true}>
              Continue to confirm
            </Button>
            {stopped && <span className="field-problem">The run cannot begin until this is mended.</span>}
          </>
        }
      >
        {preflight === undefined && problem === undefined && <Skeleton lines={5} label="Checking whether the plan can be carried out" />}
        {preflight !== undefined && <PreflightView preflight={preflight} />}
        {trouble}
      </StageForm>
    );
  }
  const start = async (): Promise<void> => {
    const run = await wizard.start();
    if (run !== undefined) onStarted(run.id);
  };
  return (
    <StageForm
      key="confirm"
      title={`${plan.title}: confirm`}
      onSubmit={() => void start()}
      foot={
        <>
          {back('preflight')}
          <Button
            type="submit"
            tone={plan.effect === 'destructive' ? 'danger' : 'primary'}
            icon={Play}
            busy={busy === 'starting'}
            disabled={!mayStart(state)}
          >
            Start run
          </Button>
          <span className="faint">It goes on when this window is closed.</span>
        </>
      }
    >
      <p>{confirmSentence(plan)}</p>
      <BlastRadius plan={plan} />
      <dl className="facts">
        <dt>Plan</dt>
        <dd>
          <code title={plan.hash}>{shortHash(plan.hash)}</code>
        </dd>
        {Object.entries(plan.inputs).map(([name, value]) => (
          <div key={name} className="facts-pair">
            <dt>{runbook.inputs.find((input) => input.name === name)?.title ?? name}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
        <dt>Way back</dt>
        <dd>
          {plan.pointOfNoReturn === null
            ? 'Every change can be reverted with one press.'
            : `Until “${plan.steps.find(({ id }) => id === plan.pointOfNoReturn)?.title ?? ''}” has begun.`}
        </dd>
      </dl>
      {plan.requiresTypedName && <TypedName name={plan.environmentName} value={state.typedName} onValue={wizard.setTypedName} autoFocus />}
      {trouble}
    </StageForm>
  );
}

/** Asks what the host has when it can be asked, and again when an input that may narrow it has changed. */
function useSurvey(wizard: WizardModel, { survey, values, stage }: WizardState, environmentId: string): void {
  const { connected } = useConnection(environmentId);
  const asked = useRef<string | undefined>(undefined);
  const found = survey.findings.length > 0;
  const words = JSON.stringify(values);
  useEffect(() => {
    if (!connected || stage !== 'inputs' || asked.current === words) return;
    // The host that had nothing to say at first has nothing to narrow.
    if (asked.current !== undefined && !found) return;
    const timer = setTimeout(
      () => {
        asked.current = words;
        void wizard.look();
      },
      asked.current === undefined ? 0 : SURVEY_MS,
    );
    return () => clearTimeout(timer);
  }, [wizard, connected, stage, words, found]);
}

function Prepared({
  environment,
  runbook,
  query,
}: {
  environment: Environment;
  runbook: Runbook;
  query: Readonly<Record<string, string>>;
}) {
  const { client, stores } = useServices();
  const wizard = useMemo(() => createWizard(client, environment.id, runbook, query), [client, environment.id, runbook, query]);
  const state = useStore(wizard.store);
  const planned = useRef(false);
  useEffect(() => {
    // What came with the link is enough: the plan is read at once. It changes nothing.
    if (planned.current || Object.keys(query).length === 0 || missingInputs(runbook, wizard.store.getState().values).length > 0) return;
    planned.current = true;
    void wizard.makePlan();
  }, [wizard, runbook, query]);
  useSurvey(wizard, state, environment.id);
  const reach = state.plan === undefined ? 0 : state.preflight?.ok === true ? 3 : 2;
  const onStarted = (runId: string): void => {
    void stores.runs(environment.id).refresh();
    navigate(sectionLink(environment.id, 'runs', runId), { replace: true });
  };
  return (
    <div className={`wizard-page ${inDanger({ effect: runbook.effect, tier: environment.tier }) ? 'in-danger' : ''}`}>
      {inDanger({ effect: runbook.effect, tier: environment.tier }) && <DangerBand name={environment.name} title={runbook.title} />}
      <LockBanner environment={environment} />
      <div className="wizard">
        <Stages stage={state.plan === undefined ? 'inputs' : state.stage} reach={reach} onStage={wizard.goTo} />
        <StageView environment={environment} runbook={runbook} wizard={wizard} state={state} onStarted={onStarted} />
      </div>
    </div>
  );
}

/** The way to a run of any runbook: inputs, plan, preflight, confirm. */
export function Wizard({
  environment,
  runbookId,
  query,
}: {
  environment: Environment;
  runbookId: string;
  query: Readonly<Record<string, string>>;
}) {
  const { stores } = useServices();
  const runbooks = stores.runbooks(environment.id);
  const { data, problem } = useLoadable(runbooks);
  const runbook = data?.find(({ id }) => id === runbookId);
  if (runbook !== undefined) return <Prepared environment={environment} runbook={runbook} query={query} />;
  return (
    <div className="page page-narrow">
      {problem !== undefined ? (
        <ProblemView problem={problem} onRetry={() => void runbooks.refresh()} />
      ) : data === undefined ? (
        <Skeleton lines={5} label="Loading the runbook" />
      ) : (
        <Empty
          icon={ListChecks}
          title="No such runbook here"
          actions={<ButtonLink href={sectionLink(environment.id, 'runs')}>Runs and runbooks</ButtonLink>}
        >
          <p>The stack of this environment has no runbook “{runbookId}”.</p>
        </Empty>
      )}
    </div>
  );
}
