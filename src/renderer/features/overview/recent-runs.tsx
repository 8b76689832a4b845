import type { Environment } from '../../../contract/environments.ts';
import { useLoadable } from '../../app/loadable.ts';
import { sectionLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { Skeleton } from '../../ui/empty.tsx';
import { Mark, runLooks } from '../../ui/marks.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { Ago } from '../../ui/time.tsx';

const SHOWN = 6;

/** The last runs and how they ended. */
export function RecentRuns({ environment }: { environment: Environment }) {
  const { runs } = useStores();
  const list = runs(environment.id);
  const { data, problem } = useLoadable(list);
  return (
    <section className="card" aria-labelledby="recent-title">
      <header className="card-head">
        <h2 id="recent-title" className="grow">
          Recent runs
        </h2>
        <a href={sectionLink(environment.id, 'runs')}>See all</a>
      </header>
      {problem !== undefined && data === undefined && (
        <div className="card-body">
          <ProblemView problem={problem} onRetry={() => void list.refresh()} />
        </div>
      )}
      {data === undefined && problem === undefined && (
        <div className="card-body">
          <Skeleton label="Loading runs" />
        </div>
      )}
      {data?.length === 0 && <p className="card-body muted">Nothing was run here yet.</p>}
      <ul className="alerts">
        {data?.slice(0, SHOWN).map((run) => (
          <li key={run.id}>
            <div className="row">
              <a className="grow truncate" href={sectionLink(environment.id, 'runs', run.id)}>
                {run.title}
              </a>
              <span className="faint nowrap">
                <Ago at={run.startedAt} />
              </span>
              <Mark look={runLooks[run.state]} />
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
