import { SearchX } from 'lucide-react';
import { useCallback, useMemo } from 'react';
import type { LogFilter } from '../../../contract/logs.ts';
import { createLoadable, useLoadable } from '../../app/loadable.ts';
import { useClient } from '../../app/services.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { formatBytes, plural } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import { LogList } from './log-list.tsx';
import type { LogRow } from './ring.ts';

const MOST = 5000;

interface LogSearchProps {
  readonly environmentId: string;
  readonly sourceId: string;
  readonly filter: LogFilter;
  readonly wrap: boolean;
  readonly selected: number | undefined;
  readonly onSelect: (number: number | undefined, row?: LogRow) => void;
  readonly onRequest: (requestId: string) => void;
}

/** Looks through the whole source with its rotated files, not only through what was followed. */
export function LogSearch({ environmentId, sourceId, filter, wrap, selected, onSelect, onRequest }: LogSearchProps) {
  const client = useClient();
  const search = useMemo(
    () => createLoadable((signal) => client.logs.search({ environmentId, sourceId, filter, limit: MOST }, { signal })),
    [client, environmentId, sourceId, filter],
  );
  const { data, problem } = useLoadable(search);
  const lines = data?.lines;
  const at = useCallback(
    (number: number): LogRow | undefined => (lines?.[number] === undefined ? undefined : { kind: 'line', line: lines[number] }),
    [lines],
  );
  if (problem !== undefined) {
    return (
      <div className="page">
        <ProblemView problem={problem} onRetry={() => void search.refresh()} />
      </div>
    );
  }
  if (data === undefined) {
    return (
      <div className="page">
        <Skeleton lines={12} label="Searching the whole history" />
      </div>
    );
  }
  return (
    <>
      <p className="log-status" role="status">
        <span>
          {plural(data.lines.length, 'line')} found in {formatBytes(data.scannedBytes)} read.
        </span>
        {data.complete ? (
          <span className="muted">The whole history was searched.</span>
        ) : (
          <span className="tone-warn">Only the newest {plural(MOST, 'line')} are shown: narrow the filter to see older ones.</span>
        )}
      </p>
      {data.lines.length === 0 ? (
        <Empty icon={SearchX} title="No line passes this filter">
          <p>The whole source and its rotated files were looked through.</p>
        </Empty>
      ) : (
        <LogList
          first={0}
          end={data.lines.length}
          at={at}
          follow={false}
          wrap={wrap}
          sought={filter.text ?? ''}
          selected={selected}
          onSelect={(number) => onSelect(number, number === undefined ? undefined : at(number))}
          onRequest={onRequest}
        />
      )}
    </>
  );
}
