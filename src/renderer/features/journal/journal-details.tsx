import { X } from 'lucide-react';
import type { JournalEntry } from '../../../contract/journal.ts';
import { sectionLink } from '../../app/router.ts';
import { IconButton } from '../../ui/button.tsx';
import { CopyButton } from '../../ui/copy-button.tsx';
import { Exact } from '../../ui/time.tsx';
import { kindWords } from './kinds.ts';

/** One entry with its data and its links in the chain. */
export function JournalDetails({ entry, onClose }: { entry: JournalEntry; onClose: () => void }) {
  const data = JSON.stringify(entry.data, null, 2);
  return (
    <aside className="split-side journal-details" aria-label="Entry details">
      <div className="row">
        <h2 className="grow">
          Entry {entry.seq}: {kindWords(entry.kind)}
        </h2>
        <IconButton icon={X} label="Close details" onClick={onClose} />
      </div>
      <p className="break">{entry.summary}</p>
      <dl className="facts">
        <dt>When</dt>
        <dd>
          <Exact at={entry.at} />
        </dd>
        <dt>Who</dt>
        <dd>{entry.operator}</dd>
        {entry.environmentId !== null && entry.runId !== null && (
          <>
            <dt>Run</dt>
            <dd>
              <a href={sectionLink(entry.environmentId, 'runs', entry.runId)}>{entry.runId}</a>
            </dd>
          </>
        )}
        {entry.stepId !== null && (
          <>
            <dt>Step</dt>
            <dd className="mono">{entry.stepId}</dd>
          </>
        )}
      </dl>
      {Object.keys(entry.data).length > 0 && (
        <section className="stack">
          <div className="row">
            <h3 className="grow">Data</h3>
            <CopyButton text={data} label="Copy data" />
          </div>
          <pre className="code">{data}</pre>
        </section>
      )}
      <section className="stack">
        <h3>Chain</h3>
        <dl className="facts">
          <dt>This</dt>
          <dd className="mono">{entry.hash}</dd>
          <dt>Before</dt>
          <dd className="mono">{entry.previousHash}</dd>
        </dl>
      </section>
    </aside>
  );
}
