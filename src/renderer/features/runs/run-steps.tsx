import { ChevronDown } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import type { PlanStep, Run, RunStep } from '../../../contract/runs.ts';
import { formatBytes, formatCount, formatDuration, formatElapsed } from '../../ui/format.ts';
import { stepLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Progress } from '../../ui/progress.tsx';
import { Clock, Since } from '../../ui/time.tsx';
import { CommandList } from './command-list.tsx';
import { NoReturn } from './plan-view.tsx';
import { SaidView } from './said-view.tsx';

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
  const words = progress.unit === 'bytes' ? formatBytes : (count: number) => formatCount(Math.round(count));
  const { rate, remainingMs } = progress;
  return (
    <div className="row">
      <div className="grow">
        <Progress label={title} done={progress.done} total={progress.total} />
      </div>
      <span className="faint nowrap">
        {words(progress.done)}
        {progress.total > 0 && <> of {words(progress.total)}</>}
        {rate !== null && <> · {words(rate)}/s</>}
        {remainingMs !== null && <> · about {formatElapsed(remainingMs + 999)} left</>}
      </span>
    </div>
  );
}

/** What a step found, and what was sent for it. */
function StepDetails({ planned, step }: { planned: PlanStep; step: RunStep }) {
  const facts = Object.entries(step.output);
  return (
    <div className="stack">
      {facts.length > 0 && (
        <dl className="facts">
          {facts.map(([name, value]) => (
            <div key={name} className="facts-pair">
              <dt>{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ))}
        </dl>
      )}
      <CommandList commands={planned.commands} label={`Commands: ${planned.title}`} />
    </div>
  );
}

function StepItem({ planned, step, last, name }: { planned: PlanStep; step: RunStep; last: boolean; name: string }) {
  const look = stepLooks[step.state];
  const Icon = look.icon;
  const [opened, setOpened] = useState<boolean>();
  const item = useRef<HTMLDivElement>(null);
  const now = step.state === 'running' || step.state === 'reverting' || step.state === 'unknown';
  useEffect(() => {
    if (now) item.current?.scrollIntoView({ block: 'nearest' });
  }, [now]);
  // What the last step found is what the whole run was for.
  const open = opened ?? (last && step.state === 'done');
  const something = planned.commands.length > 0 || Object.keys(step.output).length > 0;
  return (
    <div ref={item} className={`run-step run-step-${step.state} ${planned.effect === 'destructive' ? 'step-destructive' : ''}`}>
      <Icon size={16} aria-hidden="true" className={`tone-${look.tone} run-step-icon ${look.tone === 'busy' ? 'spin' : ''}`} />
      <div className="stack grow run-step-words">
        <div className="row">
          <h3 className="break">{planned.title}</h3>
          <span className={`run-step-state tone-${look.tone}`}>{look.word}</span>
          {planned.effect === 'destructive' && (
            <span className="tag tag-bad truncate" title={`Destructive on ${name}`}>
              Destructive on {name}
            </span>
          )}
          <span className="row end">
            <StepTime step={step} />
            {something && (
              <button
                type="button"
                className="disclosure"
                aria-expanded={open}
                aria-label={`Details of ${planned.title}`}
                onClick={() => setOpened(!open)}
              >
                Details
                <ChevronDown size={13} aria-hidden="true" />
              </button>
            )}
          </span>
        </div>
        {step.state === 'unknown' && <p className="tone-unsure">{notSeen}</p>}
        {step.observed !== null && <p className="break">{step.observed}</p>}
        {step.progress !== null && now && <StepProgress title={planned.title} progress={step.progress} />}
        {step.problem !== null && <ProblemView problem={step.problem} />}
        {step.said !== null && (
          <SaidView title={planned.title} said={step.said} open={now || step.state === 'failed' || step.state === 'revert-failed'} />
        )}
        {open && something && <StepDetails planned={planned} step={step} />}
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
            <StepItem planned={planned} step={step} last={planned === run.plan.steps.at(-1)} name={run.plan.environmentName} />
          </li>
        );
      })}
    </ol>
  );
}
