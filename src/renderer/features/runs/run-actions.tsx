import { CirclePause, CircleStop, Play, ScanSearch, Undo2 } from 'lucide-react';
import { useMemo, useState } from 'react';
import type { Run, RunAllowed } from '../../../contract/runs.ts';
import type { Command } from '../../app/commands.ts';
import { useCommands } from '../../app/commands.ts';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { TypedName } from './confirm-fields.tsx';
import type { RunView } from './use-run.ts';

const explained: Readonly<Record<RunAllowed, string>> = {
  probe: 'Looks on the host how the step really ended. Reads only.',
  resume: 'Probes first, then goes on from the first step that is not done.',
  revert: 'Takes back the completed steps, the last one first.',
  pause: 'Stops before the next step and keeps the host for this run, so that it can go on. The step that runs is never killed.',
  cancel: 'Stops before the next step and gives the host back. The step that runs is never killed.',
};

const order: readonly RunAllowed[] = ['probe', 'resume', 'revert', 'pause', 'cancel'];
const icons = { probe: ScanSearch, resume: Play, revert: Undo2, pause: CirclePause, cancel: CircleStop } as const;
const titles: Readonly<Record<RunAllowed, string>> = {
  probe: 'Probe',
  resume: 'Resume',
  revert: 'Revert',
  pause: 'Pause',
  cancel: 'Cancel run',
};

function ConfirmAct({ what, run, view, onClose }: { what: 'resume' | 'revert'; run: Run; view: RunView; onClose: () => void }) {
  const [typed, setTyped] = useState('');
  const { plan } = run;
  const asked = plan.requiresTypedName || plan.tier === 'production';
  const go = async (): Promise<void> => {
    await view.act(what, asked ? typed : undefined);
    onClose();
  };
  return (
    <Dialog
      onClose={onClose}
      size="small"
      title={`${titles[what]} this run?`}
      description={explained[what]}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            type="submit"
            form="confirm-act"
            tone={what === 'revert' ? 'danger' : 'primary'}
            busy={view.busy === what}
            disabled={asked && typed !== plan.environmentName}
          >
            {what === 'revert' ? 'Revert run' : 'Resume run'}
          </Button>
        </>
      }
    >
      <form
        id="confirm-act"
        className="stack stack-3"
        onSubmit={(event) => {
          event.preventDefault();
          if (!asked || typed === plan.environmentName) void go();
        }}
      >
        <p>
          {plan.title} on <strong>{plan.environmentName}</strong>
        </p>
        {asked && <TypedName name={plan.environmentName} value={typed} onValue={setTyped} autoFocus />}
      </form>
    </Dialog>
  );
}

/** What can be done with a run now, and nothing else. */
export function RunActions({ run, view }: { run: Run; view: RunView }) {
  const [asking, setAsking] = useState<'resume' | 'revert'>();
  const { allowed } = run;
  const { act, busy } = view;
  const offered = order.filter((what) => allowed.includes(what));
  const commands = useMemo(
    () =>
      order
        .filter((what) => allowed.includes(what) && busy === undefined)
        .map(
          (what): Command => ({
            id: `run-${what}`,
            title: `${titles[what]}: this run`,
            note: explained[what],
            group: 'Here',
            run: () => (what === 'resume' || what === 'revert' ? setAsking(what) : void act(what)),
          }),
        ),
    [allowed, busy, act],
  );
  useCommands(commands);
  const unsure = run.state === 'unknown' || run.state === 'interrupted';
  if (offered.length === 0) return null;
  return (
    <>
      {offered.map((what) => (
        <Button
          key={what}
          icon={icons[what]}
          title={explained[what]}
          tone={unsure && what === 'probe' ? 'primary' : 'plain'}
          busy={busy === what}
          disabled={busy !== undefined}
          onClick={() => (what === 'resume' || what === 'revert' ? setAsking(what) : void act(what))}
        >
          {titles[what]}
        </Button>
      ))}
      {asking !== undefined && <ConfirmAct what={asking} run={run} view={view} onClose={() => setAsking(undefined)} />}
    </>
  );
}
