import { CircleCheck, CircleHelp, CircleX, TriangleAlert } from 'lucide-react';
import type { Preflight, PreflightItem } from '../../../contract/runs.ts';
import type { Look } from '../../ui/marks.tsx';
import { Mark } from '../../ui/marks.tsx';
import { Ago } from '../../ui/time.tsx';

const verdicts: Readonly<Record<PreflightItem['verdict'], Look>> = {
  pass: { word: 'Pass', tone: 'ok', icon: CircleCheck },
  warn: { word: 'Look at this', tone: 'warn', icon: TriangleAlert },
  block: { word: 'Stops the run', tone: 'bad', icon: CircleX },
  unknown: { word: 'Not known, stops the run', tone: 'unsure', icon: CircleHelp },
};

/** Whether the plan can be carried out, check by check. */
export function PreflightView({ preflight }: { preflight: Preflight }) {
  return (
    <div className="stack stack-3">
      <ul className="checks" aria-label="Preflight checks">
        {preflight.items.map((item) => (
          <li key={item.id} className={`check-${item.verdict}`}>
            <Mark look={verdicts[item.verdict]} />
            <strong>{item.title}</strong>
            <span className="muted break">{item.detail}</span>
          </li>
        ))}
      </ul>
      <p className="faint">
        Checked <Ago at={preflight.at} />, reading only.
      </p>
    </div>
  );
}
