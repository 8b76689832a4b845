import { Anchor, Ban, Flag, Undo2 } from 'lucide-react';
import type { Effect, Plan, PlanStep, UndoPlan } from '../../../contract/runs.ts';
import { shortHash } from '../../ui/format.ts';
import { CommandList } from './command-list.tsx';
import { effectWords } from './use-runbooks.ts';

function Undo({ undo, effect }: { undo: UndoPlan; effect: Effect }) {
  if (undo.kind === 'nothing-to-undo')
    return (
      <p className="undo faint">{effect === 'read' ? 'Changes nothing.' : 'Leaves nothing behind that would have to be taken back.'}</p>
    );
  if (undo.kind === 'kept') {
    return (
      <p className="undo faint">
        <Anchor size={13} aria-hidden="true" />
        <span>
          <strong>Stays:</strong> {undo.reason}
        </span>
      </p>
    );
  }
  if (undo.kind === 'irreversible') {
    return (
      <p className="undo tone-warn">
        <Ban size={13} aria-hidden="true" />
        <span>
          <strong>Cannot be taken back:</strong> {undo.reason}
        </span>
      </p>
    );
  }
  return (
    <details className="undo">
      <summary>
        <Undo2 size={13} aria-hidden="true" />
        Undo: {undo.title}
      </summary>
      <CommandList commands={undo.commands} label={`Undo commands: ${undo.title}`} />
    </details>
  );
}

/** Stands before the step that ends the promise of a way back. */
export function NoReturn() {
  return (
    <div className="no-return" role="note">
      <Flag size={14} aria-hidden="true" />
      Point of no return: once the next step has begun, going back is no longer promised.
    </div>
  );
}

function PlannedStep({ step, place, name }: { step: PlanStep; place: number; name: string }) {
  const destructive = step.effect === 'destructive';
  return (
    <div className={`plan-step ${destructive ? 'step-destructive' : ''}`}>
      <span className="plan-place" aria-hidden="true">
        {place}
      </span>
      <div className="stack grow">
        <div className="row row-wrap">
          <h3>{step.title}</h3>
          <span
            title={destructive ? name : undefined}
            className={`tag ${step.effect === 'destructive' ? 'tag-bad' : step.effect === 'write' ? 'tag-warn' : ''}`}
          >
            {destructive ? `${effectWords.destructive} on ${name}` : effectWords[step.effect]}
          </span>
          <code className="faint end">{step.action}</code>
        </div>
        {step.why !== undefined && <p className="muted">{step.why}</p>}
        <CommandList commands={step.commands} label={`Commands: ${step.title}`} />
        <Undo undo={step.undo} effect={step.effect} />
      </div>
    </div>
  );
}

/** What is going to be touched, in words. */
export function BlastRadius({ plan }: { plan: Plan }) {
  if (plan.blastRadius.length === 0) return null;
  return (
    <section className="note note-warn" aria-label="What this touches">
      <div>
        <h3>What this touches</h3>
        <ul className="bullets">
          {plan.blastRadius.map((line) => (
            <li key={line}>{line}</li>
          ))}
        </ul>
      </div>
    </section>
  );
}

/** The immutable plan: every step, the exact commands, and the way back of each. */
export function PlanView({ plan }: { plan: Plan }) {
  return (
    <div className="stack stack-4">
      <BlastRadius plan={plan} />
      <ol className="plan-steps" aria-label="Steps of the plan">
        {plan.steps.map((step, place) => (
          <li key={step.id}>
            {step.id === plan.pointOfNoReturn && <NoReturn />}
            <PlannedStep step={step} place={place + 1} name={plan.environmentName} />
          </li>
        ))}
      </ol>
      <p className="faint">
        Plan <code title={plan.hash}>{shortHash(plan.hash)}</code>. Making it changed nothing; what is confirmed is exactly this.
      </p>
    </div>
  );
}
