import type { AlertView, HealthState, ProbeView } from '../../contract/health.ts';

const trim = (text: string): string => text.replace(/[.\s]+$/, '');

/**
 * One state and one sentence for an environment. The worst of what is settled counts; a critical alert makes it unhealthy, a
 * warning degraded. Nothing observed is `unobserved`, whatever was seen before.
 */
export function overallOf(probes: readonly ProbeView[], alerts: readonly AlertView[]): { overall: HealthState; summary: string } {
  if (probes.length === 0) return { overall: 'unknown', summary: 'This stack has no probes.' };
  const firing = alerts.filter(({ state }) => state === 'firing');
  const inState = (state: HealthState): ProbeView[] => probes.filter((probe) => probe.state === state);
  const [bad, slow, blind, unseen] = [inState('unhealthy'), inState('degraded'), inState('unobserved'), inState('unknown')];
  const critical = firing.filter(({ severity }) => severity === 'critical');
  const warning = firing.filter(({ severity }) => severity === 'warning');

  const because = (list: readonly { title: string; words: string }[], word: string): string => {
    const first = list[0];
    if (first === undefined) return '';
    return `${first.title}${word === '' ? '' : ` is ${word}`}: ${trim(first.words)}${list.length > 1 ? `; and ${list.length - 1} more` : ''}.`;
  };
  const ofProbes = (list: readonly ProbeView[]) => list.map(({ title, summary }) => ({ title, words: summary }));
  const ofAlerts = (list: readonly AlertView[]) => list.map(({ title, detail }) => ({ title, words: detail }));

  if (bad.length > 0) return { overall: 'unhealthy', summary: because(ofProbes(bad), 'unhealthy') };
  if (critical.length > 0) return { overall: 'unhealthy', summary: because(ofAlerts(critical), '') };
  if (slow.length > 0) return { overall: 'degraded', summary: because(ofProbes(slow), 'degraded') };
  if (warning.length > 0) return { overall: 'degraded', summary: because(ofAlerts(warning), '') };
  if (blind.length === probes.length) return { overall: 'unobserved', summary: `Not observed: ${trim(blind[0]?.summary ?? '')}.` };
  if (blind.length > 0) return { overall: 'unobserved', summary: because(ofProbes(blind), 'not observed') };
  if (unseen.length === probes.length) return { overall: 'unknown', summary: 'Nothing was looked at yet.' };
  if (unseen.length > 0) return { overall: 'unknown', summary: `${unseen.length} of ${probes.length} probes were not looked at yet.` };
  return {
    overall: 'healthy',
    summary: probes.length === 1 ? `${probes[0]?.title} is healthy.` : `All ${probes.length} probes are healthy.`,
  };
}
