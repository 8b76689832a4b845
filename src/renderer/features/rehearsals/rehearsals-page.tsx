import { ClipboardCheck, Play } from 'lucide-react';
import { useState } from 'react';
import './rehearsals.css';
import type { Environment } from '../../../contract/environments.ts';
import type { Rehearsal, RehearsalState } from '../../../contract/rehearsals.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, sectionLink, wizardLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { ButtonLink } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { formatDuration } from '../../ui/format.ts';
import { Mark, Pill } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago, Due } from '../../ui/time.tsx';
import type { GridColumn } from '../../ui/virtual-grid.tsx';
import { VirtualGrid } from '../../ui/virtual-grid.tsx';
import { stateLook, verdictLooks } from './looks.ts';

/** A measure beside its target; what went over it is marked by a word, not by colour alone. */
function Measure({ is, target }: { is: number | null; target: number }) {
  if (is === null) return <span className="faint">not measured</span>;
  const over = is > target;
  return (
    <span className={over ? 'tone-warn' : undefined}>
      {formatDuration(is)}
      <span className="faint">
        {' '}
        {over ? 'over' : 'of'} {formatDuration(target)}
      </span>
    </span>
  );
}

function Standing({ environment, state }: { environment: Environment; state: RehearsalState }) {
  const look = stateLook(state);
  return (
    <li className="rehearsal card">
      <div className="row row-wrap">
        <h3 className="grow break">{state.title}</h3>
        <Pill look={look} />
      </div>
      <p className="muted break">
        Rehearses <code>{state.of}</code>, every {formatDuration(state.everyMs)}.{' '}
        {state.lastGoodAt === null ? (
          'No restore was ever seen to work from this laptop.'
        ) : (
          <>
            Last seen to work <Ago at={state.lastGoodAt} />
            {state.dueAt !== null && (
              <>
                , due <Due at={state.dueAt} />
              </>
            )}
            .
          </>
        )}
      </p>
      {state.last !== null && <p className="break">{state.last.detail}</p>}
      <div>
        <ButtonLink href={wizardLink(environment.id, state.runbook)} tone={look.tone === 'ok' ? 'plain' : 'primary'} icon={Play}>
          Rehearse now
        </ButtonLink>
      </div>
    </li>
  );
}

const columns: readonly GridColumn<Rehearsal>[] = [
  { id: 'at', title: 'Started', cell: ({ startedAt }) => <Ago at={startedAt} /> },
  { id: 'title', title: 'Rehearsal', cell: ({ title }) => <span className="truncate">{title}</span> },
  { id: 'verdict', title: 'Result', cell: ({ verdict }) => <Mark look={verdictLooks[verdict]} /> },
  { id: 'rto', title: 'Recovery time', cell: ({ rtoMs, rtoTargetMs }) => <Measure is={rtoMs} target={rtoTargetMs} /> },
  { id: 'rpo', title: 'Age of the data', cell: ({ rpoMs, rpoTargetMs }) => <Measure is={rpoMs} target={rpoTargetMs} /> },
  { id: 'operator', title: 'Operator', cell: ({ operator }) => <span className="truncate">{operator}</span> },
];

/** Restores that were tried into a scratch target: what they took, what was promised, and what is due. */
export function RehearsalsPage({ environment }: { environment: Environment }) {
  const { rehearsals } = useStores();
  const list = rehearsals(environment.id);
  const { data, problem } = useLoadable(list);
  const [selected, setSelected] = useState<string>();
  const open = (row: Rehearsal): void => navigate(sectionLink(environment.id, 'runs', row.runId));
  if (data === undefined) {
    return (
      <div className="page">
        {problem !== undefined ? (
          <ProblemView problem={problem} onRetry={() => void list.refresh()} />
        ) : (
          <Skeleton lines={6} label="Loading the rehearsals" />
        )}
      </div>
    );
  }
  if (data.states.length === 0 && data.ledger.length === 0) {
    return (
      <Empty icon={ClipboardCheck} title="This stack has no rehearsals">
        <p>A rehearsal restores a backup into a scratch target and measures it. A stack names one by `rehearsal` in a runbook.</p>
      </Empty>
    );
  }
  return (
    <div className="rehearsals">
      {problem !== undefined && <ProblemView problem={problem} onRetry={() => void list.refresh()} />}
      <ul className="rehearsal-cards" aria-label="Rehearsals of this stack">
        {data.states.map((state) => (
          <Standing key={state.runbook} environment={environment} state={state} />
        ))}
      </ul>
      <section className="rehearsal-ledger" aria-labelledby="ledger-title">
        <h2 id="ledger-title">Ledger</h2>
        {data.ledger.length === 0 ? (
          <p className="muted">Nothing was rehearsed yet. Each rehearsal is entered here, also one that fails.</p>
        ) : (
          <VirtualGrid
            label="Ledger of rehearsals"
            layout="rehearsal-columns"
            rows={data.ledger}
            columns={columns}
            rowKey={({ runId }) => runId}
            selected={selected}
            onSelect={({ runId }) => setSelected(runId)}
            onOpen={open}
          />
        )}
      </section>
    </div>
  );
}
