import type { LucideIcon } from 'lucide-react';
import { LoaderCircle, Logs, Pause, Radio, RotateCcw, SquareX, TriangleAlert } from 'lucide-react';
import { useCallback } from 'react';
import { useStore } from 'zustand';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { formatCount, plural } from '../../ui/format.ts';
import { ProblemView } from '../../ui/problem-view.tsx';
import type { Follow, FollowState } from './follow-store.ts';
import { LogList } from './log-list.tsx';
import type { LogRow } from './ring.ts';

const words: Readonly<Record<FollowState['status'], { icon: LucideIcon; text: string; tone: string }>> = {
  loading: { icon: LoaderCircle, text: 'Loading', tone: 'tone-busy' },
  live: { icon: Radio, text: 'Live', tone: 'tone-ok' },
  reconnecting: { icon: RotateCcw, text: 'Reconnecting; lines go on without a gap', tone: 'tone-warn' },
  paused: { icon: Pause, text: 'Paused: nothing is transferred', tone: 'tone-mute' },
  ended: { icon: SquareX, text: 'The source has ended', tone: 'tone-mute' },
  failed: { icon: TriangleAlert, text: 'Stopped', tone: 'tone-bad' },
};

interface LogFollowProps {
  readonly follow: Follow;
  readonly filtered: boolean;
  readonly sought: string;
  readonly wrap: boolean;
  readonly selected: number | undefined;
  readonly onSelect: (number: number | undefined, row?: LogRow) => void;
  readonly onRequest: (requestId: string) => void;
}

/** The lines as they come. */
export function LogFollow({ follow, filtered, sought, wrap, selected, onSelect, onRequest }: LogFollowProps) {
  const { status, detail, problem } = useStore(follow.store);
  const { ring } = follow;
  const { icon: Icon, text, tone } = words[status];
  const count = ring.end - ring.first;
  const select = useCallback(
    (number: number | undefined) => onSelect(number, number === undefined ? undefined : ring.at(number)),
    [onSelect, ring],
  );
  return (
    <>
      <p className="log-status">
        <span className={`mark ${tone}`} role="status">
          <Icon size={13} aria-hidden="true" className={status === 'loading' ? 'spin' : undefined} />
          {text}
        </span>
        {detail !== '' && <span className="muted truncate">{detail}</span>}
        <span className="faint end">
          {formatCount(count)} kept{ring.first > 0 ? ` · ${plural(ring.first, 'older line')} let go` : ''}
        </span>
      </p>
      {problem !== undefined && (
        <div className="strip-problem">
          <ProblemView problem={problem} onRetry={follow.start} />
        </div>
      )}
      {count === 0 && status === 'loading' && (
        <div className="page">
          <Skeleton lines={14} label="Loading log lines" />
        </div>
      )}
      {count === 0 && (status === 'live' || status === 'paused' || status === 'ended') && (
        <Empty icon={Logs} title={filtered ? 'No line passes this filter yet' : 'No lines yet'}>
          <p>
            {filtered
              ? 'New ones appear here as they come. “Search history” looks through everything that was written before.'
              : 'They appear here as they are written.'}
          </p>
        </Empty>
      )}
      {count > 0 && (
        <LogList
          first={ring.first}
          end={ring.end}
          at={ring.at}
          follow
          wrap={wrap}
          sought={sought}
          selected={selected}
          onSelect={select}
          onHold={follow.hold}
          onRequest={onRequest}
        />
      )}
    </>
  );
}
