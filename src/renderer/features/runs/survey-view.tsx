import { CircleHelp, LoaderCircle, ServerCog } from 'lucide-react';
import type { RunbookInput } from '../../../contract/runs.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import type { Survey } from './wizard-store.ts';

/** What the host was seen to have, beside the inputs it is for. */
export function SurveyView({ survey, inputs, onRetry }: { survey: Survey; inputs: readonly RunbookInput[]; onRetry: () => void }) {
  const { status, findings, problem } = survey;
  if (status === 'failed' && problem !== undefined && problem.code !== 'cancelled')
    return <ProblemView problem={problem} onRetry={onRetry} />;
  if (findings.length === 0)
    return status === 'looking' ? (
      <p className="faint row" role="status">
        <LoaderCircle size={14} aria-hidden="true" className="spin" />
        Looking what the host has. Reads only.
      </p>
    ) : null;
  return (
    <section className="survey" aria-label="What the host has" aria-busy={status === 'looking'}>
      <h3 className="row">
        <ServerCog size={14} aria-hidden="true" />
        What the host has
        {status === 'looking' && <LoaderCircle size={13} aria-hidden="true" className="spin" />}
      </h3>
      <dl>
        {findings.map((finding) => (
          <div key={`${finding.stepId} ${finding.input ?? ''} ${finding.title}`}>
            <dt className="break">
              {finding.title}
              {finding.input !== null && (
                <span className="faint"> · {inputs.find(({ name }) => name === finding.input)?.title ?? finding.input}</span>
              )}
            </dt>
            <dd className={`break ${finding.seen ? '' : 'tone-unsure'}`}>
              {!finding.seen && <CircleHelp size={13} aria-hidden="true" />}{' '}
              {finding.seen ? finding.detail : `Not known: ${finding.detail}`}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
