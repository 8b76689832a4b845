import { useLayoutEffect } from 'react';
import { useStore } from 'zustand';
import { useStores } from './services.tsx';

/** Puts theme and density on the page. The system's choice needs no attribute: the style sheet follows it by itself. */
export function useTheme(): void {
  const { settings } = useStores();
  const theme = useStore(settings.store, ({ data }) => data?.theme ?? 'system');
  const density = useStore(settings.store, ({ data }) => data?.density ?? 'comfortable');
  useLayoutEffect(() => {
    const { dataset } = document.documentElement;
    if (theme === 'system') delete dataset['theme'];
    else dataset['theme'] = theme;
    dataset['density'] = density;
  }, [theme, density]);
}

/** How much smaller the rows of lists are than usual. */
const COMPACT = 0.86;

/** The height of a row in the density that was chosen. */
export function useRowHeight(comfortable: number): number {
  const { settings } = useStores();
  return useStore(settings.store, ({ data }) => (data?.density === 'compact' ? Math.round(comfortable * COMPACT) : comfortable));
}
