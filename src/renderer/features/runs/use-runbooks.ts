import { useMemo } from 'react';
import type { Environment } from '../../../contract/environments.ts';
import type { Effect } from '../../../contract/runs.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { useLoadable } from '../../app/loadable.ts';
import { navigate, wizardLink } from '../../app/router.ts';
import { useStores } from '../../app/services.tsx';

export const effectWords: Readonly<Record<Effect, string>> = { read: 'Reads only', write: 'Changes', destructive: 'Destructive' };

/** Offers each runbook of the environment in the palette. */
export function useRunbookCommands(environment: Environment): void {
  const { runbooks } = useStores();
  const { data } = useLoadable(runbooks(environment.id));
  const { id, name } = environment;
  const commands = useMemo(
    () =>
      (data ?? []).map(
        (runbook): Command => ({
          id: `run-${runbook.id}`,
          title: `${runbook.title}…`,
          note: `${name} · ${effectWords[runbook.effect]}`,
          words: `runbook run ${runbook.id} ${runbook.description}`,
          group: 'Environment',
          run: () => navigate(wizardLink(id, runbook.id)),
        }),
      ),
    [data, id, name],
  );
  useCommands(commands);
}
