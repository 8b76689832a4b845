import { useEffect } from 'react';
import type { Tier } from '../../contract/environments.ts';
import { useLoadable } from './loadable.ts';
import { navigate, sectionLink } from './router.ts';
import { useStores } from './services.tsx';

const order: readonly Tier[] = ['production', 'staging', 'development'];

/**
 * A window that was opened without an address goes to the first environment of the rail. On the first run it stays on the
 * welcome page, also when the demo is there already: nobody has chosen it yet.
 */
export function useLanding(): void {
  const stores = useStores();
  const { data } = useLoadable(stores.environments);
  const welcomed = useLoadable(stores.settings).data?.welcomed;
  useEffect(() => {
    if (data === undefined || welcomed === undefined || !['', '#', '#/'].includes(window.location.hash)) return;
    if (!welcomed && data.every(({ demo }) => demo)) return;
    const [first] = data.toSorted((a, b) => order.indexOf(a.tier) - order.indexOf(b.tier));
    if (first !== undefined) navigate(sectionLink(first.id, 'overview'), { replace: true });
  }, [data, welcomed]);
}
