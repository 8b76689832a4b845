import type { PlanStep, Run, RunStep } from '../../../contract/runs.ts';
import { formatBytes, formatCount, formatDuration, plural } from '../../ui/format.ts';
import { stepLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Clock, Since } from '../../ui/time.tsx';
import { CommandList } from './command-list.tsx';
import { NoReturn } from './plan-view.tsx';

const notSeen = 'It was begun and its end was not seen. It may or may not have happened.';

function StepTime({ step }: { step: RunStep }) {
  if (step.startedAt === null) return null;
  return (
    <span className="faint nowrap step-time">
      <Clock at={step.startedAt} />
      {' · '}
      {step.durationMs !== null ? (
        formatDuration(step.durationMs)
      ) : step.state === 'running' || step.state === 'reverting' ? (
        <Since at={step.startedAt} />
      ) : (
        'end not seen'
      )}
    </span>
  );
}

function StepProgress({ title, progress }: { title: string; progress: NonNullable<RunStep['progress']> }) {
  const words = progress.unit === 'bytes' ? formatBytes : formatCount;
  return (
    <div className="row">
      <div className="grow">
        <Progress label={title} done={progress.done} total={progress.total} />
      </div>
      <span className="faint nowrap">
        {words(progress.done)} of {words(progress.total)}
      </span>
    </div>
  );
}

function StepItem({ planned, step, showFacts }: { planned: PlanStep; step: RunStep; showFacts: boolean }) {
  const look = stepLooks[step.state];
  const Icon = look.icon;
  const facts = Object.entries(step.output);
  return (
    <div className={`run-step run-step-${step.state}`}>
      <Icon size={16} aria-hidden="true" className={`tone-${look.tone} run-step-icon ${look.tone === 'busy' ? 'spin' : ''}`} />
      <div className="stack grow run-step-words">
        <div className="row">
          <h3 className="break">{planned.title}</h3>
          <span className={`run-step-state tone-${look.tone}`}>{look.word}</span>
          <span className="end">
            <StepTime step={step} />
          </span>
        </div>
        {step.state === 'unknown' && <p className="tone-unsure">{notSeen}</p>}
        {step.observed !== null && <p className="break">{step.observed}</p>}
        {step.progress !== null && step.state === 'running' && <StepProgress title={planned.title} progress={step.progress} />}
        {facts.length > 0 && (
          <details className="undo" open={showFacts}>
            <summary>{plural(facts.length, 'fact')}</summary>
            <dl className="facts">
              {facts.map(([name, value]) => (
                <div key={name} className="facts-pair">
                  <dt>{name}</dt>
                  <dd className="mono">{value}</dd>
                </div>
              ))}
            </dl>
          </details>
        )}
        {step.problem !== null && <ProblemView problem={step.problem} />}
        {planned.commands.length > 0 && (
          <details className="undo">
            <summary>What {step.state === 'pending' || step.state === 'skipped' ? 'would be' : 'was'} sent</summary>
            <CommandList commands={planned.commands} label={`Commands: ${planned.title}`} />
          </details>
        )}
      </div>
    </div>
  );
}

/** The steps of a run as they stand. */
export function RunSteps({ run }: { run: Run }) {
  return (
    <ol className="run-steps" aria-label="Steps">
      {run.plan.steps.map((planned) => {
        const step = run.steps.find(({ id }) => id === planned.id);
        if (step === undefined) return null;
        return (
          <li key={planned.id} aria-label={`${planned.title}: ${stepLooks[step.state].word}`}>
            {planned.id === run.plan.pointOfNoReturn && <NoReturn />}
            <StepItem planned={planned} step={step} showFacts={planned === run.plan.steps.at(-1)} />
          </li>
        );
      })}
    </ol>
  );
}
