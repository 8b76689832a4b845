import { ExternalLink } from 'lucide-react';
import type { FormEvent } from 'react';
import { useMemo, useState } from 'react';
import { useStore } from 'zustand';
import type { Environment } from '../../../contract/environments.ts';
import type { Runbook } from '../../../contract/runs.ts';
import { sectionLink } from '../../app/router.ts';
import { useServices } from '../../app/services.tsx';
import { Button, ButtonLink } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Pill, runLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { TypedName } from '../runs/confirm-fields.tsx';
import { InputFields } from '../runs/input-fields.tsx';
import { PlanView } from '../runs/plan-view.tsx';
import { PreflightView } from '../runs/preflight-view.tsx';
import { RunSteps } from '../runs/run-steps.tsx';
import { useRun } from '../runs/use-run.ts';
import { createWizard, mayStart } from '../runs/wizard-store.ts';
import '../runs/runs.css';

/** The run that was begun, as it goes, without leaving the list. */
function LiveRun({ environment, runId, onClose }: { environment: Environment; runId: string; onClose: () => void }) {
  const { run, problem, retry } = useRun(environment.id, runId);
  return (
    <div className="stack stack-3">
      {problem !== undefined && <ProblemView problem={problem} onRetry={retry} />}
      {run === undefined ? (
        <Skeleton lines={3} label="Loading the run" />
      ) : (
        <>
          <div className="row" role="status">
            <Pill look={runLooks[run.state]} />
            <span className="break">{run.summary}</span>
          </div>
          <RunSteps run={run} />
        </>
      )}
      <div className="dialog-actions">
        <ButtonLink icon={ExternalLink} href={sectionLink(environment.id, 'runs', runId)}>
          Open run
        </ButtonLink>
        <Button tone="primary" autoFocus onClick={onClose}>
          Done
        </Button>
      </div>
    </div>
  );
}

/** The short way to a backup: the same plan, preflight and confirmation as every run, in one dialog. */
export function CreateBackupDialog({ environment, runbook, onClose }: { environment: Environment; runbook: Runbook; onClose: () => void }) {
  const { client, stores } = useServices();
  const wizard = useMemo(() => createWizard(client, environment.id, runbook), [client, environment.id, runbook]);
  const state = useStore(wizard.store);
  const [runId, setRunId] = useState<string>();
  const { plan, preflight, busy, problem } = state;

  const submit = (event: FormEvent): void => {
    event.preventDefault();
    if (plan === undefined) return void wizard.makePlan();
    wizard.start().then(
      (run) => {
        if (run === undefined) return;
        setRunId(run.id);
        void stores.runs(environment.id).refresh();
      },
      () => undefined,
    );
  };
  const close = (): void => {
    if (runId !== undefined) void stores.backups(environment.id).refresh();
    onClose();
  };

  return (
    <Dialog
      onClose={close}
      size="large"
      title="Create backup"
      description={`On ${environment.name}. Nothing happens before you have seen the plan and started it.`}
    >
      {runId !== undefined ? (
        <LiveRun environment={environment} runId={runId} onClose={close} />
      ) : (
        <form className="stack stack-4" onSubmit={submit}>
          <InputFields
            environment={environment}
            runbook={runbook}
            values={state.values}
            missing={state.missing}
            survey={state.survey}
            onValue={wizard.setValue}
          />
          {plan !== undefined && <PlanView plan={plan} />}
          {plan !== undefined && preflight === undefined && problem === undefined && (
            <Skeleton lines={2} label="Checking whether the plan can be carried out" />
          )}
          {preflight !== undefined && <PreflightView preflight={preflight} />}
          {plan !== undefined && preflight?.ok === true && plan.requiresTypedName && (
            <TypedName name={plan.environmentName} value={state.typedName} onValue={wizard.setTypedName} autoFocus />
          )}
          {problem !== undefined && <ProblemView problem={problem} onRetry={() => void wizard.makePlan()} />}
          <div className="dialog-actions">
            <Button onClick={onClose}>Cancel</Button>
            {plan === undefined ? (
              <Button type="submit" tone="primary" busy={busy === 'planning'}>
                Show the plan
              </Button>
            ) : (
              <Button type="submit" tone="primary" busy={busy === 'starting'} disabled={!mayStart(state)}>
                Start backup
              </Button>
            )}
          </div>
        </form>
      )}
    </Dialog>
  );
}
