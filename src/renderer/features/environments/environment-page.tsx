import { SearchX } from 'lucide-react';
import { useEffect } from 'react';
import './environments.css';
import type { Environment } from '../../../contract/environments.ts';
import { useLoadable } from '../../app/loadable.ts';
import type { Route, Section } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';
import { ButtonLink } from '../../ui/button.tsx';
import { Empty, Skeleton } from '../../ui/empty.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { BackupsPage } from '../backups/backups-page.tsx';
import { JournalView } from '../journal/journal-view.tsx';
import { LogsPage } from '../logs/logs-page.tsx';
import { OverviewPage } from '../overview/overview-page.tsx';
import { RehearsalsPage } from '../rehearsals/rehearsals-page.tsx';
import { RunPage } from '../runs/run-page.tsx';
import { RunsPage } from '../runs/runs-page.tsx';
import { Wizard } from '../runs/wizard.tsx';
import { EnvironmentForm } from './environment-form.tsx';
import { EnvironmentFrame } from './environment-frame.tsx';

type PageRoute = Extract<Route, { page: 'environment' | 'wizard' }>;

function SectionView({
  environment,
  section,
  item,
  query,
}: {
  environment: Environment;
  section: Section;
  item: string | undefined;
  query: Readonly<Record<string, string>>;
}) {
  switch (section) {
    case 'overview':
      return <OverviewPage environment={environment} />;
    case 'logs':
      return <LogsPage environment={environment} query={query} />;
    case 'backups':
      return <BackupsPage environment={environment} />;
    case 'runs':
      return item === undefined ? <RunsPage environment={environment} /> : <RunPage key={item} environment={environment} runId={item} />;
    case 'rehearsals':
      return <RehearsalsPage environment={environment} />;
    case 'journal':
      return <JournalView environment={environment} runId={query['run']} />;
    case 'profile':
      return <EnvironmentForm environment={environment} />;
  }
}

/** One environment: its frame and the section that was asked for. */
export function EnvironmentPage({ route }: { route: PageRoute }) {
  const { environments } = useStores();
  const { data, status, problem } = useLoadable(environments);
  const environment = data?.find(({ id }) => id === route.id);

  useEffect(() => {
    document.title =
      environment === undefined
        ? 'Quarterdeck'
        : `${environment.tier === 'production' ? 'PRODUCTION: ' : ''}${environment.name} · Quarterdeck`;
    return () => {
      document.title = 'Quarterdeck';
    };
  }, [environment]);

  if (environment === undefined) {
    if (status === 'failed' && problem !== undefined) {
      return (
        <div className="page page-narrow">
          <ProblemView problem={problem} onRetry={() => void environments.refresh()} />
        </div>
      );
    }
    if (status !== 'ready') {
      return (
        <div className="page page-narrow">
          <Skeleton lines={6} label="Loading the environment" />
        </div>
      );
    }
    return (
      <Empty icon={SearchX} title="There is no such environment" actions={<ButtonLink href="#/welcome">Welcome</ButtonLink>}>
        <p>It was deleted, or this link was made on another machine. The journal keeps its history.</p>
      </Empty>
    );
  }
  return (
    <EnvironmentFrame environment={environment} section={route.page === 'wizard' ? 'runs' : route.section}>
      {route.page === 'wizard' ? (
        <Wizard key={route.runbook} environment={environment} runbookId={route.runbook} query={route.query} />
      ) : (
        <SectionView environment={environment} section={route.section} item={route.item} query={route.query} />
      )}
    </EnvironmentFrame>
  );
}
