import { useEffect } from 'react';
import './frame.css';
import { useStore } from 'zustand';
import { EnvironmentForm } from '../features/environments/environment-form.tsx';
import { EnvironmentPage } from '../features/environments/environment-page.tsx';
import { ImportPage } from '../features/environments/import-page.tsx';
import { JournalPage } from '../features/journal/journal-page.tsx';
import { SettingsPage } from '../features/settings/settings-page.tsx';
import { WelcomePage } from '../features/welcome/welcome-page.tsx';
import { ToastShelf } from '../ui/toast-shelf.tsx';
import { Boundary } from './boundary.tsx';
import { GlobalCommands } from './global-commands.tsx';
import { HostGate, HostLostBanner } from './host-status.tsx';
import { listenForKeys } from './keys.ts';
import { Palette } from './palette.tsx';
import { Rail } from './rail.tsx';
import type { Route } from './router.ts';
import { formatRoute, useRoute } from './router.ts';
import { useServices } from './services.tsx';
import { runShellCommand } from './shell-commands.ts';
import { ShortcutSheet } from './shortcut-sheet.tsx';
import { useTheme } from './theme.ts';
import { useLanding } from './use-landing.ts';

function Screen({ route }: { route: Route }) {
  switch (route.page) {
    case 'welcome':
      return <WelcomePage />;
    case 'settings':
      return <SettingsPage />;
    case 'journal':
      return <JournalPage />;
    case 'new':
      return <EnvironmentForm />;
    case 'import':
      return <ImportPage />;
    case 'environment':
    case 'wizard':
      return <EnvironmentPage key={route.id} route={route} />;
  }
}

/** The whole window: rail at the left, one screen at the right. */
export function App() {
  const { host, stores } = useServices();
  const route = useRoute();
  const palette = useStore(stores.commands, (state) => state.palette);
  useTheme();
  useLanding();
  useEffect(() => listenForKeys(window, stores.commands), [stores]);
  useEffect(() => host.onShellCommand((command) => runShellCommand(stores.commands, command)), [host, stores]);
  const place = route.page === 'environment' ? `${route.id}/${route.section}` : formatRoute(route);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another place is the reason to look where the focus went
  useEffect(() => {
    // What had the focus went away with the screen before: the keyboard goes on in the new one.
    if (document.activeElement === null || document.activeElement === document.body) document.getElementById('main')?.focus();
  }, [place]);
  return (
    <HostGate>
      <button type="button" className="skip-link" onClick={() => document.getElementById('main')?.focus()}>
        Skip to content
      </button>
      <div className="window">
        <Rail route={route} />
        <div className="window-main">
          <HostLostBanner />
          <main id="main" tabIndex={-1}>
            <Boundary key={place}>
              <Screen route={route} />
            </Boundary>
          </main>
        </div>
      </div>
      <GlobalCommands route={route} />
      {palette && <Palette />}
      <ShortcutSheet />
      <ToastShelf />
    </HostGate>
  );
}
