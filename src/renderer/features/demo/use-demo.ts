import { useCallback, useMemo, useState } from 'react';
import type { DemoFault, DemoStatus } from '../../../contract/demo.ts';
import type { Command } from '../../app/commands.ts';
import type { Loaded } from '../../app/loadable.ts';
import { useLoadable } from '../../app/loadable.ts';
import { problemOf } from '../../app/problem.ts';
import { navigate, sectionLink } from '../../app/router.ts';
import { useServices } from '../../app/services.tsx';

/** What can be broken in the demo deployment, and what that looks like. */
export const faults: readonly { readonly id: DemoFault; readonly title: string; readonly effect: string }[] = [
  { id: 'database-gone', title: 'Database gone', effect: 'Health answers 500, the deep check 503.' },
  { id: 'slow', title: 'Slow answers', effect: 'Latency climbs over its threshold.' },
  { id: 'rate-limit-storm', title: 'Rate-limit storm', effect: 'Most requests are answered 429.' },
  { id: 'corrupt-chain', title: 'Corrupted chain', effect: 'The integrity check fails: restore a backup.' },
  { id: 'disk-nearly-full', title: 'Disk nearly full', effect: 'Free space falls below its threshold.' },
];

export interface Demo {
  readonly status: Loaded<DemoStatus>;
  /** This window asked for it and waits. A start by the host itself is joined by pressing, so it disables nothing. */
  readonly starting: boolean;
  /** Starts it, connects it and opens its overview; `stay` leaves the screen as it is. */
  start(options?: { readonly stay?: boolean }): Promise<void>;
  stop(): Promise<void>;
  setFault(fault: DemoFault, on: boolean): Promise<void>;
  readonly commands: readonly Command[];
}

/** The embedded demo: its state and what can be done with it. */
export function useDemo(): Demo {
  const { client, stores } = useServices();
  const status = useLoadable(stores.demo);
  const [starting, setStarting] = useState(false);
  const tell = useCallback((error: unknown) => stores.toasts.show({ tone: 'bad', text: problemOf(error).message }), [stores]);

  const start = useCallback(
    async ({ stay = false }: { readonly stay?: boolean } = {}) => {
      try {
        setStarting(true);
        const demo = await client.demo.start({});
        stores.demo.set(demo);
        await stores.environments.refresh();
        client.settings.set({ welcomed: true }).then(stores.settings.set, () => undefined);
        if (demo.environmentId === null) return tell(new Error(demo.detail));
        if (!stay) navigate(sectionLink(demo.environmentId, 'overview'));
        await stores.connections.connect(demo.environmentId);
      } catch (error) {
        tell(error);
        await stores.demo.refresh();
      } finally {
        setStarting(false);
      }
    },
    [client, stores, tell],
  );

  const stop = useCallback(async () => {
    try {
      stores.demo.set(await client.demo.stop({}));
    } catch (error) {
      tell(error);
    }
  }, [client, stores, tell]);

  const setFault = useCallback(
    async (fault: DemoFault, on: boolean) => {
      try {
        stores.demo.set(await client.demo.setFault({ fault, on }));
      } catch (error) {
        tell(error);
      }
    },
    [client, stores, tell],
  );

  const demo = status.data;
  const commands = useMemo((): Command[] => {
    const running = demo?.state === 'running';
    if (!running)
      return [{ id: 'demo-start', title: 'Try the demo', group: 'Demo', words: 'start demo environment', run: () => void start() }];
    return [
      { id: 'demo-stop', title: 'Stop the demo', group: 'Demo', run: () => void stop() },
      ...faults.map(({ id, title, effect }): Command => {
        const on = demo.faults.includes(id);
        return {
          id: `fault-${id}`,
          title: `${on ? 'Mend' : 'Break'} the demo: ${title.toLowerCase()}`,
          note: effect,
          words: 'fault switch practice',
          group: 'Demo',
          run: () => void setFault(id, !on),
        };
      }),
    ];
  }, [demo, start, stop, setFault]);

  return { status, starting, start, stop, setFault, commands };
}
