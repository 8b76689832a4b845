import { FlaskConical } from 'lucide-react';
import { Popover } from 'radix-ui';
import { Button } from '../../ui/button.tsx';
import { ProblemView } from '../../ui/problem-view.tsx';
import { faults, useDemo } from './use-demo.ts';
import './demo.css';

/** Switches that break the demo deployment for practice. */
export function DemoControl() {
  const { status, starting, start, stop, setFault } = useDemo();
  const demo = status.data;
  const broken = demo?.faults.length ?? 0;
  return (
    <Popover.Root>
      <Popover.Trigger asChild>
        <Button icon={FlaskConical}>{broken === 0 ? 'Practice' : `Practice (${broken} on)`}</Button>
      </Popover.Trigger>
      <Popover.Portal>
        <Popover.Content className="menu demo-panel" align="end" sideOffset={4} collisionPadding={8} aria-label="Demo faults">
          <h2>Break the demo</h2>
          <p className="muted">A real service in a scratch folder on this machine. Break it, see what the console says, mend it.</p>
          {status.problem !== undefined && <ProblemView problem={status.problem} />}
          <ul className="demo-faults">
            {faults.map(({ id, title, effect }) => {
              const on = demo?.faults.includes(id) ?? false;
              return (
                <li key={id}>
                  <div className="grow">
                    <div id={`fault-${id}`}>{title}</div>
                    <div className="faint">{effect}</div>
                  </div>
                  <button
                    type="button"
                    role="switch"
                    className="switch"
                    aria-checked={on}
                    aria-labelledby={`fault-${id}`}
                    disabled={demo?.state !== 'running'}
                    onClick={() => void setFault(id, !on)}
                  >
                    <span />
                  </button>
                </li>
              );
            })}
          </ul>
          <div className="row">
            <span className="muted grow break">{demo?.detail}</span>
            {demo?.state === 'running' ? (
              <Button small onClick={() => void stop()}>
                Stop the demo
              </Button>
            ) : (
              <Button small busy={starting} onClick={() => void start()}>
                Start the demo
              </Button>
            )}
          </div>
        </Popover.Content>
      </Popover.Portal>
    </Popover.Root>
  );
}
