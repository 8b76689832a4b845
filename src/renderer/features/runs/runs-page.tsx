import { ListChecks } from 'lucide-react';
import { useMemo, useState } from 'react';
import './runs.css';
import type { Environment } from '../../../contract/environments.ts';
import type { RunSummary } from '../../../contract/runs.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, sectionLink, wizardLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { ButtonLink } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { SelectField, TextField } from '../../ui/field.tsx';
import { formatDuration } from '../../ui/format.ts';
import { Mark, runLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago } from '../../ui/time.tsx';
import type { GridColumn } from '../../ui/virtual-grid.tsx';
import { VirtualGrid } from '../../ui/virtual-grid.tsx';
import { LockBanner } from './lock-banner.tsx';
import type { RunFilter } from './run-filter.ts';
import { filterRuns, filterWords } from './run-filter.ts';
import { effectWords } from './use-runbooks.ts';

function Runbooks({ environment }: { environment: Environment }) {
  const { runbooks } = useStores();
  const list = runbooks(environment.id);
  const { data, problem } = useLoadable(list);
  return (
    <aside className="split-side" aria-label="Runbooks">
      <h2>Runbooks</h2>
      <p className="muted">Each one shows its plan and asks before it changes anything.</p>
      {problem !== undefined && <ProblemView problem={problem} onRetry={() => void list.refresh()} />}
      {data === undefined && problem === undefined && <Skeleton lines={4} label="Loading runbooks" />}
      <ul className="runbooks">
        {data?.map((runbook) => (
          <li key={runbook.id} className="card">
            <div className="row">
              <h3 className="grow break">{runbook.title}</h3>
              <span className={`tag ${runbook.effect === 'destructive' ? 'tag-bad' : runbook.effect === 'write' ? 'tag-warn' : ''}`}>
                {effectWords[runbook.effect]}
              </span>
            </div>
            <p className="muted break">{runbook.description}</p>
            <ButtonLink small href={wizardLink(environment.id, runbook.id)}>
              Prepare: {runbook.title}
            </ButtonLink>
          </li>
        ))}
      </ul>
    </aside>
  );
}

/** What was run here and how it ended, newest first, and what can be run. */
export function RunsPage({ environment }: { environment: Environment }) {
  const { runs } = useStores();
  const list = runs(environment.id);
  const { data, problem } = useLoadable(list);
  const [selected, setSelected] = useState<string>();
  const [show, setShow] = useState<RunFilter>('all');
  const [text, setText] = useState('');
  const rows = useMemo(() => filterRuns(data ?? [], show, text), [data, show, text]);
  const open = (run: RunSummary): void => navigate(sectionLink(environment.id, 'runs', run.id));
  const columns = useMemo(
    (): GridColumn<RunSummary>[] => [
      { id: 'state', title: 'State', cell: (run) => <Mark look={runLooks[run.state]} /> },
      {
        id: 'title',
        title: 'Run',
        cell: (run) => (
          <a href={sectionLink(environment.id, 'runs', run.id)} tabIndex={-1}>
            {run.title}
          </a>
        ),
      },
      { id: 'summary', title: 'How it stands', cell: (run) => <span title={run.summary}>{run.summary}</span> },
      { id: 'by', title: 'By', cell: (run) => <span title={run.operator}>{run.operator}</span> },
      { id: 'started', title: 'Started', cell: (run) => <Ago at={run.startedAt} /> },
      {
        id: 'took',
        title: 'Took',
        right: true,
        cell: (run) => (run.endedAt === null ? '' : formatDuration(run.endedAt - run.startedAt)),
      },
    ],
    [environment.id],
  );
  return (
    <div className="split page-fixed-row">
      <div className="split-main runs-list">
        <LockBanner environment={environment} />
        {problem !== undefined && (
          <div className="strip-problem">
            <ProblemView problem={problem} onRetry={() => void list.refresh()} />
          </div>
        )}
        {data === undefined && problem === undefined && (
          <div className="page">
            <Skeleton lines={8} label="Loading runs" />
          </div>
        )}
        {data?.length === 0 && (
          <Empty icon={ListChecks} title="Nothing was run here yet">
            <p>Choose a runbook at the right. Its plan shows every command before anything happens.</p>
          </Empty>
        )}
        {data !== undefined && data.length > 0 && (
          <search className="runs-filter" aria-label="Filter runs">
            <SelectField
              label="Show"
              value={show}
              options={Object.entries(filterWords).map(([value, title]) => ({ value, title }))}
              onValue={(value) => setShow(value as RunFilter)}
            />
            <TextField label="Text or operator" type="search" value={text} onValue={setText} />
            <span className="faint nowrap" aria-live="polite">
              {rows.length} of {data.length}
            </span>
          </search>
        )}
        {data !== undefined && data.length > 0 && rows.length === 0 && (
          <Empty icon={ListChecks} title="No run fits">
            <p>Change what is shown, or the text.</p>
          </Empty>
        )}
        {rows.length > 0 && (
          <VirtualGrid
            label="Runs"
            columns={columns}
            layout="runs-columns"
            rows={rows}
            rowKey={(run) => run.id}
            selected={selected}
            onSelect={(run) => setSelected(run.id)}
            onOpen={open}
          />
        )}
      </div>
      <Runbooks environment={environment} />
    </div>
  );
}
