import type { AlertView } from '../../../contract/health.ts';
import type { Look } from '../../ui/marks.tsx';
import { alertLooks, Mark } from '../../ui/marks.tsx';
import { Ago } from '../../ui/time.tsx';

const order = { firing: 0, unobserved: 1, unknown: 2, ok: 3 } as const;
const severities = { critical: 'Critical', warning: 'Warning', info: 'Info' } as const;

/** A firing rule is as loud as its severity. */
function lookOf({ state, severity }: AlertView): Look {
  const look = alertLooks[state];
  if (state !== 'firing') return look;
  return {
    ...look,
    word: `${severities[severity]}, firing`,
    tone: severity === 'critical' ? 'bad' : severity === 'warning' ? 'warn' : 'busy',
  };
}

/** The firing rules alone, where the eye is first. */
export function FiringAlerts({ alerts }: { alerts: readonly AlertView[] }) {
  const firing = alerts.filter(({ state }) => state === 'firing');
  if (firing.length === 0) return null;
  return (
    <ul className="firing" aria-label="Firing alerts">
      {firing.map((alert) => (
        <li key={alert.id}>
          <Mark look={lookOf(alert)} />
          <strong>{alert.title}</strong>
          <span className="muted truncate grow" title={alert.detail}>
            {alert.detail}
          </span>
          <span className="faint nowrap">
            <Ago at={alert.since} />
          </span>
        </li>
      ))}
    </ul>
  );
}

/** The rules over what was seen, the firing ones first. */
export function AlertList({ alerts }: { alerts: readonly AlertView[] }) {
  const sorted = [...alerts].sort((a, b) => order[a.state] - order[b.state]);
  const firing = alerts.filter(({ state }) => state === 'firing').length;
  return (
    <section className="card" aria-labelledby="alerts-title">
      <header className="card-head">
        <h2 id="alerts-title" className="grow">
          Alerts
        </h2>
        <span className={firing > 0 ? 'tag tag-bad' : 'faint'}>{firing > 0 ? `${firing} firing` : 'none firing'}</span>
      </header>
      {alerts.length === 0 && <p className="card-body muted">This stack has no alert rules.</p>}
      <ul className="alerts">
        {sorted.map((alert) => (
          <li key={alert.id}>
            <div className="row">
              <span className="grow break">{alert.title}</span>
              <Mark look={lookOf(alert)} />
            </div>
            {(alert.state !== 'ok' || alert.detail !== '') && (
              <p className="muted break">
                {alert.detail}
                {alert.state === 'firing' && (
                  <>
                    {' '}
                    Since <Ago at={alert.since} />.
                  </>
                )}
              </p>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
