import { useMemo } from 'react';
import { useStore } from 'zustand';
import type { Settings } from '../../contract/app.ts';
import { useDemo } from '../features/demo/use-demo.ts';
import { tierMeanings } from '../ui/marks.tsx';
import type { Command } from './commands.ts';
import { useCommands } from './commands.ts';
import { useLoadable } from './loadable.ts';
import { problemOf } from './problem.ts';
import type { Route } from './router.ts';
import { navigate, sectionLink } from './router.ts';
import { useServices } from './services.tsx';

const themes: readonly [Settings['theme'], string][] = [
  ['system', 'Theme: as the system'],
  ['light', 'Theme: light'],
  ['dark', 'Theme: dark'],
];

function focusFilter(): void {
  document.querySelector<HTMLElement>('[data-filter]')?.focus();
}

/** The commands that are there on every screen. */
export function GlobalCommands({ route }: { route: Route }) {
  const { client, stores } = useServices();
  const { data: environments } = useLoadable(stores.environments);
  const demo = useDemo();
  const density = useStore(stores.settings.store, ({ data }) => data?.density ?? 'comfortable');
  const here = 'id' in route ? route.id : undefined;

  const commands = useMemo((): Command[] => {
    const set = (change: Partial<Settings>): void => {
      client.settings
        .set(change)
        .then(stores.settings.set, (error: unknown) => stores.toasts.show({ tone: 'bad', text: problemOf(error).message }));
    };
    return [
      {
        id: 'palette',
        title: 'Command palette',
        group: 'Quarterdeck',
        keys: 'mod+k',
        hidden: true,
        run: () => stores.commands.setState(({ palette }) => ({ palette: !palette })),
      },
      {
        id: 'shortcuts',
        title: 'Keyboard shortcuts',
        group: 'Quarterdeck',
        keys: '?',
        run: () => stores.commands.setState({ sheet: true }),
      },
      { id: 'find', title: 'Filter this list', group: 'Quarterdeck', keys: '/', words: 'search find', run: focusFilter },
      {
        id: 'go-settings',
        title: 'Settings',
        group: 'Quarterdeck',
        keys: 'g s',
        words: 'preferences about keychain host keys',
        run: () => navigate('#/settings'),
      },
      {
        id: 'go-activity',
        title: 'All activity',
        group: 'Quarterdeck',
        keys: 'g a',
        words: 'journal history of all environments',
        run: () => navigate('#/journal'),
      },
      { id: 'go-welcome', title: 'Welcome', group: 'Quarterdeck', keys: 'g w', run: () => navigate('#/welcome') },
      ...themes.map(
        ([theme, title]): Command => ({
          id: `theme-${theme}`,
          title,
          group: 'Quarterdeck',
          words: 'dark light appearance',
          run: () => set({ theme }),
        }),
      ),
      {
        id: 'density',
        title: density === 'compact' ? 'Density: comfortable' : 'Density: compact',
        group: 'Quarterdeck',
        run: () => set({ density: density === 'compact' ? 'comfortable' : 'compact' }),
      },
      { id: 'go-back', title: 'Back', group: 'Quarterdeck', hidden: true, run: () => window.history.back() },
      { id: 'go-forward', title: 'Forward', group: 'Quarterdeck', hidden: true, run: () => window.history.forward() },
      {
        id: 'environment-new',
        title: 'Add an environment',
        group: 'Environments',
        keys: 'g n',
        words: 'create new connection profile',
        run: () => navigate('#/new'),
      },
      {
        id: 'environment-import',
        title: 'Import environments',
        group: 'Environments',
        words: 'ssh config profile file',
        run: () => navigate('#/import'),
      },
      ...(environments ?? [])
        .filter(({ id }) => id !== here)
        .map(
          (environment): Command => ({
            id: `open-${environment.id}`,
            title: environment.name,
            note: tierMeanings[environment.tier].word,
            words: `switch open environment ${environment.ssh.target.host}`,
            group: 'Environments',
            run: () => navigate(sectionLink(environment.id, 'overview')),
          }),
        ),
      ...demo.commands,
    ];
  }, [client, stores, environments, here, density, demo.commands]);
  useCommands(commands);
  return null;
}
