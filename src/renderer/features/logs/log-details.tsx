import { X } from 'lucide-react';
import type { LogLine } from '../../../contract/logs.ts';
import { Button, IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Exact } from '../../ui/time.tsx';

interface LogDetailsProps {
  readonly line: LogLine;
  readonly onClose: () => void;
  readonly onRequest: (requestId: string) => void;
}

/** One line with all that was read of it. */
export function LogDetails({ line, onClose, onRequest }: LogDetailsProps) {
  const known: readonly [string, string | null][] = [
    ['level', line.level],
    ['logger', line.logger],
    ['category', line.category],
  ];
  return (
    <aside className="split-side log-details" aria-label="Line details">
      <div className="row">
        <h2 className="grow">Line</h2>
        <IconButton icon={X} label="Close details" onClick={onClose} />
      </div>
      <p className="mono break log-details-message">{line.message}</p>
      <dl className="facts">
        <dt>time</dt>
        <dd className="mono">{line.at === null ? 'none in the line' : <Exact at={line.at} />}</dd>
        {known.map(([name, value]) =>
          value === null ? null : (
            <div key={name} className="facts-pair">
              <dt>{name}</dt>
              <dd className="mono">{value}</dd>
            </div>
          ),
        )}
        {Object.entries(line.fields).map(([name, value]) => (
          <div key={name} className="facts-pair">
            <dt className="break">{name}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
      {line.requestId !== null && (
        <div className="stack">
          <h3>Request</h3>
          <div className="row">
            <code className="grow break">{line.requestId}</code>
            <CopyButton text={line.requestId} label="Copy request id" />
          </div>
          <div>
            <Button small onClick={() => onRequest(line.requestId ?? '')}>
              Only this request
            </Button>
          </div>
        </div>
      )}
      <div className="stack">
        <div className="row">
          <h3 className="grow">Raw</h3>
          <CopyButton text={line.raw} label="Copy raw line" />
        </div>
        <pre className="code">{line.raw}</pre>
        {line.truncated && <p className="faint">The line was longer than what is kept.</p>}
      </div>
    </aside>
  );
}
