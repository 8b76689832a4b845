import { useCallback, useEffect, useState } from 'react';
import type { ProblemData } from '../../../contract/problem.ts';
import type { Run, RunAllowed } from '../../../contract/runs.ts';
import { problemOf } from '../../app/problem.ts';
import { useServices } from '../../app/services.tsx';

export interface RunView {
  readonly run: Run | undefined;
  readonly problem: ProblemData | undefined;
  /** The call under way, by its name. */
  readonly busy: RunAllowed | undefined;
  act(what: RunAllowed, typedName?: string): Promise<boolean>;
  retry(): void;
}

/** One run as the engine tells it, for as long as the calling component is on the screen. */
export function useRun(environmentId: string, runId: string): RunView {
  const { host, client, stores } = useServices();
  const [run, setRun] = useState<Run>();
  const [problem, setProblem] = useState<ProblemData>();
  const [busy, setBusy] = useState<RunView['busy']>();
  // A new round opens the stream again: after an action, and after a failure that was tried again by hand.
  const [round, setRound] = useState(0);

  // biome-ignore lint/correctness/useExhaustiveDependencies: `round` is there to open the stream again
  useEffect(() => {
    const end = new AbortController();
    let over = false;
    host.subscribe(
      (signal) => client.runs.watch({ runId }, { signal }),
      (next) => {
        setProblem(undefined);
        setRun(next);
      },
      {
        signal: end.signal,
        onProblem: (failed) => setProblem(failed.data),
        onEnd: () => {
          over = true;
          void stores.runs(environmentId).refresh();
        },
      },
    );
    // Taken up again by another window or the command line: the journal tells, and the stream is opened again.
    const stop = stores.pulse.listen((entry) => {
      if (over && entry.runId === runId) setRound((before) => before + 1);
    });
    return () => {
      stop();
      end.abort();
    };
  }, [host, client, stores, environmentId, runId, round]);

  const act = useCallback(
    async (what: RunAllowed, typedName?: string): Promise<boolean> => {
      setBusy(what);
      setProblem(undefined);
      try {
        const name = typedName === undefined ? {} : { typedName };
        if (what === 'probe' || what === 'pause' || what === 'cancel') setRun(await client.runs[what]({ runId }));
        else setRun(await client.runs[what]({ runId, ...name }));
        setRound((before) => before + 1);
        return true;
      } catch (error) {
        setProblem(problemOf(error));
        return false;
      } finally {
        setBusy(undefined);
      }
    },
    [client, runId],
  );

  return { run, problem, busy, act, retry: () => setRound((before) => before + 1) };
}
