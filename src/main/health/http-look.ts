import type { ProblemData } from '../../contract/problem.ts';
import { Problem } from '../../contract/problem.ts';
import type { HttpAnswer, HttpClient } from '../drivers/http/types.ts';
import { cleanText } from '../drivers/text.ts';
import type { ProbeDefinition } from '../stacks/schema.ts';
import { broken, factsOf, valueAt } from './expectations.ts';
import { parseMetrics } from './prometheus.ts';
import type { Look } from './types.ts';

/** The laptop's side is at fault: nothing is said about the deployment. */
const OWN_FAULT = new Set<ProblemData['code']>([
  'not-connected',
  'ssh-unreachable',
  'ssh-timeout',
  'ssh-connection-lost',
  'ssh-auth-failed',
  'ssh-auth-needed',
  'ssh-protocol-error',
  'cancelled',
  'host-key-unknown',
  'host-key-changed',
  'host-key-revoked',
  'host-key-unsupported',
  'key-file-unreadable',
  'keychain-locked',
  'keychain-unavailable',
  'secret-missing',
  'internal-error',
  'bad-input',
]);

/** A look that could not be taken. */
export function unobserved(words: string): Look {
  return { state: 'unobserved', words, facts: {} };
}

/** What a problem during a look says about the deployment. */
export function lookOfProblem(problem: ProblemData): Look {
  // A port that refuses was seen to refuse; a server that forbids forwarding lets nothing be seen.
  const refused = problem.code === 'ssh-channel-refused';
  if (OWN_FAULT.has(problem.code) || (refused && !problem.retryable)) return unobserved(problem.message);
  return { state: 'unhealthy', words: problem.message, facts: {}, ...(refused ? {} : { doubtful: true }) };
}

/** The same for anything thrown. */
export function lookOfError(error: unknown): Look {
  if (error instanceof Problem) return lookOfProblem(error.data);
  return unobserved(
    `the look failed inside Quarterdeck: ${cleanText(error instanceof Error ? error.message : String(error), { maxLength: 300 })}`,
  );
}

function bodyWords(answer: HttpAnswer): string {
  const type = cleanText((answer.headers['content-type'] ?? '').split(';')[0] ?? '', { maxLength: 60 }).trim();
  const text = cleanText(answer.body.subarray(0, 2000).toString('utf8'), { maxLength: 160 }).trim();
  return `${type === '' ? '' : ` ${type}`}${text === '' ? '' : `: ${text}`}`;
}

/** An answer with a status that is not wanted, in words. */
function statusWords(answer: HttpAnswer, url: string, withSecret: boolean): string {
  const { status } = answer;
  if (status >= 300 && status < 400 && answer.headers['location'] !== undefined) {
    const to = URL.parse(answer.headers['location'], url);
    const place = to === null ? 'an unreadable address' : cleanText(`${to.protocol}//${to.host}${to.pathname}`, { maxLength: 200 });
    const why = to?.protocol === 'https:' && url.startsWith('http:') ? ' (the service wants HTTPS)' : '';
    return `answered ${status}: redirects to ${place} — not followed; this is not healthy${why}`;
  }
  if (status === 401 || status === 403)
    return `answered ${status}: ${withSecret ? 'the key was refused' : 'it needs a key'}${bodyWords(answer)}`;
  if (status === 429) return `answered 429: too many requests${bodyWords(answer)}`;
  return `answered ${status}${bodyWords(answer)}`;
}

function header(kind: NonNullable<ProbeDefinition['http']>['header'], secret: string): Record<string, string> {
  return kind === 'Authorization-Bearer' ? { Authorization: `Bearer ${secret}` } : { [kind]: secret };
}

const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8')) as unknown;
  } catch {
    return undefined;
  }
};

/** Takes one look over HTTP, at a page or at metrics. Never throws. */
export async function lookOverHttp(options: {
  probe: ProbeDefinition;
  baseUrl: string;
  http: HttpClient;
  secret: (key: string) => Promise<string | undefined>;
  signal: AbortSignal;
}): Promise<Look> {
  const { probe, baseUrl, signal } = options;
  const wanted = probe.http;
  try {
    if (baseUrl === '') return unobserved('the base URL of this environment is not set');
    const secret = wanted?.secret === undefined ? undefined : await options.secret(wanted.secret);
    if (wanted?.secret !== undefined && secret === undefined)
      return unobserved(`the secret ${wanted.secret} is not set, so this can't be asked`);
    const url = `${baseUrl.replace(/\/+$/, '')}${wanted?.path ?? '/metrics'}`;
    const answer = await options.http.request({
      method: 'GET',
      url,
      headers: {
        Accept: probe.kind === 'metrics' ? 'text/plain' : 'application/json, */*;q=0.5',
        ...(secret === undefined ? {} : header(wanted?.header ?? 'X-API-Key', secret)),
      },
      timeoutMs: probe.timeout,
      maxBytes: 4 * 1024 * 1024,
      signal,
    });
    if (answer.outcome !== 'done') return lookOfProblem(answer.problem);
    return judge(probe, answer, url, secret !== undefined);
  } catch (error) {
    return lookOfError(error);
  }
}

function judge(probe: ProbeDefinition, answer: HttpAnswer, url: string, withSecret: boolean): Look {
  const wanted = probe.http;
  const { latencyMs } = answer;
  const rightStatus = (wanted?.status ?? [200]).includes(answer.status);
  if (probe.kind === 'metrics') {
    const words = statusWords(answer, url, withSecret);
    if (!rightStatus) return { state: 'unhealthy', latencyMs, words, facts: {} };
    const { samples } = parseMetrics(answer.body.toString('utf8'));
    if (samples.length === 0) return { state: 'unhealthy', latencyMs, words: 'answered, but with no metrics in it', facts: {} };
    return { state: 'healthy', latencyMs, words: `${samples.length} series in ${milliseconds(latencyMs)}`, facts: {}, metrics: samples };
  }
  const needsJson = (wanted?.json.length ?? 0) > 0;
  const json =
    needsJson || Object.keys(wanted?.facts ?? {}).length > 0 || /json/i.test(answer.headers['content-type'] ?? '')
      ? parseJson(answer.body)
      : undefined;
  const facts = json === undefined ? {} : factsOf(json, wanted?.facts ?? {});
  const seen = { latencyMs, facts, ...(json === undefined ? {} : { json }) };
  const wrongs = json === undefined ? [] : (wanted?.json ?? []).flatMap((expectation) => broken(expectation, json) ?? []);
  if (!rightStatus) {
    // Of another kind of body the assertions only say that it is another kind.
    const known = (wanted?.json ?? []).some(({ path }) => valueAt(json, path) !== undefined);
    const words = known && wrongs.length > 0 ? `answered ${answer.status}; ${wrongs.join('; ')}` : statusWords(answer, url, withSecret);
    return { ...seen, state: 'unhealthy', words };
  }
  if (needsJson && json === undefined)
    return { ...seen, state: 'unhealthy', words: `answered ${answer.status}, but not with JSON${bodyWords(answer)}` };
  if (wrongs.length > 0) return { ...seen, state: 'unhealthy', words: wrongs.join('; ') };
  const limit = wanted?.degraded_above;
  if (limit !== undefined && latencyMs > limit)
    return { ...seen, state: 'degraded', words: `slow: answered ${answer.status} in ${milliseconds(latencyMs)}, more than ${limit} ms` };
  return { ...seen, state: 'healthy', words: `answered ${answer.status} in ${milliseconds(latencyMs)}` };
}

const milliseconds = (value: number): string => `${value < 10 ? value.toFixed(1) : Math.round(value)} ms`;
