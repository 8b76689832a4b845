import { Scissors, TriangleAlert, Unplug } from 'lucide-react';
import type { MouseEvent } from 'react';
import type { LogLevel, LogLine } from '../../../contract/logs.ts';
import { plural } from '../../ui/format.ts';
import { GridCell } from '../../ui/grid-parts.tsx';
import { Clock } from '../../ui/time.tsx';
import { durationOf, splitHits, statusOf } from './filter.ts';
import type { LogRow } from './ring.ts';

/** Four letters, so that the column stays narrow; the full word is its title. */
const levelWords: Readonly<Record<LogLevel, string>> = {
  trace: 'TRCE',
  debug: 'DEBG',
  info: 'INFO',
  warning: 'WARN',
  error: 'ERRO',
  critical: 'CRIT',
};

/** A text with the sought part marked. Text nodes only: what comes from a server is never markup. */
export function Hits({ text, sought }: { text: string; sought: string }) {
  if (sought === '') return text;
  return splitHits(text, sought).map((part, place) => {
    // biome-ignore lint/suspicious/noArrayIndexKey: parts of one constant text
    return place % 2 === 1 ? <mark key={place}>{part}</mark> : part;
  });
}

function statusTone(status: string): string {
  if (status.startsWith('5')) return 'tone-bad';
  return status.startsWith('4') ? 'tone-warn' : '';
}

interface LineProps {
  readonly line: LogLine;
  readonly sought: string;
  readonly onRequest: (requestId: string) => void;
}

function LineCells({ line, sought, onRequest }: LineProps) {
  const status = statusOf(line);
  const request = line.requestId;
  const filter = (event: MouseEvent): void => {
    event.stopPropagation();
    if (request !== null) onRequest(request);
  };
  return (
    <>
      <GridCell className="log-time">{line.at === null ? '' : <Clock at={line.at} />}</GridCell>
      <GridCell className={`log-level level-${line.level ?? 'none'}`} title={line.level ?? 'No level'}>
        {line.level === null ? '' : levelWords[line.level]}
      </GridCell>
      <GridCell className="log-cut faint" title={line.logger ?? undefined}>
        {line.logger}
      </GridCell>
      <GridCell className="log-message">
        {line.category !== null && <span className="log-category">{line.category}</span>}
        <Hits text={line.message} sought={sought} />
        {line.truncated && <Scissors size={12} aria-label="cut: the line was longer than what is kept" />}
      </GridCell>
      <GridCell className={`right ${status === undefined ? '' : statusTone(status)}`}>{status}</GridCell>
      <GridCell className="right faint">{durationOf(line)}</GridCell>
      <GridCell className="log-cut">
        {request !== null && (
          <button type="button" tabIndex={-1} className="log-request" title={`Only lines of ${request}`} onClick={filter}>
            {request}
          </button>
        )}
      </GridCell>
    </>
  );
}

/** What is said in place of lines that are not there. */
export function noticeOf(row: Exclude<LogRow, { kind: 'line' }>): string {
  switch (row.kind) {
    case 'dropped':
      return `${plural(row.count, 'line')} came faster than this window could take and ${row.count === 1 ? 'is' : 'are'} not shown`;
    case 'gap':
      return `Gap: ${row.reason}`;
    case 'mark':
      return row.text;
  }
}

/** The cells of one row. */
export function LogCells({ row, sought, onRequest }: { row: LogRow; sought: string; onRequest: (requestId: string) => void }) {
  if (row.kind === 'line') return <LineCells line={row.line} sought={sought} onRequest={onRequest} />;
  const Icon = row.kind === 'mark' ? Unplug : TriangleAlert;
  return (
    <GridCell span={7} className={`log-notice log-notice-${row.kind}`}>
      <Icon size={13} aria-hidden="true" />
      {noticeOf(row)}
    </GridCell>
  );
}
