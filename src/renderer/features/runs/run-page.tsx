import { ArrowLeft } from 'lucide-react';
import './runs.css';
import type { Environment } from '../../../contract/environments.ts';
import type { Run } from '../../../contract/runs.ts';
import { sectionLink } from '../../app/router.ts';
import { Skeleton } from '../../ui/empty.tsx';
import { formatDuration, shortHash } from '../../ui/format.ts';
import { Pill, runLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Exact, Since } from '../../ui/time.tsx';
import { DangerBand, inDanger } from './danger.tsx';
import { BlastRadius } from './plan-view.tsx';
import { RunActions } from './run-actions.tsx';
import { RunSteps } from './run-steps.tsx';
import { useRun } from './use-run.ts';

function Result({ run }: { run: Run }) {
  const look = runLooks[run.state];
  const unsure = run.steps.some(({ state }) => state === 'unknown');
  const tone = look.tone === 'busy' || look.tone === 'mute' ? '' : `note-${look.tone}`;
  return (
    <div className={`note ${tone}`} role="status" aria-label="How it stands">
      <div className="stack">
        <p className="run-summary break">{run.summary}</p>
        {unsure && (
          <p className="muted">Nothing is assumed about a step whose end was not seen: it is neither shown as done nor as failed.</p>
        )}
      </div>
    </div>
  );
}

/** One run: as it goes, or as it went. Its address can be opened at any time. */
export function RunPage({ environment, runId }: { environment: Environment; runId: string }) {
  const view = useRun(environment.id, runId);
  const { run, problem } = view;
  if (run === undefined) {
    return (
      <div className="page page-narrow">
        {problem === undefined ? <Skeleton lines={6} label="Loading the run" /> : <ProblemView problem={problem} onRetry={view.retry} />}
      </div>
    );
  }
  const { plan } = run;
  const running = run.state === 'running' || run.state === 'reverting';
  const done = run.steps.filter(({ state }) => state === 'done').length;
  return (
    <div className={`wizard-page ${inDanger(plan) ? 'in-danger' : ''}`}>
      {inDanger(plan) && <DangerBand name={plan.environmentName} title={plan.title} />}
      <div className="page">
        <div className="run">
          <a href={sectionLink(environment.id, 'runs')} className="row back-link">
            <ArrowLeft size={14} aria-hidden="true" />
            Back to the list
          </a>
          <header className="run-head">
            <h2 className="run-title break">{plan.title}</h2>
            <Pill look={runLooks[run.state]} />
            <span className="muted">
              {done} of {run.steps.length} steps done
            </span>
            <div className="row end">
              <RunActions run={run} view={view} />
            </div>
          </header>
          <dl className="run-facts">
            <div>
              <dt>Started</dt>
              <dd>
                <Exact at={run.startedAt} />
              </dd>
            </div>
            <div>
              <dt>Took</dt>
              <dd>
                {run.endedAt !== null ? (
                  formatDuration(run.endedAt - run.startedAt)
                ) : running ? (
                  <Since at={run.startedAt} />
                ) : run.state === 'paused' ? (
                  'paused'
                ) : (
                  'end not seen'
                )}
              </dd>
            </div>
            <div>
              <dt>By</dt>
              <dd className="break">{run.operator}</dd>
            </div>
            <div>
              <dt>Plan</dt>
              <dd>
                <code title={plan.hash}>{shortHash(plan.hash)}</code>
              </dd>
            </div>
            {Object.entries(plan.inputs).map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd className="mono break">{value}</dd>
              </div>
            ))}
            <div>
              <dt>Record</dt>
              <dd>
                <a href={sectionLink(environment.id, 'journal', undefined, { run: run.id })}>Its entries</a>
              </dd>
            </div>
          </dl>
          {problem !== undefined && <ProblemView problem={problem} onRetry={view.retry} />}
          <Result run={run} />
          {running && run.allowed.some((what) => what === 'pause' || what === 'cancel') && run.safePoint !== null && (
            <p className="muted safe-point">
              A pause or a cancel stops before <strong className="break">“{run.safePoint.title}”</strong>. The step that runs is never
              killed.
            </p>
          )}
          <RunSteps run={run} />
          <BlastRadius plan={plan} />
        </div>
      </div>
    </div>
  );
}
