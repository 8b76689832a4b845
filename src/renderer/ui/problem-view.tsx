import { CircleAlert, RefreshCw } from 'lucide-react';
import type { ReactNode } from 'react';
import type { ProblemData } from '../../contract/problem.ts';
import { Button } from './button.tsx';

interface ProblemViewProps {
  readonly problem: ProblemData;
  readonly onRetry?: (() => void) | undefined;
  readonly retryTitle?: string;
  /** Other ways on. */
  readonly children?: ReactNode;
}

/** What went wrong, to what, and what to do next. The code is there to be searched for. */
export function ProblemView({ problem, onRetry, retryTitle = 'Try again', children }: ProblemViewProps) {
  return (
    <div className="problem" role="alert">
      <CircleAlert size={16} aria-hidden="true" className="problem-icon" />
      <div className="stack grow">
        <p className="problem-message break">{problem.message}</p>
        {problem.hint !== undefined && <p className="muted break">{problem.hint}</p>}
        <div className="row row-wrap">
          {onRetry !== undefined && (
            <Button small icon={RefreshCw} onClick={onRetry}>
              {retryTitle}
            </Button>
          )}
          {children}
          <code className="faint end">{problem.code}</code>
        </div>
      </div>
    </div>
  );
}
