import { useStore } from 'zustand';
import type { ConnectionState } from '../../../contract/connections.ts';
import type { ProblemData } from '../../../contract/problem.ts';
import { useStores } from '../../app/services.tsx';

export interface ConnectionView {
  readonly state: ConnectionState | undefined;
  readonly busy: 'connecting' | 'disconnecting' | undefined;
  readonly failed: ProblemData | undefined;
  readonly connected: boolean;
}

/** How one environment's connection stands. */
export function useConnection(environmentId: string): ConnectionView {
  const { store } = useStores().connections;
  const state = useStore(store, ({ byId }) => byId[environmentId]);
  const busy = useStore(store, (all) => all.busy[environmentId]);
  const failed = useStore(store, (all) => all.failed[environmentId]);
  return { state, busy, failed, connected: state?.phase === 'connected' };
}
