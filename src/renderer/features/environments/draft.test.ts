import { describe, expect, it } from 'vitest';
import type { StackInfo } from '../../../contract/stacks.ts';
import type { EnvironmentFormState } from './draft.ts';
import { emptyForm, formOf, hostProblems, readForm } from './draft.ts';

const stack: StackInfo = {
  id: 'friendlyface',
  title: '',
  description: '',
  source: 'shipped',
  inputs: [
    { name: 'base_url', title: 'Base URL', type: 'url', required: true, default: 'http://127.0.0.1:3849' },
    { name: 'backup_dir', title: 'Backup folder', type: 'path', required: true },
  ],
  secrets: [],
  features: { probes: true, logs: true, backups: true },
};

const whole = (): EnvironmentFormState => {
  const form = emptyForm('friendlyface', 'eu');
  return { ...form, target: { ...form.target, host: 'a.example', user: 'deploy' }, inputs: { backup_dir: '/srv/b', gone: 'x' } };
};

describe('the environment form', () => {
  it('gives a draft with only the inputs the stack knows', () => {
    const { draft, problems } = readForm(whole(), stack);
    expect(problems).toEqual({});
    expect(draft).toMatchObject({ name: 'eu', ssh: { target: { host: 'a.example', port: 22 } }, inputs: { backup_dir: '/srv/b' } });
    expect(draft === undefined ? undefined : readForm(formOf(draft), stack).draft).toEqual(draft);
  });

  it.each<[string, (form: EnvironmentFormState) => EnvironmentFormState, string]>([
    ['a name', (form) => ({ ...form, name: ' ' }), 'name'],
    ['a host', (form) => ({ ...form, target: { ...form.target, host: '-oProxyCommand=x' } }), 'ssh.target.host'],
    ['a port', (form) => ({ ...form, target: { ...form.target, port: '22x' } }), 'ssh.target.port'],
    ['a user', (form) => ({ ...form, target: { ...form.target, user: '' } }), 'ssh.target.user'],
    ['a key file', (form) => ({ ...form, target: { ...form.target, auth: [{ kind: 'key', path: '' }] } }), 'ssh.target.auth.0.path'],
    ['a jump host', (form) => ({ ...form, jumps: [{ ...form.target, host: '' }] }), 'ssh.jumps.0.host'],
    ['an input without a default', (form) => ({ ...form, inputs: {} }), 'inputs.backup_dir'],
  ])('asks for %s where it stands', (_what, change, path) => {
    const { draft, problems } = readForm(change(whole()), stack);
    expect(draft).toBeUndefined();
    expect(Object.keys(problems)).toEqual([path]);
  });

  it('finds the fields that the host named', () => {
    const detail = { issues: [{ path: 'draft.name', reason: 'taken' }, { path: 'name', reason: 'second' }, 'noise'] };
    expect(hostProblems({ code: 'bad-input', message: '', retryable: false, detail })).toEqual({ name: 'second' });
    expect(hostProblems(undefined)).toEqual({});
  });
});
