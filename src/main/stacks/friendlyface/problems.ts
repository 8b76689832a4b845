import type { z } from 'zod';
import type { ProblemData } from '../../../contract/problem.ts';
import { Problem } from '../../../contract/problem.ts';
import type { HttpAnswer } from '../../drivers/http/types.ts';
import { plainLine } from '../../engine/words.ts';
import type { VerifyAnswer } from './answers.ts';

/** The service's own words for a refusal: `detail`, `message` or `error` of its JSON, else the beginning of the text. */
function serviceWords(answer: Pick<HttpAnswer, 'body' | 'headers'>): string {
  const text = answer.body.subarray(0, 20_000).toString('utf8');
  try {
    const body = JSON.parse(text) as Record<string, unknown> | null;
    for (const name of ['detail', 'message', 'error']) {
      const value = body?.[name];
      if (typeof value === 'string' && value !== '') return plainLine(value, 300);
      if (Array.isArray(value)) return plainLine(JSON.stringify(value), 300);
    }
  } catch {
    // Not JSON: the text itself is what there is.
  }
  return plainLine(text, 200).trim();
}

/** Seconds of a `Retry-After`; undefined for a date or nonsense. */
function retryAfter(headers: Readonly<Record<string, string>>): number | undefined {
  const value = headers['retry-after'];
  return value !== undefined && /^\d{1,6}$/.test(value.trim()) ? Number(value.trim()) : undefined;
}

/** An answer whose status is not the wanted one, as a problem a person can act on. */
export function refusal(where: string, answer: HttpAnswer, withKey: boolean): ProblemData {
  const said = serviceWords(answer);
  const quoted = said === '' ? '' : `: ${said}`;
  const { status } = answer;
  const detail = { status };
  if (status === 401 || status === 403) {
    const role = /role/i.test(said);
    const message = !withKey
      ? `${where} needs an API key`
      : role
        ? `${where}: the API key does not have the role for this`
        : `${where}: the API key was refused`;
    const hint = role ? 'Use a key with the admin role.' : 'Set the right API key for this environment.';
    return new Problem('http-unauthorised', `${message} (${status}${quoted}).`, { hint, detail }).data;
  }
  if (status === 429) {
    const seconds = retryAfter(answer.headers);
    return new Problem('http-rate-limited', `${where}: too many requests (429${quoted}).`, {
      retryable: true,
      hint: seconds === undefined ? 'Wait a minute before the next try.' : `The service asks to wait ${seconds} seconds.`,
      detail: { status, ...(seconds === undefined ? {} : { retryAfterSeconds: seconds }) },
    }).data;
  }
  if (status >= 300 && status < 400) {
    const to = plainLine(answer.headers['location'] ?? 'nowhere', 300);
    return new Problem('http-unexpected', `${where} redirects to ${to} (${status}). Redirects are not followed.`, {
      hint: 'Correct the base URL of this environment.',
      detail,
    }).data;
  }
  return new Problem('http-unexpected', `${where} answered ${status}${quoted}.`, { retryable: status >= 500, detail }).data;
}

/** A whole answer with a body of another shape than this service's. */
export function unexpectedShape(where: string, answer: HttpAnswer, error: z.ZodError): ProblemData {
  const issue = error.issues[0];
  const place = issue === undefined || issue.path.length === 0 ? 'the body' : `"${plainLine(issue.path.join('.'), 80)}"`;
  const type = plainLine(answer.headers['content-type'] ?? 'no content type', 80);
  return new Problem('http-unexpected', `${where} answered ${answer.status} with ${type}, but ${place} is not what FriendlyFace answers.`, {
    hint: 'Is the base URL that of a FriendlyFace service, of a version this console knows?',
    detail: { status: answer.status },
  }).data;
}

/** Why the deployment does not find a backup valid, in its own words. */
export function whyInvalid({ error, integrity_result: result }: Extract<VerifyAnswer, { valid: false }>): string {
  return plainLine(error ?? result ?? 'no reason given', 300);
}
