import { useEffect } from 'react';
import type { Command } from './commands-store.ts';
import { useStores } from './services.tsx';

export type { Command } from './commands-store.ts';

/** Offers commands while the calling component is on the screen. `commands` must be memoised. */
export function useCommands(commands: readonly Command[]): void {
  const { commands: store } = useStores();
  useEffect(() => {
    const mine = Symbol('commands');
    const change = (edit: (offered: Map<symbol, readonly Command[]>) => void): void => {
      const offered = new Map(store.getState().offered);
      edit(offered);
      store.setState({ offered });
    };
    change((offered) => offered.set(mine, commands));
    return () => change((offered) => offered.delete(mine));
  }, [store, commands]);
}
